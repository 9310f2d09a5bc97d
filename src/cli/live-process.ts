import { readFileSync } from 'node:fs';

/** Names one process for as long as it lives: a number alone may be given to another one later. */
export interface LiveProcess {
  readonly pid: number;
  /** Clock ticks after boot, from /proc; null where the system has no such file. */
  readonly started: string | null;
}

export function thisProcess(): LiveProcess {
  return { pid: process.pid, started: startOf(process.pid) };
}

/** Whether that very process still runs. */
export function isAlive({ pid, started }: LiveProcess): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const stat = statOf(pid);
  // A zombie (Z) or a dead one (X) only waits for its parent to ask how it ended.
  if (stat !== null && /^[ZX]/.test(stat.state)) return false;
  return started === null || stat === null || stat.started === started;
}

function startOf(pid: number): string | null {
  return statOf(pid)?.started ?? null;
}

/** Fields 3 and 22 of /proc/<pid>/stat, proc(5); the second may hold spaces and parentheses. */
function statOf(pid: number): { readonly state: string; readonly started: string | null } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', started: fields[19] ?? null };
  } catch {
    return null;
  }
}
