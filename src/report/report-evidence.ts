import type { ReportedEntry } from '../model/report.ts';
import type { Html, Part } from './html.ts';
import { html } from './html.ts';
import { countText, moveText } from './cause-text.ts';
import { gateLines } from './gate-text.ts';
import { elapsedText, momentText } from './moment.ts';
import type { Chapter, Tone } from './report-chapter.ts';
import { entryId, listed, nameIn, periodText, secretLink, section, toned } from './report-chapter.ts';
import { facts, sheet } from './report-table.ts';

/** Every entry of the period, oldest first; each opens to who, why, what moved and what was seen at each step. */
export function evidenceSection(chapter: Chapter): Html {
  const { key, report, stack } = chapter;
  const { entries } = stack;
  const count = entries.length === 0 ? 'No entry' : countText(entries.length, 'entry', 'entries');
  return section(
    chapter,
    'evidence',
    'Evidence',
    html`<p>
      ${count} in the period ${periodText(report)}, oldest first. Each opens to who, why, and what was seen.
    </p> `,
    entries.length === 0
      ? null
      : html`<p class="skip"><a href="#${key}-verification">Skip the evidence</a></p>
          <div class="entries">${entries.map((entry) => entryDetails(chapter, entry))}</div> `,
  );
}

function entryDetails(chapter: Chapter, entry: ReportedEntry): Html {
  const { kind, outcome, startedAt, who, moves } = entry;
  const moved = moves.filter(({ before, after }) => before !== after).length;
  return html`<details class="entry" id="${entryId(chapter, entry.entry)}">
    <summary>
      <span class="name">${entry.entry}</span> <span>${momentText(startedAt)}</span>
      <span>${kind} ${toned(toneOf(outcome), outcomeText(outcome))}</span>
      <span>${moved === 0 ? 'no version moved' : `${countText(moved, 'version')} moved`}</span>
      <span class="who">${who}</span>
    </summary>
    <div class="body">
      ${factsOf(entry)}${movesTable(chapter, entry)}${consumersLine(chapter, entry)}${stepsTable(chapter, entry)}
    </div>
  </details> `;
}

function toneOf(outcome: ReportedEntry['outcome']): Tone {
  if (outcome === 'done') return 'good';
  return outcome === 'rolled-back' || outcome === 'interrupted' ? 'warn' : 'bad';
}

function outcomeText(outcome: ReportedEntry['outcome']): string {
  return outcome === 'rolled-back' ? 'rolled back' : outcome;
}

function factsOf(entry: ReportedEntry): Html {
  const { startedAt, endedAt, who, knownBy, host, run, gate, reason, ticket, incident, commit, planDigest } =
    entry;
  const code = (text: string | null): Part => (text === null ? null : html`<code>${text}</code>`);
  return facts([
    ['When', `${momentText(startedAt)}, took ${elapsedText(Date.parse(endedAt) - Date.parse(startedAt))}`],
    ['Who', `${who}, known by ${knownBy}, on ${host}`],
    ['Run', run],
    ['Said', gate === null ? null : gateLines(gate).join('; ')],
    ['Reason', reason],
    ['Ticket', ticket],
    ['Incident', incident],
    ['Commit', code(commit)],
    ['Plan', code(planDigest)],
  ]);
}

function movesTable(chapter: Chapter, { entry, moves, causes }: ReportedEntry): Html | null {
  const why = new Map(causes.map(({ address, cause }) => [address as string, cause]));
  const rows = moves.map(({ secret, before, after }): Part[] => [
    secretLink(chapter, secret),
    before === after ? `${moveText(before, after)} (unchanged)` : moveText(before, after),
    why.get(secret) ?? null,
  ]);
  const moved = new Set<string>(moves.map(({ secret }) => secret));
  const others = causes
    .filter(({ address }) => !moved.has(address))
    .map(({ address, cause }): Part[] => [nameIn(chapter, address), 'no version moved', cause]);
  if (rows.length + others.length === 0) return null;
  return sheet({
    id: `${entryId(chapter, entry)}-versions`,
    caption: `Versions before and after entry ${entry}`,
    columns: [
      { title: 'Secret or consumer' },
      { title: 'Version', kind: 'tight' },
      { title: 'Why', kind: 'words' },
    ],
    rows: [...rows, ...others],
  });
}

function consumersLine(chapter: Chapter, { consumers }: ReportedEntry): Html | null {
  if (consumers.length === 0) return null;
  const names = consumers.map((address) => html`${nameIn(chapter, address)}`);
  return html`<p>Consumers that moved: ${listed(names)}</p> `;
}

function stepsTable(chapter: Chapter, { entry, evidence }: ReportedEntry): Html | null {
  if (evidence.length === 0) return null;
  return sheet({
    id: `${entryId(chapter, entry)}-steps`,
    caption: `Steps of entry ${entry} and what was seen`,
    columns: [
      { title: 'Step', kind: 'tight' },
      { title: 'Outcome', kind: 'tight' },
      { title: 'What', kind: 'words' },
      { title: 'Took', kind: 'number' },
      { title: 'Seen', kind: 'words' },
    ],
    rows: evidence.map(({ step, status, text, elapsedMs, proof }): Part[] => [
      step,
      toned(stepTone(status), status),
      text,
      elapsedMs === null ? null : elapsedText(elapsedMs),
      proof,
    ]),
  });
}

function stepTone(status: string): Tone {
  if (status === 'done') return 'good';
  if (status === 'failed' || status === 'undo-failed') return 'bad';
  return status === 'undone' ? 'warn' : 'quiet';
}
