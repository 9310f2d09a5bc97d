import type { Address, ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';

/** Why an emergency plan is what it is, and until when it should be done. */
export interface Emergency {
  readonly incident: string;
  /** From then on the time counts. */
  readonly discoveredAt: Instant;
  readonly deadline: Instant;
  /** Parents before their children. */
  readonly radius: readonly RadiusMember[];
  /** What this plan leaves usable, or cannot move, and why. */
  readonly exposed: readonly Exposure[];
}

/** A secret within the blast radius, and what brought it there. */
export interface RadiusMember {
  readonly secret: SecretAddress;
  /** The version of now; null: it has none. */
  readonly current: Ordinal | null;
  readonly why: 'named' | 'derived' | 'depends' | 'together' | 'consumer';
  /** The member that it hangs on; null for those that were named. */
  readonly of: SecretAddress | null;
  /** The consumer that reads both; null unless that is why. */
  readonly via: ConsumerAddress | null;
  readonly consumers: readonly ConsumerAddress[];
  /** Why this plan does not rotate it; null: it does. */
  readonly left: 'only' | 'awaiting-value' | 'unknown' | 'not-minted' | 'not-ours' | null;
}

export interface Exposure {
  readonly address: Address;
  readonly text: string;
  readonly next: string | null;
}
