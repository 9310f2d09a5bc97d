import type { Gate } from '../../src/cli/lease.ts';
import type { Executed } from '../../src/execute/execute.ts';
import { execute, resume } from '../../src/execute/execute.ts';
import { assertFresh } from '../../src/execute/fresh.ts';
import type { Outside } from '../../src/execute/work.ts';
import { addDuration } from '../../src/calendar/calendar.ts';
import type { SecretAddress } from '../../src/model/address.ts';
import { secretAddress } from '../../src/model/address.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { Declared, Source } from '../../src/model/declared.ts';
import type { ApplyEvent } from '../../src/model/event.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Fence } from '../../src/model/fence.ts';
import type { Hooks } from '../../src/model/hooks.ts';
import type { Observed } from '../../src/model/observed.ts';
import type { Plan } from '../../src/model/plan.ts';
import { isEmpty } from '../../src/model/plan.ts';
import type { Platform } from '../../src/model/platform.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import type { SecretValue } from '../../src/model/secret-value.ts';
import type { Vault } from '../../src/model/vault.ts';
import { observe } from '../../src/observe/observe.ts';
import { makeCompromisePlan } from '../../src/plan/compromise.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { withinRadius } from '../../src/plan/radius.ts';
import { makeRollbackPlan } from '../../src/plan/rollback.ts';
import { declarationDigest } from '../../src/plan/timing.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { LEASE_TERMS, instantOf } from '../../src/record/lease.ts';
import type { StackRecord } from '../../src/record/record.ts';
import type { ApplyOrder, CompromiseOrder } from './case.ts';
import type { Incarnation } from './incarnation.ts';
import type { Plant } from './plant.ts';

/** What an emergency may take: less than a torture lets one operation take. */
const DEADLINE = 'PT8M';

/** What an incarnation is asked to do. */
export type Errand =
  | { readonly kind: 'apply'; readonly order: ApplyOrder }
  | { readonly kind: 'rollback'; readonly secret: string }
  | { readonly kind: 'compromise'; readonly order: CompromiseOrder }
  | { readonly kind: 'saved'; readonly plan: Plan };

/** What an incarnation has at hand. */
export interface Tools {
  readonly declared: Declared;
  readonly record: StackRecord;
  readonly gate: Gate;
  readonly vaults: ReadonlyMap<string, Vault>;
  readonly platforms: ReadonlyMap<string, Platform>;
  readonly hooks: Hooks;
  readonly isAlive: (pid: number, host: string) => boolean | null;
  readonly valueOf: (secret: string) => SecretValue;
  readonly generate: (source: Source) => SecretValue;
  readonly listen: (event: ApplyEvent) => void;
  readonly patienceMs: number;
  /** A bug to be found; null: none. */
  readonly plant: Plant | null;
}

/** How an apply ended that came to its end. */
export interface Ended {
  readonly resumed: Executed | null;
  /** Null: there was nothing to do. */
  readonly plan: Plan;
  readonly observed: Observed;
  readonly executed: Executed | null;
}

/**
 * One run of the program, as src/cli does it: claims the record, ends an apply that did not end, plans, and carries
 * the plan out. Throws what the program would report.
 */
export async function runErrand(incarnation: Incarnation, errand: Errand, tools: Tools): Promise<Ended> {
  const { record, gate, declared, plant } = tools;
  const now = (): string =>
    instantOf(Math.floor(incarnation.clock.now() / 1000) * 1000).replace('.000Z', 'Z');
  const look = async (): Promise<{ recorded: Recorded; observed: Observed }> => {
    const recorded = await record.read();
    const { vaults, platforms } = tools;
    const listed = errand.kind === 'compromise' ? radiusIn(errand.order, declared) : new Set<SecretAddress>();
    return { recorded, observed: await observe({ declared, recorded, vaults, platforms, now, listed }) };
  };
  const first = await look();
  const held = await claimed(incarnation, tools, now());
  const fence = plant?.fence?.(held.fence) ?? held.fence;
  const sink = plant?.sink?.(held) ?? held;
  gate.open(fence);
  try {
    const outside = outsideOf(incarnation, tools, fence, now);
    const isInterrupted = (await record.interrupted()) !== null;
    const resumed = isInterrupted
      ? await resume({ outside: outside(new Map()), listen: tools.listen, parallelism: 8 }, sink)
      : null;
    if (resumed?.outcome === 'stopped') throw new Stopped(resumed);
    const hasMoved = resumed !== null || (await record.read()).serial !== first.recorded.serial;
    const looksAgain = hasMoved || errand.kind === 'saved' || errand.kind === 'compromise';
    const seen = looksAgain ? await look() : first;
    const made = planFor(errand, seen, declared, now());
    const plan = plant?.plan?.(made) ?? made;
    if (errand.kind === 'saved' && plant?.appliesStale !== true)
      assertFresh(plan, seen.observed, seen.recorded);
    if (errand.kind === 'apply') refuseFaulty(plan, errand.order);
    if (isEmpty(plan)) return { resumed, plan, observed: seen.observed, executed: null };
    const executed = await execute(
      {
        plan,
        planDigest: digestOf(plan),
        outside: outside(valuesFor(plan, tools)),
        listen: tools.listen,
        signal: new AbortController().signal,
        parallelism: 8,
        apply: incarnation.name,
        actor: { name: 'tester', knownBy: 'os-user', host: incarnation.host, run: null },
        reason: null,
        ticket: null,
      },
      sink,
    );
    return { resumed, plan, observed: seen.observed, executed };
  } finally {
    gate.open(null);
    await held.release().catch(() => undefined);
  }
}

/** A resume that could not come to an end: exit 11, and nothing new is begun. */
export class Stopped extends Error {
  readonly executed: Executed;

  constructor(executed: Executed) {
    super('the apply before could not be ended');
    this.executed = executed;
  }
}

function claimed(incarnation: Incarnation, tools: Tools, now: string): Promise<HeldRecord> {
  const { pid, host, name, clock } = incarnation;
  const times = { since: now, renewed: now, expires: now };
  const own = { format: 2 as const, id: name, holder: 'tester', host, pid, started: String(pid), ...times };
  return tools.record.claim(
    { ...own, purpose: 'keyturn apply', run: null, isFenced: false },
    {
      isAlive:
        tools.plant?.isAlive ??
        ((holder) => (holder.host === host ? tools.isAlive(holder.pid, holder.host) : null)),
      timeoutMs: tools.patienceMs,
      terms: LEASE_TERMS,
      clock: tools.plant?.clock?.(clock) ?? clock,
      tell: () => {},
    },
  );
}

function planFor(
  errand: Errand,
  seen: { recorded: Recorded; observed: Observed },
  declared: Declared,
  now: string,
): Plan {
  if (errand.kind === 'saved') return errand.plan;
  if (errand.kind === 'apply') return freshPlan(errand.order, seen, declared, now);
  if (errand.kind === 'compromise') return emergencyPlan(errand.order, seen, declared, now);
  const [vault] = declared.vaults;
  const address = secretAddress(vault?.name ?? '', errand.secret);
  return makeRollbackPlan({ declared, ...seen, now, address, reason: null });
}

/** The plan of an apply, with the values that a person brings for what waits for one. */
export function freshPlan(
  order: ApplyOrder,
  seen: { recorded: Recorded; observed: Observed },
  declared: Declared,
  now: string,
): Plan {
  const known = declared.secrets.filter(({ name }) => order.rotate.includes(name));
  const asked = known.map(({ address }) => address);
  const manual = known.filter(({ source }) => source.kind === 'manual').map(({ address }) => address);
  const options = { ...NO_OPTIONS, rotate: asked, dueOnly: order.due, values: order.hasValues ? manual : [] };
  const plan = makePlan({ declared, ...seen, now, options });
  const waiting = plan.blocked.filter(({ why }) => why === 'awaiting-value');
  if (!order.hasValues || waiting.length === 0) return plan;
  const values = [...options.values, ...waiting.map(({ address }) => address as SecretAddress)];
  return makePlan({ declared, ...seen, now, options: { ...options, values } });
}

/** The emergency plan, with the values that a person brings for what waits for one. */
export function emergencyPlan(
  order: CompromiseOrder,
  seen: { recorded: Recorded; observed: Observed },
  declared: Declared,
  now: string,
): Plan {
  const { incident, only, revokeFirst } = order;
  const input = {
    declared,
    ...seen,
    now,
    incident,
    only,
    revokeFirst,
    addresses: namedIn(order, declared),
    discoveredAt: now,
    deadline: addDuration(now, DEADLINE),
  };
  const plan = makeCompromisePlan({ ...input, values: [] });
  const waiting = plan.blocked.filter(({ why }) => why === 'awaiting-value');
  if (!order.hasValues || waiting.length === 0) return plan;
  return makeCompromisePlan({ ...input, values: waiting.map(({ address }) => address as SecretAddress) });
}

function namedIn({ secrets, consumer }: CompromiseOrder, declared: Declared): SecretAddress[] {
  const named = declared.secrets.filter(({ name }) => secrets.includes(name));
  const read = declared.consumers
    .filter(({ service }) => service === consumer)
    .flatMap(({ mounts }) => mounts.map(({ secret }) => secret));
  return [...new Set([...named.map(({ address }) => address), ...read])];
}

/** Secrets of which the emergency sees every version. */
export function radiusIn(order: CompromiseOrder, declared: Declared): ReadonlySet<SecretAddress> {
  return withinRadius(namedIn(order, declared), declared);
}

function refuseFaulty(plan: Plan, { due, lenient }: ApplyOrder): void {
  const fault = plan.blocked.find((blocked) => blocked.fault !== null)?.fault;
  if (fault != null && !due && !lenient && !isEmpty(plan)) throw new Fault(fault);
}

function valuesFor(plan: Plan, tools: Tools): Map<SecretAddress, SecretValue> {
  const mints = plan.steps.flatMap((step) =>
    step.kind === 'mint' && step.source.kind === 'manual' ? [step.secret] : [],
  );
  return new Map(mints.map((secret) => [secret, tools.valueOf(secret)]));
}

function outsideOf(
  { clock }: Incarnation,
  { declared, vaults, platforms, generate, hooks }: Tools,
  fence: Fence,
  now: () => string,
): (values: ReadonlyMap<SecretAddress, SecretValue>) => Outside {
  const declarations = new Map(
    declared.secrets.map((secret) => [secret.address, declarationDigest(secret)] as const),
  );
  return (values) => ({
    vaults,
    platforms,
    values,
    generate,
    hooks,
    fence,
    declarations,
    now,
    ticks: clock.ticks,
  });
}
