import type { Fault } from '../model/fault.ts';
import type { Plan } from '../model/plan.ts';
import { PLAN_JSON_VERSION, planJson } from '../report/plan-json.ts';

/**
 * The one shape of `plan --format json`, for one stack and for several: every stack's plan in `plans`, and all
 * of their `resource_changes` side by side at the top, where policies for Terraform plans look.
 */
export function plansDocument(
  planned: readonly { readonly stack: string; readonly plan: Plan | null; readonly fault: Fault | null }[],
): object {
  const plans = planned.flatMap(({ plan }) => (plan === null ? [] : [planJson(plan)]));
  return {
    format_version: PLAN_JSON_VERSION,
    resource_changes: plans.flatMap((plan) => ('resource_changes' in plan ? plan.resource_changes : [])),
    plans,
    errors: planned.flatMap(({ stack, fault }) => (fault === null ? [] : [{ stack, ...fault.toJSON() }])),
  };
}
