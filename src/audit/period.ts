import type { Instant } from '../model/address.ts';

/** The time that a report is about, `from` included, `to` not; and when it is made. */
export interface Period {
  readonly from: Instant;
  readonly to: Instant;
  readonly now: Instant;
}

export function isWithin({ from, to }: Period, at: Instant): boolean {
  return at >= from && at < to;
}

/** Its end, or now while it lasts. */
export function endOf({ to, now }: Period): Instant {
  return to < now ? to : now;
}
