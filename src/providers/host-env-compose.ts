import { constantOf, isTemplate } from './host-env-template.ts';
import type { Assignment, EnvRules, Meaning, Quoting, Reading, Rubbish } from './host-env-text.ts';
import { PLAIN } from './host-env-text.ts';

/**
 * The rules of docker compose's `env_file` and `.env`, version 2 (compose-go's dotenv): `KEY=value` or `KEY: value`, a name
 * alone, an `export` before it; single quotes hold a value as it is, double quotes take escapes, and all but single
 * quotes take variables.
 */
export const COMPOSE: EnvRules = {
  reader: 'compose',
  lineBreak: /\n/,
  read,
  writings,
  // What no environment can hold is refused for every format.
  obstacle: () => null,
};

const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const BLANK = /[\t\v\f\r \u0085\u00a0]/;
const IN_NAME = /[\p{L}\p{N}_.[\]-]/u;
/** Those of its escapes that have a meaning within double quotes; any other backslash stays. */
const ESCAPE = /\\(?:[abcfnrtv$"\\]|0\d{0,3})/g;
const ESCAPES: Readonly<Record<string, string>> = {
  'a': '\u0007',
  'b': '\b',
  'f': '\f',
  'n': '\n',
  'r': '\r',
  't': '\t',
  'v': '\v',
  '"': '"',
  '\\': '\\',
  // Still a template.
  '$': '$$',
};

/** Compose refuses a whole file at the first thing that it cannot read: nothing is looked at behind it. */
function read(text: string): Reading {
  const assignments: Assignment[] = [];
  let at = text.startsWith('\ufeff') ? 1 : 0;
  // Where the line ends on which a value in quotes did: compose reads on from there.
  let full = -1;
  while (at < text.length) {
    const char = text.charAt(at);
    if (SPACE.test(char)) {
      at += 1;
    } else if (char === '#') {
      at = lineEnd(text, at);
    } else {
      const found = at < full ? { at, ...BEHIND_QUOTES } : assignmentAt(text, at);
      if ('what' in found) return { assignments, rubbish: [found] };
      assignments.push(found);
      at = found.quoting === 'bare' ? lineEnd(text, found.valueTo) : found.valueTo;
      full = lineEnd(text, at);
    }
  }
  return { assignments, rubbish: [] };
}

const BEHIND_QUOTES = {
  what: 'something follows a closing quote that is no comment: compose takes it for a variable of its own',
  next: 'take it away, or put a blank and "#" before it',
};

function assignmentAt(text: string, from: number): Assignment | Rubbish {
  const nameFrom =
    from + (/^export(?=[\t\n\f\r ])[\t\v\f\r \u0085\u00a0]*/.exec(text.slice(from))?.[0].length ?? 0);
  const sign = signAfter(text, nameFrom);
  const refused = (what: string, next: string): Rubbish => ({ at: from, what, next });
  if (sign === null) {
    return refused('a line holds a character before its "=" that compose allows in no name', CORRECT_NAME);
  }
  if (sign >= text.length)
    return refused('the last line is a name alone and has no line break', 'end the line');
  const name = text.slice(nameFrom, sign).replace(/[^\p{L}\p{N}_.[\]-]+$/u, '');
  if (name === '') return refused('a line assigns to no name', CORRECT_NAME);
  if (SPACE.test(name)) return refused('a line holds a blank within its name', CORRECT_NAME);
  if (text[sign] === '\n') {
    const place = nameFrom + name.length;
    return { name, meaning: { kind: 'inherited' }, quoting: 'bare', from, valueFrom: place, valueTo: place };
  }
  let valueFrom = sign + 1;
  while (BLANK.test(text.charAt(valueFrom))) valueFrom += 1;
  // A carriage return before the line's end is a blank to compose, and to whoever wrote it a part of the line break.
  if (text[valueFrom] === '\n' && text[valueFrom - 1] === '\r') valueFrom -= 1;
  const value = valueAt(text, valueFrom);
  if (value === null) return refused('a quote is open: compose finds no end of it', 'close the quote');
  if (value.meaning === null) return refused('a "${" begins no variable: compose refuses it', NO_TEMPLATE);
  return { name, from, valueFrom, ...value, meaning: value.meaning };
}

const CORRECT_NAME = 'correct the name, take the line away or begin it with "#"';
const NO_TEMPLATE = 'write "$$" for each "$" that means itself, or put the value into single quotes';

/** Where a name is over: at `=`, `:`, the end of its line or of the text; null: something else is in the way. */
function signAfter(text: string, from: number): number | null {
  let at = from;
  for (const char of text.slice(from)) {
    if (char === '=' || char === ':' || char === '\n') return at;
    if (!BLANK.test(char) && !IN_NAME.test(char)) return null;
    at += char.length;
  }
  return at;
}

interface Value {
  readonly meaning: Meaning | null;
  readonly quoting: Quoting;
  readonly valueTo: number;
}

/** Null: a quote is open. */
function valueAt(text: string, from: number): Value | null {
  const quote = text.charAt(from);
  if (quote !== "'" && quote !== '"') {
    const [line = ''] = text.slice(from, lineEnd(text, from)).split(' #', 1);
    let length = line.length;
    while (length > 0 && SPACE.test(line.charAt(length - 1))) length -= 1;
    return { meaning: meaningOf(line.slice(0, length)), quoting: 'bare', valueTo: from + length };
  }
  let content = '';
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    const next = text.charAt(at + 1);
    if (char === quote) {
      const isSingle = quote === "'";
      const meaning = isSingle
        ? { kind: 'constant' as const, value: content }
        : meaningOf(unescaped(content));
      return { meaning, quoting: isSingle ? 'single' : 'double', valueTo: at + 1 };
    }
    // In both kinds of quotes a backslash keeps the quote from ending the value, and stays before anything else.
    const isPair = char === '\\' && next !== '';
    content += isPair && next !== quote ? char + next : isPair ? next : char;
    if (isPair) at += 1;
  }
  return null;
}

function meaningOf(template: string): Meaning | null {
  const value = constantOf(template);
  if (value !== null) return { kind: 'constant', value };
  return isTemplate(template) ? { kind: 'template', text: template } : null;
}

function unescaped(content: string): string {
  return content.replaceAll(ESCAPE, (escape) => {
    const letter = escape.slice(1);
    if (!letter.startsWith('0')) return ESCAPES[letter] ?? escape;
    // `\0101` is "A"; what is no byte in three octal digits loses the zero and keeps the rest.
    const digits = letter.slice(1);
    return /^[0-3][0-7]{2}$/.test(digits) ? String.fromCodePoint(Number.parseInt(digits, 8)) : `\\${digits}`;
  });
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

/**
 * Bare and single-quoted only where no version of compose reads anything but the value itself: version 1 makes one backslash
 * of two in single quotes. Before compose-go 2.0, none was able to end a value in double quotes with a backslash: they come
 * last then.
 */
function writings(value: string, quoting: Quoting | null): string[] {
  // oxlint-disable-next-line no-control-regex
  const isBare = !/[$#\u0000-\u0008\u000a-\u001f]|^['"]|^\s|\s$/u.test(value);
  const isSingle = !/'|\\\\|\\$/.test(value);
  const double = `"${value
    .replaceAll(/["$\\]/g, String.raw`\$&`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`)}"`;
  const written: Record<Quoting, string | null> = {
    bare: isBare ? value : null,
    single: isSingle ? `'${value}'` : null,
    double: value.endsWith('\\') ? null : double,
  };
  const first = quoting === null ? [PLAIN.test(value) ? value : null] : [written[quoting]];
  // A value of several lines stays on one.
  const others = value.includes('\n') ? [] : [written.single, value.endsWith('\\') ? written.bare : null];
  return [...first, ...others, double].filter((each) => each !== null);
}
