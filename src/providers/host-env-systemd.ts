import type { Assignment, EnvRules, Quoting, Reading, Rubbish } from './host-env-text.ts';
import { PLAIN } from './host-env-text.ts';

/**
 * The rules of systemd's `EnvironmentFile=` (systemd.exec(5), checked against systemd 252): a value may be bare with
 * backslashes, or pieces in quotes with bare text behind them; whatever is in it stays there, a `#` too.
 */
export const SYSTEMD: EnvRules = {
  reader: 'systemd',
  lineBreak: /\r\n|\r|\n/,
  read,
  writings,
  obstacle,
};

const BREAK = /[\r\n]/;
const BLANK = /[ \t]/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What a backslash within double quotes takes its meaning from; before anything else it stays. */
const ESCAPED = /["\\`$]/;
/** Before version 248 systemd left out a variable with one of these. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0001-\u0008\u000b-\u001f\u007f]/;
/** Systemd calls these no valid UTF-8, and refuses the whole file. */
const NO_CHARACTER = /\p{Noncharacter_Code_Point}/u;

function read(text: string): Reading {
  const assignments: Assignment[] = [];
  const rubbish: Rubbish[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (BLANK.test(char) || BREAK.test(char)) at += 1;
    else if (char === '#' || char === ';') at = pastComment(text, at, rubbish);
    else at = pastAssignment(text, at, assignments, rubbish);
  }
  return { assignments, rubbish };
}

/** A comment whose end is escaped went on in the next line until systemd 254, and does no more. */
function pastComment(text: string, from: number, rubbish: Rubbish[]): number {
  const end = lineEnd(text, from);
  const slashes = /\\*$/.exec(text.slice(from, end))?.[0].length ?? 0;
  if (slashes % 2 === 0) return end;
  const next = end + 1;
  if (next >= text.length || /^[ \t]*[^ \t\r\n#;]/.test(text.slice(next))) {
    rubbish.push({
      at: from,
      what: 'a comment ends with a backslash: whether the line behind it belongs to it depends on the version of systemd',
      next: 'take the backslash away',
    });
  }
  return end;
}

function pastAssignment(text: string, from: number, assignments: Assignment[], rubbish: Rubbish[]): number {
  const end = lineEnd(text, from);
  // Its first character belongs to a name, even where it is the sign itself.
  const sign = text.indexOf('=', from + 1);
  if (sign === -1 || sign >= end) {
    rubbish.push({ at: from, ...NO_ASSIGNMENT });
    return end;
  }
  const name = text.slice(from, sign).replace(/[ \t]+$/, '');
  const { value, isOpen, ...place } = valueAt(text, sign + 1);
  if (isOpen) {
    const what = 'the file ends within a value: a quote or a backslash is open';
    rubbish.push({ at: from, what, next: 'end the value' });
  }
  if (NO_CHARACTER.test(name)) {
    rubbish.push({ at: from, what: `a name ${NO_UTF8}`, next: 'correct the name' });
  } else if (!NAME.test(name)) {
    rubbish.push({ at: from, ...(from === 0 && name.startsWith('\ufeff') ? BYTE_ORDER_MARK : NO_NAME) });
  } else if (NO_CHARACTER.test(value)) {
    rubbish.push({ at: from, what: `the value of "${name}" ${NO_UTF8}`, next: 'correct the value' });
  } else {
    const meaning = { kind: 'constant', value } as const;
    const quoting = quotingAt(text, place.valueFrom);
    assignments.push({ name, meaning, quoting, from, valueFrom: place.valueFrom, valueTo: place.valueTo });
  }
  return place.end;
}

const NO_UTF8 = 'holds a code point that stands for no character: systemd refuses the whole file';
const NO_ASSIGNMENT = {
  what: 'a line is neither an assignment nor a comment: systemd leaves it out',
  next: 'complete it, take it away or begin it with "#"',
};
const NO_NAME = {
  what: 'a line assigns to something that is no variable name ("export" is none to systemd): systemd leaves it out',
  next: 'correct the name, take the line away or begin it with "#"',
};
const BYTE_ORDER_MARK = {
  what: 'the file begins with a byte order mark, which systemd takes for a part of the first name',
  next: 'save the file without it',
};

interface Value {
  readonly value: string;
  readonly valueFrom: number;
  readonly valueTo: number;
  /** Where its line ends. */
  readonly end: number;
  readonly isOpen: boolean;
}

function valueAt(text: string, from: number): Value {
  let at = from;
  while (BLANK.test(text.charAt(at))) at += 1;
  const valueFrom = at;
  let value = '';
  // Blanks are part of a value once something stands behind them.
  let solid = 0;
  let valueTo = at;
  let isBare = false;
  let isOpen = false;
  while (at < text.length && !BREAK.test(text.charAt(at))) {
    const char = text.charAt(at);
    if (char === '\\' || (!isBare && (char === "'" || char === '"'))) {
      const piece = char === '\\' ? escapedAt(text, at) : quotedAt(text, at, char);
      isBare = isBare || char === '\\';
      value += piece.value;
      at = piece.end;
      isOpen = piece.isOpen;
    } else {
      at += 1;
      const isBlank = BLANK.test(char);
      if (isBare || !isBlank) value += char;
      isBare = isBare || !isBlank;
      if (isBlank) continue;
    }
    solid = value.length;
    valueTo = at;
  }
  return { value: value.slice(0, solid), valueFrom, valueTo, end: at, isOpen };
}

interface Piece {
  readonly value: string;
  readonly end: number;
  readonly isOpen: boolean;
}

/** A backslash in bare text: what follows stays as it is, and the end of a line goes with it. */
function escapedAt(text: string, at: number): Piece {
  const next = text.charAt(at + 1);
  return { value: BREAK.test(next) ? '' : next, end: Math.min(at + 2, text.length), isOpen: next === '' };
}

function quotedAt(text: string, from: number, quote: string): Piece {
  let value = '';
  let at = from + 1;
  while (at < text.length && text.charAt(at) !== quote) {
    const char = text.charAt(at);
    const next = text.charAt(at + 1);
    at += 1;
    if (char !== '\\' || quote === "'") {
      value += char;
    } else if (next !== '') {
      at += 1;
      if (next !== '\n') value += ESCAPED.test(next) ? next : char + next;
    }
  }
  return { value, end: Math.min(at + 1, text.length), isOpen: at >= text.length };
}

function quotingAt(text: string, at: number): Quoting {
  const first = text.charAt(at);
  if (first === "'") return 'single';
  return first === '"' ? 'double' : 'bare';
}

function lineEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && !BREAK.test(text.charAt(at))) at += 1;
  return at;
}

function writings(value: string, quoting: Quoting | null): string[] {
  const written: Record<Quoting, string | null> = {
    bare: /^$|^(?!['"])\S(.*\S)?$/u.test(value) && !value.includes('\\') ? value : null,
    single: value.includes("'") ? null : `'${value}'`,
    // A `$` or a backtick means itself with and without a backslash; older versions took only these two so.
    double: `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  };
  const first = quoting === null ? [PLAIN.test(value) ? value : null] : [written[quoting]];
  return [...first, written.single, written.double].filter((each) => each !== null);
}

function obstacle(value: string): string | null {
  if (NO_CHARACTER.test(value)) return NO_UTF8;
  if (!CONTROL.test(value)) return null;
  return 'holds a control character other than tab and line feed: systemd before 248 leaves out its variable';
}
