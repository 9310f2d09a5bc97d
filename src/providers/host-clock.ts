import { setTimeout as pause } from 'node:timers/promises';

/** Time as the loops see it; see swarm-verify's. */
export interface Clock {
  /** ms of a clock that never jumps. */
  readonly ticks: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const REAL_CLOCK: Clock = {
  ticks: () => performance.now(),
  sleep: async (ms, signal) => {
    await pause(ms, undefined, signal === undefined ? {} : { signal });
  },
};
