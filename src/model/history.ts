import type { ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';
import type { ApplyOutcome, ConsumerMove, Delivery, HistoryEntry } from './journal.ts';
import type { Cause } from './plan.ts';

/* What is read out of a history. */

/** Which entries somebody asks for; what is absent asks for nothing, and all that is there must hold. */
export interface EntryFilter {
  /** Address, `vault/name`, or name alone. */
  readonly secret?: string;
  readonly consumer?: string;
  /** Part of a name of whoever began it, went on with it, or what knew him. Case does not matter. */
  readonly actor?: string;
  readonly outcome?: ApplyOutcome;
  readonly kind?: HistoryEntry['kind'];
  /** It ended then or later. */
  readonly since?: Instant;
  /** It ended before. */
  readonly until?: Instant;
  /** Case does not matter. */
  readonly ticket?: string;
}

/** What a target of a consumer reads. */
export interface Reading {
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
}

/** What the entries up to a point say is so there. Who is not named by them is not in it. */
export interface PointState {
  /** The current version of each. */
  readonly secrets: Readonly<Record<SecretAddress, Ordinal | null>>;
  /** target → what it reads. */
  readonly consumers: Readonly<Record<ConsumerAddress, Readonly<Record<string, Reading>>>>;
}

/** A point in a history: behind an entry. */
export interface Point {
  /** 0: before the first. */
  readonly entry: number;
  readonly endedAt: Instant | null;
}

/** What differs between two points of a history, and who made it so. */
export interface Difference {
  readonly from: Point;
  readonly to: Point;
  /** Only those that differ, in the order of their addresses. Null: there is no version, or the history names none yet. */
  readonly secrets: readonly {
    readonly secret: SecretAddress;
    readonly before: Ordinal | null;
    readonly after: Ordinal | null;
  }[];
  readonly consumers: readonly {
    readonly consumer: ConsumerAddress;
    /** All of its targets, those that are the same at both points included. */
    readonly targets: readonly {
      readonly target: string;
      readonly before: Reading | null;
      readonly after: Reading | null;
    }[];
  }[];
  /** The entries between the points that moved something, oldest first. */
  readonly changes: readonly Change[];
  /** Where an entry between the points found another version than was left before it, and no entry says why. */
  readonly gaps: readonly {
    readonly entry: number;
    readonly secret: SecretAddress;
    readonly left: Ordinal | null;
    readonly found: Ordinal | null;
  }[];
  /** How many entries are between the points. */
  readonly entries: number;
}

/** What one entry moved. */
export interface Change extends Signature {
  readonly kind: HistoryEntry['kind'];
  readonly outcome: ApplyOutcome;
  /** Of its first mint or flip; null: it has none, or it was not kept. */
  readonly cause: Cause | null;
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly incident: string | null;
  readonly secrets: readonly {
    readonly secret: SecretAddress;
    readonly before: Ordinal | null;
    readonly after: Ordinal | null;
  }[];
  readonly consumers: readonly ({
    readonly consumer: ConsumerAddress;
    readonly target: string;
  } & ConsumerMove)[];
}

/** Which entry says so, and who began that. */
export interface Signature {
  readonly entry: number;
  readonly at: Instant;
  readonly who: string;
  readonly knownBy: string;
}

/** Something that happened in the life of a secret. */
export interface LifeEvent extends Signature {
  /** False: the entry does not say when; it is the end of the entry. */
  readonly isExact: boolean;
  readonly what: LifeEventKind;
  /** The version that it is about; null: of none alone, or the entry does not say. */
  readonly ordinal: Ordinal | null;
  /** Of `moved`, `verified`, `settled`, `parked`: the consumer. */
  readonly consumer?: ConsumerAddress;
  /** Of a consumer: the entry does not say which secrets of the group it reads. */
  readonly isOfGroup?: true;
  /** Why, where the entry says so. */
  readonly cause?: Cause;
  /** The step's own words, or what there is to say in the place of a step. */
  readonly text: string;
  /** What was seen to be so. */
  readonly proof?: string;
  /** Of what failed: what went wrong. */
  readonly fault?: string;
  /** Of `soaking`: its end. */
  readonly until?: Instant;
  /** Of `told`. */
  readonly delivery?: Delivery;
  /** What became of the step later in the same entry. */
  readonly end?: 'undone' | 'failed' | 'undo-failed';
}

export type LifeEventKind =
  | 'minted'
  | 'delivered'
  | 'moved'
  | 'verified'
  | 'promoted'
  | 'soaking'
  | 'settled'
  | 'returned'
  | 'disabled'
  | 'revoked'
  | 'proved'
  | 'retired'
  | 'removed'
  | 'effect'
  | 'held'
  | 'parked'
  | 'told'
  | 'rebuilt'
  | 'adopted'
  | 'refused';

/** The life of one secret, as its history tells it, in the order of time. */
export interface Life {
  readonly secret: SecretAddress;
  /** Its version after the newest entry; null: none. */
  readonly current: Ordinal | null;
  readonly events: readonly LifeEvent[];
}
