import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import type { Instant } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { HistoryEntry, JournalLine } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import { emptyRecord } from '../model/recorded.ts';
import { Replay } from './fold.ts';
import { History } from './history-files.ts';
import type { Entry } from './journal-file.ts';
import { Journal, JOURNAL, parseJournal } from './journal-file.ts';
import type { Holder, IsAlive } from './lease.ts';
import { acquireLease } from './lease.ts';
import { LocalStore } from './local-store.ts';
import { parseState, stateText } from './state-file.ts';
import type { ObjectStore } from './store.ts';
import { Changed } from './store.ts';

const STATE = 'state.json';

/** Digests of used plans that are remembered. */
const USED_PLANS = 100;

/** The record of a stack in a local directory, `<directory>/<stack>/`. Creates nothing until something is written. */
export function openRecord(options: { readonly directory: string; readonly stack: string }): StackRecord {
  const { directory, stack } = options;
  return new StackRecord(
    new LocalStore(join(directory, stack), `${basename(directory)}/${stack}`),
    stack,
    randomUUID,
  );
}

/**
 * The record of one stack: state, the running apply's journal, history and lease.
 *
 *     state.json           what was recorded at the end of the last apply
 *     journal.jsonl        the apply that runs, or that was interrupted; absent otherwise
 *     history/000001.json  one entry an apply
 *     lease.json           who applies now; absent otherwise
 */
export class StackRecord {
  readonly history: History;
  readonly store: ObjectStore;
  readonly #stack: string;
  readonly #newLineage: () => string;

  constructor(store: ObjectStore, stack: string, newLineage: () => string) {
    this.store = store;
    this.#stack = stack;
    this.#newLineage = newLineage;
    this.history = new History(store);
  }

  /** What is recorded, with the journal of an interrupted apply replayed over it. Writes nothing. */
  async read(): Promise<Recorded> {
    const { state, lines } = await this.#load();
    return new Replay(state, lines).recorded;
  }

  /** The journal of an apply that did not end; null where there is none. */
  async interrupted(): Promise<readonly JournalLine[] | null> {
    const { lines } = await this.#load();
    return lines.length === 0 ? null : lines;
  }

  /** One holder at a time; see acquireLease. */
  lease(own: Holder, isAlive: IsAlive): Promise<() => Promise<void>> {
    return acquireLease(this.store, own, isAlive);
  }

  /** Starts a journal. The lease must be held; a journal that did not end must have been resumed first. */
  async begin(entry: Extract<Entry, { type: 'begin' }>, now: () => Instant): Promise<Journal> {
    const { state, lines, isFolded } = await this.#load();
    if (lines.length > 0) throw interruptedBefore(this.store.place, lines);
    if (isFolded) await this.store.remove(JOURNAL);
    await this.store.put(JOURNAL, '', 'absent').catch((thrown: unknown) => {
      throw thrown instanceof Changed ? beganTwice(this.store.place, thrown) : thrown;
    });
    const journal = new Journal(this.store, state, now, []);
    // The plan may have been made at an older serial: what counts is the state that this journal continues.
    await journal.append({ ...entry, serial: state.serial });
    return journal;
  }

  /** The journal of the interrupted apply, to go on with. The lease must be held. */
  async resume(now: () => Instant): Promise<Journal | null> {
    const { state, lines } = await this.#load();
    if (lines.length === 0) return null;
    // A torn last line is written anew without it, so that the next append does not continue it.
    await this.store.put(JOURNAL, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), 'any');
    return new Journal(this.store, state, now, lines);
  }

  /**
   * Ends an apply: history entry, then state, then the journal goes. Interrupted between two of these it can be
   * done again with the same entry. Returns the record as it stands.
   */
  async finish(journal: Journal, entry: HistoryEntry): Promise<Recorded> {
    const head = await this.history.add(entry);
    const { recorded, base } = journal;
    const done: Recorded = {
      ...recorded,
      serial: base.serial + 1,
      usedPlans: [...recorded.usedPlans, entry.planDigest].slice(-USED_PLANS),
      head,
    };
    await this.store.put(STATE, stateText(done), 'any');
    await this.store.remove(JOURNAL);
    return done;
  }

  async #load(): Promise<{ state: Recorded; lines: readonly JournalLine[]; isFolded: boolean }> {
    const [stored, journal] = await Promise.all([this.store.get(STATE), this.store.get(JOURNAL)]);
    const state =
      stored === null
        ? emptyRecord(this.#stack, this.#newLineage())
        : parseState(stored.text, `${this.store.place}/${STATE}`);
    if (state.stack !== this.#stack) throw otherStack(state.stack, this.#stack, this.store.place);
    const lines = journal === null ? [] : parseJournal(journal.text, `${this.store.place}/${JOURNAL}`);
    const begin = lines[0];
    // The state was written after this journal ended: only its removal is missing. One without a line never began.
    const isFolded =
      journal !== null && (begin === undefined || (begin.type === 'begin' && state.serial > begin.serial));
    return { state, lines: isFolded ? [] : lines, isFolded };
  }
}

function interruptedBefore(place: string, lines: readonly JournalLine[]): Fault {
  return new Fault({
    code: 'unfinished',
    what: `an apply that began at ${lines[0]?.at ?? '?'} did not end`,
    where: `${place}/${JOURNAL}`,
    live: 'what it did stands in its journal',
    next: 'run keyturn apply: it takes that one back first',
  });
}

function beganTwice(place: string, cause: unknown): Fault {
  return new Fault({
    code: 'lease-held',
    what: 'another apply of this stack began at the same moment',
    where: `${place}/${JOURNAL}`,
    live: 'nothing was changed by this run',
    next: 'wait until it has ended, then run again',
    cause,
  });
}

function otherStack(found: string, wanted: string, place: string): Fault {
  return new Fault({
    code: 'bad-file',
    what: `the record is of stack '${found}', not of '${wanted}'`,
    where: `${place}/${STATE}`,
    live: 'nothing was changed',
    next: 'use one record directory a stack',
  });
}
