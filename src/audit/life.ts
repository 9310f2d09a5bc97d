import type { Ordinal, SecretAddress } from '../model/address.ts';
import type { Life, LifeEvent } from '../model/history.ts';
import type { HistoryEntry } from '../model/journal.ts';
import type { RecordedSecret } from '../model/recorded.ts';
import { secretsOf } from './about.ts';
import { aroundSteps } from './life-around.ts';
import { eventsOfSteps, Readers } from './life-steps.ts';

/**
 * The life of one secret as its history tells it. `entries` are all that there are, oldest first. What the record says
 * of it (null: it says nothing) tells when a soak ends that has not ended yet.
 */
export function lifeOf(
  secret: SecretAddress,
  entries: readonly HistoryEntry[],
  recorded: RecordedSecret | null,
): Life {
  const soaks = soakEnds(secret, entries, recorded);
  const readers = new Readers();
  let current: Ordinal | null = null;
  const events = entries.flatMap((entry): LifeEvent[] => {
    if (!secretsOf(entry).has(secret) && !readers.isIn(entry)) return [];
    current = entry.versions[secret]?.after ?? current;
    const told = [...eventsOfSteps(secret, entry, readers), ...aroundSteps(secret, entry, soaks)];
    // Stable: what has the time of its entry alone stays in the order of the steps.
    return told.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  });
  return { secret, current, events };
}

/** ordinal → end of its soak: as the record has it, and as the steps that ended it said why. */
function soakEnds(
  secret: SecretAddress,
  entries: readonly HistoryEntry[],
  recorded: RecordedSecret | null,
): ReadonlyMap<Ordinal, string> {
  const ends = new Map<Ordinal, string>();
  for (const step of entries.flatMap(({ steps }) => steps)) {
    if (step.kind !== 'retire' || step.address !== secret || step.cause?.kind !== 'soaked') continue;
    if (step.ordinal !== undefined) ends.set(step.ordinal, step.cause.since);
  }
  for (const { ordinal, soakUntil } of recorded?.versions ?? []) {
    if (soakUntil !== null) ends.set(ordinal, soakUntil);
  }
  return ends;
}
