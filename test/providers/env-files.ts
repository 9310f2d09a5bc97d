import fc from 'fast-check';
import type { EnvFormat } from '../../src/model/host.ts';

export const NAMES = ['A', 'B_2', 'JWT_SECRET', 'DATABASE_URL', '_X', 'WEB_IMAGE'] as const;
/** What a value can be made of: whatever has a meaning in either format, and some that has none. */
const UNITS = [...Array.from(`abz09 \t\\'"#$;=:{}-+?._/@\`~éü€😀`), '${A}', '$B_2', '$$', '\\n', ' #'];

const soup = fc.string({ unit: fc.constantFrom(...UNITS), maxLength: 12 });
const word = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ0189+/=._-')), maxLength: 16 });
const name = fc.constantFrom(...NAMES);
const blank = fc.constantFrom('', '', '', ' ', '\t', '  ');

const quoted = fc.oneof(
  soup.map((text) => `'${text.replaceAll(/['\\]/g, '')}'`),
  fc.tuple(soup, soup).map((two) => `'${two.join('\n').replaceAll(/['\\]/g, '')}'`),
  soup.map((text) => `"${text.replaceAll(/["\\$`]/g, String.raw`\$&`)}"`),
  fc.tuple(soup, soup).map((two) => `"${two.join('\n').replaceAll(/["\\$`]/g, String.raw`\$&`)}"`),
);
/** Within double quotes, before whatever comes: a line break too. */
const slashed = fc
  .tuple(soup, fc.constantFrom('\\', ''), soup)
  .map(([one, slash, two]) => `"${`${one}${slash}\n${two}`.replaceAll(/["$]/g, '').replace(/\\+$/, '')}"`);
/** A value as a careful person writes it, in quotes or without. */
const careful = fc.oneof(
  { weight: 1, arbitrary: word },
  { weight: 4, arbitrary: quoted },
  { weight: 1, arbitrary: slashed },
);
const only: Record<EnvFormat, fc.Arbitrary<string>> = {
  systemd: fc.oneof(
    fc.tuple(word, word).map(([one, two]) => `${one}\\\n${two}`),
    fc.tuple(quoted, careful).map(([one, two]) => `${one}${two}`),
    fc.tuple(word, soup).map(([one, two]) => `x${one} ${two.replaceAll('\\', '\\\\')}`),
  ),
  compose: fc.oneof(
    fc.tuple(word, name).map(([one, other]) => `${one}\${${other}}`),
    fc.tuple(name, word, word).map(([other, one, two]) => `\${${other}:-${one}}${two}`),
    fc.tuple(name, soup).map(([other, one]) => `"\${${other}-${one.replaceAll(/["\\$`{}]/g, '')}}"`),
  ),
};

const LEADS: Record<EnvFormat, readonly string[]> = {
  systemd: ['', '', ' ', '\t'],
  compose: ['', '', ' ', 'export ', 'export\t '],
};
const SIGNS: Record<EnvFormat, readonly string[]> = {
  systemd: ['=', '=', '= ', ' ='],
  compose: ['=', '=', '=', ' = ', ': '],
};
const comment = fc
  .tuple(fc.constantFrom('#', '# ', '  #'), soup)
  .map((two) => two.join('').replace(/\\+$/, ''));

/** One line of a file, or several that are one assignment; without the line break at its end. */
interface Block {
  /** Of the variable that it assigns; null: none. */
  readonly name: string | null;
  /** What stands before a value, the value, and what stands behind it. */
  readonly head: string;
  readonly value: string;
  readonly tail: string;
}

export interface EnvText {
  readonly blocks: readonly Block[];
  readonly end: string;
  /** Whether the last line has a line break too. */
  readonly isEnded: boolean;
}

export function textOf({ blocks, end, isEnded }: EnvText): string {
  const lines = blocks.map(({ head, value, tail }) => head + value + tail);
  return lines.join(end) + (isEnded && lines.length > 0 ? end : '');
}

/** Behind a value: blanks, and a comment where a format has such. */
const tails: Record<EnvFormat, fc.Arbitrary<string>> = {
  systemd: blank,
  compose: fc.oneof(
    blank,
    comment.map((text) => ` ${text}`),
  ),
};

function assignment(format: EnvFormat, value: fc.Arbitrary<string>): fc.Arbitrary<Block> {
  return fc
    .tuple(fc.constantFrom(...LEADS[format]), name, fc.constantFrom(...SIGNS[format]), value, tails[format])
    .map(([lead, name, sign, value, tail]) => ({
      name,
      head: lead + name + sign,
      value,
      // A comment behind nothing is the value itself.
      tail: value.trim() === '' ? '' : tail,
    }));
}

function textual(text: fc.Arbitrary<string>): fc.Arbitrary<Block> {
  return text.map((head) => ({ name: null, head, value: '', tail: '' }));
}

const nameAlone = name.map((name) => ({ name, head: name, value: '', tail: '' }));

function fileOf(block: fc.Arbitrary<Block>): fc.Arbitrary<EnvText> {
  return fc.record({
    blocks: fc.array(block, { maxLength: 14 }),
    end: fc.constantFrom('\n', '\n', '\r\n'),
    isEnded: fc.constantFrom(true, true, false),
  });
}

/** Files as they are kept: their reader takes all of most of them. */
export function keptFile(format: EnvFormat): fc.Arbitrary<EnvText> {
  return fileOf(
    fc.oneof(
      { weight: 6, arbitrary: assignment(format, fc.oneof(careful, only[format])) },
      { weight: 2, arbitrary: textual(comment) },
      { weight: 1, arbitrary: textual(blank) },
      ...(format === 'compose' ? [{ weight: 1, arbitrary: nameAlone }] : []),
    ),
  );
}

/** Files of anything: what their reader refuses or leaves out is among them. */
export function wildFile(format: EnvFormat): fc.Arbitrary<EnvText> {
  const anything = fc.tuple(fc.constantFrom('', '', '#', ';', '\ufeff'), soup).map((two) => two.join(''));
  return fileOf(
    fc.oneof(
      { weight: 4, arbitrary: assignment(format, soup) },
      { weight: 2, arbitrary: assignment(format, fc.oneof(careful, only[format])) },
      { weight: 1, arbitrary: textual(anything) },
    ),
  );
}

/** A value that a vault may hold: any text without a NUL. */
export const anyValue = fc.oneof(
  word,
  soup,
  fc.tuple(soup, soup).map((two) => two.join('\n')),
  fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', '')),
);

/** What a run of `withVariables` is asked for: some of the names, and others that are not there. */
export const anyChanges = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...NAMES, 'NEW_ONE', 'NEW_TWO'), fc.option(anyValue, { freq: 6, nil: null })),
  { maxLength: 4, selector: ([name]) => name },
);
