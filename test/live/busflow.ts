import { join } from 'node:path';
import { put } from '../cli/project.ts';
import type { Canary } from '../support/canary.ts';
import { sandboxedProject } from '../support/project.ts';
import type { Project, Run } from '../support/project.ts';
import type { Source } from './checked-source.ts';
import type { Lab } from './swarm-lab.ts';

/** What a person brings values for, and with the last one all that the services read. */
export const MANUAL = [
  'db-writer',
  'db-reader',
  'slack-ops',
  'slack-security',
  'hcloud-token',
  'ubicloud-token',
] as const;
export const SECRETS = [...MANUAL, 'grafana-sso'] as const;

/** Service → secrets that it reads. */
export const READS = {
  api: ['db-writer', 'db-reader'],
  notifier: ['slack-ops', 'slack-security'],
  provisioner: ['hcloud-token', 'ubicloud-token'],
  sso: ['grafana-sso'],
  grafana: ['grafana-sso'],
} as const;

export type ServiceName = keyof typeof READS;
export const SERVICES = Object.keys(READS) as ServiceName[];

/** What a drill is done on: the services on the lab, their project, and what to ask of both past keyturn. */
export interface Busflow {
  readonly project: Project;
  service(name: ServiceName): string;
  /** `keyturn ARGS`, with the value that `word` makes of a secret's name for each of `secrets`. */
  keyturn(
    args: readonly string[],
    secrets?: readonly string[],
    word?: (secret: string) => string,
  ): Promise<Run>;
  /** The copies that the swarm holds, as `db-writer v2`. */
  copies(): Promise<string[]>;
  /** The copies that the spec, the previous spec or a task that is not over names, each once. */
  named(service: ServiceName): Promise<Named>;
  /** The versions that the vault gives out, as `db-writer v2`. */
  enabled(): Promise<string[]>;
}

export interface Named {
  readonly spec: readonly string[];
  readonly previous: readonly string[];
  readonly tasks: readonly string[];
}

interface ContainerOwner {
  readonly ContainerSpec: { readonly Secrets?: readonly { readonly SecretName: string }[] };
}
interface Service {
  readonly Spec: { readonly TaskTemplate: ContainerOwner };
  readonly PreviousSpec?: { readonly TaskTemplate: ContainerOwner };
}
interface Task {
  readonly DesiredState: string;
  readonly Status: { readonly State: string };
  readonly Spec: ContainerOwner;
}

const OVER = ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'];

const SERVICE =
  '--replicas 1 --endpoint-mode dnsrr --update-order start-first --update-monitor 500ms --health-cmd /hc --health-interval 300ms --health-retries 2'.split(
    ' ',
  );

/**
 * The shape of stacks/busflow.ts on the lab, applied by nobody yet: who reads what, what is declared together, what a
 * person brings. Not that stack itself, because it names its services and images for one cluster, and these stand
 * beside those of other tests and have but one image.
 */
export async function openBusflow(lab: Lab, canary: Canary, source: Source): Promise<Busflow> {
  const network = await lab.network();
  await Promise.all(
    SERVICES.map((name) => lab.service(name, [...SERVICE, '--network', network, 'lab/app:1'])),
  );
  await Promise.all(SERVICES.map((name) => lab.running(`${lab.prefix}_${name}`, 1)));
  const project = await sandboxedProject(stackOn(lab, source), lab.endpoint);
  await put(join(project.folder, 'revoke.mjs'), REVOKE);
  const base = (secret: string): string => `${lab.prefix}_${secret}`;
  const short = (copies: readonly string[]): string[] =>
    [...new Set(copies)]
      .filter((copy) => copy.startsWith(`${lab.prefix}_`))
      .map((copy) => copy.slice(base('').length).replace(/_v(\d+)$/, ' v$1'))
      .sort();
  const mounted = ({ ContainerSpec }: ContainerOwner): string[] =>
    (ContainerSpec.Secrets ?? []).map(({ SecretName }) => SecretName);
  return {
    project,
    service: (name) => `${lab.prefix}_${name}`,
    keyturn: (args, secrets = [], word = (secret) => `good-${secret}`) => {
      const variable = (secret: string): string => secret.toUpperCase().replaceAll('-', '_');
      return project.keyturn(
        [
          ...args,
          '--sandbox-outside',
          ...secrets.flatMap((secret) => ['--value', `${secret}=env:${variable(secret)}`]),
        ],
        { env: Object.fromEntries(secrets.map((each) => [variable(each), canary.value(word(each))])) },
      );
    },
    copies: async () => {
      const all = await lab.engine<{ Spec: { Name: string } }[]>('GET', '/secrets');
      return short(all.map(({ Spec }) => Spec.Name));
    },
    named: async (name) => {
      const { Spec, PreviousSpec } = await lab.engine<Service>('GET', `/services/${lab.prefix}_${name}`);
      const tasks = (await lab.tasks(`${lab.prefix}_${name}`)) as unknown as Task[];
      const alive = tasks.filter(({ Status }) => !OVER.includes(Status.State));
      return {
        spec: short(mounted(Spec.TaskTemplate)),
        previous: short(PreviousSpec === undefined ? [] : mounted(PreviousSpec.TaskTemplate)),
        tasks: short(alive.flatMap((task) => mounted(task.Spec))),
      };
    },
    enabled: async () => {
      const found: string[] = [];
      for (const secret of SECRETS) {
        const versions = await project.versions(secret);
        for (const { ordinal, enabled } of versions) if (enabled) found.push(`${secret} v${ordinal ?? '?'}`);
      }
      return found.sort();
    },
  };
}

/** Hands its standard input to the address that it is given, as a provider's own tool would. */
const REVOKE = `
let value = '';
for await (const text of process.stdin) value += text;
const answer = await fetch(process.argv[2], { method: 'DELETE', headers: { authorization: 'Bearer ' + value } });
process.exit(answer.ok ? 0 : 1);
`;

function stackOn(lab: Lab, source: Source): string {
  const person = (name: string, more = ''): string => `
    const ${camel(name)} = new Secret(this, '${name}', {
      ...given, source: Source.manual(), refused: Probe.refused.http({ url: '${source.url}/${name}' }), ${more}
    });`;
  const services = SERVICES.map((name) => {
    const mounts = READS[name].map((secret) => `${camel(secret)}.at('${lab.prefix}_${secret}')`);
    return `
    const ${name} = new SwarmService(this, '${name}', {
      swarm, service: '${lab.prefix}_${name}', mounts: [${mounts.join(', ')}],
      probe: Probe.http({ path: '/healthz', port: 8080, image: 'lab/app:1' }),
      settle: Duration.seconds(1), deadline: Duration.minutes(2), ${name === 'grafana' ? 'dependsOn: [sso],' : ''}
    });`;
  });
  const revoke = JSON.stringify([process.execPath, 'revoke.mjs', `${source.url}/grafana-sso`]);
  return `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'lab' });
    const given = { vault, cadence: Cadence.quarterly({ on: 'first monday', at: '03:00', timeZone: 'UTC' }), soak: Duration.hours(72) };
    ${person('db-writer')}${person('db-reader', 'together: [dbWriter],')}
    ${person('slack-ops')}${person('slack-security')}${person('hcloud-token')}${person('ubicloud-token')}
    const grafanaSso = new Secret(this, 'grafana-sso', {
      ...given, source: Source.random({ bytes: 32, encoding: 'base64url' }),
      revoke: Revoke.command(${revoke}), refused: Probe.refused.http({ url: '${source.url}/grafana-sso' }),
    });
    ${services.join('')}`;
}

function camel(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
