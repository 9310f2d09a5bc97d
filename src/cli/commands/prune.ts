import { loaderOf } from '../ahead.ts';
import { randomUUID } from 'node:crypto';
import { assertFresh } from '../../execute/fresh.ts';
import { digestOf } from '../../model/canonical.ts';
import type { Declared } from '../../model/declared.ts';
import { Fault } from '../../model/fault.ts';
import type { Actor } from '../../model/journal.ts';
import type { Plan } from '../../model/plan.ts';
import { isEmpty } from '../../model/plan.ts';
import { makePrunePlan } from '../../plan/prune.ts';
import { NO_OPTIONS } from '../../plan/view.ts';
import { planJson } from '../../report/plan-json.ts';
import { renderPlan } from '../../report/plan-text.ts';
import { actorOf } from '../actor.ts';
import { ask, refuseTalkativeDebug, requireApprover } from '../approve.ts';
import type { World } from '../connect.ts';
import { openWorld } from '../connect.ts';
import { openEventLog } from '../event-log.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, worst } from '../exit-code.ts';
import { reportFault } from '../failure.ts';
import { watchInterrupts } from '../interrupt.ts';
import { underLease } from '../lease.ts';
import type { PerformArgs, Stage } from '../perform.ts';
import { perform, refused } from '../perform.ts';
import type { ProjectArgs } from '../project.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { requireLasting } from '../records.ts';
import { leaveRefusal } from '../refusals.ts';
import type { Session } from '../session.ts';
import { eachStack, lookAgain, openSession, unseenIn } from '../session.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { now, openTerminal, titled } from '../terminal.ts';

export interface PruneArgs extends GeneralArgs, WritesArgs, PerformArgs, ProjectArgs {
  readonly autoApprove: boolean;
  readonly dryRun: boolean;
  readonly prunePlatformOnly: boolean;
}

interface Pruning extends Omit<Stage, 'argv' | 'run'> {
  readonly argv: PruneArgs;
  readonly world: World;
  readonly actor: Actor;
  readonly isOneOfMany: boolean;
}

/**
 * Removes the orphans of each stack in turn, after showing and asking; what anything still refers to is left, and looked
 * at once more right before each removal. A dry run shows the same, takes no lease and changes nothing.
 */
export async function run(argv: PruneArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  if (!argv.dryRun) {
    refuseTalkativeDebug(process.env);
    requireApprover(terminal, argv.autoApprove, 'prune');
  }
  const interrupt = watchInterrupts(terminal);
  const stacks = await readDeclared(argv, terminal, interrupt.signal, await loaderOf(argv));
  const actor = await actorOf(process.env, argv.directory);
  const events = openEventLog(undefined, terminal);
  const world = await openWorld(argv, stacks, argv.dryRun ? 'planner' : 'applier', terminal);
  const pruning = { argv, world, actor, events, terminal, interrupt, isOneOfMany: stacks.length > 1 };
  try {
    const codes = await eachStack(
      stacks,
      (declared) => pruneStack(declared, pruning),
      async (fault, declared) => {
        const { reason = null, ticket = null } = argv;
        const attempt = { actor, tried: 'prune', planDigest: null, reason, ticket };
        if (!argv.dryRun) await leaveRefusal(fault, declared, attempt, argv, terminal);
        return refused(fault, declared.stack, false, terminal);
      },
    );
    return worst(codes);
  } finally {
    await world.close();
    events.close();
    interrupt.stop();
  }
}

async function pruneStack(declared: Declared, pruning: Pruning): Promise<ExitCode> {
  const { argv, world, actor, terminal, interrupt } = pruning;
  if (!argv.dryRun) requireLasting(argv, declared, process.env);
  const session = await openSession(world, declared, interrupt.signal);
  if ((await session.record.interrupted()) !== null) throw unfinished(declared.stack);
  const unseen = unseenIn(session.observed);
  for (const fault of unseen) reportFault(terminal, fault);
  const before = unseen.length === 0 ? EXIT.done : EXIT.failed;
  const plan = planOf(session, argv);
  show(plan, pruning.isOneOfMany, terminal);
  if (isEmpty(plan) || argv.dryRun) return before;
  if (!argv.autoApprove && !(await ask(terminal, interrupt.signal))) {
    terminal.print('\nPrune cancelled.');
    return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const stage: Stage = { ...pruning, run: { id: randomUUID(), actor, purpose: 'prune' } };
  const claiming = { ...stage, signal: interrupt.signal, gate: world.gate };
  const code = await underLease(session.record, claiming, async (held) => {
    const fresh = await lookAgain(session, interrupt.signal);
    assertFresh(plan, fresh.observed, fresh.recorded);
    return perform(fresh, held, { plan, digest: digestOf(plan), values: new Map() }, stage);
  });
  return worst([before, code]);
}

function planOf({ declared, observed, recorded }: Session, { prunePlatformOnly }: PruneArgs): Plan {
  const options = { ...NO_OPTIONS, prunePlatformOnly };
  return makePrunePlan({ declared, observed, recorded, now: now(), options });
}

function show(plan: Plan, isOneOfMany: boolean, terminal: Terminal): void {
  const nothing = `Nothing to prune in ${plan.stack}.`;
  if (terminal.json) terminal.printJson({ type: 'planned', plan: planJson(plan) }, 'stream');
  else if (isEmpty(plan)) terminal.print([...plan.notes.map(({ text }) => `${text}.`), nothing].join('\n'));
  else terminal.print(titled(plan.stack, isOneOfMany, renderPlan(plan, terminal.page), terminal));
}

/** Until it has ended nobody knows what is needed. */
function unfinished(stack: string): Fault {
  return new Fault({
    code: 'unfinished',
    what: 'an earlier apply did not end',
    where: `stack ${stack}`,
    live: 'what it did stands in its journal: keyturn plan shows it',
    next: 'run keyturn apply: it ends that one first; then prune',
  });
}
