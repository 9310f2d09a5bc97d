import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { CLOCK, Gate, underLease } from '../../src/cli/lease.ts';
import { isAlive } from '../../src/cli/live-process.ts';
import { openTerminal } from '../../src/cli/terminal.ts';
import { NODE_FILES } from '../../src/record/files.ts';
import { recordOn, systemError } from '../support/files.ts';

test('what was done under a lease stands although the lease could not be given back', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-lease-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const record = recordOn(directory, {
    remove: (path) =>
      /lease-\d+\.json$/.test(path) ? Promise.reject(systemError('EIO')) : NODE_FILES.remove(path),
  });
  const actor = { name: 'ann', knownBy: 'os-user', host: 'here', run: null } as const;
  const run = { id: 'a', actor, purpose: 'apply' } as const;
  const terminal = openTerminal({ format: 'json', noColor: true, debug: false, directory });
  const { signal } = new AbortController();
  const claiming = { argv: { lockTimeout: 0 }, run, terminal, signal, gate: new Gate() };
  expect(await underLease(record, claiming, () => Promise.resolve(11))).toBe(11);
});

test('a killed process that its parent has not asked for yet is dead', async () => {
  const parent = spawn('bash', ['-c', 'sleep 0.01 & echo $!; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const pid = await new Promise<number>((resolve) => {
    createInterface({ input: parent.stdout }).once('line', (line) => resolve(Number(line)));
  });
  const stat = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8');
  await expect.poll(stat, { timeout: 10_000 }).toContain(') Z ');
  const started = stat().split(') ')[1]?.split(' ')[19] ?? null;
  expect(isAlive({ pid, started })).toBe(false);
});

test('a lease goes by the time since the machine started, which counts on while it sleeps', () => {
  const before = uptime() * 1000;
  const ticks = CLOCK.ticks();
  expect(ticks).toBeGreaterThanOrEqual(before);
  expect(ticks).toBeLessThanOrEqual(uptime() * 1000);
});
