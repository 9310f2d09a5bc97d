import { splitCopyName } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { FlipChange } from '../model/plan.ts';
import type { FlipOrder, FlipReceipt } from '../model/platform.ts';
import { buildImages } from './host-build.ts';
import { HostRefusal, keepsMoving } from './host-faults.ts';
import type { Versions } from './host-marker.ts';
import { isInProject, restart, RestartRefused } from './host-restart.ts';
import { rollService } from './host-rolling.ts';
import type { HostRoom } from './host-room.ts';
import { lookAt } from './host-room.ts';
import type { FileSight, Run } from './host-sight.ts';
import { isFresh, isUnseen } from './host-sight.ts';
import { before, takenAfter } from './host-taken.ts';
import { finishMarker, readFile, removeFile, rendered, writeFile } from './host-write.ts';
import type { FileText } from './host-write.ts';
import type { Clock } from './host-clock.ts';

type Write = NonNullable<FlipOrder['write']>;
type Seen = Awaited<ReturnType<typeof lookAt>>;

/** How often somebody else may write the file between our look and our write, or the connection may break. */
const ATTEMPTS = 4;

/** The contract is Platform.flip's, for a file of variables. Twice equals once: each attempt begins with a look. */
export async function flip(
  room: HostRoom,
  order: FlipOrder,
  clock: Clock,
  signal?: AbortSignal,
): Promise<FlipReceipt> {
  const { write } = order;
  if (write === undefined) throw new TypeError('[unexpected] a flip on a host without what it writes');
  let isFirst = true;
  for (let attempt = 1; ; attempt++) {
    try {
      const sight = await lookAt(room, write.file, signal);
      const receipt = { serviceId: write.file.path, since: instantOf(sight.at), originals: null };
      refuseImpossible(sight, order, room.where);
      await refuseUnknownServices(room, sight, signal);
      const isWritten = isHeld(sight, order);
      const isInVain = isWritten && isFirst && sight.runs.every((run) => isInStep(run, sight));
      if (isWritten && isFirst && order.undo && !(await fenceOff(room, sight, signal))) {
        if (attempt >= ATTEMPTS) throw keepsMoving(write.file.path, room.where);
        continue;
      }
      if (isInVain) return { ...receipt, already: true };
      isFirst = false;
      const isFinished = !isWritten || (await finishMarker(room, sight, signal));
      const written = isWritten ? 'already' : await put(room, sight, order, write, signal);
      if (written === 'moved' || !isFinished) {
        if (attempt >= ATTEMPTS) throw keepsMoving(write.file.path, room.where);
        continue;
      }
      await restartAll(room, write, written, clock, signal);
      return { ...receipt, already: false };
    } catch (error) {
      // What was under way may have been done: the next look says so.
      const isLost = error instanceof HostRefusal && error.trouble === 'lost';
      if (!isLost || attempt >= ATTEMPTS || signal?.aborted === true) throw error;
      await clock.sleep(1_000 * attempt, signal);
    }
  }
}

function instantOf(seconds: number): string {
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}Z`;
}

function isHeld(sight: FileSight, { changes }: FlipOrder): boolean {
  if (sight.isEdited) return false;
  return changes.every((change) => (sight.versions.get(change.target) ?? null) === (change.to?.copy ?? null));
}

/** Whether it needs no restart. What cannot be seen to have read the file is always told to read it again. */
function isInStep(run: Run, sight: FileSight): boolean {
  if (isUnseen(run) || run.trouble !== null || run.processes.length === 0) return false;
  return run.processes.every((process) => isFresh(process, sight));
}

function refuseImpossible(sight: FileSight, { changes }: FlipOrder, where: string): void {
  const { path } = sight.file;
  const live = 'the file and what reads it are as they were';
  if (sight.status === 'nowhere') {
    throw new Fault({
      code: 'service-absent',
      what: `there is no directory for "${path}" on the host`,
      where,
      live,
      next: 'set up what reads the file first, correct its path in the stack, or declare it optional',
    });
  }
  const problems = sight.runs.flatMap(({ name, isDeclaredThere, trouble, canReload, restart }) => {
    if (!isDeclaredThere) return [{ what: `"${name}" is ${trouble ?? 'absent'} on the host`, where: path }];
    const reloads = restart.kind === 'systemd-unit' && restart.action === 'reload';
    return reloads && !canReload ? [{ what: `"${name}" has no ExecReload`, where: path }] : [];
  });
  const [first] = problems;
  if (first !== undefined) {
    throw new Fault({
      code: 'service-absent',
      what: `what reads "${path}" cannot be restarted: ${first.what}`,
      where,
      live,
      next: 'install it on the host, or correct what is declared to be restarted',
      problems,
    });
  }
  const moved = changes.find((change) => hasMoved(change, sight.versions));
  if (moved !== undefined) throw someoneElse(moved, sight, where);
}

/** A service without a container may be a service that the project does not have. */
async function refuseUnknownServices(room: HostRoom, sight: FileSight, signal?: AbortSignal): Promise<void> {
  const unseen = sight.runs.filter(
    ({ restart, processes }) => restart.kind === 'compose-service' && processes.length === 0,
  );
  for (const { restart, name } of unseen) {
    if (restart.kind !== 'compose-service' || (await isInProject(room, restart, signal))) continue;
    throw new Fault({
      code: 'service-absent',
      what: `the compose project in "${restart.directory}" has no service "${name}"`,
      where: room.where,
      live: 'the file and what reads it are as they were',
      next: `see on the host: cd ${restart.directory} && ${restart.program.join(' ')} config --services`,
    });
  }
}

function hasMoved({ target, from, to }: FlipChange, versions: Versions): boolean {
  const now = versions.get(target) ?? null;
  return now !== (from?.copy ?? null) && now !== (to?.copy ?? null);
}

function someoneElse({ target, from }: FlipChange, { file, versions }: FileSight, where: string): Fault {
  const now = named(versions.get(target));
  return new Fault({
    code: 'service-busy',
    what: `someone else wrote "${file.path}": "${target}" holds ${now}, not ${named(from?.copy)}`,
    where,
    live: `"${target}" holds ${now}`,
    next: 'plan again: it starts from what is there now',
  });
}

function named(copy: string | undefined): string {
  return copy === undefined ? 'nothing of ours' : `"${copy}"`;
}

/** What a write replaced, as long as nothing has read what it wrote. */
interface Written {
  readonly sight: Seen;
  readonly read: FileText;
  readonly identity: string;
}

async function put(
  room: HostRoom,
  sight: Seen,
  order: FlipOrder,
  write: Write,
  signal?: AbortSignal,
): Promise<Written | 'moved'> {
  const read = await readFile(room, sight, signal);
  if (read === null) return 'moved';
  const images = await buildImages(room, write, signal);
  const variables = new Map<string, string | null>(images);
  const baked = new Set(write.reads.map(({ target }) => target));
  const taken = takenAfter(room, sight, read, order.changes);
  const wayBack = (change: FlipChange) => {
    const { from } = change;
    const ours = async () => (from === null ? null : textOf(change, from, write));
    return order.undo ? before(room, sight, read, change, ours) : null;
  };
  for (const change of order.changes) {
    if (baked.has(change.target)) continue;
    const text = await (change.to === null ? wayBack(change) : textOf(change, change.to, write));
    if (text !== undefined) variables.set(change.target, text);
  }
  const content = rendered(read, write.file, variables, room.where);
  const versions = versionsAfter(sight, order.changes);
  const identity = await writeFile(room, { sight, read, content, versions, taken }, signal);
  return identity === null ? 'moved' : { sight, read, identity };
}

async function textOf(
  { secret }: FlipChange,
  { copy, ordinal }: NonNullable<FlipChange['to']>,
  write: Write,
): Promise<string> {
  const known = ordinal ?? splitCopyName(copy)?.ordinal;
  if (known === undefined) throw new TypeError(`[unexpected] "${copy}" names no version`);
  return (await write.valueOf({ secret, ordinal: known })).reveal();
}

/** Of a file that somebody else wrote, only what is written now is known. */
function versionsAfter(sight: FileSight, changes: readonly FlipChange[]): Versions {
  const versions = new Map(sight.isEdited ? [] : sight.versions);
  for (const { target, to } of changes) {
    if (to === null) versions.delete(target);
    else versions.set(target, to.copy);
  }
  return versions;
}

async function restartAll(
  room: HostRoom,
  write: Write,
  written: Written | 'already',
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const { path } = write.file;
  let isFirst = true;
  for (let at = 0; at < write.file.restarts.length; at++) {
    const sight = await lookAt(room, write.file, signal);
    const run = sight.runs[at];
    if (run === undefined || isInStep(run, sight)) continue;
    try {
      if (run.restart.kind === 'compose-service' && run.restart.rolling && run.processes.length > 0)
        await rollService(room, sight, at, clock, signal);
      else await restart(room, run, path, signal);
    } catch (error) {
      if (!(error instanceof RestartRefused)) throw error;
      if (!isFirst || written === 'already') throw error.fault;
      await putBack(room, written);
      throw error.fault;
    }
    isFirst = false;
  }
}

/**
 * A write that is to be undone was never seen, and may still be on its way: the same text in another file, of the same
 * time, and it finds that somebody else was there. False: somebody was. Where nothing can be written now, nor can that.
 */
async function fenceOff(room: HostRoom, sight: Seen, signal?: AbortSignal): Promise<boolean> {
  // One whose write broke off is in another one's place already.
  if (sight.identity === null || sight.writtenAt === null) return true;
  const read = await readFile(room, sight, signal);
  if (read === null) return false;
  const { versions, marker } = sight;
  const taken = marker?.taken ?? new Set<string>();
  const order = { sight, read, content: read.content, versions, taken, asOf: timeOf(sight.identity) };
  try {
    return (await writeFile(room, order, signal)) !== null;
  } catch (error) {
    if (error instanceof Fault && error.code === 'platform-refused') return true;
    throw error;
  }
}

/** The instant of an identity, as `touch` takes it. */
function timeOf(identity: string): string {
  return identity.slice(identity.indexOf('.') + 1);
}

/** Nothing was restarted: what runs has read just this, and so the file is from the time that it was from. */
async function putBack(room: HostRoom, { sight, read, identity }: Written): Promise<void> {
  if (read.identity === null) return removeFile(room, sight.file.path, identity);
  const asOf = timeOf(read.identity);
  const { versions, marker } = sight;
  const taken = marker?.taken ?? new Set<string>();
  const back = { sight, read: { ...read, identity }, content: read.content, versions, taken };
  await writeFile(room, { ...back, asOf });
}
