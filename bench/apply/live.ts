import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keyturn, REPOSITORY } from '../scale/commands.ts';
import { expectDone, writeProject } from '../scale/project.ts';
import { median } from '../scale/rows.ts';
import { updateAtOnce } from './bare.ts';

const run = promisify(execFile);

export interface Live {
  readonly wallMs: number;
  /** From the first flip that was begun to the last verification that ended. */
  readonly flipsMs: number;
  readonly bareMs: number;
  readonly loopMs: number;
}

const MAIN = (prefix: string, count: number): string => `import { readFileSync } from 'node:fs';
import { App, TerraformStack } from 'cdktf';
import { Cadence, Duration, KeyVault, Probe, Secret, Source, Swarm, SwarmService } from '${REPOSITORY}/src/declare/declare.ts';
const generation = Number(readFileSync(new URL('generation.txt', import.meta.url), 'utf8'));
class Bench extends TerraformStack {
  constructor(scope, id) {
    super(scope, id);
    const vault = new KeyVault(this, 'vault', { name: 'bench-secrets', terraform: false });
    const swarm = new Swarm(this, 'swarm', { name: 'live' });
    for (let n = 0; n < ${count}; n += 1) {
      const secret = new Secret(this, '${prefix}-' + n, {
        vault, generation, source: Source.random(), cadence: Cadence.onRequest(), soak: Duration.hours(72),
      });
      new SwarmService(this, '${prefix}_s' + n, {
        swarm, service: '${prefix}_s' + n, mounts: [secret.at('${prefix}_k' + n)], probe: Probe.none(), settle: Duration.seconds(0),
      });
    }
  }
}
const app = new App();
new Bench(app, 'bench');
app.synth();
`;

/** Services of one task are moved in each round by keyturn and by a bare client, and in the first by the runbook. Medians. */
export async function rotateLive(count: number, host: string, rounds: number, built: string): Promise<Live> {
  const all: Live[] = [];
  // A version that soaks keeps the next one from coming: each round has services of its own.
  for (let round = 0; round < rounds; round += 1) all.push(await rotateOnce(count, host, built, round === 0));
  const of = (key: keyof Live): number =>
    median(all.map((each) => each[key]).filter((value) => !Number.isNaN(value)));
  return { wallMs: of('wallMs'), flipsMs: of('flipsMs'), bareMs: of('bareMs'), loopMs: of('loopMs') };
}

/**
 * Services of one task, each with a secret of its own, are moved to a new version: by keyturn, by a bare client and, where
 * that is asked for, by the runbook's loop. All update with what the services declare, start-first and a monitor of 5 s.
 */
async function rotateOnce(count: number, host: string, built: string, isLooped: boolean): Promise<Live> {
  const prefix = `b${randomBytes(3).toString('hex')}`;
  const docker = async (...args: string[]): Promise<string> =>
    (await run('docker', ['-H', host, ...args], { maxBuffer: 64 << 20 })).stdout;
  const names = Array.from({ length: count }, (_, n) => `${prefix}_s${n}`);
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-live-'));
  try {
    await Promise.all(
      names.map((name) =>
        docker(
          'service',
          'create',
          '-d',
          '--name',
          name,
          '--update-order',
          'start-first',
          '--update-monitor',
          '5s',
          '--no-resolve-image',
          'lab/app:1',
        ),
      ),
    );
    await writeProject(folder, MAIN(prefix, count));
    const apply = async (generation: number, ...args: string[]) => {
      await writeFile(join(folder, 'generation.txt'), String(generation));
      const words = ['apply', '--sandbox=vault', '--auto-approve', ...args];
      return expectDone(await keyturn(words, folder, built, { DOCKER_HOST: host }));
    };
    await apply(1);
    const { wallMs, out } = await apply(2, '--format', 'json');
    const flipsMs = flipsIn(out);
    if (!Number.isFinite(flipsMs)) throw new Error('the apply flipped nothing');
    const bareMs = await updateAtOnce(host, names, (name) => `${prefix}_k${name.slice(prefix.length + 2)}`);
    const loopMs = isLooped ? await loop(names, prefix, host, docker) : Number.NaN;
    return { wallMs, flipsMs, bareMs, loopMs };
  } finally {
    await docker('service', 'rm', ...names).catch(() => '');
    const secrets = (await docker('secret', 'ls', '-q', '--filter', `name=${prefix}`))
      .split('\n')
      .filter(Boolean);
    await removed(docker, secrets);
    await rm(folder, { recursive: true, force: true });
  }
}

/** As the runbook has it: a new secret, and an update that is waited for, one service after the other. */
async function loop(
  names: readonly string[],
  prefix: string,
  host: string,
  docker: (...args: string[]) => Promise<string>,
): Promise<number> {
  const began = performance.now();
  for (const name of names) {
    const target = `${prefix}_k${name.slice(prefix.length + 2)}`;
    const [old = ''] = (
      await docker(
        'service',
        'inspect',
        name,
        '--format',
        '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.SecretName}}{{end}}',
      )
    ).split('\n');
    const next = `${target}_by_hand`;
    await run('sh', [
      '-c',
      'head -c 32 /dev/urandom | docker -H "$1" secret create "$2" -',
      'sh',
      host,
      next,
    ]);
    await docker(
      'service',
      'update',
      '--secret-rm',
      old,
      '--secret-add',
      `source=${next},target=${target}`,
      '--quiet',
      name,
    );
  }
  return performance.now() - began;
}

interface Event {
  readonly type: string;
  readonly at: string;
  readonly step: { readonly kind: string };
}

/** Events are dated in whole seconds. */
function flipsIn(out: string): number {
  const lines = out.split('\n').filter(Boolean);
  const events = lines.map((line) => JSON.parse(line) as Event);
  const times = (type: string, kind: string): number[] =>
    events.filter((event) => event.type === type && event.step.kind === kind).map(({ at }) => Date.parse(at));
  return Math.max(...times('step_end', 'verify')) - Math.min(...times('step_start', 'flip'));
}

async function removed(
  docker: (...args: string[]) => Promise<string>,
  secrets: readonly string[],
): Promise<void> {
  for (let left = 50; left > 0 && secrets.length > 0; left -= 1) {
    try {
      await docker('secret', 'rm', ...secrets);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
