import type { Instant, SecretAddress } from '../model/address.ts';
import type { Actor, ApplyOutcome, HistoryEntry, HistoryStep } from '../model/journal.ts';
import type { Plan } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import type { Work } from './work.ts';

/** What stands around an apply: who, when and why. */
export interface Occasion {
  readonly apply: string;
  readonly startedAt: Instant;
  readonly planDigest: string;
  readonly actor: Actor;
  readonly continued: HistoryEntry['continued'];
  readonly reason: string | null;
  readonly ticket: string | null;
}

/** The history entry of an apply that has ended: every step with how it ended, never a value. */
export function historyEntry(
  work: Work,
  base: Recorded,
  after: Recorded,
  outcome: ApplyOutcome,
  occasion: Occasion,
): HistoryEntry {
  return {
    format: 1,
    entry: (base.head?.entry ?? 0) + 1,
    previous: base.head?.digest ?? null,
    kind: work.plan.kind,
    apply: occasion.apply,
    startedAt: occasion.startedAt,
    endedAt: work.outside.now(),
    actor: occasion.actor,
    continued: occasion.continued,
    reason: occasion.reason,
    ticket: occasion.ticket,
    planDigest: occasion.planDigest,
    outcome,
    versions: versionsBetween(work.plan, base, after),
    steps: [...work.standings.values()].map(({ step, status, elapsedMs, fault, evidence }): HistoryStep => ({
      id: step.id,
      kind: step.kind,
      address: step.address,
      text: step.text,
      status: status === 'waiting' ? 'skipped' : status,
      elapsedMs,
      fault,
      evidence,
    })),
  };
}

function versionsBetween(plan: Plan, base: Recorded, after: Recorded): HistoryEntry['versions'] {
  const secrets = new Set<SecretAddress>(plan.groups.flatMap((group) => group.secrets));
  return Object.fromEntries(
    [...secrets]
      .sort()
      .map((address) => [
        address,
        { before: base.secrets[address]?.current ?? null, after: after.secrets[address]?.current ?? null },
      ]),
  );
}
