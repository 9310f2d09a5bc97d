import { Fault } from '../model/fault.ts';
import type { JournalLine } from '../model/journal.ts';
import type { Recorded } from '../model/recorded.ts';
import { emptyRecord } from '../model/recorded.ts';
import type { ObjectStore, Stored } from '../model/store.ts';
import type { History } from './history-files.ts';
import { JOURNAL, parseJournal } from './journal-file.ts';
import type { Moved } from './moved.ts';
import { isAway, isMoved, movedAway, parseStored } from './moved.ts';
import { openState } from './state-file.ts';

/** Name of the recorded state. */
export const STATE = 'state.json';

/** What the store holds of a record. */
export interface Loaded {
  /** The state, or an empty one of a new lineage. */
  readonly state: Recorded;
  /** Null where no state was written yet. */
  readonly stateTag: string | null;
  /** The journal as it lies there; null where there is none. */
  readonly journal: Stored | null;
  /** Of an apply that did not end; empty where there is none, or the state already holds it. */
  readonly lines: readonly JournalLine[];
}

/** What lies in the place of the state: one, word of where it went, or nothing. */
export async function stateIn(
  store: ObjectStore,
): Promise<{ readonly stored: Recorded | Moved | null; readonly tag: string | null }> {
  const stored = await store.get(STATE);
  if (stored === null) return { stored: null, tag: null };
  return { stored: parseStored(stored.text, `${store.place}/${STATE}`), tag: stored.tag };
}

/**
 * Everything that is there by now, once this resolves. What shows at once to be no record of this stack throws what
 * `loadRecord` does; the check of each secret of a large state is left to what it resolves with, which does that in turns with
 * other work.
 */
export async function fetchRecord(
  store: ObjectStore,
  history: History,
  stack: string,
  newLineage: () => string,
): Promise<() => Promise<Pick<Loaded, 'state' | 'lines'>>> {
  const journal = await store.get(JOURNAL);
  if (journal !== null) {
    const loaded = await loadRecord(store, history, stack, newLineage);
    return () => Promise.resolve(loaded);
  }
  const stored = await store.get(STATE);
  const where = `${store.place}/${STATE}`;
  if (stored === null || isMoved(stored.text)) {
    const state = stateOf(stored && parseStored(stored.text, where), store, stack, newLineage);
    return () => Promise.resolve({ state, lines: [] });
  }
  const state = openState(stored.text, where);
  if (state.stack !== null && state.stack !== stack) throw otherStack(state.stack, stack, store.place);
  return async () => ({ state: await state.check(), lines: [] });
}

/** Everything that is there. A journal that the state already holds counts as none. Writes nothing. */
export async function loadRecord(
  store: ObjectStore,
  history: History,
  stack: string,
  newLineage: () => string,
): Promise<Loaded> {
  // The journal first: one that ends in between has then been folded into the state that is read after it.
  const journal = await store.get(JOURNAL);
  const { stored, tag: stateTag } = await stateIn(store);
  const state = stateOf(stored, store, stack, newLineage);
  const lines = journal === null ? [] : parseJournal(journal.text, `${store.place}/${JOURNAL}`);
  const isOpen = lines.length > 0 && !(await isFolded(state, lines, history));
  // Where another apply ended in between as well, the state holds more than this journal and does not name it.
  if (isOpen && !(await isThere(store, lines))) return loadRecord(store, history, stack, newLineage);
  return { state, stateTag, journal, lines: isOpen ? lines : [] };
}

/** The state of this stack, an empty one of a new lineage where there is none. Throws where it is another's, or went away. */
function stateOf(
  stored: Recorded | Moved | null,
  { place }: ObjectStore,
  stack: string,
  newLineage: () => string,
): Recorded {
  const state = stored ?? emptyRecord(stack, newLineage());
  if (isAway(state)) throw movedAway(state, `${place}/${STATE}`);
  if (state.stack !== stack) throw otherStack(state.stack, stack, place);
  return state;
}

/** Whether this apply's journal still lies there; it may have grown. */
async function isThere(store: ObjectStore, [begin]: readonly JournalLine[]): Promise<boolean> {
  const now = await store.get(JOURNAL);
  const [first] = now === null ? [] : parseJournal(now.text, `${store.place}/${JOURNAL}`);
  return begin?.type === 'begin' && first?.type === 'begin' && first.apply === begin.apply;
}

/** The state names the entry of the apply that it holds last: only the journal's removal is then missing. */
async function isFolded(
  { head }: Recorded,
  [begin]: readonly JournalLine[],
  history: History,
): Promise<boolean> {
  if (head === null || begin?.type !== 'begin') return false;
  return (await history.show(head.entry)).apply === begin.apply;
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
