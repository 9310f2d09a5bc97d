import { uptime } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { asFault, Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import type { Actor } from '../model/journal.ts';
import type { HeldRecord } from '../record/held-record.ts';
import type { Holder, LeaseClock } from '../record/lease.ts';
import { instantOf, LEASE_TERMS } from '../record/lease.ts';
import type { StackRecord } from '../record/record.ts';
import { isAlive, thisProcess } from './live-process.ts';
import type { Terminal } from './terminal.ts';
import { remark } from './terminal.ts';

/** One apply: its id, and who runs it. */
export interface Run {
  /** Unique. */
  readonly id: string;
  readonly actor: Actor;
  readonly purpose:
    | 'apply'
    | 'rollback'
    | 'prune'
    | 'compromise'
    | 'history seal'
    | 'import'
    | `state ${'unlock' | 'push' | 'migrate' | 'rebuild'}`;
}

export interface LeaseArgs {
  /** How long to wait for a holder who lives, ms. */
  readonly lockTimeout: number | undefined;
}

/** The gate of every change: shut but for the time in which a lease is held. */
export class Gate implements Fence {
  readonly #lost = new AbortController();
  #lease: Fence | null = null;

  get lost(): AbortSignal {
    return this.#lease?.lost ?? this.#lost.signal;
  }

  pass(): number {
    if (this.#lease !== null) return this.#lease.pass();
    throw new Fault({ code: 'unexpected', what: 'a change was about to be made without the lease' });
  }

  /** Lets through what this lease lets through; null: nothing. */
  open(lease: Fence | null): void {
    this.#lease = lease;
  }
}

/** What a claim needs beside the record. */
export interface Claiming {
  readonly argv: LeaseArgs;
  readonly run: Run;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly gate: Gate;
}

/**
 * Holds the lease on the record for as long as `act` runs; only then changes pass the gate. A `lease-held` fault
 * says who has it; `act` has then not begun.
 */
export async function underLease<T>(
  record: StackRecord,
  claiming: Claiming,
  act: (held: HeldRecord) => Promise<T>,
): Promise<T> {
  const { argv, run, terminal, signal, gate } = claiming;
  const held = await record.claim(holderOf(run), {
    isAlive: (holder) => livesHere(holder, run.actor.host),
    timeoutMs: argv.lockTimeout ?? 0,
    terms: LEASE_TERMS,
    clock: CLOCK,
    tell: (text) => remark(terminal, text),
    signal,
  });
  gate.open(held.fence);
  try {
    return await act(held);
  } finally {
    gate.open(null);
    await giveBack(held, terminal);
  }
}

/** What was done is done, whether or not the lease could be given back: it then runs out by itself. */
async function giveBack(held: HeldRecord, terminal: Terminal): Promise<void> {
  try {
    await held.release();
  } catch (thrown) {
    const seconds = Math.round((LEASE_TERMS.periodMs + LEASE_TERMS.longestActMs) / 1000);
    const why = asFault(thrown).message;
    remark(
      terminal,
      `the lease could not be given back (${why}); the next run waits up to ${seconds} s for its end`,
    );
  }
}

/**
 * By the time since the machine started: that of `performance` stands still while a Linux machine sleeps, and a wall
 * clock that is set back in the same sleep would hide it.
 */
export const CLOCK: LeaseClock = {
  now: Date.now,
  ticks: () => uptime() * 1000,
  sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal }),
};

/** Whether a holder's process lives; null where it is another host's. */
export function livesHere(holder: Holder, host: string): boolean | null {
  return holder.host === host ? isAlive(holder) : null;
}

/** This process as a holder. */
export function holderOf({ id, actor, purpose }: Run): Holder {
  const now = instantOf(Date.now());
  return {
    format: 2,
    id,
    holder: actor.name,
    host: actor.host,
    ...thisProcess(),
    purpose: `keyturn ${purpose}`,
    run: actor.run,
    since: now,
    renewed: now,
    expires: now,
    isFenced: false,
  };
}
