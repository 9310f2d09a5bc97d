import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { cp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { keyturn, project, REPOSITORY } from '../cli/project.ts';
import { Random } from './random.ts';

const KILLS = 20;
/** Projects side by side, each with a server of its own. */
const PROJECTS = 2;
/** A moment after the journal was begun; the whole of it takes about a second. */
const LATEST_MS = 1_200;

const APPLY = ['apply', '--auto-approve', '--sandbox'];

const STACK = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const given = (id) => new Secret(this, id, {
      vault, source: Source.random({ bytes: 24, encoding: 'hex' }), cadence: Cadence.onRequest(),
      soak: Duration.hours(0),
    });
    const [key, salt] = [given('key'), given('salt')];
    for (const service of ['shop_web', 'shop_jobs'])
      new SwarmService(this, service, {
        swarm, service, mounts: [key.at('key'), salt.at('salt')],
        probe: Probe.none(), settle: Duration.seconds(0),
      });`;

function start(args: readonly string[], cwd: string): ChildProcess {
  return spawn(process.execPath, [join(REPOSITORY, 'bin', 'keyturn.js'), ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir() },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Resolves with its exit code, or null where a signal ended it. */
function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code));
  });
}

/** Resolves once the record holds a journal, or the process has ended without one. */
async function begun(child: ChildProcess, records: string): Promise<void> {
  while (child.exitCode === null) {
    const names = await readdir(records).catch((): string[] => []);
    if (names.includes('journal.jsonl')) return;
    await wait(5);
  }
}

/** A project that is applied once, over servers of its own. */
async function opened(): Promise<{ readonly folder: string; readonly server: ChildProcess }> {
  const folder = await project(STACK);
  const done = await keyturn(['synth'], { cwd: folder });
  expect(done.code, done.err).toBe(0);
  // Every run synthesizes; what that gives is known from here on.
  await cp(join(folder, 'cdktf.out'), join(folder, 'synthesized'), { recursive: true });
  const config = { language: 'typescript', app: 'cp -R synthesized/. "$CDKTF_OUTDIR"' };
  await writeFile(join(folder, 'cdktf.json'), JSON.stringify(config));
  const server = start(['sandbox', 'serve', '--format', 'json'], folder);
  await new Promise((resolve) => server.stdout?.once('data', resolve));
  expect((await keyturn(APPLY, { cwd: folder })).code).toBe(0);
  return { folder, server };
}

/** Kills applies and runs a plain one after each; resolves with how many were hit before their end. */
async function killed(folder: string, times: number, random: Random): Promise<number> {
  const records = join(folder, '.keyturn', 'sandbox', 'state', 'shop');
  let hits = 0;
  for (let kill = 1; kill <= times; kill += 1) {
    const child = start([...APPLY, '--rotate', 'key', '--rotate', 'salt'], folder);
    const exit = ended(child);
    await begun(child, records);
    await wait(random.next() * LATEST_MS);
    child.kill('SIGKILL');
    if ((await exit) === null) hits += 1;
    const next = await keyturn(APPLY, { cwd: folder });
    expect([0, 10], `after kill ${kill}: ${next.out}${next.err}`).toContain(next.code);
    const plan = await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd: folder });
    expect(plan.code, `after kill ${kill}: ${plan.out}${plan.err}`).toBe(0);
    expect((await readdir(records)).filter((name) => /lease|journal/.test(name))).toEqual([]);
  }
  return hits;
}

it(`kill -9 and a plain apply: ${KILLS} times at random moments, and each time nothing is left to do`, async () => {
  const projects = await Promise.all(Array.from({ length: PROJECTS }, () => opened()));
  try {
    const hits = await Promise.all(
      projects.map(({ folder }, index) => killed(folder, KILLS / PROJECTS, new Random(`kills ${index}`))),
    );
    // The others had ended before they were to be killed.
    expect(hits.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(KILLS / 2);
  } finally {
    for (const { server } of projects) server.kill('SIGTERM');
    await Promise.all(projects.map(({ server }) => ended(server)));
  }
}, 600_000);
