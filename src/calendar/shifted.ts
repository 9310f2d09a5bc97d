import { Temporal } from 'temporal-polyfill';
import type { Cadence } from '../model/declared.ts';
import { SHORTEST_DAYS } from './rules.ts';

export interface Shifted {
  readonly cadence: Cadence;
  /** The property that says it, as it is written: `offset: 'P14D'`, `from: '2026-01-19'`. */
  readonly written: string;
}

/** No period is tried further than this; what fits nowhere in a year does not fit. */
const MOST_DAYS = 366;

/**
 * The same cadence by whole days later, the smallest shift first: with each offset that a calendar takes, from each
 * day of a period. A cron expression has neither.
 */
export function* shifted(cadence: Cadence): Generator<Shifted> {
  if (cadence.kind === 'calendar') {
    const { offset: _, ...plain } = cadence;
    if (cadence.offset !== undefined) yield { cadence: plain, written: 'no offset' };
    for (let days = 1; days < SHORTEST_DAYS[cadence.each]; days += 1) {
      const offset = `P${days}D`;
      if (offset !== cadence.offset)
        yield { cadence: { ...cadence, offset }, written: `offset: '${offset}'` };
    }
  }
  if (cadence.kind === 'every') {
    const anchor = Temporal.PlainDate.from(cadence.anchor);
    const next = anchor.add(
      Temporal.Duration.from(cadence.period).with({ hours: 0, minutes: 0, seconds: 0 }),
    );
    const most = Math.min(MOST_DAYS, anchor.until(next, { largestUnit: 'days' }).days - 1);
    for (let days = 1; days <= most; days += 1) {
      const from = anchor.add({ days }).toString();
      yield { cadence: { ...cadence, anchor: from }, written: `from: '${from}'` };
    }
  }
}
