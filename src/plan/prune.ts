import type { Note, Plan } from '../model/plan.ts';
import { orphansOf, orphanWork } from './orphans.ts';
import { headOf } from './plan.ts';
import type { PlanInput } from './view.ts';
import { View } from './view.ts';

/**
 * The plan that removes the orphans of a stack and does nothing else. Pure, as `makePlan`. What keyturn must not remove
 * is said in its notes: copies without our labels, and those that are all there is of a value, unless
 * `prunePlatformOnly`. What something refers to is no orphan.
 */
export function makePrunePlan(input: PlanInput): Plan {
  const view = new View(input);
  const { groups, steps } = orphanWork(view);
  return {
    ...headOf(input, steps, view),
    groups,
    steps,
    later: [],
    blocked: [],
    notes: leftNotes(view),
  };
}

function leftNotes(view: View): Note[] {
  return orphansOf(view).flatMap(({ secret, platform, copy, isOurs, isOnlyThere }): Note[] => {
    const note = { kind: 'limit' as const, address: secret };
    if (!isOurs) {
      const text = `${copy} on ${platform} carries no label of keyturn, and its value may be nowhere else: it stays`;
      return [{ ...note, text }];
    }
    if (!isOnlyThere || view.prunesPlatformOnly) return [];
    return [
      {
        ...note,
        text: `${copy} on ${platform} is all there is of its value: only --prune-platform-only removes it`,
      },
    ];
  });
}
