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
