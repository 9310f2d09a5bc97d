import type { Instant, Ordinal, SecretAddress } from '../model/address.ts';
import type { HistoryEntry } from '../model/journal.ts';
import { rootCause } from '../model/plan.ts';
import type { Recorded, RecordedVersion } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { VersionFacts } from './told.ts';
import { noteSteps } from './told.ts';

/** When another version of a secret became current. */
export interface Turn {
  readonly at: Instant;
  /** Null: none was current from then on. */
  readonly ordinal: Ordinal | null;
  /** What was current until then. */
  readonly before: Ordinal | null;
  /** A way back: the version had been current before. */
  readonly isReturn: boolean;
}

/** One secret's versions and when each was current, oldest first. */
export interface Life {
  readonly turns: readonly Turn[];
  readonly versions: ReadonlyMap<Ordinal, VersionFacts>;
}

/** The lives of all secrets that a stack's record or history knows, those that are not declared any more included. */
export type Lives = ReadonlyMap<SecretAddress, Life>;

export const NO_LIFE: Life = { turns: [], versions: new Map() };

/**
 * What became of every version, from the record where the version still stands there, else from the history.
 * `entries` is the whole history, oldest first: turns that happened before it began are not known.
 */
export function livesOf(recorded: Recorded, entries: readonly HistoryEntry[]): Lives {
  const writing = new Map<SecretAddress, Writing>();
  const of = (secret: SecretAddress): Writing => {
    const known = writing.get(secret) ?? { turns: [], versions: new Map<Ordinal, VersionFacts>() };
    writing.set(secret, known);
    return known;
  };
  const facts = (secret: SecretAddress, ordinal: Ordinal): VersionFacts => factsIn(of(secret), ordinal);
  for (const entry of entries) {
    noteSteps(entry, facts);
    for (const [address, { before, after }] of Object.entries(entry.versions)) {
      const secret = address as SecretAddress;
      if (before === after) continue;
      const life = of(secret);
      const isReturn = before !== null && (after === null || after < before);
      const at = turnedAt(entry, recorded, secret, isReturn ? before : after);
      if (isReturn) Object.assign(factsIn(life, before), { retiredAt: at, end: 'undone' });
      life.turns.push({ at, ordinal: after, before, isReturn });
    }
  }
  for (const [address, { versions }] of Object.entries(recorded.secrets)) {
    const life = of(address as SecretAddress);
    for (const version of versions) overlay(life, version);
  }
  return new Map([...writing].map(([secret, life]) => [secret, inOrder(life)]));
}

interface Writing {
  turns: Turn[];
  readonly versions: Map<Ordinal, VersionFacts>;
}

function factsIn({ versions }: Writing, ordinal: Ordinal): VersionFacts {
  const known = versions.get(ordinal) ?? {
    mintedAt: null,
    soakUntil: null,
    retiredAt: null,
    end: null,
    due: null,
    proofs: [],
  };
  versions.set(ordinal, known);
  return known;
}

/** The record has it to the second, where it is of this very apply; an entry only knows when the apply ended. */
function turnedAt(
  entry: HistoryEntry,
  { secrets }: Recorded,
  secret: SecretAddress,
  ordinal: Ordinal | null,
): Instant {
  const version = recordedVersion(secrets[secret], ordinal);
  const known =
    version?.retiredWhy === 'undone' ? [version.retiredAt, version.promotedAt] : [version?.promotedAt];
  const isWithin = (at: Instant): boolean => at >= entry.startedAt && at <= entry.endedAt;
  return known.find((at) => at != null && isWithin(at)) ?? entry.endedAt;
}

/** What the record says of a version is so, whatever the history says. */
function overlay(life: Writing, version: RecordedVersion): void {
  const { ordinal, role, mintedAt, promotedAt, soakUntil, retiredAt, retiredWhy } = version;
  const facts = factsIn(life, ordinal);
  const root = rootCause(version.cause);
  facts.mintedAt = mintedAt;
  facts.soakUntil = role === 'current' ? null : soakUntil;
  facts.retiredAt = retiredAt;
  facts.end = retiredAt === null ? null : retiredWhy;
  facts.due = root.kind === 'due' ? root.due : null;
  const isTold = life.turns.some((turn) => turn.ordinal === ordinal);
  // What no entry tells: an apply that has not ended, or a record that was made anew.
  if (promotedAt !== null && !isTold) {
    life.turns.push({ at: promotedAt, ordinal, before: null, isReturn: false });
  }
}

/** Turns by time, each with what was really current before it; one that changes nothing is none. */
function inOrder({ turns, versions }: Writing): Life {
  const ordered: Turn[] = [];
  for (const turn of turns.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))) {
    const before = ordered.at(-1)?.ordinal ?? (ordered.length === 0 ? turn.before : null);
    if (turn.ordinal !== before || ordered.length === 0) ordered.push({ ...turn, before });
  }
  return { turns: ordered, versions };
}
