import type { Ordinal, SecretAddress } from '../model/address.ts';
import type { Reading, Stored } from './evidence.ts';
import { labelledCopies, readings, storedVersions } from './evidence.ts';
import { Unions } from './graph.ts';
import { currentVersions } from './presumed.ts';
import type { View } from './view.ts';

/** All that was found, before it is made a record of. */
export interface Scene {
  readonly view: View;
  readonly readings: readonly Reading[];
  readonly stores: ReadonlyMap<SecretAddress, readonly Stored[]>;
  readonly current: ReadonlyMap<SecretAddress, Ordinal | null>;
  readonly copies: ReturnType<typeof labelledCopies>;
  /** The promotion that a secret's current version shares with others. */
  readonly promotions: ReadonlyMap<SecretAddress, string>;
}

export function sceneOf(view: View): Scene {
  const all = readings(view);
  const stores = new Map<SecretAddress, readonly Stored[]>();
  for (const secret of view.declared.secrets) {
    const stored = storedVersions(secret, view);
    const isRead = all.some(({ secret: read, now }) => read === secret.address && now !== null);
    if (stored.length > 0 || isRead) stores.set(secret.address, stored);
  }
  const current = currentVersions(stores, all, view);
  const promotions = promotionsOf(all, current, view);
  return { view, readings: all, stores, current, copies: labelledCopies(view), promotions };
}

/** What one update of a consumer moved was promoted as one, and so was what always rotates together. */
function promotionsOf(
  all: readonly Reading[],
  current: ReadonlyMap<SecretAddress, Ordinal | null>,
  view: View,
): Map<SecretAddress, string> {
  const unions = new Unions();
  const moved = all.filter(
    ({ secret, now, before, isPinned }) => !isPinned && before !== 'same' && now === current.get(secret),
  );
  for (const one of moved) {
    for (const other of moved) if (other.consumer === one.consumer) unions.join(one.secret, other.secret);
  }
  for (const { address, together } of view.declared.secrets) {
    for (const other of together) unions.join(address, other);
  }
  const sets = (unions.sets() as SecretAddress[][]).filter((set) => set.length > 1);
  return new Map(
    sets.flatMap((set, index) =>
      set.map((address) => [address, `rebuilt-${view.recorded.lineage}/g${index + 1}`]),
    ),
  );
}
