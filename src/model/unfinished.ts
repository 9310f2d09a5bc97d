import type { ConsumerAddress, Instant, SecretAddress } from './address.ts';
import type { PlanKind } from './plan.ts';

/**
 * What the next apply does with a group that was cut off: `kept` is done and stays, `finished` goes on to its end,
 * `taken-back` returns to the prior versions, `untouched` has changed nothing (what it was to do is planned anew).
 */
export type Fate = 'kept' | 'finished' | 'taken-back' | 'untouched';

/** An apply that did not end, as its journal tells it. */
export interface Unfinished {
  readonly apply: string;
  readonly kind: PlanKind;
  readonly startedAt: Instant;
  /** Who began it. */
  readonly by: string;
  readonly groups: readonly UnfinishedGroup[];
}

export interface UnfinishedGroup {
  readonly id: string;
  readonly fate: Fate;
  readonly secrets: readonly SecretAddress[];
  readonly consumers: readonly ConsumerAddress[];
  /** Texts of its steps: done; begun without a known end; failed. */
  readonly done: readonly string[];
  readonly cutOff: readonly string[];
  readonly failed: readonly string[];
}
