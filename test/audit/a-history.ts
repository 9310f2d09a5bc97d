import { canonicalJson, digestOf } from '../../src/model/canonical.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { Testimony } from '../../src/audit/testimony.ts';
import type { WrittenEntry } from '../../src/audit/verify.ts';

const SECRET = 'vault://shop-prod/db' as const;
const START = Date.parse('2026-01-05T03:00:00Z');

/** An entry as an apply writes it; `previous` is the digest of the one before. */
export function entryOf(number: number, previous: string | null): HistoryEntry {
  const at = new Date(START + number * 86_400_000).toISOString().replace('.000Z', 'Z');
  return {
    format: 1,
    entry: number,
    previous,
    kind: 'apply',
    apply: `apply-${number}`,
    startedAt: at,
    endedAt: at,
    actor: { name: 'ann', knownBy: 'git-author', host: 'runner', run: null },
    continued: [],
    reason: number % 3 === 0 ? 'quarterly' : null,
    ticket: number % 4 === 0 ? `OPS-${number}` : null,
    planDigest: digestOf({ plan: number }),
    outcome: 'done',
    versions: { [SECRET]: { before: number - 1 || null, after: number } },
    commit: { id: digestOf({ commit: number }).slice(0, 40), isDirty: false },
    steps: [
      {
        id: 'g1.1',
        kind: 'mint',
        address: SECRET,
        text: `mint db v${number} in shop-prod`,
        cause: { kind: 'due', due: at },
        secret: SECRET,
        ordinal: number,
        status: 'done',
        elapsedMs: 12,
        endedAt: at,
        fault: null,
        evidence: null,
      },
    ],
  };
}

/** A chain of so many entries, as it is written. */
export function historyOf(length: number): WrittenEntry[] {
  const written: WrittenEntry[] = [];
  let previous: string | null = null;
  for (let number = 1; number <= length; number += 1) {
    const entry = entryOf(number, previous);
    previous = digestOf(entry);
    written.push({ number, text: textOf(entry) });
  }
  return written;
}

export function textOf(entry: unknown): string {
  return `${canonicalJson(entry)}\n`;
}

/** What somebody says who saw this history when it was so long. */
export function witnessOf(
  written: readonly WrittenEntry[],
  name = 'state.json',
  length = written.length,
): Testimony {
  const last = written[length - 1];
  return {
    name,
    isState: name === 'state.json',
    entry: last?.number ?? 0,
    digest: last === undefined ? '' : digestOf(JSON.parse(last.text)),
    at: null,
    silence: null,
  };
}
