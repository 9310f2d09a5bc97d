import type { Instant } from '../model/address.ts';
import type { AgendaEntry } from '../model/agenda.ts';
import { byDate } from '../model/agenda.ts';
import type { Declared } from '../model/declared.ts';
import type { StatusRow } from '../model/status.ts';
import { byAttention } from '../model/status.ts';
import { Fault } from '../model/fault.ts';
import { makeAgenda } from '../plan/agenda.ts';
import { makeStatus } from '../plan/status.ts';
import { agendaJson, renderAgenda } from '../report/agenda-text.ts';
import type { MeteredStack } from '../report/prometheus.ts';
import { renderPrometheus } from '../report/prometheus.ts';
import { renderStatus, statusJson } from '../report/status-text.ts';
import { renderUnfinished } from '../report/unfinished-text.ts';
import type { StatusArgs } from './commands/status.ts';
import { openWorld } from './connect.ts';
import type { ExitCode } from './exit-code.ts';
import { EXIT, exitCodeOf, worst } from './exit-code.ts';
import { reportFault } from './failure.ts';
import { DUE_NOW } from './options.ts';
import { whole } from './project.ts';
import type { Session } from './session.ts';
import { eachStack, openSessions, unseenIn } from './session.ts';
import type { Terminal } from './terminal.ts';
import { writeTextfile } from './textfile.ts';
import { lookForUnfinished } from './unfinished.ts';
import { verificationOf } from './verification.ts';

interface Told {
  readonly rows: readonly StatusRow[];
  readonly agenda: readonly AgendaEntry[];
  /** Null: metrics are not asked for, or the stack could not be looked at. */
  readonly metered: MeteredStack | null;
  readonly code: ExitCode;
}

/** What is told, and to whom. */
export interface StatusOrder {
  readonly declared: readonly Declared[];
  /** Until when an agenda is asked for; null: the status is. */
  readonly until: Instant | null;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** `status` behind the project's app: connects, looks and prints, all stacks in one table. */
export async function tellStacks(
  argv: StatusArgs,
  { declared: stacks, until, terminal, signal }: StatusOrder,
): Promise<ExitCode> {
  const { now } = terminal.page;
  const isMetered = argv.textfile !== undefined || argv.format === 'prometheus';
  const world = await openWorld(argv, stacks, 'planner', terminal);
  const sessions = openSessions(world, stacks.map(whole), signal);
  try {
    const told = await eachStack(
      stacks,
      async (declared): Promise<Told> => {
        const session = await sessions.of(declared);
        const { observed, recorded } = session;
        const unfinished = await lookForUnfinished(session);
        if (unfinished !== null && !terminal.json)
          terminal.say(`${renderUnfinished(unfinished.apply, unfinished.context, terminal.errorPage)}\n`);
        const input = { declared, observed, recorded, now };
        // What could not be observed is said first: what is told below is then the record.
        const unknown = unseenIn(observed);
        for (const fault of unknown) reportFault(terminal, fault);
        const code = unknown.length === 0 ? EXIT.done : EXIT.failed;
        if (until !== null) return { rows: [], agenda: makeAgenda(input, until), metered: null, code };
        const rows = makeStatus(input);
        return { rows, agenda: [], metered: isMetered ? await meter(session, rows) : null, code };
      },
      (fault: Fault): Told => {
        reportFault(terminal, fault);
        return { rows: [], agenda: [], metered: null, code: exitCodeOf(fault.code) };
      },
    );
    if (isMetered) await tellMetrics(told, argv.textfile, terminal);
    else if (until !== null) tellAgenda(told, until, terminal);
    else tellStatus(told, argv.due === DUE_NOW, terminal);
    return worst(told.map(({ code }) => code));
  } finally {
    await sessions.end();
    await world.close();
  }
}

async function meter(
  { declared, observed, recorded, record, vaults }: Session,
  rows: readonly StatusRow[],
): Promise<MeteredStack> {
  const [newest = null] = await record.history.list(1);
  const verification = await verificationOf(record, { vaults });
  return { declared, observed, recorded, rows, entries: verification.entries, newest, verification };
}

/** All stacks or none: the metrics of half of them would look as if the others had gone. */
async function tellMetrics(
  told: readonly Told[],
  path: string | undefined,
  terminal: Terminal,
): Promise<void> {
  const metered = told.flatMap((each) => each.metered ?? []);
  if (metered.length < told.length) {
    throw new Fault({
      code: 'bad-file',
      what: `no metrics: ${told.length - metered.length} of ${told.length} stacks could not be looked at`,
      ...(path === undefined ? {} : { where: path, live: 'a file that was there is as it was' }),
      next: 'see what is said above, and run it again; or name the stacks that can be looked at',
    });
  }
  const text = renderPrometheus(metered, terminal.page.now);
  if (path === undefined) terminal.print(text.trimEnd());
  else await writeTextfile(path, text);
}

function tellAgenda(told: readonly Told[], until: Instant, terminal: Terminal): void {
  const entries = told.flatMap(({ agenda }) => agenda).sort(byDate);
  const page = { ...terminal.page, until };
  if (terminal.json) terminal.printJson(agendaJson(entries, page));
  else terminal.print(renderAgenda(entries, page));
}

function tellStatus(told: readonly Told[], isDueOnly: boolean, terminal: Terminal): void {
  const all = told.flatMap((each) => each.rows).sort(byAttention);
  const rows = isDueOnly ? all.filter(isDueOrWaits) : all;
  if (terminal.json) terminal.printJson(statusJson(rows));
  else if (isDueOnly && rows.length === 0) terminal.print('Nothing is due and nothing waits for a person.');
  else terminal.print(renderStatus(rows, terminal.page));
}

function isDueOrWaits(row: StatusRow): boolean {
  return row.due === 'due' || row.due === 'overdue' || row.held !== null || row.awaiting;
}
