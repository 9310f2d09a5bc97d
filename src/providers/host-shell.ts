import type { Duplex } from 'node:stream';
import { Duplex as duplex } from 'node:stream';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Fault } from '../model/fault.ts';
import { startChild } from './host-child.ts';
import type { Child } from './host-child.ts';
import { HostRefusal, troubleOf } from './host-faults.ts';
import { quoted } from './host-quoted.ts';
import { environmentOf, openLink } from './host-ssh.ts';
import type { HostEnvironment, Link } from './host-ssh.ts';

/** A host that is a folder of this machine, with stand-ins for what is run on it. */
export interface EmbeddedHost {
  /** What its paths begin with here. */
  readonly root: string;
  /** First in PATH. */
  readonly programs: string;
}

export interface ShellOptions {
  /** `ssh://user@host[:port]`; null: this machine. */
  readonly endpoint: string | null;
  readonly sudo: boolean;
  readonly environment: HostEnvironment;
  readonly embedded?: EmbeddedHost | undefined;
}

/** What runs on a host, as the body of a shell function. */
export interface HostScript {
  /** Reads nothing, and prints nothing behind its end. Words in it that come from elsewhere are `quoted`. */
  readonly body: string;
  readonly timeoutMs: number;
}

export interface Answer {
  readonly code: number;
  readonly out: Buffer;
  /** The end of what was said on standard error, not yet masked. */
  readonly said: string;
}

export interface HostShell {
  readonly embedded: EmbeddedHost | undefined;
  /** Throws a HostRefusal where the script did not run, or its end was not seen. */
  run(script: HostScript, signal?: AbortSignal): Promise<Answer>;
  /** A connection to a port of the host's loopback; an error of it is the stream's. */
  dial(port: number): Promise<Duplex>;
  close(): Promise<void>;
}

/** Far more than a file of variables. */
const MOST_OUTPUT = 4 * 1024 * 1024;
const BEGIN = 'keyturn-begin';
const END = 'keyturn-end';
/** sshd allows ten sessions in one connection unless told otherwise; the one that holds it open is one of them. */
const SESSIONS = 6;
const GRACE_MS = 3_000;

/**
 * The shell of a host. A script goes to `sh -s` over standard input, so that no word of it is in anybody's arguments,
 * and is a function that is called in its last line: one that arrives in part does nothing at all. What it runs has
 * an empty input. One connection is opened on the first script, and anew once it broke.
 */
export function openShell(options: ShellOptions): HostShell {
  const { embedded } = options;
  const endpoint = embedded === undefined ? options.endpoint : null;
  const limit = pLimit(SESSIONS);
  let opening: Promise<Link> | undefined;

  /** One after the other: many that ask at once share what the first of them opens. */
  function link(to: string): Promise<Link> {
    const before = opening;
    const next = (async () => {
      const open = await before?.catch(() => undefined);
      if (open?.isOpen() === true) return open;
      await open?.close();
      return openLink(to, options.environment);
    })();
    opening = next;
    return next;
  }
  async function start(): Promise<Child> {
    if (endpoint !== null) return (await link(endpoint)).session(`exec ${words(options).join(' ')}`);
    const [command = 'sh', ...args] = words(options);
    return startChild(command, args, environmentOf(options.environment));
  }

  return {
    embedded,
    run: (script, signal) =>
      limit(async () => {
        signal?.throwIfAborted();
        return converse(await start(), script, options, signal);
      }),
    dial: async (port) => {
      if (endpoint === null) return connect({ host: '127.0.0.1', port });
      const child = (await link(endpoint)).toPort(port);
      const stream = duplex.from({ readable: child.stdout, writable: child.stdin });
      stream.once('close', () => child.kill('SIGTERM'));
      return stream;
    },
    close: async () => {
      const open = await opening?.catch(() => undefined);
      opening = undefined;
      await open?.close();
    },
  };
}

function words({ sudo, embedded }: ShellOptions): string[] {
  return sudo && embedded === undefined ? ['sudo', '-n', 'sh', '-s'] : ['sh', '-s'];
}

async function converse(
  child: Child,
  { body, timeoutMs }: HostScript,
  options: ShellOptions,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let why: 'late' | 'stopped' | 'too much' | undefined;
  const end = (reason: typeof why): void => {
    if (why !== undefined) return;
    why = reason;
    child.kill('SIGTERM');
    void Promise.race([child.ended, pause(GRACE_MS)]).then(() => child.kill('SIGKILL'));
  };
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MOST_OUTPUT) end('too much');
    else chunks.push(chunk);
  });
  const timer = setTimeout(() => end('late'), timeoutMs);
  const onAbort = (): void => end('stopped');
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  child.stdin.end(whole(body, options));
  await child.ended;
  clearTimeout(timer);
  signal?.removeEventListener('abort', onAbort);
  if (why === 'stopped') signal?.throwIfAborted();
  if (why === 'too much') throw tooMuch();
  const answer = answerIn(Buffer.concat(chunks));
  if (answer === 'none')
    throw new HostRefusal(troubleOf(child.said(), options.endpoint !== null), child.said());
  if (answer === 'part') throw new HostRefusal(why === 'late' ? 'late' : 'lost', child.said());
  return { ...answer, said: child.said() };
}

/**
 * Messages are read, so that they are asked for in English. What follows a wrong turn of the login shell's files
 * (tracing, above all, which prints each word) is undone. Where printf is a program it would have words as arguments.
 */
function whole(body: string, { embedded }: ShellOptions): string {
  return [
    'set +xv',
    embedded === undefined ? '' : `PATH=${quoted(embedded.programs)}:$PATH; export PATH`,
    `root=${quoted(embedded?.root ?? '')}`,
    'LC_ALL=C; export LC_ALL',
    'main() {',
    body,
    '}',
    `[ "$(command -v printf)" = printf ] || { echo 'printf is no part of this shell' >&2; exit 1; }`,
    `printf '${BEGIN}\\n'`,
    '(main </dev/null)',
    `printf '\\n${END} %s\\n' "$?"`,
    '',
  ].join('\n');
}

function answerIn(out: Buffer): Omit<Answer, 'said'> | 'none' | 'part' {
  const begin = out.indexOf(`${BEGIN}\n`);
  if (begin === -1) return 'none';
  const end = out.lastIndexOf(`\n${END} `);
  const code = end === -1 ? null : /^\n\S+ (\d+)\n$/.exec(out.subarray(end).toString('latin1'));
  if (code === null) return 'part';
  return {
    code: Number(code[1]),
    out: out.subarray(begin + BEGIN.length + 1, Math.max(end, begin + BEGIN.length + 1)),
  };
}

function tooMuch(): Fault {
  return new Fault({
    code: 'file-refused',
    what: `what came back from the host is over ${MOST_OUTPUT / 1024 / 1024} MiB`,
    live: 'nothing was changed',
    next: 'a file of variables is a few KiB: see what is declared as one',
  });
}
