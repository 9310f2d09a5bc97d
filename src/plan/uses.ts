import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { consumerAddress, isOnHost, nameOf, splitCopyName } from '../model/address.ts';
import type { LiveTask, ObservedService } from '../model/observed.ts';
import type { RecordedCopy, RecordedVersion } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import { namesOnHosts } from './hosts.ts';
import type { View } from './view.ts';

/** A service that refers to a copy. */
export interface Use {
  readonly service: ConsumerAddress;
  readonly copy: string;
  readonly by: 'spec' | 'task' | 'previous spec';
  /** The tasks that hold it, where it is by these. */
  readonly tasks: readonly LiveTask[];
}

/** What will have let go of a copy before it is retired or removed. */
export interface Leaving {
  /** Consumers that are settled first: their previous spec no longer counts. */
  readonly settled: ReadonlySet<Address>;
  /** Consumers that are flipped and verified first, with the targets that change. */
  readonly flipped: ReadonlyMap<Address, ReadonlySet<string>>;
}

/** The copies of a version on swarms, and what it is called on hosts, which keep none. */
export function placesOf(
  secret: SecretAddress,
  { ordinal, copies }: Pick<RecordedVersion, 'ordinal' | 'copies'>,
  view: View,
): RecordedCopy[] {
  return [...copies, ...namesOnHosts(secret, ordinal, view)];
}

/** Who refers to these copies, declared or not; a platform that is unknown says nothing here. */
export function usesOf(
  copies: readonly RecordedCopy[],
  view: View,
  { settled, flipped }: Leaving = { settled: new Set(), flipped: new Map() },
): Use[] {
  const uses: Use[] = [];
  for (const { platform, id, name: copy } of copies) {
    const sight = view.platform(platform);
    const services = 'seen' in sight ? (sight.seen?.services ?? {}) : {};
    for (const name of view.mentioning(platform, id)) {
      const service = consumerAddress(platform, name);
      const targets = flipped.get(service);
      const seen = services[name];
      if (seen === undefined) continue;
      const named = seen.references.filter(({ copyId }) => copyId === id);
      const isNamedBefore = seen.previousReferences?.some(({ copyId }) => copyId === id) ?? false;
      // A flip restarts every task that can be reached, and makes the spec of now the previous one; a file has none.
      const isFlipped = targets !== undefined;
      const tasks = seen.liveTasks.filter(
        (task) =>
          (task.copyIds.includes(id) || mayHold(task, seen, service, copy, view)) &&
          (task.isLost || !isFlipped),
      );
      const isPrevious = isFlipped ? named.length > 0 && !isOnHost(service) : isNamedBefore;
      const use = { service, copy, tasks };
      if (named.some(({ target }) => targets?.has(target) !== true)) uses.push({ ...use, by: 'spec' });
      else if (tasks.length > 0) uses.push({ ...use, by: 'task' });
      else if (!settled.has(service) && isPrevious) uses.push({ ...use, by: 'previous spec' });
    }
  }
  return uses;
}

/**
 * Whether a process on a host may hold any version of a secret, so this one: it began before its file was last written, and carries
 * no marker, or that file is gone. One that began since and holds nothing of ours reads a file that has nothing of ours.
 */
function mayHold(
  { name, copyIds }: LiveTask,
  { file }: ObservedService,
  service: ConsumerAddress,
  copy: string,
  view: View,
): boolean {
  if (copyIds.length > 0 || file === undefined) return false;
  if (file.isThere && !file.stale.includes(name)) return false;
  const recorded = Object.values(view.recordOfConsumer(service)?.mounts ?? {});
  const declared = view.consumer(service)?.mounts ?? [];
  return [...recorded, ...declared].some(({ secret }) => nameOf(secret) === splitCopyName(copy)?.base);
}

/** Consumers that are pinned to this version of a secret. */
export function pinnedTo(secret: SecretAddress, ordinal: number, view: View): ConsumerAddress[] {
  return view
    .consumersOf(secret)
    .filter(({ mounts }) => mounts.some((mount) => mount.secret === secret && mount.version === ordinal))
    .map(({ address }) => address);
}

/**
 * Why the vault could not give out this version's value now, or null: it could not be observed, it is gone, or
 * every storeId of the version is disabled. Versions that were not listed count as they were recorded.
 */
export function unreadable(
  address: SecretAddress,
  ordinal: number,
  view: View,
): 'unknown' | 'absent' | 'disabled' | null {
  const secret = view.secret(address);
  const item = secret === undefined ? null : view.vaultItem(secret);
  if (item === null || 'unknown' in item) return 'unknown';
  if (item.seen === null) return 'absent';
  const version = recordedVersion(view.recordOf(address), ordinal);
  return version !== null && isDisabled(version, item.seen.versions) ? 'disabled' : null;
}

function isDisabled(
  { storeIds }: RecordedVersion,
  listed: readonly { readonly storeId: string; readonly enabled: boolean }[] | null,
): boolean {
  if (listed === null) return false;
  return !listed.some(({ storeId, enabled }) => enabled && storeIds.includes(storeId));
}
