import { closeSync, openSync, writeSync } from 'node:fs';
import type { ApplyEvent } from '../model/event.ts';
import { Fault } from '../model/fault.ts';
import { guardedDeep } from '../model/guard.ts';
import type { Plan } from '../model/plan.ts';
import { eventJson, renderEvent } from '../report/event-text.ts';
import type { Terminal } from './terminal.ts';

/** Where the events of an apply go: stdout, and the file of `--events`. */
export interface EventLog {
  /** Never throws: what is shown must not stop what is done. */
  show(event: ApplyEvent, plan: Plan): void;
  close(): void;
}

/** Opens the file now, so that a path that cannot be written to is refused before anything begins. */
export function openEventLog(path: string | undefined, terminal: Terminal): EventLog {
  const file = path === undefined ? null : openForAppend(path);
  let isBroken = false;
  return {
    show: (happened, plan) => {
      // Before it is laid out: a value that is wrapped or painted is harder to find.
      const event = guardedDeep(happened);
      const text = terminal.json ? eventJson(event) : renderEvent(event, { ...terminal.page, plan });
      if (text !== null) terminal.print(text);
      if (file === null || isBroken) return;
      try {
        writeSync(file, `${eventJson(event)}\n`);
      } catch {
        // A full disk: the journal is what counts, and it has its own say about disks.
        isBroken = true;
      }
    },
    close: () => {
      if (file !== null) closeSync(file);
    },
  };
}

function openForAppend(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new Fault({
      code: 'bad-file',
      what: `the events cannot be written to "${path}"`,
      where: path,
      live: 'nothing was changed',
      next: 'name a file in a folder that exists and can be written to',
      cause,
    });
  }
}
