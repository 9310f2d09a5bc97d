import type { ReportInput } from '../../src/audit/report.ts';
import { stackReport } from '../../src/audit/report.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { StackReport } from '../../src/model/report.ts';
import type { Verification } from '../../src/model/verification.ts';
import { makeStatus } from '../../src/plan/status.ts';
import type { World } from '../support/world.ts';

/** For tests that are about something else. */
export function unverified(stack: string): Verification {
  return { stack, entries: 0, head: null, findings: [], witnesses: [] };
}

/** What a report of this world's stack is made from. The period is all time unless said. */
export async function inputOf(world: World, given: Partial<ReportInput> = {}): Promise<ReportInput> {
  const [observed, recorded] = [await world.observe(), await world.record.read()];
  const { declared, now } = world;
  return {
    declared,
    status: makeStatus({ declared, observed, recorded, now }),
    recorded,
    entries: await wholeHistory(world),
    verification: unverified(declared.stack),
    period: { from: '2026-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z', now },
    ...given,
  };
}

export async function reportOn(world: World, given: Partial<ReportInput> = {}): Promise<StackReport> {
  return stackReport(await inputOf(world, given));
}

/** Oldest first. */
async function wholeHistory({ record }: World): Promise<HistoryEntry[]> {
  return Promise.all((await record.history.numbers()).map((number) => record.history.show(number)));
}
