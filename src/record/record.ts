import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { Fault, asFault } from '../model/fault.ts';
import type { JournalLine } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import type { ObjectStore } from '../model/store.ts';
import type { Aside } from './aside.ts';
import { leaveAside, leftAside } from './aside.ts';
import type { ClaimOptions } from './claim.ts';
import { claim } from './claim.ts';
import { existingIn } from './existing.ts';
import { Replay } from './fold.ts';
import { HeldRecord } from './held-record.ts';
import { JOURNAL } from './journal-file.ts';
import { History } from './history-files.ts';
import type { Holder } from './lease.ts';
import { holderIn } from './lease.ts';
import type { Loaded } from './load.ts';
import { fetchRecord, loadRecord, stateIn } from './load.ts';
import { isAway } from './moved.ts';
import { LocalStore } from './local-store.ts';
import type { Place } from './transfer.ts';
import { lookAt } from './transfer.ts';
import type { Standing } from './unlock.ts';
import { seize, standingOn } from './unlock.ts';

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
 *     lease-000001.json    who applies now; absent otherwise
 *
 * Reading takes no lease and writes nothing. Whoever writes claims it first.
 */
export class StackRecord {
  readonly history: History;
  readonly store: ObjectStore;
  readonly stack: string;
  readonly #newLineage: () => string;

  constructor(store: ObjectStore, stack: string, newLineage: () => string) {
    this.store = store;
    this.stack = stack;
    this.#newLineage = newLineage;
    this.history = new History(store);
  }

  /** What is recorded, with the journal of an interrupted apply replayed over it. */
  async read(): Promise<Recorded> {
    const { state, lines } = await this.#load();
    return new Replay(state, lines).recorded;
  }

  /**
   * What `read` would give now, once this resolves; what it resolves with reads it through, in turns with other work, and
   * throws what `read` does.
   */
  async fetch(): Promise<() => Promise<Recorded>> {
    const load = await fetchRecord(this.store, this.history, this.stack, this.#newLineage);
    return async () => {
      const { state, lines } = await load();
      return new Replay(state, lines).recorded;
    };
  }

  /** The newest history entry as the state names it, whatever the history holds. */
  async head(): Promise<{ readonly isThere: boolean; readonly head: Recorded['head'] }> {
    const { stored } = await stateIn(this.store);
    if (stored === null) return { isThere: false, head: null };
    return { isThere: true, head: (isAway(stored) ? stored.state : stored).head };
  }

  /** The journal of an apply that runs or did not end; null where there is none. */
  async interrupted(): Promise<readonly JournalLine[] | null> {
    const lines = await this.journal();
    return lines === null || lines.length === 0 ? null : lines;
  }

  /** The same, but empty where the journal of an apply that is over lies there. */
  async journal(): Promise<readonly JournalLine[] | null> {
    return (await this.hasJournal()) ? (await this.#load()).lines : null;
  }

  /**
   * Whether a journal lies there, be it of an apply that is over: who was killed right behind its beginning or its end
   * could not remove it. The next holder of the lease does, in `resume`.
   */
  async hasJournal(): Promise<boolean> {
    return (await this.store.get(JOURNAL)) !== null;
  }

  /** Who holds the lease; null where nobody does. */
  async holder(): Promise<Holder | null> {
    const standing = await this.store.lock.read();
    if (standing === null) return null;
    const holder = holderIn(standing.text, this.store.lock);
    return holder.isFenced ? null : holder;
  }

  /**
   * The right to write, for one holder at a time; see `claim`. Holds afterwards: whoever held it before and did
   * not give it back can write nothing more.
   */
  async claim(own: Holder, options: ClaimOptions): Promise<HeldRecord> {
    const { lease, from } = await claim(this.store.lock, own, options);
    const held = new HeldRecord(this.store, this.history, () => this.#load(), lease);
    try {
      if (from !== null) await held.fenceOff('takeover');
    } catch (thrown) {
      await lease.release().catch(() => undefined);
      throw thrown;
    }
    return held;
  }

  /** What lies there, whole; an apply that runs or did not end is an `unfinished` fault. */
  look(): Promise<Place> {
    return lookAt(this.store, this.history, () => this.#load());
  }

  /** Names of what makes it a record; empty where there is none. Whole or broken is not asked. */
  existing(): Promise<string[]> {
    return existingIn(this.store);
  }

  /** Leaves something that was no apply for the next apply to take into the history; see `leaveAside`. */
  leave(aside: Aside): Promise<void> {
    return leaveAside(this.store, aside);
  }

  /** What was left and is not in the history yet, oldest first. */
  async left(): Promise<Aside[]> {
    return (await leftAside(this.store)).map(({ aside }) => aside);
  }

  /** The claim as it stands, fenced or not; null where there is none. */
  standing(): Promise<Standing | null> {
    return standingOn(this.store.lock);
  }

  /**
   * Takes the lease from the holder that was `seen` and fences it off. Holds afterwards: whatever that holder still
   * writes is refused, and the next claim waits out the longest act. False where it gave the lease back meanwhile.
   * A fault of the record's files leaves the lease taken and says so.
   */
  async unlock(
    seen: Standing,
    own: Holder,
    options: Pick<ClaimOptions, 'terms' | 'clock'> & { readonly aside: Aside },
  ): Promise<boolean> {
    const lease = await seize(this.store.lock, seen, own, options);
    if (lease === null) return false;
    try {
      const held = new HeldRecord(this.store, this.history, () => this.#load(), lease);
      if (await held.fenceOff('unlock')) await held.note(options.aside);
    } catch (thrown) {
      throw seizedOnly(asFault(thrown));
    } finally {
      await lease.abandon();
    }
    return true;
  }

  #load(): Promise<Loaded> {
    return loadRecord(this.store, this.history, this.stack, this.#newLineage);
  }
}

function seizedOnly(fault: Fault): Fault {
  return new Fault({
    ...fault.toJSON(),
    live: 'the lease was taken from its holder; the record itself could not be written to fence it off',
    cause: fault.cause ?? fault,
  });
}
