import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Ended {
  /** Null: it was killed, by us or because it took longer than `LIMIT_MS`. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly elapsedMs: number;
}

/** No command may run longer. What does is killed, and counts as failed. */
const LIMIT_MS = 180_000;

const running = new Set<ChildProcess>();

/** Runs a command to its end. Rejects only where the program cannot be started. */
export function run(command: Command): Promise<Ended> {
  return runUntil(command, LIMIT_MS);
}

/**
 * Runs a command and sends SIGKILL to its whole process group after `killAfterMs`, so that neither it nor a child
 * of it can tidy up. `code` is null where it was still running then.
 */
export function runUntil(command: Command, killAfterMs: number): Promise<Ended> {
  const started = performance.now();
  const child = launch(command);
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), killAfterMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => clearTimeout(timer));
    child.once('close', (code) => resolve({ code, out, err, elapsedMs: performance.now() - started }));
  });
}

/** Starts a command in a process group of its own, which `killAll` reaches while it runs. */
export function launch({ file, args, cwd, env }: Command): ChildProcess {
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Ends a child that `launch` started with SIGTERM, and waits until it has. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), 10_000);
  killGroup(child, 'SIGTERM');
  await ended;
  clearTimeout(timer);
}

/** Kills every child that still runs; for the way out of an interrupted bench. */
export function killAll(): void {
  for (const child of running) killGroup(child, 'SIGKILL');
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: it ended by itself a moment ago.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
