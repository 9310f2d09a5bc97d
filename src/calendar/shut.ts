import { Temporal } from 'temporal-polyfill';
import type { Instant } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';
import type { Freeze } from '../model/openings.ts';
import { nextDue } from './calendar.ts';
import type { Openings } from './openings.ts';
import { freezeSpans, nextOpening } from './openings.ts';

/** A fixed date, so that a declaration is judged alike on every day. Those around it have a leap year among them. */
const FROM = Temporal.Instant.from('2027-01-01T00:00:00Z');
/** Less than `nextOpening` looks ahead. */
const ENOUGH_DAYS = 700;

/** A date after which nothing opens, and the last day of the freeze that would leave an opening, if one does. */
export interface Shut {
  readonly due: Instant;
  readonly freeze: Freeze;
  /** Null: not this freeze alone shuts it. */
  readonly through: string | null;
}

/**
 * The first date of the cadence that finds neither a window nor an end of its freezes; null: each finds an opening.
 * Only a freeze can shut for so long, so the first date in each of them is asked; yearly ones are alike each year.
 */
export function shutAfter(cadence: Cadence, when: Openings): Shut | null {
  for (const freeze of when.freezes) {
    for (const { from, until } of freezeSpans(freeze, FROM)) {
      const begins = Temporal.Instant.compare(from, FROM) < 0 ? FROM : from;
      const due = nextDue(cadence, begins.subtract({ milliseconds: 1 }).toString());
      if (due === null || Temporal.Instant.compare(until, due) <= 0) continue;
      if (nextOpening(when, due) === null) return { due, freeze, through: throughInstead(freeze, when, due) };
    }
  }
  return null;
}

function throughInstead(freeze: Freeze, when: Openings, due: Instant): string | null {
  const isDated = freeze.from.length > 5;
  if (!isDated) return null;
  const last = Temporal.Instant.from(due)
    .add({ hours: 24 * ENOUGH_DAYS })
    .toZonedDateTimeISO(freeze.timeZone);
  const through = last.toPlainDate().toString();
  const freezes = when.freezes.map((each) => (each === freeze ? { ...each, through } : each));
  return nextOpening({ ...when, freezes }, due) === null ? null : through;
}
