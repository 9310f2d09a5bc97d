import type { Ordinal, SecretAddress } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { ObservedVersion } from '../model/observed.ts';
import { itemFingerprint, LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type { RecordedCopy } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { View } from './view.ts';

/** A version of ours that the record does not know, or knows as retired, and that the vault gives out all the same. */
export interface Stray {
  readonly ordinal: Ordinal;
  readonly operation: string;
  readonly copies: readonly RecordedCopy[];
}

/**
 * Writes that took effect after their apply had given up on them. Only what can be told from the versions of an
 * earlier record counts: the newest in the vault, what is above the current version, and what was retired. A
 * version whose tags name the current or the prior is drift: anyone who may write can copy tags.
 */
export function strayVersions(secret: DeclaredSecret, view: View): Stray[] {
  const record = view.recordOf(secret.address);
  const item = view.vaultItem(secret);
  const seen = 'seen' in item ? item.seen : null;
  if (record === undefined || seen === null) return [];
  const known = new Set(record.versions.flatMap(({ storeIds }) => storeIds));
  const isStray = (version: ObservedVersion): boolean => {
    const { ordinal, stack, enabled, storeId } = version;
    if (!enabled || stack !== view.declared.stack || ordinal === null || known.has(storeId)) return false;
    const role = recordedVersion(record, ordinal)?.role ?? null;
    if (role !== null) return role === 'retired';
    return ordinal > (record.current ?? 0) || itemFingerprint(version) === seen.fingerprint;
  };
  const strays = (seen.versions ?? []).filter(isStray);
  return strays
    .map(({ ordinal, operation }) => ({ ordinal: ordinal ?? 0, operation: operation ?? '' }))
    .filter(({ ordinal }, index, all) => all.findIndex((other) => other.ordinal === ordinal) === index)
    .sort((a, b) => a.ordinal - b.ordinal)
    .map((stray) => ({ ...stray, copies: labelled(secret.address, stray.ordinal, view) }));
}

/** Copies of ours of versions that the record does not know, or knows as retired, and that it does not list. */
export function strayCopies(
  address: SecretAddress,
  view: View,
): { readonly copy: RecordedCopy; readonly ordinal: Ordinal }[] {
  const record = view.recordOf(address);
  if (record === undefined) return [];
  return labelled(address, null, view).flatMap((copy) => {
    const version = recordedVersion(record, copy.ordinal);
    const isGivenUp = version === null ? copy.ordinal < (record.current ?? 0) : version.role === 'retired';
    const isListed = version?.copies.some(({ id }) => id === copy.id) === true;
    const { platform, name, id, ordinal } = copy;
    return isGivenUp && !isListed ? [{ copy: { platform, name, id }, ordinal }] : [];
  });
}

/** Copies whose labels say that they are of this secret and stack; of one ordinal, or of any. */
function labelled(
  address: SecretAddress,
  ordinal: Ordinal | null,
  view: View,
): (RecordedCopy & { readonly ordinal: Ordinal })[] {
  const platforms = Object.entries(view.observed.platforms);
  return platforms.flatMap(([platform, seen]) => {
    if (seen.status !== 'seen') return [];
    return seen.copies.flatMap(({ id, name, labels }) => {
      const own = Number(labels[TAG_VERSION]);
      const isOurs = labels[LABEL_SECRET] === address && labels[TAG_STACK] === view.declared.stack;
      const isMeant = Number.isSafeInteger(own) && own > 0 && (ordinal === null || own === ordinal);
      return isOurs && isMeant ? [{ platform, name, id, ordinal: own }] : [];
    });
  });
}
