import type { ChildProcess } from 'node:child_process';
import { readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command, Ended } from './child.ts';
import { launch, run, runUntil, stop } from './child.ts';
import { danglingIn, doublesIn, leftoversIn, lookOutside } from './outside.ts';
import type { Outside } from './outside.ts';
import type { Cut, Project, Recovery, Subject, Wreck } from './subject.ts';
import { phaseOf } from './subject.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const SECRETS_A_SERVICE = 5;

/** How many entries the record has for so many secrets: each service is one too. */
export function objectsFor(secrets: number): number {
  return secrets + Math.ceil(secrets / SECRETS_A_SERVICE);
}

/**
 * keyturn against the embedded vault and swarm, which another process serves, so that they outlive what is killed.
 * A change raises the generation of every secret; the soak is zero, so that each apply rotates all of them and
 * retires their former versions.
 */
export async function findKeyturn(secrets: number): Promise<Subject> {
  const { out } = await run(commandIn(REPOSITORY, ['--version']));
  return { name: 'keyturn', version: out.trim(), open: (folder) => open(folder, secrets) };
}

const MAIN = (secrets: number): string => `import { readFileSync } from 'node:fs';
import { App, TerraformStack } from 'cdktf';
import { Cadence, Duration, KeyVault, Probe, Secret, Source, Swarm, SwarmService } from '${REPOSITORY}/src/declare/declare.ts';

const generation = Number(readFileSync(new URL('generation.txt', import.meta.url), 'utf8'));

class BenchStack extends TerraformStack {
  constructor(scope, id) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: 'bench-secrets', terraform: false });
    const swarm = new Swarm(this, 'swarm', { name: 'bench' });
    const common = { vault, generation, source: Source.random(), cadence: Cadence.onRequest(), soak: Duration.hours(0) };
    for (let first = 0; first < ${secrets}; first += ${SECRETS_A_SERVICE}) {
      const mounts = [];
      for (let n = first; n < Math.min(first + ${SECRETS_A_SERVICE}, ${secrets}); n += 1) {
        mounts.push(new Secret(this, \`secret-\${n}\`, common).at(\`secret_\${n}\`));
      }
      const service = \`bench_\${first / ${SECRETS_A_SERVICE}}\`;
      new SwarmService(this, service, { swarm, service, mounts, probe: Probe.none(), settle: Duration.seconds(0) });
    }
  }
}

const app = new App();
new BenchStack(app, 'bench');
app.synth();
`;

async function open(folder: string, secrets: number): Promise<Project> {
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  const app = 'node node_modules/jiti/lib/jiti-cli.mjs main.ts';
  await writeFile(join(folder, 'cdktf.json'), JSON.stringify({ language: 'typescript', app }));
  await writeFile(join(folder, 'main.ts'), MAIN(secrets));
  await writeFile(join(folder, 'generation.txt'), '1');
  const server = launch(commandIn(folder, ['sandbox', 'serve', '--format', 'json']));
  try {
    const { vaults, swarms } = await addressesOf(server);
    const look = (): Promise<Outside> => lookOutside(vaults['bench-secrets'] ?? '', swarms['bench'] ?? '');
    const { services } = await look();
    const settings = new Map(services.map(({ name, failureActions }) => [name, failureActions]));
    const project = new KeyturnProject(folder, server, look, settings);
    await project.change();
    await project.applyWhole();
    return project;
  } catch (error) {
    await stop(server);
    throw error;
  }
}

type Addresses = Record<'vaults' | 'swarms', Readonly<Record<string, string>>>;

function addressesOf(server: ChildProcess): Promise<Addresses> {
  return new Promise((resolve, reject) => {
    let out = '';
    server.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const line = /^\{.*"vaults".*\}\n/.exec(out)?.[0];
      if (line !== undefined) resolve(JSON.parse(line) as Addresses);
    });
    // Nobody reads it, but a full pipe would hold the server up.
    server.stderr?.resume();
    server.once('close', (code) => reject(new Error(`keyturn sandbox serve ended with ${code}: ${out}`)));
    server.once('error', reject);
  });
}

function commandIn(cwd: string, args: readonly string[]): Command {
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd, NO_COLOR: '1' };
  return { file: process.execPath, args: [join(REPOSITORY, 'bin', 'keyturn.js'), ...args], cwd, env };
}

const APPLY = ['apply', '--sandbox', '--auto-approve'];
/** Done; and done after an interrupted apply was taken back. */
const DONE = [0, 10];
const LEASE_HELD = 13;

interface StateList {
  readonly stacks: readonly { readonly addresses: readonly string[] }[];
}

interface StateShow {
  readonly recorded: readonly {
    readonly address: string;
    readonly recorded: { readonly current?: number | null };
  }[];
}

class KeyturnProject implements Project {
  readonly #folder: string;
  readonly #server: ChildProcess;
  readonly #look: () => Promise<Outside>;
  readonly #settings: ReadonlyMap<string, string>;
  #generation = 0;
  /** What was on record before the kill. */
  #addresses: readonly string[] = [];

  constructor(
    folder: string,
    server: ChildProcess,
    look: () => Promise<Outside>,
    settings: ReadonlyMap<string, string>,
  ) {
    this.#folder = folder;
    this.#server = server;
    this.#look = look;
    this.#settings = settings;
  }

  async change(): Promise<void> {
    this.#generation += 1;
    await writeFile(join(this.#folder, 'generation.txt'), String(this.#generation));
  }

  async applyWhole(): Promise<number> {
    const { code, err, elapsedMs } = await this.#run(APPLY);
    if (code !== 0 || (await this.#plan()).code !== 0) throw new Error(`keyturn ended with ${code}: ${err}`);
    this.#addresses = (await this.#onRecord()) ?? [];
    return elapsedMs;
  }

  async applyKilled(afterMs: number): Promise<Cut> {
    const path = join(this.#folder, 'events.jsonl');
    await rm(path, { force: true });
    const { code } = await runUntil(commandIn(this.#folder, [...APPLY, '--events', path]), afterMs);
    const events = await readFile(path, 'utf8').catch(() => '');
    const steps = Number(/"type":"apply_start".*"steps":(\d+)/.exec(events)?.[1] ?? 1);
    const done = (events.match(/"type":"step_end"/g)?.length ?? 0) / steps;
    const hasBegun = events.includes('"type":"step_start"');
    return { phase: phaseOf(code, hasBegun), done };
  }

  async examine(): Promise<Wreck> {
    const record = join(this.#folder, '.keyturn', 'sandbox', 'state', 'bench');
    const hasLock = (await readdir(record)).some((name) => name.startsWith('lease'));
    const known = await this.#onRecord();
    const planned = await this.#plan();
    return {
      isUnreadable: known === null || (planned.code !== 0 && planned.code !== 2),
      isEmpty: known?.length === 0,
      lost: this.#addresses.filter((address) => known?.includes(address) !== true).length,
      inBackup: null,
      hasLock,
      problems: danglingIn(await this.#look()),
    };
  }

  async recover(): Promise<Recovery> {
    const started = performance.now();
    const plain = await this.#run(APPLY);
    const hasWorked = DONE.includes(plain.code ?? -1);
    const second = hasWorked ? null : await this.#run(APPLY);
    const further = await this.#plan();
    const hasConverged = further.code === 0;
    const outside = await this.#look();
    const current = await this.#current();
    const problems =
      current === null
        ? ['the record cannot be read, so that nothing outside can be told from a leftover']
        : leftoversIn(outside, current, this.#settings);
    const doubles = doublesIn(outside);
    const isSound = hasConverged && problems.length + doubles.length === 0;
    return {
      needed: neededOf(second?.code, isSound),
      exit: plain.code,
      hasConverged,
      doubles: doubles.length,
      problems,
      elapsedMs: performance.now() - started,
      said: !hasWorked ? plain.err.slice(-600) : hasConverged ? '' : further.out.slice(-600),
    };
  }

  async close(): Promise<void> {
    await stop(this.#server);
  }

  /** Null where the record cannot be read. */
  async #onRecord(): Promise<readonly string[] | null> {
    const { code, out } = await this.#run(['state', 'list', '--sandbox', '--format', 'json']);
    if (code !== 0) return null;
    return (JSON.parse(out) as StateList).stacks.flatMap(({ addresses }) => addresses);
  }

  /** The current ordinal of each secret, by the name that the vault knows; null where the record cannot be read. */
  async #current(): Promise<Map<string, number | null> | null> {
    const { code, out } = await this.#run(['state', 'show', '--sandbox', '--format', 'json']);
    if (code !== 0) return null;
    const secrets = (JSON.parse(out) as StateShow).recorded.filter(({ address }) =>
      address.startsWith('vault:'),
    );
    return new Map(
      secrets.map(({ address, recorded }) => [address.split('/').at(-1) ?? '', recorded.current ?? null]),
    );
  }

  #plan(): Promise<Ended> {
    return this.#run(['plan', '--sandbox', '--detailed-exitcode']);
  }

  #run(args: readonly string[]): Promise<Ended> {
    return run(commandIn(this.#folder, args));
  }
}

/** `second` is the exit code of a second rerun; undefined where the first did it. */
function neededOf(second: number | null | undefined, isSound: boolean): Recovery['needed'] {
  if (second === LEASE_HELD) return 'flag';
  if (!isSound) return 'person';
  return second === undefined ? 'nothing' : 'again';
}
