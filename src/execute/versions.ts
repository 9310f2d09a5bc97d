import type { Ordinal, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { ObservedVersion } from '../model/observed.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { SecretValue } from '../model/secret-value.ts';
import type { Work } from './work.ts';

/**
 * The value of a version, from the vault. `why` says in the fault what it is needed for. A version without an enabled
 * storeId of ours is a `vault-conflict`.
 */
export async function readVersion(
  secret: SecretAddress,
  ordinal: Ordinal,
  work: Work,
  why: string,
): Promise<SecretValue> {
  const recorded = recordedVersion(work.journal.secret(secret), ordinal)?.storeIds ?? [];
  const versions = await work.vaultOf(secret).versions(nameOf(secret), work.lost);
  // Only what we wrote ourselves: whoever may write can copy our tags onto another value.
  const readable = versions.find(({ storeId, enabled }) => enabled && recorded.includes(storeId));
  if (readable !== undefined) return work.vaultOf(secret).read(nameOf(secret), readable.storeId, work.lost);
  throw new Fault({
    code: 'vault-conflict',
    what: `${nameOf(secret)} v${ordinal} has no enabled version in the vault, and ${why} needs its value`,
    where: secret,
    next: `enable it in the vault, or rotate: keyturn apply --rotate ${secret}`,
  });
}

/** The vault's versions of one ordinal of ours, whichever storeIds they have. */
export async function versionsOf(
  secret: SecretAddress,
  ordinal: Ordinal,
  work: Work,
): Promise<ObservedVersion[]> {
  const recorded = recordedVersion(work.journal.secret(secret), ordinal)?.storeIds ?? [];
  const versions = await work.vaultOf(secret).versions(nameOf(secret), work.lost);
  return versions.filter(
    (version) =>
      recorded.includes(version.storeId) ||
      (version.ordinal === ordinal && version.stack === work.plan.stack),
  );
}

/** Every storeId of a version: a list may be older than what the record knows, so what it lacks still counts. */
export function storeIdsOf(
  secret: SecretAddress,
  ordinal: Ordinal,
  listed: readonly ObservedVersion[],
  work: Work,
): string[] {
  const recorded = recordedVersion(work.journal.secret(secret), ordinal)?.storeIds ?? [];
  return [...recorded, ...listed.map(({ storeId }) => storeId)];
}

/** Disables a version's storeIds; returns those that the vault holds. */
export async function disableAll(
  secret: SecretAddress,
  storeIds: readonly string[],
  work: Work,
): Promise<string[]> {
  const disabled: string[] = [];
  for (const storeId of [...new Set(storeIds)].sort()) {
    if (await work.vaultOf(secret).disable(nameOf(secret), storeId, work.lost)) disabled.push(storeId);
  }
  return disabled;
}

/** Whether the vault lists every storeId of a version as disabled; a list that lacks one may be older than that. */
export async function isDisabled(secret: SecretAddress, ordinal: Ordinal, work: Work): Promise<boolean> {
  const recorded = recordedVersion(work.journal.secret(secret), ordinal)?.storeIds ?? [];
  const listed = await versionsOf(secret, ordinal, work);
  const disabled = listed.flatMap(({ storeId, enabled }) => (enabled ? [] : [storeId]));
  return recorded.length > 0 && recorded.every((storeId) => disabled.includes(storeId));
}
