import type { FaultRecord } from '../model/fault.ts';
import { asFault } from '../model/fault.ts';
import type { DoneFacts } from '../model/journal.ts';
import type { Step } from '../model/plan.ts';
import { act } from './acts.ts';
import type { Standing, Work } from './work.ts';

export type Performed = { readonly facts: DoneFacts } | { readonly fault: FaultRecord };

/**
 * Intent, act, outcome: the intent is durable before the act begins and the outcome before this resolves. A
 * fault of the act is an outcome; a journal that cannot be written is not, and rejects: then nothing may go on.
 */
export async function perform(
  step: Step,
  standing: Standing,
  work: Work,
  isUndo: boolean,
): Promise<Performed> {
  await work.journal.append({ type: 'intent', step });
  work.tell({ type: 'step_start', step, undo: isUndo });
  const start = work.outside.ticks();
  const elapsed = (): number => Math.round(work.outside.ticks() - start);
  try {
    const facts = await act(step, work, isUndo);
    standing.elapsedMs = elapsed();
    standing.endedAt = work.outside.now();
    if (facts.evidence !== undefined) standing.evidence = facts.evidence;
    if (facts.proof !== undefined) standing.proof = facts.proof;
    if (facts.output !== undefined) standing.output = facts.output;
    await work.journal.append({
      type: 'outcome',
      step: step.id,
      result: { status: 'done', elapsedMs: standing.elapsedMs, ...facts },
    });
    return { facts };
  } catch (thrown) {
    const fault = asFault(thrown).toJSON();
    standing.elapsedMs = elapsed();
    standing.endedAt = work.outside.now();
    await work.journal.append({
      type: 'outcome',
      step: step.id,
      result: { status: 'failed', fault, elapsedMs: standing.elapsedMs },
    });
    return { fault };
  }
}

/** Tells the listeners how a step ended. */
export function tellEnd(step: Step, standing: Standing, work: Work, isUndo: boolean): void {
  work.tell({
    type: 'step_end',
    step,
    undo: isUndo,
    status: standing.status,
    elapsedMs: standing.elapsedMs ?? 0,
    fault: standing.fault,
    evidence: standing.evidence,
  });
}
