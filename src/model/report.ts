import type { Address, ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';
import type { Access } from './declared.ts';
import type { ApplyOutcome, Gate } from './journal.ts';
import type { StatusRow } from './status.ts';
import type { Verification } from './verification.ts';

/**
 * What an auditor is handed: of each stack the inventory, how well it was kept over a period, every version's life,
 * who may read and set, the evidence of each rotation and whether the history verifies. Holds no value.
 */
export interface Report {
  readonly format: 1;
  readonly madeAt: Instant;
  /** The period, `from` included, `to` not. */
  readonly from: Instant;
  readonly to: Instant;
  readonly stacks: readonly StackReport[];
}

export interface StackReport {
  readonly stack: string;
  readonly inventory: readonly InventoryRow[];
  readonly compliance: Compliance;
  /** One a secret, in the inventory's order. */
  readonly timelines: readonly Timeline[];
  readonly access: readonly Access[];
  /** Every entry of the period, oldest first. */
  readonly entries: readonly ReportedEntry[];
  readonly verification: Verification;
}

/** One secret as it is now. */
export interface InventoryRow {
  readonly status: StatusRow;
  readonly owner: string | null;
  readonly environment: string | null;
  readonly classification: string | null;
  readonly description: string | null;
}

/** How well the calendar was kept in the period. */
export interface Compliance {
  /**
   * Rotations whose date fell into the period and that are done or overdue. One that is neither yet is not counted; one
   * that is overdue and still missing is.
   */
  readonly due: number;
  /** Those of them that were done before they counted as overdue. */
  readonly onTime: number;
  /** All rotations that were completed in the period and not taken back, whatever their cause. First versions are none. */
  readonly rotations: number;
  /** Of all that were overdue at some time of the period, also where their date lies before it. */
  readonly longestOverdue: {
    readonly secret: SecretAddress;
    readonly due: Instant;
    /** Null: it is still missing at the end of the period. */
    readonly doneAt: Instant | null;
    /** From its date to when it was done, or to the end of the period. */
    readonly ms: number;
  } | null;
  /** Applies that failed, were rolled back by themselves or by a person, or left something for a person. */
  readonly failures: number;
  readonly emergencies: readonly EmergencyReport[];
}

/** One an incident, however many entries it has. */
export interface EmergencyReport {
  /** Its first entry. */
  readonly entry: number;
  readonly incident: string;
  readonly discoveredAt: Instant;
  /** All within its radius that had a version and were not left out on purpose. */
  readonly secrets: readonly SecretAddress[];
  /** When the last of their versions was dead; null: one is not, as far as the history tells. */
  readonly deadAt: Instant | null;
  readonly ms: number | null;
}

/** The life of each version of one secret. */
export interface Timeline {
  readonly secret: SecretAddress;
  /** One a version, and one more with the same ordinal each time that a way back made it current again. By beginning. */
  readonly spans: readonly VersionSpan[];
}

export interface VersionSpan {
  readonly ordinal: Ordinal;
  readonly mintedAt: Instant;
  /** Null: it never became current. */
  readonly currentFrom: Instant | null;
  /** When another version took its place; null: it is current, or never was. */
  readonly currentUntil: Instant | null;
  /** The end of its soak, or when it was current again, or died, before that; null: it had none. */
  readonly soakUntil: Instant | null;
  readonly retiredAt: Instant | null;
  /** `soaked`, `undone` after a way back, `compromised`; null: it lives. */
  readonly end: 'soaked' | 'undone' | 'compromised' | null;
  /** What was seen to be so when it was retired; null: nothing but that the vault lists it as disabled. */
  readonly proof: string | null;
}

export interface ReportedEntry {
  readonly entry: number;
  readonly kind: string;
  readonly outcome: ApplyOutcome;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly who: string;
  readonly knownBy: string;
  readonly host: string;
  readonly run: string | null;
  /** Who let it run, as its platform said it; null: nothing was said. */
  readonly gate: Gate | null;
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly incident: string | null;
  readonly commit: string | null;
  readonly planDigest: string | null;
  /** Why each secret moved, in words: `due 2026-11-22T03:00:00Z`. */
  readonly causes: readonly { readonly address: Address; readonly cause: string }[];
  readonly moves: readonly {
    readonly secret: SecretAddress;
    readonly before: Ordinal | null;
    readonly after: Ordinal | null;
  }[];
  readonly consumers: readonly ConsumerAddress[];
  readonly evidence: readonly {
    readonly step: string;
    readonly status: string;
    readonly text: string;
    readonly elapsedMs: number | null;
    readonly proof: string | null;
  }[];
}
