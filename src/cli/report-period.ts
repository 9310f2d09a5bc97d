import { addDuration } from '../calendar/calendar.ts';
import type { Instant } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import { pastGiven } from './moment.ts';

export interface PeriodArgs {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly period: 'quarter' | 'year' | undefined;
}

export interface Between {
  readonly from: Instant;
  readonly to: Instant;
}

const LENGTHS = { quarter: 'P3M', year: 'P1Y' } as const;

/**
 * The time that a report is about, `from` included, `to` not: the three months up to now unless said. What ends in the
 * very second of now is part of it.
 */
export function periodGiven({ from, to, period }: PeriodArgs, now: Instant): Between {
  if (from !== undefined && period !== undefined) {
    throw badPeriod('--period with --from: both say when it begins', 'leave one of them away');
  }
  const end = to === undefined ? addDuration(now, 'PT1S') : pastGiven('--to', to, now);
  const begin =
    from === undefined
      ? addDuration(end, `-${LENGTHS[period ?? 'quarter']}`)
      : pastGiven('--from', from, now);
  if (begin < end) return { from: begin, to: end };
  throw badPeriod(`--from ${begin} is not before --to ${end}`, 'give an earlier --from or a later --to');
}

function badPeriod(what: string, next: string): Fault {
  return new Fault({ code: 'bad-usage', what, where: 'command line', live: 'nothing ran', next });
}
