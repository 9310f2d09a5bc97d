import { EXIT } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

export interface Interrupt {
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Called when the first act begins: from then on a second signal leaves something unfinished. */
  begun(): void;
  /** Takes the listeners away again. */
  stop(): void;
}

/**
 * Listens for Ctrl-C and SIGTERM. The first asks for an orderly end: running steps finish, nothing new starts.
 * The second ends the program at once; the journal then tells the next apply where things stand.
 */
export function watchInterrupts(terminal: Terminal): Interrupt {
  const controller = new AbortController();
  let hasBegun = false;
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      if (hasBegun)
        terminal.say('stopped at once; the journal holds what was under way: run keyturn apply to go on');
      process.exit(hasBegun ? EXIT.stopped : EXIT.interrupted);
    }
    if (hasBegun) terminal.say('stopping: running steps are finished first; once more stops at once');
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    begun: () => {
      hasBegun = true;
    },
    stop: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
