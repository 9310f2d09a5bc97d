import type { Approval, Gate } from '../model/journal.ts';

const HOW: Readonly<Record<Approval['how'], string>> = {
  environment: 'approved the deployment to',
  review: 'approved',
  merge: 'merged',
};

/** What a platform's job said of the gate that it passed, a line a fact, and first who said it. */
export function gateLines({ event, attempt, triggeredBy, environment, approvals }: Gate): string[] {
  const run = [
    ...(event === null ? [] : [`started by ${event}`]),
    ...(attempt === null ? [] : [`attempt ${attempt}`]),
    ...(triggeredBy === null ? [] : [`triggered by ${triggeredBy}`]),
    ...(environment === null ? [] : [`environment ${environment}`]),
  ];
  return [
    `by GitHub Actions, not verified: ${run.length === 0 ? 'nothing of the run' : run.join(', ')}`,
    ...approvals.map(({ how, name, of, at }) =>
      [name, HOW[how], of ?? 'something unnamed', ...(at === null ? [] : [`at ${at}`])].join(' '),
    ),
  ];
}
