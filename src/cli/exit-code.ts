import type { FaultCode } from '../model/fault.ts';
import type { ApplyOutcome } from '../model/journal.ts';

/** The stable exit codes of every command; docs/EXIT-CODES.md explains each. */
export const EXIT = {
  done: 0,
  failed: 1,
  pending: 2,
  rolledBack: 10,
  stopped: 11,
  stale: 12,
  held: 13,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** From the worst to the best; what is live and unfinished outranks what never began. */
const WORST_FIRST: readonly ExitCode[] = [
  EXIT.stopped,
  EXIT.rolledBack,
  EXIT.interrupted,
  EXIT.held,
  EXIT.stale,
  EXIT.failed,
  EXIT.pending,
  EXIT.done,
];

/** The code for a fault that was thrown before the first intent: nothing has changed. */
export function exitCodeOf(code: FaultCode): ExitCode {
  switch (code) {
    case 'plan-stale':
    case 'plan-used':
      return EXIT.stale;
    case 'lease-held':
      return EXIT.held;
    case 'interrupted':
      return EXIT.interrupted;
    case 'unfinished':
      return EXIT.stopped;
    default:
      return EXIT.failed;
  }
}

export function exitCodeOfOutcome(outcome: ApplyOutcome): ExitCode {
  switch (outcome) {
    case 'done':
      return EXIT.done;
    case 'failed':
      return EXIT.failed;
    case 'rolled-back':
      return EXIT.rolledBack;
    case 'stopped':
    case 'incomplete':
      return EXIT.stopped;
    case 'interrupted':
      return EXIT.interrupted;
  }
}

/** Several stacks end in one code: the worst. */
export function worst(codes: readonly ExitCode[]): ExitCode {
  return WORST_FIRST.find((code) => codes.includes(code)) ?? EXIT.done;
}
