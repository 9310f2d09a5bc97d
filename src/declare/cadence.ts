import type { IsoDuration } from '../model/address.ts';
import type { Cadence as DeclaredCadence } from '../model/declared.ts';
import type { Weekday, Window as DeclaredWindow } from '../model/openings.ts';
import { WEEKDAYS } from '../model/openings.ts';

/** A length of time. What is wrong with one (negative, not a number) is said at synth, with its place. */
export class Duration {
  readonly iso: IsoDuration;

  private constructor(iso: IsoDuration) {
    this.iso = iso;
  }

  static seconds(count: number): Duration {
    return Duration.of('PT', count, 'S');
  }

  static minutes(count: number): Duration {
    return Duration.of('PT', count, 'M');
  }

  static hours(count: number): Duration {
    return Duration.of('PT', count, 'H');
  }

  static days(count: number): Duration {
    return Duration.of('P', count, 'D');
  }

  static weeks(count: number): Duration {
    return Duration.of('P', count, 'W');
  }

  static months(count: number): Duration {
    return Duration.of('P', count, 'M');
  }

  /** An ISO-8601 text such as `PT72H` or `P90D`. */
  static iso(text: IsoDuration): Duration {
    return new Duration(text);
  }

  private static of(prefix: string, count: number, unit: string): Duration {
    return new Duration(`${count < 0 ? '-' : ''}${prefix}${Math.abs(count)}${unit}`);
  }
}

/** When a secret is due. Dates come from the calendar or the anchor, never from the last run. */
export type Cadence = DeclaredCadence;

export type { Weekday };

/** A weekday of the period, or a day of its (first) month; a day the month lacks is its last day. */
export type Day = `${'first' | 'second' | 'third' | 'fourth' | 'last'} ${Weekday}` | number;

export interface Clock {
  /** `hh:mm` on the clock of the time zone. */
  readonly at: string;
  /** A name of the IANA database, for instance `Europe/Berlin`. */
  readonly timeZone: string;
}

export interface CalendarProps extends Clock {
  readonly on: Day;
  /** Whole days after that day: two credentials with one cadence then rotate apart. None unless said. */
  readonly offset?: Duration | IsoDuration;
}

export const Cadence = {
  monthly(props: CalendarProps): Cadence {
    return calendar('month', null, props);
  },

  /** Quarters begin in January, April, July and October. */
  quarterly(props: CalendarProps): Cadence {
    return calendar('quarter', null, props);
  },

  /** `month` is 1 to 12. */
  annually(props: CalendarProps & { readonly month: number }): Cadence {
    return calendar('year', props.month, props);
  },

  /** On the local date `from` (`YYYY-MM-DD`) and every `period` (`Duration.days(90)` or `P90D`) counted from it. */
  every(period: Duration | IsoDuration, props: Clock & { readonly from: string }): Cadence {
    const { from: anchor, at, timeZone } = props;
    return { kind: 'every', period: isoOf(period), anchor, at, timeZone };
  },

  /** Five fields (minute, hour, day, month, weekday) on the clock of the zone: `0 3 * JAN,APR,JUL,OCT MON#1`. */
  cron(expression: string, { timeZone }: Pick<Clock, 'timeZone'>): Cadence {
    return { kind: 'cron', expression: expression.trim().replace(/\s+/g, ' '), timeZone };
  },

  /** Only when a person asks: `plan --rotate`, or a higher generation. */
  onRequest(): Cadence {
    return { kind: 'onRequest' };
  },

  /** Only when it leaked. */
  onCompromise(): Cadence {
    return { kind: 'onCompromise' };
  },

  /** Its owner rotates it elsewhere; it is listed and never rotated from here. */
  userManaged(): Cadence {
    return { kind: 'userManaged' };
  },
} as const;

/** Hours of the week in which the calendar may rotate. */
export type Window = DeclaredWindow;

/** `hh:mm` on the clock of the zone; `until` before `from`: on the next day. */
export interface WindowProps {
  readonly from: string;
  readonly until: string;
  readonly timeZone: string;
}

export const Window = {
  daily({ from, until, timeZone }: WindowProps): Window {
    return { days: WEEKDAYS, from, until, timeZone };
  },

  /** The days are those on which it opens. */
  weekly({ days, from, until, timeZone }: WindowProps & { readonly days: readonly Weekday[] }): Window {
    // What is no weekday stays, for the rules to refuse: an app may run without a type check.
    const known = WEEKDAYS.filter((day) => days.includes(day));
    return { days: [...known, ...days.filter((day) => !WEEKDAYS.includes(day))], from, until, timeZone };
  },
} as const;

/** The ISO-8601 text of a length of time. */
export function isoOf(length: Duration | IsoDuration): IsoDuration {
  return typeof length === 'string' ? length : length.iso;
}

function calendar(each: 'month' | 'quarter' | 'year', month: number | null, props: CalendarProps): Cadence {
  const { on, at, timeZone, offset } = props;
  const after = offset === undefined ? {} : { offset: isoOf(offset) };
  return { kind: 'calendar', each, on: String(on), month, at, timeZone, ...after };
}
