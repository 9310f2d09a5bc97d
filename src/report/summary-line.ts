import type { Plan } from '../model/plan.ts';
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
 * `Rollback: 2 to return, …`.
 */
export function rotationLine(plan: Plan): string {
  const flips = plan.steps.flatMap((step) => (step.kind === 'flip' ? [step] : []));
  const consumers = new Set(flips.map((flip) => flip.consumer)).size;
  const tasks = flips.reduce((total, flip) => total + flip.tasks, 0);
  const now = plan.steps.filter((step) => step.kind === 'retire').length;
  const later = plan.later.filter((step) => step.kind === 'retire').map((step) => step.notBefore);
  const earliest = later.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  return [
    movers(plan),
    `${countText(consumers, 'consumer')} to flip (${countText(tasks, 'task')} ${tasks === 1 ? 'restarts' : 'restart'})`,
    ...(now === 0 ? [] : [`${now} to retire now`]),
    ...(earliest === undefined ? [] : [`${later.length} to retire after ${dayText(earliest)}`]),
  ]
    .join(', ')
    .concat('.');
}

function movers(plan: Plan): string {
  if (plan.kind === 'apply') {
    return `Rotation: ${plan.steps.filter((step) => step.kind === 'mint').length} to rotate`;
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
