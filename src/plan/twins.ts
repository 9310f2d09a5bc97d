import type { Ordinal } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import { isPlatformOnly, isTwin, recordedVersion } from '../model/recorded.ts';
import { unreadable } from './uses.ts';
import type { View } from './view.ts';

/** Enabled versions that one mint wrote beside the one on record. */
export interface Twins {
  readonly ordinal: Ordinal;
  /** Of the mint. */
  readonly operation: string;
  /** The vault's ids, sorted. */
  readonly storeIds: readonly string[];
  /** The current version, which is made the newest again before they are disabled. */
  readonly to: Ordinal;
}

/**
 * Twins of the versions on record, lowest ordinal first. None where the vault cannot give out the current version: what
 * would be disabled may be all that there is to read.
 */
export function twinVersions(secret: DeclaredSecret, view: View): Twins[] {
  const record = view.recordOf(secret.address);
  const item = view.vaultItem(secret);
  const listed = ('seen' in item ? item.seen?.versions : null) ?? [];
  const current = recordedVersion(record, record?.current ?? null);
  if (record === undefined || current === null || isPlatformOnly(current)) return [];
  const { ordinal: to } = current;
  if (listed.length === 0 || unreadable(secret.address, to, view) !== null) return [];
  const { stack } = view.declared;
  const twins = listed.filter((version) => version.enabled && isTwin(version, listed, record, stack));
  return record.versions
    .toSorted((a, b) => a.ordinal - b.ordinal)
    .flatMap(({ ordinal, operation }): Twins[] => {
      const own = twins.filter((twin) => twin.ordinal === ordinal);
      const storeIds = own.map(({ storeId }) => storeId).sort();
      return storeIds.length === 0 ? [] : [{ ordinal, operation, storeIds, to }];
    });
}
