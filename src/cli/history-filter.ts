import { addDuration } from '../calendar/calendar.ts';
import type { EntryFilter } from '../model/history.ts';
import type { Problem } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { ApplyOutcome, HistoryEntry } from '../model/journal.ts';
import { timeGiven } from './moment.ts';
import { now } from './terminal.ts';

/** Clocks of two machines that write one history differ by less. */
const SKEW = '-P1D';

export interface PeriodArgs {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface FilterArgs extends PeriodArgs {
  readonly secret?: string | undefined;
  readonly consumer?: string | undefined;
  readonly actor?: string | undefined;
  readonly outcome?: ApplyOutcome | undefined;
  readonly kind?: HistoryEntry['kind'] | undefined;
  readonly ticket?: string | undefined;
  readonly limit: number;
}

/** The filter that the options make; all that is wrong with them is one fault. */
export function filterOf(argv: FilterArgs): EntryFilter {
  const problems: Problem[] = [];
  if (!Number.isInteger(argv.limit) || argv.limit < 1) {
    problems.push({ what: '--limit takes a whole number from 1 on', where: 'command line' });
  }
  const texts = ['secret', 'consumer', 'actor', 'ticket'] as const;
  for (const name of texts) {
    if (argv[name]?.trim() === '') problems.push({ what: `--${name} is empty`, where: 'command line' });
  }
  const period = periodOf(argv, problems);
  refuseWrong(problems);
  const { secret, consumer, actor, outcome, kind, ticket } = argv;
  const given = Object.entries({ secret, consumer, actor, outcome, kind, ticket, ...period });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** From `--since` on and before `--until`; what is wrong with them is added to `problems`. */
export function periodOf(
  { since, until }: PeriodArgs,
  problems: Problem[],
): Pick<EntryFilter, 'since' | 'until'> {
  const read = (option: string, text: string | undefined): string | undefined => {
    if (text === undefined) return undefined;
    try {
      return timeGiven(option, text, now());
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      problems.push(problemOf(thrown));
      return undefined;
    }
  };
  const period = { since: read('--since', since), until: read('--until', until) };
  if (period.since !== undefined && period.until !== undefined && period.since >= period.until) {
    problems.push({ what: `--since ${since} is not before --until ${until}`, where: 'command line' });
  }
  return {
    ...(period.since === undefined ? {} : { since: period.since }),
    ...(period.until === undefined ? {} : { until: period.until }),
  };
}

/** Whether entries before this one may still be asked for, whosever clock they were written by. */
export function reachOf({ since }: EntryFilter): (entry: HistoryEntry) => boolean {
  if (since === undefined) return () => true;
  const furthest = addDuration(since, SKEW);
  return ({ endedAt }) => endedAt >= furthest;
}

/** A fault as one of several problems. */
export function problemOf(fault: Fault): Problem {
  return {
    what: fault.message,
    where: fault.where ?? 'command line',
    ...(fault.next === undefined ? {} : { next: fault.next }),
  };
}

/** Throws one `bad-usage` that lists every problem; does nothing where there is none. */
export function refuseWrong(problems: readonly Problem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const isOnly = problems.length === 1;
  throw new Fault({
    code: 'bad-usage',
    what: isOnly ? first.what : 'some of what was asked for cannot be',
    where: first.where,
    live: 'nothing ran',
    ...(isOnly && first.next !== undefined ? { next: first.next } : {}),
    ...(isOnly ? {} : { problems }),
  });
}
