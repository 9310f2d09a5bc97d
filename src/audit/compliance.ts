import { nextDue } from '../calendar/calendar.ts';
import { openingsOf } from '../calendar/declared-openings.ts';
import { overdueAt } from '../calendar/openings.ts';
import type { Instant } from '../model/address.ts';
import type { Declared, DeclaredSecret } from '../model/declared.ts';
import type { HistoryEntry } from '../model/journal.ts';
import type { Compliance } from '../model/report.ts';
import { emergenciesOf } from './emergencies.ts';
import type { Life, Lives, Turn } from './lives.ts';
import { NO_LIFE } from './lives.ts';
import type { Period } from './period.ts';
import { endOf, isWithin } from './period.ts';

/** A date of a secret's calendar and what came of it. */
export interface Obligation {
  readonly secret: DeclaredSecret;
  readonly due: Instant;
  /** From then on it counts as overdue. */
  readonly overdueAt: Instant;
  /** When the secret was rotated for it; null: it was not, as far as the history goes. */
  readonly doneAt: Instant | null;
}

/**
 * How well the calendar was kept, from the cadences as they are declared now. A date is met by the rotation that names
 * it as its cause, else by the first rotation at or after it, for whatever cause. A rotation that was taken back meets
 * nothing. A first version is no rotation, and before it nothing is due.
 */
export function complianceOf(
  declared: Declared,
  lives: Lives,
  entries: readonly HistoryEntry[],
  period: Period,
): Compliance {
  const obligations = declared.secrets.flatMap((secret) =>
    obligationsOf(secret, declared, lives.get(secret.address) ?? NO_LIFE, period),
  );
  // What is neither done nor overdue is still open, and neither kept nor missed.
  const decided = obligations.filter(
    (each) => isWithin(period, each.due) && (each.doneAt !== null || isLate(each, period)),
  );
  const rotations = [...lives.values()].flatMap((life) =>
    standing(life).filter(({ at, before }) => before !== null && isWithin(period, at)),
  );
  return {
    due: decided.length,
    onTime: decided.filter((each) => !isLate(each, period)).length,
    rotations: rotations.length,
    longestOverdue: longestOf(obligations, period),
    failures: entries.filter((entry) => isWithin(period, entry.endedAt) && isFailure(entry)).length,
    emergencies: emergenciesOf(entries, lives, period),
  };
}

/** The dates of a secret that fell into the period, and those of before it that were not met when it began. */
function obligationsOf(secret: DeclaredSecret, declared: Declared, life: Life, period: Period): Obligation[] {
  const turns = standing(life);
  const since = turns.findLast(({ at }) => at < period.from) ?? turns[0];
  if (since === undefined) return [];
  const end = endOf(period);
  const openings = openingsOf(secret, declared);
  const obligations: Obligation[] = [];
  for (
    let due = nextDue(secret.cadence, since.at);
    due !== null && due < end;
    due = nextDue(secret.cadence, due)
  ) {
    obligations.push({
      secret,
      due,
      overdueAt: overdueAt(openings, due, secret.grace),
      doneAt: metAt(due, turns, life),
    });
  }
  return obligations;
}

function metAt(due: Instant, turns: readonly Turn[], { versions }: Life): Instant | null {
  const after = turns.filter(({ at, before }) => before !== null && at >= due);
  const named = after.find(({ ordinal }) => ordinal !== null && versions.get(ordinal)?.due === due);
  return (named ?? after[0])?.at ?? null;
}

/** The promotions that were not taken back. */
function standing({ turns, versions }: Life): Turn[] {
  const left = new Set(turns.filter(({ isReturn }) => isReturn).map(({ before }) => before));
  return turns.filter(
    ({ ordinal, isReturn }) =>
      ordinal !== null && !isReturn && !left.has(ordinal) && versions.get(ordinal)?.end !== 'undone',
  );
}

function isLate({ doneAt, overdueAt }: Obligation, period: Period): boolean {
  return (doneAt ?? endOf(period)) > overdueAt;
}

function longestOf(obligations: readonly Obligation[], period: Period): Compliance['longestOverdue'] {
  const end = endOf(period);
  const late = obligations
    .filter((each) => isLate(each, period) && each.overdueAt < end)
    .map(({ secret, due, doneAt }) => {
      const known = doneAt !== null && doneAt < period.to ? doneAt : null;
      const ms = Date.parse(known ?? end) - Date.parse(due);
      return { secret: secret.address, due, doneAt: known, ms };
    });
  return late.reduce<Compliance['longestOverdue']>(
    (longest, each) => (longest === null || each.ms > longest.ms ? each : longest),
    null,
  );
}

const FAILED = new Set(['failed', 'rolled-back', 'stopped', 'incomplete']);
const APPLIES = new Set(['apply', 'rollback', 'compromise']);

/** Also a rollback that a person ordered: an apply that had succeeded was taken back. */
function isFailure({ kind, outcome }: HistoryEntry): boolean {
  return APPLIES.has(kind) && (kind === 'rollback' || FAILED.has(outcome));
}
