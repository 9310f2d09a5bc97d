import type { Instant } from './address.ts';

/**
 * The vault's secret in whose tags the newest history entry of each stack is sealed. It has one version a stack, whose
 * tags are changed in place; its value says nothing.
 */
export const ANCHOR = 'keyturn-anchor';

/** Which entry a vault witnesses as the newest of a stack's history. Metadata only: read with the right to list. */
export interface Seal {
  readonly stack: string;
  /** Of the record: one that was lost and begun anew has another. */
  readonly lineage: string;
  readonly entry: number;
  /** Digest of that entry's canonical JSON: it names every entry before it. */
  readonly digest: string;
  /** When the vault's tags were written last, by the vault's clock. */
  readonly at: Instant;
}

/** What the vault holds of a seal: enough to write it. */
export type SealWrite = Omit<Seal, 'at'>;
