import { describe, expect, it } from 'vitest';
import { reportCsv, TABLES } from '../../src/report/report-csv.ts';
import { aReport } from './a-report.ts';

const report = aReport({ secrets: 10 });

/** Rows of cells; the texts of these tests hold no line break. */
function cells(name: (typeof TABLES)[number]): string[][] {
  const lines = reportCsv(report, name).split('\r\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
    ),
  );
}

function column(name: (typeof TABLES)[number], title: string): string[] {
  const [head = [], ...rows] = cells(name);
  expect(head).toContain(title);
  return rows.map((row) => row[head.indexOf(title)] ?? '');
}

describe('a report as CSV', () => {
  it.each(TABLES)('has a head and as many cells in each row: %s', (name) => {
    const [head = [], ...rows] = cells(name);
    expect(head[0]).toBe('stack');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every((row) => row.length === head.length)).toBe(true);
  });

  it('has a row a secret, a version, a right, an entry and a step, over all stacks', () => {
    const count = (of: (stack: (typeof report.stacks)[number]) => readonly unknown[]): number =>
      report.stacks.flatMap(of).length;
    expect(column('inventory', 'secret')).toHaveLength(count(({ inventory }) => inventory));
    expect(column('timeline', 'version')).toHaveLength(
      count(({ timelines }) => timelines.flatMap(({ spans }) => spans)),
    );
    expect(column('access', 'role')).toHaveLength(count(({ access }) => access));
    expect(column('entries', 'who')).toHaveLength(count(({ entries }) => entries));
    expect(column('evidence', 'proof')).toHaveLength(
      count(({ entries }) => entries.flatMap(({ evidence }) => evidence)),
    );
    expect(column('compliance', 'on_time').map(Number)).toEqual(
      report.stacks.map(({ compliance }) => compliance.onTime),
    );
  });

  it('leaves the rights of a role that nobody knows empty, because it may have any', () => {
    const stacks = report.stacks.map((stack) => ({
      ...stack,
      access: stack.access.map((each) =>
        each.can.length === 0 ? { ...each, unknown: true as const } : each,
      ),
    }));
    const text = reportCsv({ ...report, stacks }, 'access');
    expect(text).toMatch(/,Vault Auditors <in-house>,,,,,,/);
    expect(text).toMatch(/,Owner,false,false,false,false,true,/);
  });

  it('holds a text that looks like a formula as text', () => {
    expect(column('inventory', 'description').filter((text) => text.startsWith('='))).toEqual([]);
    expect(column('inventory', 'description').some((text) => text.startsWith("'=HYPERLINK"))).toBe(true);
  });
});
