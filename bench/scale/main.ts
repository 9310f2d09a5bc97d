/**
 * All that is measured of speed and size, beside what a bare client needs for the same and beside what others take:
 * start-up, this repository's own stacks, `plan` and synth by the number of secrets, and what an apply takes.
 *
 *     npm run bench -- [--sizes 100,1000,10000] [--services 1000] [--latencies 0,5,20] [--rounds 3] [--alchemy]
 *                      [--mints 1000] [--applied 100] [--live 20] [--out FILE]
 *
 * The embedded vault and swarm run in a process of their own and answer after the latency. `--alchemy` installs alchemy
 * into a folder that is gone afterwards, to time it too; `0` mints, applied or live services leave that part of the apply
 * out. Prints medians, each promise with what was measured of it, and writes everything as JSON, `bench/results/scale.json` unless said.
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildInto } from '../../test/support/built.ts';
import { measureApplies } from '../apply/measure.ts';
import { installAlchemy } from './alchemy.ts';
import { measureOwnStacks } from './own.ts';
import { measurePlans } from './plans.ts';
import type { Row } from './rows.ts';
import { renderGrowth, renderRows } from './rows.ts';
import { measureStartUp } from './start-up.ts';
import { renderTargets, targetsOf } from './targets.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    services: { type: 'string', default: '1000' },
    latencies: { type: 'string', default: '0,5,20' },
    rounds: { type: 'string', default: '3' },
    alchemy: { type: 'boolean', default: false },
    mints: { type: 'string', default: '1000' },
    applied: { type: 'string', default: '100' },
    live: { type: 'string', default: '20' },
    out: { type: 'string', default: 'bench/results/scale.json' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);
const [rounds, services, applied] = [Number(values.rounds), Number(values.services), Number(values.applied)];

const folder = await realpath(await mkdtemp(join(tmpdir(), 'keyturn-bench-')));
const [built, peer] = [join(folder, 'built'), join(folder, 'alchemy')];
try {
  await Promise.all([built, peer].map((each) => mkdir(each)));
  await buildInto(built);
  const alchemy = (await hasAlchemy()) ? peer : null;
  const rows: Row[] = [...(await measureStartUp(built)), ...(await measureOwnStacks(rounds, built))];
  console.error('start-up measured');
  for (const secrets of numbers(values.sizes)) {
    const size = { secrets, services: Math.min(services, secrets) };
    const latencies = numbers(values.latencies);
    rows.push(...(await measurePlans(size, { latencies, rounds, built, alchemy })));
    console.error(`${secrets} secrets measured`);
  }
  console.log(`${renderRows(rows)}\n\n${renderGrowth(rows)}\n`);
  const apply = await measureApplies({
    mints: Number(values.mints),
    secrets: applied,
    services: applied,
    live: Number(values.live),
    rounds,
    built,
    host: process.env['KEYTURN_LIVE_DOCKER_HOST'],
    say: (line) => console.log(line),
  });
  const targets = targetsOf(rows, apply);
  console.log(`\n${renderTargets(targets)}`);
  const out = resolve(values.out);
  await mkdir(dirname(out), { recursive: true });
  await writeFile(
    out,
    `${JSON.stringify({ node: process.version, rounds, rows, apply, targets }, null, 2)}\n`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function hasAlchemy(): Promise<boolean> {
  const why = values.alchemy ? await installAlchemy(peer) : 'only --alchemy installs it';
  if (why !== null) console.error(`alchemy is not timed: ${why}`);
  return why === null;
}
