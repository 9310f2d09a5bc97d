import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** A program that was started in a process group of its own, so that a Ctrl-C meant for us does not end it half-way. */
export interface Child {
  readonly stdin: ChildProcessWithoutNullStreams['stdin'];
  readonly stdout: ChildProcessWithoutNullStreams['stdout'];
  /** The end of what it said on its standard error. */
  said(): string;
  /** Resolves, and never rejects, once it has ended and its output is read. */
  readonly ended: Promise<Ending>;
  /** Ends it and what it started; nothing where that is gone. */
  kill(signal: NodeJS.Signals): void;
}

/** `code`: null where it did not end by itself. `missing`: there is no such program. */
export interface Ending {
  readonly code: number | null;
  readonly missing: boolean;
}

/** More than any message that helps, little enough to keep. */
const MOST_SAID = 65_536;

const groups = new Set<number>();

/** Starts a program without a shell, with this environment and nothing of ours. Whatever runs when we end is ended. */
export function startChild(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Child {
  const child = spawn(command, args, { env: environment, stdio: 'pipe', detached: true });
  let said = '';
  let missing = false;
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-MOST_SAID)));
  // Who does not read to the end is judged by how it ends.
  child.stdin.on('error', () => {});
  const { pid } = child;
  if (pid !== undefined) watch(pid);
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      missing = error.code === 'ENOENT';
      said += error.code ?? 'unknown';
      if (pid === undefined) resolve({ code: null, missing });
    });
    child.once('close', (code) => {
      if (pid !== undefined) unwatch(pid);
      resolve({ code, missing });
    });
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    said: () => said,
    ended,
    kill: (signal) => {
      if (pid !== undefined && groups.has(pid)) signalGroup(pid, signal);
    },
  };
}

function watch(pid: number): void {
  if (groups.size === 0) process.on('exit', killAll);
  groups.add(pid);
}

function unwatch(pid: number): void {
  groups.delete(pid);
  if (groups.size === 0) process.off('exit', killAll);
}

function killAll(): void {
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of it is left.
  }
}
