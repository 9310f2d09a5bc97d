import type { AuditComparison, Verification, Witness } from '../model/verification.ts';
import type { Html, Part } from './html.ts';
import { html } from './html.ts';
import { countText } from './cause-text.ts';
import { momentText } from './moment.ts';
import type { Chapter, Tone } from './report-chapter.ts';
import { entryLink, section, toned } from './report-chapter.ts';
import { facts, sheet } from './report-table.ts';

/** Whether the history is whole: what is wrong with it, and who else knows its end. */
export function verificationSection(chapter: Chapter): Html {
  const { stack } = chapter;
  const { verification } = stack;
  const { head, entries, auditLog } = verification;
  const [tone, verdict] = verdictOf(verification);
  return section(
    chapter,
    'verification',
    'Verification of the history',
    html`<p>${toned(tone, verdict)}</p> `,
    facts([
      ['Entries read', String(entries)],
      ['Newest', head === null ? 'there is none' : html`entry ${head.entry}, <code>${head.digest}</code>`],
      ['Log of the vault', auditLog === undefined ? 'not compared' : auditText(auditLog)],
    ]),
    findingsTable(chapter, verification),
    witnessTable(chapter, verification),
  );
}

/** A history without a finding that nobody else knows the end of is whole in itself, and no more is said of it. */
export function verdictOf({ findings, witnesses, entries }: Verification): readonly [Tone, string] {
  if (findings.length > 0) {
    return ['bad', `The history does not verify: ${countText(findings.length, 'finding')}`];
  }
  const agreeing = witnesses.filter(({ says }) => says === 'agrees' || says === 'behind');
  if (witnesses.some(({ says }) => says === 'contradicts'))
    return ['bad', 'A witness contradicts the history'];
  if (entries === 0) return ['quiet', 'There is no history yet'];
  if (agreeing.length === 0) return ['warn', 'The chain is whole in itself; no witness confirmed its end'];
  const names = agreeing.map(({ name, says }) =>
    says === 'behind' ? `${name} (up to an earlier entry)` : name,
  );
  return ['good', `The history verifies; confirmed by ${names.join(', ')}`];
}

function auditText({ file, rows, named, byTime, from, to }: AuditComparison): string {
  const period = from === null || to === null ? '' : `, ${momentText(from)} to ${momentText(to)}`;
  return `${file}${period}: ${countText(rows, 'row')} about these secrets, ${named} named by an entry, ${byTime} matched by time alone`;
}

function findingsTable(chapter: Chapter, { findings }: Verification): Html | null {
  if (findings.length === 0) return null;
  return sheet({
    id: `${chapter.key}-findings`,
    caption: 'What is wrong with the history',
    columns: [{ title: 'Finding' }, { title: 'Where', kind: 'tight' }, { title: 'What', kind: 'words' }],
    rows: findings.map(({ kind, entry, text }): Part[] => [
      toned('bad', kind),
      entry === null ? 'no entry' : entryLink(chapter, entry),
      text,
    ]),
  });
}

const SAYS: Readonly<Record<Witness['says'], readonly [Tone, string]>> = {
  agrees: ['good', 'agrees'],
  behind: ['warn', 'agrees, and later entries are not sealed'],
  contradicts: ['bad', 'contradicts'],
  absent: ['warn', 'has no seal'],
  unasked: ['warn', 'could not be asked'],
};

function witnessTable(chapter: Chapter, { witnesses }: Verification): Html {
  if (witnesses.length === 0) return html`<p>Nobody else knows the end of this history.</p> `;
  return sheet({
    id: `${chapter.key}-witnesses`,
    caption: 'Who else knows the end of the history',
    columns: [
      { title: 'Witness' },
      { title: 'Says' },
      { title: 'Entry', kind: 'number' },
      { title: 'When', kind: 'tight' },
      { title: 'In full', kind: 'words' },
    ],
    rows: witnesses.map(({ name, says, entry, at, text }): Part[] => [
      name,
      toned(...SAYS[says]),
      entry === null ? 'none' : String(entry),
      at === null ? 'not said' : momentText(at),
      text,
    ]),
  });
}
