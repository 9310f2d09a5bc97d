import { printable } from './table.ts';

/*
 * GitHub's Markdown, for texts that other people wrote: names of stacks, services and secrets come out of a pull request.
 * Whatever goes through `plainly` or `code` is shown as it is and is no markup, mention, reference, link or formula.
 */

/** Those that a backslash does not keep from what HTML or a table makes of them. */
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '|': '&#124;',
  '\\': '&#92;',
};

/**
 * On one line, without control characters, and with everything escaped that Markdown or HTML would act on there. It may
 * stand at the beginning of a list's item or a cell.
 */
function inert(text: string): string {
  return (
    printable(text)
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/[&<>"|\\]/g, (character) => ENTITIES[character] ?? '')
      // Behind an ampersand of ours a number sign is part of an entity.
      .replaceAll(/(?<!&)[`*_[\]#~$]|:(?=\/)|(?<=www)\./gi, (character) => `\\${character}`)
      .replace(/^ ?[-+=]|(?<=^ ?\d{1,9})[.)]/, (character) => character.replace(/\S/, '\\$&'))
  );
}

/** Invisible: behind it a sign calls nobody and refers to nothing. A code element needs none of them. */
const BREAK = '&#8203;';

/** Text within a line. What stands between backticks is shown as code, as our own texts mean it. */
export function plainly(text: string): string {
  const parts = text.split('`');
  if (parts.length % 2 === 0) return quietly(text);
  return parts.map((part, index) => (index % 2 === 0 ? quietly(part) : code(part))).join('');
}

/** `@name`, `#12` and `GH-12` are found after everything was unescaped, and so are addresses of the web. */
function quietly(text: string): string {
  return inert(text)
    .replaceAll(/@|\\#/g, (sign) => `${sign}${BREAK}`)
    .replaceAll(/\b(?:GH(?=-\d)|(?:https?|ftp|mailto|xmpp)(?=\\?:))/gi, (word) => `${word}${BREAK}`);
}

/** A name, within a line: GitHub looks for no mention in it. Nothing for an empty one. */
export function code(text: string): string {
  return text === '' ? '' : `<code>${inert(text)}</code>`;
}

/** Lines to be copied as they are. The fence is longer than any in them. */
export function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${printable(text)}\n${fence}`;
}

/** A row of a table; each cell is Markdown already. */
export function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The two lines above the rows. */
export function tableHead(titles: readonly string[]): string {
  return `${row(titles)}\n${row(titles.map(() => '---'))}`;
}

/** So that one row cannot be longer than a comment. */
export function capped(items: readonly string[], most: number, what: string): readonly string[] {
  return items.length <= most ? items : [...items.slice(0, most), `… ${items.length - most} ${what}`];
}
