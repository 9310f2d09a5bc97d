import type { Instant } from '../model/address.ts';
import type { Actor, HistoryEntry } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import { steplessEntry } from './stepless.ts';

/** Where a record comes from that no apply wrote: who made it, when and why. */
export interface Origin {
  readonly kind: 'rebuild' | 'migrate';
  /** Unique. */
  readonly id: string;
  readonly at: Instant;
  readonly actor: Actor;
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly notes: readonly string[];
}

/** Its history entry, after `last`: no plan and no step, every secret's current version. */
export function originEntry(origin: Origin, recorded: Recorded, last: Recorded['head']): HistoryEntry {
  const secrets = Object.entries(recorded.secrets).sort(([a], [b]) => (a < b ? -1 : 1));
  const versions = Object.fromEntries(
    secrets.map(([address, { current }]) => [
      address,
      { before: origin.kind === 'rebuild' ? null : current, after: current },
    ]),
  );
  return steplessEntry({ ...origin, versions }, last);
}
