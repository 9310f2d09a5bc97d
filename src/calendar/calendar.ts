import { Temporal } from 'temporal-polyfill';
import type { Instant, IsoDuration } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';
import { nextOfCron } from './cron.ts';
import { nextOfCalendar, nextOfPeriod } from './dates.ts';
import { MONTHS } from './rules.ts';

/**
 * The first scheduled instant strictly after `after`; null where a cadence has no dates (`onRequest`,
 * `onCompromise`, `userManaged`). The cadence must have passed `cadenceProblems`, otherwise it throws RangeError.
 *
 * Dates come from the anchor or the calendar and the wall clock of the zone, never from an earlier run, so a late
 * rotation does not shift the ones behind it. Daylight saving follows Temporal's "compatible" rule, which is that
 * of RFC 5545: a time that the clock skips is taken as much later as the clock jumped (02:30 becomes 03:30), of a
 * time that comes twice the first is taken. A day that a month lacks is that month's last day.
 *
 * A quarter's `first` … `fourth` weekday and its day 1 … 31 lie in its first month, its `last` weekday in its third.
 */
export function nextDue(cadence: Cadence, after: Instant): Instant | null {
  switch (cadence.kind) {
    case 'onRequest':
    case 'onCompromise':
    case 'userManaged':
      return null;
    case 'every':
      return nextOfPeriod(cadence, Temporal.Instant.from(after)).toString();
    case 'calendar':
      return nextOfCalendar(cadence, Temporal.Instant.from(after)).toString();
    case 'cron':
      return nextOfCron(cadence, Temporal.Instant.from(after))?.toString() ?? null;
  }
}

/** For people: `quarterly, first monday 03:00 Europe/Berlin`, `every 90 d from 2026-01-05 03:00 UTC`, `on request`. */
export function describeCadence(cadence: Cadence): string {
  switch (cadence.kind) {
    case 'onRequest':
      return 'on request';
    case 'onCompromise':
      return 'on compromise';
    case 'userManaged':
      return 'user-managed';
    case 'cron':
      return `cron ${cadence.expression} ${cadence.timeZone}`;
    case 'every':
      return `every ${humanDuration(cadence.period)} from ${cadence.anchor} ${cadence.at} ${cadence.timeZone}`;
    case 'calendar': {
      const how = { month: 'monthly', quarter: 'quarterly', year: 'annually' }[cadence.each];
      const day = /^\d/.test(cadence.on) ? `day ${cadence.on}` : cadence.on;
      const month = cadence.month === null ? '' : ` of ${MONTHS[cadence.month - 1] ?? ''}`;
      const offset = cadence.offset === undefined ? '' : ` + ${humanDuration(cadence.offset)}`;
      return `${how}, ${day}${month}${offset} ${cadence.at} ${cadence.timeZone}`;
    }
  }
}

/** `at` + `d`. Days are 24 hours, months and years are those of the UTC calendar. */
export function addDuration(at: Instant, d: IsoDuration): Instant {
  return Temporal.Instant.from(at).toZonedDateTimeISO('UTC').add(d).toInstant().toString();
}

/** The two lengths one after the other. */
export function plus(a: IsoDuration, b: IsoDuration): IsoDuration {
  return Temporal.Duration.from(a).add(b).toString();
}

/** The few lengths that stacks declare are asked for once a step. */
const lengths = new Map<IsoDuration, number>();
const MOST_LENGTHS = 1000;

/** The length in milliseconds, a day being 24 hours. Throws RangeError for years and months, which have no fixed length. */
export function durationMs(d: IsoDuration): number {
  const known = lengths.get(d);
  if (known !== undefined) return known;
  const length = measured(d);
  if (lengths.size < MOST_LENGTHS) lengths.set(d, length);
  return length;
}

function measured(d: IsoDuration): number {
  const { years, months, weeks, ...rest } = partsOf(Temporal.Duration.from(d));
  if (years !== 0 || months !== 0) throw new RangeError(`"${d}" has no fixed length`);
  return Temporal.Duration.from({ ...rest, days: rest.days + 7 * weeks }).total('milliseconds');
}

/** For people, in the units it was written in: `72 h`, `90 d`, `5 min`, `1 d 12 h`, `0 s`. */
export function humanDuration(d: IsoDuration): string {
  const duration = Temporal.Duration.from(d);
  const parts = partsOf(duration.abs());
  const seconds = parts.seconds + parts.milliseconds / 1000;
  const units: [number, string][] = [
    [parts.years, 'y'],
    [parts.months, 'mo'],
    [parts.weeks, 'w'],
    [parts.days, 'd'],
    [parts.hours, 'h'],
    [parts.minutes, 'min'],
    [seconds, 's'],
  ];
  const words = units.filter(([count]) => count !== 0).map(([count, unit]) => `${count} ${unit}`);
  return words.length === 0 ? '0 s' : `${duration.sign < 0 ? '-' : ''}${words.join(' ')}`;
}

/** Below zero where `a` is earlier than `b`, zero where they are one instant, above zero otherwise. */
export function compareInstants(a: Instant, b: Instant): number {
  return Temporal.Instant.compare(Temporal.Instant.from(a), Temporal.Instant.from(b));
}

interface Parts {
  readonly years: number;
  readonly months: number;
  readonly weeks: number;
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

function partsOf(duration: Temporal.Duration): Parts {
  const { years, months, weeks, days, hours, minutes, seconds, milliseconds } = duration;
  return { years, months, weeks, days, hours, minutes, seconds, milliseconds };
}
