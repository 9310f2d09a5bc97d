import { z } from 'zod';
import { canonicalJson, digestOf } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import { guardedEntry } from '../model/guarded.ts';
import type { HistoryEntry } from '../model/journal.ts';
import { ASIDE_KINDS } from '../model/journal.ts';
import type { BundledEntry } from './bundle.ts';
import { parseFormat } from './formats.ts';
import type { ObjectStore } from '../model/store.ts';
import { Changed } from '../model/store.ts';

const HISTORY_FORMAT = 1;
/** Entries that are read at once, where all are read. */
const AT_ONCE = 16;
/** Entries that are read before it is asked whether they were enough. */
const CHUNK = 64;

/** What a reader needs of any entry, however old. */
export const entrySchema = z.looseObject({
  format: z.literal(1),
  entry: z.int().positive(),
  previous: z.string().nullable(),
  kind: z.enum(['apply', 'rollback', 'compromise', 'rebuild', 'migrate', 'import', ...ASIDE_KINDS]),
  outcome: z.enum(['done', 'failed', 'rolled-back', 'stopped', 'interrupted', 'incomplete']),
  startedAt: z.iso.datetime(),
  continued: z.array(z.looseObject({ at: z.string(), why: z.string(), by: z.string() })).default([]),
  steps: z.array(z.looseObject({ id: z.string(), kind: z.string(), status: z.string() })),
});

/** `history/000042.json`: one entry a file, numbered without gaps, each naming the digest of the one before. */
export class History {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Numbers of all entries, oldest first. Reads names only. */
  async numbers(): Promise<number[]> {
    const names = await this.#store.list('history/');
    return names.flatMap((name) => {
      const digits = /^history\/(\d{6,})\.json$/.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    });
  }

  /** The newest entries, newest first; at most `limit`. Reads no other. */
  async list(limit: number): Promise<HistoryEntry[]> {
    return this.#some((await this.numbers()).reverse().slice(0, limit));
  }

  /**
   * The newest entries that `fits` takes, newest first; at most `limit`. Walks back from the newest until it has so many
   * or an entry is out of `reach`: none of those before it is read then.
   */
  async pick(
    limit: number,
    fits: (entry: HistoryEntry) => boolean,
    reach: (entry: HistoryEntry) => boolean,
  ): Promise<HistoryEntry[]> {
    const numbers = (await this.numbers()).reverse();
    const picked: HistoryEntry[] = [];
    for (let at = 0; at < numbers.length && picked.length < limit; at += CHUNK) {
      const some = await this.#some(numbers.slice(at, at + CHUNK));
      picked.push(...some.filter(fits));
      if (!some.every(reach)) break;
    }
    return picked.slice(0, limit);
  }

  /** Every entry up to that number, oldest first; those that are missing are left out. */
  async upTo(number: number): Promise<HistoryEntry[]> {
    return this.#some((await this.numbers()).filter((each) => each <= number));
  }

  async #some(numbers: readonly number[]): Promise<HistoryEntry[]> {
    const entries: HistoryEntry[] = [];
    for (let at = 0; at < numbers.length; at += AT_ONCE) {
      const some = numbers.slice(at, at + AT_ONCE).map((number) => this.show(number));
      entries.push(...(await Promise.all(some)));
    }
    return entries;
  }

  /** Number and digest of the newest entry; null before the first. */
  async head(): Promise<{ readonly entry: number; readonly digest: string } | null> {
    const number = (await this.numbers()).at(-1);
    return number === undefined ? null : { entry: number, digest: (await this.#raw(number)).digest };
  }

  /** Every entry as it was written, oldest first. */
  async raw(): Promise<BundledEntry[]> {
    const entries: BundledEntry[] = [];
    const numbers = await this.numbers();
    for (let at = 0; at < numbers.length; at += AT_ONCE) {
      const some = numbers.slice(at, at + AT_ONCE).map((number) => this.#raw(number));
      entries.push(...(await Promise.all(some)));
    }
    return entries;
  }

  /** Of the very text: what a reader adds to an older entry is not part of it, nor of its digest. */
  async #raw(number: number): Promise<BundledEntry> {
    const stored = await this.#stored(number);
    parseEntry(stored.text, stored.where);
    const entry = JSON.parse(stored.text) as unknown;
    return { digest: digestOf(entry), entry };
  }

  /** The text of every entry, oldest first, whatever it is: nothing is parsed. */
  async texts(): Promise<{ readonly number: number; readonly text: string }[]> {
    const numbers = [...new Set(await this.numbers())];
    const texts: { readonly number: number; readonly text: string }[] = [];
    for (let at = 0; at < numbers.length; at += CHUNK) {
      const some = numbers.slice(at, at + CHUNK).map(async (number) => {
        const stored = await this.#store.get(nameOfEntry(number));
        // One that went between the two looks is missing, as it was before them.
        return stored === null ? [] : [{ number, text: stored.text }];
      });
      texts.push(...(await Promise.all(some)).flat());
    }
    return texts;
  }

  /** Digest of an entry as it was written; null where there is none. */
  async digestAt(number: number): Promise<string | null> {
    return (await this.has(number)) ? (await this.#raw(number)).digest : null;
  }

  async has(number: number): Promise<boolean> {
    return (await this.#store.get(nameOfEntry(number))) !== null;
  }

  async show(number: number): Promise<HistoryEntry> {
    const { text, where } = await this.#stored(number);
    return parseEntry(text, where);
  }

  async #stored(number: number): Promise<{ readonly text: string; readonly where: string }> {
    const stored = await this.#store.get(nameOfEntry(number));
    if (stored !== null) return { text: stored.text, where: `${this.#store.place}/${nameOfEntry(number)}` };
    const numbers = await this.numbers();
    const last = numbers.at(-1);
    throw new Fault({
      code: 'bad-usage',
      what: `there is no history entry ${number}`,
      where: `${this.#store.place}/history`,
      next:
        last === undefined
          ? 'nothing was applied yet'
          : `entries ${numbers[0] ?? 1} to ${last} exist: keyturn history list`,
    });
  }

  /**
   * Writes an entry, durable when it resolves. An entry of the same number with the same content is left as it
   * is, so that a finish that was interrupted can be done again; one with other content is a fault. Its free text goes
   * through the guard.
   */
  add(entry: HistoryEntry): Promise<{ readonly entry: number; readonly digest: string }> {
    return this.copy(guardedEntry(entry));
  }

  /** The same for an entry of another place, to the letter: its digest stands in the entry after it. */
  async copy(entry: HistoryEntry): Promise<{ readonly entry: number; readonly digest: string }> {
    const text = `${canonicalJson(entry)}\n`;
    const name = nameOfEntry(entry.entry);
    try {
      await this.#store.put(name, text, 'absent');
    } catch (thrown) {
      if (!(thrown instanceof Changed)) throw thrown;
      const there = await this.#store.get(name);
      if (there === null || parseEntry(there.text, name).apply !== entry.apply) throw taken(name, thrown);
      return { entry: entry.entry, digest: digestOf(JSON.parse(there.text)) };
    }
    return { entry: entry.entry, digest: digestOf(entry) };
  }
}

function parseEntry(text: string, where: string): HistoryEntry {
  const next = 'bring it back from version control; the entries after it no longer verify';
  return parseFormat(text, where, HISTORY_FORMAT, entrySchema, next) as unknown as HistoryEntry;
}

function nameOfEntry(number: number): string {
  return `history/${String(number).padStart(6, '0')}.json`;
}

function taken(name: string, cause: unknown): Fault {
  return new Fault({
    code: 'bad-file',
    what: `${name} exists and is of another apply`,
    where: name,
    live: 'what was applied stands in the journal',
    next: 'someone else wrote this record at the same time: compare both before anything is applied',
    cause,
  });
}
