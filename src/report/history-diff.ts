import { structuredPatch } from 'diff';
import type { Difference, Change, Point, Reading } from '../model/history.ts';
import { nameOf, spoken } from '../model/address.ts';
import { causeText, countText, moveText, versionText } from './cause-text.ts';
import { momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import { personName } from './short-name.ts';
import type { Cell } from './table.ts';
import { columns, hang, printable } from './table.ts';

/**
 * What differs between two points as a unified diff, a small document for each secret and consumer, and under it who made
 * it so. Lines of the diff are never wrapped. No newline at the end.
 */
export function renderHistoryDiff(difference: Difference, page: Page): string {
  const { secrets, consumers, from, to } = difference;
  const documents: Document[] = [
    ...secrets.map(({ secret, before, after }) => ({
      address: secret,
      before: before === null ? [] : [`current ${versionText(before)}`],
      after: after === null ? [] : [`current ${versionText(after)}`],
    })),
    ...consumers.map(({ consumer, targets }) => ({
      address: consumer,
      before: targets.flatMap((each) => readingLine(each.target, each.before)),
      after: targets.flatMap((each) => readingLine(each.target, each.after)),
    })),
  ];
  if (documents.length === 0) return sameText(difference, page);
  return [
    ...documents.flatMap((each) => patchLines(each, from, to, page)),
    '',
    ...changeLines(difference, page),
    ...gapLines(difference, page),
  ].join('\n');
}

interface Document {
  readonly address: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

function readingLine(target: string, reading: Reading | null): string[] {
  return reading === null ? [] : [`${target} reads ${reading.secret} ${versionText(reading.ordinal)}`];
}

function patchLines({ address, before, after }: Document, from: Point, to: Point, page: Page): string[] {
  const text = (lines: readonly string[]): string => lines.map((line) => `${printable(line)}\n`).join('');
  const { hunks } = structuredPatch('', '', text(before), text(after), '', '', { context: 3 });
  const name = (lines: readonly string[], at: Point): string =>
    `${lines.length === 0 ? '/dev/null' : printable(address)}\t${pointText(at)}`;
  return [
    page.paint('bold', `--- ${name(before, from)}`),
    page.paint('bold', `+++ ${name(after, to)}`),
    ...hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
      page.paint('cyan', `@@ -${rangeText(oldStart, oldLines)} +${rangeText(newStart, newLines)} @@`),
      ...lines.map((line) => painted(line, page)),
    ]),
  ];
}

/** Where there are no lines the range names the line before, as every unified diff. */
function rangeText(start: number, lines: number): string {
  return lines === 1 ? String(start) : `${lines === 0 ? start - 1 : start},${lines}`;
}

function painted(line: string, page: Page): string {
  const styles: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red' };
  const style = styles[line.charAt(0)];
  return style === undefined ? line : page.paint(style, line);
}

function pointText({ entry, endedAt }: Point): string {
  if (entry === 0) return 'before the first entry';
  return `entry ${entry}${endedAt === null ? '' : `, ${momentText(endedAt)}`}`;
}

function sameText(difference: Difference, page: Page): string {
  const { from, to, entries, changes } = difference;
  const moved =
    changes.length === 0
      ? 'none of which moved anything'
      : `of which ${changes.length} moved something, and back`;
  const between =
    entries === 0 ? 'there is no entry between them' : `${countText(entries, 'entry', 'entries')}, ${moved}`;
  const text = `No difference: ${pointText(from)} to ${pointText(to)}; ${between}.`;
  return [...hang('', text, page), ...gapLines(difference, page)].join('\n');
}

function gapLines({ gaps }: Difference, page: Page): string[] {
  const lines = gaps.flatMap(({ entry, secret, left, found }) => {
    const text = `entry ${entry} found ${nameOf(secret)} at ${versionText(found)}, which was left at ${versionText(left)}`;
    return hang('  ! ', text, page, { lead: 'red' });
  });
  return lines.length === 0 ? [] : ['', page.paint('bold', 'No entry says why'), ...lines];
}

function changeLines({ changes, entries }: Difference, page: Page): string[] {
  if (changes.length === 0) return [page.paint('bold', 'Who did it: no entry between them says')];
  const head = `Who did it: ${changes.length} of ${countText(entries, 'entry', 'entries')}`;
  const rows = changes.map((change): Cell[] => [
    String(change.entry),
    momentText(change.at),
    personName(change.who),
    whyText(change),
    whatText(change),
  ]);
  return [
    page.paint('bold', head),
    ...columns(rows, page, { indent: 2, head: ['#', 'WHEN', 'WHO', 'WHY', 'WHAT'] }),
  ];
}

function whyText({ kind, outcome, cause, reason, ticket, incident }: Change): string {
  const because = cause === null || cause.kind === 'compromise' ? null : causeText(cause);
  const what = because === null || kind !== 'apply' ? kind : because;
  const words = [what, outcome === 'done' ? null : outcome, incident, ticket, reason];
  return words.filter((word) => word !== null).join(', ');
}

function whatText({ secrets, consumers }: Change): string {
  const moves = [
    ...secrets.map(({ secret, before, after }) => `${nameOf(secret)} ${moveText(before, after)}`),
    ...consumers.map(({ consumer, before, after }) => `${spoken(consumer)} ${moveText(before, after)}`),
  ];
  return [...new Set(moves)].join(', ');
}
