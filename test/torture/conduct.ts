import { setTimeout as wait } from 'node:timers/promises';
import type { SecretAddress } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import { asFault } from '../../src/model/fault.ts';
import { observe } from '../../src/observe/observe.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { Errand } from './apply.ts';
import { emergencyPlan, freshPlan, radiusIn } from './apply.ts';
import type { ApplyOrder, Case, CompromiseOrder, Operation } from './case.ts';
import type { Plant } from './plant.ts';
import { Hang } from './loop.ts';
import type { Fate } from './ordeal.ts';
import { Ordeal } from './ordeal.ts';
import { Someone } from './someone.ts';
import type { Violation } from './violation.ts';
import type { Trouble } from './weather.ts';
import { Weather } from './weather.ts';

/** What came of a case. */
export interface Outcome {
  readonly violations: readonly Violation[];
  readonly trace: readonly string[];
  readonly troubles: readonly Trouble[];
  readonly counts: Ordeal['counts'];
}

const PLAIN: ApplyOrder = { due: false, lenient: true, rotate: [], bad: {}, hasValues: true };
const HOUR_MS = 3_600_000;
/** Longer than any soak of a drawn stack. */
const SOAK_MS = 13 * HOUR_MS;
const MOST_LIVES = 8;
const MOST_ROUNDS = 14;

/** Runs a case from its start to its rest, and says what did not hold. */
export async function conduct(given: Case, plant: Plant | null = null): Promise<Outcome> {
  const ordeal = await Ordeal.open(given, plant);
  const conductor = new Conductor(ordeal, plant?.tilt?.(given) ?? given);
  try {
    for (const operation of conductor.operations) await conductor.perform(operation);
    await conductor.comeToRest();
  } catch (thrown) {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    ordeal.checker.report(thrown instanceof Hang ? 'I6' : 'torture', text);
  }
  await ordeal.close();
  const { trace, counts, checker } = ordeal;
  return { violations: checker.violations, trace, counts, troubles: conductor.troubles };
}

type Make = (...given: Parameters<typeof freshPlan> extends [unknown, ...infer Rest] ? Rest : never) => Plan;

class Conductor {
  readonly troubles: Trouble[] = [];
  readonly #ordeal: Ordeal;
  readonly #case: Case;
  readonly #someone: Someone;
  #saved: Plan | null = null;
  readonly #incidents: CompromiseOrder[] = [];

  constructor(ordeal: Ordeal, given: Case) {
    this.#ordeal = ordeal;
    this.#case = given;
    this.#someone = new Someone(ordeal);
  }

  get operations(): readonly Operation[] {
    return this.#case.operations;
  }

  async perform(operation: Operation): Promise<void> {
    const ordeal = this.#ordeal;
    const { id, climate } = operation;
    ordeal.tell(`== ${describe(operation)}`);
    const random = ordeal.random.fork(`weather ${id}`);
    ordeal.weather = new Weather(id, climate, this.#case.troubles, random);
    ordeal.onHappening = () => {};
    try {
      await ordeal.drive(this.#act(operation));
    } finally {
      // Also what led to a hang: without it that cannot be made smaller.
      this.troubles.push(...ordeal.weather.hit);
    }
    ordeal.weather = new Weather(0, { kind: 'calm' }, null, random);
    await ordeal.drive(wait(60_000));
  }

  async #act(operation: Operation): Promise<void> {
    const { timeline } = this.#ordeal;
    switch (operation.kind) {
      case 'apply':
        if (operation.beside !== null) return this.#besides(operation);
        return this.#untilItEnds({ kind: 'apply', order: operation.order }, operation);
      case 'rollback':
        return this.#untilItEnds({ kind: 'rollback', secret: operation.secret }, operation);
      case 'compromise': {
        const { order, onto, host } = operation;
        this.#incidents.push(order);
        if (onto !== null) await this.#ordeal.run({ kind: 'apply', order: onto }, { host });
        return this.#untilItEnds({ kind: 'compromise', order }, operation);
      }
      case 'save emergency':
        this.#incidents.push(operation.order);
        return this.#save(
          (...seen) => emergencyPlan(operation.order, ...seen),
          radiusIn(operation.order, this.#ordeal.declared),
        );
      case 'save':
        return this.#save((...seen) => freshPlan({ ...operation.order, hasValues: false }, ...seen));
      case 'apply saved':
        if (this.#saved !== null) await this.#applySaved(this.#saved, operation);
        return;
      case 'declare':
        this.#ordeal.declared = operation.declared;
        return;
      case 'wait':
        timeline.passed += operation.hours * HOUR_MS;
        timeline.epoch += operation.hours * HOUR_MS;
        return;
      case 'jump':
        timeline.epoch += operation.hours * HOUR_MS;
        return;
      case 'meddle':
        return this.#someone.meddle(operation.meddling);
    }
  }

  /** Whenever it dies, somebody runs a plain apply, on the same machine or another one, until one ends. */
  async #untilItEnds(first: Errand, { host, id }: Operation): Promise<void> {
    const random = this.#ordeal.random.fork(`lives ${id}`);
    let fate: Fate = await this.#ordeal.run(first, { host });
    for (let life = 1; fate.kind === 'died' && life < MOST_LIVES; life += 1) {
      const next = random.chance(0.75) ? host : `elsewhere ${life}`;
      // In an emergency somebody may run the same command again, or a plain apply looks after it.
      const isAgain = first.kind === 'compromise' && random.chance(0.5);
      const errand: Errand = isAgain ? first : { kind: 'apply', order: PLAIN };
      fate = await this.#ordeal.run(errand, { host: next });
    }
  }

  /** A second one starts while the first is at work, which is perhaps stopped for longer than its lease lasts. */
  async #besides(operation: Extract<Operation, { kind: 'apply' }>): Promise<void> {
    const { order, beside, host, id } = operation;
    const ordeal = this.#ordeal;
    const random = ordeal.random.fork(`beside ${id}`);
    const first = ordeal.incarnate(host);
    const started: { second: Promise<Fate> | null } = { second: null };
    ordeal.onHappening = (event) => {
      if (beside === null || started.second !== null || event < beside.at || first.state !== 'running')
        return;
      const stopped = beside.suspended;
      if (stopped !== null) first.suspend((1 + random.next() * 5) * 60_000, stopped === 'asleep');
      ordeal.tell(`${first.name}: ${stopped ?? 'goes on'} beside a second one`);
      const other = random.chance(0.5) ? host : 'elsewhere';
      const { patienceMs } = beside;
      // Not as the first one, whose timers end with it.
      started.second = ordeal.timeline.apart(async () => {
        await Promise.resolve();
        return ordeal.run({ kind: 'apply', order: PLAIN }, { host: other, patienceMs });
      });
    };
    let fate = await ordeal.runAs(first, { kind: 'apply', order }, 0);
    ordeal.onHappening = () => {};
    if (started.second !== null) {
      const other = await started.second;
      if (fate.kind === 'died' || other.kind === 'died') fate = { kind: 'died', why: 'one of two' };
    }
    if (fate.kind === 'died') await this.#untilItEnds({ kind: 'apply', order: PLAIN }, operation);
  }

  async #save(make: Make, listed: ReadonlySet<SecretAddress> = new Set()): Promise<void> {
    const ordeal = this.#ordeal;
    const { declared } = ordeal;
    try {
      const { vaults, platforms } = ordeal.connections();
      const recorded = await ordeal.quietRecord().read();
      const now = (): string => ordeal.now;
      const observed = await ordeal.looking(() =>
        observe({ declared, recorded, vaults, platforms, now, listed }),
      );
      const plan = make({ recorded, observed }, declared, ordeal.now);
      this.#saved = ordeal.saved(plan);
      ordeal.checker.saved(this.#saved);
    } catch (thrown) {
      ordeal.tell(`no plan: ${asFault(thrown).message}`);
    }
  }

  async #applySaved(plan: Plan, operation: Operation): Promise<void> {
    const { checker } = this.#ordeal;
    const hadJournal = checker.admin.journal('written').length > 0;
    const moved = checker.movedSince(plan);
    const fate = await this.#ordeal.run({ kind: 'saved', plan }, { host: operation.host });
    const isApplied = fate.kind === 'ended' && fate.ended.executed !== null;
    if (isApplied && moved.length > 0 && !hadJournal)
      checker.report('I8', `a stale plan was applied: ${moved.join(', ')} had moved`);
    if (fate.kind === 'died') await this.#untilItEnds({ kind: 'apply', order: PLAIN }, operation);
  }

  /** No more troubles: applies until nothing changes, past every soak. */
  async comeToRest(): Promise<void> {
    const ordeal = this.#ordeal;
    const { checker, timeline } = ordeal;
    ordeal.tell('== the weather clears');
    ordeal.weather = new Weather(0, { kind: 'calm' }, null, ordeal.random);
    ordeal.onHappening = () => {};
    this.#someone.repair();
    // What is late arrives, and the clock is put right.
    await ordeal.drive(wait(6 * 60_000));
    timeline.epoch += Math.max(0, timeline.world - timeline.wall);
    ordeal.sources.mend();
    ordeal.console?.clear();
    await this.#mendEmergencies();
    await this.#replaceUnfit();
    let idle = 0;
    let done = false;
    for (let round = 1; round <= MOST_ROUNDS; round += 1) {
      const fate = await ordeal.drive(ordeal.run({ kind: 'apply', order: PLAIN }, { host: 'here' }));
      const executed = fate.kind === 'ended' ? fate.ended.executed : undefined;
      if (executed === undefined && fate.kind === 'threw') done = false;
      const steps = fate.kind === 'ended' ? fate.ended.plan.steps : [];
      // What an apply lets go of only at its end is taken back, or removed, by the next one.
      const isRemainder = (step: Step): boolean => step.group.startsWith('a') || step.kind === 'prune';
      const texts = steps.filter((step) => !isRemainder(step)).map(({ text }) => text);
      if (done && texts.length > 0) {
        checker.report('I9', `after a successful apply the next one had to: ${texts.join('; ')}`);
      }
      // An apply that could not observe everything ends with 1, and what hangs on that is left to the next.
      done = executed?.outcome === 'done' && fate.kind === 'ended' && !isBlind(fate.ended.plan);
      idle = executed === null ? idle + 1 : 0;
      if (idle === 3) break;
      if (executed === null) {
        done = false;
        timeline.passed += SOAK_MS;
        timeline.epoch += SOAK_MS;
        idle = round > 1 && idle === 2 ? 3 : idle;
        if (idle === 3) break;
      }
      if (round === MOST_ROUNDS) checker.report('I6', 'it never comes to rest');
    }
    checker.finish();
  }

  /** A person takes the pins out that emergencies passed over, and runs each of them again that did not end with everything done. */
  async #mendEmergencies(): Promise<void> {
    const ordeal = this.#ordeal;
    if (this.#incidents.length === 0) return;
    ordeal.declared = withoutPins(ordeal.declared);
    await ordeal.drive(ordeal.run({ kind: 'apply', order: PLAIN }, { host: 'here' }));
    for (const order of this.#incidents) {
      if (!ordeal.checker.emergencies.isOpen(order.incident)) continue;
      const again = { ...order, bad: {}, hasValues: true };
      await ordeal.drive(ordeal.run({ kind: 'compromise', order: again }, { host: 'here' }));
    }
  }

  /**
   * A person replaces current values that no service takes, that somebody disabled, or that are in files which somebody
   * else wrote, goes forward where there is no way back, and takes out dead mounts that nobody declares.
   */
  async #replaceUnfit(): Promise<void> {
    const ordeal = this.#ordeal;
    await ordeal.drive(this.#someone.unmount());
    await ordeal.drive(wait(60_000));
    const { checker } = ordeal;
    const rotate = [...new Set([...checker.unfit(), ...checker.unsure(), ...checker.stranded()])];
    if (rotate.length === 0) return;
    // What soaks is not rotated, whoever asks.
    ordeal.timeline.passed += SOAK_MS;
    ordeal.timeline.epoch += SOAK_MS;
    // What was told to refuse a few more requests does so behind the weather too.
    for (let left = MOST_ROUNDS; left > 0; left -= 1) {
      const order = { ...PLAIN, rotate };
      const fate = await ordeal.drive(ordeal.run({ kind: 'apply', order }, { host: 'here' }));
      if (fate.kind === 'ended' && !isBlind(fate.ended.plan)) return;
    }
  }
}

/** Whether something could not be observed. */
function isBlind({ blocked }: Plan): boolean {
  return blocked.some(({ fault }) => fault !== null);
}

/** An operation in words. */
export function describe(operation: Operation): string {
  const { climate } = operation;
  const weather =
    climate.kind === 'calm'
      ? ''
      : climate.kind === 'one'
        ? ` (trouble at ${climate.at} ${climate.event})`
        : ' (storm)';
  return `${operation.id}. ${wordsFor(operation)}${weather}`;
}

function wordsFor(operation: Operation): string {
  switch (operation.kind) {
    case 'apply': {
      const { order, beside } = operation;
      const bad = Object.entries(order.bad).map(([name, word]) => `${name} gets a ${word} value`);
      return [
        `apply on ${operation.host}`,
        order.due ? 'what is due' : '',
        order.rotate.length > 0 ? `rotate ${order.rotate.join(', ')}` : '',
        ...bad,
        order.hasValues ? '' : 'without values for manual secrets',
        order.lenient ? '' : 'not past faults',
        beside === null
          ? ''
          : `a second apply from its event ${beside.at} on${beside.suspended === null ? '' : `, while it is ${beside.suspended}`}`,
      ]
        .filter(Boolean)
        .join(', ');
    }
    case 'rollback':
      return `roll ${operation.secret} back`;
    case 'compromise': {
      const { order, onto } = operation;
      return [...wordsForEmergency(order), onto === null ? '' : 'after an apply that perhaps did not end']
        .filter(Boolean)
        .join(', ');
    }
    case 'save emergency':
      return `save a plan: ${wordsForEmergency(operation.order).filter(Boolean).join(', ')}`;
    case 'save':
      return `save a plan${operation.order.rotate.length > 0 ? `, rotate ${operation.order.rotate.join(', ')}` : ''}`;
    case 'apply saved':
      return 'apply the saved plan';
    case 'declare':
      return `the declaration changes: ${operation.text}`;
    case 'wait':
      return `${operation.hours} hours pass`;
    case 'jump':
      return `the clock jumps by ${operation.hours} hours`;
    case 'meddle':
      return `somebody else: ${Object.values(operation.meddling).join(' ')}`;
  }
}

function wordsForEmergency(order: CompromiseOrder): string[] {
  const { incident, secrets, consumer, only, revokeFirst, bad, hasValues } = order;
  return [
    `compromise of ${consumer ?? secrets.join(', ')} (${incident})`,
    only ? 'only these' : '',
    revokeFirst ? 'revoked first' : '',
    ...Object.entries(bad).map(([name, word]) => `${name} gets a ${word} value`),
    hasValues ? '' : 'without values for manual secrets',
  ];
}

function withoutPins(declared: Declared): Declared {
  const consumers = declared.consumers.map((consumer) => ({
    ...consumer,
    mounts: consumer.mounts.map((mount) => ({ ...mount, version: null })),
  }));
  return { ...declared, consumers };
}
