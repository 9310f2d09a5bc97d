import { basename, dirname, resolve } from 'node:path';
import { Pseudonyms } from '../../audit/pseudonyms.ts';
import { fits } from '../../audit/about.ts';
import type { Problem } from '../../model/fault.ts';
import { Fault } from '../../model/fault.ts';
import type { EntryFilter } from '../../model/history.ts';
import type { HistoryEntry } from '../../model/journal.ts';
import type { ExportedStack } from '../../report/history-export.ts';
import { exportCsv, exportJson } from '../../report/history-export.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import type { PeriodArgs } from '../history-filter.ts';
import { periodOf, refuseWrong } from '../history-filter.ts';
import { present, writeNew } from '../new-files.ts';
import type { NamedRecord, RecordArgs } from '../records.ts';
import { openRecords } from '../records.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal, remark } from '../terminal.ts';

export interface ExportArgs extends GeneralArgs, RecordArgs, PeriodArgs {
  readonly stack: readonly string[];
  readonly format: 'json' | 'csv';
  readonly out: string | undefined;
  readonly withoutPersonalData: boolean;
}

/** Prints the histories, or writes them into a new file: one that exists is left as it is, and nothing is written. */
export async function run(argv: ExportArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const problems: Problem[] = [];
  const period = periodOf(argv, problems);
  if (argv.out !== undefined) problems.push(...(await wrongWith(argv.out)));
  refuseWrong(problems);
  const records = await openRecords(argv, argv.stack);
  const pseudonyms = argv.withoutPersonalData ? new Pseudonyms() : null;
  const stacks: ExportedStack[] = [];
  for (const each of records) stacks.push(await exported(each, period, pseudonyms));
  const text = (argv.format === 'csv' ? exportCsv : exportJson)(stacks, argv.withoutPersonalData);
  if (argv.out === undefined) terminal.print(text.slice(0, -1));
  else {
    await write(argv.out, text);
    const counts = stacks.map(({ stack, entries }) => `${entries.length} of ${stack}`).join(', ');
    terminal.print(`Wrote ${argv.out}: entries ${counts === '' ? 'of no stack' : counts}.`);
  }
  if (pseudonyms !== null) {
    remark(terminal, 'names are replaced by pseudonyms, so digests cannot be recomputed from this export');
  }
  return EXIT.done;
}

async function exported(
  { stack, record }: NamedRecord,
  period: EntryFilter,
  pseudonyms: Pseudonyms | null,
): Promise<ExportedStack> {
  const all = await record.history.raw();
  const wanted = all.filter(({ entry }) => fits(entry as HistoryEntry, period));
  return {
    stack,
    entries:
      pseudonyms === null
        ? wanted
        : wanted.map(({ digest, entry }) => ({ digest, entry: pseudonyms.in(entry) })),
  };
}

async function wrongWith(out: string): Promise<Problem[]> {
  const path = resolve(out);
  const existing = out.trim() === '' ? [] : await present(dirname(path), [basename(path)]);
  if (out.trim() === '') return [{ what: '--out is empty', where: 'command line' }];
  const next = 'name another file: what was exported before is not replaced';
  return existing.map(() => ({ what: `${out} exists already`, where: 'command line', next }));
}

async function write(out: string, text: string): Promise<void> {
  const path = resolve(out);
  try {
    await writeNew(dirname(path), { path: basename(path), text });
  } catch (thrown) {
    throw new Fault({
      code: 'bad-usage',
      what: `${out} cannot be written: ${thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no reason given'}`,
      where: 'command line',
      live: 'no history was changed',
      next: 'name another file with --out',
      cause: thrown,
    });
  }
}
