import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { PLANTS } from './plants.ts';
import { PROGRAM } from './starter.ts';
import type { Tally } from './tally.ts';

const SEEDS = 300;
/** Within so many seeds each planted bug must be found. */
const PLANT_SEEDS = 100;

/** Runs the program in a process of its own: it puts its own time in the place of everybody's. */
function torture(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out }));
  });
}

describe('torture', () => {
  it(`breaks no invariant in ${SEEDS} seeds`, async () => {
    const { out } = await torture('--seeds', String(SEEDS), '--workers', '2', '--json');
    const line = out.trim().split('\n').at(-1) ?? '';
    const tally = JSON.parse(line) as Tally;
    expect(tally.failures, 'npm run torture -- --seed S shrinks it').toEqual([]);
    expect(tally.seeds).toBe(SEEDS);
  }, 600_000);

  it('happens the same way each time', async () => {
    const [first, second] = await Promise.all([1, 2].map(() => torture('--seed', '8', '--trace')));
    expect(first?.out).toBe(second?.out);
  });
});

describe('the checker', () => {
  it(`finds each of ${PLANTS.length} planted bugs`, async () => {
    const { out } = await torture('--plants', String(PLANT_SEEDS), '--json');
    const found = JSON.parse(out) as { bug: string; seed: number | null; invariant: string | null }[];
    expect(found.map(({ bug }) => bug)).toEqual(PLANTS.map(({ bug }) => bug));
    expect(found.filter(({ seed }) => seed === null).map(({ bug }) => bug)).toEqual([]);
    for (const [index, { invariant }] of found.entries()) expect(PLANTS[index]?.breaks).toContain(invariant);
  }, 600_000);
});
