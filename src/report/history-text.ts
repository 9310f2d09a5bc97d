import { nameOf } from '../model/address.ts';
import type { Address } from '../model/address.ts';
import type { EntryFilter } from '../model/history.ts';
import type {
  Actor,
  ApplyOutcome,
  HistoryEntry,
  HistoryStep,
  Identity,
  StepStatus,
} from '../model/journal.ts';
import { countText, moveText, versionText } from './cause-text.ts';
import { deathLines, exposedLines, radiusLines, usedLine } from './emergency-text.ts';
import { faultLines } from './fault-text.ts';
import { gateLines } from './gate-text.ts';
import { elapsedText, momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import { personName } from './short-name.ts';
import type { Cell } from './table.ts';
import { columns, fields, hang } from './table.ts';

/** From so many columns on a list has room for tickets. */
const WIDE = 100;

const OUTCOMES: Readonly<Record<ApplyOutcome, Style>> = {
  'done': 'green',
  'failed': 'red',
  'rolled-back': 'yellow',
  'stopped': 'red',
  'interrupted': 'yellow',
  'incomplete': 'red',
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

/**
 * One row an entry, newest first, whatever order they come in; tickets where there are some and the page is wide enough.
 * No newline at the end.
 */
export function renderHistoryList(entries: readonly HistoryEntry[], page: Page): string {
  if (entries.length === 0) return 'Nothing was applied yet.';
  const newestFirst = [...entries].sort((a, b) => b.entry - a.entry);
  const withTickets = page.width >= WIDE && entries.some(({ ticket }) => ticket !== null);
  const rows = newestFirst.map((entry): Cell[] => [
    String(entry.entry),
    momentText(entry.endedAt),
    { text: outcomeText(entry), style: OUTCOMES[entry.outcome] },
    personName(entry.actor.name),
    ...(withTickets ? [entry.ticket ?? ''] : []),
    whatText(entry),
  ]);
  const ticket = withTickets ? ['TICKET'] : [];
  return columns(rows, page, { head: ['#', 'WHEN', 'OUTCOME', 'WHO', ...ticket, 'VERSIONS'] }).join('\n');
}

/** That no entry is what was asked for, and which names are like those that were. */
export function renderNoMatch(filter: EntryFilter, alike: readonly string[], page: Page): string {
  const asked = Object.entries(filter).map(([name, value]) => `--${name} ${value}`);
  return [
    ...hang('', `No entry matches ${asked.join(' ')}.`, page),
    ...(alike.length === 0 ? [] : hang('', `On record are ${alike.join(', ')}.`, page)),
  ].join('\n');
}

/** `refused` alone: that its outcome is `failed` says nothing more. */
function outcomeText({ kind, outcome, emergency }: HistoryEntry): string {
  if (kind === 'refused') return kind;
  const words = [kind, emergency?.incident, outcome];
  return words.filter((word) => word !== undefined && word !== 'apply').join(' ');
}

/** What was refused and is not an entry yet, one line each. */
export function renderWaiting(
  waiting: readonly Pick<HistoryEntry, 'actor' | 'refusal' | 'kind'>[],
  page: Page,
): string {
  const lines = waiting.flatMap(({ actor, refusal, kind }) => {
    const what = refusal === undefined ? kind : `${refusal.tried}: ${refusal.fault.what}`;
    return hang('  ', `${personName(actor.name)}, ${what}`, page);
  });
  return ['Not in the history yet; the next apply takes it in:', ...lines].join('\n');
}

/** What moved; of an entry that stands for no apply, what it is about. */
function whatText(entry: HistoryEntry): string {
  const { kind, refusal, versions } = entry;
  if (refusal !== undefined) return `${refusal.tried}: ${refusal.fault.what}`;
  if (kind === 'unlock') return 'the lease was taken from its holder';
  if (kind === 'seal') return 'sealed anew in its vaults';
  if (kind === 'migrate') return `${countText(Object.keys(versions).length, 'secret')}, none moved`;
  const moves = movesOf(entry);
  return (moves.length > 0 ? moves : endsOf(entry)).join(', ') || 'no version moved';
}

/** The versions that it ended: what most of the applies that move nothing are for. */
function endsOf({ steps }: HistoryEntry): string[] {
  const ended = steps.filter(({ kind, status }) => kind === 'retire' && status === 'done');
  return ended.map(({ address, text }) => {
    const ordinal = / v\d+\b/.exec(text)?.[0] ?? '';
    return `${nameOf(address as Address)}${ordinal} retired`;
  });
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
    ...hang('', `Entry ${entry.entry}: ${titleOf(entry)}`, page, {
      text: OUTCOMES[entry.outcome],
    }),
    ...fields(
      [
        ['when', `${momentText(entry.startedAt)}, took ${elapsedText(took)}`],
        ['who', `${actor.name} (known by ${actor.knownBy}) on ${actor.host}`],
        ...alsoKnown(entry).map((each): [string, string] => ['also', identityText(each)]),
        ['run', actor.run],
        ...gateFields(actor),
        ...entry.continued.map(({ at, why, by }): [string, string] => [why, `${by}, ${momentText(at)}`]),
        ['reason', entry.reason],
        ['ticket', entry.ticket],
        ['incident', entry.emergency?.incident],
        ['commit', commitText(entry)],
        ['time', entry.emergency === undefined ? null : usedLine(entry.emergency, entry.endedAt).text],
        [entry.planDigest === null ? 'id' : 'apply', entry.apply],
        ['plan', entry.planDigest],
        ['previous', entry.previous ?? 'none, this is the first entry'],
      ],
      page,
    ),
    ...section('Versions', versionLines(entry, page), page),
    ...emergencySections(entry, page),
    ...section('Refused', refusalLines(entry, page), page),
    ...section('Consumers', consumerTable(entry, page), page),
    ...section('Notes', noteLines(entry, page), page),
    ...section('Told', deliveryTable(entry, page), page),
    ...section('Steps', stepTable(entry, page), page),
    ...entry.steps.flatMap((step) =>
      step.fault === null ? [] : ['', ...faultLines(`  ${step.id}: `, step.fault, page)],
    ),
  ].join('\n');
}

/** As said by the job that ran it: the word `said` keeps it apart from what was verified. */
function gateFields({ gate }: Actor): [string, string][] {
  return gate === undefined ? [] : gateLines(gate).map((text): [string, string] => ['said', text]);
}

/** What else says who it was. */
function alsoKnown({ actor }: HistoryEntry): readonly Identity[] {
  const isSaid = ({ knownBy, name }: Identity): boolean => knownBy === actor.knownBy && name === actor.name;
  return (actor.identities ?? []).filter((each) => !isSaid(each));
}

function identityText({ knownBy, name, id, issuer }: Identity): string {
  const more = [id, issuer].filter((each) => each !== undefined);
  return `${name} (known by ${knownBy}${more.map((each) => `, ${each}`).join('')})`;
}

/** Null: there was none, or it was not kept. */
function commitText({ commit }: HistoryEntry): string | null {
  if (commit === undefined || commit === null) return null;
  return commit.isDirty ? `${commit.id}, with changed files beside it` : commit.id;
}

function titleOf({ kind, outcome }: HistoryEntry): string {
  return kind === 'refused' ? 'refused' : `${kind} ${outcome}`;
}

/** What an emergency was about and what it left; then, of any apply, the evidence that a version is dead. */
function emergencySections(entry: HistoryEntry, page: Page): string[] {
  const { emergency, endedAt } = entry;
  const evidence = section('Evidence', deathLines(entry, page), page);
  if (emergency === undefined) return evidence;
  const { text, isLate } = usedLine(emergency, endedAt);
  const exposed = exposedLines(emergency, page);
  return [
    ...section(`Incident ${emergency.incident}`, hang('  ', text, page, isLate ? { text: 'red' } : {}), page),
    '',
    ...radiusLines(emergency, page),
    ...(exposed.length === 0 ? [] : ['', ...exposed]),
    ...evidence,
  ];
}

function section(title: string, lines: readonly string[], page: Page): string[] {
  return lines.length === 0 ? [] : ['', page.paint('bold', title), ...lines];
}

function noteLines({ notes = [] }: HistoryEntry, page: Page): string[] {
  return notes.flatMap((note) => hang('  - ', note, page));
}

function deliveryTable({ notified = [] }: HistoryEntry, page: Page): string[] {
  const rows = notified.map(({ to, event, about, at, failure }): Cell[] => [
    to,
    event,
    about ?? '',
    momentText(at),
    failure === null ? { text: 'told', style: 'green' } : { text: failure, style: 'red' },
  ]);
  return rows.length === 0 ? [] : columns(rows, page, { indent: 2 });
}

function versionLines(entry: HistoryEntry, page: Page): string[] {
  const rows = Object.entries(entry.versions).map(([address, { before, after }]) => [
    address,
    before === after ? `${versionText(before)} (unchanged)` : moveText(before, after),
  ]);
  if (rows.length > 0) return columns(rows, page, { indent: 2 });
  return entry.planDigest === null ? [] : ['  none'];
}

/** What each target of a consumer read before and after; nothing where that was not kept. */
function consumerTable({ consumers = {} }: HistoryEntry, page: Page): string[] {
  const rows = Object.entries(consumers).flatMap(([consumer, targets]) =>
    Object.entries(targets).map(([target, { secret, before, after }]) => [
      consumer,
      target,
      `${nameOf(secret)} ${moveText(before, after)}`,
    ]),
  );
  return columns(rows, page, { indent: 2 });
}

function refusalLines({ refusal }: HistoryEntry, page: Page): string[] {
  return refusal === undefined ? [] : faultLines(`  ${refusal.tried}: `, refusal.fault, page);
}

/** Each step of an apply with its status, how long it took, and what a verification saw. */
export function stepTable(entry: HistoryEntry, page: Page): string[] {
  return columns(entry.steps.map(stepRow), page, { indent: 2 });
}

function stepRow(step: HistoryStep): Cell[] {
  const remarks = [
    step.evidence?.probe ?? step.proof,
    step.approvedBy === undefined ? null : `approved with plan ${step.approvedBy.slice(0, 12)}`,
  ].filter((each) => each !== null && each !== undefined);
  return [
    step.id,
    { text: step.status, style: STATUSES[step.status] },
    step.elapsedMs === null ? '' : elapsedText(step.elapsedMs),
    remarks.length === 0 ? step.text : `${step.text} (${remarks.join('; ')})`,
  ];
}
