import { humanDuration } from '../calendar/calendar.ts';
import type { Instant, SecretAddress } from '../model/address.ts';
import type { Emergency } from '../model/emergency.ts';
import type { Blocked, Group, LaterStep, Note, Plan, Step } from '../model/plan.ts';
import { isIrreversible } from '../model/plan.ts';
import { deadlineLines, exposedLines, overLines, radiusLines, unprovedLines } from './emergency-text.ts';
import { causeText, countText, moveText, versionText } from './cause-text.ts';
import { distanceText, momentText } from './moment.ts';
import type { Page } from './paint.ts';
import { moveOf } from './plan-moves.ts';
import { legendText, stepLines, styleOf, symbolOf } from './step-text.ts';
import { NO_CHANGES, hasNoChanges, planLine, rotationLine } from './summary-line.ts';
import { columns, fields, hang } from './table.ts';

/** A page and the time that dates are told from. */
export interface PlanPage extends Page {
  readonly now: Instant;
  /** The plan is of another time than now, and can't be applied. */
  readonly whatIf?: boolean;
}

/** The first line of a what-if, wrapped to the page; `page.now` is the time of which the plan is. */
export function renderWhatIf(now: Instant, page: PlanPage): string {
  const at = `${momentText(page.now)} (${distanceText(page.now, now)})`;
  const text = `What-if at ${at}, from what is observed and recorded now; it can't be applied.`;
  return hang('', text, page, { text: 'yellow' }).join('\n');
}

/**
 * A plan for a person: what moves, why now, in which order, the way back of each step, what comes later and
 * what is blocked; the summary lines last. No newline at the end.
 *
 * The summary lines are whole lines at every width, since scripts read them; everything else fits the page.
 */
export function renderPlan(plan: Plan, page: PlanPage): string {
  const sections = [
    plan.emergency === undefined ? [] : emergencyHead(plan, plan.emergency, page),
    plan.emergency === undefined ? [] : exposedLines(plan.emergency, page),
    plan.emergency === undefined ? [] : unprovedLines(plan, page),
    drift(plan, page),
    notes(plan, page),
    forwardOnly(plan, page),
    legend(plan, page),
    ...groupBlocks(plan, page),
    paused(plan, page),
    later(plan, page),
    hasNoChanges(plan) ? [] : waiting(plan, page),
    // What an emergency cannot do stands at its head.
    plan.emergency === undefined ? blocked(plan, page) : [],
    plan.emergency !== undefined && plan.steps.length === 0 ? overLines(plan.emergency, page) : [],
  ].filter((section) => section.length > 0);
  const head = sections.length === 0 ? [] : [heading(plan, page)];
  return [...head, ...sections, summary(plan, page)].map((lines) => lines.join('\n')).join('\n\n');
}

const TITLES: Readonly<Record<Plan['kind'], string>> = {
  apply: 'Rotation plan',
  rollback: 'Rollback plan',
  compromise: 'Emergency plan',
};

function heading(plan: Plan, page: PlanPage): string[] {
  const incident = plan.emergency === undefined ? '' : `, incident ${plan.emergency.incident}`;
  const title = `${TITLES[plan.kind]} for ${plan.stack}${incident}`;
  const touched = Object.keys(plan.basis.fingerprints).length;
  const [how, then] = page.whatIf === true ? ['as of', ''] : ['made', '; refused when one of them moves'];
  const basis =
    `${how} ${momentText(plan.createdAt)} from record ${plan.basis.serial} of lineage ${plan.basis.lineage.slice(0, 8)} and ` +
    `${countText(touched, 'observed address', 'observed addresses')}${then}`;
  return [...hang('', title, page, { text: 'bold' }), ...hang('', basis, page, { text: 'dim' })];
}

/** Once everything is dead the time counts no more. */
function emergencyHead({ steps }: Plan, emergency: Emergency, page: PlanPage): string[] {
  const isOver = steps.length === 0 && emergency.exposed.length === 0;
  return [...radiusLines(emergency, page), ...(isOver ? [] : deadlineLines(emergency, page))];
}

/** Said once for all steps. */
function forwardOnly(plan: Plan, page: PlanPage): string[] {
  if (plan.kind !== 'compromise' || plan.steps.length === 0) return [];
  return hang('', 'It only goes forward: no step has a way back.', page, { text: 'red' });
}

function drift(plan: Plan, page: PlanPage): string[] {
  const moved = plan.notes.filter((note) => note.kind === 'drift');
  if (moved.length === 0) return [];
  return [
    page.paint('bold', 'Moved outside of keyturn since the last apply'),
    ...moved.flatMap((note) => hang('  ! ', noteText(note), page, { lead: 'yellow' })),
  ];
}

function notes(plan: Plan, page: PlanPage): string[] {
  const others = plan.notes.filter((note) => note.kind !== 'drift' && note.kind !== 'later');
  if (others.length === 0) return [];
  return [
    page.paint('bold', 'Notes'),
    ...others.flatMap((note) =>
      note.kind === 'downtime' || note.kind === 'unverified' || note.kind === 'parked'
        ? hang('  ! ', noteText(note), page, { lead: 'yellow' })
        : hang('  * ', noteText(note), page),
    ),
  ];
}

function noteText(note: Note): string {
  return note.address === null ? note.text : `${note.address}: ${note.text}`;
}

function legend(plan: Plan, page: PlanPage): string[] {
  const kinds = [...plan.steps, ...plan.later].map((step) => step.kind);
  return kinds.length === 0 ? [] : hang('Symbols: ', legendText(kinds), page, { lead: 'dim', text: 'dim' });
}

interface Numbered {
  readonly step: Step;
  /** Its place in the plan, from 1. */
  readonly number: number;
}

function groupBlocks(plan: Plan, page: PlanPage): string[][] {
  const own = new Map<string, Numbered[]>(plan.groups.map(({ id }) => [id, []]));
  for (const [index, step] of plan.steps.entries()) own.get(step.group)?.push({ step, number: index + 1 });
  const first = plan.kind === 'compromise' ? undefined : plan.steps.find((step) => isIrreversible(step.kind));
  const wide = String(plan.steps.length).length;
  return plan.groups.map((group) => groupBlock(group, own.get(group.id) ?? [], { ...page, first, wide }));
}

/** With the first step that has no way back, and the digits of the largest number. */
type StepsPage = PlanPage & { readonly first: Step | undefined; readonly wide: number };

function groupBlock(
  group: Group,
  numbered: readonly Numbered[],
  { first, wide, ...page }: StepsPage,
): string[] {
  const steps = numbered.map(({ step }) => step);
  const before = [...group.needs, ...(group.after ?? [])];
  const after = before.length === 0 ? '' : `, after ${before.join(', ')}`;
  const rows: string[][] = group.secrets.map((secret) => [
    secret,
    secretMove(secret, steps),
    secretCause(secret, steps, page.now),
  ]);
  if (rows.length === 0)
    rows.push(...group.consumers.map((consumer) => [consumer, moverCause(steps, page.now)]));
  return [
    ...hang('', `Group ${group.id}: ${sizeOf(group)}${after}`, page, { text: 'bold' }),
    ...columns(rows, page, { indent: 2 }),
    ...numbered.flatMap(({ step, number }) => [
      ...(step === first ? noReturn(`step ${number}; what follows has no way back`, page) : []),
      ...stepLines(step, { number, wide, now: page.now }, page),
    ]),
  ];
}

/** Said once for all flips; files on hosts have no such settings. */
function paused(plan: Plan, page: PlanPage): string[] {
  if (!plan.steps.some((step) => step.kind === 'flip' && step.write === undefined)) return [];
  const text = 'From its flip until settle both FailureActions of a flipped consumer are set to `pause`.';
  return hang('', text, page);
}

function sizeOf(group: Group): string {
  return [
    ...(group.secrets.length === 0 ? [] : [countText(group.secrets.length, 'secret')]),
    ...(group.consumers.length === 0 ? [] : [countText(group.consumers.length, 'consumer')]),
  ].join(', ');
}

function noReturn(from: string, page: Page): string[] {
  return hang('  point of no return: ', from, page, {
    lead: 'red',
    text: 'red',
  });
}

function secretMove(secret: SecretAddress, steps: readonly Step[]): string {
  const move = moveOf(secret, steps);
  if (move !== null)
    return move.to === 'retired' ? `${versionText(move.from)} -> retired` : moveText(move.from, move.to);
  const own = steps.find((step) => 'secret' in step && step.secret === secret);
  if (own?.kind === 'restore') return versionText(own.failed);
  return own !== undefined && 'ordinal' in own ? versionText(own.ordinal) : '';
}

function secretCause(secret: SecretAddress, steps: readonly Step[], now: Instant): string {
  const own = steps.find((step) => 'secret' in step && step.secret === secret);
  return own === undefined ? moverCause(steps, now) : causeText(own.cause, now);
}

function moverCause(steps: readonly Step[], now: Instant): string {
  const first = steps[0];
  return first === undefined ? '' : causeText(first.cause, now);
}

function later(plan: Plan, page: PlanPage): string[] {
  if (plan.later.length === 0) return [];
  const dated = [...plan.later].sort((a, b) => Date.parse(a.notBefore) - Date.parse(b.notBefore));
  const dates = [...new Set(dated.map((step) => step.notBefore))];
  const first = dated.find((step) => isIrreversible(step.kind));
  const said = plan.steps.some((step) => isIrreversible(step.kind));
  const approved = page.whatIf === true ? '' : 'approved with this plan, ';
  return [
    ...hang('', `Later: ${approved}run by \`keyturn apply --due\``, page, { text: 'bold' }),
    ...dates.flatMap((date) => {
      const steps = dated.filter((step) => step.notBefore === date);
      const after = humanDuration(steps[0]?.after ?? '');
      return [
        ...hang('  ', `from ${momentText(date)} (${after} after promotion)`, page),
        ...steps.flatMap((step) => laterLines(step, page)),
      ];
    }),
    ...(first === undefined || said
      ? []
      : noReturn(`the first ${first.kind}; until then \`keyturn rollback\` returns to the prior`, page)),
  ];
}

function laterLines(step: LaterStep, page: Page): string[] {
  return hang(`    ${symbolOf(step.kind)} `, step.text, page, { lead: styleOf(step.kind) });
}

function blocked(plan: Plan, page: PlanPage): string[] {
  if (plan.blocked.length === 0) return [];
  return [page.paint('bold', 'Blocked'), ...plan.blocked.flatMap((entry) => blockedLines(entry, page))];
}

function blockedLines(entry: Blocked, page: Page): string[] {
  const fault = entry.fault;
  const because = fault === null || entry.text.includes(fault.what) ? null : `${fault.what} (${fault.code})`;
  return [
    ...hang('  x ', `${entry.address}: ${entry.why}`, page, { lead: 'yellow' }),
    ...fields(
      [
        ['why', entry.text],
        ['error', because],
        ['where', fault?.where],
        ['next', entry.next ?? fault?.next],
      ],
      page,
      4,
    ),
  ];
}

/** Dated steps of earlier applies, whose time has not come. */
function waiting(plan: Plan, page: PlanPage): string[] {
  const dated = plan.notes.filter((note) => note.kind === 'later');
  if (dated.length === 0) return [];
  return [
    page.paint('bold', 'Waiting for their date, from earlier applies'),
    ...dated.flatMap((note) => hang('  * ', noteText(note), page)),
  ];
}

function summary(plan: Plan, page: PlanPage): string[] {
  if (!hasNoChanges(plan))
    return [planLine(plan), rotationLine(plan)].map((line) => page.paint('bold', line));
  const rest = waiting(plan, page);
  return [page.paint('bold', NO_CHANGES), ...(rest.length === 0 ? [] : ['', ...rest])];
}
