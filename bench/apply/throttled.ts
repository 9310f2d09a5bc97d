import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyturn } from '../scale/commands.ts';
import { declareProject, expectDone } from '../scale/project.ts';
import { Served } from '../scale/served.ts';

export interface Throttled {
  /** From the first write to the last one, by the vault's clock. */
  readonly spanMs: number;
  /** What the limits alone make of it: 300 at once, and 300 more every 10 s. */
  readonly allowedMs: number;
  readonly refused: number;
  readonly wallMs: number;
}

/** The first versions of so many secrets that nobody reads, by one apply. Throws unless all are there. */
export async function mintThrottled(mints: number, built: string): Promise<Throttled> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-throttled-'));
  const size = { secrets: mints, services: 0, throttled: true as const };
  const served = await Served.start(folder, size);
  try {
    await declareProject(folder, size);
    const { wallMs } = expectDone(await keyturn(['apply', '--sandbox', '--auto-approve'], folder, built));
    const { spanMs, writes, refused } = await served.writes();
    if (writes < mints) throw new Error(`${writes} of ${mints} were written`);
    return { spanMs, allowedMs: (Math.ceil(mints / 300) - 1) * 10_000, refused, wallMs };
  } finally {
    await served.close();
    await rm(folder, { recursive: true, force: true });
  }
}
