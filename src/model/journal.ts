import type { Address, Instant, SecretAddress } from './address.ts';
import type { FaultRecord } from './fault.ts';
import type { Plan, Step } from './plan.ts';
import type { Evidence, FlipReceipt } from './platform.ts';
import type { Held } from './recorded.ts';

/**
 * The journal of one apply: JSON lines, each appended and synced before the executor goes on. The intent of an
 * act stands before the act, its outcome before the next one, so that any prefix replays to a valid record.
 */
export type JournalLine = { readonly seq: number; readonly at: Instant } & (
  | {
      readonly type: 'begin';
      readonly format: 1;
      readonly apply: string;
      readonly lineage: string;
      /** Serial of the record that this journal continues. */
      readonly serial: number;
      readonly planDigest: string;
      readonly plan: Plan;
      readonly actor: Actor;
      readonly reason: string | null;
      readonly ticket: string | null;
    }
  | { readonly type: 'intent'; readonly step: Step }
  | { readonly type: 'outcome'; readonly step: string; readonly result: StepResult }
  /** A group was rolled back: the schedule leaves these secrets alone until a person acts. */
  | { readonly type: 'hold'; readonly secret: SecretAddress; readonly held: Held }
  /** What vault and platforms show after our last act, so that the next plan sees no drift. */
  | { readonly type: 'seen'; readonly fingerprints: Readonly<Record<Address, string>> }
  /** Someone went on with this journal: after an interruption, in the place of a lost holder, or to unlock. */
  | { readonly type: 'fence'; readonly why: 'resume' | 'takeover' | 'unlock'; readonly by: string }
  | { readonly type: 'end'; readonly outcome: ApplyOutcome }
);

export const JOURNAL_FORMAT = 1;

/** Who applied, and how that was known. */
export interface Actor {
  readonly name: string;
  readonly knownBy: 'os-user' | 'git-author' | 'ci';
  readonly host: string;
  /** The CI run's address; null outside of CI. */
  readonly run: string | null;
}

/** What an act left behind; enough to fold it into the record without asking anyone. */
export type StepResult =
  | { readonly status: 'failed'; readonly fault: FaultRecord; readonly elapsedMs: number }
  | ({ readonly status: 'done'; readonly elapsedMs: number } & DoneFacts);

export interface DoneFacts {
  /** mint, restore: the vault's id of the version that was written. */
  readonly storeId?: string;
  /** stage: the platform's id of the copy. */
  readonly copyId?: string;
  readonly receipt?: FlipReceipt;
  readonly evidence?: Evidence;
  /** promote: the promotion's id. retire: the storeIds that were disabled. */
  readonly promotion?: string;
  readonly disabled?: readonly string[];
}

/** Where a step ended. Every step of the plan is listed with one of these, from the start. */
export type StepStatus = 'waiting' | 'running' | 'done' | 'failed' | 'undone' | 'undo-failed' | 'skipped';

/** How an apply ended; each has one exit code (docs/EXIT-CODES.md). `failed`: a step failed and nothing was changed. */
export type ApplyOutcome = 'done' | 'failed' | 'rolled-back' | 'stopped' | 'interrupted';

/** One history entry, `history/000042.json`. */
export interface HistoryEntry {
  readonly format: 1;
  readonly entry: number;
  /** Digest of the previous entry's canonical JSON; null for the first. */
  readonly previous: string | null;
  /** `rebuild`: the record was lost and made anew; `migrate`: it came here from another place. Both without steps. */
  readonly kind: 'apply' | 'rollback' | 'rebuild' | 'migrate';
  /** Unique: of an apply, or of what is in its place. */
  readonly apply: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  /** Who began it. */
  readonly actor: Actor;
  /** Who went on with it after an interruption, oldest first; empty where nobody had to. */
  readonly continued: readonly { readonly at: Instant; readonly why: string; readonly by: string }[];
  readonly reason: string | null;
  readonly ticket: string | null;
  /** Null where there was no plan. */
  readonly planDigest: string | null;
  readonly outcome: ApplyOutcome;
  /** address → ordinals before and after. */
  readonly versions: Readonly<
    Record<string, { readonly before: number | null; readonly after: number | null }>
  >;
  readonly steps: readonly HistoryStep[];
  /** What a reader of the history must know of it: what a rebuilt record does not hold, where a record came from. */
  readonly notes?: readonly string[];
}

export interface HistoryStep {
  readonly id: string;
  readonly kind: Step['kind'];
  readonly address: string;
  readonly text: string;
  readonly status: StepStatus;
  readonly elapsedMs: number | null;
  readonly fault: FaultRecord | null;
  readonly evidence: Evidence | null;
}
