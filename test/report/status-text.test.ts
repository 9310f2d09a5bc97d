import { describe, expect, it } from 'vitest';
import type { StatusRow } from '../../src/model/status.ts';
import { renderStatus, statusJson } from '../../src/report/status-text.ts';
import { api, cache, page, reader, worker, writer } from './fixture.ts';

const calm: StatusRow = {
  address: writer,
  path: 'busflow/db-writer',
  name: 'db-writer',
  current: 4,
  prior: 3,
  rotatedAt: '2026-11-20T03:13:00Z',
  cadence: 'quarterly on the first monday, 03:00 Europe/Berlin',
  nextDue: '2027-01-04T02:00:00Z',
  due: 'no',
  soakUntil: '2026-11-25T03:13:20Z',
  consumers: [{ address: api, reads: 4, inStep: true }],
  held: null,
  awaiting: false,
  pinned: [],
  vault: 'ok',
  note: null,
};

const rows: readonly StatusRow[] = [
  calm,
  {
    ...calm,
    address: reader,
    name: 'db-reader',
    due: 'overdue',
    soakUntil: null,
    held: 'busflow_api did not become healthy on v5',
    consumers: [
      { address: api, reads: 4, inStep: true },
      { address: worker, reads: 3, inStep: false },
    ],
    pinned: ['swarm://staging/busflow_api pins v3'],
  },
  {
    ...calm,
    address: cache,
    name: 'cache-password',
    current: null,
    prior: null,
    rotatedAt: null,
    cadence: 'on request',
    nextDue: null,
    due: 'never',
    soakUntil: null,
    awaiting: true,
    vault: 'unknown',
    consumers: [],
    note: 'declared yesterday',
  },
];

describe('the status as text', () => {
  it.each([80, 120])('reads as its golden file at %i columns', async (width) => {
    await expect(`${renderStatus(rows, page(width))}\n`).toMatchFileSnapshot(`golden/status-${width}.txt`);
  });

  it('never exceeds the page', () => {
    for (const line of renderStatus(rows, page(72)).split('\n')) expect(line.length).toBeLessThanOrEqual(72);
  });

  it('says so when nothing is declared', () => {
    expect(renderStatus([], page(80))).toBe('No secret is declared.');
  });
});

describe('the status as JSON', () => {
  it('gives the rows and what a script would count', () => {
    expect(statusJson(rows)).toEqual({
      format_version: '1.0',
      secrets: rows,
      counts: { secrets: 3, due: 1, held: 1, awaiting: 1, out_of_step: 1 },
    });
  });
});
