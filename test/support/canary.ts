import { createHash, randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** A text that stands nowhere else in the world, to be put into values and then looked for. */
export interface Canary {
  /** A value that begins with `word` and holds the canary. */
  value(word: string): string;
  /** How the canary, or a digest of one of the values made so far, is written in `text`; empty: not at all. */
  foundIn(text: string): string[];
}

/**
 * Letters and digits only: no quoting, escaping or plain percent-encoding changes it, so the text as it is
 * finds those too. Beyond that: base64 and base64url at each of the three offsets that it can have within
 * a longer value, hex, every byte percent-encoded (once and twice), every character as an escape of JSON or a
 * number of XML, and the usual digests of the whole value.
 */
export function makeCanary(): Canary {
  const text = `Canary${randomBytes(12).toString('hex')}Z`;
  const forms = new Map<string, string>([['plain', text]]);
  const bytes = Buffer.from(text);
  for (const [name, encoded] of [
    ['hex', bytes.toString('hex')],
    ['percent', [...bytes].map((byte) => `%${byte.toString(16)}`).join('')],
  ] as const) {
    forms.set(name, encoded);
    forms.set(`${name}, upper case`, encoded.toUpperCase());
  }
  const numbers = [...bytes];
  const padded = numbers.map((byte) => byte.toString(16).padStart(4, '0'));
  forms.set('percent, twice', numbers.map((byte) => `%25${byte.toString(16)}`).join(''));
  for (const [name, unit] of [
    ['JSON in units', '\\u'],
    ['JSON in units, twice', '\\\\u'],
  ] as const) {
    forms.set(name, padded.map((hex) => unit + hex).join(''));
    forms.set(`${name}, upper case`, padded.map((hex) => unit + hex.toUpperCase()).join(''));
  }
  forms.set('XML in numbers', numbers.map((byte) => `&#${byte};`).join(''));
  forms.set('XML in hex numbers', numbers.map((byte) => `&#x${byte.toString(16)};`).join(''));
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const offset of [0, 1, 2]) forms.set(`${encoding} at ${offset}`, inside(bytes, offset, encoding));
  }
  return {
    value: (word) => {
      const value = `${word}-${text}`;
      for (const algorithm of ['sha256', 'sha1', 'md5', 'sha512']) {
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          const digest = createHash(algorithm).update(value).digest(encoding).replace(/=+$/, '');
          forms.set(`${algorithm} of ${word}-…, ${encoding}`, digest);
        }
      }
      return value;
    },
    foundIn: (where) => [...forms].filter(([, form]) => where.includes(form)).map(([name]) => name),
  };
}

/** The characters that `bytes` alone decide when `offset` other bytes stand before them and more behind. */
function inside(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding);
  return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

/** `file: form` for each file under `directory` that holds the canary. Links are not followed. */
export async function filesWith(
  canary: Canary,
  directory: string,
  isExempt: (path: string) => boolean = () => false,
): Promise<{ readonly found: string[]; readonly read: number }> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !isExempt(path));
  const found: string[] = [];
  for (const file of files) {
    for (const form of canary.foundIn(await readFile(file, 'latin1'))) found.push(`${file}: ${form}`);
  }
  return { found, read: files.length };
}
