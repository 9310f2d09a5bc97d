import { setImmediate as nextTurn } from 'node:timers/promises';

let last: Promise<void> = Promise.resolve();

/**
 * Resolves once this process has looked for what else it has to do: answers that have arrived are read, requests leave.
 * Whoever computes much while others wait for answers calls it about every half millisecond. One caller goes on at a time,
 * in the order of the calls, so that several of them hold nobody up for longer than one does.
 */
export function turn(): Promise<void> {
  last = last.then(() => nextTurn());
  return last;
}

/** Does a piece of work whose `yield`s say where it may be put aside, a turn for each, and resolves with what it returns. */
export async function inTurns<T>(work: Iterator<void, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

/** Does the same without a pause. */
export function atOnce<T>(work: Iterator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
