import { nameOf } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import type { HistoryStep, JournalLine } from '../../src/model/journal.ts';
import { TAG_OPERATION, TAG_STACK } from '../../src/model/observed.ts';
import type { MintStep, Plan, Step } from '../../src/model/plan.ts';
import type { StoredVersion } from '../../src/sandbox/vault-file.ts';
import { STACK } from '../support/world.ts';
import type { AdminView } from './admin-view.ts';
import type { Ended } from './apply.ts';
import type { Effected } from './sources.ts';
import type { ByHand, Violation } from './violation.ts';

const BACKWARD = new Set<Step['kind']>(['restore', 'unstage', 'demote']);

/** What an emergency gave the place of all versions before it. */
interface Successor {
  readonly secret: string;
  readonly incident: string;
  /** The vault's id of the new version. */
  readonly id: string;
}

/** Follows each emergency from its first mint to the end of the case: it only goes forward, and the old stays dead (I14). */
export class EmergencyWatch {
  /** Values that an emergency disabled, whoever mounted them. */
  readonly killed = new Set<string>();
  /** Values that have a successor of an emergency, with its incident. */
  readonly #dead = new Map<string, string>();
  readonly #successors: Successor[] = [];
  /** Incidents whose last apply did not end with everything done. */
  readonly #open = new Set<string>();
  readonly #keys = new Map<string, string>();
  readonly #admin: AdminView;

  constructor(admin: AdminView) {
    this.#admin = admin;
  }

  /** The emergency that is under way, by the open journal. */
  get plan(): Plan | null {
    const [begin] = this.#admin.journal('written');
    return begin?.type === 'begin' && begin.plan.kind === 'compromise' ? begin.plan : null;
  }

  isOpen(incident: string): boolean {
    return this.#open.has(incident);
  }

  /** Whether a step of the emergency under way disables this version whoever refers to it. */
  disables(secret: string, version: StoredVersion): boolean {
    return (
      this.plan?.steps.some(
        (step) =>
          step.kind === 'retire' &&
          step.emergency !== undefined &&
          nameOf(step.secret) === secret &&
          (step.emergency.strangers.includes(version.id) || this.#isOf(step, version)),
      ) === true
    );
  }

  /** A line of the journal was written. */
  wrote(line: JournalLine): Violation[] {
    const plan = line.type === 'begin' ? line.plan : this.plan;
    const incident = plan?.emergency?.incident;
    if (plan === null || incident === undefined) return [];
    if (line.type === 'begin') this.#open.add(incident);
    if (line.type === 'end' && line.outcome === 'done') this.#open.delete(incident);
    else if (line.type === 'end') this.#open.add(incident);
    if (line.type === 'end' && ['rolled-back', 'failed', 'stopped'].includes(line.outcome))
      return [{ invariant: 'I14', text: `an emergency ended ${line.outcome}` }];
    if (line.type === 'outcome' && line.result.status === 'done') this.#ended(line.step, plan);
    if (line.type !== 'intent') return [];
    const isPlanned = plan.steps.some(({ id, kind }) => id === line.step.id && kind === line.step.kind);
    if (isPlanned && !BACKWARD.has(line.step.kind)) return [];
    return [{ invariant: 'I14', text: `an emergency took something back: ${line.step.text}` }];
  }

  /** A version was written, and is the newest. */
  written(secret: string, made: StoredVersion): Violation[] {
    const of = this.#dead.get(made.value);
    if (of !== undefined)
      return [
        { invariant: 'I14', text: `${secret}: a version older than that of ${of} is the newest again` },
      ];
    const operation = made.tags?.[TAG_OPERATION];
    const mint = this.#mints().find((step) => step.operation === operation && nameOf(step.secret) === secret);
    if (mint !== undefined) this.#succeeded(secret, made);
    return [];
  }

  /** A version of a person was taken up, if a step of the emergency under way means it. */
  marked(secret: string, version: StoredVersion): void {
    if (this.#mints().some(({ taken }) => taken === version.id)) this.#succeeded(secret, version);
  }

  /** A service names a copy that it did not name before. */
  pointed(service: string, copyName: string, value: string): Violation[] {
    const of = this.#dead.get(value);
    if (of === undefined) return [];
    return [
      {
        invariant: 'I14',
        text: `${service} was pointed at ${copyName}, which is older than the version of ${of}`,
      },
    ];
  }

  /** An effect reached its receiver: with one key for one effect of one incident. */
  effected({ secret, incident, name, key }: Effected): Violation[] {
    const place = `${secret} ${incident} ${name}`;
    const known = this.#keys.get(place) ?? key;
    this.#keys.set(place, key);
    const others = [...this.#keys].filter(([other, used]) => other !== place && used === key);
    if (known === key && others.length === 0) return [];
    return [{ invariant: 'effects', text: `the effect ${place} came with the key of another one` }];
  }

  /** An emergency came to its end: all that could be done is done, and who could not follow is on record. */
  ended(
    { plan, executed }: Ended,
    by: string,
    declared: Declared,
    byHand: ByHand,
    effected: readonly Effected[],
  ): Violation[] {
    const incident = plan.emergency?.incident;
    if (executed === null || incident === undefined) return [];
    const { steps } = executed.entry;
    return [
      ...checkForward(plan, steps),
      ...this.parked(declared, byHand),
      ...(executed.outcome === 'done' ? checkEffects(plan, effected) : []),
      ...(executed.outcome === 'done' ? this.#left(incident, declared, byHand) : []),
      ...checkOrder(plan, effected, by),
    ];
  }

  /** Whoever reads what an emergency killed is on record as parked, or not declared to read it (I3). */
  parked(declared: Declared, { put }: ByHand): Violation[] {
    const consumers = this.#admin.recorded()?.consumers ?? {};
    return this.#admin.uses().flatMap((use): Violation[] => {
      const value = this.#admin.valueOfCopy(use.copyId) ?? '';
      if (use.by === 'previous spec' || !this.killed.has(value)) return [];
      if (put.has(`${use.service} ${use.target} ${value}`)) return [];
      const consumer = declared.consumers.find(({ service }) => service === use.service);
      const isDeclared = consumer?.mounts.some(({ target }) => target === use.target) === true;
      if (!isDeclared || consumers[consumer.address]?.parked !== undefined) return [];
      const text = `a ${use.by} of ${use.service} names ${use.copyName}, which is dead, and it is not parked`;
      return [{ invariant: 'I3', text }];
    });
  }

  /** Everything older than a successor is disabled, and its copies are gone but for what a spec names. */
  finish(declared: Declared, byHand: ByHand): Violation[] {
    return [...this.#left(null, declared, byHand), ...this.parked(declared, byHand)];
  }

  #left(of: string | null, declared: Declared, byHand: ByHand): Violation[] {
    const successors = this.#successors.filter(({ incident }) => of === null || incident === of);
    return successors.flatMap(({ secret, incident, id }): Violation[] => {
      const address = declared.secrets.find(({ name }) => name === secret)?.address;
      const versions = this.#admin.versions(secret);
      const at = versions.findIndex((version) => version.id === id);
      if (address === undefined || at === -1) return [];
      const value = versions[at]?.value;
      const older = versions.slice(0, at).filter((version) => version.value !== value);
      const living = older.filter(({ enabled, id: own }) => enabled && !byHand.written.has(own));
      return [
        ...living.map((version): Violation => {
          const name = `${secret} v${version.tags?.['keyturn-version'] ?? '?'}`;
          return { invariant: 'I14', text: `${name} is older than the version of ${incident}, and enabled` };
        }),
        ...this.#copiesLeft(new Set(older.map((version) => version.value)), incident),
      ];
    });
  }

  #copiesLeft(values: ReadonlySet<string>, incident: string): Violation[] {
    const named = new Set(this.#admin.uses().flatMap(({ by, copyId }) => (by === 'spec' ? [copyId] : [])));
    return this.#admin
      .copies()
      .filter(
        ({ id, labels }) => labels[TAG_STACK] === STACK && values.has(this.#admin.valueOfCopy(id) ?? ''),
      )
      .filter(({ id }) => !named.has(id))
      .map(({ name }) => ({
        invariant: 'I14',
        text: `the copy ${name} is older than the version of ${incident}, and there`,
      }));
  }

  /** Also what somebody else had disabled before: nobody need move off it first. */
  #ended(id: string, plan: Plan): void {
    const step = plan.steps.find((each) => each.id === id);
    if (step?.kind !== 'retire') return;
    const versions = this.#admin.versions(nameOf(step.secret)).filter((version) => this.#isOf(step, version));
    for (const { value } of versions) this.killed.add(value);
  }

  #succeeded(secret: string, made: StoredVersion): void {
    const incident = this.plan?.emergency?.incident ?? '';
    this.#successors.push({ secret, incident, id: made.id });
    for (const { value } of this.#admin.versions(secret))
      if (value !== made.value) this.#dead.set(value, incident);
  }

  #mints(): MintStep[] {
    return this.plan?.steps.filter((step) => step.kind === 'mint') ?? [];
  }

  #isOf({ secret, ordinal }: Extract<Step, { kind: 'retire' }>, version: StoredVersion): boolean {
    const versions = this.#admin.recorded()?.secrets[secret]?.versions ?? [];
    const isKnown = versions.find((each) => each.ordinal === ordinal)?.storeIds.includes(version.id) === true;
    return isKnown || version.tags?.['keyturn-version'] === String(ordinal);
  }
}

/** What fails keeps only that from being done which needs it (I7). */
function checkForward(plan: Plan, steps: readonly HistoryStep[]): Violation[] {
  const statuses = new Map(steps.map(({ id, status }) => [id, status]));
  return plan.steps
    .filter(({ id, needs }) => {
      const status = statuses.get(id);
      return status !== 'done' && status !== 'failed' && needs.every((need) => statuses.get(need) === 'done');
    })
    .map(({ text }) => ({ invariant: 'I7', text: `an emergency left out what it could do: ${text}` }));
}

function checkEffects(plan: Plan, effected: readonly Effected[]): Violation[] {
  return plan.steps.flatMap((step): Violation[] => {
    if (step.kind !== 'effect') return [];
    const isThere = effected.some(({ key }) => key === step.idempotencyKey);
    return isThere ? [] : [{ invariant: 'effects', text: `${step.text} is done and reached nobody` }];
  });
}

/** One process brings about each secret's effects in the order in which they are declared. */
function checkOrder(plan: Plan, effected: readonly Effected[], by: string): Violation[] {
  const steps = plan.steps.filter((step) => step.kind === 'effect');
  const secrets = [...new Set(steps.map(({ secret }) => secret))];
  return secrets.flatMap((secret): Violation[] => {
    const turns = steps.filter((step) => step.secret === secret).map((step) => step.idempotencyKey);
    const places = effected
      .flatMap((each) => (each.by === by ? [turns.indexOf(each.key)] : []))
      .filter((at) => at !== -1);
    // The same one once more, where its answer was lost, is still its turn.
    const isInOrder = places.every((place, index) => index === 0 || place >= (places[index - 1] ?? -1));
    const text = `the effects of ${nameOf(secret)} came out of their order`;
    return isInOrder ? [] : [{ invariant: 'effects', text }];
  });
}
