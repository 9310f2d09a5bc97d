import type { HistoryEntry } from '../../src/model/journal.ts';
import type { StackRecord } from '../../src/record/record.ts';
import { emptyPlan } from './empty-plan.ts';
import { claimed } from './lease.ts';

/* An apply that changes nothing, for tests of the record alone. */

export const NOW = '2026-11-22T03:00:00Z';
const APPLY = 'a1';
const WHO = { name: 'ann', knownBy: 'os-user', host: 'here', run: null } as const;
const WHY = { planDigest: 'd', actor: WHO, reason: null, ticket: null };
const PLAN = emptyPlan('shop');
export const BEGIN = {
  type: 'begin',
  format: 1,
  apply: APPLY,
  lineage: 'l',
  serial: 0,
  plan: PLAN,
  ...WHY,
} as const;
export const END = { type: 'end', outcome: 'done' } as const;
export const ENTRY: HistoryEntry = {
  format: 1,
  entry: 1,
  previous: null,
  kind: 'apply',
  apply: APPLY,
  startedAt: NOW,
  endedAt: NOW,
  outcome: 'done',
  continued: [],
  versions: {},
  steps: [],
  ...WHY,
};

/** Writes one such apply into a record, as its first. */
export async function recordOneApply(record: StackRecord): Promise<void> {
  const held = await claimed(record);
  const journal = await held.begin(BEGIN, () => NOW);
  await journal.append(END);
  await held.finish(journal, ENTRY);
  await held.release();
}
