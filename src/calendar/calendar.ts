import { Temporal } from 'temporal-polyfill';
import type { Instant, IsoDuration } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';
import { MONTHS, parseDayRule } from './rules.ts';

type Every = Extract<Cadence, { kind: 'every' }>;
type Calendar = Extract<Cadence, { kind: 'calendar' }>;

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
  const instant = Temporal.Instant.from(after);
  switch (cadence.kind) {
    case 'onRequest':
    case 'onCompromise':
    case 'userManaged':
      return null;
    case 'every':
      return nextOfPeriod(cadence, instant).toString();
    case 'calendar':
      return nextOfCalendar(cadence, instant).toString();
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
    case 'every':
      return `every ${humanDuration(cadence.period)} from ${cadence.anchor} ${cadence.at} ${cadence.timeZone}`;
    case 'calendar': {
      const how = { month: 'monthly', quarter: 'quarterly', year: 'yearly' }[cadence.each];
      const day = /^\d/.test(cadence.on) ? `day ${cadence.on}` : cadence.on;
      const month = cadence.month === null ? '' : ` of ${MONTHS[cadence.month - 1] ?? ''}`;
      return `${how}, ${day}${month} ${cadence.at} ${cadence.timeZone}`;
    }
  }
}

/** `at` + `d`. Days are 24 hours, months and years are those of the UTC calendar. */
export function addDuration(at: Instant, d: IsoDuration): Instant {
  return Temporal.Instant.from(at).toZonedDateTimeISO('UTC').add(d).toInstant().toString();
}

/** The length in milliseconds, a day being 24 hours. Throws RangeError for years and months, which have no fixed length. */
export function durationMs(d: IsoDuration): number {
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

function nextOfPeriod(cadence: Every, after: Temporal.Instant): Temporal.Instant {
  const parts = partsOf(Temporal.Duration.from(cadence.period));
  const date = Temporal.PlainDate.from(cadence.anchor);
  // Multiplied from the anchor's local date each time: adding step by step would keep a shifted hour or a clipped day.
  const nth = (n: number): Temporal.Instant =>
    onWallClock(
      date.add({
        years: parts.years * n,
        months: parts.months * n,
        weeks: parts.weeks * n,
        days: parts.days * n,
      }),
      cadence,
    ).add({ hours: parts.hours * n, minutes: parts.minutes * n, seconds: parts.seconds * n });

  const days = parts.years * 365.2425 + parts.months * 30.436875 + parts.weeks * 7 + parts.days;
  const about = days * 86_400 + parts.hours * 3600 + parts.minutes * 60 + parts.seconds;
  const elapsed = (after.epochMilliseconds - nth(0).epochMilliseconds) / 1000;
  let n = Math.max(0, Math.floor(elapsed / about));
  while (n > 0 && isAfter(nth(n - 1), after)) n -= 1;
  while (!isAfter(nth(n), after)) n += 1;
  return nth(n);
}

function nextOfCalendar(cadence: Calendar, after: Temporal.Instant): Temporal.Instant {
  const local = after.toZonedDateTimeISO(cadence.timeZone).toPlainDate();
  const size = { month: 1, quarter: 3, year: 12 }[cadence.each];
  const month =
    cadence.each === 'month' ? local.month : cadence.each === 'quarter' ? quarterStart(local.month) : 1;
  // One period early: a skipped wall-clock time can push a period's date over its end.
  let start = Temporal.PlainYearMonth.from({ year: local.year, month }).subtract({ months: size });
  for (;;) {
    const due = onWallClock(dateIn(start, cadence), cadence);
    if (isAfter(due, after)) return due;
    start = start.add({ months: size });
  }
}

/** The cadence's date in the month, quarter or year that begins with `start`. */
function dateIn(start: Temporal.PlainYearMonth, cadence: Calendar): Temporal.PlainDate {
  const rule = parseDayRule(cadence.on);
  if (rule === null) throw new RangeError(`"${cadence.on}" names no day`);
  if (cadence.each === 'year') start = start.with({ month: cadence.month ?? 1 });
  if ('day' in rule) return start.toPlainDate({ day: Math.min(rule.day, start.daysInMonth) });
  if (rule.nth > 0) {
    const first = start.toPlainDate({ day: 1 });
    return first.add({ days: ((rule.weekday - first.dayOfWeek + 7) % 7) + 7 * (rule.nth - 1) });
  }
  const end = cadence.each === 'quarter' ? start.add({ months: 2 }) : start;
  const last = end.toPlainDate({ day: end.daysInMonth });
  return last.subtract({ days: (last.dayOfWeek - rule.weekday + 7) % 7 });
}

function quarterStart(month: number): number {
  return month - ((month - 1) % 3);
}

function onWallClock(
  date: Temporal.PlainDate,
  clock: { readonly at: string; readonly timeZone: string },
): Temporal.Instant {
  const plainTime = Temporal.PlainTime.from(clock.at);
  return date.toZonedDateTime({ timeZone: clock.timeZone, plainTime }).toInstant();
}

function isAfter(a: Temporal.Instant, b: Temporal.Instant): boolean {
  return Temporal.Instant.compare(a, b) > 0;
}
