import type { Instant } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import type { Adopted, HistoryEntry, JournalLine } from '../model/journal.ts';
import { ASIDE_KINDS } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import type { ObjectStore, Stored } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import type { Aside, Left } from './aside.ts';
import { asideEntry, leaveAside, leftAside } from './aside.ts';
import type { Bundle } from './bundle.ts';
import { existingIn, existsAlready } from './existing.ts';
import type { History } from './history-files.ts';
import type { Entry } from './journal-file.ts';
import { fenceJournal, Journal, JOURNAL, takenOver } from './journal-file.ts';
import type { Lease } from './lease.ts';
import { instantOf } from './lease.ts';
import type { Loaded } from './load.ts';
import { STATE, stateIn } from './load.ts';
import type { Move, Moved } from './moved.ts';
import { isAway, movedAway, movedText } from './moved.ts';
import type { Origin } from './origin.ts';
import { originEntry } from './origin.ts';
import { stateText } from './state-file.ts';
import type { Stepless } from './stepless.ts';
import { steplessEntry } from './stepless.ts';
import { withAdopted } from './adopted.ts';
import type { Place, Received } from './transfer.ts';
import { assertArrived, judge, lookAt, nothingIn } from './transfer.ts';

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
    const { state, stateTag, lines, journal: there } = await this.#loadWhole();
    if (lines.length > 0) throw interruptedBefore(store.place, lines);
    const known = state.head?.entry ?? 0;
    if (await this.#history.has(known + 1)) throw older(store.place, known);
    this.#stateTag = stateTag;
    this.#lease.pass();
    if (there !== null) await this.#removeJournal(there.tag);
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

  /**
   * The journal of the interrupted apply, to go on with; null where there is none. One of an apply that had done
   * nothing yet, or that the state already holds, goes: who was killed right then could not remove it.
   */
  async resume(now: () => Instant): Promise<Journal | null> {
    const store = this.#store;
    const { state, stateTag, lines, journal: there } = await this.#loadWhole();
    if (there === null) return null;
    if (lines.length === 0) {
      this.#lease.pass();
      await this.#removeJournal(there.tag);
      return null;
    }
    this.#stateTag = stateTag;
    const { line, tag } = await this.#fenceJournal(there, lines, 'resume');
    return new Journal(store, state, now, this.#lease, { lines: [...lines, line], tag });
  }

  /**
   * Ends an apply: history entry, then state, then the journal goes. Interrupted between two of these it can be
   * done again with the same entry. Returns the record as it stands.
   */
  async finish(journal: Journal, entry: HistoryEntry): Promise<Recorded> {
    await this.#lease.confirm();
    const head = await this.#history.add(entry);
    const { recorded, base } = journal;
    // A plan of which nothing was begun may be applied after all.
    const isUsed = journal.lines.some(({ type }) => type === 'intent');
    const used = isUsed && entry.planDigest !== null ? [entry.planDigest] : [];
    const done: Recorded = {
      ...recorded,
      serial: base.serial + 1,
      usedPlans: [...recorded.usedPlans, ...used].slice(-USED_PLANS),
      head,
    };
    await this.write(done, this.#stateTag);
    await this.#removeJournal(journal.tag);
    return this.#takeIn(done);
  }

  /** Digest of an entry of the history; null where there is none. */
  digestAt(entry: number): Promise<string | null> {
    return this.#history.digestAt(entry);
  }

  /**
   * Writes one more history entry, of something that was no apply. Where an apply did not end, whose entry may have the
   * next number already, it is left for the one that ends it. Where there is no record yet it is not kept.
   */
  async note(aside: Aside): Promise<void> {
    const { state, stateTag, lines, journal } = await this.#loadWhole();
    if (stateTag === null) return;
    if (lines.length > 0) return leaveAside(this.#store, aside);
    // One that the state holds already would look open once the head is another entry.
    if (journal !== null) await this.#removeJournal(journal.tag);
    this.#lease.pass();
    const head = await this.#history.add(asideEntry(aside, state.head));
    await this.write({ ...state, serial: state.serial + 1, head }, stateTag);
  }

  /**
   * Puts what was taken over on record: history entry, then state. The entry holds all of it, so that a crash between
   * the two is made up for by whoever writes next. Refused without a change where an apply did not end, where one of
   * the secrets is on record already, and in a record of another lineage. Returns the record as it stands.
   */
  async adopt(entry: Stepless & { readonly adopted: Adopted }): Promise<Recorded> {
    const { state, stateTag, lines, journal } = await this.#loadWhole();
    if (lines.length > 0) throw interruptedBefore(this.#store.place, lines);
    const after = withAdopted(
      stateTag === null ? { ...state, lineage: entry.adopted.lineage } : state,
      entry,
    );
    if (after === null) throw otherRecord(this.#store.place);
    const known = state.head?.entry ?? 0;
    if (await this.#history.has(known + 1)) throw older(this.#store.place, known);
    if (journal !== null) await this.#removeJournal(journal.tag);
    await this.#lease.confirm();
    const head = await this.#history.add(steplessEntry(entry, state.head));
    const done = { ...after, head };
    await this.write(done, stateTag);
    return this.#takeIn(done);
  }

  /**
   * Takes what others left beside the record into the history. Returns the record as it stands. An apply that has ended
   * has ended: what cannot be taken in now stays for the next one.
   */
  async #takeIn(recorded: Recorded): Promise<Recorded> {
    try {
      const left = await leftAside(this.#store);
      if (left.length === 0) return recorded;
      const done = await this.#withEntriesOf(left, recorded);
      await this.#remove(left);
      return done;
    } catch {
      return recorded;
    }
  }

  async #withEntriesOf(left: readonly Left[], recorded: Recorded): Promise<Recorded> {
    const known = await this.#takenSince(left[0]?.aside.at ?? '');
    let { head } = recorded;
    for (const { aside } of left) {
      this.#lease.pass();
      if (!known.has(aside.id)) head = await this.#history.add(asideEntry(aside, head));
    }
    const done = { ...recorded, serial: recorded.serial + 1, head };
    await this.write(done, (await stateIn(this.#store)).tag);
    return done;
  }

  /** Ids of what was taken in already and could not be removed: walks back to an apply from before `oldest`. */
  async #takenSince(oldest: Instant): Promise<ReadonlySet<string>> {
    const isNear = (entry: HistoryEntry): boolean => isAside(entry) || entry.endedAt >= oldest;
    const taken = await this.#history.pick(Infinity, isAside, isNear);
    return new Set(taken.map(({ apply }) => apply));
  }

  async #remove(left: readonly Left[]): Promise<void> {
    for (const { name } of left) await this.#store.remove(name).catch(() => undefined);
  }

  /**
   * All that is there. Where a crash came between the entry of something that was no apply and the state that names
   * it, the state is written first.
   */
  async #loadWhole(): Promise<Loaded> {
    const loaded = await this.#load();
    const { state, stateTag, journal, lines } = loaded;
    const whole = await this.#withEntriesBehind(state, stateTag === null);
    if (whole === null) return loaded;
    if (journal !== null && lines.length === 0) await this.#removeJournal(journal.tag);
    await this.write({ ...whole, serial: state.serial + 1 }, stateTag);
    return this.#load();
  }

  /**
   * The state with what the entries behind its head say, where all of them are of something that was no apply; else
   * null. Where no state was written yet only an import can have been cut off.
   */
  async #withEntriesBehind(state: Recorded, isNew: boolean): Promise<Recorded | null> {
    let whole = state;
    for (let next = (state.head?.entry ?? 0) + 1; await this.#history.has(next); next += 1) {
      const entry = await this.#history.show(next);
      if (entry.previous !== (whole.head?.digest ?? null)) return null;
      const head = { entry: next, digest: (await this.#history.digestAt(next)) ?? '' };
      if (entry.kind === 'import') {
        const isFirst = isNew && whole === state;
        const lineage = isFirst ? (entry.adopted?.lineage ?? '') : whole.lineage;
        const after = withAdopted({ ...whole, lineage }, entry);
        if (after === null) return null;
        whole = { ...after, head };
      } else if (isAside(entry) && !(isNew && whole === state)) whole = { ...whole, head };
      else return null;
    }
    return whole === state ? null : whole;
  }

  async #removeJournal(tag: string): Promise<void> {
    await this.#store.remove(JOURNAL, tag).catch((thrown: unknown) => {
      // What lies there now is of someone who found this apply recorded and began another one.
      if (!(thrown instanceof Changed)) throw thrown;
    });
  }

  /**
   * Writes the state of a record that has none, and before it the history entry that says where it comes from. A
   * history that is there goes on, and the plans that it names count as used. Refused where state or journal exists.
   */
  async establish(recorded: Recorded, origin: Origin): Promise<Recorded> {
    const store = this.#store;
    const [there] = await existingIn(store);
    if (there !== undefined) throw existsAlready(store.place, there);
    const known = await this.#history.list(USED_PLANS);
    const last = await this.#history.head();
    await this.#lease.confirm();
    const head = await this.#history.add(originEntry(origin, recorded, last));
    const usedPlans = known.flatMap(({ planDigest }) => planDigest ?? []).reverse();
    const done: Recorded = { ...recorded, serial: 1, usedPlans, head };
    await this.write(done, null);
    return done;
  }

  /**
   * Takes over a whole record, where it may follow what is there (see `judge`): missing history entries, then the
   * state, then all of it is read back. Refused without a change otherwise; one that is there already is left alone.
   */
  async receive(bundle: Bundle, isReturn = false): Promise<Received> {
    const store = this.#store;
    const place = await this.look();
    const received = judge(bundle, place, store.place, isReturn);
    if (received.isSame) return received;
    await this.#lease.confirm();
    for (const { entry } of received.missing) {
      this.#lease.pass();
      await this.#history.copy(entry as HistoryEntry);
    }
    // A journal that the state of before had folded would look open beside another state.
    if (place.journalTag !== null) await store.remove(JOURNAL, place.journalTag);
    await this.#replace(stateText(bundle.state), place.tag);
    assertArrived(bundle, await this.look(), store.place);
    return received;
  }

  /** What lies there, whole. */
  look(): Promise<Place> {
    return lookAt(this.#store, this.#history, this.#load);
  }

  /**
   * Puts word of where the record goes in the place of its state: from then on nobody applies here. One that says
   * so already, of the same target, is gone on with.
   */
  async depart(move: Move): Promise<Moved> {
    const { stored, tag, journalTag } = await this.look();
    if (stored === null) throw nothingIn(this.#store.place);
    if (isAway(stored)) {
      if (stored.moved.to === move.to) return stored;
      throw movedAway(stored, this.#store.place);
    }
    const moved: Moved = { format: 1, moved: move, state: stored };
    await this.#lease.confirm();
    if (journalTag !== null) await this.#store.remove(JOURNAL, journalTag);
    await this.#replace(movedText(moved), tag);
    return moved;
  }

  /** Writes the state in the place of the one with this tag (null: of none). */
  write(recorded: Recorded, over: string | null): Promise<void> {
    return this.#replace(stateText(recorded), over);
  }

  async #replace(text: string, over: string | null): Promise<void> {
    const store = this.#store;
    this.#lease.pass();
    try {
      await store.put(STATE, text, over === null ? 'absent' : { tag: over });
    } catch (thrown) {
      throw thrown instanceof Changed ? takenOver(store.place, thrown) : thrown;
    }
  }

  /**
   * Writes state and journal anew where they lie, so that no write of a former holder still finds what it
   * expects. False: there is nothing to write.
   */
  async fenceOff(why: 'takeover' | 'unlock'): Promise<boolean> {
    // Where the record was moved away nobody has anything to write any more.
    const { stored } = await stateIn(this.#store);
    if (stored !== null && isAway(stored)) return false;
    const { state, stateTag, journal, lines } = await this.#load();
    const [begin] = lines;
    // Nothing was written yet: whoever begins now looks for its claim once more before it goes on.
    if (stateTag === null && lines.length === 0) return false;
    if (journal !== null && lines.length > 0) await this.#fenceJournal(journal, lines, why);
    const lineage = begin?.type === 'begin' ? begin.lineage : state.lineage;
    await this.write({ ...state, lineage, serial: state.serial + 1 }, stateTag);
    return true;
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

function isAside({ kind }: HistoryEntry): boolean {
  return ASIDE_KINDS.some((each) => each === kind);
}

function older(place: string, known: number): Fault {
  return new Fault({
    code: 'bad-file',
    what: `the state is older than the history: entry ${known + 1} exists, and the state knows ${known}`,
    where: `${place}/${STATE}`,
    live: 'nothing was changed; vault and platform hold what the newest entry tells',
    next: 'bring back the state that belongs to the newest entry (keyturn history list); where it is lost: keyturn state rebuild',
  });
}

function otherRecord(place: string): Fault {
  return new Fault({
    code: 'plan-stale',
    what: 'the record is not the one that this was shown for',
    where: place,
    live: 'nothing was changed',
    next: 'import again: it shows what there is to take over now',
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
