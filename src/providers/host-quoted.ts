import { Fault } from '../model/fault.ts';

/**
 * `text` as one word of a POSIX shell, whatever stands in it: what is within single quotes means nothing to it. A
 * script that holds such words goes to a shell's standard input, never into an argument.
 */
export function quoted(text: string): string {
  if (!text.includes('\0')) return `'${text.replaceAll("'", String.raw`'\''`)}'`;
  throw new Fault({
    code: 'file-refused',
    what: 'a text with a zero byte fits in no script and in no variable',
  });
}

/** A command as words of a POSIX shell. */
export function quotedAll(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}
