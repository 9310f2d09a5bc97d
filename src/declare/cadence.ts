import type { IsoDuration } from '../model/address.ts';
import type { Cadence as DeclaredCadence } from '../model/declared.ts';

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

export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

/** A weekday of the period, or a day of its (first) month; a day the month lacks is its last day. */
export type Day = `${'first' | 'second' | 'third' | 'fourth' | 'last'} ${Weekday}` | number;

export interface Clock {
  /** `hh:mm` on the clock of the time zone. */
  readonly at: string;
  /** A name of the IANA database, for instance `Europe/Berlin`. */
  readonly timeZone: string;
}

export const Cadence = {
  monthly(props: Clock & { readonly on: Day }): Cadence {
    return calendar('month', null, props);
  },

  /** Quarters begin in January, April, July and October. */
  quarterly(props: Clock & { readonly on: Day }): Cadence {
    return calendar('quarter', null, props);
  },

  /** `month` is 1 to 12. */
  yearly(props: Clock & { readonly on: Day; readonly month: number }): Cadence {
    return calendar('year', props.month, props);
  },

  /** On the local date `from` (`YYYY-MM-DD`) and every `period` counted from it. */
  every(period: Duration, props: Clock & { readonly from: string }): Cadence {
    return { kind: 'every', period: period.iso, anchor: props.from, at: props.at, timeZone: props.timeZone };
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

function calendar(
  each: 'month' | 'quarter' | 'year',
  month: number | null,
  props: Clock & { readonly on: Day },
): Cadence {
  return { kind: 'calendar', each, on: String(props.on), month, at: props.at, timeZone: props.timeZone };
}
