import { Temporal } from 'temporal-polyfill';
import type { Instant, IsoDuration } from '../model/address.ts';
import type { Freeze, Window } from '../model/openings.ts';
import { WEEKDAYS } from '../model/openings.ts';
import { isAfter, onWallClock } from './dates.ts';

/** When the calendar may act on something. */
export interface Openings {
  /** Empty: at any time that no freeze covers. */
  readonly windows: readonly Window[];
  readonly freezes: readonly Freeze[];
}

export interface Opening {
  readonly opens: Instant;
  /** When the window closes, or a freeze shuts it; null: no window ends it. */
  readonly closes: Instant | null;
}

/** A freeze, and when it is over. */
export interface Frozen {
  readonly freeze: Freeze;
  readonly ends: Instant;
}

/** Further than any date: windows open each week, so only freezes can shut them for so long. */
const HORIZON_DAYS = 800;

/**
 * So many days of windows are looked at, more where those before show no end: most open within a day. What opens
 * each week has opened twice in the last, so also where the clock skips it once, and shows whether it ever closes.
 */
const LOOKED_AT = [3, 9, 26];

export interface Span {
  readonly from: Temporal.Instant;
  readonly until: Temporal.Instant;
}

/** Null: without a beginning, without an end. */
interface OpenSpan {
  readonly from: Temporal.Instant | null;
  readonly until: Temporal.Instant | null;
}

const ALWAYS: OpenSpan = { from: null, until: null };

/**
 * The first time at or after `at` in which a window is open and no freeze holds. Null where there is none within
 * two years: what is declared then leaves no time. Windows and freezes must have passed their rules.
 *
 * Wall-clock times follow the rule of `onWallClock`; a window whose hours the clock skips does not open that day.
 */
export function nextOpening({ windows, freezes }: Openings, at: Instant): Opening | null {
  let from = Temporal.Instant.from(at);
  const horizon = from.add({ hours: 24 * HORIZON_DAYS });
  while (!isAfter(from, horizon)) {
    const span = windows.length === 0 ? ALWAYS : nextSpan(windows, from);
    if (span === null) return null;
    const opens = span.from === null || isAfter(from, span.from) ? from : span.from;
    const frozen = frozenSpan(freezes, opens);
    if (frozen === null) {
      const closes = span.until === null ? null : firstFreeze(freezes, opens, span.until);
      return { opens: opens.toString(), closes: closes?.toString() ?? null };
    }
    from = frozen.span.until;
  }
  return null;
}

/** The first time at or after `at` at which all of these are open at once; null: they are not within two years. */
export function commonOpening(all: readonly Openings[], at: Instant): Instant | null {
  const horizon = Temporal.Instant.from(at).add({ hours: 24 * HORIZON_DAYS });
  for (let from = at; ;) {
    const opens = all.map((when) => nextOpening(when, from)?.opens ?? null);
    let last = Temporal.Instant.from(from);
    for (const each of opens) {
      if (each === null) return null;
      const instant = Temporal.Instant.from(each);
      if (isAfter(instant, last)) last = instant;
    }
    if (last.equals(from)) return from;
    if (isAfter(last, horizon)) return null;
    from = last.toString();
  }
}

/** The freeze that holds at this instant, the one that ends last where there are several; null: none does. */
export function freezeAt(freezes: readonly Freeze[], at: Instant): Frozen | null {
  // Asked for each secret, and few stacks declare a freeze.
  if (freezes.length === 0) return null;
  const frozen = frozenSpan(freezes, Temporal.Instant.from(at));
  return frozen === null ? null : { freeze: frozen.freeze, ends: frozen.span.until.toString() };
}

/** Whether a window is open and no freeze holds. */
export function isOpen(when: Openings, at: Instant): boolean {
  return nextOpening(when, at)?.opens === Temporal.Instant.from(at).toString();
}

/**
 * When something that is due at `due` counts as overdue: `grace` after the first window in which it could have
 * been done has closed; without windows, after the first moment.
 */
export function overdueAt(when: Openings, due: Instant, grace: IsoDuration): Instant {
  const opening = nextOpening(when, due);
  const base = Temporal.Instant.from(opening?.closes ?? opening?.opens ?? due);
  return base.toZonedDateTimeISO('UTC').add(grace).toInstant().toString();
}

/** For people: `mon tue 02:00-05:00 Europe/Berlin`. */
export function describeWindow({ days, from, until, timeZone }: Window): string {
  const which = days.length === 7 ? 'daily' : days.map((day) => day.slice(0, 3)).join(' ');
  return `${which} ${from}-${until} ${timeZone}`;
}

/** For people: `2026-12-18 to 2027-01-03 (year end)`. */
export function describeFreeze({ from, through, reason }: Freeze): string {
  return `${from} to ${through}${reason === null ? '' : ` (${reason})`}`;
}

/** The window that is open at `at`, or opens next; prolonged by those that take over before it closes. */
function nextSpan(windows: readonly Window[], at: Temporal.Instant): OpenSpan | null {
  for (const days of LOOKED_AT) {
    const span = spanWithin(windows, at, days);
    // Nothing that was not looked at begins before this.
    const known = at.add({ hours: 24 * (days - 2) - 2 });
    if (span !== null && !isAfter(span.until, known)) return span;
    // Windows come each week: what is open for longer than that never closes.
    if (span !== null && days > 9) return { from: span.from, until: null };
  }
  return null;
}

function spanWithin(windows: readonly Window[], at: Temporal.Instant, days: number): Span | null {
  const spans = windows
    .flatMap((window) => spansOf(window, at, days))
    .filter(({ until }) => isAfter(until, at))
    .sort((a, b) => Temporal.Instant.compare(a.from, b.from));
  const [first] = spans;
  if (first === undefined) return null;
  let until = first.until;
  for (const span of spans) if (!isAfter(span.from, until) && isAfter(span.until, until)) until = span.until;
  return { from: first.from, until };
}

/** A window's openings from the day before `at` on, in order. */
function spansOf({ days, from, until, timeZone }: Window, at: Temporal.Instant, count: number): Span[] {
  const first = at.toZonedDateTimeISO(timeZone).toPlainDate().subtract({ days: 1 });
  const spans: Span[] = [];
  for (let day = 0; day < count; day += 1) {
    const date = first.add({ days: day });
    const weekday = WEEKDAYS[date.dayOfWeek - 1];
    if (weekday === undefined || !days.includes(weekday)) continue;
    const span = {
      from: onWallClock(date, from, timeZone),
      until: onWallClock(until <= from ? date.add({ days: 1 }) : date, until, timeZone),
    };
    if (isAfter(span.until, span.from)) spans.push(span);
  }
  return spans;
}

function frozenSpan(freezes: readonly Freeze[], at: Temporal.Instant): { freeze: Freeze; span: Span } | null {
  let last: { freeze: Freeze; span: Span } | null = null;
  for (const freeze of freezes) {
    for (const span of freezeSpans(freeze, at)) {
      if (isAfter(span.from, at) || !isAfter(span.until, at)) continue;
      if (last === null || isAfter(span.until, last.span.until)) last = { freeze, span };
    }
  }
  return last;
}

/** When the first freeze begins between these two, else `until`. */
function firstFreeze(
  freezes: readonly Freeze[],
  at: Temporal.Instant,
  until: Temporal.Instant,
): Temporal.Instant {
  return freezes
    .flatMap((freeze) => freezeSpans(freeze, at))
    .map((span) => span.from)
    .filter((from) => isAfter(from, at))
    .reduce((first, from) => (isAfter(first, from) ? from : first), until);
}

/** The days of a freeze as instants; of one that comes each year those of the years around `at`. */
export function freezeSpans({ from, through, timeZone }: Freeze, at: Temporal.Instant): Span[] {
  const span = (first: Temporal.PlainDate, last: Temporal.PlainDate): Span => ({
    from: onWallClock(first, '00:00', timeZone),
    until: onWallClock(last.add({ days: 1 }), '00:00', timeZone),
  });
  if (from.length > 5) return [span(Temporal.PlainDate.from(from), Temporal.PlainDate.from(through))];
  const year = at.toZonedDateTimeISO(timeZone).year;
  return [year - 1, year, year + 1].map((each) =>
    span(dayOf(from, each), dayOf(through, through < from ? each + 1 : each)),
  );
}

/** `12-18` in a year; 29 February is the last day of February in the other years. */
export function dayOf(monthDay: string, year: number): Temporal.PlainDate {
  const [month = 1, day = 1] = monthDay.split('-').map(Number);
  return Temporal.PlainDate.from({ year, month, day }, { overflow: 'constrain' });
}
