import type { HistoryEntry, HistoryStep, JournalLine, StepResult } from './journal.ts';
import type { FaultRecord } from './fault.ts';
import { guardedPlace } from './fault.ts';
import { guarded } from './guard.ts';
import type { Blocked, Cause, LaterStep, Note, Plan, Step } from './plan.ts';
import type { Emergency } from './emergency.ts';
import type { Evidence } from './platform.ts';

/*
 * The guard for what is kept and read again: plans, journal lines, history entries. Only what is free text goes
 * through it, leaf by leaf. An address, an id, a digest, a word of ours or what an apply hands on to the vault (tags) or
 * to a program must come back as it was: masked there, it would be a record of something else.
 */

export function guardedFault(fault: FaultRecord): FaultRecord {
  const { what, where, live, next, problems } = fault;
  return {
    ...fault,
    what: guarded(what),
    ...(where === undefined ? {} : { where: guardedPlace(where) }),
    ...(live === undefined ? {} : { live: guarded(live) }),
    ...(next === undefined ? {} : { next: guarded(next) }),
    ...(problems === undefined ? {} : { problems: problems.map(guardedProblem) }),
  };
}

function guardedProblem(problem: NonNullable<FaultRecord['problems']>[number]): typeof problem {
  const { what, where, next } = problem;
  return {
    ...problem,
    what: guarded(what),
    where: guardedPlace(where),
    ...(next === undefined ? {} : { next: guarded(next) }),
  };
}

export function guardedPlan(plan: Plan): Plan {
  const { emergency } = plan;
  return {
    ...plan,
    steps: plan.steps.map(guardedStep),
    later: plan.later.map((step): LaterStep => ({ ...step, text: guarded(step.text) })),
    blocked: plan.blocked.map(guardedBlocked),
    notes: plan.notes.map((note): Note => ({ ...note, text: guarded(note.text) })),
    ...(emergency === undefined ? {} : { emergency: guardedEmergency(emergency) }),
  };
}

function guardedBlocked(blocked: Blocked): Blocked {
  const { text, next, fault } = blocked;
  return {
    ...blocked,
    text: guarded(text),
    next: orNull(next),
    fault: fault === null ? null : guardedFault(fault),
  };
}

function guardedEmergency(emergency: Emergency): Emergency {
  const exposed = emergency.exposed.map((each) => ({
    ...each,
    text: guarded(each.text),
    next: orNull(each.next),
  }));
  return { ...emergency, exposed };
}

function guardedStep<S extends Step>(step: S): S {
  const { inverse } = step;
  return {
    ...step,
    text: guarded(step.text),
    cause: guardedCause(step.cause),
    ...(inverse === null ? {} : { inverse: guardedStep<Step>(inverse) }),
    ...('unproved' in step ? { unproved: guarded(step.unproved) } : {}),
  };
}

function guardedCause(cause: Cause): Cause {
  switch (cause.kind) {
    case 'request':
    case 'rollback':
      return { ...cause, reason: orNull(cause.reason) };
    case 'mount':
      return { ...cause, why: guarded(cause.why) };
    case 'together':
      return { ...cause, of: guardedCause(cause.of) };
    default:
      return cause;
  }
}

function guardedResult(result: StepResult): StepResult {
  if (result.status === 'failed') return { ...result, fault: guardedFault(result.fault) };
  const { evidence, proof } = result;
  return {
    ...result,
    ...(evidence === undefined ? {} : { evidence: guardedEvidence(evidence) }),
    ...(proof === undefined ? {} : { proof: guarded(proof) }),
  };
}

function guardedEvidence(evidence: Evidence): Evidence {
  return { ...evidence, probe: orNull(evidence.probe) };
}

/** A journal line as it is written, and as it is folded into the record from then on. */
export function guardedLine(line: JournalLine): JournalLine {
  switch (line.type) {
    case 'begin':
      return {
        ...line,
        plan: guardedPlan(line.plan),
        reason: orNull(line.reason),
        ticket: orNull(line.ticket),
      };
    case 'intent':
      return { ...line, step: guardedStep(line.step) };
    case 'outcome':
      return { ...line, result: guardedResult(line.result) };
    case 'hold': {
      const { held } = line;
      return { ...line, held: { ...held, reason: guarded(held.reason), cause: guardedCause(held.cause) } };
    }
    case 'park':
      return { ...line, parked: { ...line.parked, reason: guarded(line.parked.reason) } };
    case 'notified':
      return { ...line, delivery: { ...line.delivery, failure: orNull(line.delivery.failure) } };
    case 'seen':
    case 'fence':
    case 'end':
      return line;
  }
}

/** What belongs into the history and is left beside the record until then: whoever takes it in knows no value of ours. */
export function guardedAside<A extends Pick<HistoryEntry, 'reason' | 'ticket' | 'notes' | 'refusal'>>(
  aside: A,
): A {
  const { notes, refusal } = aside;
  return {
    ...aside,
    reason: orNull(aside.reason),
    ticket: orNull(aside.ticket),
    ...(notes === undefined ? {} : { notes: notes.map(guarded) }),
    ...(refusal === undefined
      ? {}
      : { refusal: { tried: guarded(refusal.tried), fault: guardedFault(refusal.fault) } }),
  };
}

/** A history entry as it is written: its digest is of this. */
export function guardedEntry(entry: HistoryEntry): HistoryEntry {
  const { notified, emergency } = entry;
  return {
    ...guardedAside(entry),
    steps: entry.steps.map(guardedHistoryStep),
    ...(emergency === undefined ? {} : { emergency: guardedEmergency(emergency) }),
    ...(notified === undefined
      ? {}
      : { notified: notified.map((each) => ({ ...each, failure: orNull(each.failure) })) }),
  };
}

function guardedHistoryStep(step: HistoryStep): HistoryStep {
  const { cause, fault, evidence, proof } = step;
  return {
    ...step,
    text: guarded(step.text),
    fault: fault === null ? null : guardedFault(fault),
    evidence: evidence === null ? null : guardedEvidence(evidence),
    ...(cause === undefined ? {} : { cause: guardedCause(cause) }),
    ...(proof === undefined ? {} : { proof: guarded(proof) }),
  };
}

function orNull(text: string | null): string | null {
  return text === null ? null : guarded(text);
}
