import { alwaysBut } from '../calendar/declared-openings.ts';
import type { Frozen } from '../calendar/openings.ts';
import { freezeAt } from '../calendar/openings.ts';
import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { homeOf, nameOf } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { Blocked, Group, Note, PruneStep, SettleStep, Step } from '../model/plan.ts';
import type { RecordedSecret, RecordedVersion } from '../model/recorded.ts';
import { isLeaving } from '../model/recorded.ts';
import { About } from './about.ts';
import type { Cluster } from './groups.ts';
import { obstacleToFlip } from './obstacles.ts';
import type { Soaked } from './retire.ts';
import { copiesToPrune, pinned, pruneRetired, retireAndPrune, stillUsed, unsettled } from './retire.ts';
import { beyondRecord } from './strays.ts';
import { settlesAtOnce } from './steps.ts';
import type { Leaving } from './uses.ts';
import { placesOf, usesOf } from './uses.ts';
import type { View } from './view.ts';
import { wayBackGone } from './way-back.ts';
import { frozenConsumer } from './when.ts';

/** Settle, retire and prune whose time has come, with the groups that they form. */
export interface DatedWork {
  /** Groups that come before those that rotate. */
  readonly groups: readonly Group[];
  /** Groups that come last: a flip of this plan is the last to let go of what they retire. */
  readonly released: readonly Group[];
  readonly steps: readonly Step[];
  readonly blocked: readonly Blocked[];
  readonly notes: readonly Note[];
}

/**
 * The dated steps that are due now. A version that a spec, a live task, an unsettled previous spec or a pin
 * still refers to is not retired (invariant I5), unless `clusters` move all of these on; what stands in the way
 * is named.
 */
export function datedWork(view: View, clusters: readonly Cluster[]): DatedWork {
  const settles = dueSettles(view);
  const settling = new About(settles.steps, ({ consumer }) => [consumer]);
  const moving = new About(clusters, ({ moves }) => moves.map(({ consumer }) => consumer.address));
  const groups: Group[] = settles.steps.map(({ group: id, consumer }) => ({
    id,
    needs: [],
    secrets: [],
    consumers: [consumer],
  }));
  const released: Group[] = [];
  const steps: Step[] = [...settles.steps];
  const blocked: Blocked[] = [...settles.blocked];
  const notes: Note[] = [];
  const before: Leaving = {
    settled: new Set(settles.steps.map(({ address }) => address)),
    flipped: new Map(),
  };
  const afterwards = flippedBy(clusters, before, view);
  for (const soaked of soakedVersions(view)) {
    const copies = [
      ...placesOf(soaked.address, soaked.version, view),
      ...copiesToPrune(soaked, view).map(({ copy }) => copy),
    ];
    const users = new Set(usesOf(copies, view).map(({ service }): Address => service));
    const id = `d${groups.length + released.length + 1}`;
    const pin = pinned(soaked, view);
    const wait = unsettled(soaked, view, before);
    const obstacle = stillUsed(soaked, view, before);
    const group = { id, secrets: [soaked.address], consumers: [] };
    if (pin !== null) notes.push(pin);
    else if (obstacle === null) {
      const needs = settling.of(users).map((step) => step.group);
      const own = retireAndPrune(soaked, id, view, before);
      groups.push({ ...group, needs });
      steps.push(...own.steps);
      blocked.push(...own.blocked);
    } else if (stillUsed(soaked, view, afterwards) === null) {
      const flips = moving.of(users);
      const needs = settling.of(users).map((step) => step.group);
      const own = retireAndPrune(soaked, id, view, afterwards);
      const moved = flips.map((cluster) => (settlesAtOnce(cluster, view) ? afterGroup(cluster) : cluster.id));
      released.push({ ...group, needs: [...needs, ...moved] });
      steps.push(...own.steps);
      blocked.push(...own.blocked);
    } else if (wait === null) blocked.push(obstacle);
    else notes.push(wait);
  }
  const left = leftovers(view, steps, settling, before, groups.length + released.length);
  return {
    groups: [...groups, ...left.groups],
    released,
    steps: [...steps, ...left.steps],
    blocked,
    notes: [...notes, ...left.notes],
  };
}

/** Copies of retired versions that an earlier apply could not remove, or that a lower `keep` lets go. */
function leftovers(
  view: View,
  steps: readonly Step[],
  settling: About<SettleStep>,
  leaving: Leaving,
  groupsBefore: number,
): { readonly groups: readonly Group[]; readonly steps: readonly Step[]; readonly notes: readonly Note[] } {
  const retiring = new Set(steps.filter(({ kind }) => kind === 'retire').map(({ address }) => address));
  const found = entriesOf(view)
    .filter(([address]) => !retiring.has(address) && frozenSecret(address, view) === null)
    .map(([address, record]) => pruneRetired(address, record, view, leaving));
  const groups = found
    .filter(({ prunes }) => prunes.length > 0)
    .map(({ address, prunes }, index) => ({ id: `d${groupsBefore + 1 + index}`, address, prunes }));
  return {
    groups: groups.map(({ id, address, prunes }) => {
      const users = usersOf(prunes, view);
      const needs = settling.of(users).map(({ group }) => group);
      return { id, needs, secrets: [address], consumers: [] };
    }),
    steps: groups.flatMap(({ id, prunes }) =>
      prunes.map((step, at): Step => ({ ...step, group: id, id: `${id}.${at + 1}` })),
    ),
    notes: found.flatMap(({ notes }) => notes),
  };
}

/** Services that refer to what is removed: their previous spec lets go of it when they are settled. */
function usersOf(prunes: readonly Pick<PruneStep, 'platform' | 'copy'>[], view: View): Set<Address> {
  const copies = prunes.flatMap(({ platform, copy: name }) => {
    const seen = view.copy(platform, name);
    return seen === undefined ? [] : [{ platform, name, id: seen.id }];
  });
  return new Set(usesOf(copies, view).map(({ service }) => service));
}

/** What no longer counts once the clusters have moved: a flip comes after the settle of now, and before its own. */
function flippedBy(clusters: readonly Cluster[], { settled }: Leaving, view: View): Leaving {
  const still = new Set(settled);
  const flipped = new Map<Address, Set<string>>();
  for (const cluster of clusters) {
    for (const { consumer, service, changes } of cluster.moves) {
      if (service === null || changes.length === 0) continue;
      flipped.set(consumer.address, new Set(changes.map(({ target }) => target)));
      if (settlesAtOnce(cluster, view)) still.add(consumer.address);
      else still.delete(consumer.address);
    }
  }
  return { settled: still, flipped };
}

/** The group of what follows a cluster's promotion in the same apply. */
export function afterGroup({ id }: Pick<Cluster, 'id'>): string {
  return `${id}d`;
}

/** What waits for its date: one note a version that soaks, and a consumer that is settled and does not move now. */
export function waitingNotes(view: View, clusters: readonly Cluster[]): Note[] {
  const moving = new Set(clusters.flatMap(({ moves }) => moves.map(({ consumer }) => consumer.address)));
  const notes: Note[] = [];
  for (const [address, record] of entriesOf(view, ({ role }) => role === 'prior')) {
    for (const { ordinal, role, soakUntil } of record.versions) {
      if (role !== 'prior' || soakUntil === null || soakUntil <= view.now) continue;
      const secret = view.secret(address);
      const isGone = secret !== undefined && wayBackGone(secret, view) !== null;
      const text = `${nameOf(address)} v${ordinal} soaks${isGone ? '' : ', is the way back,'} and is retired after ${soakUntil}`;
      notes.push({ kind: 'later', address, text });
    }
  }
  for (const { address, version } of allSoaked(view)) {
    const frozen = frozenSecret(address, view);
    if (frozen === null) continue;
    const text = `${nameOf(address)} v${version.ordinal} has soaked, and is retired after the freeze, from ${frozen.ends} on`;
    notes.push({ kind: 'later', address, text });
  }
  for (const [address, consumer] of consumersOf(view)) {
    if (view.consumer(address) === undefined || moving.has(address) || consumer.settleAfter === null)
      continue;
    const frozen = consumer.settleAfter > view.now ? null : frozenConsumer(address, view);
    if (consumer.settleAfter <= view.now && frozen === null) continue;
    const date = frozen === null ? consumer.settleAfter : `the freeze, from ${frozen.ends} on`;
    notes.push({ kind: 'later', address, text: `${nameOf(address)} is settled after ${date}` });
  }
  return notes;
}

/** The freeze that holds a secret now, or null. */
function frozenSecret(address: SecretAddress, view: View): Frozen | null {
  return freezeAt(alwaysBut([address], view.declared).freezes, view.now);
}

function dueSettles(view: View): { steps: SettleStep[]; blocked: Blocked[] } {
  const steps: SettleStep[] = [];
  const blocked: Blocked[] = [];
  for (const [address, recorded] of consumersOf(view)) {
    const consumer = view.consumer(address) ?? undeclared(address);
    if (recorded.settleAfter === null || recorded.settleAfter > view.now) continue;
    if (frozenConsumer(address, view) !== null) continue;
    if (view.observed.platforms[consumer.platform] === undefined) continue;
    const sight = view.service(consumer);
    // A service that need not exist and does not has no previous spec either.
    if ('seen' in sight && sight.seen === null && consumer.optional) continue;
    const obstacle = obstacleToFlip(consumer, view);
    if (obstacle !== null) blocked.push(obstacle);
    else {
      const group = `d${steps.length + 1}`;
      const cause = { kind: 'soaked' as const, since: recorded.settleAfter };
      steps.push(settleStep(consumer, { id: `${group}.1`, group, needs: [], cause }));
    }
  }
  return { steps, blocked };
}

/** A consumer that left the stack while it soaked: we changed its settings, so we put them back. */
function undeclared(address: ConsumerAddress): DeclaredConsumer {
  return {
    kind: 'swarm-service',
    address,
    platform: homeOf(address),
    service: nameOf(address),
    path: address,
    position: null,
    mounts: [],
    probe: { kind: 'none' },
    settleTime: 'PT0S',
    deadline: 'PT5M',
    dependsOn: [],
    optional: true,
    canary: false,
  };
}

/** Puts a consumer's own settings back and moves its previous spec on. */
export function settleStep(
  consumer: DeclaredConsumer,
  place: Pick<SettleStep, 'id' | 'group' | 'needs' | 'cause'>,
): SettleStep {
  return {
    ...place,
    kind: 'settle',
    address: consumer.address,
    text: `put ${consumer.service}'s own update settings back and let its previous spec go, no restart`,
    consumer: consumer.address,
    platform: consumer.platform,
    service: consumer.service,
    inverse: null,
  };
}

/** Priors whose soak has ended, but for those that a freeze holds. */
function soakedVersions(view: View): Soaked[] {
  return allSoaked(view).filter(({ address }) => frozenSecret(address, view) === null);
}

function allSoaked(view: View): Soaked[] {
  return entriesOf(view, isLeaving).flatMap(([address, record]) =>
    record.versions
      .filter(
        (version) =>
          isLeaving(version) &&
          (version.role === 'retiring' || version.soakUntil === null || version.soakUntil <= view.now),
      )
      .map((version) => ({ address, record, version })),
  );
}

/**
 * What is recorded of declared secrets, but where the record is older than the vault; of those alone that have such a
 * version, where one is asked for.
 */
function entriesOf(
  view: View,
  isOne?: (version: RecordedVersion) => boolean,
): (readonly [SecretAddress, RecordedSecret])[] {
  return view.recordsByAddress.filter(([address, { versions }]) => {
    if (isOne !== undefined && !versions.some(isOne)) return false;
    const secret = view.secret(address);
    return secret !== undefined && beyondRecord(secret, view) === null;
  });
}

function consumersOf(view: View): [ConsumerAddress, View['recorded']['consumers'][ConsumerAddress]][] {
  return sorted(
    Object.entries(view.recorded.consumers) as [
      ConsumerAddress,
      View['recorded']['consumers'][ConsumerAddress],
    ][],
  );
}

function sorted<T>(entries: [string, T][] | [Address, T][]): [never, T][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)) as [never, T][];
}
