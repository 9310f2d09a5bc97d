import { Temporal } from 'temporal-polyfill';
import type { Cadence } from '../model/declared.ts';
import { WEEKDAYS } from '../model/openings.ts';

type Every = Extract<Cadence, { kind: 'every' }>;
type Calendar = Extract<Cadence, { kind: 'calendar' }>;

/** `first monday` as `{ nth: 1, weekday: 1 }`, `last friday` as `{ nth: -1, weekday: 5 }`, `15` as `{ day: 15 }`. */
export type DayRule = { readonly nth: number; readonly weekday: number } | { readonly day: number };

export const NTHS: ReadonlyMap<string, number> = new Map([
  ['first', 1],
  ['second', 2],
  ['third', 3],
  ['fourth', 4],
  ['last', -1],
]);

/** The rule that `on` spells, or null where it spells none. Lower case only, one blank. */
export function parseDayRule(on: string): DayRule | null {
  if (/^([1-9]|[12][0-9]|3[01])$/.test(on)) return { day: Number(on) };
  const [word = '', name = '', ...rest] = on.split(' ');
  const nth = NTHS.get(word);
  const weekday = (WEEKDAYS as readonly string[]).indexOf(name) + 1;
  return nth === undefined || weekday === 0 || rest.length > 0 ? null : { nth, weekday };
}

/** The first instant of the period strictly after `after`. */
export function nextOfPeriod(cadence: Every, after: Temporal.Instant): Temporal.Instant {
  for (const due of periodsFrom(cadence, after)) if (isAfter(due, after)) return due;
  throw new RangeError(`"${cadence.period}" never moves on`);
}

/** Every instant of the period from `from` on, in their order, without an end; one or two before it may come first. */
export function* periodsFrom(cadence: Every, from: Temporal.Instant): Generator<Temporal.Instant> {
  const parts = Temporal.Duration.from(cadence.period);
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
      cadence.at,
      cadence.timeZone,
    ).add({ hours: parts.hours * n, minutes: parts.minutes * n, seconds: parts.seconds * n });

  const days = parts.years * 365.2425 + parts.months * 30.436875 + parts.weeks * 7 + parts.days;
  const about = days * 86_400 + parts.hours * 3600 + parts.minutes * 60 + parts.seconds;
  const elapsed = (from.epochMilliseconds - nth(0).epochMilliseconds) / 1000;
  let n = Math.max(0, Math.floor(elapsed / about));
  while (n > 0 && !isAfter(from, nth(n))) n -= 1;
  for (; ; n += 1) yield nth(n);
}

/** The first instant of the calendar strictly after `after`. */
export function nextOfCalendar(cadence: Calendar, after: Temporal.Instant): Temporal.Instant {
  for (const due of calendarFrom(cadence, after)) if (isAfter(due, after)) return due;
  throw new RangeError(`"${cadence.on}" never comes`);
}

/** Every instant of the calendar from `from` on, in their order, without an end; a few before it may come first. */
export function* calendarFrom(cadence: Calendar, from: Temporal.Instant): Generator<Temporal.Instant> {
  const local = from.toZonedDateTimeISO(cadence.timeZone);
  const size = { month: 1, quarter: 3, year: 12 }[cadence.each];
  const offset = cadence.offset === undefined ? 0 : daysIn(cadence.offset);
  // Nothing of an earlier day is later than `from`, wherever a zone's clock ever jumped to.
  const first = dayNumber(local.year, local.month, local.day) - 2;
  // Early enough for an offset that leads into the next period.
  let month = (Math.floor((local.month - 1) / size) - 2) * size;
  for (; ; month += size) {
    const year = local.year + Math.floor(month / 12);
    const day = dayIn(year, ((month % 12) + 12) % 12, cadence) + offset;
    if (day >= first) yield onWallClock(dateOf(day), cadence.at, cadence.timeZone);
  }
}

/**
 * When the clock of the zone shows this date and time. Temporal's "compatible" rule, that of RFC 5545: a time that
 * the clock skips is as much later as it jumped, of a time that comes twice the first is taken.
 */
export function onWallClock(date: Temporal.PlainDate, at: string, timeZone: string): Temporal.Instant {
  return date.toZonedDateTime({ timeZone, plainTime: Temporal.PlainTime.from(at) }).toInstant();
}

export function isAfter(a: Temporal.Instant, b: Temporal.Instant): boolean {
  return Temporal.Instant.compare(a, b) > 0;
}

/** The day of a period that begins with this month (0 to 11; of a year it is January), as a day number. */
function dayIn(year: number, month: number, cadence: Calendar): number {
  const rule = parseDayRule(cadence.on);
  if (rule === null) throw new RangeError(`"${cadence.on}" names no day`);
  const start = cadence.each === 'year' ? (cadence.month ?? 1) - 1 : month;
  const first = dayNumber(year, start + 1, 1);
  if ('day' in rule) return first + Math.min(rule.day, dayNumber(year, start + 2, 1) - first) - 1;
  if (rule.nth > 0) return first + ((rule.weekday - weekdayOf(first) + 7) % 7) + 7 * (rule.nth - 1);
  const last = dayNumber(year, start + (cadence.each === 'quarter' ? 4 : 2), 1) - 1;
  return last - ((weekdayOf(last) - rule.weekday + 7) % 7);
}

/* Dates as numbers of days since 1970: plain arithmetic, since a plan asks for the dates of thousands of secrets. */

/** `month` is 1 to 12, or beyond into the next year. */
function dayNumber(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

/** 1 for Monday to 7 for Sunday; 1970 began with a Thursday. */
function weekdayOf(day: number): number {
  return ((((day + 3) % 7) + 7) % 7) + 1;
}

function dateOf(day: number): Temporal.PlainDate {
  const date = new Date(day * 86_400_000);
  return new Temporal.PlainDate(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate());
}

function daysIn(offset: string): number {
  const { weeks, days } = Temporal.Duration.from(offset);
  return 7 * weeks + days;
}
