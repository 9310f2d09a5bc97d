import type { Finding, FindingLevel } from '../model/finding.ts';
import { FINDING_LEVELS, isCommand, levelCounts, worstFirst } from '../model/finding.ts';
import { countText } from './cause-text.ts';
import type { Page, Style } from './paint.ts';
import { hang, printable } from './table.ts';

const STYLES: Record<FindingLevel, Style> = { error: 'red', warning: 'yellow', note: 'cyan' };

/**
 * Findings for people: by stack, in each the worst first, with what is so, where it is declared and what to do; the
 * counts last. `none` is what is said where there is nothing. A command is never wrapped. No newline at the end.
 */
export function renderFindings(findings: readonly Finding[], page: Page, none: string): string {
  if (findings.length === 0) return none;
  const stacks = [...new Set(worstFirst(findings).map(({ stack }) => stack))];
  const parts = stacks.map((stack) => {
    const own = worstFirst(findings.filter((finding) => finding.stack === stack));
    const title = stack === null ? 'Of no stack' : `Stack ${stack}`;
    const head = page.paint('bold', `${title}: ${countsText(own)}`);
    return [head, ...own.map((finding) => findingLines(finding, page).join('\n'))].join('\n\n');
  });
  const total = stacks.length === 1 ? [] : [`${countsText(findings)} in all.`];
  return [...parts, ...total].join('\n\n');
}

/** The same as stable JSON, in the order of `worstFirst`. docs/FORMATS.md draws it. */
export function findingsJson(findings: readonly Finding[]): object {
  return { format_version: '1.0', findings: worstFirst(findings), counts: levelCounts(findings) };
}

/** `2 errors, 1 note`; what there is none of is left out. */
export function countsText(findings: readonly Finding[]): string {
  const counts = levelCounts(findings);
  const words = FINDING_LEVELS.flatMap((level) =>
    counts[level] === 0 ? [] : [countText(counts[level], level)],
  );
  return words.length === 0 ? 'nothing' : words.join(', ');
}

function findingLines({ level, rule, subject, text, next, place, address }: Finding, page: Page): string[] {
  const at = place === null ? null : `${place.file}:${place.line}${columnText(place.column)}`;
  const of = address === null || address.endsWith(`/${subject}`) ? null : address;
  const field = (label: string, what: string | null): string[] =>
    what === null ? [] : hang(`  ${label.padEnd(4)}  `, what, page, { lead: 'dim' });
  return [
    `${page.paint(STYLES[level], level)} ${page.paint('bold', rule)} ${printable(subject)}`,
    ...hang('  ', text, page),
    ...field('of', of),
    ...field('at', at),
    ...(isCommand(next) ? [`  ${page.paint('dim', 'next')}  ${printable(next)}`] : field('next', next)),
  ];
}

function columnText(column: number | undefined): string {
  return column === undefined ? '' : `:${column}`;
}
