import type { DeclaredSecret } from '../model/declared.ts';
import type { View } from './view.ts';

/** A secret with more versions than this cannot be backed up any more (Microsoft's page on backup of Key Vault). */
const BACKUP_LIMIT = 500;
const NEAR = 400;

/**
 * What a person should know of a secret whose versions are nearly too many for its vault, or null. No version can
 * be deleted by itself, so the way out is another name. Counted are those of our record, and all where they were
 * listed.
 */
export function tooManyVersions(secret: DeclaredSecret, view: View): string | null {
  const recorded = view.recordOf(secret.address)?.versions ?? [];
  const item = view.vaultItem(secret);
  const listed = 'seen' in item ? (item.seen?.versions?.length ?? 0) : 0;
  const known = recorded.reduce((sum, { storeIds }) => sum + storeIds.length, 0);
  const count = Math.max(listed, known);
  if (count < NEAR) return null;
  const state = count < BACKUP_LIMIT ? `from ${BACKUP_LIMIT} on it cannot` : 'it cannot';
  return `${secret.name} has ${count} versions in ${secret.vault}: ${state} be backed up; declare its successor under a new name`;
}
