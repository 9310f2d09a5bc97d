import type { Instant } from '../model/address.ts';
import type { StatusRow } from '../model/status.ts';
import { attentionOf } from '../model/status.ts';
import { countText, versionText } from './cause-text.ts';
import { ageText, dayText, distanceText, momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { shortNames } from './short-name.ts';
import { attentionRemarks, quietRemarks } from './status-remarks.ts';
import type { Cell, Ledger } from './table.ts';
import { hang, ledger, ledgerWidth } from './table.ts';

/** A page and the time that ages are told from. */
export interface StatusPage extends Page {
  readonly now: Instant;
}

const HEAD = ['SECRET', 'VERSION', 'AGE', 'NEXT DUE', 'WAY BACK', 'IN STEP'];

/**
 * One line a secret, in the order of the rows, which is that of `byAttention`: first what needs attention, each
 * with what a person may have to act upon right under it; then the others; the counts last. Where lines are too
 * short for it, the cadence is left out. No newline at the end.
 */
export function renderStatus(rows: readonly StatusRow[], page: StatusPage): string {
  if (rows.length === 0) return 'No secret is declared.';
  const { head, rows: lines } = tableOf(rows, page);
  const block = (wanted: boolean): string[] =>
    rows.flatMap((row, index) => {
      if ((attentionOf(row) !== null) !== wanted) return [];
      return [...(lines[index] ?? []), ...(wanted ? attentionRemarks : quietRemarks)(row, page)];
    });
  const attention = block(true);
  const others = block(false);
  const needing = rows.filter((row) => attentionOf(row) !== null).length;
  const words = `${needing} of ${countText(rows.length, 'secret')} ${needing === 1 ? 'needs' : 'need'} attention`;
  const parts = [
    ...(needing === 0 ? [] : [[page.paint('bold', words), ...head, ...attention]]),
    ...(others.length === 0
      ? []
      : [[...(needing === 0 ? [] : [page.paint('bold', 'The others')]), ...head, ...others]]),
    [...frozen(rows, page), ...hang('', totals(rows), page)],
  ];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

/** The rows as stable JSON, each with why it needs attention, in their order; and how many are what. */
export function statusJson(rows: readonly StatusRow[]): object {
  const secrets = rows.map((row) => ({ ...row, attention: attentionOf(row) }));
  return { format_version: '1.0', secrets, counts: countsOf(rows) };
}

function countsOf(rows: readonly StatusRow[]) {
  const of = (holds: (row: StatusRow) => boolean): number => rows.filter(holds).length;
  return {
    secrets: rows.length,
    attention: of((row) => attentionOf(row) !== null),
    vault: of((row) => row.vault !== 'ok'),
    due: of((row) => row.due === 'due' || row.due === 'overdue'),
    overdue: of((row) => row.due === 'overdue'),
    held: of((row) => row.held !== null),
    awaiting: of((row) => row.awaiting),
    parked: new Set(rows.flatMap(parkedOf)).size,
    out_of_step: of((row) => row.consumers.some((consumer) => !consumer.inStep)),
    soaking: of((row) => row.soakUntil !== null),
    way_back_gone: of((row) => row.wayBackGone !== null),
    retiring: rows.reduce((total, row) => total + row.retiring.length, 0),
    settling: new Set(rows.flatMap(settlingOf)).size,
    frozen: of((row) => row.frozen !== null),
  };
}

function settlingOf({ consumers }: StatusRow): string[] {
  return consumers.flatMap(({ address, settleAfter }) => (settleAfter === null ? [] : [address]));
}

function parkedOf({ consumers }: StatusRow): string[] {
  return consumers.flatMap(({ address, parked }) => (parked === null ? [] : [address]));
}

function totals(rows: readonly StatusRow[]): string {
  const counts = countsOf(rows);
  const late = counts.overdue === 0 ? '' : ` (${counts.overdue} overdue)`;
  return [
    countText(counts.secrets, 'secret'),
    `${counts.attention} ${counts.attention === 1 ? 'needs' : 'need'} attention`,
    `${counts.due} due${late}`,
    `${counts.held} held`,
    `${counts.awaiting} awaiting a value`,
    ...(counts.parked === 0 ? [] : [`${countText(counts.parked, 'consumer')} parked`]),
    `${counts.out_of_step} out of step`,
    ...(counts.retiring === 0 ? [] : [`${countText(counts.retiring, 'version')} retiring`]),
    ...(counts.vault === 0 ? [] : [countText(counts.vault, 'vault problem')]),
    ...(counts.soaking === 0 ? [] : [`${counts.soaking} soaking`]),
    ...(counts.settling === 0 ? [] : [`${countText(counts.settling, 'consumer')} to settle`]),
  ].join(', ');
}

/** One line a freeze that holds something now. */
function frozen(rows: readonly StatusRow[], page: StatusPage): string[] {
  const frosts = new Map(rows.flatMap(({ frozen: frost }) => (frost === null ? [] : [[frost.path, frost]])));
  return [...frosts.values()].flatMap(({ path, until, reason }) => {
    const count = rows.filter((row) => row.frozen?.path === path).length;
    const date = `${momentText(until)} (${distanceText(until, page.now)})`;
    const why = reason === null ? '' : `, ${reason}`;
    return hang('', `Frozen until ${date}: ${countText(count, 'secret')}${why}`, page, { text: 'cyan' });
  });
}

function tableOf(rows: readonly StatusRow[], page: StatusPage): Ledger {
  const names = shortNames(rows.map(({ address }) => address));
  const cells = rows.map((row) => cellsOf(row, names.get(row.address) ?? row.name, page.now));
  const withCadence = rows.map((row, index) => [...(cells[index] ?? []), row.cadence]);
  const full = [...HEAD, 'CADENCE'];
  if (ledgerWidth(withCadence, full) <= page.width) return ledger(withCadence, page, full);
  return ledger(cells, page, HEAD);
}

function cellsOf(row: StatusRow, name: string, now: Instant): Cell[] {
  const inStep = row.consumers.filter((consumer) => consumer.inStep).length;
  const all = row.consumers.length;
  return [
    attentionOf(row) === null ? name : { text: name, style: 'bold' },
    versionText(row.current),
    row.rotatedAt === null ? '-' : ageText(row.rotatedAt, now),
    dueCell(row, now),
    soakCell(row, now),
    all === 0 ? '-' : { text: `${inStep}/${all}`, style: inStep === all ? 'green' : 'red' },
  ];
}

function dueCell(row: StatusRow, now: Instant): Cell {
  switch (row.due) {
    case 'due':
      return { text: row.opens === null ? 'due now' : 'due, waits', style: 'yellow' };
    case 'overdue':
      return { text: `overdue ${ageText(row.overdueAt ?? now, now)}`, style: 'red' };
    case 'no':
      return row.nextDue === null ? '-' : dayText(row.nextDue);
    case 'never':
      return 'no date';
  }
}

/** The prior version, and for how long it is the way back. */
function soakCell(row: StatusRow, now: Instant): Cell {
  if (row.prior === null || row.soakUntil === null) return '-';
  if (row.wayBackGone !== null) return { text: `${versionText(row.prior)} gone`, style: 'red' };
  if (row.soakUntil <= now) return `${versionText(row.prior)} ended`;
  return { text: `${versionText(row.prior)} for ${ageText(now, row.soakUntil)}`, style: 'cyan' };
}
