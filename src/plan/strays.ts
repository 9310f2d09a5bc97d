import type { Ordinal, SecretAddress } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { ObservedSecret, ObservedVersion } from '../model/observed.ts';
import { itemFingerprint } from '../model/observed.ts';
import type { RecordedCopy, RecordedSecret } from '../model/recorded.ts';
import { isStray, recordedVersion } from '../model/recorded.ts';
import type { LabelledCopy, View } from './view.ts';

/** A version of ours that the record does not know, or knows as retired, and that the vault gives out all the same. */
export interface Stray {
  readonly ordinal: Ordinal;
  readonly operation: string;
  /** The vault's ids, sorted. */
  readonly storeIds: readonly string[];
  readonly copies: readonly RecordedCopy[];
}

/** Strays, and what else of ours stands before the current version as the newest. */
export function strayVersions(secret: DeclaredSecret, view: View): Stray[] {
  const record = view.recordOf(secret.address);
  const item = view.vaultItem(secret);
  const seen = 'seen' in item ? item.seen : null;
  if (record === undefined || seen === null) return [];
  const { stack } = view.declared;
  const strays = (seen.versions ?? []).filter(
    (version) => isStray(version, record, stack) || hidesCurrent(version, record, seen, stack),
  );
  const ordinals = [...new Set(strays.map(({ ordinal }) => ordinal ?? 0))].sort((a, b) => a - b);
  return ordinals.map((ordinal) => {
    const arrived = strays.filter((version) => version.ordinal === ordinal);
    return {
      ordinal,
      operation: arrived[0]?.operation ?? '',
      storeIds: arrived.map(({ storeId }) => storeId).sort(),
      copies: view.labelledCopies(secret.address).filter((copy) => copy.ordinal === ordinal),
    };
  });
}

/** A version of an earlier record that is the newest although this one has a current version of its own. */
function hidesCurrent(
  version: ObservedVersion,
  record: RecordedSecret,
  { fingerprint }: ObservedSecret,
  stack: string,
): boolean {
  const { ordinal, enabled } = version;
  if (!enabled || version.stack !== stack || ordinal === null || record.current === null) return false;
  const isKnown = ordinal > record.highest || recordedVersion(record, ordinal) !== null;
  return !isKnown && itemFingerprint(version) === fingerprint;
}

/**
 * An enabled version of ours with an ordinal that this record never gave out: the record is older than what was
 * applied last, and what it calls current may be retired. Null: there is none.
 */
export function beyondRecord({ address, vault, name }: DeclaredSecret, view: View): ObservedVersion | null {
  const record = view.recordOf(address);
  const item = view.vaultItem({ vault, name });
  const versions = 'seen' in item ? (item.seen?.versions ?? []) : [];
  if (record === undefined || versions.length === 0) return null;
  // One that is recorded is not beyond, whatever somebody wrote into its tags.
  const known = new Set(record.versions.flatMap(({ storeIds }) => storeIds));
  const isBeyond = ({ enabled, stack, ordinal, storeId }: ObservedVersion): boolean =>
    enabled && stack === view.declared.stack && (ordinal ?? 0) > record.highest && !known.has(storeId);
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
  const isStrayCopy = ({ id, ordinal }: LabelledCopy): boolean => {
    const version = recordedVersion(record, ordinal);
    const isGivenUp = version === null ? ordinal < (record.current ?? 0) : version.role === 'retired';
    return isGivenUp && version?.copies.some((each) => each.id === id) !== true;
  };
  return view
    .labelledCopies(address)
    .filter(isStrayCopy)
    .map(({ platform, name, id, ordinal }) => ({ copy: { platform, name, id }, ordinal }));
}
