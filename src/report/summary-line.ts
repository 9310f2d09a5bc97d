import type { BlockedWhy, Plan } from '../model/plan.ts';
import { countsOf } from '../model/plan.ts';
import { countText } from './cause-text.ts';
import { dayText } from './moment.ts';

/** Terraform's line to the byte: Atlantis and scripts parse it. */
export const NO_CHANGES = 'No changes. Your infrastructure matches the configuration.';

/** Terraform's line to the byte. Never wrapped and never painted inside. */
export function planLine(plan: Plan): string {
  const { add, change, destroy } = countsOf(plan);
  return `Plan: ${add} to add, ${change} to change, ${destroy} to destroy.`;
}

/**
 * What Terraform's line can't say. One line, never wrapped; its shape is stable:
 * `Rotation: 2 to rotate, 3 consumers to flip (7 tasks restart), 1 to retire after 2026-11-25.`
 *
 * The date is the earliest of several. `1 to retire now` stands where this very apply retires; a rollback says
 * `Rollback: 2 to return, …`, and an emergency ends with `1 left exposed` where it leaves something.
 */
export function rotationLine(plan: Plan): string {
  const flips = plan.steps.flatMap((step) => (step.kind === 'flip' ? [step] : []));
  const consumers = new Set(flips.map((flip) => flip.consumer)).size;
  const tasks = flips.reduce((total, flip) => total + flip.tasks, 0);
  const now = plan.steps.filter((step) => step.kind === 'retire').length;
  const later = plan.later.filter((step) => step.kind === 'retire').map((step) => step.notBefore);
  const earliest = later.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  const exposed = plan.emergency?.exposed.length ?? 0;
  return [
    movers(plan),
    `${countText(consumers, 'consumer')} to flip (${countText(tasks, 'task')} ${tasks === 1 ? 'restarts' : 'restart'})`,
    ...(now === 0 ? [] : [`${now} to retire now`]),
    ...(earliest === undefined ? [] : [`${later.length} to retire after ${dayText(earliest)}`]),
    ...(exposed === 0 ? [] : [`${exposed} left exposed`]),
  ]
    .join(', ')
    .concat('.');
}

function movers(plan: Plan): string {
  if (plan.kind !== 'rollback') {
    const what = plan.kind === 'apply' ? 'Rotation' : 'Emergency';
    return `${what}: ${plan.steps.filter((step) => step.kind === 'mint').length} to rotate`;
  }
  const secrets = plan.steps.flatMap((step) => {
    if (step.kind === 'restore') return [step.secret];
    return step.kind === 'demote' ? step.demotions.map((demotion) => demotion.secret) : [];
  });
  return `Rollback: ${new Set(secrets).size} to return`;
}

/**
 * Whether a person should read that nothing is to do. A soak is no change that waits; anything else that is
 * blocked is.
 */
export function hasNoChanges(plan: Plan): boolean {
  return plan.steps.length === 0 && plan.blocked.every((entry) => entry.why === 'soaking');
}

const WAITS: Readonly<Partial<Record<BlockedWhy, string>>> = {
  'awaiting-value': 'awaiting a value',
  'window': 'waiting for a window',
  'frozen': 'frozen',
  'blocked-by': 'waiting for others',
};

/**
 * For a schedule with nothing to do while something waits: one line, in the order of the plan's words.
 * `nothing to do now; 7 awaiting a value, 1 held (keyturn status says more)`
 */
export function nothingToDoLine({ blocked }: Pick<Plan, 'blocked'>): string {
  const counts = new Map<string, number>();
  for (const { why } of blocked) {
    const words = WAITS[why] ?? why;
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  const parts = [...counts].map(([words, count]) => `${count} ${words}`).sort();
  return `nothing to do now; ${parts.join(', ')} (keyturn status says more)`;
}
