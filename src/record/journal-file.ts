import type { ConsumerAddress, Instant, SecretAddress } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import { guardedLine } from '../model/guarded.ts';
import type { JournalLine } from '../model/journal.ts';
import { JOURNAL_FORMAT } from '../model/journal.ts';
import type { Recorded, RecordedConsumer, RecordedSecret } from '../model/recorded.ts';
import type { ObjectStore, Stored } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import { Replay } from './fold.ts';

/** Name of the running apply's journal. */
export const JOURNAL = 'journal.jsonl';

/** A line of the apply itself, before it has its number and time. */
export type Entry =
  Exclude<JournalLine, { type: 'fence' }> extends infer Line
    ? Line extends JournalLine
      ? Omit<Line, 'seq' | 'at'>
      : never
    : never;

/**
 * The lines of a journal text. A torn last line, which a crash in the middle of an append leaves, is passed over,
 * also where a later run has gone on behind it with a `fence` line, and so is what a former holder still wrote
 * behind the fence that took its place; a broken line anywhere else is a fault: something other than keyturn wrote
 * there.
 */
export function parseJournal(text: string, where: string): JournalLine[] {
  const rows = text.split('\n').slice(0, -1).map(parseRow);
  const behind = nextOf(rows);
  const lines: JournalLine[] = [];
  let fenced = 0;
  for (const [index, row] of rows.entries()) {
    if (row !== null && row.seq <= fenced) continue;
    const next = behind[index];
    // Its append was cut off and never confirmed: whoever went on wrote in its place.
    const isTorn = next?.type === 'fence' && next.seq === lines.length + 1;
    if (isTorn) continue;
    const line = checked(row, lines.length + 1, where, index + 1);
    if (line.type === 'fence') fenced = line.seq;
    lines.push(line);
  }
  return lines;
}

/** For each row the next one behind it that is a line; null: there is none. */
function nextOf(rows: readonly (JournalLine | null)[]): (JournalLine | null)[] {
  const next: (JournalLine | null)[] = [];
  for (let at = rows.length - 1; at >= 0; at -= 1) next[at] = rows[at + 1] ?? next[at + 1] ?? null;
  return next;
}

function checked(line: JournalLine | null, seq: number, where: string, row: number): JournalLine {
  if (line === null || line.seq !== seq) throw broken(where, row, 'is no journal line');
  if (line.type === 'begin' && line.format > JOURNAL_FORMAT) {
    throw new Fault({
      code: 'newer-format',
      what: `the journal is written in format ${line.format}, this keyturn reads up to ${JOURNAL_FORMAT}`,
      where,
      live: 'an apply was interrupted; nothing was changed by reading its journal',
      next: 'finish it with the keyturn version that wrote it, or a newer one',
    });
  }
  if ((seq === 1) !== (line.type === 'begin')) throw broken(where, row, 'stands where it cannot stand');
  return line;
}

/**
 * Appends a line that only says that someone else goes on with this journal: what a former holder still appends
 * is then refused. Returns the line and the log's new tag.
 */
export async function fenceJournal(
  store: ObjectStore,
  there: Stored,
  lines: readonly JournalLine[],
  fence: Omit<Extract<JournalLine, { type: 'fence' }>, 'seq' | 'type'>,
): Promise<{ readonly line: JournalLine; readonly tag: string }> {
  const line: JournalLine = { seq: lines.length + 1, type: 'fence', ...fence };
  // In the row of a torn line: were that ended first and this append cut off too, it would look like a whole one.
  const tag = await store.append(JOURNAL, textOf(line), there.tag);
  return { line, tag };
}

/** ASCII only: what is cut off then never ends within a character, and its length is that of the file. */
function textOf(line: JournalLine): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(line).replaceAll(/[\u0080-\uffff]/g, escaped);
}

/** A row is one line, or a fence behind a torn one. */
function parseRow(row: string): JournalLine | null {
  const whole = parseLine(row);
  if (whole !== null) return whole;
  const behind = parseLine(row.slice(Math.max(0, row.lastIndexOf('{"seq":'))));
  return behind?.type === 'fence' ? behind : null;
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
 * Once one failed, or the lease was lost, every further one is refused: what is on disk then ends in a whole line
 * or a torn one.
 */
export class Journal {
  readonly lines: JournalLine[];
  readonly #store: ObjectStore;
  readonly #base: Recorded;
  readonly #now: () => Instant;
  readonly #fence: Fence;
  readonly #replay: Replay;
  #tag: string;
  #tail: Promise<void> = Promise.resolve();

  constructor(
    store: ObjectStore,
    base: Recorded,
    now: () => Instant,
    fence: Fence,
    there: { readonly lines: readonly JournalLine[]; readonly tag: string },
  ) {
    this.#store = store;
    this.#base = base;
    this.#now = now;
    this.#fence = fence;
    this.lines = [...there.lines];
    this.#tag = there.tag;
    this.#replay = new Replay(base, there.lines);
  }

  /** The record with everything that this journal holds so far; it stays as it is. */
  get recorded(): Recorded {
    return this.#replay.recorded;
  }

  /** One secret of it, without a copy of the rest. */
  secret(address: SecretAddress): RecordedSecret | undefined {
    return this.#replay.secret(address);
  }

  /** One consumer of it, without a copy of the rest. */
  consumer(address: ConsumerAddress): RecordedConsumer | undefined {
    return this.#replay.consumer(address);
  }

  /** The record that this journal continues. */
  get base(): Recorded {
    return this.#base;
  }

  /** Names the content, for its removal. */
  get tag(): string {
    return this.#tag;
  }

  async append(entry: Entry): Promise<JournalLine> {
    // What is folded into the record is what is written.
    const line = guardedLine({ seq: this.lines.length + 1, at: this.#now(), ...entry });
    this.lines.push(line);
    this.#replay.add(line);
    this.#tail = this.#tail.then(() => this.#write(textOf(line)));
    await this.#tail;
    return line;
  }

  async #write(line: string): Promise<void> {
    this.#fence.pass();
    try {
      this.#tag = await this.#store.append(JOURNAL, line, this.#tag);
    } catch (thrown) {
      throw thrown instanceof Changed ? takenOver(this.#store.place, thrown) : thrown;
    }
  }
}

/** Someone else wrote where only the holder of the lease writes. */
export function takenOver(place: string, cause: unknown): Fault {
  return new Fault({
    code: 'lease-lost',
    what: 'the lease is lost: someone else took it and wrote into the record',
    where: place,
    live: 'nothing was changed since; what was done before stands in the journal',
    next: 'run keyturn apply: it looks at what is there and ends what is half-done',
    cause,
  });
}
