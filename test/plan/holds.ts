import fc from 'fast-check';
import type { Plan, Step } from '../../src/model/plan.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { Life, Situation } from './situations.ts';
import { inputOf, lived } from './situations.ts';

/** Of each property. A hundred finds most of what a thousand finds, in a few seconds. */
export const RUNS = { numRuns: 120 };

export function planOf(situation: Situation): Plan {
  return makePlan(inputOf(situation));
}

/** Checks a property of plans over many lives; a counterexample is the life. */
export function holds(lives: fc.Arbitrary<Life>, check: (situation: Situation, plan: Plan) => void): void {
  fc.assert(
    fc.property(lives, (life) => {
      const situation = lived(life);
      check(situation, planOf(situation));
    }),
    RUNS,
  );
}

export function stepsOf<K extends Step['kind']>(
  plan: Plan,
  ...kinds: readonly K[]
): Extract<Step, { kind: K }>[] {
  return plan.steps.filter((step): step is Extract<Step, { kind: K }> =>
    (kinds as readonly string[]).includes(step.kind),
  );
}
