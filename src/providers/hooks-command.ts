import { spawn } from 'node:child_process';
import { guarded } from '../model/guard.ts';
import type { HookContext } from '../model/hooks.ts';
import type { Output } from './hooks-output.ts';
import { SecretValue } from '../model/secret-value.ts';

/** The environment of keyturn, as far as the program hands it to its providers. */
export type HookEnvironment = Readonly<Record<string, string | undefined>>;

export interface ProgramOrder {
  readonly argv: readonly string[];
  /** All that it reads; then its input ends. */
  readonly input: SecretValue | string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** Where it runs; absent: where we do. */
  readonly directory?: string;
  /** Gets what it prints; absent: that is kept nowhere. */
  readonly output?: Output;
}

/** How a program ended. `late` and `stopped`: not by itself. */
export type Ended =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly by: string }
  | { readonly kind: 'late' | 'stopped' }
  | { readonly kind: 'not-started'; readonly why: string };

/**
 * What a program may see of our environment: how to find other programs, its user's files and the network. Nothing
 * that signs in to Azure, Docker or a CI passes; a program that needs a credential has one of its own.
 */
const ALLOWED =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|TEMP|TMP|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO)_PROXY|SystemRoot|ComSpec|PATHEXT|USERPROFILE)$/i;

/** A program is told of the stack, and of the secret that it is about, where it is about one. */
type Told = Pick<HookContext, 'stack'> & Partial<HookContext & { readonly idempotencyKey: string }>;

export function childEnvironment(environment: HookEnvironment, told: Told): Record<string, string> {
  const { incident = null } = told;
  const ours = {
    KEYTURN_STACK: told.stack,
    KEYTURN_SECRET: told.secret,
    KEYTURN_VERSION_BEFORE: told.before,
    KEYTURN_VERSION_NOW: told.now,
    KEYTURN_INCIDENT: incident === null ? null : guarded(incident),
    KEYTURN_IDEMPOTENCY_KEY: told.idempotencyKey,
  };
  const theirs = Object.entries(environment).filter(([name]) => ALLOWED.test(name));
  const known = [...theirs, ...Object.entries(ours)].flatMap(([name, text]): [string, string][] =>
    text === undefined || text === null ? [] : [[name, String(text)]],
  );
  return Object.fromEntries(known);
}

const SILENT = ['ignore', 'ignore'] as const;
const HEARD = ['pipe', 'pipe'] as const;

/** Groups of programs that run now. They have no terminal, so a Ctrl-C that ends us would pass them by. */
const running = new Set<number>();

/**
 * Runs a program without a shell, in a process group of its own, and resolves once it has ended; never rejects.
 * What it prints is kept nowhere unless it is asked for: it may print the value. Whatever of its group still runs then, or
 * when this process ends, is killed; only what began a session of its own gets away.
 */
export function runProgram(order: ProgramOrder, signal?: AbortSignal): Promise<Ended> {
  const { argv, input, environment, timeoutMs, graceMs, directory, output } = order;
  const [command = '', ...args] = argv;
  return new Promise((resolve) => {
    const notStarted = (error: unknown): void => resolve({ kind: 'not-started', why: codeOf(error) });
    try {
      const child = spawn(command, args, {
        env: environment,
        stdio: ['pipe', ...(output === undefined ? SILENT : HEARD)],
        detached: true,
        ...(directory === undefined ? {} : { cwd: directory }),
      });
      child.once('error', notStarted);
      const { pid } = child;
      if (pid === undefined) return;
      const guard = guardOf(pid, timeoutMs, graceMs, signal);
      const heard = [child.stdout, child.stderr].flatMap((stream) =>
        stream === null || output === undefined ? [] : [output.take(stream)],
      );
      child.once('exit', (code, name) => {
        child.stdin?.destroy();
        const ended: Ended =
          guard.end() ?? (code === null ? { kind: 'killed', by: String(name) } : { kind: 'exited', code });
        // All of it is in the pipes by now. What began a session of its own may hold them open for ever.
        const timer = setTimeout(() => {
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, graceMs);
        void Promise.all(heard).then(() => {
          clearTimeout(timer);
          resolve(ended);
        });
      });
      // One that does not read its input to the end is judged by how it ends.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input instanceof SecretValue ? input.reveal() : input);
    } catch (error) {
      notStarted(error);
    }
  });
}

interface Guard {
  /** Kills what is left of the group. Returns why it was told to end; null: it was not. */
  end(): Ended | null;
}

/** Ends a group that takes too long, or when the caller says so: SIGTERM, then SIGKILL. */
function guardOf(pid: number, timeoutMs: number, graceMs: number, signal: AbortSignal | undefined): Guard {
  let why: Ended | null = null;
  let lastTimer: NodeJS.Timeout | undefined;
  const tell = (kind: 'late' | 'stopped'): void => {
    if (why !== null) return;
    why = { kind };
    signalGroup(pid, 'SIGTERM');
    lastTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
  };
  const timer = setTimeout(() => tell('late'), timeoutMs);
  const onAbort = (): void => tell('stopped');
  signal?.addEventListener('abort', onAbort, { once: true });
  watch(pid);
  if (signal?.aborted === true) onAbort();
  return {
    end: () => {
      clearTimeout(timer);
      clearTimeout(lastTimer);
      signal?.removeEventListener('abort', onAbort);
      signalGroup(pid, 'SIGKILL');
      unwatch(pid);
      return why;
    },
  };
}

function watch(pid: number): void {
  if (running.size === 0) process.on('exit', killAll);
  running.add(pid);
}

function unwatch(pid: number): void {
  running.delete(pid);
  if (running.size === 0) process.off('exit', killAll);
}

function killAll(): void {
  for (const pid of running) signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of it is left.
  }
}

/** In words, behind the program's name. */
export function saidOf(ended: Ended, timeout: string): string {
  switch (ended.kind) {
    case 'exited':
      return `exited with ${ended.code}`;
    case 'killed':
      return `was ended by ${ended.by}`;
    case 'late':
      return `did not end within ${timeout}`;
    case 'stopped':
      return 'was stopped';
    case 'not-started':
      return `did not run (${ended.why})`;
  }
}

/** Never the message: it may hold the arguments. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}
