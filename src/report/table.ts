import { stripVTControlCharacters } from 'node:util';
import type { Page, Style } from './paint.ts';

/** Narrower than this nothing is wrapped any more: a column of single letters helps nobody. */
const NARROWEST = 16;

/**
 * Text from outside (an engine's message, a service's name) without what could move the cursor or turn the
 * reading direction of a terminal. Line breaks stay, tabs become spaces.
 */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n?/g, '\n')
    .replace(/\t/g, ' ')
    .replace(/(?!\n)[\p{Cc}\p{Cf}]/gu, '?');
}

/** Words of a line; a command in backticks is one word, because half a command can't be pasted. */
function wordsOf(line: string, width: number): string[] {
  const words = line.match(/[^\s`]*`[^`]*`\S*|\S+/g) ?? [];
  return words.flatMap((word) => (word.length > width ? word.split(/\s+/) : [word]));
}

/** `text` in lines of at most `width`; a longer word has a line for itself. Never returns an empty list. */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(width, NARROWEST);
  return printable(text)
    .split('\n')
    .flatMap((paragraph) => {
      const lines: string[] = [];
      let line = '';
      for (const word of wordsOf(paragraph, room)) {
        if (line !== '' && line.length + 1 + word.length > room) {
          lines.push(line);
          line = word;
        } else {
          line = line === '' ? word : `${line} ${word}`;
        }
      }
      return [...lines, line];
    });
}

/** Styles of a hanging paragraph's two parts. */
export interface Look {
  readonly lead?: Style;
  readonly text?: Style;
}

/** `lead` and behind it `text`, wrapped, its further lines under its first one. */
export function hang(lead: string, text: string, page: Page, look: Look = {}): string[] {
  const label = lead.trimStart();
  const indent = lead.slice(0, lead.length - label.length);
  const paintedLead = look.lead === undefined ? lead : indent + page.paint(look.lead, label);
  return wrap(text, page.width - lead.length).map((line, index) => {
    const painted = look.text === undefined ? line : page.paint(look.text, line);
    return (index === 0 ? paintedLead : line === '' ? '' : ' '.repeat(lead.length)) + painted;
  });
}

/** `label  text` pairs under each other, the texts aligned and hanging. Pairs whose text is null are left out. */
export function fields(
  pairs: readonly (readonly [label: string, text: string | null | undefined, style?: Style])[],
  page: Page,
  indent = 2,
): string[] {
  const given = pairs.filter(([, text]) => text !== null && text !== undefined);
  const widest = Math.max(0, ...given.map(([label]) => label.length));
  return given.flatMap(([label, text, style]) =>
    hang(`${' '.repeat(indent)}${label.padEnd(widest)}  `, text ?? '', page, {
      lead: 'dim',
      ...(style === undefined ? {} : { text: style }),
    }),
  );
}

export type Cell = string | { readonly text: string; readonly style: Style };

const textOf = (cell: Cell | undefined): string =>
  cell === undefined ? '' : printable(typeof cell === 'string' ? cell : cell.text).trim();
const longestWord = (text: string): number => Math.max(0, ...text.split(/\s+/).map((word) => word.length));

/**
 * Rows as columns two spaces apart that fit the page: the widest columns wrap first, no word is broken. Where
 * even that is too wide, each row becomes a block of its own under its first cell.
 */
export function columns(
  rows: readonly (readonly Cell[])[],
  page: Page,
  shape: { readonly indent?: number; readonly head?: readonly string[] } = {},
): string[] {
  const indent = shape.indent ?? 0;
  const head = shape.head?.map((text): Cell => ({ text, style: 'dim' }));
  const all = head === undefined ? rows : [head, ...rows];
  const count = Math.max(0, ...all.map((row) => row.length));
  const each = Array.from({ length: count }, (_, column) => all.map((row) => textOf(row[column])));
  const least = each.map((texts) => Math.max(0, ...texts.map(longestWord)));
  const widths = each.map((texts) => Math.max(0, ...texts.map((text) => text.length)));
  const room = page.width - indent - 2 * Math.max(0, count - 1);
  if (sum(least) > room) return blocks(rows, page, indent, shape.head);
  shrink(widths, least, room);
  return all.flatMap((row) => rowLines(row, widths, page, indent));
}

/** A table whose rows can be told apart, so that something may stand between them. */
export interface Ledger {
  readonly head: readonly string[];
  /** The lines of each row. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * Rows that stay on one line each, so that hundreds of them can be scanned. A first cell that leaves the others no
 * room has a line for itself. On a page that is too narrow even for the others each row becomes a block.
 */
export function ledger(rows: readonly (readonly Cell[])[], page: Page, head: readonly string[]): Ledger {
  const [first = 0, ...rest] = columnWidths(rows, head);
  const room = page.width - sum(rest) - 2 * rest.length;
  if (room < 2) return { head: [], rows: rows.map((row) => blocks([row], page, 0, head)) };
  // Where hardly any name would fit, all stand on a line of their own.
  const own = first <= room ? first : room < NARROWEST ? 2 : room;
  const lines = (row: readonly Cell[]): string[] => {
    const [name = '', ...others] = row;
    if (textOf(name).length <= own) return rowLines(row, [own, ...rest], page, 0);
    const painted = typeof name === 'string' ? textOf(name) : page.paint(name.style, textOf(name));
    return [painted, ...rowLines([' ', ...others], [own, ...rest], page, 0)];
  };
  return { head: lines(head.map((text): Cell => ({ text, style: 'dim' }))), rows: rows.map(lines) };
}

/** How wide a ledger of these rows wants to be. */
export function ledgerWidth(rows: readonly (readonly Cell[])[], head: readonly string[]): number {
  const widths = columnWidths(rows, head);
  return sum(widths) + 2 * (widths.length - 1);
}

function columnWidths(rows: readonly (readonly Cell[])[], head: readonly string[]): number[] {
  return head.map((text, column) => Math.max(text.length, ...rows.map((row) => textOf(row[column]).length)));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Takes from the widest column that can still give, until the row fits; `widths` is changed in place. */
function shrink(widths: number[], least: readonly number[], room: number): void {
  while (sum(widths) > room) {
    let widest = -1;
    for (const [column, width] of widths.entries()) {
      if (width > (least[column] ?? 0) && width > (widths[widest] ?? 0)) widest = column;
    }
    if (widest === -1) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function rowLines(row: readonly Cell[], widths: readonly number[], page: Page, indent: number): string[] {
  const wrapped = widths.map((width, column) => cellLines(textOf(row[column]), width));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, index) => {
    const texts = wrapped.map((lines) => lines[index] ?? '');
    const last = texts.findLastIndex((text) => text !== '');
    const cells = texts.slice(0, last + 1).map((text, column) => {
      const cell = row[column];
      const painted = typeof cell === 'object' ? page.paint(cell.style, text) : text;
      return column === last ? painted : painted + ' '.repeat((widths[column] ?? 0) - text.length);
    });
    return cells.length === 0 ? '' : ' '.repeat(indent) + cells.join('  ');
  });
}

/** Like `wrap`, but to any width: the width of a column is never below its longest word. */
function cellLines(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function blocks(
  rows: readonly (readonly Cell[])[],
  page: Page,
  indent: number,
  head: readonly string[] | undefined,
): string[] {
  return rows.flatMap((row) => {
    const [first, ...rest] = row;
    const style = typeof first === 'object' ? { text: first.style } : {};
    return [
      ...hang(' '.repeat(indent), textOf(first), page, style),
      ...rest.flatMap((cell, index) => {
        if (textOf(cell) === '') return [];
        const label = head?.[index + 1];
        const lead = ' '.repeat(indent + 2) + (label === undefined ? '' : `${label.toLowerCase()}: `);
        const look = typeof cell === 'object' ? { text: cell.style } : {};
        return hang(lead, textOf(cell), page, look);
      }),
    ];
  });
}
