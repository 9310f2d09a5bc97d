import { stackReport } from '../../src/audit/report.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { StackReport } from '../../src/model/report.ts';
import { makeStatus } from '../../src/plan/status.ts';
import type { Decade } from './years.ts';

/** What an auditor is told of all these years; nobody looks at vault and swarm, and the history is not verified. */
export async function reportOn({ declared, era }: Decade): Promise<StackReport> {
  const recorded = await era.record.read();
  const entries: HistoryEntry[] = [];
  for (let entry = 1; entry <= (recorded.head?.entry ?? 0); entry += 1) {
    entries.push(await era.record.history.show(entry));
  }
  const now = new Date(era.time).toISOString().replace(/\.\d+Z$/, 'Z');
  return stackReport({
    declared,
    status: makeStatus({ declared, recorded, observed: { at: now, vaults: {}, platforms: {} }, now }),
    recorded,
    entries,
    verification: {
      stack: declared.stack,
      entries: entries.length,
      head: recorded.head,
      findings: [],
      witnesses: [],
    },
    period: { from: '2026-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z', now },
  });
}
