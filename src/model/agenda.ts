import type { Address, Instant, Ordinal } from './address.ts';

/**
 * Something that happens by date: `keyturn status --due 30d` lists them. What follows from a rotation that is
 * still to come (its soak's end) is not among them: `keyturn plan --at` shows that.
 */
export interface AgendaEntry {
  /** Its date; in the past where it was not done yet. */
  readonly at: Instant;
  readonly kind: AgendaKind;
  readonly stack: string;
  /** The secret or the consumer; null: a freeze. */
  readonly address: Address | null;
  /** The version that is retired or whose copy is removed; null: it is about no one version. */
  readonly ordinal: Ordinal | null;
  /** The copy that is removed. */
  readonly copy: string | null;
  /** What happens, for people: `disable db-writer v3 in the vault`. */
  readonly text: string;
  /** `due`: its date has come. */
  readonly state: 'overdue' | 'due' | 'ahead';
  /** When the calendar may do it, if a soak, a window or a freeze does not let it at its date; null: at once. */
  readonly opens: Instant | null;
  /** What does not let it: `freeze (year end)`, `soak, window`; null: nothing. */
  readonly waitsFor: string | null;
  /** Rotations only: from then on it counts as overdue. */
  readonly overdueAt: Instant | null;
  /** A person must bring the value until then. */
  readonly awaiting: boolean;
  /** What stands in its way, and what else a person should know. */
  readonly notes: readonly string[];
}

export type AgendaKind = 'rotate' | 'settle' | 'retire' | 'prune' | 'freeze-begins' | 'freeze-ends';

/** In which of several things at one instant come first: what lets go before what rotates, as an apply does it. */
const ORDER: readonly AgendaKind[] = ['freeze-ends', 'settle', 'retire', 'prune', 'rotate', 'freeze-begins'];

/** What is overdue first, then by date. */
export function byDate(a: AgendaEntry, b: AgendaEntry): number {
  const late = Number(b.state === 'overdue') - Number(a.state === 'overdue');
  if (late !== 0) return late;
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  const kind = ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind);
  if (kind !== 0) return kind;
  const [one, other] = [a.address ?? a.text, b.address ?? b.text];
  return one < other ? -1 : one > other ? 1 : 0;
}
