import { describe, expect, it } from 'vitest';
import { compareAuditLog } from '../../src/audit/audit-log.ts';
import type { AuditRow } from '../../src/model/audit-row.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import { parseAuditLog } from '../../src/record/audit-log-file.ts';
import { entryOf } from './a-history.ts';

const HOST = 'shop-prod.vault.azure.net';
const DB = 'vault://shop-prod/db' as const;
const HOSTS = new Map([['shop-prod', HOST]]);
const START = '2026-01-06T03:00:00Z';

/** The first entry, which wrote this version. */
function wrote(storeId: string): HistoryEntry {
  return { ...entryOf(1, null), writes: [{ secret: DB, storeId, act: 'set', at: START }] };
}

function row(at: string, storeId: string | null, of: Partial<AuditRow> = {}): AuditRow {
  return { at, act: 'set', host: HOST, secret: 'db', storeId, ...of };
}

/** Rows long before and after, so that the log covers all that is between. */
const AROUND = [
  row('2026-01-01T00:00:00Z', 'x', { secret: 'another' }),
  row('2026-02-01T00:00:00Z', 'y', { secret: 'another' }),
];

function compare(entries: readonly HistoryEntry[], rows: readonly AuditRow[]) {
  const all = [...AROUND, ...rows].sort((a, b) => (a.at < b.at ? -1 : 1));
  return compareAuditLog({ file: 'log.json', rows: all, entries, hosts: HOSTS });
}

describe("the vault's own log", () => {
  it('is explained by entries that name its versions', () => {
    const { comparison, findings } = compare([wrote('s1')], [row(START, 's1')]);
    expect(findings).toEqual([]);
    expect(comparison).toMatchObject({ rows: 1, named: 1, byTime: 0 });
  });

  it('is explained by an apply that changed the secret then, where an answer was lost', () => {
    const { comparison, findings } = compare(
      [wrote('s1')],
      [row(START, 's1'), row('2026-01-06T03:01:00Z', 's2')],
    );
    expect(findings).toEqual([]);
    expect(comparison).toMatchObject({ named: 1, byTime: 1 });
  });

  it('finds a change that no entry tells', () => {
    const { findings } = compare([wrote('s1')], [row(START, 's1'), row('2026-01-20T12:00:00Z', 's9')]);
    expect(findings).toEqual([
      {
        kind: 'unexplained',
        entry: null,
        text: `${DB}: a version was written at 2026-01-20T12:00:00Z (s9), and no entry says so`,
      },
    ]);
  });

  it('finds a write that an entry tells and that never was', () => {
    const { findings } = compare([wrote('s1')], []);
    expect(findings).toMatchObject([{ kind: 'unwitnessed', entry: 1 }]);
    expect(findings[0]?.text).toContain('s1 of vault://shop-prod/db');
  });

  it('is not asked for what it does not cover, nor for what the history is not about', () => {
    const alone = compareAuditLog({
      file: 'log.json',
      rows: [row('2026-01-20T00:00:00Z', 'x', { secret: 'another' })],
      entries: [wrote('s1')],
      hosts: HOSTS,
    });
    expect(alone.findings).toEqual([]);
    expect(alone.comparison.rows).toBe(0);
  });
});

describe('a file of that log', () => {
  const record = (
    operationName: string,
    id: string,
    httpStatusCode: number,
    time = '2026-01-06T03:00:00.5Z',
  ) => ({
    time,
    category: 'AuditEvent',
    operationName,
    properties: { id, requestUri: `${id}?api-version=7.5`, httpStatusCode },
  });
  const ID = `https://${HOST}/secrets/db/s1`;

  it('is read as Azure writes it into a storage account, a record a line', () => {
    const lines = [
      record('SecretUpdate', ID, 200, '2026-01-07T03:00:00Z'),
      record('SecretSet', ID, 200),
      record('SecretGet', ID, 200),
      record('SecretSet', ID, 403),
    ];
    const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
    expect(parseAuditLog(text, 'log.json')).toEqual([
      row('2026-01-06T03:00:00Z', 's1'),
      row('2026-01-07T03:00:00Z', 's1', { act: 'update' }),
    ]);
    expect(parseAuditLog(JSON.stringify({ records: lines }), 'log.json')).toHaveLength(2);
  });

  it('is read as Log Analytics exports its two tables', () => {
    const rows = [
      { TimeGenerated: START, OperationName: 'SecretSet', HttpStatusCode: 200, Id: ID, RequestUri: ID },
      { TimeGenerated: START, OperationName: 'SecretUpdate', httpStatusCode_d: 200, id_s: ID },
    ];
    expect(parseAuditLog(JSON.stringify(rows), 'log.json').map(({ act }) => act)).toEqual(['set', 'update']);
  });

  it('that is something else is refused, and nothing is made of it', () => {
    expect(() => parseAuditLog('time,operation\n', 'log.csv')).toThrow('line 1 is no JSON');
    expect(() => parseAuditLog('', 'log.json')).toThrow('the file is empty');
    expect(parseAuditLog('[{"kind": "something else"}]', 'log.json')).toEqual([]);
  });
});
