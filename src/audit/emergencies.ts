import type { Instant, Ordinal, SecretAddress } from '../model/address.ts';
import type { HistoryEntry } from '../model/journal.ts';
import type { EmergencyReport } from '../model/report.ts';
import type { Lives } from './lives.ts';
import type { Period } from './period.ts';
import { isWithin } from './period.ts';

/**
 * One an incident of which an entry falls into the period, oldest first: what it set out to end, and how long that took
 * from the discovery. An incident may have several entries: what could not be done at once is gone on with.
 */
export function emergenciesOf(
  entries: readonly HistoryEntry[],
  lives: Lives,
  period: Period,
): EmergencyReport[] {
  const incidents = new Map<string, HistoryEntry[]>();
  for (const entry of entries) {
    const incident = entry.emergency?.incident;
    if (incident === undefined) continue;
    const known = incidents.get(incident);
    if (known === undefined) incidents.set(incident, [entry]);
    else known.push(entry);
  }
  return [...incidents.values()].flatMap((own) =>
    own.some(({ endedAt }) => isWithin(period, endedAt)) ? emergencyOf(own, lives) : [],
  );
}

function emergencyOf(own: readonly HistoryEntry[], lives: Lives): EmergencyReport[] {
  const [first] = own;
  if (first?.emergency === undefined) return [];
  const doomed = doomedBy(own);
  const deaths = [...doomed].map(([secret, ordinal]) => deathOf(secret, ordinal, lives));
  const dead = deaths.filter((at) => at !== null).sort();
  const deadAt = dead.length === deaths.length ? (dead.at(-1) ?? null) : null;
  const { incident, discoveredAt } = first.emergency;
  return [
    {
      entry: first.entry,
      incident,
      discoveredAt,
      secrets: [...doomed.keys()],
      deadAt,
      ms: deadAt === null ? null : Date.parse(deadAt) - Date.parse(discoveredAt),
    },
  ];
}

/** Secret → the version that others may have. What `--only` left out, or what had no version, was not to be ended. */
function doomedBy(own: readonly HistoryEntry[]): Map<SecretAddress, Ordinal> {
  const doomed = new Map<SecretAddress, Ordinal>();
  for (const { emergency } of own) {
    for (const { secret, current, left } of emergency?.radius ?? []) {
      if (current === null || left === 'only' || left === 'not-minted' || doomed.has(secret)) continue;
      doomed.set(secret, current);
    }
  }
  return doomed;
}

function deathOf(secret: SecretAddress, ordinal: Ordinal, lives: Lives): Instant | null {
  return lives.get(secret)?.versions.get(ordinal)?.retiredAt ?? null;
}
