import { nameOf } from '../model/address.ts';
import type { Address } from '../model/address.ts';
import type { ApplyOutcome, HistoryEntry, HistoryStep, StepStatus } from '../model/journal.ts';
import { moveText, versionText } from './cause-text.ts';
import { faultLines } from './fault-text.ts';
import { elapsedText, momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import type { Cell } from './table.ts';
import { columns, fields, hang } from './table.ts';

const OUTCOMES: Readonly<Record<ApplyOutcome, Style>> = {
  'done': 'green',
  'failed': 'red',
  'rolled-back': 'yellow',
  'stopped': 'red',
  'interrupted': 'yellow',
};

const STATUSES: Readonly<Record<StepStatus, Style>> = {
  'done': 'green',
  'failed': 'red',
  'undone': 'yellow',
  'undo-failed': 'red',
  'skipped': 'dim',
  'waiting': 'dim',
  'running': 'dim',
};

/** One row an entry, newest first, whatever order they come in. No newline at the end. */
export function renderHistoryList(entries: readonly HistoryEntry[], page: Page): string {
  if (entries.length === 0) return 'Nothing was applied yet.';
  const newestFirst = [...entries].sort((a, b) => b.entry - a.entry);
  const rows = newestFirst.map((entry): Cell[] => [
    String(entry.entry),
    momentText(entry.endedAt),
    {
      text: entry.kind === 'apply' ? entry.outcome : `${entry.kind} ${entry.outcome}`,
      style: OUTCOMES[entry.outcome],
    },
    entry.actor.name,
    movesOf(entry).join(', ') || 'no version moved',
  ]);
  return columns(rows, page, { head: ['#', 'WHEN', 'OUTCOME', 'WHO', 'VERSIONS'] }).join('\n');
}

function movesOf(entry: HistoryEntry): string[] {
  return Object.entries(entry.versions)
    .filter(([, { before, after }]) => before !== after)
    .map(([address, { before, after }]) => `${nameOf(address as Address)} ${moveText(before, after)}`);
}

/** One entry in full: who, when, why, what moved, and the outcome of each step with its evidence or fault. */
export function renderHistoryEntry(entry: HistoryEntry, page: Page): string {
  const { actor } = entry;
  const took = Date.parse(entry.endedAt) - Date.parse(entry.startedAt);
  return [
    ...hang('', `Entry ${entry.entry}: ${entry.kind} ${entry.outcome}`, page, {
      text: OUTCOMES[entry.outcome],
    }),
    ...fields(
      [
        ['when', `${momentText(entry.startedAt)}, took ${elapsedText(took)}`],
        ['who', `${actor.name} (known by ${actor.knownBy}) on ${actor.host}`],
        ['run', actor.run],
        ...entry.continued.map(({ at, why, by }): [string, string] => [why, `${by}, ${momentText(at)}`]),
        ['reason', entry.reason],
        ['ticket', entry.ticket],
        ['apply', entry.apply],
        ['plan', entry.planDigest],
        ['previous', entry.previous ?? 'none, this is the first entry'],
      ],
      page,
    ),
    '',
    page.paint('bold', 'Versions'),
    ...versionLines(entry, page),
    ...section('Notes', noteLines(entry, page), page),
    ...section('Steps', stepTable(entry, page), page),
    ...entry.steps.flatMap((step) =>
      step.fault === null ? [] : ['', ...faultLines(`  ${step.id}: `, step.fault, page)],
    ),
  ].join('\n');
}

function section(title: string, lines: readonly string[], page: Page): string[] {
  return lines.length === 0 ? [] : ['', page.paint('bold', title), ...lines];
}

function noteLines({ notes = [] }: HistoryEntry, page: Page): string[] {
  return notes.flatMap((note) => hang('  - ', note, page));
}

function versionLines(entry: HistoryEntry, page: Page): string[] {
  const rows = Object.entries(entry.versions).map(([address, { before, after }]) => [
    address,
    before === after ? `${versionText(before)} (unchanged)` : moveText(before, after),
  ]);
  return rows.length === 0 ? ['  none'] : columns(rows, page, { indent: 2 });
}

/** Each step of an apply with its status, how long it took, and what a verification saw. */
export function stepTable(entry: HistoryEntry, page: Page): string[] {
  return columns(entry.steps.map(stepRow), page, { indent: 2 });
}

function stepRow(step: HistoryStep): Cell[] {
  const evidence = step.evidence?.probe ?? null;
  return [
    step.id,
    { text: step.status, style: STATUSES[step.status] },
    step.elapsedMs === null ? '' : elapsedText(step.elapsedMs),
    evidence === null ? step.text : `${step.text} (${evidence})`,
  ];
}
