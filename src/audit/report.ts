import type { Declared, DeclaredSecret } from '../model/declared.ts';
import type { HistoryEntry } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import type { InventoryRow, StackReport } from '../model/report.ts';
import type { StatusRow } from '../model/status.ts';
import type { Verification } from '../model/verification.ts';
import { complianceOf } from './compliance.ts';
import { livesOf, NO_LIFE } from './lives.ts';
import type { Period } from './period.ts';
import { isWithin } from './period.ts';
import { reportedEntry } from './reported-entries.ts';
import { timelineOf } from './timelines.ts';

/** Everything that the report of one stack is made from. */
export interface ReportInput {
  readonly declared: Declared;
  /** One row a declared secret, in the order of the inventory. */
  readonly status: readonly StatusRow[];
  readonly recorded: Recorded;
  /** The whole history, oldest first: a period is judged from what came before it. */
  readonly entries: readonly HistoryEntry[];
  readonly verification: Verification;
  readonly period: Period;
}

/** The report of one stack. Pure: the same input gives the same report, and nothing of it is changed. */
export function stackReport(input: ReportInput): StackReport {
  const { declared, status, recorded, entries, verification, period } = input;
  const lives = livesOf(recorded, entries);
  const secrets = new Map(declared.secrets.map((secret) => [secret.address, secret]));
  return {
    stack: declared.stack,
    inventory: status.map((row) => inventoryRow(row, secrets.get(row.address))),
    compliance: complianceOf(declared, lives, entries, period),
    timelines: status.map(({ address }) => timelineOf(address, lives.get(address) ?? NO_LIFE)),
    access: declared.access ?? [],
    entries: entries.filter(({ endedAt }) => isWithin(period, endedAt)).map(reportedEntry),
    verification,
  };
}

function inventoryRow(status: StatusRow, secret: DeclaredSecret | undefined): InventoryRow {
  return {
    status,
    owner: secret?.owner ?? null,
    environment: secret?.environment ?? null,
    classification: secret?.classification ?? null,
    description: secret?.description ?? null,
  };
}
