import type { Instant, SecretAddress } from '../model/address.ts';
import { homeOf, nameOf } from '../model/address.ts';
import type { AuditRow } from '../model/audit-row.ts';
import type { HistoryEntry, VaultWrite } from '../model/journal.ts';
import { ANCHOR } from '../model/seal.ts';
import type { AuditComparison, Finding } from '../model/verification.ts';

export interface AuditLogInput {
  readonly file: string;
  readonly rows: readonly AuditRow[];
  readonly entries: readonly HistoryEntry[];
  /** Name of each vault of the stack → host name, in lower case. */
  readonly hosts: ReadonlyMap<string, string>;
}

/** Clocks of the vault and of the machine that applied differ, and a row is written when the request has ended. */
const SLACK_MS = 5 * 60_000;

/**
 * Compares the vault's own log, which whoever applies cannot write, with the entries. A row that no entry explains is a
 * change that the history does not tell; a write that an entry tells and the log does not is one that did not happen.
 *
 * A row is explained by the vault's id of the version, or, where the answer was lost and the entry could not name it,
 * by an apply that changed that secret at that time. Only secrets that the history is about are looked at, in the time
 * that the log covers.
 */
export function compareAuditLog(input: AuditLogInput): {
  readonly comparison: AuditComparison;
  readonly findings: readonly Finding[];
} {
  const { file, entries } = input;
  const rows = rowsOfStack(input);
  const writes = entries.flatMap((entry) =>
    (entry.writes ?? []).map((write) => ({ ...write, entry: entry.entry })),
  );
  const named = new Set(writes.map(({ secret, storeId }) => `${secret} ${storeId}`));
  const counts = { named: 0, byTime: 0 };
  const findings: Finding[] = [];
  for (const row of rows) {
    if (row.storeId !== null && named.has(`${row.secret} ${row.storeId}`)) counts.named += 1;
    else if (entries.some((entry) => mayHaveDone(entry, row))) counts.byTime += 1;
    else findings.push(unexplained(row));
  }
  const [from, to] = [input.rows[0]?.at ?? null, input.rows.at(-1)?.at ?? null];
  findings.push(...unwitnessed(writes, rows, from, to));
  return { comparison: { file, rows: rows.length, ...counts, from, to }, findings };
}

type OwnRow = Pick<AuditRow, 'at' | 'act' | 'storeId'> & { readonly secret: SecretAddress };

/** Rows of the secrets that any entry is about. */
function rowsOfStack({ rows, entries, hosts }: AuditLogInput): OwnRow[] {
  const addresses = new Set(entries.flatMap(({ versions }) => Object.keys(versions) as SecretAddress[]));
  const byPlace = new Map<string, SecretAddress>();
  for (const address of addresses) {
    const host = hosts.get(homeOf(address));
    if (host !== undefined) byPlace.set(`${host} ${nameOf(address).toLowerCase()}`, address);
  }
  return rows.flatMap(({ host, secret, ...row }) => {
    const address = byPlace.get(`${host} ${secret.toLowerCase()}`);
    return address === undefined || secret === ANCHOR ? [] : [{ ...row, secret: address }];
  });
}

/** Whether an apply under way at that time changed that secret. */
function mayHaveDone({ startedAt, endedAt, steps }: HistoryEntry, { at, secret }: OwnRow): boolean {
  const time = Date.parse(at);
  if (time < Date.parse(startedAt) - SLACK_MS || time > Date.parse(endedAt) + SLACK_MS) return false;
  const isChange = ['mint', 'restore', 'retire'];
  return steps.some(
    (step) => step.address === secret && step.status !== 'skipped' && isChange.includes(step.kind),
  );
}

function unexplained({ at, act, secret, storeId }: OwnRow): Finding {
  const what = act === 'set' ? 'a version was written' : 'a version was changed';
  const which = storeId === null ? '' : ` (${storeId})`;
  return {
    kind: 'unexplained',
    entry: null,
    text: `${secret}: ${what} at ${at}${which}, and no entry says so`,
  };
}

/** Writes that the log must have and has not. Only where it covers their time, with room for what it lags behind. */
function unwitnessed(
  writes: readonly (VaultWrite & { readonly entry: number })[],
  rows: readonly OwnRow[],
  from: Instant | null,
  to: Instant | null,
): Finding[] {
  if (from === null || to === null) return [];
  const seen = new Set(rows.map(({ secret, storeId }) => `${secret} ${storeId ?? ''}`));
  const covers = (at: Instant): boolean =>
    Date.parse(at) - SLACK_MS >= Date.parse(from) && Date.parse(at) + SLACK_MS <= Date.parse(to);
  return writes
    .filter(
      ({ act, at, secret, storeId }) => act === 'set' && covers(at) && !seen.has(`${secret} ${storeId}`),
    )
    .map(({ entry, secret, storeId, at }) => ({
      kind: 'unwitnessed' as const,
      entry,
      text: `entry ${entry} says that ${storeId} of ${secret} was written at ${at}, and the vault's log does not`,
    }));
}
