import { humanDuration } from '../calendar/calendar.ts';
import type { SecretAddress } from '../model/address.ts';
import { homeOf, nameOf } from '../model/address.ts';
import type { Blocked, Plan, Step } from '../model/plan.ts';
import { isIrreversible } from '../model/plan.ts';
import { causeText, versionText } from './cause-text.ts';
import { capped, code, fenced, plainly, row, tableHead } from './markdown.ts';
import { momentText } from './moment.ts';
import type { PlannedSecret } from './plan-moves.ts';
import { secretsIn } from './plan-moves.ts';
import { drawingOf } from './plan-mermaid.ts';
import type { PlanPage } from './plan-text.ts';
import { symbolOf } from './step-text.ts';

/** A list that may be cut: all of its lines, and what its items are called. */
export interface Section {
  readonly what: string;
  readonly open: readonly string[];
  readonly lines: readonly string[];
  readonly close: readonly string[];
}

type Page = Pick<PlanPage, 'now' | 'whatIf'>;

/** The parts of a plan in their order: what a reviewer must not miss comes first. */
export function sectionsOf(plan: Plan, page: Page): Section[] {
  return [
    rotating(plan, page),
    exposed(plan),
    restarting(plan),
    blocked(plan),
    notes(plan),
    steps(plan, page),
    later(plan, page),
    drawing(plan),
  ];
}

function rotating(plan: Plan, { now }: Page): Section {
  return {
    what: 'secrets',
    open: [tableHead(['Secret', 'Version', 'Why'])],
    lines: secretsIn(plan).map((each) =>
      row([named(each.secret), movedText(each), plainly(causeText(each.cause, now))]),
    ),
    close: [''],
  };
}

function movedText({ move }: PlannedSecret): string {
  if (move === null) return '';
  return move.to === 'retired'
    ? `${versionText(move.from)} retired`
    : `${versionText(move.from)} → ${versionText(move.to)}`;
}

/** Name and, small, where it is. */
function named(address: SecretAddress): string {
  return `${code(nameOf(address))} in ${code(homeOf(address))}`;
}

function exposed({ emergency }: Plan): Section {
  const left = emergency?.exposed ?? [];
  return {
    what: 'exposures',
    open: ['**Left exposed**', ''],
    lines: left.map(
      ({ address, text, next }) =>
        `- ${code(address)}: ${plainly(text)}${next === null ? '' : `; next: ${plainly(next)}`}`,
    ),
    close: [''],
  };
}

function restarting({ steps: all }: Plan): Section {
  return {
    what: 'consumers',
    open: [tableHead(['Restarts', 'Tasks', 'Reads from then on'])],
    lines: all.flatMap((step) => {
      if (step.kind !== 'flip') return [];
      const reads = step.changes.map(({ target, to }) =>
        to === null ? `${code(target)} removed` : `${code(target)} from ${code(to.copy)}`,
      );
      return [
        row([
          `${code(step.service)} on ${code(step.platform)}`,
          String(step.tasks),
          capped(reads, 20, 'more').join('<br>'),
        ]),
      ];
    }),
    close: [''],
  };
}

function blocked(plan: Plan): Section {
  return {
    what: 'blocked addresses',
    open: ['**Blocked**', ''],
    lines: plan.emergency === undefined ? plan.blocked.map(blockedLine) : [],
    close: [''],
  };
}

function blockedLine({ address, why, text, next, fault }: Blocked): string {
  const because = fault === null || text.includes(fault.what) ? '' : ` (${plainly(fault.what)})`;
  const then = next ?? fault?.next;
  return `- ${fault === null ? '⏸' : '❌'} ${code(address)} ${why}: ${plainly(text)}${because}${then === undefined ? '' : `; next: ${plainly(then)}`}`;
}

const LOUD: ReadonlySet<string> = new Set(['drift', 'downtime', 'unverified', 'parked']);

function notes(plan: Plan): Section {
  return {
    what: 'notes',
    open: ['**Notes**', ''],
    lines: plan.notes.map(
      ({ kind, address, text }) =>
        `- ${LOUD.has(kind) ? '⚠️ ' : ''}${address === null ? '' : `${code(address)}: `}${plainly(text)}`,
    ),
    close: [''],
  };
}

function folded(
  title: string,
  part: { readonly what: string; readonly lines: readonly string[]; readonly before?: string },
): Section {
  return {
    what: part.what,
    open: [
      `<details><summary>${title}</summary>`,
      '',
      ...(part.before === undefined ? [] : [part.before, '']),
    ],
    lines: part.lines,
    close: ['', '</details>', ''],
  };
}

function steps(plan: Plan, page: Page): Section {
  const first = plan.kind === 'compromise' ? -1 : plan.steps.findIndex(({ kind }) => isIrreversible(kind));
  return folded(`Steps in order (${plan.steps.length})`, {
    what: 'steps',
    lines: plan.steps.map((step, index) => stepLine(step, index, index === first, page)),
    ...(plan.kind === 'compromise'
      ? { before: 'It only goes forward: no step has a way back.' }
      : { before: 'A step that fails takes its group back to what was before, newest first.' }),
  });
}

function stepLine(step: Step, index: number, isFirstWithoutReturn: boolean, { now }: Page): string {
  const why = step.kind === 'flip' && step.cause.kind === 'mount' ? `, ${causeText(step.cause, now)}` : '';
  const back = step.inverse === null ? '' : ` _(way back: ${plainly(step.inverse.text)})_`;
  const end = isFirstWithoutReturn ? ' **← point of no return**' : '';
  return `${index + 1}. ${code(symbolOf(step.kind))} ${plainly(`${step.text}${why}`)}${back}${end}`;
}

function later(plan: Plan, { whatIf }: Page): Section {
  const dated = [...plan.later].sort((a, b) => Date.parse(a.notBefore) - Date.parse(b.notBefore));
  return folded(`Later, by date (${dated.length})`, {
    what: 'later steps',
    lines: dated.map(
      ({ kind, notBefore, after, text }) =>
        `- from ${plainly(momentText(notBefore))}, ${humanDuration(after)} after promotion: ${code(symbolOf(kind))} ${plainly(text)}`,
    ),
    before: `${whatIf === true ? 'Run' : 'Approved with this plan, and run'} by \`keyturn apply --due\` when their time has come.`,
  });
}

/** One item: half a drawing cannot be drawn. */
function drawing(plan: Plan): Section {
  const made = drawingOf(plan);
  const lines =
    made === null
      ? []
      : [[...(made.leftOut === null ? [] : [made.leftOut, '']), fenced(made.text, 'mermaid')].join('\n')];
  return folded('The order, drawn', { what: 'drawings', lines });
}
