import type { DeclaredSecret } from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { ObservedVersion } from '../model/observed.ts';
import { itemFingerprint, TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import { MAX_TAGS } from '../model/vault.ts';
import type { View } from './view.ts';

/**
 * The vault's id of a new value that a person put there for a manual secret: its newest version, enabled, without
 * tags of keyturn, after a version of ours. Null where there is none, or where two of one second cannot be told
 * apart.
 */
export function broughtVersion(secret: DeclaredSecret, view: View): string | null {
  return brought(secret, view)?.storeId ?? null;
}

/** Why the version that a person put there cannot be taken up, or null: it may carry so many tags of its own. */
export function untakable(secret: DeclaredSecret, view: View): FaultRecord | null {
  const version = brought(secret, view);
  if (version === null) return null;
  const tags = { ...version.tags, ...secret.tags, [TAG_VERSION]: '', [TAG_OPERATION]: '', [TAG_STACK]: '' };
  if (Object.keys(tags).length <= MAX_TAGS) return null;
  return {
    code: 'vault-conflict',
    what: `the new version that a person put into ${secret.vault} has ${Object.keys(version.tags).length} tags, and those of keyturn do not fit beside them: a vault takes ${MAX_TAGS}`,
    where: secret.address,
    live: 'consumers keep what they read',
    next: `remove tags of it, or hand the value in: keyturn apply --value ${secret.address}=-`,
  };
}

function brought(secret: DeclaredSecret, view: View): ObservedVersion | null {
  const record = view.recordOf(secret.address);
  const item = view.vaultItem(secret);
  const seen = 'seen' in item ? item.seen : null;
  if (secret.source.kind !== 'manual' || record?.current == null || seen === null) return null;
  if (!seen.enabled || seen.ordinal !== null || seen.operation !== null || seen.stack !== null) return null;
  // What we last saw there is nothing new: of a secret that was taken over without what its vault holds.
  if (seen.fingerprint === record.fingerprint) return null;
  const known = new Set(record.versions.flatMap(({ storeIds }) => storeIds));
  const newest = (seen.versions ?? []).filter(
    (version) => itemFingerprint(version) === seen.fingerprint && !known.has(version.storeId),
  );
  const [only] = newest;
  return only !== undefined && newest.length === 1 ? only : null;
}
