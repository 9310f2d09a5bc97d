import { millisecondsOf } from '../model/duration.ts';
import { Fault } from '../model/fault.ts';
import type { Restart } from '../model/host.ts';
import { composeWords } from './host-look-script.ts';
import { quoted, quotedAll } from './host-quoted.ts';
import type { HostRoom } from './host-room.ts';
import { change, heard } from './host-room.ts';
import type { Answer } from './host-shell.ts';
import type { Run } from './host-sight.ts';

type Unit = Extract<Restart, { kind: 'systemd-unit' }>;
type Compose = Extract<Restart, { kind: 'compose-service' }>;
type Command = Extract<Restart, { kind: 'command' }>;

/** Longer than systemd waits for a unit to start, or compose for an image. */
const RESTART_MS = 600_000;

/** A restart that the host refused for lack of a right: what should have been restarted runs on as it was. */
export class RestartRefused extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.name = 'RestartRefused';
    this.fault = fault;
  }
}

/** Holds afterwards: the host was told to restart it, and took it. Whether it comes back is for a verification to say. */
export async function restart(room: HostRoom, run: Run, path: string, signal?: AbortSignal): Promise<void> {
  switch (run.restart.kind) {
    case 'systemd-unit':
      return restartUnit(room, run.restart, path, signal);
    case 'compose-service':
      return restartService(
        room,
        run.restart,
        run.processes.filter(({ hasEnded }) => !hasEnded).length,
        path,
        signal,
      );
    case 'command':
      return runCommand(room, run.restart, path, signal);
  }
}

const NO_RIGHT =
  /interactive authentication required|access denied|permission denied|not permitted|must be root/i;

/**
 * A unit that started too often of late is stopped by a restart and then not started, however well it is: that count is
 * forgotten first. One that is down reads anew as it starts.
 */
async function restartUnit(
  room: HostRoom,
  { unit, action }: Unit,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const verb = action === 'reload' ? 'reload' : 'restart';
  const body = [
    `unit=${quoted(unit)} verb=${verb}`,
    'case $(systemctl show -p ActiveState -- "$unit") in',
    '  *=failed) verb=restart; systemctl reset-failed -- "$unit" || exit 4 ;;',
    '  *=inactive) verb=restart ;;',
    // Where that is refused, so is what follows, and says why.
    '  *) systemctl reset-failed -- "$unit" 2>/dev/null ;;',
    'esac',
    'systemctl "$verb" -- "$unit" || exit 4',
  ].join('\n');
  const answer = await change(room, body, RESTART_MS, signal);
  if (answer.code === 0) return;
  const said = heard(room, answer.said);
  if (NO_RIGHT.test(said)) {
    throw new RestartRefused(
      new Fault({
        code: 'platform-refused',
        what: `no right to ${verb} "${unit}": ${said}`,
        where: room.where,
        live: `"${path}" and "${unit}" are as they were`,
        next: 'declare sudo for the host, or allow its user to manage the unit (a rule of polkit)',
      }),
    );
  }
  throw notRestarted(room, path, `"${unit}" did not ${verb}: ${said}`, [
    `systemctl status ${unit}`,
    `journalctl -u ${unit}`,
  ]);
}

/**
 * Always anew: compose leaves a container alone whose own configuration is the same, whatever files it reads itself. One
 * that was scaled by hand stays so: compose would go back to what the project says.
 */
async function restartService(
  room: HostRoom,
  service: Compose,
  count: number,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const scale = count > 1 ? ['--scale', `${service.service}=${count}`] : [];
  const up = ['up', '-d', '--no-deps', '--force-recreate', ...scale, service.service];
  const answer = await compose(room, service, [...composeWords(service, room.place), ...up], signal);
  if (answer.code === 0) return;
  const said = `compose did not bring up "${service.service}": ${heard(room, answer.said)}`;
  throw notRestarted(room, path, said, logsOf(service));
}

/** Runs compose in the project's directory. What it prints is said, for it is no container's output. */
export function compose(
  room: HostRoom,
  { directory }: Pick<Compose, 'directory'>,
  words: readonly string[],
  signal?: AbortSignal,
): Promise<Answer> {
  const body = `cd ${quoted(room.place(directory))} || exit 4\n${quotedAll(words)} >&2`;
  return change(room, body, RESTART_MS, signal);
}

/**
 * Whether compose knows the service. Where it cannot say, as for a project whose file of variables is yet to be made, it
 * counts as known.
 */
export async function isInProject(room: HostRoom, service: Compose, signal?: AbortSignal): Promise<boolean> {
  const words = quotedAll([...composeWords(service, room.place), 'config', '--services']);
  const body = [
    `cd ${quoted(room.place(service.directory))} || exit 0`,
    `services=$(${words} 2>/dev/null) || exit 0`,
    `printf '%s\\n' "$services" | grep -qxF -e ${quoted(service.service)} || exit 3`,
  ].join('\n');
  return (await room.shell.run({ body, timeoutMs: 60_000 }, signal)).code !== 3;
}

export function logsOf({ service, directory, program }: Compose): string[] {
  return [`cd ${directory} && ${program.join(' ')} logs ${service}`];
}

/** What it prints is kept nowhere, and read by nobody who would wait for a process that it left behind. */
async function runCommand(
  room: HostRoom,
  { argv, timeout }: Command,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const body = `cd ${quoted(room.place('/'))} || exit 4\n${limited(room, argv, timeout)} >/dev/null 2>&1`;
  const answer = await change(room, body, millisecondsOf(timeout) + 10_000, signal);
  if (answer.code === 0) return;
  const how = answer.code === 124 ? `did not end within ${timeout}` : `exited with ${answer.code}`;
  throw notRestarted(room, path, `"${argv[0] ?? ''}" ${how}`, [`run it there by hand: ${argv.join(' ')}`]);
}

/**
 * A declared program, ended on the host itself where that can be done. On an embedded host a stand-in is run in its place.
 */
export function limited(room: HostRoom, argv: readonly string[], timeout: string): string {
  const seconds = Math.ceil(millisecondsOf(timeout) / 1_000);
  if (room.shell.embedded !== undefined) return quotedAll(['keyturn-run', ...argv]);
  const words = quotedAll(argv);
  return `if command -v timeout >/dev/null; then set -- timeout ${seconds} ${words}; else set -- ${words}; fi; unset LC_ALL; "$@"`;
}

export function notRestarted(room: HostRoom, path: string, what: string, see: readonly string[]): Fault {
  return new Fault({
    code: 'verify-failed',
    what,
    where: room.where,
    live: `"${path}" holds the new versions`,
    next: `see on the host: ${see.join('; ')}`,
  });
}
