/**
 * How `plan` and synth grow with the number of secrets, beside what a bare client needs for the same, and `terraform plan`
 * of as many built-in resources.
 *
 *     npm run bench -- [--sizes 100,1000,10000] [--services 1000] [--latencies 0,5,20] [--rounds 3] [--out FILE]
 *
 * The embedded vault and swarm run in a process of their own and answer after the latency. Prints medians and writes
 * everything as JSON, `bench/results/scale.json` unless said.
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildInto } from '../../test/support/built.ts';
import { keyturn } from './commands.ts';
import { measurePlans } from './plans.ts';
import type { Row } from './rows.ts';
import { median, renderGrowth, renderRows } from './rows.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    services: { type: 'string', default: '1000' },
    latencies: { type: 'string', default: '0,5,20' },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string', default: 'bench/results/scale.json' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);
const [rounds, services] = [Number(values.rounds), Number(values.services)];

const built = await realpath(await mkdtemp(join(tmpdir(), 'keyturn-built-')));
await buildInto(built);
try {
  const rows: Row[] = [await startUp(built)];
  for (const secrets of numbers(values.sizes)) {
    const size = { secrets, services: Math.min(services, secrets) };
    rows.push(...(await measurePlans(size, { latencies: numbers(values.latencies), rounds, built })));
    console.error(`${secrets} secrets measured`);
  }
  console.log(`${renderRows(rows)}\n\n${renderGrowth(rows)}`);
  const out = resolve(values.out);
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify({ node: process.version, rounds, rows }, null, 2)}\n`);
} finally {
  await rm(built, { recursive: true, force: true });
}

/** What every command pays: the built package's `--help`. */
async function startUp(root: string): Promise<Row> {
  const costs = [];
  for (let round = 0; round < 5; round += 1) costs.push(await keyturn(['--help'], root, root));
  return {
    what: '--help',
    secrets: 0,
    services: 0,
    latencyMs: null,
    wallMs: median(costs.map(({ wallMs }) => wallMs)),
    cpuMs: Math.min(...costs.map(({ cpuMs }) => cpuMs)),
    peakMb: median(costs.map(({ peakMb }) => peakMb)),
    counts: {},
    floorMs: null,
  };
}
