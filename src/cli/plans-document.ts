import type { Fault } from '../model/fault.ts';
import type { Plan } from '../model/plan.ts';
import type { Unfinished } from '../model/unfinished.ts';
import { PLAN_JSON_VERSION, planJson } from '../report/plan-json.ts';

/** One stack as `plan` found it. */
export interface Planned {
  readonly stack: string;
  readonly plan: Plan | null;
  readonly unfinished: Unfinished | null;
  readonly fault: Fault | null;
}

/**
 * The one shape of `plan --format json`, for one stack and for several: every stack's plan in `plans`, and all
 * of their `resource_changes` side by side at the top, where policies for Terraform plans look. With `whatIf` each
 * plan says that it is none to apply.
 */
export function plansDocument(planned: readonly Planned[], whatIf: boolean): object {
  const plans = planned.flatMap(({ plan }) => (plan === null ? [] : [planJson(plan, whatIf)]));
  return {
    format_version: PLAN_JSON_VERSION,
    resource_changes: plans.flatMap((plan) => ('resource_changes' in plan ? plan.resource_changes : [])),
    plans,
    // Applies that did not end, or still run: the next apply ends them first.
    unfinished: planned.flatMap(({ stack, unfinished }) =>
      unfinished === null ? [] : [{ stack, ...unfinished }],
    ),
    errors: planned.flatMap(({ stack, fault }) => (fault === null ? [] : [{ stack, ...fault.toJSON() }])),
  };
}
