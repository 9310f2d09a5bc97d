import type { Address, ConsumerAddress, Instant, IsoDuration, Ordinal, SecretAddress } from './address.ts';
import type { DeclaredSmokeTest, Effect, Probe, RefusalProbe, Revocation, Source } from './declared.ts';
import type { Emergency } from './emergency.ts';
import type { FaultRecord } from './fault.ts';
import type { BuildRead, EnvFile } from './host.ts';

/**
 * An ordered rotation plan: plain JSON that is saved, read, reviewed, executed and rendered from one value.
 * Nothing in it is a value or computed from one. docs/FORMATS.md draws it.
 */
export interface Plan {
  readonly format: 1;
  readonly stack: string;
  readonly kind: PlanKind;
  readonly createdAt: Instant;
  readonly basis: Basis;
  /** In execution order; groups whose `needs` are met run side by side. */
  readonly groups: readonly Group[];
  /** In execution order; each names its group. */
  readonly steps: readonly Step[];
  /** Settle, retire and prune of what this plan promotes: shown and approved here, run by a later apply. */
  readonly later: readonly LaterStep[];
  /** What should move but may not, and why. */
  readonly blocked: readonly Blocked[];
  /** What a person should know and nobody need do anything about. */
  readonly notes: readonly Note[];
  /** Of a `compromise` plan; absent in every other. */
  readonly emergency?: Emergency;
}

/** `compromise`: it only goes forward, and what fails keeps nothing else from going on. */
export type PlanKind = 'apply' | 'rollback' | 'compromise';

export const PLAN_FORMAT = 1;

/**
 * What the plan was made from. It is stale when the lineage differs, or of an address that it touches the
 * fingerprint or what is recorded.
 */
export interface Basis {
  readonly lineage: string;
  readonly serial: number;
  /** address → fingerprint of what was observed, or `absent`. */
  readonly fingerprints: Readonly<Record<Address, string>>;
  /** address → digest of what was recorded of it, or `none`: an apply that ends may change nothing but that. */
  readonly recorded: Readonly<Record<Address, string>>;
}

/** Why a secret rotates or a consumer moves. */
export type Cause =
  | { readonly kind: 'first' }
  | { readonly kind: 'due'; readonly due: Instant }
  | { readonly kind: 'generation'; readonly generation: number }
  /** A person put a new version into the vault. */
  | { readonly kind: 'found'; readonly storeId: string }
  | { readonly kind: 'request'; readonly at: Instant; readonly reason: string | null }
  | {
      readonly kind: 'together';
      readonly secret: SecretAddress;
      /** What made that one rotate. */
      readonly of: Cause;
    }
  | { readonly kind: 'mount'; readonly why: string }
  | { readonly kind: 'soaked'; readonly since: Instant }
  | { readonly kind: 'rollback'; readonly reason: string | null }
  | { readonly kind: 'compromise'; readonly incident: string }
  /** It was there before keyturn and was taken over as it was. */
  | { readonly kind: 'adopted'; readonly at: Instant };

/** The cause behind a `together`. */
export function rootCause(cause: Cause): Cause {
  return cause.kind === 'together' ? rootCause(cause.of) : cause;
}

/** The secrets that change in this plan and share consumers, and those declared together. */
export interface Group {
  readonly id: string;
  readonly needs: readonly string[];
  /** Groups that must have ended first, whatever their end: a platform restarts only so many consumers at once. */
  readonly after?: readonly string[];
  readonly secrets: readonly SecretAddress[];
  readonly consumers: readonly ConsumerAddress[];
}

interface StepBase {
  readonly id: string;
  readonly group: string;
  readonly address: Address;
  /** Ids of steps that must be done first. */
  readonly needs: readonly string[];
  /** Ids of steps that must have ended first, whatever their end. */
  readonly after?: readonly string[];
  readonly cause: Cause;
  /** What a person should read: one line without a full stop. */
  readonly text: string;
}

export interface MintStep extends StepBase {
  readonly kind: 'mint';
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  /** A function of lineage, address, cause and attempt; stands in the vault's tags. */
  readonly operation: string;
  readonly source: Source;
  /** The vault's id of a version that a person put there: it is taken up as this one, nothing is written. */
  readonly taken?: string;
  /** When the vault calls the version expired; absent: never. */
  readonly expires?: Instant;
  readonly contentType: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /**
   * Consumers that read it already, since an apply that could not take them back: it is only taken back behind a flip of
   * each of them. Absent: none.
   */
  readonly namedBy?: readonly ConsumerAddress[];
  /** Null in an emergency, which only goes forward. */
  readonly inverse: RestoreStep | null;
}

/**
 * Undoes a mint: writes the prior value as the newest again (a further storeId of the same ordinal), then
 * disables the failed version. Where there is no prior it only disables. With `twins` it undoes what a mint wrote
 * beside the version on record, and that one keeps its role.
 */
export interface RestoreStep extends StepBase {
  readonly kind: 'restore';
  readonly secret: SecretAddress;
  readonly failed: Ordinal;
  /** Operation id of the mint that it undoes: spent from then on. */
  readonly undoes: string;
  /** The vault's ids of twins of `failed` (`isTwin`): they alone are disabled. Absent: every storeId of `failed` is. */
  readonly twins?: readonly string[];
  readonly to: Ordinal | null;
  readonly operation: string;
  /** When the vault calls the value of before expired; absent: never. */
  readonly expires?: Instant;
  readonly contentType: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly inverse: null;
}

export interface StageStep extends StepBase {
  readonly kind: 'stage';
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly platform: string;
  readonly copy: string;
  readonly inverse: UnstageStep | null;
}

/** Removes a copy that this plan delivered and that nothing uses. */
export interface UnstageStep extends StepBase {
  readonly kind: 'unstage';
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly platform: string;
  readonly copy: string;
  readonly inverse: null;
}

export interface FlipChange {
  readonly target: string;
  readonly secret: SecretAddress;
  /** What the target names now; null: nothing. */
  readonly from: { readonly copy: string; readonly ordinal: Ordinal | null } | null;
  /** What it shall name; null: nothing. */
  readonly to: { readonly copy: string; readonly ordinal: Ordinal | null } | null;
  /** What the way back names in the place of `from`, which never returns; null: nothing, there is no way back. Absent: `from`. */
  readonly back?: { readonly copy: string; readonly ordinal: Ordinal | null } | null;
  readonly uid: string;
  readonly gid: string;
  readonly mode: number;
}

/** A file of variables as a flip writes it, and the images that it has built first. */
export interface FileWrite {
  readonly file: EnvFile;
  /** All that is baked into the images that change. */
  readonly reads: readonly BuildRead[];
}

/** One update of one consumer: all its changed references at once (invariant I4). */
export interface FlipStep extends StepBase {
  readonly kind: 'flip';
  readonly consumer: ConsumerAddress;
  readonly platform: string;
  readonly service: string;
  readonly changes: readonly FlipChange[];
  /** Tasks that restart. */
  readonly tasks: number;
  /** Of a file on a host: what is written, built and restarted. Absent: a service of a swarm. */
  readonly write?: FileWrite;
  readonly inverse: FlipStep | null;
}

export interface VerifyStep extends StepBase {
  readonly kind: 'verify';
  readonly consumer: ConsumerAddress;
  readonly platform: string;
  readonly service: string;
  /** target → the copy's name it must read; null: nothing is mounted there. */
  readonly expected: Readonly<Record<string, string | null>>;
  readonly probe: Probe;
  readonly settleTime: IsoDuration;
  readonly deadline: IsoDuration;
  /** Of a file on a host. Absent: a service of a swarm. */
  readonly file?: EnvFile;
  /** A question changes nothing, so there is nothing to undo. */
  readonly inverse: null;
}

/** Runs a declared program that tries what consumers do together; they are verified by then. */
export interface SmokeStep extends StepBase {
  readonly kind: 'smoke';
  readonly test: Pick<DeclaredSmokeTest, 'name' | 'argv' | 'directory' | 'timeout'>;
  readonly inverse: null;
}

export interface Promotion {
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly prior: Ordinal | null;
  readonly soak: IsoDuration;
  readonly generation: number;
}

/** What a consumer reads once its group is promoted, and when its own settings may be put back. */
export interface Arrival {
  readonly consumer: ConsumerAddress;
  /** target → what it reads. */
  readonly mounts: Readonly<Record<string, { readonly secret: SecretAddress; readonly ordinal: Ordinal }>>;
  /** Settle comes this long after the promotion: the longest soak among the secrets that moved. Null: nothing to settle. */
  readonly settleAfter: IsoDuration | null;
}

/** Records the group's pending versions as current; touches nothing but the record. */
export interface PromoteStep extends StepBase {
  readonly kind: 'promote';
  readonly promotions: readonly Promotion[];
  readonly consumers: readonly Arrival[];
  readonly inverse: DemoteStep | null;
}

/** Records the prior versions as current again. */
export interface DemoteStep extends StepBase {
  readonly kind: 'demote';
  readonly demotions: readonly {
    readonly secret: SecretAddress;
    readonly ordinal: Ordinal;
    readonly to: Ordinal | null;
    /** Nothing in the vault takes its place, and somebody reads there without a version. Absent: it is disabled. */
    readonly staysEnabled?: true;
  }[];
  readonly consumers: readonly Arrival[];
  readonly inverse: null;
}

/** Puts the consumer's own update settings back and moves its previous spec on; restarts no task. */
export interface SettleStep extends StepBase {
  readonly kind: 'settle';
  readonly consumer: ConsumerAddress;
  readonly platform: string;
  readonly service: string;
  readonly inverse: null;
}

/** Makes the value invalid at its source. A point of no return: a version whose revocation began is no way back. */
export interface RevokeStep extends StepBase {
  readonly kind: 'revoke';
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly revocation: Revocation;
  readonly inverse: null;
}

/**
 * Shows that the value is refused where it is checked. In an emergency it comes after the retirement, with the value
 * that was read before, and is tried again until `until`; otherwise it reads the value, tries it once, and comes before.
 */
export interface ProveStep extends StepBase {
  readonly kind: 'prove';
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly probe: RefusalProbe;
  /** Null: one try. */
  readonly until: Instant | null;
  readonly inverse: null;
}

/** Disables every storeId of the version in the vault. The point of no return. */
export interface RetireStep extends StepBase {
  readonly kind: 'retire';
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  /** Digest of the plan that approved it; null: this one. */
  readonly approvedBy: string | null;
  /** Why its death cannot be shown any more: it stays `retiring` for good. Absent: it was shown, or nothing has to be. */
  readonly unproved?: string;
  /** In an emergency: who still refers to it does not keep it from being disabled. Absent: it does. */
  readonly emergency?: {
    /** The value is read first and kept for the proof that follows. Until then the version is `retiring`. */
    readonly isProvedNext: boolean;
    /** The vault's ids of enabled versions that are none of ours, and go as well. */
    readonly strangers: readonly string[];
  };
  readonly inverse: null;
}

/** Something else that an emergency brings about, declared with the secret. */
export interface EffectStep extends StepBase {
  readonly kind: 'effect';
  readonly secret: SecretAddress;
  readonly effect: Effect;
  readonly incident: string;
  readonly before: Ordinal | null;
  readonly now: Ordinal | null;
  /** The same each time that this effect of this incident is tried. */
  readonly idempotencyKey: string;
  readonly inverse: null;
}

export interface PruneStep extends StepBase {
  readonly kind: 'prune';
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly platform: string;
  readonly copy: string;
  readonly inverse: null;
}

export type Step =
  | MintStep
  | RestoreStep
  | StageStep
  | UnstageStep
  | FlipStep
  | VerifyStep
  | SmokeStep
  | PromoteStep
  | DemoteStep
  | SettleStep
  | RevokeStep
  | ProveStep
  | RetireStep
  | PruneStep
  | EffectStep;

export type StepKind = Step['kind'];

/** A dated step of a later apply: `after` counts from this plan's promotion. */
export interface LaterStep {
  readonly kind: 'settle' | 'revoke' | 'prove' | 'retire' | 'prune';
  readonly address: Address;
  readonly after: IsoDuration;
  /** `createdAt` + `after`: when it will be due if the plan is applied at once. */
  readonly notBefore: Instant;
  readonly text: string;
}

export interface Blocked {
  readonly address: Address;
  /** A stable word. */
  readonly why: BlockedWhy;
  readonly text: string;
  readonly next: string | null;
  readonly fault: FaultRecord | null;
}

export type BlockedWhy =
  /** Its own prior, or something that it depends on, still soaks. */
  | 'soaking'
  /** What it stands in for was rotated a short while ago, or rotates now. */
  | 'apart'
  /** Due, and no window is open. */
  | 'window'
  | 'frozen'
  | 'held'
  | 'unknown'
  | 'not-ours'
  | 'awaiting-value'
  | 'busy'
  | 'absent'
  | 'unsupported'
  | 'disabled'
  | 'blocked-by';

export interface Note {
  readonly kind:
    | 'drift'
    | 'forgotten'
    | 'pinned'
    | 'generation'
    | 'soaking'
    | 'later'
    | 'downtime'
    | 'unverified'
    | 'readers'
    | 'limit'
    | 'parked'
    | 'window';
  readonly address: Address | null;
  readonly text: string;
}

/** Counts as Terraform counts: add = mint and stage, change = flip, destroy = retire and prune, dated ones included. */
export interface Counts {
  readonly add: number;
  readonly change: number;
  readonly destroy: number;
}

export function countsOf(plan: Plan): Counts {
  const kinds = [...plan.steps, ...plan.later].map((step) => step.kind);
  const of = (...wanted: StepKind[]): number => kinds.filter((kind) => wanted.includes(kind)).length;
  return {
    add: of('mint', 'stage'),
    change: of('flip', 'restore'),
    destroy: of('retire', 'prune', 'unstage'),
  };
}

/** Whether the plan has nothing to do now. */
export function isEmpty(plan: Plan): boolean {
  return plan.steps.length === 0;
}

/** The kinds after which there is no way back. */
export function isIrreversible(kind: StepKind): boolean {
  return kind === 'revoke' || kind === 'retire' || kind === 'prune';
}
