import { printable } from './table.ts';

const MARKUP: unique symbol = Symbol('markup');

/** Text that is HTML already. Only `html` makes it, so whatever else is put into a page is escaped. */
export interface Html {
  readonly [MARKUP]: string;
}

/** What may stand in a template: text, markup, a list of markup, or nothing. */
export type Part = string | number | Html | readonly Html[] | null;

/**
 * A piece of HTML. Every `${…}` that is not itself made by `html` is escaped, also for an attribute in double quotes;
 * it must not stand anywhere else in a tag, nor in a `<script>` or `<style>`. Null is nothing.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const between = compact(strings);
  let text = between[0] ?? '';
  for (const [index, part] of parts.entries()) text += markupOf(part) + (between[index + 1] ?? '');
  return { [MARKUP]: text };
}

const compacted = new WeakMap<TemplateStringsArray, readonly string[]>();

/** The template's own text without the indents of the source: a page repeats some of it very often. */
function compact(strings: TemplateStringsArray): readonly string[] {
  const known = compacted.get(strings);
  if (known !== undefined) return known;
  const short = strings.map((text) => text.replace(/\s*\n\s*/g, '\n'));
  compacted.set(strings, short);
  return short;
}

/** The markup as text, to be written into a file. */
export function written(piece: Html): string {
  return piece[MARKUP];
}

/** Lines as items of a list, without the end tags that HTML does not need: there may be very many. */
export function itemsOf(lines: readonly string[]): Html {
  return { [MARKUP]: lines.map((line) => `<li>${escaped(line)}\n`).join('') };
}

/** A `<style>` of our own text, which is not escaped: the one way around `html`. */
export function styleOf(css: string): Html {
  return { [MARKUP]: `<style>${css}</style>` };
}

function markupOf(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escaped(part);
  return MARKUP in part ? part[MARKUP] : part.map(written).join('');
}

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Also without what turns the reading direction: a name must not look like another one. */
function escaped(text: string): string {
  if (/^[\w .,:;/()@+-]*$/.test(text)) return text;
  return printable(text).replace(/[&<>"']/g, (character) => NAMED[character] ?? '');
}
