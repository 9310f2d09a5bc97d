import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../model/fault.ts';
import type { Evidence, VerifyOrder } from '../model/platform.ts';
import type { Engine } from './swarm-connection.ts';
import { isPassing } from './swarm-faults.ts';
import { judge, NOTHING_SEEN } from './swarm-judge.ts';
import type { Memory, Sighting, Verdict } from './swarm-judge.ts';
import type { ProbeCall } from './swarm-probe.ts';
import type { Sightings } from './swarm-sightings.ts';
import { serviceNamed } from './swarm-update.ts';

/** Time as the loops see it. */
export interface Clock {
  /**
   * ms of a clock that never jumps: a wall clock that is set back would keep a verification from its end for hours,
   * and one that is set forward would end the watch at once.
   */
  readonly ticks: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const REAL_CLOCK: Clock = {
  ticks: () => performance.now(),
  sleep: async (ms, signal) => {
    await pause(ms, undefined, signal === undefined ? {} : { signal });
  },
};

const POLL_MS = 400;
/** A manager that is lost keeps the API away for up to 40 s, and a second election may follow. */
const PATIENCE_MS = 90_000;

/** An engine, and the looks that all verifications of it share. */
export interface Sighted {
  readonly engine: Engine;
  readonly sightings: Sightings;
}

/** The contract is Platform.verify's. `probe` is called once, when the tasks are good. */
export async function verify(
  { engine, sightings }: Sighted,
  where: string,
  order: VerifyOrder,
  probe: (call: ProbeCall) => Promise<string | null>,
  progress: (line: string) => void,
  signal?: AbortSignal,
  clock: Clock = REAL_CLOCK,
): Promise<Evidence> {
  const began = clock.ticks();
  const deadline = began + order.deadlineMs;
  const { ID: id } = await serviceNamed(engine, order.service, where, signal);
  sightings.watch(id);
  try {
    const sight = () => sightings.of(id, signal);
    const { verdict, sighting } = await untilGood(sight, { where, order, deadline }, progress, signal, clock);
    const left = Math.max(deadline - clock.ticks(), 15_000);
    const line = await probe({ service: sighting.service, tasks: verdict.good, timeoutMs: left });
    return {
      tasks: verdict.good.length,
      elapsedMs: Math.round(clock.ticks() - began),
      updateState: verdict.updateState,
      staleOnDownNodes: verdict.staleOnDownNodes,
      probe: line,
    };
  } finally {
    sightings.unwatch(id);
  }
}

/** Looks again and again until the tasks are good, and throws where they will not be, or are not in time. */
async function untilGood(
  sight: () => Promise<Sighting>,
  {
    where,
    order,
    deadline,
  }: { readonly where: string; readonly order: VerifyOrder; readonly deadline: number },
  progress: (line: string) => void,
  signal: AbortSignal | undefined,
  clock: Clock,
): Promise<{ readonly verdict: Verdict & { readonly kind: 'good' }; readonly sighting: Sighting }> {
  let memory: Memory = NOTHING_SEEN;
  let silentFrom: number | null = null;
  let said = '';
  for (;;) {
    let silence: unknown;
    const sighting = await sight().catch((error: unknown) => {
      if (!isPassing(error)) throw error;
      silence = error;
      return null;
    });
    if (sighting === null) {
      silentFrom ??= clock.ticks();
      // What could not be seen is neither good nor failed; only the stability starts anew.
      if (clock.ticks() - silentFrom >= PATIENCE_MS) throw silence;
      memory = { ...memory, steady: null };
      await clock.sleep(POLL_MS * 3, signal);
      continue;
    }
    silentFrom = null;
    const result = judge(sighting, order, memory);
    memory = result.memory;
    const { verdict } = result;
    if (verdict.kind === 'failed') throw refused(verdict, order, where);
    if (verdict.kind === 'good') return { verdict, sighting };
    if (clock.ticks() >= deadline) throw tooLate(verdict.why, order, where);
    const line = verdict.why.replace(/, watched for .*/, ', watched for a while');
    if (line !== said) progress(line);
    said = line;
    await clock.sleep(restOfPoll(clock.ticks()), signal);
  }
}

/** How long to sleep so that all who verify look at the same moments, whenever each began, and share those looks. */
export function restOfPoll(ticks: number): number {
  const rest = POLL_MS - (ticks % POLL_MS);
  // A timer that fires early must not make two looks of one.
  return rest < POLL_MS / 4 ? rest + POLL_MS : rest;
}

function refused(verdict: Verdict & { kind: 'failed' }, order: VerifyOrder, where: string): Fault {
  return new Fault({
    code: 'verify-failed',
    what: [verdict.what, ...firstReason(verdict)].join(': '),
    where,
    next: `see what they said: docker service logs ${order.service}`,
    problems: verdict.problems,
  });
}

/** The distinct reason, where there is just one: the line that a person reads first. */
function firstReason({ problems }: Verdict & { kind: 'failed' }): string[] {
  const [first] = problems;
  return first === undefined ? [] : [`${first.what} (${first.where})`];
}

function tooLate(why: string, order: VerifyOrder, where: string): Fault {
  return new Fault({
    code: 'verify-failed',
    what: `"${order.service}" is not healthy after ${Math.round(order.deadlineMs / 1_000)} s: ${why}`,
    where,
    next: `see docker service ps ${order.service}; declare a longer deadline if it only needs time`,
  });
}
