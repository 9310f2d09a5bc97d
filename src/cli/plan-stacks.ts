import { guardedPlan } from '../model/guarded.ts';
import type { Plan } from '../model/plan.ts';
import { isEmpty } from '../model/plan.ts';
import { Fault, asFault } from '../model/fault.ts';
import type { Instant } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import type { Unfinished } from '../model/unfinished.ts';
import { digestOf } from '../model/canonical.ts';
import { writePlanFile } from '../record/plan-file.ts';
import { annotationsOf, refusalOf } from '../report/annotations.ts';
import { COMMENT_LIMIT, renderPlanMarkdown } from '../report/plan-markdown.ts';
import { renderPlan, renderWhatIf } from '../report/plan-text.ts';
import { renderUnfinished } from '../report/unfinished-text.ts';
import type { PlanArgs } from './commands/plan.ts';
import type { World } from './connect.ts';
import { openWorld } from './connect.ts';
import type { ExitCode } from './exit-code.ts';
import { EXIT, exitCodeOf, worst } from './exit-code.ts';
import { reportFault } from './failure.ts';
import { githubJob } from './github.ts';
import type { Planned as StackPlan } from './plans-document.ts';
import { plansDocument } from './plans-document.ts';
import type { Declaring } from './project.ts';
import { whole } from './project.ts';
import type { Session } from './session.ts';
import { eachStack, faultsIn, openSessions, ownedBy, planOf, selection, targetedStacks } from './session.ts';
import type { GeneralArgs, Terminal } from './terminal.ts';
import { now, titled } from './terminal.ts';
import { lookForUnfinished } from './unfinished.ts';

interface Planned extends StackPlan {
  readonly code: ExitCode;
  readonly saved: { readonly path: string; readonly digest: string } | null;
}

/** What is planned, and for whom. */
export interface PlanOrder {
  readonly declaring: readonly Declaring[];
  /** The time of a what-if; null: now. */
  readonly at: Instant | null;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** `plan` behind the project's app: connects, looks, plans and prints, stack by stack. */
export async function planStacks(argv: PlanArgs, order: PlanOrder): Promise<ExitCode> {
  const { chosen, stacks } = await choice(argv, order.declaring);
  const wholes = (): Promise<Declared[]> => Promise.all(stacks.map((each) => each.whole()));
  try {
    return await planChosen(argv, { ...order, chosen, stacks, wholes });
  } catch (thrown) {
    // What is wrong with the declaration itself is told alone: nothing else of it counts then.
    await wholes();
    throw thrown;
  }
}

interface ChosenOrder extends PlanOrder {
  readonly chosen: ReturnType<typeof selection>;
  readonly stacks: readonly Declaring[];
  readonly wholes: () => Promise<Declared[]>;
}

async function planChosen(
  argv: PlanArgs,
  { chosen, stacks, wholes, at, terminal, signal }: ChosenOrder,
): Promise<ExitCode> {
  const heads = stacks.map(({ head }) => head);
  if (argv.out !== undefined) refuseSeveral(heads);
  const world = await openWorld(argv, heads, 'planner', terminal, wholes);
  const sessions = openSessions(world, stacks, signal);
  try {
    if (at !== null && isText(argv)) {
      terminal.print(`${renderWhatIf(terminal.page.now, { ...terminal.page, now: at })}\n`);
    }
    const context = { argv, at, chosen, world, terminal, isOneOfMany: stacks.length > 1 };
    const planned = await eachStack(
      heads,
      async (head) => planStack(await sessions.of(head), context),
      async (fault, { stack }) => {
        await wholes();
        return failed(fault, stack, terminal);
      },
    );
    if (terminal.json) terminal.printJson(plansDocument(planned, at !== null));
    const page = { now: at ?? terminal.page.now, whatIf: at !== null };
    if (argv.format === 'markdown')
      terminal.print(renderPlanMarkdown(planned, { ...page, limit: COMMENT_LIMIT }));
    tellGithub(planned, { argv, stacks: await wholes(), terminal, page });
    return worst(planned.map(({ code }) => code));
  } finally {
    await sessions.end();
    await world.close();
  }
}

/**
 * What is planned of what is declared. A declaration is read through first where something is chosen out of it, and where it has
 * hosts, which are connected with the files that it declares on them; else while the vaults are listed.
 */
async function choice(
  argv: PlanArgs,
  declaring: readonly Declaring[],
): Promise<{ readonly chosen: ReturnType<typeof selection>; readonly stacks: readonly Declaring[] }> {
  // A what-if says first of when it is.
  const isChosen = argv.target.length + argv.rotate.length > 0 || argv.at !== undefined;
  const hasHosts = declaring.some(({ head }) => head.platforms.some(({ kind }) => kind === 'host'));
  if (!isChosen && !hasHosts) return { chosen: { target: [], rotate: [] }, stacks: declaring };
  const declared = await Promise.all(declaring.map((each) => each.whole()));
  const chosen = selection(argv, declared);
  return { chosen, stacks: targetedStacks(declared, chosen.target).map(whole) };
}

/** The job's summary and the remarks at the lines that declare what moves; nothing outside of GitHub Actions. */
function tellGithub(
  planned: readonly Planned[],
  {
    argv,
    stacks,
    terminal,
    page,
  }: {
    readonly argv: PlanArgs;
    readonly stacks: readonly Declared[];
    readonly terminal: Terminal;
    readonly page: { readonly now: Instant; readonly whatIf: boolean };
  },
): void {
  const job = githubJob(argv, process.env, terminal);
  job?.summarize((room) => renderPlanMarkdown(planned, { ...page, limit: room, inBytes: true }));
  job?.annotate(
    planned.flatMap(({ stack, plan, fault }) => {
      if (fault !== null) return [refusalOf(stack, fault.toJSON())];
      const declared = stacks.find((each) => each.stack === stack);
      return plan === null || declared === undefined ? [] : annotationsOf(plan, declared);
    }),
  );
}

function isText({ format }: GeneralArgs): boolean {
  return format !== 'json' && format !== 'markdown';
}

interface PlanContext {
  readonly argv: PlanArgs;
  /** The time of a what-if; null: now. */
  readonly at: Instant | null;
  readonly chosen: ReturnType<typeof selection>;
  readonly world: World;
  readonly terminal: Terminal;
  readonly isOneOfMany: boolean;
}

async function planStack(session: Session, context: PlanContext): Promise<Planned> {
  const { argv, at, chosen, world, terminal } = context;
  const { declared } = session;
  const unfinished = await lookForUnfinished(session);
  if (unfinished !== null && isText(argv)) {
    terminal.say(`${renderUnfinished(unfinished.apply, unfinished.context, terminal.errorPage)}\n`);
  }
  const rotate = ownedBy(declared, chosen.rotate);
  const options = {
    rotate,
    target: ownedBy(declared, chosen.target),
    dueOnly: argv.due,
    reason: null,
    // Who asks to rotate a manual secret hands its value to the apply: the plan counts on it.
    values: rotate.filter((address) => isManual(declared, address)),
    prunePlatformOnly: argv.prunePlatformOnly,
  };
  const made = planOf(session, world, options, at ?? now());
  // As it is written: the digest that is told is the file's.
  const plan = guardedPlan(unfinished === null ? made.plan : withoutOwnDrift(made.plan, unfinished.apply));
  const page = at === null ? terminal.page : { ...terminal.page, now: at, whatIf: true };
  if (isText(argv))
    terminal.print(titled(declared.stack, context.isOneOfMany, renderPlan(plan, page), terminal));
  const saved = argv.out === undefined ? null : await save(plan, argv.out, terminal, isText(argv));
  const faults = faultsIn(plan.blocked);
  const isPending = !isEmpty(plan) || unfinished !== null;
  const pending = argv.detailedExitcode && isPending ? EXIT.pending : EXIT.done;
  return {
    stack: declared.stack,
    plan,
    unfinished: unfinished?.apply ?? null,
    fault: null,
    saved,
    code: faults.length > 0 ? EXIT.failed : pending,
  };
}

/** What an apply that did not end left behind is told as that, not as a change by someone else. */
function withoutOwnDrift(plan: Plan, { groups }: Unfinished): Plan {
  const own = new Set<string>(groups.flatMap(({ secrets, consumers }) => [...secrets, ...consumers]));
  return {
    ...plan,
    notes: plan.notes.filter(({ kind, address }) => kind !== 'drift' || !own.has(address ?? '')),
  };
}

function isManual(declared: Declared, address: string): boolean {
  return declared.secrets.some((secret) => secret.address === address && secret.source.kind === 'manual');
}

/** Writes the plan for apply, and says how to perform it where that is no JSON or Markdown. */
export async function save(
  plan: Plan,
  path: string,
  terminal: Terminal,
  isTold = !terminal.json,
): Promise<NonNullable<Planned['saved']>> {
  await writePlanFile(path, plan);
  const digest = digestOf(plan);
  if (isTold) {
    terminal.print(`\nSaved to ${path}, digest ${digest}. To perform exactly these actions:`);
    terminal.print(`  keyturn apply ${path} --approved-digest ${digest}`);
  }
  return { path, digest };
}

function failed(thrown: unknown, stack: string, terminal: Terminal): Planned {
  const fault = asFault(thrown);
  reportFault(terminal, fault);
  return { stack, plan: null, unfinished: null, fault, saved: null, code: exitCodeOf(fault.code) };
}

/** A plan file holds one stack's plan. */
export function refuseSeveral(stacks: readonly Declared[]): void {
  if (stacks.length === 1) return;
  throw new Fault({
    code: 'bad-usage',
    what: `--out saves the plan of one stack, and this is ${stacks.length}`,
    where: 'command line',
    live: 'nothing was written',
    next: `name one of ${stacks.map(({ stack }) => stack).join(', ')}`,
  });
}
