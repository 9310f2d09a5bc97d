import { setTimeout as pause } from 'node:timers/promises';
import { isOutOfSequence, isPassing } from './swarm-faults.ts';

/** A change of leader takes up to 40 s, a lost manager longer. */
const PATIENCE_MS = 90_000;

/**
 * Asks again while no leader answers or the engine is restarted: an act must not fail, and its group go back, for
 * an engine that is there again a moment later.
 */
export async function patiently<T>(signal: AbortSignal | undefined, ask: () => Promise<T>): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (let wait = 200; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || isOutOfSequence(error) || performance.now() + wait > until) throw error;
      await pause(wait, undefined, signal === undefined ? {} : { signal });
    }
  }
}
