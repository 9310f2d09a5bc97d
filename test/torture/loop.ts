import { setImmediate as turn } from 'node:timers/promises';
import { realNow } from './timeline.ts';
import type { Timeline } from './timeline.ts';
import type { Shell, Shells } from './shells.ts';
import type { Exchange, Wire } from './wire.ts';

/** Turns of the event loop without any activity after which nothing is under way. */
const QUIET_TURNS = 3;
/** Simulated time that one piece of work may take, ms: more is a hang. The longest of thousands took 10 minutes. */
const LONGEST_MS = 3_600_000;
/** A socket that is stuck for so long in real time never moves again. */
const LONGEST_REAL_MS = 20_000;
/** Timers and requests of one piece of work; the most of thousands were 800. */
const MOST_STEPS = 10_000;

export class Hang extends Error {}

/** Where requests and scripts arrive, and who decides what becomes of them. */
export interface Doors {
  readonly wire: Wire;
  readonly decide: (exchange: Exchange) => void;
  /** Null: there is no host. */
  readonly shells: Shells | null;
  readonly decideScript: (shell: Shell) => void;
}

/**
 * Moves a simulated world on until a piece of work is done: sockets first, then what has arrived at a server or at a
 * host's shell, one at a time, then, when nothing is under way, the next timer.
 */
export async function drive<T>(work: Promise<T>, timeline: Timeline, doors: Doors): Promise<T> {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  work.then(end, end);
  const limit = timeline.ticks + LONGEST_MS;
  for (let steps = 0; ; steps += 1) {
    await settle(doors);
    if (isOver) return work;
    const exchange = doors.wire.takeArrived();
    const shell = exchange === null ? (doors.shells?.takeArrived() ?? null) : null;
    if (exchange !== null) doors.decide(exchange);
    else if (shell !== null) doors.decideScript(shell);
    else if (!timeline.step() || timeline.ticks > limit || steps > MOST_STEPS) {
      throw new Hang('it never comes to an end');
    }
  }
}

async function settle({ wire, shells }: Doors): Promise<void> {
  const limit = realNow() + LONGEST_REAL_MS;
  for (let quiet = 0; quiet < QUIET_TURNS;) {
    if (realNow() > limit) throw new Hang(`sockets are stuck: ${wire.openText()}`);
    const seen = (): number => wire.activity + (shells?.activity ?? 0);
    const before = seen();
    await turn();
    quiet = wire.isBusy || seen() !== before ? 0 : quiet + 1;
  }
}
