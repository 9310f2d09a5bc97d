import type { Ordinal, SecretAddress } from '../model/address.ts';
import type { Reading, Stored } from './evidence.ts';
import type { View } from './view.ts';

/**
 * Which version of each secret counts as current: what its consumers read, pinned ones aside. Where they read
 * several it is the newest, unless every reader of that one was flipped to it from one that others still read, as in
 * the middle of an apply: then it is the one before, for everything that was flipped in the same update. Of what
 * nobody reads it is the vault's newest. Null where no version of ours is usable.
 */
export function currentVersions(
  stores: ReadonlyMap<SecretAddress, readonly Stored[]>,
  all: readonly Reading[],
  view: View,
): ReadonlyMap<SecretAddress, Ordinal | null> {
  const free = all.filter(({ isPinned, now }) => !isPinned && now !== null);
  const current = new Map<SecretAddress, Ordinal | null>();
  const isEnabled = (secret: SecretAddress, ordinal: Ordinal): boolean =>
    stores.get(secret)?.some((stored) => stored.ordinal === ordinal && stored.isEnabled) === true;
  for (const [address, stored] of stores) {
    const read = free.flatMap(({ secret, now }) => (secret === address && now !== null ? [now] : []));
    const usable = read.filter((ordinal) => isEnabled(address, ordinal));
    const newest = Math.max(...(usable.length > 0 ? usable : read));
    current.set(address, read.length > 0 ? newest : newestInVault(address, stored, view));
  }
  for (let hasMoved = true; hasMoved;) {
    hasMoved = false;
    for (const { consumer, secret, now, before } of free) {
      if (now !== current.get(secret) || typeof before !== 'number' || now === null || before >= now)
        continue;
      if (!isEnabled(secret, before)) continue;
      const others = free.filter((one) => one.secret === secret);
      const isHalfWay =
        others.some((one) => one.now === before) &&
        others.every((one) => one.now !== now || typeof one.before === 'number');
      const isLed = free.some(
        (one) =>
          one.consumer === consumer &&
          one.secret !== secret &&
          typeof one.before === 'number' &&
          one.now !== null &&
          one.before < one.now &&
          one.before === current.get(one.secret),
      );
      if (!isHalfWay && !isLed) continue;
      current.set(secret, before);
      hasMoved = true;
    }
  }
  return current;
}

function newestInVault(address: SecretAddress, stored: readonly Stored[], view: View): Ordinal | null {
  const secret = view.secret(address);
  const item = secret === undefined ? null : view.vaultItem(secret);
  const newest = item !== null && 'seen' in item ? item.seen : null;
  const enabled = stored.filter(({ isEnabled }) => isEnabled).map(({ ordinal }) => ordinal);
  if (newest !== null && newest.stack === view.declared.stack && newest.ordinal !== null) {
    if (enabled.includes(newest.ordinal)) return newest.ordinal;
  }
  return enabled.length === 0 ? null : Math.max(...enabled);
}
