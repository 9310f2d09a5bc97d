import type { Finding, Verification, Witness } from '../model/verification.ts';
import { momentText } from './moment.ts';
import type { Page, Style } from './paint.ts';
import type { Cell } from './table.ts';
import { columns, hang } from './table.ts';

const SAYS: Readonly<Record<Witness['says'], Style>> = {
  agrees: 'green',
  behind: 'yellow',
  contradicts: 'red',
  absent: 'dim',
  unasked: 'dim',
};

/** What was found in a history and who witnesses it. No newline at the end. */
export function renderVerification(verification: Verification, page: Page): string {
  const { findings, witnesses, auditLog } = verification;
  return [
    ...hang('', summaryOf(verification), page, { text: findings.length === 0 ? 'green' : 'red' }),
    ...findings.flatMap((finding) => findingLines(finding, page)),
    '',
    page.paint('bold', 'Witnesses'),
    ...columns(
      witnesses.map(({ name, says, text, at }): Cell[] => [
        name,
        { text: says, style: SAYS[says] },
        at === null ? text : `${text} (${momentText(at)})`,
      ]),
      page,
      { indent: 2 },
    ),
    ...(auditLog === undefined ? [] : auditLines(auditLog, page)),
  ].join('\n');
}

function summaryOf({ entries, head, findings }: Verification): string {
  if (entries === 0 && findings.length === 0) return 'There is no history yet.';
  const whole = entries === 1 ? '1 entry' : `${entries} entries`;
  const end = head === null ? '' : `, the newest ${head.digest.slice(0, 12)}`;
  if (findings.length === 0) return `The history verifies: ${whole}${end}.`;
  const count = findings.length === 1 ? '1 thing is' : `${findings.length} things are`;
  return `The history does not verify: ${count} wrong in ${whole}${end}.`;
}

function findingLines({ kind, text }: Finding, page: Page): string[] {
  return hang(`  ${kind}: `, text, page, { lead: 'red' });
}

function auditLines(
  { file, rows, named, byTime, from, to }: NonNullable<Verification['auditLog']>,
  page: Page,
): string[] {
  const period = from === null || to === null ? 'it is empty' : `${momentText(from)} to ${momentText(to)}`;
  const text =
    `${file}, ${period}: ${rows} changes of this stack's secrets, ${named} named by an entry, ` +
    `${byTime} within an apply that changed the secret then`;
  return ['', page.paint('bold', "The vault's own log"), ...hang('  ', text, page)];
}
