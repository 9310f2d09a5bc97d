import { loaderOf } from '../ahead.ts';
import type { ComposeFile } from '../../model/compose.ts';
import type { Finding } from '../../model/finding.ts';
import { guardedPlan } from '../../model/guarded.ts';
import type { Plan } from '../../model/plan.ts';
import type { DriftFound } from '../../plan/drift.ts';
import { findDrift } from '../../plan/drift.ts';
import { NO_OPTIONS } from '../../plan/view.ts';
import { findingsJson, renderFindings } from '../../report/findings-text.ts';
import { planJson } from '../../report/plan-json.ts';
import { renderPlan } from '../../report/plan-text.ts';
import { renderSarif } from '../../report/sarif.ts';
import type { World, WorldArgs } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, exitCodeOf, worst } from '../exit-code.ts';
import { reportFault } from '../failure.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { ProjectArgs } from '../project.ts';
import { readDeclared, whole } from '../project.ts';
import type { Session } from '../session.ts';
import { eachStack, lookAgain, openSessions, planOf } from '../session.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { now, openTerminal, titled } from '../terminal.ts';
import { lookForUnfinished } from '../unfinished.ts';
import { version } from '../version.ts';
import { refuseSeveral, save } from '../plan-stacks.ts';

export interface DriftArgs extends GeneralArgs, WorldArgs, ProjectArgs {
  readonly compose: readonly string[];
  readonly fix: boolean;
  readonly out: string | undefined;
}

interface Told {
  readonly findings: readonly Finding[];
  /** What repairs it; null: not asked for, or the stack could not be looked at. */
  readonly plan: Plan | null;
  readonly code: ExitCode;
}

/** How often a stack is looked at again because an apply of it ended meanwhile. */
const LOOKS = 3;

/**
 * What vaults and platforms hold and the record does not say, each with the command that mends it; with `--fix` also
 * the plan that repairs all of it that keyturn can. Changes nothing, takes no lease and reads no value.
 */
export async function run(argv: DriftArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const interrupt = watchInterrupts(terminal);
  const stacks = await readDeclared(argv, terminal, interrupt.signal, await loaderOf(argv));
  if (argv.out !== undefined) refuseSeveral(stacks);
  const compose = await composeFiles(argv);
  const world = await openWorld(argv, stacks, 'planner', terminal);
  const sessions = openSessions(world, stacks.map(whole), interrupt.signal);
  try {
    const told = await eachStack(
      stacks,
      async (declared): Promise<Told> => {
        const opened = await sessions.of(declared);
        const { found, session } = await lookFor(opened, compose, interrupt.signal);
        const plan = argv.fix ? guardedPlan(repairOf(found, session, world)) : null;
        return { findings: found.findings, plan, code: codeOf(found.findings) };
      },
      (fault): Told => {
        reportFault(terminal, fault);
        return { findings: [], plan: null, code: exitCodeOf(fault.code) };
      },
    );
    await tell(told, argv, stacks.length > 1, terminal);
    return worst(told.map(({ code }) => code));
  } finally {
    await sessions.end();
    await world.close();
    interrupt.stop();
  }
}

async function composeFiles({ compose: files, directory: folder }: DriftArgs): Promise<ComposeFile[]> {
  if (files.length === 0) return [];
  return (await import('../../providers/compose.ts')).readComposeFiles({ folder, files });
}

/** Looks until what is recorded and what is observed are of one time, so that an apply of ours is not taken for drift. */
async function lookFor(
  opened: Session,
  compose: readonly ComposeFile[],
  signal: AbortSignal,
): Promise<{ readonly found: DriftFound; readonly session: Session }> {
  let session = opened;
  for (let look = 1; ; look += 1) {
    const unfinished = await lookForUnfinished(session);
    const { serial } = await session.record.read();
    if (unfinished === null && serial !== session.recorded.serial && look < LOOKS) {
      session = await lookAgain(session, signal);
      continue;
    }
    const { declared, recorded, observed } = session;
    const context =
      unfinished === null ? undefined : { apply: unfinished.apply, runs: unfinished.context.runs };
    const found = findDrift({ declared, observed, recorded, now: now(), compose, unfinished: context });
    return { found, session };
  }
}

/** What apply would do, with new versions where only these mend it, and without the orphans. */
function repairOf({ rotate }: DriftFound, session: Session, world: World): Plan {
  const options = { ...NO_OPTIONS, rotate, reason: 'drift', pruneOrphans: true };
  return planOf(session, world, options).plan;
}

function codeOf(findings: readonly Finding[]): ExitCode {
  const codes = findings.map(({ rule, level }): ExitCode => {
    if (rule === 'unknown') return EXIT.failed;
    return level === 'note' ? EXIT.done : EXIT.pending;
  });
  return worst(codes);
}

async function tell(
  told: readonly Told[],
  { format, out }: DriftArgs,
  isOneOfMany: boolean,
  terminal: Terminal,
): Promise<void> {
  const findings = told.flatMap((each) => each.findings);
  const plans = told.flatMap(({ plan }) => plan ?? []);
  if (format === 'sarif') terminal.printJson(renderSarif(findings, { version: version() }));
  else if (terminal.json) {
    const repairs = plans.length === 0 ? {} : { plans: plans.map((plan) => planJson(plan)) };
    terminal.printJson({ ...findingsJson(findings), ...repairs });
  } else {
    const looked = told.some(({ code, findings: own }) => own.length > 0 || code === EXIT.done);
    const none = 'No drift. Vaults and platforms hold what was last recorded.';
    if (looked) terminal.print(renderFindings(findings, terminal.page, none));
    for (const plan of plans) {
      terminal.print(`\n${titled(plan.stack, isOneOfMany, renderPlan(plan, terminal.page), terminal)}`);
    }
  }
  for (const plan of out === undefined ? [] : plans) await save(plan, out ?? '', terminal);
}
