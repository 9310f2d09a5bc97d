/**
 * What stands at one place of a text, read back: programs write a character in many ways. `%2F`, `\/`, `\u002f`,
 * `&#47;` and `&#x2F;` are all a slash, twice encoded too (`%252F`, `\\u002f`, `&amp;#47;`).
 */
export interface Reading {
  /** A code point. Every line break is one LF. */
  readonly point: number;
  readonly end: number;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x27;

/** Whether a code unit can be read in one way only: as itself. */
export function isPlain(unit: number): boolean {
  return unit < 0x80 ? SPECIAL[unit] === 0 : unit < 0xd800 || unit > 0xdfff;
}

/** One text with what each of its places may mean, looked up once. */
export class Reader {
  readonly text: string;
  readonly #readings = new Map<number, readonly Reading[]>();
  readonly #breaks = new Map<number, readonly number[]>();

  constructor(text: string) {
    this.text = text;
  }

  /** All that may be meant at `at`; itself first. */
  at(at: number): readonly Reading[] {
    return remembered(this.#readings, at, () => readingsAt(this.text, at));
  }

  /** Where a text that was broken at `at` to fit a width goes on: behind line breaks, indents and changes of colour. */
  behindBreak(at: number): readonly number[] {
    if (isPlain(this.text.charCodeAt(at))) return NONE;
    return remembered(this.#breaks, at, () => {
      const raw = matchAt(BREAK, this.text, at);
      if (raw !== null) return [at + raw[0].length];
      const line = this.at(at).find(({ point }) => point === LF);
      return line === undefined ? NONE : [line.end];
    });
  }
}

const NONE: readonly never[] = [];
const ESCAPE = '\u001b';
const BREAK = new RegExp(`(?:${ESCAPE}\\[[\\d;]*m|[\\r\\n]+[ \\t]*)+`, 'y');

function remembered<T>(known: Map<number, T>, at: number, find: () => T): T {
  const there = known.get(at);
  if (there !== undefined) return there;
  const found = find();
  known.set(at, found);
  return found;
}

function readingsAt(text: string, at: number): readonly Reading[] {
  const readings = [...writtenAt(text, at)];
  const breaks = readings.filter(({ point }) => point === CR);
  if (breaks.length === 0) return readings;
  // A lone CR is a line break, and so is CR LF, whatever each of the two is written as.
  const lines = breaks.flatMap(({ end }) => [
    { point: LF, end },
    ...[...writtenAt(text, end)].filter(({ point }) => point === LF),
  ]);
  return [...readings.filter(({ point }) => point !== CR), ...lines];
}

function* writtenAt(text: string, at: number): Generator<Reading> {
  const point = text.codePointAt(at);
  if (point === undefined) return;
  yield { point, end: at + (point > 0xffff ? 2 : 1) };
  const further = WAYS[text.charAt(at)];
  if (further !== undefined) yield* further(text, at);
}

/** What may begin something else than itself, and what that is. */
const WAYS: Readonly<Record<string, (text: string, at: number) => Iterable<Reading>>> = {
  '%': percent,
  '\\': backslash,
  '&': entity,
  '+': (_, at) => [{ point: SPACE, end: at + 1 }],
  // How a shell puts a quote between quotes: '\'' or '"'"'.
  "'": (text, at) => readAs(QUOTE, matchAt(/'(?:\\+'|\\*"'\\*")'/y, text, at), at),
  // A space at which a line was wrapped.
  '\r': wrapped,
  '\n': wrapped,
  [ESCAPE]: wrapped,
};

/** By code unit, below 0x80: 1 where it is one of these. */
const SPECIAL = new Uint8Array(0x80);
for (const each of Object.keys(WAYS)) SPECIAL[each.charCodeAt(0)] = 1;

function wrapped(text: string, at: number): readonly Reading[] {
  return readAs(SPACE, matchAt(BREAK, text, at), at);
}

function readAs(point: number, found: RegExpExecArray | null, at: number): readonly Reading[] {
  return found === null ? NONE : [{ point, end: at + found[0].length }];
}

/** `%C3%A9`, and encoded once more `%25C3%25A9`; also one byte by itself, as of a text that is no UTF-8. */
function* percent(text: string, at: number): Generator<Reading> {
  for (let level = '%'; text.startsWith(level, at); level += '25') {
    const first = byteAt(text, at, level);
    if (first === null) continue;
    yield { point: first, end: at + level.length + 2 };
    const count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
    if (count > 1) {
      const step = level.length + 2;
      const bytes = Array.from({ length: count }, (_, index) => byteAt(text, at + index * step, level));
      const point = pointOf(bytes);
      if (point !== null) yield { point, end: at + count * step };
    }
  }
}

function byteAt(text: string, at: number, level: string): number | null {
  if (!text.startsWith(level, at)) return null;
  const hex = text.slice(at + level.length, at + level.length + 2);
  return /^[0-9a-f]{2}$/i.test(hex) ? Number.parseInt(hex, 16) : null;
}

function pointOf(bytes: readonly (number | null)[]): number | null {
  const text = Buffer.from(bytes.map((byte) => byte ?? 0)).toString('utf8');
  const point = text.codePointAt(0) ?? 0;
  return text.length === (point > 0xffff ? 2 : 1) && point !== 0xfffd ? point : null;
}

const LETTERS: Readonly<Record<string, number>> = { n: LF, r: CR, t: 9, b: 8, f: 12, v: 11, 0: 0, e: 27 };
/** How many backslashes stand before an escape that was escaped again up to three times. */
const DEPTHS = new Set([1, 2, 3, 4, 7, 8, 15, 16]);

/** Of JSON, JavaScript, C and shells; escaped again, too. */
function* backslash(text: string, at: number): Generator<Reading> {
  let run = 1;
  while (run < 16 && text[at + run] === '\\') run += 1;
  for (const count of [2, 4, 8, 16]) if (count <= run) yield { point: 0x5c, end: at + count };
  if (!DEPTHS.has(run)) return;
  const behind = at + run;
  const letter = text[behind] ?? '';
  const point = LETTERS[letter];
  if (point !== undefined) yield { point, end: behind + 1 };
  if (/[^\w\s\\]/u.test(letter) || letter === ' ') {
    const punctuation = text.codePointAt(behind) ?? 0;
    yield { point: punctuation, end: behind + (punctuation > 0xffff ? 2 : 1) };
  }
  const hex = matchAt(/u\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})/iy, text, behind);
  if (hex === null) return;
  const unit = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16);
  const end = behind + hex[0].length;
  if (unit <= 0x10ffff) yield { point: unit, end };
  if (unit < 0xd800 || unit > 0xdbff) return;
  const low = matchAt(/\\+u(d[c-f][0-9a-f]{2})/iy, text, end);
  if (low?.[1] === undefined) return;
  const pair = String.fromCharCode(unit, Number.parseInt(low[1], 16));
  yield { point: pair.codePointAt(0) ?? 0, end: end + low[0].length };
}

const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

/** Of XML and HTML; `&amp;lt;` is a `<` that was escaped twice. */
function* entity(text: string, at: number): Generator<Reading> {
  for (let level = '&'; text.startsWith(level, at); level += 'amp;') {
    const found = matchAt(
      /(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/iy,
      text,
      at + level.length,
    );
    if (found === null) continue;
    const [whole, decimal, hex, name = ''] = found;
    const point =
      decimal !== undefined
        ? Number(decimal)
        : hex !== undefined
          ? Number.parseInt(hex, 16)
          : NAMED[name.toLowerCase()]?.codePointAt(0);
    if (point !== undefined) yield { point, end: at + level.length + whole.length };
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
