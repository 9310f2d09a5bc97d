import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyturn } from '../scale/commands.ts';
import type { Cost } from '../scale/commands.ts';
import { secretName } from '../scale/names.ts';
import { expectDone, makeProject } from '../scale/project.ts';
import { median } from '../scale/rows.ts';
import type { Counts, Size } from '../scale/served.ts';
import { Served } from '../scale/served.ts';

export interface Embedded {
  readonly allMs: number;
  readonly oneMs: number;
  readonly cpuMs: number;
  /** Of the last rotation of all. */
  readonly counts: Counts;
  /** Of the last rotation of one. */
  readonly oneCounts: Counts;
}

/** In each round a new world: one secret with its service, then all the others in one apply. Medians. */
export async function rotateEmbedded(size: Size, rounds: number, built: string): Promise<Embedded> {
  const [all, one]: [Cost[], Cost[]] = [[], []];
  let [counts, oneCounts]: [Counts, Counts] = [{}, {}];
  for (let round = 0; round < rounds; round += 1) {
    const folder = await mkdtemp(join(tmpdir(), 'keyturn-embedded-'));
    const served = await Served.start(folder, size);
    try {
      await makeProject(folder, size, served);
      await writeFile(join(folder, 'generation.txt'), '2');
      const apply = (...args: string[]) =>
        keyturn(['apply', '--sandbox', '--auto-approve', ...args], folder, built);
      await served.takeCounts();
      one.push(expectDone(await apply('--target', secretName(0))));
      oneCounts = await served.takeCounts();
      all.push(expectDone(await apply()));
      counts = await served.takeCounts();
    } finally {
      await served.close();
      await rm(folder, { recursive: true, force: true });
    }
  }
  const wall = (costs: readonly Cost[]): number => median(costs.map(({ wallMs }) => wallMs));
  const cpuMs = median(all.map((cost) => cost.cpuMs));
  return { allMs: wall(all), oneMs: wall(one), cpuMs, counts, oneCounts };
}
