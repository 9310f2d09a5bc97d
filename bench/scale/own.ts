import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cost } from './commands.ts';
import { REPOSITORY, keyturn } from './commands.ts';
import { expectDone } from './project.ts';
import type { Row } from './rows.ts';
import { rowOf } from './rows.ts';

/** `plan` of this repository's own stacks in the sandbox, warm, beside their synth alone, which is its floor. */
export async function measureOwnStacks(rounds: number, built: string): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-own-'));
  try {
    for (const name of ['main.ts', 'cdktf.json', 'stacks'])
      await cp(join(REPOSITORY, name), join(folder, name), { recursive: true });
    for (const name of ['src', 'node_modules', 'package.json'])
      await symlink(join(REPOSITORY, name), join(folder, name));
    const [synths, plans]: [Cost[], Cost[]] = [[], []];
    for (let round = -1; round < rounds; round += 1) {
      const synth = expectDone(await keyturn(['synth'], folder, built));
      const plan = expectDone(await keyturn(['plan', '--sandbox'], folder, built));
      // The first round fills what is kept between runs.
      if (round < 0) continue;
      synths.push(synth);
      plans.push(plan);
    }
    const synth = rowOf('synth, own stacks', null, synths);
    return [synth, rowOf('plan, own stacks', null, plans, { latencyMs: 0, floorMs: synth.wallMs })];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
