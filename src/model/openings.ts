import type { SecretAddress } from './address.ts';

export const WEEKDAYS = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;

export type Weekday = (typeof WEEKDAYS)[number];

/** Hours of the week in which the calendar may rotate. */
export interface Window {
  /** Days on which it opens, in the order of the week. */
  readonly days: readonly Weekday[];
  /** `hh:mm` on the clock of the zone. */
  readonly from: string;
  /** `hh:mm`; before `from`: on the next day. */
  readonly until: string;
  readonly timeZone: string;
}

/** Days on which nothing is done by date: no rotation, no settle, no retirement, no pruning. */
export interface Freeze {
  /** Construct path, for people. */
  readonly path: string;
  readonly position: string | null;
  /** First day, `YYYY-MM-DD`, or `MM-DD` each year. */
  readonly from: string;
  /** Last day, in the same form; `MM-DD` before `from`: of the next year. */
  readonly through: string;
  readonly timeZone: string;
  readonly reason: string | null;
  /** Whom it holds; empty: the whole stack. */
  readonly secrets: readonly SecretAddress[];
}
