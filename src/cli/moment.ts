import { addDuration, compareInstants } from '../calendar/calendar.ts';
import { readMoment, readPast, readSpan } from '../calendar/moments.ts';
import type { Instant, IsoDuration } from '../model/address.ts';
import { Fault } from '../model/fault.ts';

/** Further ahead an agenda would list what nobody plans yet. */
const FURTHEST_YEARS = 5;

/** The moment that an option names, not before `now`. Throws what is wrong with it, and how to write it. */
export function momentGiven(option: string, text: string, now: Instant): Instant {
  const at = readMoment(text, now);
  if (typeof at === 'string') return at;
  throw badOption(option, at.what, at.next);
}

/** The moment that an option names, not after `now`. Throws what is wrong with it, and how to write it. */
export function pastGiven(option: string, text: string, now: Instant): Instant {
  const at = readPast(text, now);
  if (typeof at === 'string') return at;
  throw badOption(option, at.what, at.next);
}

/** A moment that an option names, past or to come; how long ago it was (`30d`) is one too. Throws as `pastGiven`. */
export function timeGiven(option: string, text: string, now: Instant): Instant {
  const ahead = readMoment(text, now);
  return typeof ahead === 'string' ? ahead : pastGiven(option, text, now);
}

/** The end of the time that an option gives, counted from `now`. Throws what is wrong with it, and how to write it. */
export function horizonGiven(option: string, text: string, now: Instant): Instant {
  const span = readSpan(text);
  if (typeof span !== 'string') throw badOption(option, span.what, span.next);
  if (isWithin(span, now)) return addDuration(now, span);
  throw badOption(
    option,
    `"${text}" is more than ${FURTHEST_YEARS} years`,
    'give a shorter time, such as 90d',
  );
}

function isWithin(span: IsoDuration, now: Instant): boolean {
  try {
    return compareInstants(addDuration(now, span), addDuration(now, `P${FURTHEST_YEARS}Y`)) <= 0;
  } catch {
    // Beyond the end of the calendar.
    return false;
  }
}

function badOption(option: string, what: string, next: string): Fault {
  const where = 'command line';
  return new Fault({ code: 'bad-usage', what: `${option}: ${what}`, where, live: 'nothing ran', next });
}
