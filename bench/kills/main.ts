/**
 * Kills `keyturn apply` and `terraform apply` at random moments and tells, side by side, what that cost.
 *
 *     npm run bench:kills -- [--kills 50] [--seed 1] [--secrets 60] [--minutes 60] [--out FILE]
 *
 * Both apply a change of all their objects, as many for one as for the other, in a folder that is removed afterwards;
 * nothing real is touched and nothing is downloaded. The moments are drawn from the seed, evenly over the time of an
 * undisturbed apply and a tenth more. Writes every kill as JSON. Exit 1: a kill of keyturn cost something; 2: it
 * could not be measured.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { killAll } from './child.ts';
import { findKeyturn, objectsFor } from './keyturn.ts';
import type { Kill, Project, Subject } from './subject.ts';
import { hasHit } from './subject.ts';
import { findTerraform } from './terraform.ts';
import type { Series } from './table.ts';
import { isWhole, renderTable, tallyOf } from './table.ts';

/** A vault keeps each version for ever and writes its file whole: a new project keeps both programs at one speed. */
const KILLS_A_PROJECT = 10;

interface Options {
  readonly kills: number;
  readonly seed: number;
  readonly secrets: number;
  readonly minutes: number;
  readonly out: string;
}

function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      secrets: { type: 'string', default: '60' },
      minutes: { type: 'string', default: '60' },
      out: { type: 'string' },
    },
  });
  const whole = (name: 'kills' | 'seed' | 'secrets' | 'minutes'): number => {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} takes a whole number from 1 on`);
    return number;
  };
  const seed = whole('seed');
  const out = resolve(values.out ?? `bench/results/kills-${seed}.json`);
  return { kills: whole('kills'), seed, secrets: whole('secrets'), minutes: whole('minutes'), out };
}

async function measure(subject: Subject, root: string, options: Options, until: number): Promise<Series> {
  const { name, version } = subject;
  const fraction = fractions(options.seed);
  const kills: Kill[] = [];
  // One that came too late is none: the next moment is tried instead.
  const hits = (): number => kills.filter(hasHit).length;
  while (hits() < options.kills) {
    const folder = await mkdtemp(join(root, `${name}-`));
    const project = await subject.open(folder);
    try {
      await project.change();
      const wholeMs = await project.applyWhole();
      for (let n = 0; n < KILLS_A_PROJECT && hits() < options.kills; n += 1) {
        if (Date.now() > until) return { name, version, kills };
        const kill = await killOnce(project, fraction() * 1.1 * wholeMs, wholeMs);
        kills.push(kill);
        console.error(`${name} ${hits()}/${options.kills} ${inWords(kill)}`);
        // What a person has to mend here, nobody does: the next kill begins with a new project.
        if (kill.recovery.needed !== 'nothing') break;
      }
    } finally {
      await project.close();
      await rm(folder, { recursive: true, force: true });
    }
  }
  return { name, version, kills };
}

async function killOnce(project: Project, afterMs: number, wholeMs: number): Promise<Kill> {
  await project.change();
  const cut = await project.applyKilled(afterMs);
  const wreck = await project.examine();
  const recovery = await project.recover(wreck);
  return { afterMs, wholeMs, ...cut, wreck, recovery };
}

function inWords({ afterMs, phase, done, wreck, recovery }: Kill): string {
  const where = phase === 'midway' ? `midway, ${Math.round(done * 100)} % done` : phase;
  const found = [
    ...(wreck.isUnreadable ? ['state unreadable'] : []),
    ...(wreck.isEmpty ? ['state empty'] : []),
    ...(wreck.lost > 0 ? [`${wreck.lost} lost`] : []),
    ...wreck.problems,
    ...recovery.problems,
    ...(recovery.said === '' ? [] : [recovery.said]),
  ];
  const tail = `exit ${recovery.exit}, needed ${recovery.needed}${found.map((each) => `; ${each}`).join('')}`;
  return `at ${(afterMs / 1000).toFixed(2)} s (${where}): ${tail}`;
}

/** Mulberry32: the same numbers from 0 to 1 for the same seed. */
function fractions(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function main(args: string[]): Promise<number> {
  const options = optionsOf(args);
  const { kills, seed, secrets, minutes, out } = options;
  const objects = objectsFor(secrets);
  const root = await mkdtemp(join(tmpdir(), 'keyturn-kills-'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      killAll();
      void rm(root, { recursive: true, force: true }).finally(() => process.exit(130));
    });
  }
  try {
    const terraform = await findTerraform(objects);
    if (terraform === null) console.error('terraform is not on this machine: only keyturn is killed');
    const series: Series[] = [];
    const until = Date.now() + minutes * 60_000;
    for (const subject of [await findKeyturn(secrets), ...(terraform === null ? [] : [terraform])]) {
      series.push(await measure(subject, root, options, until));
    }
    const [ours] = series;
    console.log(`\n${kills} kills of an apply that changes ${objects} objects, seed ${seed}\n`);
    console.log(renderTable(series));
    const document = {
      format: 1,
      seed,
      kills,
      objects,
      series: series.map((each) => ({ ...each, tally: tallyOf(each) })),
    };
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, `${JSON.stringify(document, null, 1)}\n`);
    console.log(`\nevery kill: ${out}`);
    if (series.some((each) => tallyOf(each).kills < kills)) {
      throw new Error(`it was stopped after ${minutes} minutes, before all kills were done; see --minutes`);
    }
    return ours !== undefined && isWhole(tallyOf(ours)) ? 0 : 1;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
