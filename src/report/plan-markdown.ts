import type { Fault, FaultRecord } from '../model/fault.ts';
import type { Plan } from '../model/plan.ts';
import type { Unfinished } from '../model/unfinished.ts';
import { countText } from './cause-text.ts';
import { capped, code, fenced, plainly, row, tableHead } from './markdown.ts';
import { momentText } from './moment.ts';
import type { Section } from './plan-markdown-sections.ts';
import { sectionsOf } from './plan-markdown-sections.ts';
import type { PlanPage } from './plan-text.ts';
import { shellWord } from './schedule-order.ts';
import { NO_CHANGES, hasNoChanges, planLine, rotationLine } from './summary-line.ts';

/** A comment of GitHub holds fewer than 65,536 characters. What a workflow adds to it has room as well. */
export const COMMENT_LIMIT = 65_000;

/** One stack of a `plan`, for a comment. */
export interface MarkdownPlan {
  readonly stack: string;
  /** Null: it could not be planned, `fault` says why. */
  readonly plan: Plan | null;
  readonly fault: Fault | null;
  readonly unfinished: Unfinished | null;
  /** Where it was saved; null: it was not. */
  readonly saved: { readonly path: string; readonly digest: string } | null;
}

export interface MarkdownPage extends Pick<PlanPage, 'now' | 'whatIf'> {
  /** Characters that the text must not exceed. */
  readonly limit: number;
  /** The command that it is of; absent: `plan`. */
  readonly of?: 'apply';
  /** The limit counts bytes. */
  readonly inBytes?: boolean;
}

/**
 * The plans as one comment for a pull request, in GitHub's Markdown: what rotates and why, who restarts, what is blocked,
 * and folded away the ordered steps, what comes later by date and a drawing of the order. Its first line is a marker that is
 * the same for the same stacks, so that a workflow can find its comment again and update it.
 *
 * Never longer than `limit`: rows are left out then, and how many of how many is said where they would stand and at the
 * head. Whatever comes from a declaration is text in it and nothing else.
 */
export function renderPlanMarkdown(planned: readonly MarkdownPlan[], page: MarkdownPage): string {
  const lengthOf = measureOf(page);
  const marker = markerOf(planned.map(({ stack }) => stack));
  const head = [marker, '', ...whatIfLine(page), ...overview(planned)];
  let room = page.limit - lengthOf(head) - CUT_ROOM;
  const blocks: string[] = [];
  const tally = new Map<string, Left>();
  let unshown = 0;
  for (const [index, each] of planned.entries()) {
    const share = Math.floor(room / (planned.length - index));
    const block = stackBlock(each, page, share);
    if (lengthOf([block.text]) > share) {
      unshown += 1;
      continue;
    }
    blocks.push(block.text);
    room -= lengthOf([block.text]);
    for (const [what, { left, of }] of block.left) {
      const so = tally.get(what) ?? { left: 0, of: 0 };
      tally.set(what, { left: so.left + left, of: so.of + of });
    }
  }
  const cut = cutLines(tally, unshown, planned.length);
  return [...head, ...cut, ...blocks].join('\n');
}

/** The first line: the same for the same stacks, whatever is planned. */
export function markerOf(stacks: readonly string[]): string {
  // Within a comment of HTML two hyphens end it, or do not, depending on who reads.
  const names = stacks.map((stack) =>
    stack
      .replaceAll(/[^\w.-]/gu, (each) => `%${(each.codePointAt(0) ?? 0).toString(16)}`)
      .replaceAll(/-(?=-)/g, '%2d'),
  );
  const text = names.join(' ');
  return `<!-- keyturn plan ${text.length <= 2000 ? text : `${text.slice(0, 2000)} and more`} -->`;
}

/** Room that is kept for the lines which say what was cut. */
const CUT_ROOM = 900;

interface Left {
  readonly left: number;
  readonly of: number;
}

type Measure = (lines: readonly string[]) => number;

/** With each line's end. */
function measureOf({ inBytes }: MarkdownPage): Measure {
  const one = inBytes === true ? (line: string) => Buffer.byteLength(line) : (line: string) => line.length;
  return (lines) => lines.reduce((sum, line) => sum + one(line) + 1, 0);
}

function whatIfLine({ now, whatIf }: MarkdownPage): string[] {
  if (whatIf !== true) return [];
  return [
    `**What-if at ${plainly(momentText(now))}**, from what is observed and recorded now; it can't be applied.`,
    '',
  ];
}

/** Of several stacks a table; of one its own headline says all. */
function overview(planned: readonly MarkdownPlan[]): string[] {
  if (planned.length === 1) return [];
  const most = 100;
  const rows = planned
    .slice(0, most)
    .map(({ stack, plan }) => row([code(stack), plan === null ? '**not planned**' : summaryOf(plan)]));
  const more = planned.length - most;
  return [
    `### keyturn plan of ${planned.length} stacks`,
    '',
    tableHead(['Stack', 'Plan']),
    ...rows,
    '',
    ...(more > 0 ? [`… and ${countText(more, 'stack')} more.`, ''] : []),
  ];
}

function summaryOf(plan: Plan): string {
  return hasNoChanges(plan) ? NO_CHANGES : planLine(plan);
}

function cutLines(tally: ReadonlyMap<string, Left>, unshown: number, stacks: number): string[] {
  const parts = [
    ...[...tally].map(([what, { left, of }]) => `${left} of ${of} ${what}`),
    ...(unshown === 0 ? [] : [`all details of ${unshown} of ${stacks} stacks`]),
  ];
  if (parts.length === 0) return [];
  return [
    '> [!NOTE]',
    `> Too long for one comment. Left out: ${parts.join(', ')}. The plan itself holds everything: \`keyturn plan\`, or the saved file.`,
    '',
  ];
}

interface Block {
  readonly text: string;
  readonly left: ReadonlyMap<string, Left>;
}

/** One stack within `room` characters: what is nearest to the top of it gets its room first. */
function stackBlock(planned: MarkdownPlan, page: MarkdownPage, room: number): Block {
  const lengthOf = measureOf(page);
  const { plan, fault, unfinished } = planned;
  const head = [
    `### keyturn ${page.of ?? 'plan'}: ${code(planned.stack)}`,
    '',
    ...unfinishedLines(unfinished),
  ];
  if (plan === null) return { text: [...head, ...faultLines(fault, page), ''].join('\n'), left: new Map() };
  const summary = hasNoChanges(plan)
    ? [`**${NO_CHANGES}**`, '']
    : [`**${planLine(plan)}**  `, `**${rotationLine(plan)}**`, ''];
  const foot = [...footLines(planned, plan, page), ''];
  const sections = sectionsOf(plan, page).filter(({ lines }) => lines.length > 0);
  const left = new Map<string, Left>();
  const fixed = (section: Section): number =>
    lengthOf([...section.open, ...section.close, moreLine(section, section.lines.length)]);
  let free = room - lengthOf([...head, ...summary, ...foot]);
  for (const section of sections) free -= fixed(section);
  const texts = sections.map((section) => {
    let shown = 0;
    for (const line of section.lines) {
      const length = lengthOf([line]);
      if (free < length) break;
      free -= length;
      shown += 1;
    }
    const rest = section.lines.length - shown;
    if (rest > 0) left.set(section.what, { left: rest, of: section.lines.length });
    const more = rest === 0 ? [] : [moreLine(section, rest)];
    return [...section.open, ...section.lines.slice(0, shown), ...more, ...section.close].join('\n');
  });
  return { text: [...head, ...summary, ...texts, ...foot].join('\n'), left };
}

function moreLine({ what, lines, open }: Section, rest: number): string {
  const text = `… ${rest} of ${lines.length} ${what} are not shown here`;
  // Within a table it has to be a row.
  return open.some((line) => line.startsWith('|')) ? row([text]) : `- ${text}`;
}

function footLines({ saved }: MarkdownPlan, plan: Plan, { whatIf }: MarkdownPage): string[] {
  const { serial, lineage, fingerprints } = plan.basis;
  const touched = countText(Object.keys(fingerprints).length, 'observed address', 'observed addresses');
  const basis = `Made ${plainly(momentText(plan.createdAt))} from record ${serial} of lineage ${code(lineage.slice(0, 8))} and ${touched}`;
  if (whatIf === true) return [`${basis}.`];
  if (saved === null) {
    if (plan.steps.length === 0) return [`${basis}.`];
    return [
      `${basis}. Not saved: \`--out FILE\` saves what can be approved and applied exactly as it stands here.`,
    ];
  }
  const path = shellWord(saved.path);
  return [
    `${basis}; refused when one of them moves. Digest ${code(saved.digest)}. To perform exactly these actions:`,
    '',
    fenced(`keyturn apply ${path} --approved-digest ${saved.digest}`, 'sh'),
  ];
}

function unfinishedLines(unfinished: Unfinished | null): string[] {
  if (unfinished === null) return [];
  const { kind, startedAt, groups } = unfinished;
  const what = { apply: 'An apply', rollback: 'A rollback', compromise: 'An emergency rotation' }[kind];
  return [
    '> [!WARNING]',
    `> ${what} of ${plainly(momentText(startedAt))} did not end (${countText(groups.length, 'group')}). \`keyturn apply\` ends it first, then does what is declared.`,
    '',
  ];
}

function faultLines(thrown: Fault | null, { of }: MarkdownPage): string[] {
  const not = of === 'apply' ? 'Not applied' : 'Not planned';
  if (thrown === null) return [`${not}.`];
  const fault: FaultRecord = thrown.toJSON();
  const problems = fault.problems ?? [];
  return [
    '> [!CAUTION]',
    `> ${not}: ${plainly(fault.what)} (${code(fault.code)})`,
    '',
    ...(fault.live === undefined ? [] : [`- live: ${plainly(fault.live)}`]),
    ...(fault.where === undefined ? [] : [`- where: ${plainly(fault.where)}`]),
    ...(fault.next === undefined ? [] : [`- next: ${plainly(fault.next)}`]),
    ...capped(
      problems.map(({ what, where }) => `- ${code(where)}: ${plainly(what)}`),
      50,
      'further problems',
    ),
  ];
}
