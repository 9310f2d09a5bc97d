import type { Plan } from '../../src/model/plan.ts';

/** A plan that does nothing. */
export function emptyPlan(stack: string, createdAt = '2026-11-22T03:00:00Z'): Plan {
  return {
    format: 1,
    stack,
    kind: 'apply',
    createdAt,
    basis: { lineage: 'l', serial: 0, fingerprints: {}, recorded: {} },
    groups: [],
    steps: [],
    later: [],
    blocked: [],
    notes: [],
  };
}
