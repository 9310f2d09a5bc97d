import type { EnvFile, Restart } from '../model/host.ts';
import type { Marker, Versions } from './host-marker.ts';
import { heldBy, markerOf, versionsOf } from './host-marker.ts';

/** What was seen of a declared file and of what is declared to read it. */
export interface FileSight {
  readonly file: EnvFile;
  /** `nowhere`: not even its directory. */
  readonly status: 'there' | 'absent' | 'nowhere';
  /** Null where it is not there. */
  readonly identity: string | null;
  readonly mode: number | null;
  /** `uid:gid` in numbers; null where it is not there. */
  readonly owner: string | null;
  readonly names: number;
  /** `regular file`, as `stat` calls it. */
  readonly kind: string;
  readonly marker: Marker | null;
  /** As the file's identity; null where there is no marker. */
  readonly markerIdentity: string | null;
  /** What it holds by its marker; empty where it is not there. */
  readonly versions: Versions;
  readonly isEdited: boolean;
  /** Seconds of the host's clock: whatever started later has read what the file holds. Null: that cannot be said. */
  readonly writtenAt: number | null;
  readonly runs: readonly Run[];
}

/** What one restart is about: a unit, the containers of a service; of a command nothing is seen. */
export interface Run {
  readonly restart: Restart;
  /** `tracker.service`, `web`, or the command's program. */
  readonly name: string;
  readonly processes: readonly Process[];
  /** Why it is not as it should be, in words; null: it runs, as far as can be seen. */
  readonly trouble: string | null;
  /** It failed, and stays so by itself. */
  readonly hasFailed: boolean;
  readonly isDeclaredThere: boolean;
  readonly canReload: boolean;
  readonly hasHealthCheck: boolean;
}

export interface Process {
  /** `tracker.service`, `tracker-web-1`. */
  readonly name: string;
  /** A process id or a container's: another one means another process. */
  readonly id: string;
  /** How often it came back by itself. */
  readonly restarts: number;
  /** Seconds of the host's clock; null where it cannot be told. */
  readonly startedAt: number | null;
  /** By the marker in its environment; null: it carries none, or we may not read it. */
  readonly versions: Versions | null;
  readonly trouble: string | null;
  readonly hasFailed: boolean;
  /** Nothing of it runs. */
  readonly hasEnded: boolean;
}

export interface HostSight {
  readonly machine: string;
  /** Seconds of the host's clock when it was looked at. */
  readonly at: number;
  readonly files: readonly FileSight[];
  /** What could not be seen, in words. */
  readonly unseen: readonly { readonly what: string; readonly path: string }[];
}

/** Of `/proc/<pid>/stat`: always 100 in a second, whatever the kernel counts in. */
const TICKS = 100;

/** The lines of `lookScript`, by their first words. */
export function sightOf(out: string, files: readonly EnvFile[]): HostSight {
  const lines = out.split('\n');
  const behind = (first: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${first} `) ? [line.slice(first.length + 1)] : []));
  const clock = clockOf(behind('clock'));
  const unseen = files.flatMap((file, at) => [
    ...behind(`file ${at} unseen`).map((what) => ({ what, path: file.path })),
    ...file.restarts.flatMap((_, which) => [
      ...behind(`unseen ${at} ${which}`).map((what) => ({ what: what.trim(), path: file.path })),
      ...behind(`missing ${at} ${which}`).map((program) => ({
        what: `there is no "${program}" on the host`,
        path: file.path,
      })),
    ]),
  ]);
  return {
    machine: behind('machine')[0] ?? '',
    at: clock.now,
    files: files.map((file, at) => fileSight(file, at, behind, clock)),
    unseen,
  };
}

interface HostClock {
  readonly now: number;
  /** Seconds since the host was started, when `now` was read or before that. */
  readonly uptime: number;
}

/** Of several readings the one that took least: between its two parts the machine may have had other work. */
function clockOf(readings: readonly string[]): HostClock {
  const read = readings.map((reading) => {
    const [before = '', after = '', seconds = '', , time = ''] = reading.split(' ');
    return {
      uptime: Number(before),
      took: Number(after) - Number(before),
      now: secondsOf(seconds, time.split('.')[1] ?? ''),
    };
  });
  return read.sort((a, b) => a.took - b.took)[0] ?? { now: Number.NaN, uptime: Number.NaN };
}

function secondsOf(seconds: string, nanoseconds: string): number {
  return Number(`${seconds}.${nanoseconds === '' ? '0' : nanoseconds}`);
}

/** The instant of an identity. */
function changedAt(identity: string | null | undefined): number {
  const [, seconds = '', nanoseconds = ''] = identity?.split('.') ?? [];
  return identity === null || identity === undefined
    ? Number.NEGATIVE_INFINITY
    : secondsOf(seconds, nanoseconds);
}

type Behind = (first: string) => string[];

function fileSight(file: EnvFile, at: number, behind: Behind, clock: HostClock): FileSight {
  const [identity = null, mode, owner, names, ...kind] = behind(`file ${at} there`)[0]?.split(' ') ?? [];
  const marker = markerOf(behind(`said ${at}`));
  const held = identity === null ? null : heldBy(marker, identity);
  const markerIdentity = behind(`marked ${at}`)[0] ?? null;
  const written = writtenAt(identity, marker, markerIdentity);
  const status =
    identity !== null ? 'there' : behind(`file ${at}`).includes('nowhere') ? 'nowhere' : 'absent';
  return {
    file,
    status,
    identity,
    mode: mode === undefined ? null : Number.parseInt(mode, 8),
    owner: owner ?? null,
    names: Number(names ?? 0),
    kind: kind.join(' '),
    marker,
    markerIdentity,
    versions: held?.versions ?? new Map(),
    isEdited: held?.isEdited ?? false,
    writtenAt: written,
    runs: file.restarts.map((restart, which) => runOf(restart, `${at} ${which}`, behind, clock, written)),
  };
}

/**
 * A file takes the place of another one a moment after it was written, and whoever starts in that moment reads the
 * other one. Its marker is written behind that moment; where a crash came before it, nothing can be said.
 */
function writtenAt(identity: string | null, marker: Marker | null, marked: string | null): number | null {
  if (identity === null) return Number.NEGATIVE_INFINITY;
  const isBetween = marker?.next !== undefined && marker.next !== null && marker.next.identity === identity;
  if (isBetween) return null;
  // A marker of ours beside somebody else's file says nothing of when that was written.
  return Math.max(changedAt(identity), marker?.next ? Number.NEGATIVE_INFINITY : changedAt(marked));
}

function runOf(restart: Restart, at: string, behind: Behind, clock: HostClock, written: number | null): Run {
  switch (restart.kind) {
    case 'systemd-unit':
      return unitRun(restart, at, behind, clock);
    case 'compose-service':
      return composeRun(restart, at, behind, written);
    case 'command':
      return { ...NOTHING, restart, name: restart.argv[0] ?? '' };
  }
}

const NOTHING = {
  processes: [],
  trouble: null,
  hasFailed: false,
  isDeclaredThere: true,
  canReload: true,
  hasHealthCheck: false,
} as const;

function unitRun(
  restart: Extract<Restart, { kind: 'systemd-unit' }>,
  at: string,
  behind: Behind,
  clock: HostClock,
): Run {
  const shown = new Map(
    behind(`unit ${at}`).map((line): [string, string] => [
      line.slice(0, line.indexOf('=')),
      line.slice(line.indexOf('=') + 1),
    ]),
  );
  const { unit: name } = restart;
  const active = shown.get('ActiveState') ?? 'unknown';
  const isThere = !['not-found', 'masked', 'bad-setting', 'error'].includes(shown.get('LoadState') ?? '');
  const result = shown.get('Result') ?? 'success';
  const state = `${active} (${[shown.get('SubState'), result === 'success' ? undefined : result].filter(Boolean).join(', ')})`;
  const trouble = isThere ? (active === 'active' ? null : state) : (shown.get('LoadState') ?? null);
  const hasFailed = active === 'failed';
  const [variable] = behind(`env ${at}`);
  const ticks = behind(`ticks ${at}`)[0];
  const microseconds = [
    shown.get('ExecMainStartTimestampMonotonic'),
    shown.get('ActiveEnterTimestampMonotonic'),
  ].find((text) => Number(text ?? 0) > 0);
  const sinceBoot =
    ticks === undefined ? Number(microseconds ?? Number.NaN) / 1_000_000 : (Number(ticks) + 1) / TICKS;
  const startedAt = clock.now - (clock.uptime - sinceBoot);
  const process: Process = {
    name,
    id: shown.get('MainPID') ?? '0',
    restarts: Number(shown.get('NRestarts') ?? 0) || 0,
    startedAt: Number.isNaN(startedAt) ? null : startedAt,
    versions: variable === undefined ? null : variablesVersions(variable),
    trouble,
    hasFailed,
    hasEnded: hasFailed || shown.get('MainPID') === '0',
  };
  const processes = active === 'inactive' || !isThere ? [] : [process];
  const canReload = shown.get('CanReload') !== 'no';
  return { ...NOTHING, restart, name, processes, trouble, hasFailed, isDeclaredThere: isThere, canReload };
}

function composeRun(
  restart: Extract<Restart, { kind: 'compose-service' }>,
  at: string,
  behind: Behind,
  written: number | null,
): Run {
  const containers: Process[] = [];
  let hasHealthCheck = false;
  for (const line of behind(`container ${at}`)) {
    const last = containers.at(-1);
    if (/^[A-Z_]+=/.test(line)) {
      if (last !== undefined)
        containers[containers.length - 1] = { ...last, versions: variablesVersions(line) };
      continue;
    }
    const { health, ...container } = containerOf(line);
    if (health !== 'none') hasHealthCheck = true;
    containers.push(container);
  }
  // One that ended before the file was written is of an earlier time, and compose will take it or leave it.
  const processes = containers.filter(
    ({ hasEnded, startedAt }) => !hasEnded || written === null || startedAt === null || startedAt >= written,
  );
  const bad = processes.find(({ trouble }) => trouble !== null);
  const trouble = processes.length === 0 ? 'no container' : bad ? `${bad.name} is ${bad.trouble}` : null;
  const hasFailed = processes.some((container) => container.hasFailed);
  return { ...NOTHING, restart, name: restart.service, processes, trouble, hasFailed, hasHealthCheck };
}

function containerOf(line: string): Process & { readonly health: string } {
  const [id = '', name = '', status = '', health = '', restarts = '0', started = ''] = line.split(' ');
  const isGood = status === 'running' && (health === 'none' || health === 'healthy');
  const hasEnded = status === 'exited' || status === 'dead';
  return {
    name: name.replace(/^\//, ''),
    id,
    restarts: Number(restarts),
    startedAt: startOf(started),
    versions: null,
    trouble: isGood ? null : status === 'running' ? health : status,
    hasFailed: hasEnded || health === 'unhealthy',
    hasEnded,
    health,
  };
}

/** `2026-11-27T14:12:42.731674505Z` in seconds. */
function startOf(started: string): number | null {
  const ms = Date.parse(started.replace(/\.\d+/, ''));
  const fraction = /\.\d+/.exec(started)?.[0] ?? '';
  return Number.isNaN(ms) ? null : ms / 1_000 + Number(`0${fraction}`);
}

function variablesVersions(line: string): Versions {
  return versionsOf(line.slice(line.indexOf('=') + 1));
}

/** Whether a process has read what its file holds now: it began later, and says nothing else itself. */
export function isFresh(process: Process, sight: Pick<FileSight, 'versions' | 'writtenAt'>): boolean {
  if (!beganSince(process, sight)) return false;
  return process.versions === null || differing(process.versions, sight.versions).length === 0;
}

/** Whether it began since its file was written, as far as that can be told. */
export function beganSince({ startedAt }: Process, { writtenAt }: Pick<FileSight, 'writtenAt'>): boolean {
  return startedAt !== null && writtenAt !== null && startedAt >= writtenAt;
}

/** Targets that both name, and name differently. */
export function differing(a: Versions, b: Versions): string[] {
  return [...a].flatMap(([target, version]) => {
    const other = b.get(target);
    return other === undefined || other === version ? [] : [target];
  });
}

/** Whether it is a thing whose environment cannot be seen to be new: it was told to read the file again. */
export function isUnseen({ restart }: Pick<Run, 'restart'>): boolean {
  return restart.kind === 'command' || (restart.kind === 'systemd-unit' && restart.action === 'reload');
}
