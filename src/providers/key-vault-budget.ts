import type { Pace } from './key-vault-pipeline.ts';

/** How many requests a vault takes in a window of time, as Microsoft publishes it (service limits of Key Vault, 2026-11). */
export interface Limits {
  /** A PUT that makes a version. */
  readonly creates: number;
  /** Everything else that is asked of secrets. */
  readonly others: number;
  readonly windowMs: number;
}

export const LIMITS: Limits = { creates: 300, others: 4_000, windowMs: 10_000 };

/**
 * Holds requests back so that no window of the vault's ever sees more of them than it takes. Who counts on the other
 * side of a network goes by when they arrive, which nobody here knows: a request counts from when it is sent until a
 * window after its answer. Other clients of the same vault are not seen; what they use up comes back as 429.
 */
export class Budget {
  readonly #most: number;
  readonly #windowMs: number;
  readonly #pace: Pick<Pace, 'ticks' | 'sleep'>;
  #underWay = 0;
  /** When the requests of the last window ended, the oldest first; from `#first` on. */
  #ended: number[] = [];
  #first = 0;
  /** Who waits, in the order in which they came. */
  #queue: Promise<void> = Promise.resolve();

  constructor(most: number, windowMs: number, pace: Pick<Pace, 'ticks' | 'sleep'>) {
    this.#most = most;
    this.#windowMs = windowMs;
    this.#pace = pace;
  }

  /** Resolves when the request may leave. Whoever was let go must say when it has ended. Rejects when `signal` aborts. */
  enter(signal?: AbortSignal): Promise<void> {
    const turn = this.#queue.then(() => this.#await(signal));
    // One that gave up must not hold up those behind it.
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Its answer is there, or none will come. */
  leave(): void {
    this.#underWay -= 1;
    this.#ended.push(this.#pace.ticks());
  }

  async #await(signal?: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.#pace.ticks();
      this.#forget(now);
      if (this.#underWay + this.#ended.length - this.#first < this.#most) break;
      const oldest = this.#ended[this.#first];
      // All of them are under way: one must end first, and none of them knows who waits.
      const waitMs = oldest === undefined ? this.#windowMs / 100 : oldest + this.#windowMs - now;
      await this.#pace.sleep(Math.max(1, Math.ceil(waitMs)), signal);
    }
    this.#underWay += 1;
  }

  #forget(now: number): void {
    while (this.#first < this.#ended.length && (this.#ended[this.#first] ?? now) + this.#windowMs <= now)
      this.#first += 1;
    if (this.#first < 1_024) return;
    this.#ended = this.#ended.slice(this.#first);
    this.#first = 0;
  }
}
