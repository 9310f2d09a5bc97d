import type { Instant, SecretAddress } from '../../src/model/address.ts';
import { homeOf, nameOf } from '../../src/model/address.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { DoneFacts, JournalLine } from '../../src/model/journal.ts';
import type { ObservedService, Reference } from '../../src/model/observed.ts';
import {
  LABEL_SECRET,
  TAG_OPERATION,
  TAG_STACK,
  TAG_VERSION,
  itemFingerprint,
} from '../../src/model/observed.ts';
import { referenceTo } from '../../src/model/host.ts';
import type { FlipStep, Plan, RestoreStep, Step } from '../../src/model/plan.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { recordedVersion } from '../../src/model/recorded.ts';
import { Replay } from '../../src/record/fold.ts';
import { serviceFingerprint } from './look.ts';

/** A version as the vault keeps it; the last one of a list is the newest. */
export interface StoredVersion {
  readonly storeId: string;
  enabled: boolean;
  updated: number;
  readonly created: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface WorldCopy {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface WorldService {
  readonly id: string;
  mode: ObservedService['mode'];
  tasks: number;
  references: Reference[];
  previous: Reference[] | null;
  /** Copies that tasks of an older spec still use. */
  lingering: string[];
  /** Copies that tasks on a lost node use: nothing ends these. */
  lost: string[];
  /** Why a task finds no node. */
  homeless: string | null;
  /** Of a file: somebody else wrote it; what reads it began before and carries no marker. */
  isEdited?: boolean;
  isUnmarked?: boolean;
  updateState: string | null;
  order: ObservedService['order'];
  healthCheck: boolean;
  updateFailureAction: string;
  rollbackFailureAction: string;
}

/**
 * Vaults and platforms as plain data, which do what a plan's steps say and refuse what the real ones refuse:
 * an oracle for the planner, without the executor.
 */
export class World {
  readonly vaults = new Map<string, Map<string, StoredVersion[]>>();
  readonly copies = new Map<string, Map<string, WorldCopy>>();
  readonly services = new Map<string, Map<string, WorldService>>();
  readonly unknown = new Set<string>();
  /** Platforms that keep no copies. */
  readonly hosts = new Set<string>();
  #clock = 1_000;
  #ids = 0;

  copy(): World {
    const other = new World();
    const clone = structuredClone({ vaults: this.vaults, copies: this.copies, services: this.services });
    for (const [name, secrets] of clone.vaults) other.vaults.set(name, secrets);
    for (const [name, copies] of clone.copies) other.copies.set(name, copies);
    for (const [name, services] of clone.services) other.services.set(name, services);
    for (const name of this.unknown) other.unknown.add(name);
    for (const name of this.hosts) other.hosts.add(name);
    other.#clock = this.#clock;
    other.#ids = this.#ids;
    return other;
  }

  storeOf(secret: SecretAddress): StoredVersion[] {
    const vault = this.vaults.get(homeOf(secret)) ?? new Map<string, StoredVersion[]>();
    this.vaults.set(homeOf(secret), vault);
    const versions = vault.get(nameOf(secret)) ?? [];
    vault.set(nameOf(secret), versions);
    return versions;
  }

  write(secret: SecretAddress, tags: Readonly<Record<string, string>>): string {
    const storeId = `${nameOf(secret)}-${this.#next()}`;
    const at = this.#tick();
    this.storeOf(secret).push({ storeId, enabled: true, created: at, updated: at, tags });
    return storeId;
  }

  deliver(platform: string, name: string, labels: Readonly<Record<string, string>>): string {
    const copies = this.copies.get(platform) ?? new Map<string, WorldCopy>();
    this.copies.set(platform, copies);
    const id = `${name}-${this.#next()}`;
    copies.set(name, { id, labels });
    return id;
  }

  service(platform: string, name: string): WorldService {
    const services = this.services.get(platform) ?? new Map<string, WorldService>();
    this.services.set(platform, services);
    const service = services.get(name) ?? {
      id: `service-${name}`,
      mode: 'replicated',
      tasks: 2,
      references: [],
      previous: null,
      lingering: [],
      lost: [],
      homeless: null,
      updateState: null,
      order: 'start-first',
      healthCheck: true,
      updateFailureAction: 'rollback',
      rollbackFailureAction: 'continue',
      ...(this.hosts.has(platform) ? HOST : {}),
    };
    services.set(name, service);
    return service;
  }

  reference(platform: string, target: string, name: string): Reference {
    if (this.hosts.has(platform)) return { target, copyId: name, copyName: name };
    const copy = this.copies.get(platform)?.get(name);
    if (copy === undefined) throw new Error(`no copy ${name} on ${platform}`);
    return { target, copyId: copy.id, copyName: name };
  }

  /** Does every step of the plan, and gives the record afterwards. Throws where vault or platform would refuse. */
  execute(plan: Plan, recorded: Recorded, at: Instant): Recorded {
    const replay = new Replay(recorded);
    const begin = {
      ...BEGIN,
      at,
      apply: `apply-${at}`,
      plan,
      planDigest: digestOf(plan),
      lineage: recorded.lineage,
    };
    replay.add(begin);
    this.#clock = Math.max(this.#clock, Math.floor(Date.parse(at) / 1000));
    for (const step of plan.steps) this.perform(step, replay, at);
    replay.add({ seq: 0, at, type: 'seen', fingerprints: this.#look(plan, replay.recorded) });
    replay.add({ seq: 0, at, type: 'end', outcome: 'done' });
    return { ...replay.recorded, serial: recorded.serial + 1 };
  }

  perform(step: Step, replay: Replay, at: Instant): void {
    replay.add({ seq: 0, at, type: 'intent', step });
    const facts = this.#act(step, replay.recorded);
    const result = { status: 'done' as const, elapsedMs: 1, ...facts };
    replay.add({ seq: 0, at, type: 'outcome', step: step.id, result });
  }

  #act(step: Step, recorded: Recorded): DoneFacts {
    switch (step.kind) {
      case 'mint': {
        const { secret, operation, ordinal, taken } = step;
        if (taken !== undefined) return this.#mark(secret, taken, tagsOf('shop', ordinal, operation));
        const there = this.storeOf(secret).find(({ tags }) => tags[TAG_OPERATION] === operation);
        if (there?.enabled === false) throw new Error(`${step.id} would mint a disabled version again`);
        return { storeId: there?.storeId ?? this.write(secret, tagsOf('shop', ordinal, operation)) };
      }
      case 'restore':
        return this.#restore(step, recorded);
      case 'stage': {
        const labels = {
          [TAG_STACK]: 'shop',
          [TAG_VERSION]: String(step.ordinal),
          [LABEL_SECRET]: step.secret,
        };
        const there = this.copies.get(step.platform)?.get(step.copy);
        if (there !== undefined && digestOf(there.labels) !== digestOf(labels)) {
          throw new Error(`${step.copy} is not ours`);
        }
        this.#readable(step.secret, step.ordinal, recorded);
        return { copyId: there?.id ?? this.deliver(step.platform, step.copy, labels) };
      }
      case 'unstage':
      case 'prune':
        if (step.kind === 'prune' && step.cause.kind === 'request') {
          const id = this.copies.get(step.platform)?.get(step.copy)?.id ?? '';
          const users = usersOf(this, step.platform, id);
          if (users.length > 0) throw new Error(`${step.copy} is in use by ${users.join(', ')}`);
        } else if (step.cause.kind !== 'compromise') {
          this.#assertUnused(step.secret, step.ordinal, recorded);
        }
        this.copies.get(step.platform)?.delete(step.copy);
        return {};
      case 'flip':
        if (step.write === undefined) return this.#flip(step);
        return this.#write(step, recorded);
      case 'verify': {
        const { references } = this.#existing(step.platform, step.service);
        for (const [target, copy] of Object.entries(step.expected)) {
          if (references.some((reference) => reference.target === target && reference.copyName === copy))
            continue;
          throw new Error(`${step.service} does not read ${copy} at ${target}`);
        }
        return {};
      }
      case 'promote':
        for (const { secret, ordinal } of step.promotions) this.#readable(secret, ordinal, recorded);
        return {};
      case 'demote':
        return {};
      case 'settle': {
        if (this.hosts.has(step.platform)) throw new Error(`${step.service} on a host is settled`);
        const service = this.#existing(step.platform, step.service);
        const { updateFailureAction, rollbackFailureAction } = service;
        const originals = recorded.consumers[step.consumer]?.originals;
        service.previous = [...service.references];
        service.updateFailureAction = originals?.update ?? updateFailureAction;
        service.rollbackFailureAction = originals?.rollback ?? rollbackFailureAction;
        return {};
      }
      case 'revoke':
        this.#readable(step.secret, step.ordinal, recorded);
        return {};
      case 'prove':
        // Of an emergency it follows the retirement, which read the value.
        if (step.until !== null) return {};
        this.#readable(step.secret, step.ordinal, recorded);
        return {};
      case 'effect':
      case 'smoke':
        return {};
      case 'retire':
        if (step.emergency === undefined) this.#assertUnused(step.secret, step.ordinal, recorded);
        return { disabled: this.#disable(step.secret, step.ordinal, recorded) };
    }
  }

  #mark(secret: SecretAddress, storeId: string, tags: Readonly<Record<string, string>>): DoneFacts {
    const store = this.storeOf(secret);
    const index = store.findIndex((version) => version.storeId === storeId);
    const version = store[index];
    if (version === undefined) throw new Error(`${secret} has no version ${storeId}`);
    store[index] = { ...version, tags: { ...version.tags, ...tags }, updated: this.#tick() };
    return { storeId };
  }

  #flip(step: FlipStep): DoneFacts {
    const service = this.#existing(step.platform, step.service);
    if (service.mode === 'job') throw new Error(`${step.service} is a job`);
    const before = service.references;
    const after = before.map((reference) => ({ ...reference }));
    for (const { target, from, to } of step.changes) {
      const index = after.findIndex((reference) => reference.target === target);
      if ((after[index]?.copyName ?? null) !== (from?.copy ?? null))
        throw new Error(`${target} moved meanwhile`);
      if (index >= 0) after.splice(index, 1);
      if (to !== null)
        after.splice(index < 0 ? after.length : index, 0, this.reference(step.platform, target, to.copy));
    }
    const originals = { update: service.updateFailureAction, rollback: service.rollbackFailureAction };
    service.references = after;
    service.previous = before;
    service.lingering = [];
    service.updateState = 'completed';
    service.updateFailureAction = 'pause';
    service.rollbackFailureAction = 'pause';
    const isPaused = originals.update === 'pause' && originals.rollback === 'pause';
    const receipt = {
      serviceId: service.id,
      since: BEGIN.at,
      originals: isPaused ? null : originals,
      already: false,
    };
    return { receipt };
  }

  /** A file is written from the vault, leaves no previous spec, and changes no settings. */
  #write(step: FlipStep, recorded: Recorded): DoneFacts {
    for (const { secret, to } of step.changes)
      if (to !== null) this.#readable(secret, to.ordinal ?? 0, recorded);
    const { receipt } = this.#flip(step);
    const file = this.#existing(step.platform, step.service);
    Object.assign(file, { previous: null, updateState: null, isEdited: false, isUnmarked: false, ...HOST });
    return { receipt: { ...receipt, originals: null } } as DoneFacts;
  }

  #restore(step: RestoreStep, recorded: Recorded): DoneFacts {
    if (step.to === null) return { disabled: this.#disable(step.secret, step.failed, recorded) };
    this.#readable(step.secret, step.to, recorded);
    const storeId = this.write(step.secret, tagsOf('shop', step.to, step.operation));
    if (step.twins !== undefined) return { storeId, disabled: this.#disableTwins(step.secret, step.twins) };
    return { storeId, disabled: this.#disable(step.secret, step.failed, recorded) };
  }

  #disableTwins(secret: SecretAddress, twins: readonly string[]): string[] {
    const written = this.storeOf(secret).filter(({ storeId }) => twins.includes(storeId));
    for (const version of written) version.enabled = false;
    return written.map(({ storeId }) => storeId);
  }

  #idsOf(secret: SecretAddress, ordinal: number, recorded: Recorded): StoredVersion[] {
    const ids = recordedVersion(recorded.secrets[secret], ordinal)?.storeIds ?? [];
    return this.storeOf(secret).filter(
      ({ storeId, tags }) =>
        ids.includes(storeId) || (tags[TAG_VERSION] === String(ordinal) && tags[TAG_STACK] === 'shop'),
    );
  }

  #readable(secret: SecretAddress, ordinal: number, recorded: Recorded): void {
    if (this.unknown.has(homeOf(secret))) throw new Error(`${homeOf(secret)} does not answer`);
    if (this.#idsOf(secret, ordinal, recorded).some(({ enabled }) => enabled)) return;
    throw new Error(`${secret} v${ordinal} cannot be read`);
  }

  #disable(secret: SecretAddress, ordinal: number, recorded: Recorded): string[] {
    const versions = this.#idsOf(secret, ordinal, recorded);
    for (const version of versions) {
      version.enabled = false;
      version.updated = this.#tick();
    }
    return versions.map(({ storeId }) => storeId);
  }

  #assertUnused(secret: SecretAddress, ordinal: number, recorded: Recorded): void {
    for (const { platform, id, name } of recordedVersion(recorded.secrets[secret], ordinal)?.copies ?? []) {
      const users = usersOf(this, platform, id);
      if (users.length > 0) throw new Error(`${name} is in use by ${users.join(', ')}`);
    }
    for (const host of this.hosts) {
      const users = usersOf(this, host, referenceTo(secret, ordinal));
      if (users.length > 0) throw new Error(`${nameOf(secret)} is in use by ${users.join(', ')}`);
    }
  }

  #existing(platform: string, name: string): WorldService {
    if (this.unknown.has(platform)) throw new Error(`${platform} does not answer`);
    const service = this.services.get(platform)?.get(name);
    if (service === undefined) throw new Error(`no service ${name} on ${platform}`);
    return service;
  }

  #look(plan: Plan, recorded: Recorded): Record<string, string> {
    const found: Record<string, string> = {};
    for (const step of plan.steps) {
      if (step.kind !== 'mint' && step.kind !== 'restore' && step.kind !== 'retire') continue;
      const record = recorded.secrets[step.secret];
      const newest = recordedVersion(record, record?.current ?? null)?.storeIds.at(-1);
      const version = this.storeOf(step.secret).find(({ storeId }) => storeId === newest);
      if (version !== undefined) found[step.secret] = itemFingerprint(version);
    }
    for (const consumer of plan.groups.flatMap(({ consumers }) => consumers)) {
      const service = this.services.get(homeOf(consumer))?.get(nameOf(consumer));
      if (service !== undefined) found[consumer] = serviceFingerprint(service);
    }
    return found;
  }

  #tick(): number {
    return (this.#clock += 1);
  }

  #next(): number {
    return (this.#ids += 1);
  }
}

/** `api (spec)`: who refers to a copy, and by what. */
export function usersOf(world: World, platform: string, id: string): string[] {
  return [...(world.services.get(platform) ?? [])].flatMap(
    ([name, { references, lingering, lost, previous }]) => [
      ...(references.some(({ copyId }) => copyId === id) ? [`${name} (spec)`] : []),
      ...(lingering.includes(id) ? [`${name} (task)`] : []),
      ...(lost.includes(id) ? [`${name} (task on a lost node)`] : []),
      ...(previous?.some(({ copyId }) => copyId === id) === true ? [`${name} (previous spec)`] : []),
    ],
  );
}

export function tagsOf(stack: string, ordinal: number, operation: string): Record<string, string> {
  return { [TAG_VERSION]: String(ordinal), [TAG_OPERATION]: operation, [TAG_STACK]: stack };
}

const HOST = { order: 'stop-first', updateFailureAction: 'pause', rollbackFailureAction: 'pause' } as const;

const BEGIN = {
  seq: 1,
  at: '2026-01-01T00:00:00Z',
  type: 'begin',
  format: 1,
  serial: 0,
  actor: { name: 'tester', knownBy: 'os-user', host: 'here', run: null },
  reason: null,
  ticket: null,
} as const satisfies Partial<JournalLine>;
