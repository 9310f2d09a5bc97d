import childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { PassThrough, Writable } from 'node:stream';
import type { Owner, Timeline } from './timeline.ts';

/** What a shell said, and how it ended; `code` null: by a signal, or nobody saw it end. */
export interface Said {
  readonly code: number | null;
  readonly out: Buffer;
  readonly said: string;
}

/** A shell that an incarnation started on a host, and the script that it was given. */
export class Shell extends EventEmitter {
  readonly pid: number;
  readonly owner: Owner | undefined;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly stdin: Writable;
  /** All of its standard input, once that has ended. */
  script = '';
  /** Nothing of it runs any more, as far as whoever started it can see. */
  isOver = false;
  /** What it says when whoever started it ends it. */
  lastWords: Said = { code: null, out: Buffer.alloc(0), said: '' };

  constructor(
    pid: number,
    owner: Owner | undefined,
    command: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
    onScript: (shell: Shell) => void,
  ) {
    super();
    this.pid = pid;
    this.owner = owner;
    this.command = command;
    this.args = args;
    this.environment = environment;
    const chunks: Buffer[] = [];
    this.stdin = new Writable({
      write: (chunk: Buffer, _, done) => {
        chunks.push(chunk);
        done();
      },
      final: (done) => {
        this.script = Buffer.concat(chunks).toString('utf8');
        onScript(this);
        done();
      },
    });
  }

  /** Ends it, for whoever started it. */
  end({ code, out, said }: Said): void {
    if (this.isOver) return;
    this.isOver = true;
    const ends = [this.stdout, this.stderr].map(
      (stream) => new Promise<void>((resolve) => stream.once('end', resolve)),
    );
    this.stdout.end(out);
    this.stderr.end(said);
    void Promise.all(ends).then(() => this.emit('close', code));
  }
}

const REAL = { spawn: childProcess.spawn, kill: process.kill.bind(process) };
const current: { shells: Shells | null } = { shells: null };
/** No process has such a number. */
const FIRST_PID = 1_000_000_000;

/** Between those who apply and the shells of hosts: each script waits until it is decided what becomes of it. */
export class Shells {
  /** Moves whenever something happens in a shell's streams. */
  activity = 0;
  readonly #timeline: Timeline;
  readonly #open = new Map<number, Shell>();
  readonly #arrived: Shell[] = [];
  #started = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** What was handed a script and is not decided, in the order of arrival. */
  takeArrived(): Shell | null {
    return this.#arrived.shift() ?? null;
  }

  /** Takes the place of every program that this process starts, until the returned call. */
  install(): () => void {
    patchOnce();
    current.shells = this;
    return () => {
      for (const shell of this.#open.values()) shell.end(shell.lastWords);
      current.shells = null;
    };
  }

  spawn(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): Shell {
    const pid = FIRST_PID + this.#started;
    this.#started += 1;
    this.activity += 1;
    const shell = new Shell(pid, this.#timeline.owner, command, args, environment, (ready) => {
      this.activity += 1;
      this.#arrived.push(ready);
    });
    this.#open.set(pid, shell);
    shell.once('close', () => {
      this.activity += 1;
      this.#open.delete(pid);
    });
    return shell;
  }

  /** Whoever started it has waited long enough. */
  signal(pid: number): void {
    const shell = this.#open.get(pid);
    if (shell === undefined) return;
    this.activity += 1;
    shell.end(shell.lastWords);
  }
}

/** Once for good: whoever imported one of these functions keeps it, whatever takes its place later. */
function patchOnce(): void {
  if (childProcess.spawn !== REAL.spawn) return;
  childProcess.spawn = ((...given: Parameters<typeof childProcess.spawn>) => {
    const [command, args, options] = given;
    return current.shells === null
      ? REAL.spawn(...given)
      : current.shells.spawn(command, args, options?.env ?? {});
  }) as typeof childProcess.spawn;
  process.kill = (pid, signal) => {
    if (pid > -FIRST_PID) return REAL.kill(pid, signal);
    current.shells?.signal(-pid);
    return true;
  };
  syncBuiltinESMExports();
}
