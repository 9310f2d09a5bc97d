import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { homeOf, nameOf } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { Blocked, Group, Note, PruneStep, RetireStep, SettleStep, Step } from '../model/plan.ts';
import type { RecordedCopy, RecordedSecret, RecordedVersion } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { Cluster } from './groups.ts';
import { obstacleToFlip } from './obstacles.ts';
import { settlesAtOnce } from './steps.ts';
import type { Leaving, Use } from './uses.ts';
import { pinnedTo, unreadable, usesOf } from './uses.ts';
import type { View } from './view.ts';

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

/** A prior version whose soak has ended, or ends with the promotion of what follows it. */
export interface Soaked {
  readonly address: SecretAddress;
  readonly record: RecordedSecret;
  readonly version: RecordedVersion;
}

/**
 * The dated steps that are due now. A version that a spec, a live task, an unsettled previous spec or a pin
 * still refers to is not retired (invariant I5), unless `clusters` move all of these on; what stands in the way
 * is named.
 */
export function datedWork(view: View, clusters: readonly Cluster[]): DatedWork {
  const settles = dueSettles(view);
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
    const copies = [...soaked.version.copies, ...copiesToPrune(soaked, view).map(({ copy }) => copy)];
    const users = new Set(usesOf(copies, view).map(({ service }): Address => service));
    const id = `d${groups.length + released.length + 1}`;
    const pin = pinned(soaked, view);
    const wait = unsettled(soaked, view, before);
    const obstacle = stillUsed(soaked, view, before);
    const group = { id, secrets: [soaked.address], consumers: [] };
    if (pin !== null) notes.push(pin);
    else if (obstacle === null) {
      const needs = settles.steps.filter(({ consumer }) => users.has(consumer)).map((step) => step.group);
      const own = retireAndPrune(soaked, id, view, before);
      groups.push({ ...group, needs });
      steps.push(...own.steps);
      blocked.push(...own.blocked);
    } else if (stillUsed(soaked, view, afterwards) === null) {
      const flips = clusters.filter(({ moves }) => moves.some(({ consumer }) => users.has(consumer.address)));
      const needs = settles.steps.filter(({ consumer }) => users.has(consumer)).map((step) => step.group);
      const own = retireAndPrune(soaked, id, view, afterwards);
      const moved = flips.map((cluster) => (settlesAtOnce(cluster, view) ? afterGroup(cluster) : cluster.id));
      released.push({ ...group, needs: [...needs, ...moved] });
      steps.push(...own.steps);
      blocked.push(...own.blocked);
    } else if (wait === null) blocked.push(obstacle);
    else notes.push(wait);
  }
  return { groups, released, steps, blocked, notes };
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
  for (const [address, record] of entriesOf(view)) {
    for (const { ordinal, role, soakUntil } of record.versions) {
      if (role !== 'prior' || soakUntil === null || soakUntil <= view.now) continue;
      const text = `${nameOf(address)} v${ordinal} soaks, is the way back, and is retired after ${soakUntil}`;
      notes.push({ kind: 'later', address, text });
    }
  }
  for (const [address, consumer] of consumersOf(view)) {
    if (view.consumer(address) === undefined || moving.has(address)) continue;
    if (consumer.settleAfter === null || consumer.settleAfter <= view.now) continue;
    notes.push({
      kind: 'later',
      address,
      text: `${nameOf(address)} is settled after ${consumer.settleAfter}`,
    });
  }
  return notes;
}

function dueSettles(view: View): { steps: SettleStep[]; blocked: Blocked[] } {
  const steps: SettleStep[] = [];
  const blocked: Blocked[] = [];
  for (const [address, recorded] of consumersOf(view)) {
    const consumer = view.consumer(address);
    if (consumer === undefined || recorded.settleAfter === null || recorded.settleAfter > view.now) continue;
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

function soakedVersions(view: View): Soaked[] {
  return entriesOf(view).flatMap(([address, record]) =>
    record.versions
      .filter(({ role, soakUntil }) => role === 'prior' && (soakUntil === null || soakUntil <= view.now))
      .map((version) => ({ address, record, version })),
  );
}

/** Says who is pinned to a version that is therefore kept; null: nobody. */
export function pinned({ address, version }: Pick<Soaked, 'address' | 'version'>, view: View): Note | null {
  const pins = pinnedTo(address, version.ordinal, view);
  if (pins.length === 0) return null;
  const text = `${nameOf(address)} v${version.ordinal} is kept: pinned by ${pins.join(', ')}`;
  return { kind: 'pinned', address, text };
}

/** A version that only waits for consumers of ours to be settled at their date: nobody need do anything. */
function unsettled({ address, version }: Soaked, view: View, leaving: Leaving): Note | null {
  const uses = usesOf(version.copies, view, leaving);
  const dates = uses.flatMap(({ by, service }) => {
    const after = view.consumer(service) === undefined ? null : view.recordOfConsumer(service)?.settleAfter;
    return by === 'previous spec' && after != null && after > view.now ? [after] : [];
  });
  const [first] = dates;
  if (first === undefined || dates.length < uses.length) return null;
  const last = dates.reduce((latest, date) => (date > latest ? date : latest), first);
  const text = `${nameOf(address)} v${version.ordinal} is retired once its consumers are settled, after ${last}`;
  return { kind: 'later', address, text };
}

/** Why a soaked version may not be retired yet, by name; null: nothing refers to it. */
export function stillUsed({ address, version }: Soaked, view: View, leaving: Leaving): Blocked | null {
  const name = `${nameOf(address)} v${version.ordinal}`;
  const refuse = (text: string, next: string): Blocked => ({
    address,
    why: 'blocked-by',
    text: `${name} is not retired: ${text}`,
    next,
    fault: null,
  });
  const state = unreadable(address, version.ordinal, view);
  if (state === 'unknown') return refuse('its vault could not be observed', 'plan again');
  if (state === 'absent') return refuse('the vault does not list it', 'recover it, then plan again');
  for (const { platform } of version.copies) {
    if ('unknown' in view.platform(platform))
      return refuse(`${platform} could not be observed`, 'plan again');
  }
  const [use] = usesOf(version.copies, view, leaving);
  return use === undefined ? null : refuse(...wordsFor(use));
}

function wordsFor({ service, copy, by }: Use): [text: string, next: string] {
  const where = `service ${nameOf(service)} on ${homeOf(service)}`;
  switch (by) {
    case 'spec':
      return [`${where} still reads ${copy}`, 'point it at the current version, then plan again'];
    case 'task':
      return [`a task of ${where} still runs on ${copy}`, 'wait until it has ended, then plan again'];
    case 'previous spec':
      return [`the previous spec of ${where} still names ${copy}`, 'it is settled first, then plan again'];
  }
}

/** Retire, and the removal of the copies that go with it. Copies of older versions that are in use are left. */
export function retireAndPrune(
  soaked: Soaked,
  group: string,
  view: View,
  leaving: Leaving,
): { readonly steps: readonly (RetireStep | PruneStep)[]; readonly blocked: readonly Blocked[] } {
  const { address, version } = soaked;
  const cause = { kind: 'soaked' as const, since: version.soakUntil ?? view.now };
  const base = { group, address, cause, secret: address, inverse: null };
  const retire: RetireStep = {
    ...base,
    kind: 'retire',
    id: `${group}.1`,
    needs: [],
    text: `disable ${nameOf(address)} v${version.ordinal} in the vault`,
    ordinal: version.ordinal,
    approvedBy: version.approvedBy,
  };
  const blocked: Blocked[] = [];
  const steps: (RetireStep | PruneStep)[] = [retire];
  for (const { copy, ordinal } of copiesToPrune(soaked, view)) {
    const kept = keptCopy(copy, soaked.record, ordinal, { address, view, leaving });
    if (kept !== null) blocked.push(kept);
    else {
      steps.push({
        ...base,
        kind: 'prune',
        id: `${group}.${steps.length + 1}`,
        needs: [retire.id],
        text: `remove ${copy.name} from ${copy.platform}`,
        ordinal,
        platform: copy.platform,
        copy: copy.name,
      });
    }
  }
  return { steps, blocked };
}

/** Why a copy is not removed now: a copy of its version is in use, or its platform is unknown. Null: nothing refers to it. */
function keptCopy(
  copy: RecordedCopy,
  record: RecordedSecret,
  ordinal: number,
  { address, view, leaving }: { address: SecretAddress; view: View; leaving: Leaving },
): Blocked | null {
  const copies = recordedVersion(record, ordinal)?.copies ?? [copy];
  const unknown = copies.find(({ platform }) => 'unknown' in view.platform(platform));
  const [use] = usesOf(copies, view, leaving);
  if (unknown === undefined && use === undefined) return null;
  const [why, next] =
    use === undefined
      ? [`${unknown?.platform ?? copy.platform} could not be observed`, 'plan again']
      : wordsFor(use);
  return { address, why: 'blocked-by', text: `${copy.name} is not removed: ${why}`, next, fault: null };
}

/** Copies of retired versions beyond the newest `keep`, this one included. */
export function copiesToPrune(
  { address, record, version }: Soaked,
  view: View,
): { copy: RecordedCopy; ordinal: number }[] {
  const keep = view.secret(address)?.keep ?? 0;
  const retired = record.versions
    .filter(
      ({ role, ordinal, retiredWhy }) =>
        ordinal === version.ordinal || (role === 'retired' && retiredWhy === 'soaked'),
    )
    .sort((a, b) => b.ordinal - a.ordinal);
  return retired.slice(keep).flatMap(({ copies, ordinal }) => copies.map((copy) => ({ copy, ordinal })));
}

function entriesOf(view: View): [SecretAddress, RecordedSecret][] {
  return sorted(Object.entries(view.recorded.secrets) as [SecretAddress, RecordedSecret][]).filter(
    ([address]) => view.secret(address) !== undefined,
  );
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
