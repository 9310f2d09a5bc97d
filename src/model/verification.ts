import type { Instant } from './address.ts';

/** What is wrong with a history, and at which entry. */
export type FindingKind =
  /** Its text is not the one that the entry after it, the state or a vault names. */
  | 'edited'
  /** A number is missing between two entries. */
  | 'removed'
  /** A whole entry stands under another one's number. */
  | 'reordered'
  /** Entries at the end are gone: state or vault name a later one. */
  | 'truncated'
  /** Two histories part here: what follows is consistent and is not what was witnessed. */
  | 'forked'
  /** It cannot be read as an entry. */
  | 'unreadable'
  /** The vault changed, and no entry says so. */
  | 'unexplained'
  /** An entry says that the vault was changed, and the vault's own log does not. */
  | 'unwitnessed';

export interface Finding {
  readonly kind: FindingKind;
  /** The entry that it is about; null: none, as of a change that no entry tells. */
  readonly entry: number | null;
  /** One line without a full stop. */
  readonly text: string;
}

/** Somebody who also knows the end of the history, and what he says. */
export interface Witness {
  /** `state.json`, or `vault shop-prod`. */
  readonly name: string;
  /** `agrees`; `behind`: it agrees, and later entries are not sealed by it; `absent`: it has no seal; `unasked`: it could not be asked. */
  readonly says: 'agrees' | 'behind' | 'contradicts' | 'absent' | 'unasked';
  /** The entry that it names; null: none. */
  readonly entry: number | null;
  readonly at: Instant | null;
  /** One line for a person: why it was not asked, what it contradicts. */
  readonly text: string;
}

/** The answer of `history verify` for one stack. */
export interface Verification {
  readonly stack: string;
  /** How many entries were read. */
  readonly entries: number;
  /** Number and digest of the newest; null: there is none. */
  readonly head: { readonly entry: number; readonly digest: string } | null;
  /** Empty: the history verifies, as far as the witnesses go. */
  readonly findings: readonly Finding[];
  readonly witnesses: readonly Witness[];
  /** What the exported log of the vault was compared with; absent: none was given. */
  readonly auditLog?: AuditComparison;
}

export interface AuditComparison {
  readonly file: string;
  /** Rows that change a secret which this history is about. */
  readonly rows: number;
  /** Those that an entry names by the vault's id. */
  readonly named: number;
  /** Those that fall into an apply which changed that secret, by time alone. */
  readonly byTime: number;
  readonly from: Instant | null;
  readonly to: Instant | null;
}
