/** What `keyturn init` writes: a project that synthesizes as it is. The texts are the user's from then on. */
export interface ScaffoldFile {
  readonly path: string;
  readonly text: string;
}

/** The app's command names jiti by its file, so that it starts the same on every system and without a shell's PATH. */
const CDKTF_JSON = `{
  "language": "typescript",
  "app": "node node_modules/jiti/lib/jiti-cli.mjs main.ts",
  "sendCrashReports": "false"
}
`;

const MAIN_TS = `import { App } from 'cdktf';
import { ExampleStack } from './stacks/example.ts';

const app = new App();
new ExampleStack(app, 'example');
app.synth();
`;

const EXAMPLE_TS = `import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { Cadence, Duration, KeyVault, Probe, Secret, Source, Swarm, SwarmService } from 'keyturn';

/** Two secrets of one service: a key that keyturn makes, and one that a person brings. */
export class ExampleStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // Its name is unique in all of Azure: change it.
    const vault = new KeyVault(this, 'vault', { name: 'example-secrets' });
    // DOCKER_HOST or the local engine, unless \`endpoint\` says otherwise: 'ssh://deploy@manager-1'.
    const swarm = new Swarm(this, 'swarm');

    const sessionKey = new Secret(this, 'session-key', {
      vault,
      owner: 'platform',
      source: Source.random({ bytes: 32, encoding: 'base64url' }),
      cadence: Cadence.quarterly({ on: 'first monday', at: '03:00', timeZone: 'Europe/Berlin' }),
      soak: Duration.hours(72),
    });
    const paymentKey = new Secret(this, 'payment-key', {
      vault,
      owner: 'payments',
      source: Source.manual({ instructions: 'make a new key on the provider’s dashboard' }),
      cadence: Cadence.onRequest(),
      soak: Duration.hours(72),
    });

    new SwarmService(this, 'web', {
      swarm,
      service: 'example_web',
      mounts: [sessionKey.at('session_key'), paymentKey.at('payment_key')],
      probe: Probe.none(),
    });
  }
}
`;

/** `state` is not ignored: the local record may be committed, it holds no value. */
export const IGNORED = ['node_modules/', 'cdktf.out/', '.keyturn/'] as const;

export const SCAFFOLD: readonly ScaffoldFile[] = [
  { path: 'cdktf.json', text: CDKTF_JSON },
  { path: 'main.ts', text: MAIN_TS },
  { path: 'stacks/example.ts', text: EXAMPLE_TS },
];

/** Keyturn's own manifest, as far as a project that uses it has to know. */
export interface OwnPackage {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The project's package.json: what its stacks import, in the versions that keyturn was tested with. */
export function packageJson(name: string, own: OwnPackage): string {
  const version = (of: string): string => own.dependencies[of] ?? own.devDependencies[of] ?? '*';
  const tested = Object.fromEntries(
    ['@cdktf/provider-azurerm', 'cdktf', 'constructs', 'jiti'].map((dependency) => [
      dependency,
      version(dependency),
    ]),
  );
  const json = {
    name,
    private: true,
    type: 'module',
    scripts: { plan: 'keyturn plan', apply: 'keyturn apply' },
    dependencies: { ...tested, keyturn: `^${own.version}` },
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
