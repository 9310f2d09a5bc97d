import { differenceBetween } from '../../audit/difference.ts';
import type { Problem } from '../../model/fault.ts';
import { Fault } from '../../model/fault.ts';
import type { Point } from '../../model/history.ts';
import type { HistoryEntry } from '../../model/journal.ts';
import { renderHistoryDiff } from '../../report/history-diff.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { problemOf, refuseWrong } from '../history-filter.ts';
import { pastGiven } from '../moment.ts';
import type { RecordArgs } from '../records.ts';
import { openOneRecord } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { now, openTerminal, remark } from '../terminal.ts';

export interface DiffArgs extends GeneralArgs, RecordArgs {
  readonly from: string;
  readonly to: string;
  readonly stack: string | undefined;
}

/** Shows what differs between two points of a history. No difference is a result as any other. */
export async function run(argv: DiffArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const wanted = readPoints(argv);
  const { stack, record } = await openOneRecord(argv, argv.stack);
  const numbers = await record.history.numbers();
  const head = numbers.at(-1) ?? 0;
  const asked = wanted.filter((each) => typeof each === 'number');
  const beyond = asked.filter((each) => each > head);
  refuseWrong(
    beyond.map((each) => ({
      what: `there is no history entry ${each}`,
      where: `${record.store.place}/history`,
      next: head === 0 ? 'nothing was applied yet' : `0 to ${head} exist, or now`,
    })),
  );
  const needed = asked.length < wanted.length ? head : Math.max(...asked);
  const entries = await record.history.upTo(needed);
  if (entries.length !== needed) remark(terminal, 'entries are missing: run keyturn history verify');
  const [from, to] = wanted.map((each) => pointOf(each, entries));
  if (from === undefined || to === undefined) throw new TypeError('[unexpected] two points are two');
  if (from.entry > to.entry) throw turned(argv, from, to);
  const until = entries.filter(({ entry }) => entry <= to.entry);
  const difference = differenceBetween(until, from, to);
  if (terminal.json) terminal.printJson({ format: 1, stack, ...difference });
  else terminal.print(renderHistoryDiff(difference, terminal.page));
  return EXIT.done;
}

/** A number of an entry, `head`, or a moment. */
type Wanted = number | 'head' | { readonly at: string };

function readPoints(argv: DiffArgs): readonly Wanted[] {
  const problems: Problem[] = [];
  const points = [argv.from, argv.to].map((text): Wanted => {
    if (text === 'now' || text === 'head') return 'head';
    if (/^\d{1,9}$/.test(text)) return Number(text);
    try {
      return { at: pastGiven('a point', text, now()) };
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      const { what } = problemOf(thrown);
      const next = 'write the number of an entry, 0 for before the first, now, or a time: 2026-11-22, 30d';
      problems.push({ what, where: 'command line', next });
      return 'head';
    }
  });
  refuseWrong(problems);
  return points;
}

/** Of a moment: the newest entry that had ended by then. */
function pointOf(wanted: Wanted, entries: readonly HistoryEntry[]): Point {
  const found =
    wanted === 'head'
      ? entries.at(-1)
      : entries.findLast(({ entry, endedAt }) =>
          typeof wanted === 'number' ? entry <= wanted : endedAt <= wanted.at,
        );
  const number = typeof wanted === 'number' ? wanted : (found?.entry ?? 0);
  return { entry: number, endedAt: number === 0 ? null : (found?.endedAt ?? null) };
}

function turned(argv: DiffArgs, from: Point, to: Point): Fault {
  return new Fault({
    code: 'bad-usage',
    what: `${argv.from} is entry ${from.entry}, after ${argv.to}, which is entry ${to.entry}`,
    where: 'command line',
    next: `the earlier point stands first: keyturn history diff ${argv.to} ${argv.from}`,
  });
}
