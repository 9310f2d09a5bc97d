import type { Instant } from './address.ts';

/** One successful change of a secret, as the vault's own log tells it. */
export interface AuditRow {
  readonly at: Instant;
  readonly act: 'set' | 'update';
  /** The vault's host name, in lower case. */
  readonly host: string;
  readonly secret: string;
  /** The vault's id of the version; null: the row does not name it. */
  readonly storeId: string | null;
}
