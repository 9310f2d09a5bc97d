import { isConsumerAddress, isSecretAddress } from './address.ts';
import { guarded } from './guard.ts';

/**
 * The one error of the engine. It says what happened, where, what is live now, and what to do next; never a
 * secret's value. The code is stable: it is the key in JSON output and the anchor in docs/ERRORS.md.
 */
export type FaultCode =
  | 'bad-usage' // a wrong flag, name or argument; nothing ran
  | 'bad-declaration' // a stack that declares what cannot be
  | 'synth-failed' // the app threw, or wrote no manifest
  | 'bad-file' // a state, journal, manifest or plan file that cannot be read or was edited
  | 'newer-format' // written by a newer keyturn
  | 'record-unwritable' // the disk is full, read-only or broken, or a file is not ours
  | 'vault-unreachable'
  | 'vault-refused' // no right, wrong tenant: names the role that is missing
  | 'vault-conflict' // deleted but recoverable, being deleted, disabled
  | 'platform-unreachable'
  | 'platform-refused' // not a manager, no right
  | 'service-absent'
  | 'service-busy' // an update is under way, or someone else was faster
  | 'service-unsupported' // jobs
  | 'not-ours' // exists, but was not made by keyturn or belongs to another stack
  | 'import-refused' // what is there cannot be taken over as it is
  | 'verify-failed'
  | 'still-accepted' // an old value that should be dead was accepted where it is checked
  | 'proof-failed' // whether an old value is refused could not be told
  | 'smoke-failed' // a declared smoke test ended with another code than 0, or did not end
  | 'file-refused' // a file of variables that keyturn cannot write without changing what else it means
  | 'hook-failed' // a declared program or address failed, or did not answer in time
  | 'value-refused' // empty, or over 25 KB
  | 'value-missing' // a manual secret without a person's value
  | 'plan-stale'
  | 'plan-used'
  | 'record-unreachable' // the place of the record did not answer
  | 'record-refused' // no right to it, a wrong key: names the role that is missing
  | 'record-conflict' // what should be written is not what may follow the record that is there
  | 'record-moved' // the record went to another place, which the fault names
  | 'lease-held'
  | 'lease-lost' // it ran out or was taken while we held it: nothing more was changed
  | 'interrupted' // a person asked to stop before anything was changed
  | 'unfinished' // an earlier apply did not end
  | 'unexpected';

/** One of several problems that are reported together. */
export interface Problem {
  readonly what: string;
  readonly where: string;
  readonly next?: string;
}

export interface FaultInit {
  readonly code: FaultCode;
  /** What happened: lower case, no full stop, the wrong value quoted. */
  readonly what: string;
  readonly where?: string;
  /** What is live now, in the user's words. Absent where nothing was touched. */
  readonly live?: string;
  readonly next?: string;
  /** All problems of one kind, listed at once. */
  readonly problems?: readonly Problem[];
  readonly cause?: unknown;
}

/** A fault as JSON: what plans, journals, events and `--format json` carry. */
export interface FaultRecord {
  readonly code: FaultCode;
  readonly what: string;
  readonly where?: string;
  readonly live?: string;
  readonly next?: string;
  readonly problems?: readonly Problem[];
}

/**
 * Its words pass the guard when it is made: the value that somebody's answer quotes is certainly live then, and may be
 * gone when the fault is shown.
 */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly where: string | undefined;
  readonly live: string | undefined;
  readonly next: string | undefined;
  readonly problems: readonly Problem[];

  constructor(init: FaultInit) {
    super(guarded(init.what), init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'Fault';
    this.code = init.code;
    this.where = init.where === undefined ? undefined : guardedPlace(init.where);
    this.live = init.live === undefined ? undefined : guarded(init.live);
    this.next = init.next === undefined ? undefined : guarded(init.next);
    this.problems = (init.problems ?? []).map(({ what, where, next }) => ({
      what: guarded(what),
      where: guardedPlace(where),
      ...(next === undefined ? {} : { next: guarded(next) }),
    }));
  }

  toJSON(): FaultRecord {
    return {
      code: this.code,
      what: this.message,
      ...(this.where === undefined ? {} : { where: this.where }),
      ...(this.live === undefined ? {} : { live: this.live }),
      ...(this.next === undefined ? {} : { next: this.next }),
      ...(this.problems.length === 0 ? {} : { problems: this.problems }),
    };
  }
}

/** An address stays what it is, and whatever else says where something is goes through the guard. */
export function guardedPlace(where: string): string {
  return isSecretAddress(where) || isConsumerAddress(where) ? where : guarded(where);
}

/** Any thrown thing as a fault; what was not expected keeps its message as the cause, for `--debug`. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  const what = thrown instanceof Error ? thrown.message : String(thrown);
  return new Fault({ code: 'unexpected', what, cause: thrown });
}
