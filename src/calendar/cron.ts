import { Cron } from 'croner';
import { Temporal } from 'temporal-polyfill';
import type { Cadence } from '../model/declared.ts';
import { isAfter } from './dates.ts';

type Crontab = Extract<Cadence, { kind: 'cron' }>;

/** The longest time by which a zone ever put its clock forward: Samoa left out a whole day in 2011. */
const LONGEST_JUMP = { hours: 25 };

/**
 * The first instant of the cron expression strictly after `after`; null where it has no date. The expression says
 * what the wall clock shows, and which instant that is follows the one rule of this calendar: croner's own
 * treatment of skipped and doubled hours is another.
 */
export function nextOfCron(cadence: Crontab, after: Temporal.Instant): Temporal.Instant | null {
  const { expression, timeZone } = cadence;
  const cron = readCron(expression);
  let shown = cron.nextRun(wallAsUtc(clockBefore(after, timeZone)));
  let best: Temporal.Instant | null = null;
  for (; shown !== null; shown = cron.nextRun(shown)) {
    const wall = utcAsWall(shown);
    const zoned = wall.toZonedDateTime(timeZone);
    const due = zoned.toInstant();
    if (!isAfter(due, after)) continue;
    if (best === null || isAfter(best, due)) best = due;
    // A skipped time is later than what the clock shows right behind it, so only one that is not skipped ends the search.
    if (zoned.toPlainDateTime().equals(wall)) return best;
  }
  return best;
}

const read = new Map<string, Cron>();

/** Five fields, matched against what the wall clock shows; throws for what is no expression. Read once: it holds no state. */
export function readCron(expression: string): Cron {
  const cron = read.get(expression) ?? new Cron(expression, { mode: '5-part', timezone: 'UTC' });
  read.set(expression, cron);
  return cron;
}

/** What the clock shows at `after`; a day earlier where it jumped since: times skipped there may still be to come. */
function clockBefore(after: Temporal.Instant, timeZone: string): Temporal.PlainDateTime {
  const now = after.toZonedDateTimeISO(timeZone);
  const early = after.subtract(LONGEST_JUMP).toZonedDateTimeISO(timeZone);
  return (now.offsetNanoseconds > early.offsetNanoseconds ? early : now).toPlainDateTime();
}

/** croner matches dates of UTC, which is told what the wall clock shows. */
export function wallAsUtc(wall: Temporal.PlainDateTime): Date {
  return new Date(wall.toZonedDateTime('UTC').epochMilliseconds);
}

export function utcAsWall(shown: Date): Temporal.PlainDateTime {
  return Temporal.Instant.fromEpochMilliseconds(shown.getTime()).toZonedDateTimeISO('UTC').toPlainDateTime();
}
