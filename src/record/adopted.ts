import type { HistoryEntry } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';

/**
 * The record with what an import put on it, one write further; its head is as it was. Null: the import was of another
 * record, or of a secret that this one knows.
 */
export function withAdopted(recorded: Recorded, { adopted }: Pick<HistoryEntry, 'adopted'>): Recorded | null {
  if (adopted === undefined || adopted.lineage !== recorded.lineage) return null;
  const addresses = Object.keys(adopted.secrets) as (keyof typeof adopted.secrets)[];
  if (addresses.some((address) => recorded.secrets[address] !== undefined)) return null;
  return {
    ...recorded,
    serial: recorded.serial + 1,
    secrets: { ...recorded.secrets, ...adopted.secrets },
    consumers: { ...recorded.consumers, ...adopted.consumers },
  };
}
