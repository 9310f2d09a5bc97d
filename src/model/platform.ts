import type { Instant } from './address.ts';
import type { Probe } from './declared.ts';
import type { SeenPlatform } from './observed.ts';
import type { BuildRead, EnvFile } from './host.ts';
import type { FlipChange, FileWrite } from './plan.ts';
import type { Originals } from './recorded.ts';
import type { SecretValue } from './secret-value.ts';

/** A copy to deliver: the platform's name, our labels, and the value. */
export interface CopyOrder {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A copy to remove. `taken`: ids of copies that were taken over, and so carry no labels of ours. */
export interface RemoveOrder extends CopyOrder {
  readonly taken?: readonly string[];
}

export interface FlipOrder {
  readonly service: string;
  readonly changes: readonly FlipChange[];
  /** The way back from a flip of ours: allowed while that flip is under way or paused. */
  readonly undo: boolean;
  /** An emergency: it waits for no update, of whoever, under way or paused, and goes on from the spec that there is. */
  readonly takesOver?: boolean;
  /** Of a host: the file that is written, and who gives out what stands in it. Absent: a service of a swarm. */
  readonly write?: FileWrite & {
    /** The value of one version; asked only where something has to be written. */
    readonly valueOf: (version: Pick<BuildRead, 'secret' | 'ordinal'>) => Promise<SecretValue>;
  };
}

export interface FlipReceipt {
  readonly serviceId: string;
  /** The platform's clock right after the update; failures of older tasks are not this flip's. */
  readonly since: Instant;
  /** FailureActions before the flip; null where the flip changed none (they were `pause` already, or nothing was posted). */
  readonly originals: Originals | null;
  /** The service already named every wanted copy, nothing was posted. */
  readonly already: boolean;
}

export interface VerifyOrder {
  readonly service: string;
  /** target → the copy's name it must read; null: it must not be mounted. Targets that are not named here do not count. */
  readonly expected: Readonly<Record<string, string | null>>;
  /** From the flip's receipt; null: no flip went before (then every failed task in the history is ignored). */
  readonly since: Instant | null;
  readonly probe: Probe;
  readonly settleMs: number;
  readonly deadlineMs: number;
  /** Labels of a one-shot probe service, so that one left by a crash is found and removed. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of a host; absent: a service of a swarm. */
  readonly file?: EnvFile;
}

/** What verification saw: goes to the journal and the history as evidence. */
export interface Evidence {
  readonly tasks: number;
  readonly elapsedMs: number;
  readonly updateState: string | null;
  /** Tasks on nodes that are down and may still hold the old version: unprovable. */
  readonly staleOnDownNodes: number;
  /** One line a person can read, for instance `GET :8080/healthz answered 200 on 3 of 3 tasks`; null: no probe. */
  readonly probe: string | null;
}

/**
 * Where consumers run. Every method throws a Fault and nothing else; none puts a value into it, into a URL or
 * into an argument of a process.
 */
export interface Platform {
  readonly name: string;
  /** A host keeps no copies: what a consumer shall read is written when it is flipped. Nothing is staged or removed there. */
  readonly kind: 'swarm' | 'host';

  /** Secrets, services and the tasks that use them, in a fixed number of list calls. Never reads Env or Args into the result. */
  observe(signal?: AbortSignal): Promise<SeenPlatform>;

  /**
   * Holds afterwards: a copy of this name with these labels exists. One that exists with other labels is
   * refused as `not-ours`; an answer that was lost is resolved by looking for the exact name.
   */
  stage(copy: CopyOrder, value: SecretValue, signal?: AbortSignal): Promise<{ readonly id: string }>;

  /** Holds afterwards: no copy of this name exists. Refused while a service's spec names it. Only removes what carries `labels` or is one of `taken`. */
  remove(copy: RemoveOrder, signal?: AbortSignal): Promise<void>;

  /**
   * Posts one update that changes exactly these references, in place and in order, and both FailureActions to
   * `pause`. Returns once the platform accepted it; does not wait for tasks. A service that is being updated,
   * or that someone else updated meanwhile in one of these references, is `service-busy` and stays as it is.
   * With `undo` an update that is under way or paused does not stand in the way: it is the one to undo. With
   * `takesOver` none does.
   */
  flip(order: FlipOrder, signal?: AbortSignal): Promise<FlipReceipt>;

  /**
   * Returns when the service runs on the expected copies by the rule of docs/SWARM.md (the spec and the tasks
   * are the truth), has stayed so for `settleMs`, and the probe passed. Otherwise throws `verify-failed` with
   * what the tasks said. Removes its probe service in every case. Changes nothing else.
   */
  verify(order: VerifyOrder, progress: (line: string) => void, signal?: AbortSignal): Promise<Evidence>;

  /**
   * Re-posts the spec so that the previous spec names what the spec names, and puts `originals` back where the
   * service still holds what flip wrote. Restarts no task. Refused for jobs and while an update is under way.
   */
  settle(service: string, originals: Originals | null, signal?: AbortSignal): Promise<void>;

  /** Closes connections and tunnels. */
  close(): Promise<void>;
}
