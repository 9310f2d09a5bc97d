import type { Address } from './address.ts';
import type { FaultRecord } from './fault.ts';
import type { ApplyOutcome, Delivery, StepStatus } from './journal.ts';
import type { Step } from './plan.ts';
import type { Evidence } from './platform.ts';

/**
 * What happens during an apply, as data: the terminal, the JSON lines and the tests read the same stream.
 * `sequence` counts from 1 without gaps. New types and fields may be added; readers ignore what they do not know.
 */
export type ApplyEvent = { readonly sequence: number; readonly at: string } & (
  | { readonly type: 'apply_start'; readonly apply: string; readonly stack: string; readonly steps: number }
  | { readonly type: 'step_start'; readonly step: Step; readonly undo: boolean }
  | {
      readonly type: 'step_progress';
      readonly step: string;
      readonly address: Address;
      readonly message: string;
    }
  | {
      readonly type: 'step_end';
      readonly step: Step;
      readonly undo: boolean;
      readonly status: StepStatus;
      readonly elapsedMs: number;
      readonly fault: FaultRecord | null;
      readonly evidence: Evidence | null;
    }
  | { readonly type: 'rollback_start'; readonly group: string; readonly because: FaultRecord }
  | { readonly type: 'rollback_end'; readonly group: string; readonly complete: boolean }
  | { readonly type: 'notified'; readonly delivery: Delivery }
  | {
      readonly type: 'apply_end';
      readonly outcome: ApplyOutcome;
      readonly counts: Readonly<Record<StepStatus, number>>;
    }
);

/** Receives events in order. Must not throw. */
export type Listen = (event: ApplyEvent) => void;
