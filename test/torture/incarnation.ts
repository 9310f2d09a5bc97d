import type { LeaseClock } from '../../src/record/lease.ts';
import type { Owner, Timeline } from './timeline.ts';
import type { Exchange, Reply } from './wire.ts';

/** Thrown where a process dies: nothing that catches it can have an effect any more. */
export class Death extends Error {}

/** One process that applies, from its start to its end or its death. */
export class Incarnation implements Owner {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  /** Rejects with a Death once it is dead. */
  readonly death: Promise<never>;
  state: Owner['state'] = 'running';
  /** Runs before it loses the power over its timers and answers. */
  #die: (death: Death) => void = () => {};
  readonly #timeline: Timeline;
  readonly #withheld: (() => void)[] = [];

  constructor(pid: number, host: string, timeline: Timeline) {
    this.pid = pid;
    this.host = host;
    this.name = `pid ${pid} on ${host}`;
    this.#timeline = timeline;
    this.death = new Promise((_, reject) => {
      this.#die = reject;
    });
    this.death.catch(() => undefined);
  }

  get clock(): LeaseClock {
    return {
      now: () => Math.floor(this.#timeline.wall),
      ticks: () => this.#timeline.ticks,
      sleep: async (ms, signal) => {
        const { setTimeout: wait } = await import('node:timers/promises');
        await wait(ms, undefined, signal === undefined ? {} : { signal });
      },
    };
  }

  /** Ends it: what it does from here on has no effect. */
  die(why: string): Death {
    const death = new Death(why);
    this.state = 'dead';
    this.#withheld.length = 0;
    this.#die(death);
    return death;
  }

  /** Stops it in the middle of everything; `asleep`: with its machine, whose timers stand still as well. */
  suspend(ms: number, asleep: boolean): void {
    if (this.state !== 'running') return;
    this.state = 'suspended';
    this.#timeline.after(ms, () => {
      if (this.state !== 'suspended') return;
      if (asleep) this.#timeline.postpone(this, ms);
      this.state = 'running';
      for (const deliver of this.#withheld.splice(0)) deliver();
    });
  }

  /** Resolves at once, or when it wakes. */
  awake(): Promise<void> {
    if (this.state !== 'suspended') return Promise.resolve();
    return new Promise((resolve) => this.#withheld.push(resolve));
  }

  /** Answers a request, or does so when it wakes. */
  deliver(exchange: Exchange, reply: Reply | null): void {
    if (this.state === 'suspended') this.#withheld.push(() => exchange.answer(reply));
    else exchange.answer(reply);
  }
}
