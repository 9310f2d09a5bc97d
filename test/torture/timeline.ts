import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';

/** Whoever sets timers: those of the dead never fire, those of the suspended not before they wake. */
export interface Owner {
  readonly state: 'running' | 'suspended' | 'dead';
}

const REAL = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  Date: globalThis.Date,
  pause: timersPromises.setTimeout,
};

/** One for all: each further one would slow down every promise of the process. */
const OWNERS = new AsyncLocalStorage<Owner>();

/** The real time, ms. */
export const realNow = (): number => REAL.Date.now();

/**
 * Time that stands still while anything is under way and jumps to the next timer when nothing is, so that the
 * true periods and timeouts cost nothing. While it is installed every timer of this process is one of its own;
 * sockets go on in real time. Whose timer it is follows the calls (`as`), as it does for what a process does.
 */
export class Timeline {
  /** ms of a clock that never goes back. */
  ticks = 0;
  /** What the wall clock of the machine that applies shows at tick 0; tests move it. */
  epoch: number;
  /** Hours that passed in the world while nothing happened, ms. */
  passed = 0;
  readonly #start: number;
  readonly #timers = new Set<Timer>();
  #sequence = 0;

  constructor(epoch: number) {
    this.epoch = epoch;
    this.#start = epoch;
  }

  /** The right time, Unix ms. */
  get world(): number {
    return this.#start + this.passed + this.ticks;
  }

  /** Unix ms by the wall clock of the machine that applies. */
  get wall(): number {
    return this.epoch + this.ticks;
  }

  get owner(): Owner | undefined {
    return OWNERS.getStore();
  }

  /** Runs `act` and all that it starts as this owner. */
  as<T>(owner: Owner, act: () => T): T {
    return OWNERS.run(owner, act);
  }

  /** Runs `act` as nobody in particular, whoever calls. */
  apart<T>(act: () => T): T {
    return OWNERS.exit(act);
  }

  /** Calls back after so many ms, whoever lives then. */
  after(ms: number, callback: () => void): void {
    OWNERS.exit(() => this.set(callback, ms, false));
  }

  /** This owner's timers did not count for so long. */
  postpone(owner: Owner, ms: number): void {
    for (const timer of this.#timers) if (timer.owner === owner) timer.due += ms;
  }

  /** Moves on to the next timer and runs it. False where there is none. */
  step(): boolean {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.owner?.state === 'dead') this.#timers.delete(timer);
      else if (timer.owner?.state !== 'suspended' && (next === null || timer.isBefore(next))) next = timer;
    }
    if (next === null) return false;
    this.ticks = Math.max(this.ticks, next.due);
    if (next.every === null) this.#timers.delete(next);
    else next.due = this.ticks + Math.max(1, next.every);
    next.run();
    return true;
  }

  /** Puts this clock and these timers in the place of the process's own, until the returned call. */
  install(): () => void {
    patchOnce();
    current.timeline = this;
    return () => {
      current.timeline = null;
      this.#timers.clear();
    };
  }

  clear(timer: Timer): void {
    this.#timers.delete(timer);
  }

  set(callback: () => void, ms: number, isRepeated: boolean): Timer {
    const wait = Number.isFinite(ms) && ms > 0 ? ms : 0;
    this.#sequence += 1;
    const run = AsyncLocalStorage.bind(callback);
    const timer = new Timer(this.ticks + wait, this.#sequence, this.owner, run, isRepeated ? wait : null);
    this.#timers.add(timer);
    return timer;
  }

  pause(ms: number, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#timers.delete(timer);
        reject(abortError());
      };
      const timer = this.set(
        () => {
          signal?.removeEventListener('abort', abort);
          resolve(value);
        },
        ms,
        false,
      );
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

/** The timeline that counts now; null: real time. */
const current: { timeline: Timeline | null } = { timeline: null };
let isPatched = false;

/** Once for good: whoever imported one of these functions keeps it, whatever takes its place later. */
function patchOnce(): void {
  if (isPatched) return;
  isPatched = true;
  const clear = (timer?: unknown): void => {
    if (timer instanceof Timer) current.timeline?.clear(timer);
    else REAL.clearTimeout(timer as NodeJS.Timeout | undefined);
  };
  const set =
    (real: (callback: () => void, ms?: number) => unknown, isRepeated: boolean) =>
    (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): unknown => {
      const run = (): void => callback(...args);
      return current.timeline === null ? real(run, ms) : current.timeline.set(run, ms ?? 1, isRepeated);
    };
  class SimulatedDate extends REAL.Date {
    constructor(...given: [] | [number | string | Date]) {
      if (given.length === 0) super(SimulatedDate.now());
      else super(...given);
    }
    static override now(): number {
      return current.timeline === null ? REAL.Date.now() : Math.floor(current.timeline.wall);
    }
  }
  Object.assign(globalThis, {
    setTimeout: set(REAL.setTimeout, false),
    setInterval: set(REAL.setInterval, true),
    clearTimeout: clear,
    clearInterval: clear,
    Date: SimulatedDate,
  });
  const ticks = performance.now.bind(performance);
  performance.now = () => (current.timeline === null ? ticks() : current.timeline.ticks);
  timersPromises.setTimeout = ((ms?: number, value?: unknown, options?: { signal?: AbortSignal }) =>
    current.timeline === null
      ? REAL.pause(ms, value, options)
      : current.timeline.pause(ms ?? 1, value, options?.signal)) as typeof timersPromises.setTimeout;
  syncBuiltinESMExports();
}

function abortError(): Error {
  const error = new Error('The operation was aborted');
  error.name = 'AbortError';
  return Object.assign(error, { code: 'ABORT_ERR' });
}

/** What setTimeout returns; it never keeps a process alive. */
class Timer {
  due: number;
  readonly sequence: number;
  readonly owner: Owner | undefined;
  readonly run: () => void;
  readonly every: number | null;

  constructor(
    due: number,
    sequence: number,
    owner: Owner | undefined,
    run: () => void,
    every: number | null,
  ) {
    this.due = due;
    this.sequence = sequence;
    this.owner = owner;
    this.run = run;
    this.every = every;
  }

  isBefore(other: Timer): boolean {
    return this.due < other.due || (this.due === other.due && this.sequence < other.sequence);
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return false;
  }
}
