import type { Ordinal, SecretAddress } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { ObservedVersion } from '../model/observed.ts';
import { itemFingerprint, LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type { RecordedCopy } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { View } from './view.ts';

/** A version of ours that the record does not know, or knows as retired, and that the vault gives out all the same. */
export interface Stray {
  readonly ordinal: Ordinal;
  readonly operation: string;
  /** The vault's ids, sorted. */
  readonly storeIds: readonly string[];
  readonly copies: readonly RecordedCopy[];
}

/**
 * Writes that took effect after their apply had given up on them. Only what this record gave out, or took the
 * place of, counts: versions of an earlier record may be all that there is. A version whose tags name the current
 * or the prior is drift: anyone who may write can copy tags.
 */
export function strayVersions(secret: DeclaredSecret, view: View): Stray[] {
  const record = view.recordOf(secret.address);
  const item = view.vaultItem(secret);
  const seen = 'seen' in item ? item.seen : null;
  if (record === undefined || seen === null) return [];
  const known = new Set(record.versions.flatMap(({ storeIds }) => storeIds));
  const first = Math.min(record.highest, ...record.versions.map(({ ordinal }) => ordinal));
  const isStray = (version: ObservedVersion): boolean => {
    const { ordinal, stack, enabled, storeId } = version;
    if (!enabled || stack !== view.declared.stack || ordinal === null || known.has(storeId)) return false;
    const role = recordedVersion(record, ordinal)?.role ?? null;
    if (role !== null) return role === 'retired';
    if (ordinal > record.highest) return false;
    return ordinal >= first || (record.current !== null && itemFingerprint(version) === seen.fingerprint);
  };
  const strays = (seen.versions ?? []).filter(isStray);
  const ordinals = [...new Set(strays.map(({ ordinal }) => ordinal ?? 0))].sort((a, b) => a - b);
  return ordinals.map((ordinal) => {
    const arrived = strays.filter((version) => version.ordinal === ordinal);
    return {
      ordinal,
      operation: arrived[0]?.operation ?? '',
      storeIds: arrived.map(({ storeId }) => storeId).sort(),
      copies: labelled(secret.address, ordinal, view),
    };
  });
}

/**
 * An enabled version of ours with an ordinal that this record never gave out: the record is older than what was
 * applied last, and what it calls current may be retired. Null: there is none.
 */
export function beyondRecord({ address, vault, name }: DeclaredSecret, view: View): ObservedVersion | null {
  const record = view.recordOf(address);
  const item = view.vaultItem({ vault, name });
  const versions = 'seen' in item ? (item.seen?.versions ?? []) : [];
  if (record === undefined) return null;
  const isBeyond = ({ enabled, stack, ordinal }: ObservedVersion): boolean =>
    enabled && stack === view.declared.stack && (ordinal ?? 0) > record.highest;
  return versions.find(isBeyond) ?? null;
}

/** What a person must know of a record that is older than what was applied last. */
export function recordIsOlder(
  { address, name }: DeclaredSecret,
  ordinal: Ordinal | null,
  view: View,
): FaultRecord {
  return {
    code: 'not-ours',
    what: `${name} is at v${ordinal ?? '?'} in the vault, and the record knows up to v${view.recordOf(address)?.highest ?? 0}: it is older than what was applied last`,
    where: address,
    live: 'vault and consumers stay as they are',
    next: 'bring the record back that was written last (state/ of the newest commit)',
  };
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
