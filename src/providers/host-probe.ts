import { execFile } from 'node:child_process';
import { request } from 'node:http';
import type { Probe } from '../model/declared.ts';
import { millisecondsOf } from '../model/duration.ts';
import { Fault } from '../model/fault.ts';
import type { VerifyOrder } from '../model/platform.ts';
import type { Clock } from './host-clock.ts';
import { quotedAll } from './host-quoted.ts';
import type { HostRoom } from './host-room.ts';
import type { HostShell } from './host-shell.ts';
import type { HostEnvironment } from './host-ssh.ts';

type NetworkProbe = Extract<Probe, { kind: 'http' | 'tcp' }>;

export interface ProbeRoom extends HostRoom {
  readonly environment: HostEnvironment;
  readonly stack: string;
  readonly clock: Clock;
}

const POLL_MS = 500;
const TRY_MS = 5_000;
/** One that only just started may need a moment before it listens. */
const LEAST_MS = 15_000;

/**
 * Tries a consumer as the declaration says, and returns a line of evidence; null where no probe is declared. A port is
 * one of the host's loopback. Throws `verify-failed` where nothing answers as it should before `until`.
 */
export async function runProbe(
  room: ProbeRoom,
  { probe, service }: Pick<VerifyOrder, 'probe' | 'service'>,
  until: number,
  signal?: AbortSignal,
): Promise<string | null> {
  if (probe.kind === 'none') return null;
  if (probe.kind === 'command') return runCommand(room, service, probe, signal);
  const name = probe.kind === 'http' ? `GET :${probe.port}${probe.path}` : `tcp :${probe.port}`;
  const last = Math.max(until, room.clock.ticks() + LEAST_MS);
  for (;;) {
    const said = await ask(room.shell, probe, signal);
    if (said === null) return `${name} ${probe.kind === 'http' ? `answered ${probe.status}` : 'accepted'}`;
    if (room.clock.ticks() >= last) {
      throw new Fault({
        code: 'verify-failed',
        what: `the probe of "${service}" failed: ${name}: ${said}`,
        where: room.where,
        next: `see what listens on the host: curl -i http://127.0.0.1:${probe.port}/`,
      });
    }
    await room.clock.sleep(POLL_MS, signal);
  }
}

/** Null: it answered as it should. Otherwise why not, in words; never what an answer held. */
async function ask(shell: HostShell, probe: NetworkProbe, signal?: AbortSignal): Promise<string | null> {
  signal?.throwIfAborted();
  if (shell.embedded !== undefined) return askStandIn(shell, probe, signal);
  return probe.kind === 'http' ? askOverHttp(shell, probe, signal) : askOverTcp(shell, probe.port, signal);
}

/** Nothing listens on an embedded host: a stand-in says what would answer. */
async function askStandIn(
  shell: HostShell,
  probe: NetworkProbe,
  signal?: AbortSignal,
): Promise<string | null> {
  const words = probe.kind === 'http' ? [probe.path, String(probe.status)] : [];
  const body = quotedAll(['keyturn-probe', probe.kind, String(probe.port), ...words]);
  const { code, out } = await shell.run({ body, timeoutMs: TRY_MS }, signal);
  return code === 0 ? null : out.toString('utf8').trim();
}

async function askOverHttp(
  shell: HostShell,
  { port, path, status }: Extract<Probe, { kind: 'http' }>,
  signal?: AbortSignal,
): Promise<string | null> {
  const stream = await shell.dial(port);
  return new Promise((resolve) => {
    const settle = (said: string | null): void => {
      clearTimeout(timer);
      stream.destroy();
      resolve(said);
    };
    const timer = setTimeout(() => settle('no answer'), TRY_MS);
    stream.once('error', () => settle('no connection'));
    stream.once('close', () => settle('no connection'));
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      // And no `agent`: with one, be it false, node opens a connection of its own, to this machine.
      headers: { 'user-agent': 'keyturn', 'connection': 'close' },
      createConnection: () => stream,
      ...(signal === undefined ? {} : { signal }),
    });
    asked.on('error', () => settle('no answer'));
    asked.once('response', (response) => {
      response.on('error', () => {});
      settle(response.statusCode === status ? null : `answered ${response.statusCode ?? 0}`);
    });
    asked.end();
  });
}

/**
 * Whether somebody accepts a connection. One through ssh cannot say when the other end is open, but ends at once where
 * nobody listens: it is open once something is said, or if it stays so for a moment.
 */
async function askOverTcp(shell: HostShell, port: number, signal?: AbortSignal): Promise<string | null> {
  const stream = await shell.dial(port);
  return new Promise((resolve) => {
    const settle = (said: string | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stream.destroy();
      resolve(said);
    };
    const timer = setTimeout(() => settle(null), 1_000);
    const onAbort = (): void => settle('was not waited for');
    signal?.addEventListener('abort', onAbort, { once: true });
    stream.once('connect', () => settle(null));
    stream.once('data', () => settle(null));
    stream.once('error', () => settle('no connection'));
    stream.once('end', () => settle('no connection'));
    stream.once('close', () => settle('no connection'));
  });
}

/** On the machine that runs apply, without a shell. What it prints is not kept: it may print anything. */
function runCommand(
  { environment, stack, where }: ProbeRoom,
  service: string,
  probe: Extract<Probe, { kind: 'command' }>,
  signal?: AbortSignal,
): Promise<string> {
  const [command = '', ...args] = probe.argv;
  const { PATH, HOME } = environment;
  const env = {
    ...(PATH === undefined ? {} : { PATH }),
    ...(HOME === undefined ? {} : { HOME }),
    KEYTURN_STACK: stack,
    KEYTURN_SERVICE: service,
  };
  const refused = (what: string, cause?: unknown) =>
    new Fault({
      code: 'verify-failed',
      what: `the probe of "${service}" failed: "${command}" ${what}`,
      where,
      next: `run it by hand with KEYTURN_SERVICE=${service} to see what it says`,
      cause,
    });
  return new Promise((resolve, reject) => {
    const options = {
      env,
      timeout: Math.max(millisecondsOf(probe.timeout), 1_000),
      ...(signal === undefined ? {} : { signal }),
    };
    execFile(command, args, options, (error) => {
      if (error === null) return resolve(`"${command}" exited with 0`);
      if (signal?.aborted === true) return reject(error);
      if (error.killed === true) return reject(refused(`did not end within ${probe.timeout}`));
      return reject(
        refused(typeof error.code === 'number' ? `exited with ${error.code}` : `did not run (${error.code})`),
      );
    });
  });
}
