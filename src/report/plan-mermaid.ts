import type { Group, Plan, Step } from '../model/plan.ts';
import { countText } from './cause-text.ts';
import { printable } from './table.ts';

/** More than these nobody reads, and some drawing programs refuse. */
const MOST_STEPS = 60;
const MOST_GROUPS = 60;
const MOST_EDGES = 300;
const LONGEST_LABEL = 72;

export interface Drawing {
  /** A flowchart of mermaid. */
  readonly text: string;
  /** What it leaves out, as a sentence; null: nothing. */
  readonly leftOut: string | null;
}

/**
 * The order of a plan as a flowchart: each group a box with its steps, an arrow for what must be done first and a dotted one
 * for what must merely have ended. A plan of many steps is drawn by its groups alone, and one of many groups by its first;
 * `leftOut` says so. Null: there is nothing to draw.
 */
export function drawingOf(plan: Plan): Drawing | null {
  if (plan.steps.length === 0) return null;
  if (plan.steps.length <= MOST_STEPS) return withSteps(plan);
  return withGroups(plan);
}

function withSteps({ groups, steps }: Plan): Drawing {
  const nodes = new Map(steps.map((step, index) => [step.id, `s${index + 1}`]));
  const boxes = groups.map((group, index) => {
    const own = steps.flatMap((step, at) => (step.group === group.id ? [{ step, number: at + 1 }] : []));
    return [
      `  subgraph ${boxOf(index)}[${label(`Group ${group.id}`)}]`,
      ...own.map(({ step, number }) => `    s${number}${shapeOf(step, `${number} ${step.text}`)}`),
      '  end',
    ];
  });
  const line = (from: string, how: string, to: string): string =>
    `  ${nodes.get(from) ?? ''} ${how} ${nodes.get(to) ?? ''}`;
  const within = steps.flatMap((step) => [
    ...directNeeds(step, steps).map((need) => line(need, '-->', step.id)),
    ...(step.after ?? []).filter((id) => nodes.has(id)).map((id) => line(id, '-.->', step.id)),
  ]);
  const arrows = [...within, ...betweenGroups(groups)];
  return drawn([...boxes.flat(), ...arrows.slice(0, MOST_EDGES)], edgesLeftOut(arrows.length));
}

/** Needs of a step but for those that another of them needs already: the arrows would run side by side. */
function directNeeds(step: Step, steps: readonly Step[]): string[] {
  const byId = new Map(steps.map((each) => [each.id, each]));
  const reached = new Set<string>();
  const reach = (ids: readonly string[]): void => {
    for (const id of ids) {
      if (reached.has(id)) continue;
      reached.add(id);
      reach(byId.get(id)?.needs ?? []);
    }
  };
  for (const need of step.needs) reach(byId.get(need)?.needs ?? []);
  return step.needs.filter((need) => byId.has(need) && !reached.has(need));
}

function withGroups({ groups, steps }: Plan): Drawing {
  const drawnGroups = groups.slice(0, MOST_GROUPS);
  const boxes = drawnGroups.map((group, index) => {
    const count = steps.filter((step) => step.group === group.id).length;
    const parts = [
      ...(group.secrets.length === 0 ? [] : [countText(group.secrets.length, 'secret')]),
      ...(group.consumers.length === 0 ? [] : [countText(group.consumers.length, 'consumer')]),
      countText(count, 'step'),
    ];
    return `  ${boxOf(index)}[${label(`Group ${group.id}: ${parts.join(', ')}`)}]`;
  });
  const arrows = betweenGroups(drawnGroups);
  const rest = groups.length - drawnGroups.length;
  return drawn(
    [...boxes, ...arrows.slice(0, MOST_EDGES)],
    [
      `It shows groups and not their ${steps.length} steps`,
      ...(rest === 0 ? [] : [`the last ${rest} of ${groups.length} groups are left out`]),
      ...(edgesLeftOut(arrows.length) === null ? [] : [`${arrows.length - MOST_EDGES} arrows are left out`]),
    ]
      .join('; ')
      .concat('.'),
  );
}

function betweenGroups(groups: readonly Group[]): string[] {
  const boxes = new Map(groups.map(({ id }, index) => [id, boxOf(index)]));
  return groups.flatMap(({ needs, after = [] }, index) => [
    ...needs.flatMap((id) => arrow(boxes.get(id), '-->', index)),
    ...after.filter((id) => !needs.includes(id)).flatMap((id) => arrow(boxes.get(id), '-.->', index)),
  ]);
}

function arrow(from: string | undefined, line: string, to: number): string[] {
  return from === undefined ? [] : [`  ${from} ${line} ${boxOf(to)}`];
}

function edgesLeftOut(count: number): string | null {
  return count <= MOST_EDGES ? null : `${count - MOST_EDGES} of ${count} arrows are left out.`;
}

function drawn(lines: readonly string[], leftOut: string | null): Drawing {
  return { text: ['flowchart TD', ...lines].join('\n'), leftOut };
}

function boxOf(index: number): string {
  return `g${index + 1}`;
}

/** What asks a question is round, what records is a stadium, what changes something a box. */
function shapeOf(step: Step, text: string): string {
  const [open, close] =
    step.kind === 'verify' || step.kind === 'prove'
      ? ['(', ')']
      : step.kind === 'promote' || step.kind === 'demote' || step.kind === 'settle'
        ? ['([', '])']
        : ['[', ']'];
  return `${open}${label(text)}${close}`;
}

/** Everything but letters, digits and spaces by its number: no name can end a label or be markup in it. */
function label(text: string): string {
  const line = printable(text).replaceAll(/\s+/g, ' ').replaceAll('`', '');
  const letters = Array.from(line);
  const short = letters.length > LONGEST_LABEL ? [...letters.slice(0, LONGEST_LABEL - 1), '…'] : letters;
  const safe = short.map((each) => (/[\p{L}\p{N} ]/u.test(each) ? each : `#${each.codePointAt(0) ?? 63};`));
  return `"${safe.join('')}"`;
}
