import type { LiveTask, ObservedFile, ObservedService, Reference, SeenPlatform } from '../model/observed.ts';
import { serviceFingerprint } from '../model/observed.ts';
import type { Versions } from './host-marker.ts';
import type { FileSight, HostSight, Process, Run } from './host-sight.ts';
import { beganSince, isFresh, isUnseen } from './host-sight.ts';

/** A file whose directory is not there is left out: what reads it was never set up. */
export function observedOf(sight: HostSight): SeenPlatform {
  const files = sight.files.filter(({ status }) => status !== 'nowhere');
  return {
    clusterId: sight.machine,
    copies: [],
    services: Object.fromEntries(files.map((file) => [file.file.path, observed(file)])),
  };
}

function observed(sight: FileSight): ObservedService {
  const { path } = sight.file;
  const references = referencesOf(sight.versions);
  const isRolling = sight.runs.some(({ restart }) => restart.kind === 'compose-service' && restart.rolling);
  return {
    id: path,
    name: path,
    mode: 'replicated',
    tasks: sight.runs.reduce((sum, run) => sum + tasksOf(run), 0),
    references,
    previousReferences: null,
    liveTasks: sight.runs.flatMap(({ processes }) =>
      processes.filter(isAlive).map((process) => liveTask(process, sight)),
    ),
    homeless: null,
    updateState: null,
    order: isRolling ? 'start-first' : 'stop-first',
    healthCheck: sight.runs.some(({ hasHealthCheck }) => hasHealthCheck),
    updateFailureAction: 'pause',
    rollbackFailureAction: 'pause',
    fingerprint: serviceFingerprint({ id: path, mode: 'replicated', references }),
    file: fileOf(sight),
  };
}

function referencesOf(versions: Versions): Reference[] {
  return [...versions].map(([target, name]) => ({ target, copyId: name, copyName: name }));
}

/** What restarts: a unit, a container each, a command as one; nothing where processes only read again. */
function tasksOf({ restart, processes }: Run): number {
  switch (restart.kind) {
    case 'systemd-unit':
      return restart.action === 'restart' ? 1 : 0;
    case 'compose-service':
      return processes.filter(isAlive).length;
    case 'command':
      return 1;
  }
}

function isAlive({ hasEnded }: Process): boolean {
  return !hasEnded;
}

/**
 * What a process holds says the marker in its environment, as far as that is this file's: of two files that one process
 * reads, the last one's marker is there. Without one it holds what the file does if it began since that was written;
 * one that began before holds something older of which nobody knows: it is among `stale`.
 */
function liveTask(process: Process, sight: FileSight): LiveTask {
  const carried = process.versions ?? new Map<string, string>();
  const isOurs = [...carried.keys()].some((target) => sight.versions.has(target));
  const read = beganSince(process, sight) ? sight.versions : new Map<string, string>();
  const versions = new Map([...read, ...(isOurs ? carried : [])]);
  return { name: process.name, node: null, isLost: false, copyIds: [...new Set(versions.values())] };
}

function fileOf(sight: FileSight): ObservedFile {
  const stale = sight.runs
    .filter((run) => !isUnseen(run))
    .flatMap(({ processes }) => processes.filter((process) => isAlive(process) && !isFresh(process, sight)));
  return {
    isThere: sight.status === 'there',
    isEdited: sight.isEdited,
    mode: sight.mode,
    down: sight.runs.flatMap(({ name, trouble }) => (trouble === null ? [] : [name])),
    stale: stale.map(({ name }) => name),
  };
}
