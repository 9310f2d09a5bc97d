import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../model/fault.ts';

export interface TunnelOrder {
  /** `ssh://[user@]host[:port][/path/of/docker.sock]`. */
  readonly endpoint: string;
  /** What the ssh client may see of the environment. */
  readonly environment: {
    readonly HOME?: string | undefined;
    readonly PATH?: string | undefined;
    readonly SSH_AUTH_SOCK?: string | undefined;
  };
  /** Where the socket's own directory is made. */
  readonly runDirectory: string | undefined;
}

/** A remote engine's socket on this machine. `close` ends the ssh process and removes the socket. */
export interface Tunnel {
  readonly socketPath: string;
  /** False once ssh has ended. */
  isOpen(): boolean;
  close(): Promise<void>;
}

const OPEN_TIMEOUT_MS = 30_000;

/**
 * Forwards the engine's socket through the system's ssh, which knows host keys, agents and ~/.ssh/config.
 * (dockerode's own ssh opens a connection for each request and checks no host key.) It never asks: a key that
 * needs a passphrase belongs into an agent. On a fault no process is left.
 */
export async function openTunnel(order: TunnelOrder): Promise<Tunnel> {
  const remote = new URL(order.endpoint);
  const directory = await mkdtemp(join(order.runDirectory ?? tmpdir(), 'keyturn-ssh-'));
  const socketPath = join(directory, 'engine.sock');
  const child = spawn('ssh', argumentsOf(remote, socketPath), {
    env: allowed(order.environment),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  let ended = false;
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-2_000)));
  child.once('error', (error) => {
    said += error.message;
    ended = true;
  });
  child.once('exit', () => (ended = true));
  const tunnel: Tunnel = {
    socketPath,
    isOpen: () => !ended,
    close: async () => {
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
  const until = performance.now() + OPEN_TIMEOUT_MS;
  while (tunnel.isOpen() && performance.now() < until) {
    if (await accepts(socketPath)) return tunnel;
    await pause(50);
  }
  await tunnel.close();
  throw new Fault({
    code: 'platform-unreachable',
    what: `ssh did not open a way to "${order.endpoint}": ${said.trim().replaceAll(/\s+/g, ' ') || 'no answer'}`,
    where: order.endpoint,
    next: `try: ssh -o BatchMode=yes ssh://${remote.username === '' ? '' : `${remote.username}@`}${remote.host} docker version`,
  });
}

function argumentsOf(remote: URL, socketPath: string): string[] {
  const remotePath = remote.pathname.length > 1 ? remote.pathname : '/var/run/docker.sock';
  const options = [
    'BatchMode=yes',
    'ExitOnForwardFailure=yes',
    'StreamLocalBindMask=0177',
    'ServerAliveInterval=15',
  ];
  return [
    '-N',
    ...options.flatMap((option) => ['-o', option]),
    '-L',
    `${socketPath}:${remotePath}`,
    ...(remote.port === '' ? [] : ['-p', remote.port]),
    ...(remote.username === '' ? [] : ['-l', decodeURIComponent(remote.username)]),
    '--', // a host that begins with a dash is no option
    remote.hostname,
  ];
}

function allowed(environment: TunnelOrder['environment']): Record<string, string> {
  const { HOME, PATH, SSH_AUTH_SOCK } = environment;
  return Object.fromEntries(
    Object.entries({ HOME, PATH, SSH_AUTH_SOCK }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await gone;
  clearTimeout(timer);
}
