import type { Instant } from '../model/address.ts';
import type { HistoryEntry } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';

/** What an entry without a plan's steps says of itself. */
export type Stepless = Pick<HistoryEntry, 'kind' | 'actor' | 'reason' | 'ticket' | 'notes'> & {
  /** Unique. */
  readonly id: string;
  readonly at: Instant;
} & Partial<
    Pick<HistoryEntry, 'planDigest' | 'outcome' | 'versions' | 'consumers' | 'commit' | 'refusal' | 'adopted'>
  >;

/** The history entry, behind `last`, of what happened to a record and was no apply: at one moment, and without a step. */
export function steplessEntry({ id, at, ...said }: Stepless, last: Recorded['head']): HistoryEntry {
  return {
    planDigest: null,
    outcome: 'done',
    versions: {},
    ...said,
    format: 1,
    entry: (last?.entry ?? 0) + 1,
    previous: last?.digest ?? null,
    apply: id,
    startedAt: at,
    endedAt: at,
    continued: [],
    steps: [],
  };
}
