import { Temporal } from 'temporal-polyfill';
import type { Instant, IsoDuration } from '../model/address.ts';
import type { Freeze } from '../model/openings.ts';
import { addDuration, compareInstants } from './calendar.ts';
import { isAfter, onWallClock } from './dates.ts';
import { freezeAt } from './openings.ts';
import type { CalendarProblem } from './rules.ts';
import { durationProblem, zoneProblems } from './rules.ts';

const SPAN_FORM = 'write 30d, 2w, 12h, or an ISO-8601 duration such as P30D or PT12H';
const MOMENT_FORM =
  'write 2027-01-04, 2027-01-04T03:00 (UTC), 2027-01-04T03:00+01:00, 2027-01-04T03:00[Europe/Berlin], or +90d';
const PAST_FORM = 'write 20min, 2h (that long ago), 2027-01-04T03:00 (UTC) or 2027-01-04T03:00+01:00';
/** Date, time, offset, zone. */
const MOMENT =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)([Zz]|[+-]\d\d:\d\d)?)?(?:\[([\w/+-]+)\])?$/;
const FURTHEST_YEARS = 100;
const SPAN_UNITS: Readonly<Record<string, IsoDuration>> = { min: 'PT#M', h: 'PT#H', d: 'P#D', w: 'P#W' };

/** A length of time as people type it, `30d`, `2w`, `12h`, `20min` or ISO-8601; what is wrong with it otherwise. Above zero. */
export function readSpan(text: string): IsoDuration | CalendarProblem {
  const [, count, unit = ''] = /^(\d{1,5})(min|[hdw])$/.exec(text) ?? [];
  const iso = count === undefined ? text : (SPAN_UNITS[unit] ?? '').replace('#', count);
  const problem = durationProblem(iso, false);
  if (problem !== null) return { what: `"${text}" is no length of time`, next: SPAN_FORM };
  return Temporal.Duration.from(iso).sign === 0
    ? { what: `"${text}" is no time at all`, next: SPAN_FORM }
    : iso;
}

/**
 * A moment that is not past, as people type it: an RFC 3339 time, or a date or a time without an offset, which is
 * UTC's unless a `[zone]` stands behind it; or `+90d`, counted from `now`. In whole seconds; a skipped wall-clock
 * time follows the rule of `onWallClock`.
 */
export function readMoment(text: string, now: Instant): Instant | CalendarProblem {
  try {
    const at = text.startsWith('+') ? momentAfter(text.slice(1), now) : momentOf(text);
    if (typeof at !== 'string') return at ?? { what: `"${text}" is no moment`, next: MOMENT_FORM };
    if (compareInstants(at, now) < 0)
      return { what: `"${text}" is past`, next: `it is ${now} now: give a later moment` };
    if (compareInstants(at, addDuration(now, `P${FURTHEST_YEARS}Y`)) <= 0) return at;
    return { what: `"${text}" is more than ${FURTHEST_YEARS} years away`, next: 'give an earlier moment' };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { what: `"${text}" is not on the calendar`, next: MOMENT_FORM };
  }
}

/** A moment that is not to come, as people type it: a time as for `readMoment`, or how long ago it was, `20min`. */
export function readPast(text: string, now: Instant): Instant | CalendarProblem {
  try {
    const span = readSpan(text);
    const at = typeof span === 'string' ? addDuration(now, `-${span}`) : momentOf(text);
    if (typeof at !== 'string') return at ?? { what: `"${text}" is no moment`, next: PAST_FORM };
    if (compareInstants(at, now) <= 0) return at;
    return { what: `"${text}" is still to come`, next: `it is ${now} now: give an earlier moment` };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { what: `"${text}" is not on the calendar`, next: PAST_FORM };
  }
}

/** What is wrong with the span is said of the whole moment: null. */
function momentAfter(span: string, now: Instant): Instant | null {
  const duration = readSpan(span);
  return typeof duration === 'string' ? addDuration(now, duration) : null;
}

function momentOf(text: string): Instant | CalendarProblem | null {
  const [, date, time = '00:00', offset, zone] = MOMENT.exec(text) ?? [];
  if (date === undefined) return null;
  const [wrong] = zone === undefined ? [] : zoneProblems(zone);
  if (wrong !== undefined) return wrong;
  const instant =
    zone === undefined
      ? Temporal.Instant.from(`${date}T${time}${offset ?? 'Z'}`)
      : Temporal.ZonedDateTime.from(`${date}T${time}${offset ?? ''}[${zone}]`).toInstant();
  return instant.toString({ smallestUnit: 'second' });
}

/** A freeze from its first moment to its last. */
export interface FreezeSpan {
  readonly freeze: Freeze;
  readonly begins: Instant;
  readonly ends: Instant;
}

/** Every time that a freeze holds in part of the time from `from` to `until`, the earliest first. */
export function freezesBetween(freeze: Freeze, from: Instant, until: Instant): FreezeSpan[] {
  const [first, last] = [from, until].map((at) =>
    Temporal.Instant.from(at).toZonedDateTimeISO(freeze.timeZone),
  );
  if (first === undefined || last === undefined) return [];
  const dates =
    freeze.from.length > 5
      ? [Temporal.PlainDate.from(freeze.from)]
      : years(first.year - 1, last.year).map((year) => dayOf(freeze.from, year));
  return dates.flatMap((date) => {
    const begins = onWallClock(date, '00:00', freeze.timeZone);
    const ends = freezeAt([freeze], begins.toString())?.ends;
    if (ends === undefined || isAfter(begins, last.toInstant())) return [];
    return isAfter(Temporal.Instant.from(ends), first.toInstant())
      ? [{ freeze, begins: begins.toString(), ends }]
      : [];
  });
}

function years(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** 29 February is the last day of February in the other years. */
function dayOf(monthDay: string, year: number): Temporal.PlainDate {
  const [month = 1, day = 1] = monthDay.split('-').map(Number);
  return Temporal.PlainDate.from({ year, month, day }, { overflow: 'constrain' });
}
