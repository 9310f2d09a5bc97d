import type { ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';
import type { Parked } from './recorded.ts';

/** A freeze as it holds a secret now. */
export interface Frost {
  readonly until: Instant;
  readonly reason: string | null;
  /** Construct path of the freeze. */
  readonly path: string;
}

/**
 * One secret as `keyturn status` shows it: declared, recorded and observed, side by side. A fact that could not
 * be observed is said in `vault` and `note`, never guessed. Holds no value and nothing computed from one.
 */
export interface StatusRow {
  readonly address: SecretAddress;
  /** Construct path, for people. */
  readonly path: string;
  readonly name: string;
  readonly current: Ordinal | null;
  /** The way back during a soak; null: none. */
  readonly prior: Ordinal | null;
  /** When the current version was promoted; null: never. */
  readonly rotatedAt: Instant | null;
  /** The cadence in words, for instance `quarterly, first monday 03:00 Europe/Berlin`. */
  readonly cadence: string;
  /** When the calendar may rotate it, in words: `daily 02:00-05:00 Europe/Berlin`; empty: at any time. */
  readonly windows: readonly string[];
  readonly nextDue: Instant | null;
  /** `never`: the cadence has no dates. */
  readonly due: 'due' | 'overdue' | 'no' | 'never';
  /** When one that is due may be rotated by date, if its soak, windows and freezes do not let it now; null: now, or not due. */
  readonly opens: Instant | null;
  /** What it waits for until then: `soak`, `freeze (year end), window (daily 02:00-05:00 UTC)`; null: nothing. */
  readonly waitsFor: string | null;
  /** From then on it counts as overdue if nobody rotates it; null: it has no date. */
  readonly overdueAt: Instant | null;
  /** The freeze that holds it now; null: none does. */
  readonly frozen: Frost | null;
  readonly soakUntil: Instant | null;
  /** What somebody took from the prior version while it is the way back, and what to do; null: it is all there. */
  readonly wayBackGone: string | null;
  readonly consumers: readonly StatusConsumer[];
  /** Why the schedule leaves it alone; null: not held. */
  readonly held: string | null;
  /** What lets a held one go; null: not held. */
  readonly letsGo: string | null;
  /** A manual secret that is due and needs a person's value. */
  readonly awaiting: boolean;
  /** Versions whose end is not proved yet, and why not. */
  readonly retiring: readonly { readonly ordinal: Ordinal; readonly text: string }[];
  /** What keeps a version from retiring, for instance `swarm://prod/busflow_api pins v3`. */
  readonly pinned: readonly string[];
  readonly vault: 'ok' | 'unknown' | 'absent' | 'disabled' | 'not-ours';
  readonly note: string | null;
}

export interface StatusConsumer {
  readonly address: ConsumerAddress;
  /** What it reads now; null: nothing of ours, or it could not be observed. */
  readonly reads: Ordinal | null;
  /** It reads what it should: the current version, or the one it pins; or it need not exist and does not. */
  readonly inStep: boolean;
  /** From then on its own update settings may be put back and its previous spec moved on; null: settled. */
  readonly settleAfter: Instant | null;
  /** Since when, for which incident and why an emergency left it behind; null: it did not. */
  readonly parked: Parked | null;
}

/** Why a row needs attention, from what is worst. */
export const ATTENTION = [
  'vault',
  'parked',
  'out-of-step',
  'way-back',
  'retiring',
  'overdue',
  'held',
  'awaiting',
  'due',
] as const;

export type Attention = (typeof ATTENTION)[number];

/** The worst reason why somebody, or the next scheduled apply, has to look after a secret; null: it can be left alone. */
export function attentionOf(row: StatusRow): Attention | null {
  if (row.vault !== 'ok') return 'vault';
  if (row.consumers.some(({ parked }) => parked !== null)) return 'parked';
  // Who reads a secret that has no version yet can't be out of step with it: it is due.
  if (row.current !== null && row.consumers.some(({ inStep }) => !inStep)) return 'out-of-step';
  if (row.wayBackGone !== null) return 'way-back';
  if (row.retiring.length > 0) return 'retiring';
  if (row.due === 'overdue') return 'overdue';
  if (row.held !== null) return 'held';
  if (row.awaiting) return 'awaiting';
  return row.due === 'due' ? 'due' : null;
}

/**
 * The order of `status`: what needs attention, in the order of `ATTENTION`; then what soaks; then the rest. Among
 * equals the next date comes first and those without a date last, ties by address.
 */
export function byAttention(a: StatusRow, b: StatusRow): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  const [one, other] = [dateOf(a), dateOf(b)];
  if (one !== other) return one < other ? -1 : 1;
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
}

function rankOf(row: StatusRow): number {
  const attention = attentionOf(row);
  if (attention !== null) return ATTENTION.indexOf(attention);
  return ATTENTION.length + (row.soakUntil === null ? 1 : 0);
}

/** Of one that soaks and is not due: when its soak ends. Later than every date: none. */
function dateOf(row: StatusRow): Instant {
  const soaks = attentionOf(row) === null ? row.soakUntil : null;
  return soaks ?? row.nextDue ?? '~';
}
