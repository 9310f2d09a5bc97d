import type { ConsumerAddress, Ordinal, SecretAddress } from '../model/address.ts';
import type { Change, Difference, Point, PointState, Reading } from '../model/history.ts';
import type { ConsumerMove, HistoryEntry } from '../model/journal.ts';

/**
 * What the entries up to a point say is so there. `entries` are oldest first. Whatever is first named later was as that
 * entry says it found it, so an entry behind the point tells of it too: pass those that are known as `later`.
 */
export function stateAfter(
  entries: readonly HistoryEntry[],
  later: readonly HistoryEntry[] = [],
): PointState {
  const secrets: Record<SecretAddress, Ordinal | null> = {};
  const consumers: Record<ConsumerAddress, Record<string, Reading | null>> = {};
  const say = (entry: HistoryEntry, side: 'before' | 'after'): void => {
    for (const [address, move] of Object.entries(entry.versions)) {
      secrets[address as SecretAddress] = move[side];
    }
    for (const [address, targets] of Object.entries(entry.consumers ?? {})) {
      const told = (consumers[address as ConsumerAddress] ??= {});
      for (const [target, move] of Object.entries(targets)) told[target] = readingOf(move, side);
    }
  };
  for (const entry of later.toReversed()) say(entry, 'before');
  for (const entry of entries) say(entry, 'after');
  const reading = Object.entries(consumers).map(([address, targets]) => [address, withoutGone(targets)]);
  return { secrets, consumers: Object.fromEntries(reading) as PointState['consumers'] };
}

function readingOf({ secret, ...move }: ConsumerMove, side: 'before' | 'after'): Reading | null {
  const ordinal = move[side];
  return ordinal === null ? null : { secret, ordinal };
}

function withoutGone(targets: Readonly<Record<string, Reading | null>>): Readonly<Record<string, Reading>> {
  return Object.fromEntries(
    Object.entries(targets).flatMap(([target, reading]) => (reading === null ? [] : [[target, reading]])),
  );
}

/**
 * What differs between two points of a history, and which entries made it so. `entries` are all up to the second point,
 * oldest first; the first point is not behind the second.
 */
export function differenceBetween(entries: readonly HistoryEntry[], from: Point, to: Point): Difference {
  const until = entries.filter(({ entry }) => entry <= from.entry);
  const between = entries.filter(({ entry }) => entry > from.entry && entry <= to.entry);
  const before = stateAfter(until, between);
  const after = stateAfter([...until, ...between]);
  return {
    from,
    to,
    secrets: secretsBetween(before, after),
    consumers: consumersBetween(before, after),
    changes: between.map(changeOf).filter(({ secrets, consumers }) => secrets.length + consumers.length > 0),
    gaps: gapsIn(before, between),
    entries: between.length,
  };
}

function gapsIn({ secrets }: PointState, entries: readonly HistoryEntry[]): Difference['gaps'] {
  const known = new Map(Object.entries(secrets));
  return entries.flatMap(({ entry, kind, versions }) =>
    Object.entries(versions).flatMap(([address, { before, after }]) => {
      const left = known.get(address);
      known.set(address, after);
      // A record that was made anew knows nothing of before.
      if (left === undefined || left === before || kind === 'rebuild') return [];
      return [{ entry, secret: address as SecretAddress, left, found: before }];
    }),
  );
}

function secretsBetween(before: PointState, after: PointState): Difference['secrets'] {
  return sortedKeys(before.secrets, after.secrets)
    .map((secret) => ({
      secret,
      before: before.secrets[secret] ?? null,
      after: after.secrets[secret] ?? null,
    }))
    .filter((each) => each.before !== each.after);
}

function consumersBetween(before: PointState, after: PointState): Difference['consumers'] {
  return sortedKeys(before.consumers, after.consumers).flatMap((consumer) => {
    const [was = {}, is = {}] = [before.consumers[consumer], after.consumers[consumer]];
    const targets = sortedKeys(was, is).map((target) => ({
      target,
      before: was[target] ?? null,
      after: is[target] ?? null,
    }));
    const differs = targets.some((each) => !isSame(each.before, each.after));
    return differs ? [{ consumer, targets }] : [];
  });
}

function isSame(a: Reading | null, b: Reading | null): boolean {
  return a?.secret === b?.secret && a?.ordinal === b?.ordinal;
}

/** What one entry says that it moved. */
function changeOf(entry: HistoryEntry): Change {
  const { versions, consumers = {}, actor } = entry;
  return {
    entry: entry.entry,
    at: entry.endedAt,
    who: actor.name,
    knownBy: actor.knownBy,
    kind: entry.kind,
    outcome: entry.outcome,
    cause: entry.steps.find(({ kind }) => kind === 'mint' || kind === 'flip')?.cause ?? null,
    reason: entry.reason,
    ticket: entry.ticket,
    incident: entry.emergency?.incident ?? null,
    secrets: Object.entries(versions).flatMap(([secret, { before, after }]) =>
      before === after ? [] : [{ secret: secret as SecretAddress, before, after }],
    ),
    consumers: Object.entries(consumers).flatMap(([consumer, targets]) =>
      Object.entries(targets)
        .filter(([, { before, after }]) => before !== after)
        .map(([target, move]) => ({ consumer: consumer as ConsumerAddress, target, ...move })),
    ),
  };
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}

function sortedKeys<K extends string>(a: Readonly<Record<K, unknown>>, b: Readonly<Record<K, unknown>>): K[] {
  return [...new Set([...keysOf(a), ...keysOf(b)])].sort();
}
