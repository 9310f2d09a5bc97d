import { readFileSync, readdirSync } from 'node:fs';

/** A process in whose arguments or environment the text was. */
export interface Sighting {
  readonly where: 'arguments' | 'environment';
  /** 1: started by the test itself. Null: not one of ours. */
  readonly depth: number | null;
  readonly command: string;
}

export interface ProcessWatch {
  readonly sightings: readonly Sighting[];
  /** The command lines of every descendant that was seen. */
  readonly commands: ReadonlySet<string>;
  /** Looks once more and ends. */
  stop(): void;
}

const EVERY_MS = 8;
const WHOLE_LIST_EVERY = 25;

/**
 * Reads arguments and environment of this process's descendants again and again, and now and then the
 * arguments of all processes, as any user of the machine could. `finds` says whether a text is the one that is
 * looked for. Linux only.
 */
export function watchProcesses(finds: (text: string) => boolean): ProcessWatch {
  const sightings: Sighting[] = [];
  const commands = new Set<string>();
  let looks = 0;

  const inspect = (pid: string, depth: number | null, parent = ''): void => {
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    // Between fork and exec a child is a picture of its parent and no program of its own yet.
    if (command === parent) return;
    if (finds(command)) sightings.push({ where: 'arguments', depth, command });
    if (depth === null) return;
    if (command !== '') commands.add(command);
    if (finds(read(`/proc/${pid}/environ`))) sightings.push({ where: 'environment', depth, command });
    for (const child of childrenOf(pid)) inspect(child, depth + 1, command);
  };
  const look = (): void => {
    for (const child of childrenOf(String(process.pid))) inspect(child, 1);
    if (looks++ % WHOLE_LIST_EVERY !== 0) return;
    for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) inspect(pid, null);
  };

  const timer = setInterval(look, EVERY_MS);
  return {
    sightings,
    commands,
    stop: () => {
      clearInterval(timer);
      look();
    },
  };
}

/** The command lines of what this process has started and what that has started, now. */
export function runningCommands(pid = String(process.pid)): string[] {
  return childrenOf(pid).flatMap((child) => [
    read(`/proc/${child}/cmdline`).replaceAll('\0', ' ').trim(),
    ...runningCommands(child),
  ]);
}

function childrenOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean),
    );
  } catch {
    return [];
  }
}

/** Empty where the process is gone, as it may be at any moment. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
