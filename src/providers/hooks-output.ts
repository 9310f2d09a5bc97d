import type { Readable } from 'node:stream';
import { guarded, guardedFrom } from '../model/guard.ts';

/** What is kept of what a program printed. */
const KEPT_BYTES = 4_096;
/**
 * Of a value of 25 KB, the longest there is, each byte written in the longest way that the guard reads back. A value that
 * began before what is held reaches no further into it.
 */
const LONGEST_WRITTEN = 384 * 1_024;
const HELD_BYTES = LONGEST_WRITTEN + 128 * 1_024;

const NEWLINE = 0x0a;
const ESCAPE = '\u001b';
/** Colours, titles and movements of a terminal. */
const SEQUENCE = new RegExp(
  `${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\u0007${ESCAPE}]*(?:\\u0007|${ESCAPE}\\\\)?|[ -/]*[0-~])`,
  'g',
);
/** What moves or hides other text: control characters but tab and line feed, and those that turn its direction. */
const UNSHOWN = /(?![\t\n])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu;

/** The end of what a program prints, on whichever of its streams. What is held is bounded, however much it prints. */
export class Output {
  readonly #held: Buffer[] = [];
  #bytes = 0;
  #isCut = false;

  /** Takes a stream line by line, so that two of them come in the order of their lines. Resolves when it is closed. */
  take(stream: Readable): Promise<void> {
    let begun: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      const isLong = begun.reduce((sum, { length }) => sum + length, chunk.length) > HELD_BYTES;
      const whole = isLong ? chunk.length : end;
      if (whole > 0) for (const each of [...begun.splice(0), chunk.subarray(0, whole)]) this.#hold(each);
      if (whole < chunk.length) begun.push(chunk.subarray(whole));
    });
    // A program that is killed may leave its end of the pipe in any state; it is judged by how it ended.
    stream.on('error', () => {});
    return new Promise((resolve) => {
      stream.once('close', () => {
        for (const each of begun) this.#hold(each);
        begun = [];
        resolve();
      });
    });
  }

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      if (this.#bytes - first.length < HELD_BYTES) return;
      this.#held.shift();
      this.#bytes -= first.length;
      this.#isCut = true;
    }
  }

  /**
   * The last 4 KiB of it as text that passed the guard, from the first whole character on; nothing in it moves a
   * terminal. Everything is masked before anything is cut, so that no part of a value is left over.
   */
  tail(): string {
    const bytes = Buffer.concat(this.#held);
    const from = this.#isCut ? bytes.subarray(0, borderIn(bytes)).toString('utf8').length : 0;
    const masked = guardedFrom(bytes.toString('utf8'), from);
    const shown = masked.replaceAll(SEQUENCE, '').replaceAll(/\r\n?/g, '\n').replaceAll(UNSHOWN, '');
    // What was taken out may have stood in the middle of a value.
    return lastBytes(guarded(shown)).trim();
  }
}

/** Behind all that may be the rest of a value whose beginning is gone: the next line, or else the next character. */
function borderIn(bytes: Buffer): number {
  const line = bytes.indexOf(NEWLINE, LONGEST_WRITTEN) + 1;
  return line === 0 ? characterAt(bytes, LONGEST_WRITTEN) : line;
}

function lastBytes(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.subarray(characterAt(bytes, Math.max(0, bytes.length - KEPT_BYTES))).toString('utf8');
}

/** Where the first character begins that begins at `at` or behind it. */
function characterAt(bytes: Buffer, at: number): number {
  let start = at;
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return start;
}
