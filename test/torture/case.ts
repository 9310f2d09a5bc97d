import type { Declared } from '../../src/model/declared.ts';
import type { Climate, Trouble } from './weather.ts';

/** What somebody else does behind keyturn's back. */
export type Meddling =
  | { readonly act: 'scale'; readonly service: string; readonly replicas: number }
  | { readonly act: 'redeploy'; readonly service: string; readonly failureAction: string }
  | { readonly act: 'remove service'; readonly service: string }
  | { readonly act: 'remove copy' }
  | { readonly act: 'write'; readonly secret: string }
  | { readonly act: 'copy tags'; readonly secret: string; readonly of: 'current' | 'prior' }
  | { readonly act: 'disable'; readonly secret: string; readonly which: 'current' | 'prior' }
  | { readonly act: 'edit file'; readonly file: string; readonly how: FileEdit };

/**
 * What somebody does to a file of variables: another line of it, in place or by a file that takes its place; one of
 * keyturn's own values; the file, the marker or both as they were before keyturn's last write; no file, no marker.
 */
export type FileEdit =
  | 'another line'
  | 'another line, by another file'
  | 'a value'
  | 'the file before'
  | 'the marker before'
  | 'both before'
  | 'no file'
  | 'no marker';

/** A second apply beside the first: from which happening of the first on, and what becomes of that one then. */
export interface Beside {
  readonly at: number;
  readonly patienceMs: number;
  /** The first is stopped there until its lease is long over; null: it goes on. */
  readonly suspended: 'suspended' | 'asleep' | null;
}

export interface ApplyOrder {
  readonly due: boolean;
  /** Goes on although something is blocked by a fault, as a schedule does. */
  readonly lenient: boolean;
  readonly rotate: readonly string[];
  /** Secrets whose new value makes a service fail: `bad`, `crash`, `late`. */
  readonly bad: Readonly<Record<string, string>>;
  /** Whether a person brings values for manual secrets that wait for one. */
  readonly hasValues: boolean;
}

/** Secrets that others have: those that are named, and all that a named consumer reads. */
export interface CompromiseOrder {
  readonly incident: string;
  readonly secrets: readonly string[];
  readonly consumer: string | null;
  readonly only: boolean;
  readonly revokeFirst: boolean;
  /** As in an apply. */
  readonly bad: Readonly<Record<string, string>>;
  readonly hasValues: boolean;
}

export type Operation = { readonly id: number; readonly climate: Climate; readonly host: string } & (
  | { readonly kind: 'apply'; readonly order: ApplyOrder; readonly beside: Beside | null }
  | { readonly kind: 'rollback'; readonly secret: string }
  | {
      readonly kind: 'compromise';
      readonly order: CompromiseOrder;
      /** An apply before it, which perhaps does not end; null: none. */
      readonly onto: ApplyOrder | null;
    }
  | { readonly kind: 'save'; readonly order: ApplyOrder }
  /** The emergency plan is made now, and applied later as any saved plan. */
  | { readonly kind: 'save emergency'; readonly order: CompromiseOrder }
  | { readonly kind: 'apply saved' }
  | { readonly kind: 'declare'; readonly declared: Declared; readonly text: string }
  | { readonly kind: 'wait'; readonly hours: number }
  | { readonly kind: 'jump'; readonly hours: number }
  | { readonly kind: 'meddle'; readonly meddling: Meddling }
);

/** A host of a case: how its files are before keyturn ever writes them, and which units show nobody their environment. */
export interface CaseHost {
  readonly texts: Readonly<Record<string, string>>;
  readonly hidden: readonly string[];
}

/** Everything that happens in one torture: the same case happens the same way every time. */
export interface Case {
  readonly seed: number;
  readonly declared: Declared;
  /** Services that exist from the start. */
  readonly deployed: readonly string[];
  readonly replicas: number;
  /** With files of variables that the stack declares; absent: there is none. */
  readonly machine?: CaseHost;
  /** How long requests take: in no time, or long enough for leases to be renewed. */
  readonly slowestMs: number;
  readonly operations: readonly Operation[];
  /** What goes wrong; null: drawn from the seed by each operation's climate. */
  readonly troubles: readonly Trouble[] | null;
}
