import type { Instant } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { JournalLine } from '../model/journal.ts';
import { JOURNAL_FORMAT } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import { Replay } from './fold.ts';
import type { ObjectStore } from './store.ts';

/** Name of the running apply's journal. */
export const JOURNAL = 'journal.jsonl';

/** A journal line before it has its number and time. */
export type Entry = JournalLine extends infer Line
  ? Line extends JournalLine
    ? Omit<Line, 'seq' | 'at'>
    : never
  : never;

/**
 * The lines of a journal text. A torn last line, which a crash in the middle of an append leaves, is cut off;
 * a broken line anywhere else is a fault: something other than keyturn wrote there.
 */
export function parseJournal(text: string, where: string): JournalLine[] {
  const rows = text.split('\n');
  return rows.slice(0, -1).map((row, index) => {
    const line = parseLine(row);
    if (line === null || line.seq !== index + 1) throw broken(where, index + 1, 'is no journal line');
    if (line.type === 'begin' && line.format > JOURNAL_FORMAT) {
      throw new Fault({
        code: 'newer-format',
        what: `the journal is written in format ${line.format}, this keyturn reads up to ${JOURNAL_FORMAT}`,
        where,
        live: 'an apply was interrupted; nothing was changed by reading its journal',
        next: 'finish it with the keyturn version that wrote it, or a newer one',
      });
    }
    if ((index === 0) !== (line.type === 'begin'))
      throw broken(where, index + 1, 'stands where it cannot stand');
    return line;
  });
}

function parseLine(row: string): JournalLine | null {
  try {
    const json = JSON.parse(row) as unknown;
    const isLine = typeof json === 'object' && json !== null && 'seq' in json && 'type' in json;
    return isLine ? (json as JournalLine) : null;
  } catch {
    return null;
  }
}

function broken(where: string, line: number, what: string): Fault {
  return new Fault({
    code: 'bad-file',
    what: `line ${line} of the journal ${what}`,
    where,
    live: 'what that apply did stands in the lines before it',
    next: 'keep the file; compare it with the vault and the platform before anything is applied',
  });
}

/**
 * The journal of one apply, while it runs. `append` resolves when the line is durable; an act must not begin
 * before its intent is, and the next must not begin before the outcome is. Appends are written in call order.
 */
export class Journal {
  readonly lines: JournalLine[];
  readonly #store: ObjectStore;
  readonly #base: Recorded;
  readonly #now: () => Instant;
  readonly #replay: Replay;
  #tail: Promise<void> = Promise.resolve();

  constructor(store: ObjectStore, base: Recorded, now: () => Instant, lines: readonly JournalLine[]) {
    this.#store = store;
    this.#base = base;
    this.#now = now;
    this.lines = [...lines];
    this.#replay = new Replay(base, lines);
  }

  /** The record with everything that this journal holds so far. */
  get recorded(): Recorded {
    return this.#replay.recorded;
  }

  /** The record that this journal continues. */
  get base(): Recorded {
    return this.#base;
  }

  async append(entry: Entry): Promise<JournalLine> {
    const line: JournalLine = { seq: this.lines.length + 1, at: this.#now(), ...entry };
    this.lines.push(line);
    this.#replay.add(line);
    this.#tail = this.#tail.then(() => this.#store.append(JOURNAL, JSON.stringify(line)));
    await this.#tail;
    return line;
  }
}
