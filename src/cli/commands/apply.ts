import { loaderOf } from '../ahead.ts';
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import type { SecretAddress } from '../../model/address.ts';
import { digestOf } from '../../model/canonical.ts';
import type { Declared } from '../../model/declared.ts';
import { Fault, asFault } from '../../model/fault.ts';
import type { Actor } from '../../model/journal.ts';
import type { Plan } from '../../model/plan.ts';
import { isEmpty } from '../../model/plan.ts';
import type { SecretValue } from '../../model/secret-value.ts';
import { assertFresh } from '../../execute/fresh.ts';
import { annotationsOf, refusalOf } from '../../report/annotations.ts';
import { renderPlanMarkdown } from '../../report/plan-markdown.ts';
import { nothingToDoLine } from '../../report/summary-line.ts';
import { planJson } from '../../report/plan-json.ts';
import { renderPlan } from '../../report/plan-text.ts';
import { actorOf } from '../actor.ts';
import { askForValues } from '../ask-hidden.ts';
import { ask, refuseTalkativeDebug, requireApprover } from '../approve.ts';
import type { World } from '../connect.ts';
import { openWorld } from '../connect.ts';
import { openEventLog } from '../event-log.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, worst } from '../exit-code.ts';
import type { GithubArgs } from '../github.ts';
import { githubJob } from '../github.ts';
import { watchInterrupts } from '../interrupt.ts';
import type { Claiming } from '../lease.ts';
import { underLease } from '../lease.ts';
import { tellStanding } from '../notify.ts';
import type { Approved, PerformArgs, Stage } from '../perform.ts';
import { perform, refused, resumeInterrupted } from '../perform.ts';
import type { HeldRecord } from '../../record/held-record.ts';
import { readPlanFile } from '../../record/plan-file.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { requireLasting } from '../records.ts';
import type { Attempt } from '../refusals.ts';
import { leaveRefusal } from '../refusals.ts';
import type { SelectArgs, Session } from '../session.ts';
import {
  eachStack,
  faultsIn,
  isOfOneTime,
  lookAgain,
  openSession,
  ownedBy,
  planOf,
  selection,
  targetedStacks,
} from '../session.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { openTerminal, titled } from '../terminal.ts';
import { readValues, requireSources } from '../values.ts';
import { refuseUnused } from '../unused-values.ts';

export interface ApplyArgs extends GeneralArgs, WritesArgs, SelectArgs, PerformArgs, GithubArgs {
  readonly planOrStack: readonly string[];
  readonly autoApprove: boolean;
  readonly approvedDigest: string | undefined;
  readonly approvals: string | undefined;
  readonly value: readonly string[];
}

interface Saved {
  readonly plan: Plan;
  readonly digest: string;
  /** Of its file. */
  readonly path: string;
}

interface ApplyContext extends Omit<Stage, 'argv' | 'run'> {
  readonly argv: ApplyArgs;
  readonly saved: Saved | null;
  readonly chosen: ReturnType<typeof selection>;
  readonly values: ReadonlyMap<SecretAddress, SecretValue>;
  readonly world: World;
  readonly actor: Actor;
  readonly isOneOfMany: boolean;
}

/** Executes a saved plan, or a fresh one that was shown and approved, for each stack in turn. */
export async function run(argv: ApplyArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  refuseTalkativeDebug(process.env);
  requireSources(argv.value);
  const saved = await savedPlan(argv);
  requireApprover(terminal, argv.autoApprove || saved !== null, 'apply');
  const interrupt = watchInterrupts(terminal);
  const stack = saved === null ? argv.planOrStack : [saved.plan.stack];
  const declared = await readDeclared(
    { directory: argv.directory, stack },
    terminal,
    interrupt.signal,
    await loaderOf(argv),
  );
  const chosen = selection(argv, declared);
  const values = await readValues(argv.value, declared, interrupt.signal);
  const stacks = targetedStacks(declared, chosen.target);
  refuseUnused(
    [...values.keys()].filter((address) => !stacks.some((each) => ownedBy(each, [address]).length > 0)),
    null,
  );
  const actor = await actorOf(process.env, argv.directory, argv.approvals);
  const events = openEventLog(argv.events, terminal);
  const world = await openWorld(argv, stacks, 'applier', terminal);
  const isOneOfMany = stacks.length > 1;
  const job = githubJob(argv, process.env, terminal);
  const context = {
    argv,
    saved,
    chosen,
    values,
    world,
    actor,
    events,
    terminal,
    interrupt,
    isOneOfMany,
    job,
  };
  try {
    const codes = await eachStack(
      stacks,
      (each) => applyStack(each, context),
      async (fault, each) => {
        job?.annotate([refusalOf(each.stack, fault.toJSON())]);
        job?.summarize((limit) => {
          const planned = { stack: each.stack, plan: null, fault, unfinished: null, saved: null };
          return renderPlanMarkdown([planned], { now: terminal.page.now, limit, inBytes: true, of: 'apply' });
        });
        if (!argv.due || fault.code !== 'lease-held')
          await leaveRefusal(fault, each, attemptOf(context), argv, terminal);
        return refused(fault, each.stack, argv.due, terminal);
      },
    );
    return worst(codes);
  } finally {
    await world.close();
    events.close();
    interrupt.stop();
  }
}

/**
 * One stack: what an interrupted apply left is looked after first, then the plan is made, approved and executed.
 * A person is asked without the lease; under it the plan must then still be fresh.
 */
async function applyStack(declared: Declared, context: ApplyContext): Promise<ExitCode> {
  const { argv, world, interrupt, actor } = context;
  requireLasting(argv, declared, process.env);
  assertApproved(context.saved, argv);
  const session = await openSession(world, declared, interrupt.signal);
  const stage: Stage = { ...context, run: { id: randomUUID(), actor, purpose: 'apply' } };
  const isAsked = context.saved === null && !argv.autoApprove;
  const isInterrupted = (await session.record.interrupted()) !== null;
  if (isAsked && !isInterrupted) return askAndApply(session, context, stage);
  if (argv.due && (await isOfOneTime(session))) {
    const code = await nothingToDo(session, context);
    if (code !== null) return code;
  }
  return underLease(session.record, claimingOf(stage, context), async (held) => {
    const resumed = await resumeInterrupted(session, held, stage);
    if (resumed?.code === EXIT.stopped) return resumed.code;
    if (isAsked) {
      context.terminal.print('Run keyturn apply again for what is declared now.');
      return resumed?.code ?? EXIT.done;
    }
    if (resumed?.tookBack !== true) return applyNow(session, held, context, stage, resumed !== null);
    try {
      return worst([resumed.code, await applyNow(session, held, context, stage, true)]);
    } catch (thrown) {
      const live = 'what an interrupted apply had left half-done was taken back; nothing else was changed';
      const fault = asFault(thrown);
      const told = new Fault({ ...fault.toJSON(), live, cause: fault.cause ?? fault });
      return refused(told, declared.stack, argv.due, context.terminal, resumed.code);
    }
  });
}

function attemptOf({ argv, saved, actor }: ApplyContext): Attempt {
  const tried = saved === null ? 'apply' : `apply of plan ${saved.digest.slice(0, 12)}`;
  const { reason = null, ticket = null } = argv;
  return { actor, tried, planDigest: saved?.digest ?? null, reason, ticket };
}

/** A schedule that finds nothing to do takes no lease, so that it asks nothing of anyone who applies. */
async function nothingToDo(session: Session, context: ApplyContext): Promise<ExitCode | null> {
  const { plan } = approvable(session, context);
  if (!isEmpty(plan)) return null;
  if (context.terminal.json || !onlyWaits(plan)) review(plan, session, context);
  else context.terminal.print(`${plan.stack}: ${nothingToDoLine(plan)}`);
  await tellStanding(session, plan, context.argv, context.terminal);
  return blockedCode(plan);
}

/** Nothing is wrong and nobody moved anything: what waits has been told before, and `status` tells it any time. */
function onlyWaits({ blocked, notes }: Plan): boolean {
  return (
    blocked.length > 0 &&
    blocked.every(({ fault }) => fault === null) &&
    notes.every(({ kind }) => kind !== 'drift')
  );
}

function claimingOf(stage: Stage, { world }: ApplyContext): Claiming {
  return { ...stage, signal: stage.interrupt.signal, gate: world.gate };
}

/** Plans and performs without asking, under the lease. Throws only while nothing has been changed. */
async function applyNow(
  session: Session,
  held: HeldRecord,
  context: ApplyContext,
  stage: Stage,
  hasResumed: boolean,
): Promise<ExitCode> {
  // Someone else may have applied between our look and our lease.
  const hasMoved = hasResumed || (await session.record.read()).serial !== session.recorded.serial;
  const fresh = hasMoved ? await lookAgain(session, context.interrupt.signal) : session;
  const approved = approvable(fresh, context);
  review(approved.plan, session, context);
  const code = isEmpty(approved.plan) ? EXIT.done : await perform(fresh, held, approved, stage);
  // A saved plan notes what was found when it was made.
  if (context.saved === null && !context.interrupt.signal.aborted)
    await tellStanding(fresh, approved.plan, context.argv, context.terminal);
  return worst([code, blockedCode(approved.plan)]);
}

async function askAndApply(session: Session, given: ApplyContext, stage: Stage): Promise<ExitCode> {
  const { terminal, interrupt } = given;
  const awaiting = approvable(session, given).plan.blocked.filter(({ why }) => why === 'awaiting-value');
  const brought = await askForValues(awaiting, terminal, interrupt.signal);
  if (interrupt.signal.aborted) return cancelled(terminal, interrupt.signal);
  const context = { ...given, values: new Map([...given.values, ...brought]) };
  const approved = approvable(session, context);
  review(approved.plan, session, context);
  if (isEmpty(approved.plan)) return blockedCode(approved.plan);
  if (!(await ask(terminal, interrupt.signal))) return cancelled(terminal, interrupt.signal);
  return underLease(session.record, claimingOf(stage, context), async (held) => {
    const fresh = await lookAgain(session, interrupt.signal);
    assertFresh(approved.plan, fresh.observed, fresh.recorded);
    return worst([await perform(fresh, held, approved, stage), blockedCode(approved.plan)]);
  });
}

function cancelled(terminal: Terminal, signal: AbortSignal): ExitCode {
  terminal.print('\nApply cancelled.');
  return signal.aborted ? EXIT.interrupted : EXIT.failed;
}

/** Shows the plan and refuses it where it must not begin. */
function review(plan: Plan, { declared }: Session, context: ApplyContext): void {
  show(plan, context);
  tellGithub(plan, declared, context);
  refuseFaulty(plan, context.argv);
  const minted = manualMints(plan);
  const given = ownedBy(declared, [...context.values.keys()]);
  refuseUnused(
    given.filter((address) => !minted.includes(address)),
    plan,
  );
}

/**
 * What somebody must mend first keeps an apply from beginning, so that exit 1 means that nothing was changed. A
 * `--target` that leaves it out goes on without it, and so does a schedule, which nobody watches.
 */
function refuseFaulty(plan: Plan, { due }: ApplyArgs): void {
  const faults = faultsIn(plan.blocked);
  const [first] = faults;
  // What an emergency cannot move is parked, and keeps nothing else from being done.
  if (first === undefined || due || isEmpty(plan) || plan.kind === 'compromise') return;
  throw new Fault({
    code: first.code,
    what: faults.length === 1 ? first.message : `${faults.length} things stand in the way of this apply`,
    where: faults.length === 1 ? (first.where ?? plan.stack) : `stack ${plan.stack}`,
    live: 'nothing was changed',
    next: first.next ?? 'mend it, or leave it out with --target',
    problems:
      faults.length === 1
        ? []
        : faults.map(({ message, where, next }) => ({
            what: message,
            where: where ?? plan.stack,
            ...(next === undefined ? {} : { next }),
          })),
  });
}

function show(plan: Plan, { terminal, isOneOfMany }: ApplyContext): void {
  if (terminal.json) terminal.printJson({ type: 'planned', plan: planJson(plan) }, 'stream');
  else terminal.print(titled(plan.stack, isOneOfMany, renderPlan(plan, terminal.page), terminal));
}

/** What an apply will not do; what it does is told by its end, so an empty plan is all there is to tell. */
function tellGithub(plan: Plan, declared: Declared, { job, terminal }: ApplyContext): void {
  job?.annotate(annotationsOf(plan, declared).filter(({ level }) => level !== 'notice'));
  if (!isEmpty(plan)) return;
  const planned = { stack: plan.stack, plan, fault: null, unfinished: null, saved: null };
  job?.summarize((limit) =>
    renderPlanMarkdown([planned], { now: terminal.page.now, limit, inBytes: true, of: 'apply' }),
  );
}

function blockedCode(plan: Plan): ExitCode {
  return faultsIn(plan.blocked).length > 0 ? EXIT.failed : EXIT.done;
}

/** The saved plan, found fresh, or one that is made now; with the values that it needs. */
function approvable(session: Session, context: ApplyContext): Approved {
  const { saved, argv, chosen, world } = context;
  const { declared, observed, recorded } = session;
  const given = new Map([...context.values].filter(([address]) => ownedBy(declared, [address]).length > 0));
  if (saved !== null) {
    assertFresh(saved.plan, observed, recorded);
    const missing = manualMints(saved.plan).filter((address) => !given.has(address));
    const placeholders = world.sandbox?.placeholdersFor(declared, missing) ?? [];
    return { ...saved, values: new Map([...placeholders, ...given]) };
  }
  const { plan, placeholders } = planOf(session, world, {
    // Who brings a value is the person that a held secret waits for.
    rotate: [...ownedBy(declared, chosen.rotate), ...given.keys()],
    target: ownedBy(declared, chosen.target),
    dueOnly: argv.due,
    reason: argv.reason ?? null,
    values: [...given.keys()],
    prunePlatformOnly: argv.prunePlatformOnly,
  });
  return { plan, digest: digestOf(plan), values: new Map([...placeholders, ...given]) };
}

function manualMints(plan: Plan): SecretAddress[] {
  return plan.steps.flatMap((step) =>
    step.kind === 'mint' && step.source.kind === 'manual' && step.taken === undefined ? [step.secret] : [],
  );
}

/** The plan file among the arguments, or null where they are stacks. */
async function savedPlan(argv: ApplyArgs): Promise<Saved | null> {
  const path = argv.planOrStack.find(isPlanFile);
  if (path === undefined) {
    if (argv.approvedDigest === undefined) return null;
    throw wrong('--approved-digest needs a plan file', 'name the file that keyturn plan --out wrote');
  }
  if (argv.planOrStack.length > 1) throw wrong('a plan file is applied alone', `run keyturn apply ${path}`);
  if (argv.target.length + argv.rotate.length > 0 || argv.due || argv.prunePlatformOnly) {
    throw wrong(
      'a saved plan is applied as it is',
      'drop --target, --rotate, --due and --prune-platform-only, or plan again with them',
    );
  }
  const saved = await readPlanFile(path);
  return { ...saved, path };
}

function assertApproved(saved: Saved | null, { approvedDigest }: ApplyArgs): void {
  if (saved === null || approvedDigest === undefined || approvedDigest.toLowerCase() === saved.digest) return;
  throw new Fault({
    code: 'plan-stale',
    what: `the plan's digest is ${saved.digest}, and "${approvedDigest}" was approved`,
    where: saved.path,
    live: 'nothing was changed',
    next: 'apply the file that was reviewed, or have this one approved',
  });
}

/** A stack's name has neither a slash nor an ending; a folder of its name is no plan. */
function isPlanFile(name: string): boolean {
  return (
    name.endsWith('.json') ||
    name.includes('/') ||
    statSync(name, { throwIfNoEntry: false })?.isFile() === true
  );
}

function wrong(what: string, next: string): Fault {
  return new Fault({ code: 'bad-usage', what, where: 'command line', live: 'nothing ran', next });
}
