import { once, setMaxListeners } from 'node:events';
import { z } from 'zod';
import type { Fence } from '../model/fence.ts';
import type { Instant } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { Lock } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import { parseFormat } from './formats.ts';

/** Who holds a record, why, and until when. */
export interface Holder {
  readonly format: 2;
  /** The apply's id. */
  readonly id: string;
  readonly holder: string;
  readonly host: string;
  readonly pid: number;
  /** Start of the process, as the host tells it (a pid alone may be used again); null where it does not. */
  readonly started: string | null;
  readonly purpose: string;
  /** The CI run's address; null outside of CI. */
  readonly run: string | null;
  readonly since: Instant;
  /** Last renewal, and the end of the claim unless it is renewed again; by the holder's clock, for people. */
  readonly renewed: Instant;
  readonly expires: Instant;
  /** Given up for somebody by `state unlock`: nobody holds it, acts of the one before may still be under way. */
  readonly isFenced: boolean;
}

const holderSchema: z.ZodType<Holder> = z.strictObject({
  format: z.literal(2),
  id: z.string(),
  holder: z.string(),
  host: z.string(),
  pid: z.int(),
  started: z.string().nullable(),
  purpose: z.string(),
  run: z.string().nullable(),
  since: z.iso.datetime(),
  renewed: z.iso.datetime(),
  expires: z.iso.datetime(),
  isFenced: z.boolean(),
});

/** Times of a lease, ms. */
export interface LeaseTerms {
  /** How long a claim lasts that is not renewed. Azure's finite blob leases last 60 s at most. */
  readonly periodMs: number;
  readonly renewMs: number;
  /** The longest that one request of an act may take, and so how long after its holder's end a claim still counts. */
  readonly longestActMs: number;
}

export const LEASE_TERMS: LeaseTerms = { periodMs: 60_000, renewMs: 15_000, longestActMs: 30_000 };

/** The time, and how to wait for it. */
export interface LeaseClock {
  /** Unix ms; may jump. */
  readonly now: () => number;
  /** ms of a clock that never goes back and counts on while the machine sleeps; not while a virtual one is stopped. */
  readonly ticks: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** Reads a claim's text. */
export function holderIn(text: string, lock: Lock): Holder {
  const next = 'if no apply runs: keyturn state unlock';
  return parseFormat(text, lock.place, 2, holderSchema, next);
}

export function claimText(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`;
}

/** An instant of the claim's text. */
export function instantOf(ms: number): Instant {
  return new Date(ms).toISOString();
}

/** The same holder, from now on for one period. */
export function renewedAt(holder: Holder, now: number, terms: LeaseTerms): Holder {
  return { ...holder, renewed: instantOf(now), expires: instantOf(now + terms.periodMs) };
}

/**
 * A claim that is held, and renewed by itself until it is released or lost. It is lost for good when a period has
 * passed since the last renewal by either clock (the process was suspended, the machine slept, the clock was set
 * forward, the store did not answer), or when someone else took it. A lost lease is never renewed.
 */
export class Lease implements Fence {
  readonly #lock: Lock;
  readonly #terms: LeaseTerms;
  readonly #clock: LeaseClock;
  readonly #lost = new AbortController();
  #holder: Holder;
  #tag: string;
  /** ms since the claim was made, as far as either clock told between two looks at them. */
  #passed = 0;
  #looked: { readonly now: number; readonly ticks: number };
  /** What had passed when the last renewal was begun. */
  #renewed = 0;
  #renewing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #expiry: NodeJS.Timeout | null = null;
  #why: string | null = null;
  /** What kept the last renewal from being made; null: it was made. */
  #failure: Error | null = null;

  /** `begun`: the clock's two times before the claim was made. */
  constructor(
    lock: Lock,
    held: { readonly holder: Holder; readonly tag: string; readonly begun: { now: number; ticks: number } },
    terms: LeaseTerms,
    clock: LeaseClock,
  ) {
    this.#lock = lock;
    this.#terms = terms;
    this.#clock = clock;
    this.#holder = held.holder;
    this.#tag = held.tag;
    this.#looked = held.begun;
    // Every request under way listens.
    setMaxListeners(0, this.#lost.signal);
    this.#schedule();
    this.#watchExpiry();
  }

  get holder(): Holder {
    return this.#holder;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  pass(): number {
    const left = this.#leftMs();
    if (left < 1) this.#lose(`it was not renewed for ${Math.round(this.#terms.periodMs / 1000)} s`);
    if (this.#why !== null) throw this.#fault(this.#why);
    return Math.max(1, Math.floor(Math.min(left, this.#terms.longestActMs)));
  }

  /** Renews now. Resolves also where it is lost: `pass` tells. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /**
   * Renews, by a request that begins now: whatever anyone did before is seen by it. Throws where it is lost, and
   * where it could not be renewed.
   */
  async confirm(): Promise<void> {
    await this.#renewing;
    await this.renew();
    this.pass();
    if (this.#failure !== null) throw this.#failure;
  }

  /** Gives it back. Holds afterwards: nothing of it goes on; a claim of someone else stays. */
  async release(): Promise<void> {
    await this.#stop();
    if (this.#why !== null) return;
    this.#why = 'it was given back';
    await this.#lock.drop(this.#tag);
  }

  /** Ends it and leaves the claim as it stands. Holds afterwards: nothing of it goes on. */
  async abandon(): Promise<void> {
    await this.#stop();
    this.#why ??= 'it was left';
  }

  async #stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // One that hangs is waited for until the lease ran out.
    if (this.#renewing !== null && !this.lost.aborted)
      await Promise.race([this.#renewing, once(this.lost, 'abort')]);
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#expiry = null;
  }

  async #renewOnce(): Promise<void> {
    if (this.#why !== null || this.#leftMs() < 1) return;
    const begun = this.#passed;
    const renewed = renewedAt(this.#holder, this.#looked.now, this.#terms);
    try {
      this.#tag = await this.#lock.renew(claimText(renewed), this.#tag);
    } catch (thrown) {
      // Anything else may pass: it is tried again until the period is over.
      if (thrown instanceof Changed) this.#lose('someone else took it');
      this.#failure = thrown instanceof Error ? thrown : new Error(String(thrown));
      return;
    }
    this.#failure = null;
    if (this.#leftMs() < 1) return this.#lose('its renewal came too late');
    this.#holder = renewed;
    this.#renewed = begun;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      void this.renew().then(() => {
        if (this.#timer === null) return;
        if (this.#leftMs() < 1) this.#lose('it could not be renewed in time');
        if (this.#why === null) this.#schedule();
      });
    }, this.#terms.renewMs);
    this.#timer.unref();
  }

  /** Tells those who wait also where a renewal hangs. */
  #watchExpiry(): void {
    const left = Math.max(1, Math.ceil(this.#leftMs()));
    this.#expiry = setTimeout(() => {
      if (this.#leftMs() < 1) this.#lose('it could not be renewed in time');
      else this.#watchExpiry();
    }, left);
    this.#expiry.unref();
  }

  /**
   * By the clock that moved more since the last look at both: one that counts ticks may stand still while a virtual
   * machine is stopped, and a wall clock that was set back before must not hide that.
   */
  #leftMs(): number {
    const { now, ticks } = this.#looked;
    this.#looked = { now: this.#clock.now(), ticks: this.#clock.ticks() };
    this.#passed += Math.max(this.#looked.now - now, this.#looked.ticks - ticks, 0);
    return this.#terms.periodMs - (this.#passed - this.#renewed);
  }

  #lose(why: string): void {
    this.#why ??= why;
    this.#lost.abort();
  }

  #fault(why: string): Fault {
    return new Fault({
      code: 'lease-lost',
      what: `the lease is lost: ${why}`,
      where: this.#lock.place,
      live: 'nothing was changed since; what was done before stands in the journal',
      next: 'run keyturn apply: it looks at what is there and ends what is half-done',
    });
  }
}
