import type { Address, ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';
import type { NoticeKind } from './declared.ts';
import type { FaultRecord } from './fault.ts';
import type { Emergency } from './emergency.ts';
import type { Cause, Plan, PlanKind, Step } from './plan.ts';
import type { Evidence, FlipReceipt } from './platform.ts';
import type { Held, Parked, RecordedConsumer, RecordedSecret } from './recorded.ts';

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
      /** Absent: not kept. */
      readonly commit?: Commit | null;
    }
  | { readonly type: 'intent'; readonly step: Step }
  | { readonly type: 'outcome'; readonly step: string; readonly result: StepResult }
  /** A group was rolled back: the schedule leaves these secrets alone until a person acts. */
  | { readonly type: 'hold'; readonly secret: SecretAddress; readonly held: Held }
  /** An emergency could not move this consumer. */
  | { readonly type: 'park'; readonly consumer: ConsumerAddress; readonly parked: Parked }
  /** Somebody was told, or could not be: a delivery that failed fails nothing. */
  | { readonly type: 'notified'; readonly delivery: Delivery }
  /**
   * What vault and platforms show after our last act, so that the next plan sees no drift. Null: something lies in
   * the vault that the next plan must list.
   */
  | { readonly type: 'seen'; readonly fingerprints: Fingerprints }
  /** Someone went on with this journal: after an interruption, in the place of a lost holder, or to unlock. */
  | { readonly type: 'fence'; readonly why: 'resume' | 'takeover' | 'unlock'; readonly by: string }
  | { readonly type: 'end'; readonly outcome: ApplyOutcome }
);

export type Fingerprints = Readonly<Record<Address, string | null>>;

export const JOURNAL_FORMAT = 1;

/** Who applied, and how that was known. */
export interface Actor {
  /** Personal data, as in every place that `PERSONAL` lists. */
  readonly name: string;
  readonly knownBy: 'os-user' | 'git-author' | 'ci';
  readonly host: string;
  /** The CI run's address; null outside of CI. */
  readonly run: string | null;
  /** Everything that says who it was, from what is hardest to forge; absent in entries of before it was kept. */
  readonly identities?: readonly Identity[];
  /** Who let it run, as the platform that ran it says; absent: outside of one, or it was not kept. */
  readonly gate?: Gate;
}

/**
 * What a platform's job says of the gate that it passed. It comes from the job's environment and files: evidence that was
 * said, not verified.
 */
export interface Gate {
  readonly saidBy: 'github-actions';
  /** What started the run. */
  readonly event: string | null;
  readonly attempt: number | null;
  /** Personal data. */
  readonly triggeredBy: string | null;
  /** The environment whose rules the job waited for. */
  readonly environment: string | null;
  readonly approvals: readonly Approval[];
}

/** One person's yes. */
export interface Approval {
  /** Of a deployment to an environment; in a review of a pull request; by merging one. */
  readonly how: 'environment' | 'review' | 'merge';
  /** Personal data. */
  readonly name: string;
  /** The environment, or the pull request's address. */
  readonly of: string | null;
  readonly at: Instant | null;
}

/** One thing that says who somebody is. */
export interface Identity {
  /**
   * `azure`: the vault took a token of it. `oidc`: the subject of the token that the CI's provider signed. The others are
   * what this machine says of itself.
   */
  readonly knownBy: 'azure' | 'oidc' | 'ci' | 'git-author' | 'os-user';
  /** For a person: an account's name, a subject, `Name <mail>`. */
  readonly name: string;
  /** `azure`: the object id, as the vault's audit log has it. */
  readonly id?: string;
  /** `azure`: the tenant. `oidc`: who signed it. */
  readonly issuer?: string;
}

/** Where a history entry holds personal data; `[]` is each of a list. Exports can leave these out. */
export const PERSONAL = [
  'actor.name',
  'actor.host',
  'actor.identities[].name',
  'actor.identities[].id',
  'actor.gate.triggeredBy',
  'actor.gate.approvals[].name',
  'continued[].by',
] as const;

/** Kinds of entries that are of no apply and may be written beside one: they have no steps, and move no version. */
export const ASIDE_KINDS = ['unlock', 'refused', 'seal'] as const;

/** What an `import` puts on record, whole: the state of before and this give the state of after. */
export interface Adopted {
  /** Of the record that it was put into. */
  readonly lineage: string;
  /** None of them was on record before. */
  readonly secrets: Readonly<Record<SecretAddress, RecordedSecret>>;
  /** All that is on record of the consumers that read them. */
  readonly consumers: Readonly<Record<ConsumerAddress, RecordedConsumer>>;
}

/** The commit that was checked out where it was applied. */
export interface Commit {
  readonly id: string;
  /** Files were changed beside it. */
  readonly isDirty: boolean;
}

/** A change of a vault's secret, by the vault's own id of the version. */
export interface VaultWrite {
  readonly secret: SecretAddress;
  readonly storeId: string;
  /** As the vault's audit log calls them: `set` is SecretSet, `update` SecretUpdate. */
  readonly act: 'set' | 'update';
  readonly at: Instant;
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
  /** revoke, prove, retire, effect: one line that says what was seen to be so. */
  readonly proof?: string;
  /** The end of what a declared program printed, masked. Absent: it printed nothing, or is not asked for. */
  readonly output?: string;
}

/** One notice to one receiver. */
export interface Delivery {
  /** The notification's declared name. */
  readonly to: string;
  readonly event: NoticeKind;
  readonly about: Address | null;
  readonly at: Instant;
  /** Null: it was taken. Else why not, in a line, without an address that lets somebody in. */
  readonly failure: string | null;
}

/** Where a step ended. Every step of the plan is listed with one of these, from the start. */
export type StepStatus = 'waiting' | 'running' | 'done' | 'failed' | 'undone' | 'undo-failed' | 'skipped';

/**
 * How an apply ended; each has one exit code (docs/EXIT-CODES.md). `failed`: a step failed and nothing was changed.
 * `incomplete`: what could be done is done and recorded, and a person is needed for the rest.
 */
export type ApplyOutcome = 'done' | 'failed' | 'rolled-back' | 'stopped' | 'interrupted' | 'incomplete';

/** One history entry, `history/000042.json`. */
export interface HistoryEntry {
  readonly format: 1;
  readonly entry: number;
  /** Digest of the previous entry's canonical JSON; null for the first. */
  readonly previous: string | null;
  /**
   * `rebuild`: the record was lost and made anew; `migrate`: it came here from another place; `import`: what was there
   * before keyturn was taken over; `unlock`: the lease was taken from its holder; `refused`: somebody tried what was
   * refused; `seal`: a person took the place of what a vault had sealed. These without steps.
   */
  readonly kind: PlanKind | 'rebuild' | 'migrate' | 'import' | (typeof ASIDE_KINDS)[number];
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
  /** address → target → what it read before and after; only of consumers that changed. Absent: none did, or not kept. */
  readonly consumers?: Readonly<Record<ConsumerAddress, Readonly<Record<string, ConsumerMove>>>>;
  /** What was written into vaults, way back included, in order. Absent: nothing, or it was not kept. */
  readonly writes?: readonly VaultWrite[];
  /** Null: it is not under version control, or that could not be told. Absent: it was not kept. */
  readonly commit?: Commit | null;
  readonly steps: readonly HistoryStep[];
  /** Of a `refused`: what was tried and why not. */
  readonly refusal?: { readonly tried: string; readonly fault: FaultRecord };
  /** Of an `import`: what it put on record. */
  readonly adopted?: Adopted;
  /** What a reader of the history must know of it: what a rebuilt record does not hold, where a record came from. */
  readonly notes?: readonly string[];
  /** Of a `compromise`: the incident, its radius, what it left. */
  readonly emergency?: Emergency;
  /** Who was told what; absent: nobody is declared, or there was nothing to tell. */
  readonly notified?: readonly Delivery[];
}

/** What one target of a consumer read. */
export interface ConsumerMove {
  readonly secret: SecretAddress;
  readonly before: Ordinal | null;
  readonly after: Ordinal | null;
}

export interface HistoryStep {
  readonly id: string;
  readonly kind: Step['kind'];
  readonly address: string;
  readonly text: string;
  /** Why; absent in entries of before it was kept. */
  readonly cause?: Cause;
  /** The secret and version that it is about; absent: it is about none alone, or it was not kept. */
  readonly secret?: SecretAddress;
  readonly ordinal?: Ordinal;
  /** When it ended; absent: it was not begun, or it was not kept. */
  readonly endedAt?: Instant;
  readonly status: StepStatus;
  readonly elapsedMs: number | null;
  readonly fault: FaultRecord | null;
  readonly evidence: Evidence | null;
  /** One line that says what was seen to be so; absent where the step shows nothing. */
  readonly proof?: string;
  /** The end of what a smoke test printed, masked. Absent: it printed nothing, or it is none. */
  readonly output?: string;
  /** Of a dated step: the digest of the earlier plan whose approval covered it; absent: this entry's own. */
  readonly approvedBy?: string;
}
