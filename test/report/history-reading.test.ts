import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { differenceBetween } from '../../src/audit/difference.ts';
import { lifeOf } from '../../src/audit/life.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import { renderHistoryDiff } from '../../src/report/history-diff.ts';
import { exportCsv, exportJson } from '../../src/report/history-export.ts';
import { renderLife } from '../../src/report/history-life.ts';
import { renderHistoryEntry, renderHistoryList, renderNoMatch } from '../../src/report/history-text.ts';
import { chained, longHistory, secretNumber } from '../support/long-history.ts';
import { api, page, reader, writer } from './fixture.ts';
import { failure, refused, success } from './record-fixture.ts';

const reads = (before: number, after: number): NonNullable<HistoryEntry['consumers']> => ({
  [api]: {
    busflow_db_writer: { secret: writer, before, after },
    busflow_db_reader: { secret: reader, before, after },
  },
});
const entries = chained([
  success,
  { ...failure, versions: { [writer]: { before: 4, after: 4 }, [reader]: { before: 4, after: 4 } } },
  { ...success, versions: { [writer]: { before: 4, after: 5 } }, consumers: reads(4, 5) },
]);
const difference = differenceBetween(
  entries,
  { entry: 1, endedAt: success.endedAt },
  { entry: 3, endedAt: success.endedAt },
);

describe('the difference between two points as text', () => {
  it.each([80, 120])('is as its golden file at %i columns', async (width) => {
    const text = renderHistoryDiff(difference, page(width));
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/history-diff-${width}.txt`);
  });

  it('differs with colour in nothing but escape codes', () => {
    const coloured = renderHistoryDiff(difference, page(80, true));
    expect(coloured).not.toBe(renderHistoryDiff(difference, page(80)));
    expect(stripVTControlCharacters(coloured)).toBe(renderHistoryDiff(difference, page(80)));
  });

  it('says that there is none, and whether something moved and came back', () => {
    const none = { ...difference, secrets: [], consumers: [] };
    const text = (so: typeof difference): string => renderHistoryDiff(so, page(200));
    expect(text({ ...none, changes: [] })).toMatch(
      /^No difference: .*; 2 entries, none of which moved anything\.$/,
    );
    expect(text(none)).toMatch(/2 entries, of which 1 moved something, and back\.$/);
    expect(text({ ...none, entries: 0, changes: [] })).toMatch(/there is no entry between them\.$/);
  });

  it('says where an entry found what no entry had left', () => {
    const gap = { entry: 3, secret: writer, left: 4, found: 2 };
    expect(renderHistoryDiff({ ...difference, gaps: [gap] }, page(120))).toMatch(
      /No entry says why\n {2}! entry 3 found db-writer at v2, which was left at v4$/,
    );
  });

  it('shows what is in no entry of the first point as a new document', () => {
    const first = differenceBetween(entries.slice(0, 1), { entry: 0, endedAt: null }, difference.from);
    expect(
      renderHistoryDiff({ ...first, secrets: [{ secret: writer, before: null, after: 4 }] }, page(80)),
    ).toContain(
      `--- /dev/null\tbefore the first entry\n+++ ${writer}\tentry 1, 2026-11-22 03:13Z\n@@ -0,0 +1 @@\n+current v4`,
    );
  });
});

describe('the life of a secret as text', () => {
  it.each([80, 120])('is as its golden file at %i columns', async (width) => {
    const life = lifeOf(secretNumber(1), longHistory(9, 3), null);
    await expect(`${renderLife(life, page(width))}\n`).toMatchFileSnapshot(
      `golden/history-life-${width}.txt`,
    );
  });

  it('says so where the entries do not say when', () => {
    const life = lifeOf(writer, [failure], null);
    expect(renderLife(life, page(120))).toContain('by 2026-11-22 03:13Z');
    expect(renderLife(life, page(120))).toContain('that is when it ended');
  });
});

describe('entries that no apply wrote', () => {
  const bare = { ...success, versions: {}, steps: [], planDigest: null, reason: null, ticket: null };
  const attempt = { tried: 'keyturn rollback db-writer', fault: refused };
  const odd: HistoryEntry[] = [
    {
      ...bare,
      entry: 1,
      kind: 'migrate',
      versions: { [writer]: { before: 4, after: 4 } },
      notes: ['from a to b'],
    },
    { ...bare, entry: 2, kind: 'rebuild', versions: { [writer]: { before: null, after: 4 } } },
    { ...bare, entry: 3, kind: 'unlock' },
    { ...bare, entry: 4, kind: 'refused', outcome: 'failed', refusal: attempt },
  ];

  it.each([80, 120])('are listed as their golden file at %i columns', async (width) => {
    const text = renderHistoryList(odd, page(width));
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/history-odd-${width}.txt`);
  });

  it('are shown with what they are about, and without what they have not', async () => {
    const text = odd.map((entry) => renderHistoryEntry(entry, page(100))).join('\n\n');
    await expect(`${text}\n`).toMatchFileSnapshot('golden/entry-odd.txt');
  });
});

describe('a list of nothing', () => {
  it('says what was asked for, and which names are like it', () => {
    expect(renderNoMatch({ secret: 'db-writr', outcome: 'done' }, [writer], page(120))).toBe(
      `No entry matches --secret db-writr --outcome done.\nOn record are ${writer}.`,
    );
  });
});

describe('an export', () => {
  const stacks = [
    { stack: 'busflow', entries: entries.map((entry) => ({ digest: `d${entry.entry}`, entry })) },
  ];

  it('as JSON is one document that holds each entry as it was written', () => {
    expect(JSON.parse(exportJson(stacks, false))).toMatchObject({ format: 1, hasPseudonyms: false, stacks });
    expect(JSON.parse(exportJson([], true))).toMatchObject({ hasPseudonyms: true, stacks: [] });
  });

  it('as CSV has a row a step, and one for an entry without steps', () => {
    const none = [{ digest: 'd', entry: { ...success, steps: [] } }];
    const lines = exportCsv([...stacks, { stack: 'other', entries: none }], false)
      .trimEnd()
      .split('\r\n');
    const steps = entries.flatMap((entry) => entry.steps).length;
    expect(lines).toHaveLength(1 + steps + 1);
    expect(lines[1]).toMatch(
      /^busflow,1,apply,done,.*,g1\.1,mint,vault:\/\/busflow-prod\/db-writer,done,420,,as written$/,
    );
    expect(lines.at(-1)).toMatch(/^other,42,apply,done,.*,,,,,,,as written$/);
  });

  it('as CSV runs no formula that somebody gave as a reason', () => {
    const reason = '=HYPERLINK("https://evil.example","x")';
    const rows = exportCsv(
      [{ stack: 's', entries: [{ digest: 'd', entry: { ...success, reason } }] }],
      false,
    );
    expect(rows).toContain(`"'=HYPERLINK(""https://evil.example"",""x"")"`);
  });
});
