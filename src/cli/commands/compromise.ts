import { loaderOf } from '../ahead.ts';
import { randomUUID } from 'node:crypto';
import { assertFresh } from '../../execute/fresh.ts';
import type { Address, Instant, SecretAddress } from '../../model/address.ts';
import { isSecretAddress, nameOf } from '../../model/address.ts';
import { digestOf } from '../../model/canonical.ts';
import type { Declared } from '../../model/declared.ts';
import { Fault } from '../../model/fault.ts';
import type { Actor } from '../../model/journal.ts';
import type { Plan } from '../../model/plan.ts';
import { isEmpty } from '../../model/plan.ts';
import type { SecretValue } from '../../model/secret-value.ts';
import { makeCompromisePlan } from '../../plan/compromise.ts';
import { withinRadius } from '../../plan/radius.ts';
import type { HeldRecord } from '../../record/held-record.ts';
import { guardedPlan } from '../../model/guarded.ts';
import { writePlanFile } from '../../record/plan-file.ts';
import { planJson } from '../../report/plan-json.ts';
import { renderPlan } from '../../report/plan-text.ts';
import { actorOf } from '../actor.ts';
import { leaveRefusal } from '../refusals.ts';
import { resolveAddresses } from '../address.ts';
import { ask, refuseTalkativeDebug, requireApprover } from '../approve.ts';
import { askForValues } from '../ask-hidden.ts';
import type { World } from '../connect.ts';
import { openWorld } from '../connect.ts';
import { openEventLog } from '../event-log.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT, worst } from '../exit-code.ts';
import { watchInterrupts } from '../interrupt.ts';
import { underLease } from '../lease.ts';
import type { TimesArgs } from '../incident-times.ts';
import { requireTimes, timesOf } from '../incident-times.ts';
import type { PerformArgs, Stage } from '../perform.ts';
import { perform, refused, resumeInterrupted } from '../perform.ts';
import { readDeclared } from '../project.ts';
import type { WritesArgs } from '../records.ts';
import { requireLasting } from '../records.ts';
import { furnish } from '../sandbox-drill.ts';
import type { Session } from '../session.ts';
import { eachStack, lookAgain, openSession, ownedBy } from '../session.ts';
import type { GeneralArgs } from '../terminal.ts';
import { now, openTerminal, titled } from '../terminal.ts';
import { refuseUnused } from '../unused-values.ts';
import { readValues, requireSources } from '../values.ts';

export interface CompromiseArgs extends GeneralArgs, WritesArgs, PerformArgs, TimesArgs {
  readonly address: readonly string[];
  readonly only: boolean;
  readonly revokeFirst: boolean;
  readonly value: readonly string[];
  readonly dryRun: boolean;
  readonly out: string | undefined;
  readonly autoApprove: boolean;
}

interface Context extends Omit<Stage, 'argv' | 'run'> {
  readonly argv: CompromiseArgs;
  readonly world: World;
  readonly actor: Actor;
  readonly named: readonly SecretAddress[];
  /** When this command was given: from then on the time counts, unless it is told otherwise. */
  readonly startedAt: Instant;
  readonly values: ReadonlyMap<SecretAddress, SecretValue>;
  readonly isOneOfMany: boolean;
}

/** Plans the emergency for each stack that declares one of the addresses, and carries it out once that is approved. */
export async function run(argv: CompromiseArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  refuseTalkativeDebug(process.env);
  requireSources(argv.value);
  const isShownOnly = argv.dryRun || argv.out !== undefined;
  requireApprover(terminal, argv.autoApprove || isShownOnly, 'compromise');
  const startedAt = now();
  requireTimes(argv, startedAt);
  const interrupt = watchInterrupts(terminal);
  const all = await readDeclared(
    { directory: argv.directory, stack: [] },
    terminal,
    interrupt.signal,
    await loaderOf(argv),
  );
  const named = secretsNamed(argv.address, all);
  const stacks = all.filter((declared) => ownedBy(declared, named).length > 0);
  requireOnePlan(argv, stacks);
  const values = await readValues(argv.value, stacks, interrupt.signal);
  const actor = await actorOf(process.env, argv.directory);
  const events = openEventLog(argv.events, terminal);
  // The sandbox is filled before a drill, also one that is only shown.
  const identity = isShownOnly && argv.sandbox === undefined ? 'planner' : 'applier';
  const world = await openWorld(argv, stacks, identity, terminal);
  const isOneOfMany = stacks.length > 1;
  const context = { argv, world, actor, named, startedAt, values, events, terminal, interrupt, isOneOfMany };
  try {
    const codes = await eachStack(
      stacks,
      (declared) => inStack(declared, context),
      async (fault, declared) => {
        const tried = `compromise of ${named.join(', ')} (${argv.incident})`;
        const attempt = {
          actor,
          tried,
          planDigest: null,
          reason: argv.reason ?? null,
          ticket: argv.ticket ?? null,
        };
        await leaveRefusal(fault, declared, attempt, argv, terminal);
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

async function inStack(declared: Declared, context: Context): Promise<ExitCode> {
  const { argv, world, interrupt, actor, terminal } = context;
  const run = { id: randomUUID(), actor, purpose: 'compromise' as const };
  const stage: Stage = { ...context, run };
  if (!argv.dryRun && argv.out === undefined) requireLasting(argv, declared, process.env);
  const radius = withinRadius(ownedBy(declared, context.named), declared);
  const opened = await openSession(world, declared, interrupt.signal, radius);
  const session = await furnish(opened, world, stage);
  if (argv.dryRun || argv.out !== undefined) return showOnly(session, context);
  const claiming = { ...stage, signal: interrupt.signal, gate: world.gate };
  const isAsked = !argv.autoApprove;
  if ((await session.record.interrupted()) === null && isAsked) {
    const brought = await bring(session, context);
    const plan = await planOf(session, brought, context);
    review(plan, session, brought, context);
    if (isEmpty(plan)) return codeOf(plan);
    if (!(await ask(terminal, interrupt.signal))) {
      terminal.print('\nEmergency rotation cancelled. Nothing was changed.');
      return interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
    }
    return underLease(session.record, claiming, async (held) => {
      const fresh = await lookAgain(session, interrupt.signal);
      assertFresh(plan, fresh.observed, fresh.recorded);
      return carryOut(fresh, held, plan, brought, stage);
    });
  }
  return underLease(session.record, claiming, async (held) => {
    const resumed = await resumeInterrupted(session, held, stage);
    if (resumed?.code === EXIT.stopped) return resumed.code;
    if (isAsked) {
      terminal.print('Run the same command again for the emergency plan.');
      return worst([resumed?.code ?? EXIT.done, EXIT.failed]);
    }
    const fresh = await lookAgain(session, interrupt.signal);
    const plan = await planOf(fresh, context, context);
    review(plan, fresh, context, context);
    return isEmpty(plan) ? codeOf(plan) : carryOut(fresh, held, plan, context, stage);
  });
}

async function carryOut(
  session: Session,
  held: HeldRecord,
  plan: Plan,
  { values, world }: Pick<Context, 'values' | 'world'>,
  stage: Stage,
): Promise<ExitCode> {
  const missing = manualMints(plan).filter((address) => !values.has(address));
  const placeholders = world.sandbox?.placeholdersFor(session.declared, missing) ?? [];
  const approved = { plan, digest: digestOf(plan), values: new Map([...placeholders, ...values]) };
  return perform(session, held, approved, stage);
}

async function planOf(
  session: Session,
  { values }: Pick<Context, 'values'>,
  { argv, named, startedAt, world }: Context,
): Promise<Plan> {
  const { declared, observed, recorded } = session;
  const own = ownedBy(declared, named);
  const given = ownedBy(declared, [...values.keys()]);
  const order = {
    addresses: own,
    incident: argv.incident,
    only: argv.only,
    revokeFirst: argv.revokeFirst,
    ...(await timesOf(argv, session, startedAt)),
  };
  const input = { declared, observed, recorded, now: now(), ...order };
  const plan = makeCompromisePlan({ ...input, values: given });
  if (plan.emergency?.radius.every(({ left }) => left === 'not-minted') === true) throw nothingThere(own);
  const awaiting = plan.blocked.filter(({ why }) => why === 'awaiting-value').map(({ address }) => address);
  const placeholders = [...(world.sandbox?.placeholdersFor(declared, awaiting).keys() ?? [])];
  return guardedPlan(
    placeholders.length === 0 ? plan : makeCompromisePlan({ ...input, values: [...given, ...placeholders] }),
  );
}

function nothingThere(addresses: readonly SecretAddress[]): Fault {
  return new Fault({
    code: 'bad-usage',
    what: `${addresses.map(nameOf).join(', ')} ${addresses.length === 1 ? 'has' : 'have'} no version that keyturn promoted: there is nothing to replace`,
    where: 'command line',
    live: 'nothing was changed',
    next: 'keyturn status shows what is on record; is this the right stack and directory?',
  });
}

/** Asks for the values that only a person can bring; without a terminal nothing is asked. */
async function bring(session: Session, context: Context): Promise<Context> {
  const { blocked } = await planOf(session, context, context);
  const awaiting = blocked.filter(({ why }) => why === 'awaiting-value');
  const brought = await askForValues(awaiting, context.terminal, context.interrupt.signal);
  return { ...context, values: new Map([...context.values, ...brought]) };
}

async function showOnly(session: Session, context: Context): Promise<ExitCode> {
  const { terminal, argv } = context;
  const plan = await planOf(session, context, context);
  review(plan, session, context, context);
  if (argv.out === undefined || argv.dryRun) {
    terminal.say('\nOnly shown (--dry-run): nothing was changed.');
    return codeOf(plan);
  }
  await writePlanFile(argv.out, plan);
  const values = manualMints(plan).map((address) => ` --value ${address}=-`);
  const command = `keyturn apply ${argv.out}${values.join('')}`;
  terminal.say(`\nSaved to ${argv.out}; apply just this plan with \`${command}\`.`);
  return codeOf(plan);
}

/** Shows the plan, and refuses it where a value that was handed in would go nowhere. */
function review(
  plan: Plan,
  { declared }: Session,
  { values }: Pick<Context, 'values'>,
  context: Context,
): void {
  show(plan, context);
  const minted = manualMints(plan);
  const given = ownedBy(declared, [...values.keys()]);
  refuseUnused(
    given.filter((address) => !minted.includes(address)),
    plan,
  );
}

function manualMints({ steps }: Plan): SecretAddress[] {
  return steps.flatMap((step) =>
    step.kind === 'mint' && step.source.kind === 'manual' && step.taken === undefined ? [step.secret] : [],
  );
}

function show(plan: Plan, { terminal, isOneOfMany }: Context): void {
  if (terminal.json) terminal.printJson({ type: 'planned', plan: planJson(plan) }, 'stream');
  else terminal.print(titled(plan.stack, isOneOfMany, renderPlan(plan, terminal.page), terminal));
}

/** Something that should be dead and cannot be killed by this plan needs a person, unless they chose to leave it. */
function codeOf({ emergency }: Plan): ExitCode {
  const chosen = new Set<Address>(
    emergency?.radius.flatMap(({ secret, left }) => (left === 'only' ? [secret] : [])),
  );
  const isOpen = emergency?.exposed.some(({ address }) => !chosen.has(address)) === true;
  return isOpen ? EXIT.stopped : EXIT.done;
}

/** A consumer stands for all that it reads: who has its container has these. */
function secretsNamed(written: readonly string[], stacks: readonly Declared[]): SecretAddress[] {
  const found = resolveAddresses(written, stacks);
  const secrets = found.flatMap((address) => {
    if (isSecretAddress(address)) return [address];
    return stacks.flatMap(({ consumers }) =>
      consumers
        .filter((each) => each.address === address)
        .flatMap(({ mounts }) => mounts.map(({ secret }) => secret)),
    );
  });
  return [...new Set(secrets)];
}

function requireOnePlan({ out }: CompromiseArgs, stacks: readonly Declared[]): void {
  if (out === undefined || stacks.length <= 1) return;
  throw wrong(
    `these addresses are of ${stacks.length} stacks, and a plan file holds the plan of one`,
    'name the addresses of one stack at a time',
  );
}

function wrong(what: string, next: string): Fault {
  return new Fault({ code: 'bad-usage', what, where: 'command line', live: 'nothing ran', next });
}
