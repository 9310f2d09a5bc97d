import type { Address, Instant } from './address.ts';
import type { NoticeKind } from './declared.ts';
import type { Delivery, HistoryEntry } from './journal.ts';
import type { Plan } from './plan.ts';
import type { Recorded } from './recorded.ts';

/**
 * Something that somebody is told: names, versions and times, and the fixed words around them. What others wrote (a
 * reason, an answer of a platform, the text of a fault) is no part of it, because it may hold anything.
 */
export interface Notice {
  readonly event: NoticeKind;
  readonly stack: string;
  /** Null: it is about more than one, or about none. */
  readonly about: Address | null;
  readonly at: Instant;
  /** One line without a full stop. */
  readonly title: string;
  readonly lines: readonly string[];
  /** The same each time that this very thing is told: whoever receives it twice can tell. */
  readonly key: string;
  /** The next run finds the same and would tell it again: it is told once a key, by whoever claims it. */
  readonly stands: boolean;
}

/** What an apply has come to, as far as somebody may want to be told. */
export type Occurrence =
  | { readonly type: 'begun'; readonly plan: Plan; readonly apply: string; readonly at: Instant }
  | {
      readonly type: 'ended';
      readonly plan: Plan;
      /** As it will be written, but for who was told; with the outcome `stopped` it is not written yet. */
      readonly entry: HistoryEntry;
      readonly before: Recorded;
      readonly after: Recorded;
      /** Deliveries of this very end, of a run that was cut off behind them. */
      readonly told: readonly Delivery[];
    };

/** Tells whoever wants to know. Never throws, and takes some seconds at most, whatever the receivers do. */
export type Notify = (occurrence: Occurrence) => Promise<readonly Delivery[]>;

/** Tells one receiver one notice. Returns why it could not, in a line; null: it was taken. Never throws. */
export type Tell = (notice: Notice, signal: AbortSignal) => Promise<string | null>;
