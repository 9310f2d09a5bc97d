import { Fault } from '../../model/fault.ts';
import { renderHistoryEntry, renderHistoryList } from '../../report/history-text.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import type { RecordArgs } from '../records.ts';
import { openRecords } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface ListArgs extends GeneralArgs, RecordArgs {
  readonly stack: readonly string[];
  readonly limit: number;
}

export interface ShowArgs extends GeneralArgs, RecordArgs {
  readonly entry: number;
  readonly stack: string | undefined;
}

export async function list(argv: ListArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const records = await openRecords(argv, argv.stack);
  const stacks = await Promise.all(
    records.map(async ({ stack, record }) => ({ stack, entries: await record.history.list(argv.limit) })),
  );
  if (terminal.json) {
    terminal.printJson({ format: 1, stacks });
    return EXIT.done;
  }
  if (stacks.length === 0) terminal.print('Nothing was applied yet.');
  for (const [index, { stack, entries }] of stacks.entries()) {
    if (stacks.length > 1) terminal.print(`${index === 0 ? '' : '\n'}${terminal.page.paint('bold', stack)}`);
    terminal.print(renderHistoryList(entries, terminal.page));
  }
  return EXIT.done;
}

export async function show(argv: ShowArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const records = await openRecords(argv, argv.stack === undefined ? [] : [argv.stack]);
  const [only] = records;
  if (only === undefined || records.length > 1) {
    throw new Fault({
      code: 'bad-usage',
      what: only === undefined ? 'nothing was applied yet' : 'several stacks have a history',
      where: 'command line',
      ...(only === undefined
        ? {}
        : { next: `add one of ${records.map(({ stack }) => stack).join(', ')} behind the number` }),
    });
  }
  const entry = await only.record.history.show(argv.entry);
  if (terminal.json) terminal.printJson(entry);
  else terminal.print(renderHistoryEntry(entry, terminal.page));
  return EXIT.done;
}
