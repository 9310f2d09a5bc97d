import { basename, dirname, resolve } from 'node:path';
import { Pseudonyms } from '../../audit/pseudonyms.ts';
import { stackReport } from '../../audit/report.ts';
import type { Declared } from '../../model/declared.ts';
import type { FaultRecord } from '../../model/fault.ts';
import { Fault, asFault } from '../../model/fault.ts';
import { guardedDeep } from '../../model/guard.ts';
import type { HistoryEntry } from '../../model/journal.ts';
import type { Observed } from '../../model/observed.ts';
import type { Recorded } from '../../model/recorded.ts';
import type { Report, StackReport } from '../../model/report.ts';
import type { Vault } from '../../model/vault.ts';
import type { Verification } from '../../model/verification.ts';
import { makeStatus } from '../../plan/status.ts';
import type { StackRecord } from '../../record/record.ts';
import { countText } from '../../report/cause-text.ts';
import type { TableName } from '../../report/report-csv.ts';
import { reportCsv } from '../../report/report-csv.ts';
import { renderReportHtml } from '../../report/report-html.ts';
import type { World, WorldArgs } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, exitCodeOf, worst } from '../exit-code.ts';
import { reportFault } from '../failure.ts';
import { watchInterrupts } from '../interrupt.ts';
import { present, writeNew } from '../new-files.ts';
import type { ProjectArgs } from '../project.ts';
import { readDeclared } from '../project.ts';
import { openRecord } from '../records.ts';
import type { Between, PeriodArgs } from '../report-period.ts';
import { periodGiven } from '../report-period.ts';
import { eachStack, openSession, unseenIn } from '../session.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';
import { verificationOf } from '../verification.ts';

export interface ReportArgs extends GeneralArgs, WorldArgs, ProjectArgs, PeriodArgs {
  readonly format: 'html' | 'csv' | 'json';
  readonly table: TableName | undefined;
  readonly out: string | undefined;
  readonly withoutPersonalData: boolean;
}

interface Told {
  readonly report: StackReport | null;
  readonly code: ExitCode;
}

/**
 * What auditors are handed, over all chosen stacks. Needs the right to list, changes nothing and reads no value. What
 * cannot be observed is told from the record and said to be unknown, in the report and on stderr.
 */
export async function run(argv: ReportArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const madeAt = terminal.page.now;
  const between = periodGiven(argv, madeAt);
  if (argv.table !== undefined && argv.format !== 'csv') throw tableOfNoCsv(argv.format);
  if (argv.out !== undefined) await refuseExisting(argv.out);
  const pseudonyms = argv.withoutPersonalData ? new Pseudonyms() : null;
  const interrupt = watchInterrupts(terminal);
  const stacks = await readDeclared(argv, terminal, interrupt.signal);
  const world = await openWorld(argv, stacks, 'planner', terminal);
  try {
    const told = await eachStack(
      stacks,
      (declared) => tellOf(declared, between, { world, terminal, signal: interrupt.signal, pseudonyms }),
      (fault): Told => {
        reportFault(terminal, fault);
        return { report: null, code: exitCodeOf(fault.code) };
      },
    );
    const reports = told.flatMap(({ report }) => report ?? []);
    // An empty report would look like a stack without secrets.
    if (reports.length > 0 || stacks.length === 0) {
      await handOver({ format: 1, madeAt, ...between, stacks: reports }, argv, terminal);
    }
    return worst(told.map(({ code }) => code));
  } finally {
    await world.close();
    interrupt.stop();
  }
}

interface Scene {
  readonly world: World;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Null: names of people and machines are told. */
  readonly pseudonyms: Pseudonyms | null;
}

async function tellOf(declared: Declared, between: Between, scene: Scene): Promise<Told> {
  const { record, recorded, observed, vaults } = await look(declared, scene);
  const unknown = unseenIn(observed);
  for (const fault of unknown) reportFault(scene.terminal, fault);
  const verification = await verificationOf(record, { vaults, signal: scene.signal });
  const read = await readableEntries(record, verification);
  const { pseudonyms } = scene;
  const entries = pseudonyms === null ? read : read.map((entry) => pseudonyms.in(entry) as HistoryEntry);
  const at = scene.terminal.page.now;
  const report = stackReport({
    declared,
    status: makeStatus({ declared, recorded, observed, now: at }),
    recorded,
    entries,
    verification,
    period: { ...between, now: at },
  });
  const isWhole = unknown.length === 0 && verification.findings.length === 0;
  return { report, code: isWhole ? EXIT.done : EXIT.failed };
}

/** The whole history, oldest first. What cannot be read is no entry of a report, but a finding of its verification. */
async function readableEntries(
  { history }: StackRecord,
  { findings }: Verification,
): Promise<HistoryEntry[]> {
  const unreadable = new Set(findings.map(({ kind, entry }) => (kind === 'unreadable' ? entry : null)));
  const numbers = (await history.numbers()).filter((number) => !unreadable.has(number));
  const entries: HistoryEntry[] = [];
  for (let at = 0; at < numbers.length; at += AT_ONCE) {
    const some = numbers.slice(at, at + AT_ONCE).map((number) => history.show(number));
    entries.push(...(await Promise.all(some)));
  }
  return entries;
}

/** Entries that are read at once. */
const AT_ONCE = 16;

interface Looked {
  readonly vaults: ReadonlyMap<string, Vault>;
  readonly record: StackRecord;
  readonly recorded: Recorded;
  readonly observed: Observed;
}

/** The record is told also where no connection can be made at all; a record that cannot be read is a fault. */
async function look(declared: Declared, { world, signal }: Scene): Promise<Looked> {
  try {
    return await openSession(world, declared, signal);
  } catch (thrown) {
    const fault = asFault(thrown);
    if (fault.code === 'interrupted') throw fault;
    const record = await openRecord(world.argv, declared);
    const recorded = await record.read();
    const vaults = await world.vaultsOf(declared).catch(() => new Map<string, Vault>());
    return { record, recorded, observed: unseen(declared, fault.toJSON()), vaults };
  }
}

function unseen({ vaults, platforms }: Declared, fault: FaultRecord): Observed {
  const unknown = (items: readonly { readonly name: string }[]) =>
    Object.fromEntries(items.map(({ name }) => [name, { status: 'unknown', fault } as const]));
  return { at: now(), vaults: unknown(vaults), platforms: unknown(platforms) };
}

async function handOver(report: Report, argv: ReportArgs, terminal: Terminal): Promise<void> {
  // Before it is written: what a page or a table escapes would no longer look like what the guard looks for.
  const text = textOf(guardedDeep(report), argv);
  if (argv.out === undefined) {
    terminal.print(text.replace(/\n$/, ''));
    return;
  }
  await write(argv.out, text);
  if (!terminal.json) terminal.say(`Wrote ${argv.out}: ${countsOf(report)}.`);
}

function textOf(report: Report, { format, table = 'inventory' }: ReportArgs): string {
  switch (format) {
    case 'html':
      return renderReportHtml(report);
    case 'csv':
      return reportCsv(report, table);
    case 'json':
      return `${JSON.stringify(report, null, 2)}\n`;
  }
}

function countsOf({ stacks, from, to }: Report): string {
  const secrets = stacks.reduce((sum, { inventory }) => sum + inventory.length, 0);
  const entries = stacks.reduce((sum, stack) => sum + stack.entries.length, 0);
  return `${countText(secrets, 'secret')}, ${countText(entries, 'entry', 'entries')} from ${from} to ${to}`;
}

/** A report is evidence: one that was made is never replaced by another. */
async function refuseExisting(out: string): Promise<void> {
  const path = resolve(out);
  if (out.trim() === '') throw badUsage('--out is empty', 'name a file');
  if ((await present(dirname(path), [basename(path)])).length === 0) return;
  throw badUsage(`${out} exists already`, 'name another file: a report that was made is not replaced');
}

async function write(out: string, text: string): Promise<void> {
  const path = resolve(out);
  try {
    await writeNew(dirname(path), { path: basename(path), text });
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no reason given';
    throw badUsage(`${out} cannot be written: ${why}`, 'name another file with --out', cause);
  }
}

function tableOfNoCsv(format: string): Fault {
  return badUsage(`--table with --format ${format}: only a CSV is one table`, 'add --format csv');
}

function badUsage(what: string, next: string, cause?: unknown): Fault {
  return new Fault({
    code: 'bad-usage',
    what,
    where: 'command line',
    live: 'nothing was written',
    next,
    ...(cause === undefined ? {} : { cause }),
  });
}
