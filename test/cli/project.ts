import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Told once it runs, with how to kill it as `kill -9` does. */
  readonly onStart?: (kill: () => void) => void;
  /** The program; the one of this repository unless said. */
  readonly bin?: string;
}

/** Runs the real program and waits for it. Nothing is a terminal. */
export async function keyturn(args: readonly string[], options: RunOptions): Promise<Ran> {
  const bin = options.bin ?? join(REPOSITORY, 'bin', 'keyturn.js');
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  options.onStart?.(() => child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.end(options.stdin ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, out, err };
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** One service that mounts a key of ours and a token that a person brings. */
export const SHOP = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(),
    });
    const token = new Secret(this, 'token', { vault, source: Source.manual(), cadence: Cadence.onRequest() });
    new SwarmService(this, 'web', {
      swarm, service: 'shop_web', mounts: [key.at('key'), token.at('token')],
      probe: Probe.none(), settle: Duration.seconds(0),
    });`;

/** A project in a folder of its own, linked to this repository; `body` is its stack's constructor. */
export async function project(body = SHOP): Promise<string> {
  const folder = await temporaryFolder();
  const main = `import { App, AzurermBackend, S3Backend, TerraformStack } from 'cdktf';
import { Cadence, Duration, Effect, KeyVault, Probe, Revoke, Secret, Source, Swarm, SwarmService } from '${REPOSITORY}/src/declare/declare.ts';
class Shop extends TerraformStack {
  constructor(scope, id) {
    super(scope, id);
    ${body}
  }
}
const app = new App();
new Shop(app, 'shop');
app.synth();
`;
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  await put(
    join(folder, 'cdktf.json'),
    '{"language":"typescript","app":"node node_modules/jiti/lib/jiti-cli.mjs main.ts"}',
  );
  await put(join(folder, 'main.ts'), main);
  return folder;
}

export async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
