import type { Instant } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { StatusConsumer, StatusRow } from '../model/status.ts';
import { countText, versionText } from './cause-text.ts';
import { ageText, dayText, distanceText, momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import type { Cell } from './table.ts';
import { columns, hang } from './table.ts';

/** A page and the time that ages are told from. */
export interface StatusPage extends Page {
  readonly now: Instant;
}

/**
 * One row a secret, and under the table, by address, everything that a person may have to act upon: held,
 * awaiting a value, out of step, not observed, soaking, pinned. No newline at the end.
 */
export function renderStatus(rows: readonly StatusRow[], page: StatusPage): string {
  if (rows.length === 0) return 'No secret is declared.';
  const head = ['SECRET', 'VERSION', 'AGE', 'NEXT DUE', 'CADENCE', 'CONSUMERS'];
  const table = columns(
    rows.map((row) => cellsOf(row, page.now)),
    page,
    { head },
  );
  const remarks = rows.map((row) => remarksOf(row, page)).filter((lines) => lines.length > 0);
  return [...table, ...remarks.flatMap((lines) => ['', ...lines]), '', totals(rows)].join('\n');
}

/** The rows as stable JSON: `secrets[]` as they are, `due`, `held`, `awaiting` and `out_of_step` as counts. */
export function statusJson(rows: readonly StatusRow[]): object {
  return { format_version: '1.0', secrets: rows, counts: countsOf(rows) };
}

function countsOf(
  rows: readonly StatusRow[],
): Record<'secrets' | 'due' | 'held' | 'awaiting' | 'out_of_step', number> {
  const of = (holds: (row: StatusRow) => boolean): number => rows.filter(holds).length;
  return {
    secrets: rows.length,
    due: of((row) => row.due === 'due' || row.due === 'overdue'),
    held: of((row) => row.held !== null),
    awaiting: of((row) => row.awaiting),
    out_of_step: of((row) => row.consumers.some((consumer) => !consumer.inStep)),
  };
}

function totals(rows: readonly StatusRow[]): string {
  const counts = countsOf(rows);
  return [
    countText(counts.secrets, 'secret'),
    `${counts.due} due`,
    `${counts.held} held`,
    `${counts.awaiting} awaiting a value`,
    `${counts.out_of_step} out of step`,
  ].join(', ');
}

function cellsOf(row: StatusRow, now: Instant): Cell[] {
  const inStep = row.consumers.filter((consumer) => consumer.inStep).length;
  const all = row.consumers.length;
  return [
    row.name,
    versionText(row.current),
    row.rotatedAt === null ? '-' : ageText(row.rotatedAt, now),
    dueCell(row),
    row.cadence,
    all === 0 ? 'none' : { text: `${inStep}/${all} in step`, style: inStep === all ? 'green' : 'red' },
  ];
}

function dueCell(row: StatusRow): Cell {
  switch (row.due) {
    case 'due':
      return { text: 'due now', style: 'yellow' };
    case 'overdue':
      return { text: 'overdue', style: 'red' };
    case 'no':
      return row.nextDue === null ? '-' : dayText(row.nextDue);
    case 'never':
      return 'no date';
  }
}

function remarksOf(row: StatusRow, page: StatusPage): string[] {
  const remark = (label: string, text: string, style: Style): string[] =>
    hang(`  ${label}: `, text, page, { lead: style });
  const date = (instant: Instant): string => `${momentText(instant)} (${distanceText(instant, page.now)})`;
  const lines = [
    ...(row.vault === 'ok' ? [] : remark('vault', VAULTS[row.vault], 'red')),
    ...(row.held === null ? [] : remark('held', row.held, 'red')),
    ...(row.awaiting
      ? remark('awaiting', `a person's value: \`keyturn apply --value ${row.address}=-\``, 'yellow')
      : []),
    ...row.consumers
      .filter((each) => !each.inStep)
      .flatMap((each) => remark('out of step', outOfStep(each), 'red')),
    ...(row.soakUntil === null
      ? []
      : remark('soak', `${versionText(row.prior)} is the way back until ${date(row.soakUntil)}`, 'cyan')),
    ...row.pinned.flatMap((pin) => remark('pinned', pin, 'cyan')),
    ...(row.note === null ? [] : remark('note', row.note, 'cyan')),
  ];
  return lines.length === 0 ? [] : [...hang('', row.address, page, { text: 'bold' }), ...lines];
}

const VAULTS: Readonly<Record<Exclude<StatusRow['vault'], 'ok'>, string>> = {
  'unknown': 'could not be observed: what is said here is the record',
  'absent': 'holds no such secret',
  'disabled': 'its newest version is disabled',
  'not-ours': 'its newest version was not made by keyturn',
};

function outOfStep(consumer: StatusConsumer): string {
  const reads = consumer.reads === null ? 'nothing that is known' : versionText(consumer.reads);
  return `${nameOf(consumer.address)} reads ${reads} (${consumer.address})`;
}
