import type { VaultOperation } from './vault-faults.ts';

/** What the vault takes in any window of time: as Microsoft publishes it 300 and 4,000 in 10 s. */
export interface VaultLimits {
  /** Of SecretSet. */
  readonly creates: number;
  /** Of everything else. */
  readonly others: number;
  readonly windowMs: number;
}

/** Counts the requests of a sliding window, by their arrival. What was refused does not count. */
export class Throttle {
  readonly #limits: VaultLimits;
  readonly #arrivals: { readonly creates: number[]; readonly others: number[] } = { creates: [], others: [] };

  constructor(limits: VaultLimits) {
    this.#limits = limits;
  }

  /** Whether one more is too many at this time; otherwise it is counted. */
  refuses(operation: VaultOperation, at: number): boolean {
    const kind = operation === 'SecretSet' ? 'creates' : 'others';
    const arrivals = this.#arrivals[kind];
    const from = arrivals.findIndex((arrival) => arrival > at - this.#limits.windowMs);
    arrivals.splice(0, from === -1 ? arrivals.length : from);
    if (arrivals.length >= this.#limits[kind]) return true;
    arrivals.push(at);
    return false;
  }
}
