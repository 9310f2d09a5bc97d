import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostRefusal, troubleOf } from './host-faults.ts';
import { startChild } from './host-child.ts';
import type { Child } from './host-child.ts';

/** What the ssh client, or a local shell, may see of the environment. */
export interface HostEnvironment {
  readonly HOME?: string | undefined;
  readonly PATH?: string | undefined;
  readonly SSH_AUTH_SOCK?: string | undefined;
}

/** A connection to a host that sessions and ports share. */
export interface Link {
  /** False once it has ended. */
  isOpen(): boolean;
  /** Runs one command of the host's login shell. */
  session(command: string): Child;
  /** Standard input and output are then a connection to this port of the host's loopback. */
  toPort(port: number): Child;
  /** Ends the connection and removes its socket. */
  close(): Promise<void>;
}

const READY = 'keyturn-ready';
const OPEN_TIMEOUT_MS = 30_000;
/**
 * Whatever ~/.ssh/config says: nothing is asked, and a host whose key is unknown or another one is not talked to.
 * The rest of it holds: names, ports, jumps, keys.
 */
const OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ConnectTimeout=20',
  'ServerAliveInterval=10',
  'ServerAliveCountMax=3',
  'LogLevel=ERROR',
  'RemoteCommand=none',
  'PermitLocalCommand=no',
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
];

/**
 * Opens a connection with the system's ssh, which knows host keys, agents and ~/.ssh/config. It holds a command that
 * ends with our end of its input: a connection never outlives us, however we end. On a refusal nothing is left.
 */
export async function openLink(endpoint: string, environment: HostEnvironment): Promise<Link> {
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-'));
  const socket = join(directory, 's');
  const remote = new URL(endpoint);
  const ssh = (options: readonly string[], command: readonly string[]): Child =>
    startChild('ssh', argumentsFor(remote, socket, options, command), environmentOf(environment));
  const master = ssh(['-o', 'ControlMaster=yes', '-T'], [`echo ${READY}; exec cat >/dev/null`]);
  let isOpen = true;
  void master.ended.then(() => (isOpen = false));
  const close = async (): Promise<void> => {
    master.stdin.end();
    master.kill('SIGTERM');
    await master.ended;
    await rm(directory, { recursive: true, force: true });
  };
  if (!(await isReady(master))) {
    const { missing } = await close().then(() => master.ended);
    throw new HostRefusal(missing ? 'no-program' : troubleOf(master.said(), true), master.said());
  }
  return {
    isOpen: () => isOpen,
    session: (command) => ssh(['-o', 'ControlMaster=no', '-T'], [command]),
    toPort: (port) => ssh(['-o', 'ControlMaster=no', '-W', `127.0.0.1:${port}`], []),
    close,
  };
}

function argumentsFor(
  remote: URL,
  socket: string,
  options: readonly string[],
  command: readonly string[],
): string[] {
  return [
    ...OPTIONS.flatMap((option) => ['-o', option]),
    '-S',
    socket,
    ...options,
    ...(remote.port === '' ? [] : ['-p', remote.port]),
    ...(remote.username === '' ? [] : ['-l', decodeURIComponent(remote.username)]),
    '--', // a host that begins with a dash is no option
    remote.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...command,
  ];
}

/** What is undefined is left out. */
export function environmentOf({ HOME, PATH, SSH_AUTH_SOCK }: HostEnvironment): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ HOME, PATH, SSH_AUTH_SOCK }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

/** Whether it said so, before it ended or took too long. */
function isReady(master: Child): Promise<boolean> {
  return new Promise((resolve) => {
    let heard = '';
    const timer = setTimeout(() => resolve(false), OPEN_TIMEOUT_MS);
    const settle = (ready: boolean): void => {
      clearTimeout(timer);
      resolve(ready);
    };
    master.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      // A login shell may greet first.
      heard = (heard + chunk).slice(-4_096);
      if (heard.includes(READY)) settle(true);
    });
    void master.ended.then(() => settle(false));
  });
}
