import type { ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';

/**
 * One secret as `keyturn status` shows it: declared, recorded and observed, side by side. A fact that could not
 * be observed is said in `vault` and `note`, never guessed. Holds no value and nothing computed from one.
 */
export interface StatusRow {
  readonly address: SecretAddress;
  /** Construct path, for people. */
  readonly path: string;
  readonly name: string;
  readonly current: Ordinal | null;
  /** The way back during a soak; null: none. */
  readonly prior: Ordinal | null;
  /** When the current version was promoted; null: never. */
  readonly rotatedAt: Instant | null;
  /** The cadence in words, for instance `quarterly, first monday 03:00 Europe/Berlin`. */
  readonly cadence: string;
  readonly nextDue: Instant | null;
  /** `never`: the cadence has no dates. */
  readonly due: 'due' | 'overdue' | 'no' | 'never';
  readonly soakUntil: Instant | null;
  readonly consumers: readonly StatusConsumer[];
  /** Why the schedule leaves it alone; null: not held. */
  readonly held: string | null;
  /** A manual secret that is due and needs a person's value. */
  readonly awaiting: boolean;
  /** What keeps a version from retiring, for instance `swarm://prod/busflow_api pins v3`. */
  readonly pinned: readonly string[];
  readonly vault: 'ok' | 'unknown' | 'absent' | 'disabled' | 'not-ours';
  readonly note: string | null;
}

export interface StatusConsumer {
  readonly address: ConsumerAddress;
  /** What it reads now; null: nothing of ours, or it could not be observed. */
  readonly reads: Ordinal | null;
  /** It reads what it should: the current version, or the one it pins. */
  readonly inStep: boolean;
}
