import { describe, expect, it } from 'vitest';
import type { StatusRow } from '../../src/model/status.ts';
import { renderStatus, statusJson } from '../../src/report/status-text.ts';
import { attentionOf } from '../../src/model/status.ts';
import { api, cache, page, reader, worker, writer } from './fixture.ts';
import { manySecrets } from './many-secrets.ts';

const calm: StatusRow = {
  address: writer,
  path: 'busflow/db-writer',
  name: 'db-writer',
  current: 4,
  prior: 3,
  rotatedAt: '2026-11-20T03:13:00Z',
  cadence: 'quarterly on the first monday, 03:00 Europe/Berlin',
  windows: [],
  nextDue: '2027-01-04T02:00:00Z',
  due: 'no',
  opens: null,
  waitsFor: null,
  overdueAt: '2027-01-05T02:00:00Z',
  frozen: null,
  soakUntil: '2026-11-25T03:13:20Z',
  wayBackGone: null,
  consumers: [{ address: api, reads: 4, inStep: true, settleAfter: '2026-11-25T03:13:20Z', parked: null }],
  held: null,
  letsGo: null,
  awaiting: false,
  retiring: [],
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
    nextDue: '2026-10-05T02:00:00Z',
    overdueAt: '2026-10-06T02:00:00Z',
    soakUntil: null,
    held: 'busflow_api did not become healthy on v5',
    letsGo: `when the reason is mended: \`keyturn apply --rotate ${reader}\``,
    consumers: [
      { address: api, reads: 4, inStep: true, settleAfter: '2026-11-25T03:13:20Z', parked: null },
      { address: worker, reads: 3, inStep: false, settleAfter: null, parked: null },
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

  it.each([80, 120])('of 200 secrets reads as its golden file at %i columns', async (width) => {
    const text = `${renderStatus(manySecrets, page(width))}\n`;
    await expect(text).toMatchFileSnapshot(`golden/status-200-${width}.txt`);
  });

  it.each([80, 120])(
    'of 200 secrets shows each on one line, first those that need attention, at %i',
    (width) => {
      const lines = renderStatus(manySecrets, page(width)).split('\n');
      expect(lines.filter((line) => line.length > width)).toEqual([]);
      const names = manySecrets.map(({ name }) => name);
      const shown = lines.map((line) => line.split(' ')[0] ?? '').filter((word) => names.includes(word));
      expect(shown).toEqual(names);
      const needing = manySecrets.filter((row) => attentionOf(row) !== null);
      expect(needing).toHaveLength(6);
      expect(lines.findIndex((line) => line.startsWith(needing.at(-1)?.name ?? '-'))).toBeLessThan(24);
    },
  );

  it.each([40, 50, 60, 72])('never exceeds a page of %i columns', (width) => {
    // Only what must be pasted whole is longer: a command, an address.
    const long = (line: string): boolean => line.length > width && !/`.*`|vault:|swarm:/.test(line);
    expect(renderStatus(rows, page(width)).split('\n').filter(long)).toEqual([]);
  });

  it('gives a name that leaves the others no room a line of its own', () => {
    const name = `${'a-long-name-'.repeat(5)}end`;
    const lines = renderStatus([{ ...calm, name, address: `vault://a/${name}` }, calm], page(80)).split('\n');
    expect(lines.slice(1, 4)).toEqual([
      name,
      expect.stringMatching(/^ +v4 /) as string,
      expect.stringMatching(/^db-writer +v4 /) as string,
    ]);
  });

  it('tells secrets of one name apart by their vaults', () => {
    const text = renderStatus([calm, { ...calm, address: 'vault://staging/db-writer' }], page(120));
    expect(text).toMatch(/^busflow-prod\/db-writer +v4 .*\nstaging\/db-writer +v4 /m);
  });

  it('names the command once where a hold ends with the value that is awaited', () => {
    const command = `\`keyturn apply --value ${writer}=-\``;
    const held: StatusRow = {
      ...calm,
      due: 'due',
      awaiting: true,
      held: 'rolled back by hand',
      letsGo: `when the reason is mended: ${command}`,
    };
    expect(renderStatus([held], page(120)).split(command)).toHaveLength(2);
    const over: StatusRow = {
      ...held,
      letsGo: 'its declaration was changed since: the next apply lets it go',
    };
    expect(renderStatus([over], page(120))).toContain(`awaiting: a person's value: ${command}`);
  });

  it('says until when and why what is due is frozen, when its window opens, and once which freeze holds', () => {
    const frozen = { until: '2027-01-03T23:00:00Z', reason: 'year end', path: 'busflow/year-end' };
    const waitsFor = 'freeze (year end), window';
    const due: StatusRow = {
      ...calm,
      due: 'due',
      waitsFor,
      frozen,
      opens: '2027-01-04T01:00:00Z',
      soakUntil: null,
    };
    const text = renderStatus([due, { ...calm, address: cache, name: 'cache', frozen }], page(100));
    expect(text).toContain('due, waits');
    expect(text).toContain('\n  frozen: until 2027-01-03 23:00Z (in 42 d): year end\n');
    expect(text).toContain('\n  waits: until 2027-01-04 01:00Z (in 42 d): freeze (year end), window\n');
    expect(text).toContain('\nFrozen until 2027-01-03 23:00Z (in 42 d): 2 secrets, year end\n');
    const open = renderStatus([{ ...due, opens: frozen.until }], page(100));
    expect(open).not.toContain('waits:');
  });

  it('says so when nothing is declared', () => {
    expect(renderStatus([], page(80))).toBe('No secret is declared.');
  });
});

describe('the status as JSON', () => {
  it('gives the rows and what a script would count', () => {
    expect(statusJson(rows)).toEqual({
      format_version: '1.0',
      secrets: [
        { ...rows[0], attention: null },
        { ...rows[1], attention: 'out-of-step' },
        { ...rows[2], attention: 'vault' },
      ],
      counts: {
        secrets: 3,
        attention: 2,
        vault: 1,
        due: 1,
        overdue: 1,
        held: 1,
        awaiting: 1,
        parked: 0,
        out_of_step: 1,
        soaking: 1,
        way_back_gone: 0,
        retiring: 0,
        settling: 1,
        frozen: 0,
      },
    });
  });
});
