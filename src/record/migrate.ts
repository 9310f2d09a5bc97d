import { digestOf } from '../model/canonical.ts';
import type { Recorded } from '../model/recorded.ts';
import type { Bundle, BundledEntry } from './bundle.ts';
import { bundleOf } from './bundle.ts';
import type { HeldRecord } from './held-record.ts';
import type { Move, Moved } from './moved.ts';
import { isAway, movedAway } from './moved.ts';
import { originEntry } from './origin.ts';
import type { Place } from './transfer.ts';
import { judge, nothingIn } from './transfer.ts';

/** How a migration ended. */
export interface Migrated {
  /** It was there already, from an earlier migration. */
  readonly isOld: boolean;
  readonly move: Move;
  readonly recorded: Recorded;
  readonly entries: number;
}

/**
 * Moves a record from one place to another; both leases must be held. Whether it may go there is asked first and
 * changes nothing. Then the old place is told where it goes, and only then it arrives: at no moment can somebody apply
 * at both. Cut off in between it can be begun again and goes on; what arrived is read back. Its history says that it
 * moved.
 */
export async function migrate(from: HeldRecord, to: HeldRecord, move: Move): Promise<Migrated> {
  const source = await from.look();
  const foreseen = foresee(source, await to.look(), move);
  if (foreseen.isOld) return foreseen;
  const moved = await from.depart(move);
  const bundle = arrivalOf(moved, source.history);
  await to.receive(bundle, true);
  return { isOld: false, move: moved.moved, recorded: bundle.state, entries: bundle.history.length };
}

/** What a migration would come to; the same faults, and no change. */
export function foresee(source: Place, target: Place, move: Move): Migrated {
  const departure = departureOf(source, move);
  const { stored, history } = target;
  const hasArrived = history.some((each) => isArrivalOf(each, departure.moved));
  if (hasArrived && stored !== null && !isAway(stored)) {
    return { isOld: true, move: departure.moved, recorded: stored, entries: history.length };
  }
  const bundle = arrivalOf(departure, source.history);
  judge(bundle, target, move.to, true);
  return { isOld: false, move: departure.moved, recorded: bundle.state, entries: bundle.history.length };
}

/** Word of a departure: the one that stands there already, or the one that would. */
function departureOf({ stored }: Place, move: Move): Moved {
  if (stored === null) throw nothingIn(move.from);
  if (!isAway(stored)) return { format: 1, moved: move, state: stored };
  if (stored.moved.to === move.to) return stored;
  throw movedAway(stored, move.from);
}

/** The record as it arrives: with an entry that says where it comes from. The same however often it is made. */
function arrivalOf({ moved, state }: Moved, history: readonly BundledEntry[]): Bundle {
  const { id, at, actor, reason, ticket, from, to } = moved;
  const notes = [`moved from ${from} to ${to}`];
  const entry = originEntry({ kind: 'migrate', id, at, actor, reason, ticket, notes }, state, state.head);
  const digest = digestOf(entry);
  const known = history.slice(0, state.head?.entry ?? 0);
  const arrived = { ...state, serial: state.serial + 1, head: { entry: entry.entry, digest } };
  return bundleOf(arrived, [...known, { digest, entry }]);
}

function isArrivalOf({ entry }: BundledEntry, { id }: Move): boolean {
  return typeof entry === 'object' && entry !== null && 'apply' in entry && entry.apply === id;
}
