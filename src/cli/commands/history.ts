import { fits } from '../../audit/about.ts';
import { nearest } from '../../model/nearest.ts';
import { nameOf } from '../../model/address.ts';
import type { Address } from '../../model/address.ts';
import type { EntryFilter } from '../../model/history.ts';
import type { HistoryEntry } from '../../model/journal.ts';
import type { Aside } from '../../record/aside.ts';
import {
  renderHistoryEntry,
  renderHistoryList,
  renderNoMatch,
  renderWaiting,
} from '../../report/history-text.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import type { FilterArgs } from '../history-filter.ts';
import { filterOf, reachOf, refuseWrong } from '../history-filter.ts';
import type { NamedRecord, RecordArgs } from '../records.ts';
import { openOneRecord, openRecords } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface ListArgs extends GeneralArgs, RecordArgs, FilterArgs {
  readonly stack: readonly string[];
}

export interface ShowArgs extends GeneralArgs, RecordArgs {
  /** With `secret`: the stack. */
  readonly entry: string | undefined;
  readonly stack: string | undefined;
  readonly secret: string | undefined;
}

export async function list(argv: ListArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const filter = filterOf(argv);
  const records = await openRecords(argv, argv.stack);
  const stacks = await Promise.all(records.map((each) => pick(each, filter, argv.limit)));
  if (terminal.json) {
    terminal.printJson({ format: 1, ...(isEmpty(filter) ? {} : { filter }), stacks });
    return EXIT.done;
  }
  if (stacks.length === 0) terminal.print('Nothing was applied yet.');
  for (const [index, { stack, entries, waiting }] of stacks.entries()) {
    if (stacks.length > 1) terminal.print(`${index === 0 ? '' : '\n'}${terminal.page.paint('bold', stack)}`);
    if (entries.length > 0 || isEmpty(filter)) terminal.print(renderHistoryList(entries, terminal.page));
    else terminal.print(renderNoMatch(filter, await alike(records[index], filter), terminal.page));
    if (waiting.length > 0) terminal.print(`\n${renderWaiting(waiting, terminal.page)}`);
  }
  return EXIT.done;
}

async function pick(
  { stack, record }: NamedRecord,
  filter: EntryFilter,
  limit: number,
): Promise<{
  readonly stack: string;
  readonly entries: readonly HistoryEntry[];
  readonly waiting: readonly Aside[];
}> {
  const { history } = record;
  const entries = isEmpty(filter)
    ? await history.list(limit)
    : await history.pick(limit, (entry) => fits(entry, filter), reachOf(filter));
  return { stack, entries, waiting: await record.left() };
}

function isEmpty(filter: EntryFilter): boolean {
  return Object.keys(filter).length === 0;
}

/** Names on record that look like the ones that were asked for; a record that cannot be read names none. */
async function alike(named: NamedRecord | undefined, filter: EntryFilter): Promise<string[]> {
  const wanted = [filter.secret, filter.consumer].filter((text) => text !== undefined);
  if (named === undefined || wanted.length === 0) return [];
  const recorded = await named.record.read().catch(() => null);
  const known = Object.keys({ ...recorded?.secrets, ...recorded?.consumers }) as Address[];
  const names = wanted.flatMap((text) =>
    nearest(text.slice(text.lastIndexOf('/') + 1), known.map(nameOf), 3),
  );
  return known.filter((address) => names.includes(nameOf(address)) && !wanted.includes(address));
}

export async function show(argv: ShowArgs): Promise<ExitCode> {
  const { secret, entry, stack } = argv;
  if (secret !== undefined) {
    const { showLife } = await import('./history-life.ts');
    return showLife(argv, secret);
  }
  const number = entry !== undefined && /^\d{1,9}$/.test(entry) ? Number(entry) : null;
  if (number === null) {
    const next = 'keyturn history show 12 [STACK], or keyturn history show --secret ADDR [STACK]';
    const what = entry === undefined ? 'name an entry or a secret' : `"${entry}" is no number of an entry`;
    refuseWrong([{ what, where: 'command line', next }]);
    return EXIT.failed;
  }
  const terminal = openTerminal(argv);
  const { record } = await openOneRecord(argv, stack);
  const found = await record.history.show(number);
  if (terminal.json) terminal.printJson(found);
  else terminal.print(renderHistoryEntry(found, terminal.page));
  return EXIT.done;
}
