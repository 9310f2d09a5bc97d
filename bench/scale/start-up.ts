import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cost } from './commands.ts';
import { keyturn } from './commands.ts';
import { expectDone, makeProject } from './project.ts';
import type { Row } from './rows.ts';
import { rowOf } from './rows.ts';
import { Served } from './served.ts';

const SIZE = { secrets: 1_000, services: 1_000 };
const TIMES = 5;

/** What a person waits for who only looks: `--help`, and what a converged stack of 1,000 secrets says of itself. */
export async function measureStartUp(built: string): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-start-'));
  const served = await Served.start(folder, SIZE);
  try {
    await makeProject(folder, SIZE, served);
    const asked = [
      ['--help', ['--help'], null],
      ['history list', ['history', 'list', '--sandbox'], SIZE],
      ['status', ['status', '--sandbox'], SIZE],
    ] as const;
    const rows: Row[] = [];
    for (const [what, args, size] of asked) {
      const costs: Cost[] = [];
      for (let time = 0; time < TIMES; time += 1) costs.push(expectDone(await keyturn(args, folder, built)));
      rows.push(rowOf(what, size, costs));
    }
    return rows;
  } finally {
    await served.close();
    await rm(folder, { recursive: true, force: true });
  }
}
