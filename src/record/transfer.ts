import { canonicalJson } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import type { Recorded } from '../model/recorded.ts';
import type { ObjectStore } from '../model/store.ts';
import type { Bundle, BundledEntry } from './bundle.ts';
import { bundleOf } from './bundle.ts';
import type { History } from './history-files.ts';
import { JOURNAL } from './journal-file.ts';
import type { Loaded } from './load.ts';
import { stateIn } from './load.ts';
import type { Moved } from './moved.ts';
import { isAway, movedAway } from './moved.ts';

/** A place where a record may lie, with all that lies there. Nothing in it is half-done. */
export interface Place {
  /** The state, or word of where it went; null: none. */
  readonly stored: Recorded | Moved | null;
  readonly tag: string | null;
  /** Of a journal that the state holds already; null where there is none. */
  readonly journalTag: string | null;
  /** The whole history, which may be longer than the state knows. */
  readonly history: readonly BundledEntry[];
}

/** Looks at a place. An apply that runs or did not end is an `unfinished` fault: half a record is not moved. */
export async function lookAt(
  store: ObjectStore,
  history: History,
  load: () => Promise<Loaded>,
): Promise<Place> {
  const { stored, tag } = await stateIn(store);
  if (stored !== null && isAway(stored)) {
    return { stored, tag, journalTag: null, history: await history.raw() };
  }
  const { state, stateTag, journal, lines } = await load();
  if (lines.length > 0) throw unfinished(store.place);
  const journalTag = journal?.tag ?? null;
  return {
    stored: stateTag === null ? null : state,
    tag: stateTag,
    journalTag,
    history: await history.raw(),
  };
}

/** The record that lies there as one. Faults: `record-moved`, or `record-conflict` where there is none. */
export function bundleIn({ stored, history }: Place, place: string): Bundle {
  if (stored === null) throw nothingIn(place);
  if (isAway(stored)) throw movedAway(stored, place);
  return bundleOf(stored, history.slice(0, stored.head?.entry ?? 0));
}

/** What receiving a record means. */
export interface Received {
  /** It is there already, to the byte. */
  readonly isSame: boolean;
  /** The serial that is there now; null: none. */
  readonly from: number | null;
  readonly to: number;
  /** Entries that are not there yet. */
  readonly missing: readonly BundledEntry[];
}

/**
 * Whether a record may be written where another lies: of the same lineage, a higher serial, and a history that begins
 * with the one there. A place without any takes all. `isReturn`: over word of where it went, too. Throws a
 * `record-conflict` otherwise.
 */
export function judge(bundle: Bundle, place: Place, where: string, isReturn: boolean): Received {
  const { stored } = place;
  if (stored !== null && isAway(stored) && !isReturn) throw movedAway(stored, where);
  const there = stored !== null && isAway(stored) ? stored.state : stored;
  const isSame = stored !== null && canonicalJson(stored) === canonicalJson(bundle.state);
  if (there !== null && !isSame) assertFollows(bundle, there, where);
  const fork = place.history.findIndex((entry, index) => bundle.history[index]?.digest !== entry.digest);
  if (fork >= 0) {
    throw refuse(where, `history entry ${fork + 1} there is not that of this record`);
  }
  const missing = bundle.history.slice(place.history.length);
  return { isSame: isSame && missing.length === 0, from: there?.serial ?? null, to: bundle.serial, missing };
}

function assertFollows(bundle: Bundle, there: Recorded, where: string): void {
  if (there.stack !== bundle.stack) {
    throw refuse(where, `the record there is of stack '${there.stack}', this one is of '${bundle.stack}'`);
  }
  if (there.lineage !== bundle.lineage) {
    throw refuse(where, `the record there is of lineage ${there.lineage}, this one of ${bundle.lineage}`);
  }
  if (there.serial > bundle.serial) {
    throw refuse(where, `the record there has serial ${there.serial}, this one only ${bundle.serial}`);
  }
  if (there.serial === bundle.serial) {
    throw refuse(where, `the record there has the same serial, ${there.serial}, and other content`);
  }
}

/** What was written is read back: only then it counts. */
export function assertArrived(bundle: Bundle, place: Place, where: string): void {
  const there = bundleIn(place, where);
  if (canonicalJson(there) === canonicalJson(bundle)) return;
  throw refuse(where, 'what was written there reads back differently');
}

export function nothingIn(place: string): Fault {
  return new Fault({
    code: 'record-conflict',
    what: 'there is no record',
    where: place,
    live: 'nothing was changed',
    next: 'nothing was applied yet; where it was lost: keyturn state rebuild',
  });
}

function refuse(where: string, what: string): Fault {
  return new Fault({
    code: 'record-conflict',
    what,
    where,
    live: 'the record there is as it was',
    next: 'compare both (keyturn state pull, keyturn history list): which of them went on is for a person to say',
  });
}

function unfinished(place: string): Fault {
  return new Fault({
    code: 'unfinished',
    what: 'an apply runs or did not end: its record is not whole, and not moved',
    where: `${place}/${JOURNAL}`,
    live: 'nothing was changed',
    next: 'wait for it, or run keyturn apply: it ends that one first',
  });
}
