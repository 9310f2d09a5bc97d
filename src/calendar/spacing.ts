import { Temporal } from 'temporal-polyfill';
import type { Instant, IsoDuration } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';
import { readCron, utcAsWall, wallAsUtc } from './cron.ts';
import { calendarFrom, onWallClock, periodsFrom } from './dates.ts';

/** How near a date of one cadence comes to a date of another, and where. */
export interface Meeting {
  readonly ms: number;
  readonly first: Instant;
  readonly second: Instant;
}

type Dated = Extract<Cadence, { timeZone: string }>;

/** A fixed date, so that a declaration is judged alike on every day; from it, or from a later anchor, on. */
const START = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const TEN_YEARS = 3653 * DAY;
/** Each five minutes for nearly five years; what comes that often is not looked at for longer. */
const MOST_DATES = 500_000;
/** Enough for two gaps, where dates are years apart. */
const LEAST_DATES = 3;

/**
 * The longest time between two dates that follow each other, in milliseconds, within ten years; null where a cadence
 * has no dates. The hour that daylight saving adds is not counted: each 90 days is 90 days. The cadence must have
 * passed `cadenceProblems`, here and below.
 */
export function longestGap(cadence: Cadence): number | null {
  if (!isDated(cadence)) return null;
  const dates = datesOf(cadence);
  let longest = 0;
  for (let index = 1; index < dates.length; index += 1) {
    const [earlier = 0, later = 0] = [dates[index - 1], dates[index]];
    const gap = later - earlier;
    if (gap <= longest) continue;
    const shift = offsetAt(later, cadence.timeZone) - offsetAt(earlier, cadence.timeZone);
    longest = Math.max(longest, Math.min(gap, gap + shift));
  }
  return dates.length < 2 ? null : longest;
}

/** The shortest time that really passes between two dates, in milliseconds, within ten years; null: it has no dates. */
export function shortestGap(cadence: Cadence): number | null {
  if (!isDated(cadence)) return null;
  let shortest: number | null = null;
  let earlier: number | null = null;
  for (const later of datesOf(cadence)) {
    // Where the clock skips an hour, two dates can fall on one instant.
    const gap = earlier === null ? 0 : later - earlier;
    if (gap > 0 && (shortest === null || gap < shortest)) shortest = gap;
    earlier = later;
  }
  return shortest;
}

/**
 * Where the dates of two cadences are nearest to each other within ten years, the earliest such place; null where one
 * of them has no dates.
 */
export function closest(a: Cadence, b: Cadence): Meeting | null {
  if (!isDated(a) || !isDated(b)) return null;
  const start = Math.max(beginning(a), beginning(b));
  const end = Math.max(endOf(a, start), endOf(b, start));
  const [first, second] = [datesOf(a, start, end), datesOf(b, start, end)];
  let best: { readonly ms: number; readonly x: number; readonly y: number } | null = null;
  for (let i = 0, j = 0; ;) {
    const [x, y] = [first[i], second[j]];
    if (x === undefined || y === undefined) break;
    const ms = Math.abs(x - y);
    if (best === null || ms < best.ms) best = { ms, x, y };
    if (x <= y) i += 1;
    else j += 1;
  }
  return best === null ? null : { ms: best.ms, first: instantOf(best.x), second: instantOf(best.y) };
}

/** So many milliseconds as days, hours, minutes and seconds: `P27DT23H`. */
export function durationOf(ms: number): IsoDuration {
  return Temporal.Duration.from({ milliseconds: ms }).round({ largestUnit: 'days' }).toString();
}

function isDated(cadence: Cadence): cadence is Dated {
  return 'timeZone' in cadence;
}

function beginning(cadence: Dated): number {
  return cadence.kind === 'every' ? Math.max(START, anchorOf(cadence)) : START;
}

function anchorOf({ anchor, at, timeZone }: Extract<Dated, { kind: 'every' }>): number {
  return onWallClock(Temporal.PlainDate.from(anchor), at, timeZone).epochMilliseconds;
}

/** The last instant that is looked at. */
function endOf(cadence: Dated, start: number): number {
  let count = 0;
  for (const date of unending(cadence, start)) {
    if (date >= start) count += 1;
    if (count === LEAST_DATES) return Math.max(date, start + TEN_YEARS);
  }
  return start + TEN_YEARS;
}

const known = new Map<string, readonly number[]>();

/** The dates in order. Many secrets have one cadence, so they are worked out once for all of them. */
function datesOf(cadence: Dated, start = beginning(cadence), end = endOf(cadence, start)): readonly number[] {
  const key = JSON.stringify([cadence, start, end]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const dates: number[] = [];
  for (const date of unending(cadence, start)) {
    if (date > end || dates.length === MOST_DATES) break;
    if (date >= start) dates.push(date);
  }
  known.set(key, dates);
  return dates;
}

/** The dates in order, about from `from` on, as `nextDue` has them. */
function* unending(cadence: Dated, from: number): Generator<number> {
  const start = Temporal.Instant.fromEpochMilliseconds(from);
  if (cadence.kind === 'cron') yield* cronFrom(cadence, start);
  else if (cadence.kind === 'calendar') {
    for (const date of calendarFrom(cadence, start)) yield date.epochMilliseconds;
  } else {
    const period = Temporal.Duration.from(cadence.period);
    const isFixed = period.with({ hours: 0, minutes: 0, seconds: 0 }).sign === 0;
    if (isFixed) yield* stepsFrom(anchorOf(cadence), period.total('milliseconds'), from);
    else for (const date of periodsFrom(cadence, start)) yield date.epochMilliseconds;
  }
}

function* stepsFrom(first: number, step: number, from: number): Generator<number> {
  for (let date = first + Math.max(0, Math.floor((from - first) / step)) * step; ; date += step) yield date;
}

/** Day by day: on most days the times of an expression are as far apart as on the clock, and need no zone. */
function* cronFrom(cadence: Extract<Cadence, { kind: 'cron' }>, from: Temporal.Instant): Generator<number> {
  const { expression, timeZone } = cadence;
  const [minute = '', hour = '', ...day] = expression.split(' ');
  const times = timesOf(minute, hour);
  const days = readCron(['0 0', ...day].join(' '));
  const dayBefore = from.toZonedDateTimeISO(timeZone).toPlainDate().subtract({ days: 2 });
  let shown = days.nextRun(wallAsUtc(dayBefore.toPlainDateTime()));
  for (; shown !== null; shown = days.nextRun(shown)) {
    const date = utcAsWall(shown).toPlainDate();
    const midnight = date.toZonedDateTime(timeZone);
    const next = date.add({ days: 1 }).toZonedDateTime(timeZone);
    const isPlain = midnight.hour === 0 && next.epochMilliseconds - midnight.epochMilliseconds === DAY;
    if (isPlain) for (const time of times) yield midnight.epochMilliseconds + time * 60_000;
    else yield* onOddDay(date, times, timeZone);
  }
}

/** Of a day on which the clock changes; two times may fall together or change places. */
function onOddDay(date: Temporal.PlainDate, times: readonly number[], timeZone: string): number[] {
  return times
    .map((time) => {
      const at = new Temporal.PlainTime(Math.floor(time / 60), time % 60).toString();
      return onWallClock(date, at, timeZone).epochMilliseconds;
    })
    .sort((a, b) => a - b);
}

/** The minutes of a day on which both are named. */
function timesOf(minute: string, hour: string): number[] {
  const minutes = momentsOf(`${minute} 0 * * *`).map((at) => at.getUTCMinutes());
  const hours = momentsOf(`0 ${hour} * * *`).map((at) => at.getUTCHours());
  return hours.flatMap((each) => minutes.map((other) => each * 60 + other));
}

/** Of one day. */
function momentsOf(expression: string): Date[] {
  const cron = readCron(expression);
  const moments: Date[] = [];
  let at = cron.nextRun(new Date(Date.UTC(2000, 0, 1) - 1000));
  for (; at !== null && at.getUTCDate() === 1; at = cron.nextRun(at)) moments.push(at);
  return moments;
}

function offsetAt(ms: number, timeZone: string): number {
  const zoned = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone);
  return zoned.offsetNanoseconds / 1_000_000;
}

function instantOf(ms: number): Instant {
  return Temporal.Instant.fromEpochMilliseconds(ms).toString();
}
