import type { Instant } from '../model/address.ts';
import type { Problem } from '../model/fault.ts';
import { Fault, asFault } from '../model/fault.ts';
import type { Emergency } from '../model/emergency.ts';
import { horizonGiven, pastGiven } from './moment.ts';
import type { Session } from './session.ts';

export interface TimesArgs {
  readonly incident: string;
  /** Undefined: now, or what an earlier emergency of this incident has recorded. */
  readonly discovered: string | undefined;
  readonly deadline: string | undefined;
}

export type Times = Pick<Emergency, 'discoveredAt' | 'deadline'>;

const DEADLINE = '1h';
/** Further back in the history nobody goes on with an incident. */
const ENTRIES = 100;

/** Refuses times that cannot be read, both at once. */
export function requireTimes({ discovered, deadline }: TimesArgs, now: Instant): void {
  const faults = [
    discovered === undefined ? null : faultOf(() => pastGiven('--discovered', discovered, now)),
    deadline === undefined ? null : faultOf(() => horizonGiven('--deadline', deadline, now)),
  ].filter((fault) => fault !== null);
  const [first] = faults;
  if (first === undefined) return;
  if (faults.length === 1) throw first;
  const problems = faults.map(({ message, where, next }): Problem => ({
    what: message,
    where: where ?? 'command line',
    ...(next === undefined ? {} : { next }),
  }));
  throw new Fault({
    code: 'bad-usage',
    what: 'some times are not clear',
    where: 'command line',
    live: 'nothing ran',
    next: 'write them as said below',
    problems,
  });
}

/**
 * From when the time of an incident counts, and to when: what was given, else what its first emergency in this stack
 * has recorded, so that going on with it does not start the clock again.
 */
export async function timesOf(argv: TimesArgs, { record, recorded }: Session, now: Instant): Promise<Times> {
  const { incident, discovered, deadline } = argv;
  const isKnown = Object.values(recorded.secrets).some(({ versions }) =>
    versions.some(({ cause }) => cause.kind === 'compromise' && cause.incident === incident),
  );
  const entries = isKnown && discovered === undefined ? await record.history.list(ENTRIES) : [];
  const first = entries.findLast((entry) => entry.emergency?.incident === incident)?.emergency;
  const discoveredAt =
    discovered === undefined ? (first?.discoveredAt ?? now) : pastGiven('--discovered', discovered, now);
  if (first !== undefined && deadline === undefined) return { discoveredAt, deadline: first.deadline };
  return { discoveredAt, deadline: horizonGiven('--deadline', deadline ?? DEADLINE, discoveredAt) };
}

function faultOf(read: () => unknown): Fault | null {
  try {
    read();
    return null;
  } catch (thrown) {
    return asFault(thrown);
  }
}
