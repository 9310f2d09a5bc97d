import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openRecord } from '../../src/record/record.ts';
import { claimed, holder, SHORT_TERMS } from '../support/lease.ts';

const JITI = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../support/suspended-holder.ts', import.meta.url));

test('a process that was suspended and wakes after its lease ran out writes nothing more', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-suspended-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const child = spawn(process.execPath, [JITI, PROGRAM, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
  const ended = new Promise((resolve) => lines.once('close', resolve));
  await expect.poll(() => said.length, { timeout: 30_000 }).toBeGreaterThan(3);
  child.kill('SIGSTOP');

  const record = openRecord({ directory, stack: 'shop' });
  const told: string[] = [];
  const held = await claimed(record, holder({ holder: 'ann' }), {
    isAlive: () => true,
    timeoutMs: 60_000,
    terms: SHORT_TERMS,
    tell: (text) => told.push(text),
  });
  expect(told.join()).toContain('the lease is held by tester');
  const journal = join(directory, 'shop', 'journal.jsonl');
  const before = await readFile(journal, 'utf8');
  expect(before).toContain('"type":"fence","at":');
  child.kill('SIGCONT');
  await ended;
  expect(said.at(-1)).toBe('lease-lost');
  expect(await readFile(journal, 'utf8')).toBe(before);
  expect(await record.holder()).toMatchObject({ holder: 'ann' });
  await held.release();
});
