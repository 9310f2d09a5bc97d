import { parseArgs } from 'node:util';
import { conduct } from './conduct.ts';
import type { Outcome } from './conduct.ts';
import type { Plant } from './plant.ts';
import { PLANTS } from './plants.ts';
import { tellCase } from './prose.ts';
import { drawCase } from './script.ts';
import { shrink } from './shrink.ts';
import type { Tally } from './tally.ts';
import { addOutcome, emptyTally, tellTally } from './tally.ts';
import { realNow } from './timeline.ts';
import { runWorkers } from './workers.ts';

const USAGE = `npm run torture -- --seeds N [--from S] [--workers N]   runs the seeds S (1) to S + N - 1
npm run torture -- --seed S [--trace]                    runs one, and shrinks it where it fails
npm run torture -- --plants N                            plants bugs, one at a time, and looks for each in N seeds
With --hosts every seed has files of variables on a host, not one in eight.`;

/** Runs seeds; 1 where an invariant did not hold for one of them. */
export async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      from: { type: 'string', default: '1' },
      step: { type: 'string', default: '1' },
      workers: { type: 'string', default: '1' },
      trace: { type: 'boolean', default: false },
      plants: { type: 'string' },
      json: { type: 'boolean', default: false },
      hosts: { type: 'boolean', default: false },
    },
  });
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  if (values.plants !== undefined) return plants(Number(values.plants), values.json, print);
  if (values.seed !== undefined) return one(Number(values.seed), values, print);
  const count = Number(values.seeds);
  if (!Number.isInteger(count) || count < 1) {
    print(USAGE);
    return 2;
  }
  const from = Number(values.from);
  const began = realNow();
  const workers = Number(values.workers);
  const { hosts, step } = values;
  const tell = (text: string): void => (values.json ? undefined : print(text));
  const tally =
    workers > 1
      ? await runWorkers(from, count, workers, hosts ? ['--hosts'] : [], print)
      : await many({ from, count, step: Number(step), hosts }, tell);
  if (values.json) print(JSON.stringify(tally));
  else print(tellTally(tally, realNow() - began));
  if (!values.json)
    for (const { seed } of tally.failures.slice(0, 3)) {
      print('');
      await one(seed, { trace: false, hosts }, print);
    }
  return tally.failures.length > 0 ? 1 : 0;
}

/** The clients load their parts at first use: that would take real time in a simulated world. */
async function warmUp(): Promise<void> {
  await import('@azure/keyvault-secrets');
  await import('dockerode');
}

interface Seeds {
  readonly from: number;
  readonly count: number;
  readonly step: number;
  readonly hosts: boolean;
}

async function many({ from, count, step, hosts }: Seeds, print: (text: string) => void): Promise<Tally> {
  await warmUp();
  const tally = emptyTally();
  let told = realNow();
  for (let seed = from; seed < from + count * step; seed += step) {
    const outcome = await conduct(drawCase(seed, hosts));
    addOutcome(tally, seed, outcome);
    for (const { invariant, text } of outcome.violations) print(`seed ${seed}: ${invariant}: ${text}`);
    if (realNow() - told < 5000) continue;
    told = realNow();
    print(`${tally.seeds} seeds, ${tally.counts.applies} applies, ${tally.failures.length} failed`);
  }
  return tally;
}

async function one(
  seed: number,
  { trace, hosts }: { readonly trace: boolean; readonly hosts: boolean },
  print: (text: string) => void,
): Promise<number> {
  await warmUp();
  const given = drawCase(seed, hosts);
  const outcome = await conduct(given);
  if (trace) print(outcome.trace.join('\n'));
  if (outcome.violations.length === 0) {
    print(`seed ${seed}: every invariant holds`);
    return 0;
  }
  const shrunk = await shrink(given, outcome, (smaller): Promise<Outcome> => conduct(smaller));
  print(`seed ${seed} fails; shrunk in ${shrunk.tries} runs to:\n`);
  print(tellCase(shrunk.smallest, shrunk.outcome));
  print(`\nrepeat it: npm run torture -- --seed ${seed}${hosts ? ' --hosts' : ''}`);
  return 1;
}

/** Plants each bug alone and says in which seed it was found, if it was. */
async function plants(seeds: number, isJson: boolean, print: (text: string) => void): Promise<number> {
  await warmUp();
  const found: Found[] = [];
  for (const plant of PLANTS) {
    const caught = await findPlant(plant, seeds);
    found.push(caught);
    const { seed, invariant } = caught;
    if (!isJson)
      print(`${seed === null ? 'NOT FOUND' : `${invariant} in seed ${seed}`.padEnd(18)} ${plant.bug}`);
  }
  if (isJson) print(JSON.stringify(found));
  return found.every(({ seed }) => seed !== null) ? 0 : 1;
}

interface Found {
  readonly bug: string;
  readonly seed: number | null;
  readonly invariant: string | null;
}

async function findPlant(plant: Plant, seeds: number): Promise<Found> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { violations } = await conduct(drawCase(seed, plant.hosts), plant);
    const caught = violations.find(({ invariant }) => plant.breaks.includes(invariant));
    if (caught !== undefined) return { bug: plant.bug, seed, invariant: caught.invariant };
  }
  return { bug: plant.bug, seed: null, invariant: null };
}
