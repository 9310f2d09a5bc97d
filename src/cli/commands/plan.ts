import type { Instant } from '../../model/address.ts';
import { Fault } from '../../model/fault.ts';
import { lookAhead } from '../ahead.ts';
import type { WorldArgs } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import type { GithubArgs } from '../github.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { ProjectArgs } from '../project.ts';
import { openDeclared } from '../project.ts';
import type { SelectArgs } from '../session.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface PlanArgs extends GeneralArgs, WorldArgs, ProjectArgs, SelectArgs, GithubArgs {
  readonly out: string | undefined;
  readonly detailedExitcode: boolean;
  readonly at: string | undefined;
}

/**
 * Shows what apply would do; with `--at` what it would do at that time, if everything stayed as it is. Takes no
 * lease, changes nothing, reads no value.
 *
 * Here is what comes before the project's app; the rest is loaded while that runs.
 */
export async function run(argv: PlanArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const at = await momentOf(argv.at, terminal.page.now);
  if (at !== null && argv.out !== undefined) refuseToSave();
  const interrupt = watchInterrupts(terminal);
  const ahead = await lookAhead(argv, () => import('../plan-stacks.ts'));
  const declaring = await openDeclared(argv, terminal, interrupt.signal, ahead);
  const { planStacks } = await ahead.rest();
  try {
    return await planStacks(argv, { declaring, at, terminal, signal: interrupt.signal });
  } finally {
    interrupt.stop();
  }
}

async function momentOf(given: string | undefined, now: Instant): Promise<Instant | null> {
  if (given === undefined) return null;
  return (await import('../moment.ts')).momentGiven('--at', given, now);
}

function refuseToSave(): void {
  throw new Fault({
    code: 'bad-usage',
    what: '--out with --at: the plan of another time is a what-if and must not be applied',
    where: 'command line',
    live: 'nothing was written',
    next: 'leave --out away; to keep it for reading, use --format json',
  });
}
