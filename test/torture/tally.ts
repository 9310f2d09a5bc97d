import type { Outcome } from './conduct.ts';

/** What came of many seeds. */
export interface Tally {
  seeds: number;
  readonly counts: {
    applies: number;
    crashes: number;
    requests: number;
    files: number;
    hooks: number;
    scripts: number;
  };
  readonly troubles: Record<string, number>;
  readonly failures: { readonly seed: number; readonly violations: readonly string[] }[];
}

export function emptyTally(): Tally {
  return {
    seeds: 0,
    counts: { applies: 0, crashes: 0, requests: 0, files: 0, hooks: 0, scripts: 0 },
    troubles: {},
    failures: [],
  };
}

export function addOutcome(tally: Tally, seed: number, { counts, troubles, violations }: Outcome): void {
  tally.seeds += 1;
  addCounts(tally, counts);
  for (const { kind } of troubles) tally.troubles[kind] = (tally.troubles[kind] ?? 0) + 1;
  if (violations.length === 0) return;
  tally.failures.push({ seed, violations: violations.map(({ invariant, text }) => `${invariant}: ${text}`) });
}

export function addTally(tally: Tally, other: Tally): void {
  tally.seeds += other.seeds;
  addCounts(tally, other.counts);
  for (const [kind, count] of Object.entries(other.troubles))
    tally.troubles[kind] = (tally.troubles[kind] ?? 0) + count;
  tally.failures.push(...other.failures);
  tally.failures.sort((a, b) => a.seed - b.seed);
}

function addCounts({ counts }: Tally, more: Tally['counts']): void {
  counts.applies += more.applies;
  counts.crashes += more.crashes;
  counts.requests += more.requests;
  counts.files += more.files;
  counts.hooks += more.hooks;
  counts.scripts += more.scripts;
}

export function tellTally({ seeds, counts, troubles, failures }: Tally, ms: number): string {
  const kinds = Object.entries(troubles).sort(([, a], [, b]) => b - a);
  const sum = kinds.reduce((total, [, count]) => total + count, 0);
  const each = kinds.map(([kind, count]) => `${kind} ${count}`).join(', ');
  return [
    `${seeds} seeds in ${(ms / 1000).toFixed(1)} s (${((seeds * 1000) / ms).toFixed(1)} a second): ${counts.applies} applies, ${counts.requests} requests, ${counts.files} file operations, ${counts.hooks} programs, ${counts.scripts} scripts on hosts`,
    `${counts.crashes} died; ${sum} troubles: ${each || 'none'}`,
    failures.length === 0
      ? 'every invariant holds'
      : `${failures.length} seeds fail: ${failures.map(({ seed }) => seed).join(', ')}`,
  ].join('\n');
}
