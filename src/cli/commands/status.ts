import type { StatusRow } from '../../model/status.ts';
import type { Fault } from '../../model/fault.ts';
import { makeStatus } from '../../plan/status.ts';
import { renderStatus, statusJson } from '../../report/status-text.ts';
import { renderUnfinished } from '../../report/unfinished-text.ts';
import type { WorldArgs } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, exitCodeOf, worst } from '../exit-code.ts';
import { reportFault } from '../failure.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { ProjectArgs } from '../project.ts';
import { readDeclared } from '../project.ts';
import { eachStack, openSession, unseenIn } from '../session.ts';
import type { GeneralArgs } from '../terminal.ts';
import { now, openTerminal } from '../terminal.ts';
import { lookForUnfinished } from '../unfinished.ts';

export interface StatusArgs extends GeneralArgs, WorldArgs, ProjectArgs {
  readonly due: boolean;
}

interface Told {
  readonly rows: readonly StatusRow[];
  readonly code: ExitCode;
}

/** One row a secret, over all chosen stacks. Changes nothing and reads no value. */
export async function run(argv: StatusArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const interrupt = watchInterrupts(terminal);
  const stacks = await readDeclared(argv, terminal, interrupt.signal);
  const world = await openWorld(argv, stacks, 'planner', terminal);
  try {
    const told = await eachStack(
      stacks,
      async (declared): Promise<Told> => {
        const session = await openSession(world, declared, interrupt.signal);
        const { observed, recorded } = session;
        const unfinished = await lookForUnfinished(session);
        if (unfinished !== null && !terminal.json)
          terminal.say(`${renderUnfinished(unfinished.apply, unfinished.context, terminal.errorPage)}\n`);
        const rows = makeStatus({ declared, observed, recorded, now: now() });
        // What could not be observed is said first: the rows below then show the record.
        const unknown = unseenIn(observed);
        for (const fault of unknown) reportFault(terminal, fault);
        const code = unknown.length === 0 ? EXIT.done : EXIT.failed;
        return { rows: argv.due ? rows.filter(wantsAttention) : rows, code };
      },
      (fault: Fault): Told => {
        reportFault(terminal, fault);
        return { rows: [], code: exitCodeOf(fault.code) };
      },
    );
    const rows = told.flatMap((each) => each.rows);
    if (terminal.json) terminal.printJson(statusJson(rows));
    else if (argv.due && rows.length === 0) terminal.print('Nothing is due and nothing waits for a person.');
    else terminal.print(renderStatus(rows, terminal.page));
    return worst(told.map(({ code }) => code));
  } finally {
    await world.close();
    interrupt.stop();
  }
}

function wantsAttention(row: StatusRow): boolean {
  return row.due === 'due' || row.due === 'overdue' || row.held !== null || row.awaiting;
}
