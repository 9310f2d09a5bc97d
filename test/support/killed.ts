import { randomUUID } from 'node:crypto';
import type { ExecuteInput, RecordSink } from '../../src/execute/execute.ts';
import { execute } from '../../src/execute/execute.ts';
import type { JournalEntry } from '../../src/execute/work.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { claimed } from './lease.ts';
import type { World } from './world.ts';

/**
 * Applies a plan in a process that dies: from the first journal entry that `isLast` accepts on, nothing is written
 * down any more, that entry included. An entry of which `isLast` decides later is held back until then. Resolves when
 * the executor has given up; throws where it came to its end.
 */
export async function killedBefore(
  world: World,
  plan: Plan,
  isLast: (entry: JournalEntry) => boolean | Promise<boolean>,
  parallelism = 1,
  values: Readonly<Record<string, string>> = {},
): Promise<void> {
  let isDead = false;
  const held = await claimed(world.record);
  const outside = world.outside(values);
  await run(
    { plan, outside, parallelism },
    {
      ...sinkOf(held),
      begin: async (...begin) => {
        const journal = await held.begin(...begin);
        const append = journal.append.bind(journal);
        const end = (isIt: boolean, write: () => ReturnType<typeof append>): ReturnType<typeof append> => {
          isDead ||= isIt;
          return isDead ? Promise.reject(new Killed()) : write();
        };
        journal.append = (entry) => {
          const isIt = entry.type !== 'begin' && isLast(entry);
          const write = () => append(entry);
          return typeof isIt === 'boolean' ? end(isIt, write) : isIt.then((is) => end(is, write));
        };
        return journal;
      },
    },
  );
}

/** Applies a plan in a process that dies once its journal has ended, before the record is written. */
export async function killedBeforeHistory(
  world: World,
  plan: Plan,
  values: Readonly<Record<string, string>> = {},
): Promise<void> {
  const held = await claimed(world.record);
  const outside = world.outside(values);
  await run(
    { plan, outside, parallelism: 1, notify: world.notify },
    { ...sinkOf(held), finish: () => Promise.reject(new Killed()) },
  );
}

/** Accepts the outcome of a step of this kind, whatever it is. */
export function outcomeOf(plan: Plan, kind: Step['kind']): (entry: JournalEntry) => boolean {
  const ids = new Set(plan.steps.filter((step) => step.kind === kind).map(({ id }) => id));
  return (entry) => entry.type === 'outcome' && ids.has(entry.step);
}

class Killed extends Error {}

function sinkOf(held: HeldRecord): RecordSink {
  return {
    begin: held.begin.bind(held),
    resume: held.resume.bind(held),
    finish: held.finish.bind(held),
    digestAt: held.digestAt.bind(held),
  };
}

async function run(
  given: Pick<ExecuteInput, 'plan' | 'outside' | 'parallelism' | 'notify'>,
  record: RecordSink,
): Promise<void> {
  const input = {
    ...given,
    planDigest: digestOf(given.plan),
    listen: () => {},
    signal: new AbortController().signal,
    apply: randomUUID(),
    actor: { name: 'tester', knownBy: 'os-user' as const, host: 'here', run: null },
    reason: null,
    ticket: null,
  };
  try {
    await execute(input, record);
  } catch (thrown) {
    if (thrown instanceof Killed) return;
    throw thrown;
  }
  throw new Error('it came to its end before it could be killed');
}
