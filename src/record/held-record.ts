import type { Instant } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import type { HistoryEntry, JournalLine } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import type { ObjectStore, Stored } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import type { History } from './history-files.ts';
import type { Entry } from './journal-file.ts';
import { fenceJournal, Journal, JOURNAL, takenOver } from './journal-file.ts';
import type { Lease } from './lease.ts';
import { instantOf } from './lease.ts';
import type { Loaded } from './load.ts';
import { STATE } from './load.ts';
import { stateText } from './state-file.ts';

/** Digests of used plans that are remembered. */
const USED_PLANS = 100;

/**
 * A record whose lease is held: the only way to write it. Each write names what it replaces and passes the fence
 * first, so a holder who lost the lease writes nothing more, whether it knows that or not.
 */
export class HeldRecord {
  readonly #store: ObjectStore;
  readonly #history: History;
  readonly #load: () => Promise<Loaded>;
  readonly #lease: Lease;
  /** Of the state that the journal under way continues. */
  #stateTag: string | null = null;

  constructor(store: ObjectStore, history: History, load: () => Promise<Loaded>, lease: Lease) {
    this.#store = store;
    this.#history = history;
    this.#load = load;
    this.#lease = lease;
  }

  get fence(): Fence {
    return this.#lease;
  }

  /** Gives the lease back. */
  release(): Promise<void> {
    return this.#lease.release();
  }

  /** Starts a journal. A journal that did not end must have been resumed first. */
  async begin(entry: Extract<Entry, { type: 'begin' }>, now: () => Instant): Promise<Journal> {
    const store = this.#store;
    const { state, stateTag, lines, journal: there } = await this.#load();
    if (lines.length > 0) throw interruptedBefore(store.place, lines);
    const known = state.head?.entry ?? 0;
    if (await this.#history.has(known + 1)) throw older(store.place, known);
    this.#stateTag = stateTag;
    this.#lease.pass();
    if (there !== null) await store.remove(JOURNAL, there.tag);
    const tag = await store.startLog(JOURNAL).catch((thrown: unknown) => {
      throw thrown instanceof Changed ? takenOver(store.place, thrown) : thrown;
    });
    const journal = new Journal(store, state, now, this.#lease, { lines: [], tag });
    // The plan may have been made at an older serial: what counts is the state that this journal continues.
    await journal.append({ ...entry, serial: state.serial });
    try {
      // Whoever unlocks looks for a journal after taking the claim, and we for our claim after making the journal.
      await this.#lease.confirm();
    } catch (thrown) {
      // Nothing was done under it: whoever took the lease need not look after it.
      await store.remove(JOURNAL, journal.tag).catch(() => undefined);
      throw thrown;
    }
    return journal;
  }

  /** The journal of the interrupted apply, to go on with; null where there is none. */
  async resume(now: () => Instant): Promise<Journal | null> {
    const store = this.#store;
    const { state, stateTag, lines, journal: there } = await this.#load();
    if (there === null || lines.length === 0) return null;
    this.#stateTag = stateTag;
    const { line, tag } = await this.#fenceJournal(there, lines, 'resume');
    return new Journal(store, state, now, this.#lease, { lines: [...lines, line], tag });
  }

  /**
   * Ends an apply: history entry, then state, then the journal goes. Interrupted between two of these it can be
   * done again with the same entry. Returns the record as it stands.
   */
  async finish(journal: Journal, entry: HistoryEntry): Promise<Recorded> {
    const store = this.#store;
    this.#lease.pass();
    const head = await this.#history.add(entry);
    const { recorded, base } = journal;
    const done: Recorded = {
      ...recorded,
      serial: base.serial + 1,
      usedPlans: [...recorded.usedPlans, entry.planDigest].slice(-USED_PLANS),
      head,
    };
    await this.write(done, this.#stateTag);
    await store.remove(JOURNAL, journal.tag).catch((thrown: unknown) => {
      // What lies there now is of someone who found this apply recorded and began another one.
      if (!(thrown instanceof Changed)) throw thrown;
    });
    return done;
  }

  /** Writes the state in the place of the one with this tag (null: of none). */
  async write(recorded: Recorded, over: string | null): Promise<void> {
    const store = this.#store;
    this.#lease.pass();
    try {
      await store.put(STATE, stateText(recorded), over === null ? 'absent' : { tag: over });
    } catch (thrown) {
      throw thrown instanceof Changed ? takenOver(store.place, thrown) : thrown;
    }
  }

  /**
   * Writes state and journal anew where they lie, so that no write of a former holder still finds what it
   * expects.
   */
  async fenceOff(why: 'takeover' | 'unlock'): Promise<void> {
    const { state, stateTag, journal, lines } = await this.#load();
    const [begin] = lines;
    // Nothing was written yet: whoever begins now looks for its claim once more before it goes on.
    if (stateTag === null && lines.length === 0) return;
    if (journal !== null && lines.length > 0) await this.#fenceJournal(journal, lines, why);
    const lineage = begin?.type === 'begin' ? begin.lineage : state.lineage;
    await this.write({ ...state, lineage, serial: state.serial + 1 }, stateTag);
  }

  async #fenceJournal(
    there: Stored,
    lines: readonly JournalLine[],
    why: 'resume' | 'takeover' | 'unlock',
  ): ReturnType<typeof fenceJournal> {
    const store = this.#store;
    this.#lease.pass();
    const by = this.#lease.holder.holder;
    try {
      return await fenceJournal(store, there, lines, { at: instantOf(Date.now()), why, by });
    } catch (thrown) {
      throw thrown instanceof Changed ? takenOver(store.place, thrown) : thrown;
    }
  }
}

function older(place: string, known: number): Fault {
  return new Fault({
    code: 'bad-file',
    what: `the state is older than the history: entry ${known + 1} exists, and the state knows ${known}`,
    where: `${place}/${STATE}`,
    live: 'nothing was changed; vault and platform hold what the newest entry tells',
    next: 'bring back the state that belongs to the newest entry: keyturn history list',
  });
}

function interruptedBefore(place: string, lines: readonly JournalLine[]): Fault {
  return new Fault({
    code: 'unfinished',
    what: `an apply that began at ${lines[0]?.at ?? '?'} did not end`,
    where: `${place}/${JOURNAL}`,
    live: 'what it did stands in its journal',
    next: 'run keyturn apply: it ends that one first',
  });
}
