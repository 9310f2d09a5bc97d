import type { HistoryEntry } from '../model/journal.ts';
import { PERSONAL } from '../model/journal.ts';
import type { CsvCell } from './csv.ts';
import { csvText } from './csv.ts';

/** The entries of one stack for an export. */
export interface ExportedStack {
  readonly stack: string;
  /** Oldest first, each as it was written but for pseudonyms, with the digest that it had when it was written. */
  readonly entries: readonly { readonly digest: string; readonly entry: unknown }[];
}

const AS_WRITTEN =
  'entries are as they were written: the digest of each is the SHA-256 of its canonical JSON (RFC 8785), and its "previous" is the digest of the one before';
const REPLACED =
  'names of people and hosts are replaced by pseudonyms at the places in "personalData": digests are those of the entries as they were written and cannot be recomputed from this; what people wrote elsewhere, such as a reason, is as it was';

/** An export as JSON: docs/FORMATS.md draws it. One entry a line, a newline at the end. */
export function exportJson(stacks: readonly ExportedStack[], isReplaced: boolean): string {
  const head = JSON.stringify({
    format: 1,
    kind: 'keyturn-history',
    personalData: PERSONAL,
    hasPseudonyms: isReplaced,
    note: isReplaced ? REPLACED : AS_WRITTEN,
  });
  const bodies = stacks.map(({ stack, entries }) => {
    const lines = entries.map((each) => JSON.stringify(each)).join(',\n');
    return `{"stack":${JSON.stringify(stack)},"entries":[\n${lines}\n]}`;
  });
  return `${head.slice(0, -1)},"stacks":[${bodies.join(',')}]}\n`;
}

const HEAD = [
  'stack',
  'entry',
  'kind',
  'outcome',
  'startedAt',
  'endedAt',
  'who',
  'knownBy',
  'run',
  'reason',
  'ticket',
  'incident',
  'planDigest',
  'step',
  'stepKind',
  'address',
  'status',
  'elapsedMs',
  'proof',
  'personalData',
] as const;

/** An export as CSV: a row a step, and one for an entry that has none. */
export function exportCsv(stacks: readonly ExportedStack[], isReplaced: boolean): string {
  const rows = stacks.flatMap(({ stack, entries }) =>
    entries.flatMap(({ entry }) => rowsOf(stack, entry as HistoryEntry, isReplaced)),
  );
  return csvText(HEAD, rows);
}

function rowsOf(stack: string, entry: HistoryEntry, isReplaced: boolean): CsvCell[][] {
  const { kind, outcome, startedAt, endedAt, actor, reason, ticket, emergency, planDigest } = entry;
  const own: CsvCell[] = [
    stack,
    entry.entry,
    kind,
    outcome,
    startedAt,
    endedAt,
    actor.name,
    actor.knownBy,
    actor.run,
    reason,
    ticket,
    emergency?.incident ?? null,
    planDigest,
  ];
  const last = isReplaced ? 'replaced' : 'as written';
  if (entry.steps.length === 0) return [[...own, null, null, null, null, null, null, last]];
  return entry.steps.map((step) => {
    const proof = step.proof ?? step.evidence?.probe ?? null;
    return [...own, step.id, step.kind, step.address, step.status, step.elapsedMs, proof, last];
  });
}
