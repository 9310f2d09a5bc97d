import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { Blocked, Group, Note, PruneStep, RetireStep, SettleStep, Step } from '../model/plan.ts';
import type { RecordedSecret, RecordedVersion } from '../model/recorded.ts';
import type { Cluster } from './groups.ts';
import { obstacleToFlip } from './obstacles.ts';
import type { View } from './view.ts';

/** Settle, retire and prune whose time has come, with the groups that they form. */
export interface DatedWork {
  readonly groups: readonly Group[];
  readonly steps: readonly Step[];
  readonly blocked: readonly Blocked[];
  readonly notes: readonly Note[];
}

/** A prior version whose soak has ended. */
interface Soaked {
  readonly address: SecretAddress;
  readonly record: RecordedSecret;
  readonly version: RecordedVersion;
}

/**
 * The dated steps that are due now. A version that a spec, a live task, an unsettled previous spec or a pin
 * still refers to is not retired (invariant I5); what stands in the way is named.
 */
export function datedWork(view: View): DatedWork {
  const settles = dueSettles(view);
  const settling = new Set(settles.steps.map((step) => step.address));
  const groups: Group[] = [];
  const steps: Step[] = [];
  const blocked: Blocked[] = [...settles.blocked];
  const notes: Note[] = [];
  for (const step of settles.steps) {
    steps.push(step);
    groups.push({ id: step.group, needs: [], secrets: [], consumers: [step.consumer] });
  }
  for (const soaked of soakedVersions(view)) {
    const pins = pinnedBy(soaked, view);
    if (pins.length > 0) {
      const text = `${nameOf(soaked.address)} v${soaked.version.ordinal} is kept: pinned by ${pins.join(', ')}`;
      notes.push({ kind: 'pinned', address: soaked.address, text });
      continue;
    }
    const obstacle = stillUsed(soaked, view, settling);
    if (obstacle !== null) {
      blocked.push(obstacle);
      continue;
    }
    const id = `d${groups.length + 1}`;
    const own = retireAndPrune(soaked, id, view);
    const needs = settles.steps.filter(({ consumer }) => reads(consumer, soaked.address, view));
    groups.push({ id, needs: needs.map(({ group }) => group), secrets: [soaked.address], consumers: [] });
    steps.push(...own);
  }
  return { groups, steps, blocked, notes };
}

/** What waits for its date: one note a version that soaks. */
export function waitingNotes(view: View): Note[] {
  const notes: Note[] = [];
  for (const [address, record] of entriesOf(view)) {
    for (const { ordinal, role, soakUntil } of record.versions) {
      if (role !== 'prior' || soakUntil === null || soakUntil <= view.now) continue;
      const text = `${nameOf(address)} v${ordinal} soaks, is the way back, and is retired after ${soakUntil}`;
      notes.push({ kind: 'later', address, text });
    }
  }
  for (const [address, consumer] of consumersOf(view)) {
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

function pinnedBy(soaked: Soaked, view: View): ConsumerAddress[] {
  return view
    .consumersOf(soaked.address)
    .filter(({ mounts }) =>
      mounts.some(({ secret, version }) => secret === soaked.address && version === soaked.version.ordinal),
    )
    .map(({ address }) => address);
}

/** Why a soaked version may not be retired yet, by name; null: nothing refers to it. */
function stillUsed(soaked: Soaked, view: View, settling: ReadonlySet<Address>): Blocked | null {
  const name = `${nameOf(soaked.address)} v${soaked.version.ordinal}`;
  const refuse = (text: string, next: string): Blocked => ({
    address: soaked.address,
    why: 'blocked-by',
    text: `${name} is not retired: ${text}`,
    next,
    fault: null,
  });
  const vault = view.secret(soaked.address);
  const item = vault === undefined ? null : view.vaultItem(vault);
  if (item !== null && 'unknown' in item) return refuse(`its vault could not be observed`, 'plan again');
  for (const { platform, name: copy, id } of soaked.version.copies) {
    const sight = view.platform(platform);
    if ('unknown' in sight) return refuse(`${platform} could not be observed`, 'plan again');
    for (const service of Object.values(sight.seen?.services ?? {})) {
      const where = `service ${service.name} on ${platform}`;
      if (service.references.some(({ copyId }) => copyId === id)) {
        return refuse(`${where} still reads ${copy}`, 'point it at the current version, then plan again');
      }
      if (service.taskCopyIds.includes(id)) {
        return refuse(`a task of ${where} still runs on ${copy}`, 'wait until it has ended, then plan again');
      }
      const previous = service.previousReferences?.some(({ copyId }) => copyId === id) ?? false;
      if (previous && !settling.has(`swarm://${platform}/${service.name}`)) {
        return refuse(
          `the previous spec of ${where} still names ${copy}`,
          'it is settled first, then plan again',
        );
      }
    }
  }
  return null;
}

function retireAndPrune(soaked: Soaked, group: string, view: View): (RetireStep | PruneStep)[] {
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
  const prunes = copiesToPrune(soaked, view).map(({ copy, ordinal }, index): PruneStep => ({
    ...base,
    kind: 'prune',
    id: `${group}.${index + 2}`,
    needs: [retire.id],
    text: `remove ${copy.name} from ${copy.platform}`,
    ordinal,
    platform: copy.platform,
    copy: copy.name,
  }));
  return [retire, ...prunes];
}

/** Copies of retired versions beyond the newest `keep`, this one included. */
function copiesToPrune(
  { address, record, version }: Soaked,
  view: View,
): { copy: RecordedVersion['copies'][number]; ordinal: number }[] {
  const keep = view.secret(address)?.keep ?? 0;
  const retired = record.versions
    .filter(
      ({ role, ordinal, retiredWhy }) =>
        ordinal === version.ordinal || (role === 'retired' && retiredWhy === 'soaked'),
    )
    .sort((a, b) => b.ordinal - a.ordinal);
  return retired.slice(keep).flatMap(({ copies, ordinal }) => copies.map((copy) => ({ copy, ordinal })));
}

function reads(consumer: ConsumerAddress, secret: SecretAddress, view: View): boolean {
  return view.consumer(consumer)?.mounts.some((mount) => mount.secret === secret) ?? false;
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

/** Settle, retire and prune of a group whose soak is zero: they run in the same apply, after its promotion. */
export function immediateWork(
  cluster: Cluster,
  view: View,
): { readonly group: Group; readonly steps: readonly Step[] } | null {
  const group = `${cluster.id}d`;
  const since = view.now;
  const consumers = cluster.moves.filter(({ service }) => service !== null).map(({ consumer }) => consumer);
  const cause = { kind: 'soaked' as const, since };
  const settles = consumers.map((consumer, index) =>
    settleStep(consumer, { id: `${group}.${index + 1}`, group, needs: [], cause }),
  );
  const retires = cluster.rotations.flatMap(({ secret, prior }, index) => {
    const record = view.recordOf(secret.address);
    const version = record?.versions.find(({ ordinal }) => ordinal === prior);
    if (record === undefined || version === undefined) return [];
    return retireAndPrune({ address: secret.address, record, version }, `${group}.${index}`, view).map(
      (step) => ({
        ...step,
        id: `${step.id}r`,
        group,
        needs: [...step.needs.map((need) => `${need}r`), ...settles.map(({ id }) => id)],
      }),
    );
  });
  const steps: Step[] = [...settles, ...retires];
  if (steps.length === 0) return null;
  const secrets = cluster.rotations.map(({ secret }) => secret.address);
  return {
    group: { id: group, needs: [cluster.id], secrets, consumers: consumers.map(({ address }) => address) },
    steps,
  };
}
