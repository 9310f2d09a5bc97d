import type { Instant } from '../../model/address.ts';
import { lookAhead } from '../ahead.ts';
import type { WorldArgs } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { watchInterrupts } from '../interrupt.ts';
import { DUE_NOW } from '../options.ts';
import type { ProjectArgs } from '../project.ts';
import { readDeclared } from '../project.ts';
import type { GeneralArgs } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface StatusArgs extends GeneralArgs, WorldArgs, ProjectArgs {
  /** `DUE_NOW`: only what is due or needs a person; a length of time: the agenda until then. */
  readonly due: string | undefined;
  /** Where the metrics go instead of stdout. */
  readonly textfile: string | undefined;
}

/**
 * One row a secret, over all chosen stacks, what needs attention first; with `--due 30d` what happens by date until
 * then instead; as metrics for a file or for stdout. Changes nothing and reads no value.
 *
 * Here is what comes before the project's app; the rest is loaded while that runs.
 */
export async function run(argv: StatusArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const until = await horizonOf(argv.due, terminal.page.now);
  const interrupt = watchInterrupts(terminal);
  const ahead = await lookAhead(argv, () => import('../status-stacks.ts'));
  const declared = await readDeclared(argv, terminal, interrupt.signal, ahead);
  const { tellStacks } = await ahead.rest();
  try {
    return await tellStacks(argv, { declared, until, terminal, signal: interrupt.signal });
  } finally {
    interrupt.stop();
  }
}

/** Until when an agenda is asked for; null: none is. */
async function horizonOf(due: string | undefined, now: Instant): Promise<Instant | null> {
  if (due === undefined || due === DUE_NOW) return null;
  return (await import('../moment.ts')).horizonGiven('--due', due, now);
}
