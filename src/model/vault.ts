import type { Instant, Ordinal } from './address.ts';
import type { Identity } from './journal.ts';
import type { ObservedSecret, ObservedVersion } from './observed.ts';
import type { Seal, SealWrite } from './seal.ts';
import type { SecretValue } from './secret-value.ts';

/** The most tags that a version takes, keyturn's included. */
export const MAX_TAGS = 15;

/** What stands in the tags of a version that we write. */
export interface WriteAs {
  /** Null: the value is not of a version of ours, only put back as the newest. */
  readonly ordinal: Ordinal | null;
  /** Operation id: unique to this write, the same when it is tried again. */
  readonly operation: string;
  readonly stack: string;
  readonly contentType: string | null;
  /** When the vault calls the version expired, which keeps nobody from reading it; absent: never. */
  readonly expires?: Instant | undefined;
  /** Further tags; together with ours at most 15. */
  readonly tags: Readonly<Record<string, string>>;
}

/** What became of a write. */
export interface Written {
  readonly storeId: string;
  /** It was found by its operation id: an earlier try may have made it, and then with another value. */
  readonly isFound: boolean;
}

/**
 * A place where values are kept. Every method throws a Fault and nothing else; none puts a value into it.
 *
 * Reading rights: `list` and `versions` need only the right to list. `write` needs set, `mark` and `disable`
 * need set (update), `read` needs get: the planner must never call those four.
 */
export interface Vault {
  readonly name: string;

  /** Who this vault took us for, as far as our tokens say it; empty before it was asked anything. */
  identities(): readonly Identity[];

  /** Every secret's newest version, in one pass over the plain list; `versions` is null in each. Deleted ones are absent. */
  list(signal?: AbortSignal): Promise<ObservedSecret[]>;

  /** Every version of one secret, in no particular order; empty where the secret does not exist. */
  versions(secret: string, signal?: AbortSignal): Promise<ObservedVersion[]>;

  /**
   * Holds afterwards: a version with this operation id exists, and its storeId is returned. There is no other one,
   * unless an earlier write of it arrives after it counted as lost (`isTwin`).
   *
   * An answer that was lost is resolved by looking for the operation id; the value is never sent twice blindly.
   * On a fault the version may or may not exist yet: calling again with the same `as` finds it.
   */
  write(secret: string, value: SecretValue, as: WriteAs, signal?: AbortSignal): Promise<Written>;

  /**
   * Holds afterwards, confirmed by listing: this version, which someone else wrote, carries our tags beside its own.
   * Its value, content type and expiry stay as they are. Twice equals once.
   */
  mark(secret: string, storeId: string, as: WriteAs, signal?: AbortSignal): Promise<void>;

  /** The version that carries the operation id, or null. */
  find(secret: string, operation: string, signal?: AbortSignal): Promise<ObservedVersion | null>;

  /**
   * The version that carries the operation id, looked for until it is there or a write of before now can no longer
   * arrive; null then. For a write that may still be under way and that nobody waits for any more.
   */
  arrival(secret: string, operation: string, signal?: AbortSignal): Promise<ObservedVersion | null>;

  /** The plaintext of an enabled version. A disabled one is a `vault-conflict`. */
  read(secret: string, storeId: string, signal?: AbortSignal): Promise<SecretValue>;

  /**
   * Holds afterwards, confirmed by listing: the version is disabled. Twice equals once. False: the vault answers
   * that it holds no such version; a list without it does not say so, because it may be older than the version.
   */
  disable(secret: string, storeId: string, signal?: AbortSignal): Promise<boolean>;

  /** What this vault witnesses of the histories of all stacks; needs only the right to list. */
  seals(signal?: AbortSignal): Promise<Seal[]>;

  /**
   * Holds afterwards, confirmed by the vault's answer: this vault witnesses that entry as the newest of its stack's
   * history. `accept` is shown the seal that it takes the place of, and rejects to leave that one. One writer a stack:
   * the lease must be held.
   */
  seal(seal: SealWrite, accept: (there: Seal) => Promise<void>, signal?: AbortSignal): Promise<void>;
}
