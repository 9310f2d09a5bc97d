import { randomBytes } from 'node:crypto';
import { Fault } from '../model/fault.ts';
import type { FaultInit } from '../model/fault.ts';
import type { EnvFile } from '../model/host.ts';
import { variablesOf, withVariables } from './host-env-file.ts';
import type { Marked, Marker, Versions } from './host-marker.ts';
import type { HostRoom } from './host-room.ts';
import { change, heard, maskFor } from './host-room.ts';
import type { FileSight } from './host-sight.ts';
import { markerScript, readScript, removeScript, TO_COME, writeScript } from './host-write-script.ts';

const WRITE_MS = 60_000;

/** A file as it was read. */
export interface FileText {
  readonly identity: string | null;
  readonly content: Buffer;
  /** What its lines mean; empty where its reader would refuse it. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Null where it changed while it was read. One that is not there is empty. */
export async function readFile(
  room: HostRoom,
  sight: FileSight,
  signal?: AbortSignal,
): Promise<FileText | null> {
  refuseStrange(sight, room.where);
  const { path, format } = sight.file;
  if (sight.identity === null) return { identity: null, content: Buffer.alloc(0), variables: new Map() };
  const script = { body: readScript(path, room.place), timeoutMs: WRITE_MS };
  const { code, out } = await room.shell.run(script, signal);
  if (code !== 0) throw unreadable(path, room.where);
  const first = out.indexOf('\n');
  const last = out.lastIndexOf('\n', out.length - 2);
  const [before, after] = [out.subarray(0, first), out.subarray(last + 1, out.length - 1)];
  if (!before.equals(after) || before.toString('latin1') !== sight.identity) return null;
  const content = Buffer.from(out.subarray(first + 1, last));
  const read = variablesOf(content, format);
  // What is declared is no secret: a value that is the name of the unit as well would make it unreadable.
  const declared = `${room.where} ${JSON.stringify(sight.file)}`;
  const variables = read.kind === 'read' ? read.variables : new Map<string, string>();
  maskFor(
    room,
    [...variables.values()].filter((value) => !declared.includes(value.trim())),
  );
  return { identity: sight.identity, content, variables };
}

/** The file with other values. Throws all that keeps it from that, and then nothing is written. */
export function rendered(
  { content }: FileText,
  { path, format }: EnvFile,
  variables: ReadonlyMap<string, string | null>,
  where: string,
): Buffer {
  const written = withVariables(content, format, variables);
  if (written.kind === 'written') return written.content;
  const [first] = written.problems;
  throw new Fault({
    code: 'file-refused',
    what: `"${path}" cannot be written: ${first?.what ?? 'for no known reason'}`,
    where,
    live: 'the file and what reads it are as they were',
    next: first?.next ?? 'see what is in it',
    problems: written.problems.map(({ what, next }) => ({ what, where: path, next })),
  });
}

export interface WriteOrder {
  readonly sight: FileSight;
  readonly read: FileText;
  readonly content: Buffer;
  readonly versions: Versions;
  readonly taken: Marker['taken'];
  /** The file is put back as it was before it was read by anybody: from this time. */
  readonly asOf?: string;
}

/**
 * Holds afterwards: the file is `content`, and its marker says `versions`. Returns its identity; null where somebody
 * changed it since it was read, and then it is left to them. Otherwise throws, and the file is as it was.
 */
export async function writeFile(
  room: HostRoom,
  { sight, read, content, versions, taken, asOf }: WriteOrder,
  signal?: AbortSignal,
): Promise<string | null> {
  const { path, mode, owner } = sight.file;
  // What somebody edited stays so until something takes its place.
  const edited = sight.isEdited ? (sight.marker?.now.identity ?? null) : read.identity;
  const now: Marked = { versions: sight.versions, identity: edited };
  const next: Marked = { versions, identity: asOf !== undefined && sight.isEdited ? edited : TO_COME };
  const scale = sight.marker?.scale ?? new Map<string, number>();
  // Of both files, until it is known which of them is there.
  const either = new Set([...(sight.marker?.taken ?? []), ...taken]);
  const during: Marker = { now, next, scale, taken: either };
  const after: Marker = { now: next, next: null, scale, taken };
  const token = randomBytes(6).toString('hex');
  const writing = { path, content, expected: read.identity, mode, owner, token, during, after };
  const body = writeScript({ ...writing, asOf: asOf ?? null }, room.place);
  const answer = await change(room, body, WRITE_MS, signal);
  const [word, step = '', ...said] = answer.out.toString('utf8').trim().split(' ');
  if (word === 'written') return step;
  if (step === 'moved') return null;
  throw unwritten(room, step, said.join(' ') || answer.said, path);
}

/**
 * Holds afterwards: the marker also says how many containers there are to be, and all else that it said. False where
 * somebody wrote it since it was seen, and then it is as they left it.
 */
export async function writeScale(
  room: HostRoom,
  sight: FileSight,
  scale: Marker['scale'],
  signal?: AbortSignal,
): Promise<boolean> {
  const { marker } = sight;
  return marker === null || writeMarker(room, sight, { ...marker, scale }, true, signal);
}

/**
 * Holds afterwards: the marker speaks of the file that is there alone. A crash came before its last line was written,
 * so that nobody knows when the file took its place, and who reads it: from now on that can be told. False where
 * somebody wrote it since it was seen, and then it is as they left it.
 */
export async function finishMarker(room: HostRoom, sight: FileSight, signal?: AbortSignal): Promise<boolean> {
  const { marker, writtenAt } = sight;
  if (marker === null || marker.next === null || writtenAt !== null) return true;
  return writeMarker(room, sight, { ...marker, now: marker.next, next: null }, false, signal);
}

async function writeMarker(
  room: HostRoom,
  { file: { path }, markerIdentity }: FileSight,
  marker: Marker,
  staysAsOld: boolean,
  signal?: AbortSignal,
): Promise<boolean> {
  const token = randomBytes(6).toString('hex');
  const marking = { path, marker, expected: markerIdentity ?? '', token, staysAsOld };
  const answer = await change(room, markerScript(marking, room.place), WRITE_MS, signal);
  if (answer.code === 0) return true;
  const said = answer.out.toString('utf8').trim();
  if (said === 'refused moved') return false;
  throw unwritten(room, 'marked', said || answer.said, path);
}

/** Holds afterwards: the file of this identity is gone, and its marker. */
export async function removeFile(
  room: HostRoom,
  path: string,
  identity: string,
  signal?: AbortSignal,
): Promise<void> {
  await change(room, removeScript(path, identity, room.place), WRITE_MS, signal);
}

function refuseStrange({ kind, names, file, identity }: FileSight, where: string): void {
  if (identity === null) return;
  const fault = (what: string, next: string) =>
    new Fault({
      code: 'file-refused',
      what: `"${file.path}" ${what}`,
      where,
      live: 'it and what reads it are as they were',
      next,
    });
  if (!kind.startsWith('regular'))
    throw fault(`is no file but a ${kind}`, 'declare the path of the file that is read');
  if (names > 1) {
    throw fault(
      `has ${names} names (hard links), and the others would go on to hold the old values`,
      'remove the other names: find / -xdev -samefile shows them',
    );
  }
}

function unreadable(path: string, where: string): Fault {
  return new Fault({
    code: 'platform-refused',
    what: `no right to read "${path}"`,
    where,
    live: 'the file and what reads it are as they were',
    next: 'declare sudo for the host, or let its user read the file and write in its directory',
  });
}

const REASONS: readonly (readonly [RegExp, string, string])[] = [
  [/No space left|quota|too large/i, 'the disk is full', 'make room on the host, then apply again'],
  [/Read-only file system/, 'the file system is read-only', 'mount it for writing, then apply again'],
  [
    /Permission denied|not permitted/,
    'no right to write there',
    'declare sudo for the host, or let its user write in the directory and own the file',
  ],
  [/invalid (user|group)|unknown user/i, 'the declared owner is nobody', 'correct the owner in the stack'],
];

function unwritten(room: HostRoom, step: string, said: string, path: string): Fault {
  const [, why, next] = REASONS.find(([pattern]) => pattern.test(said)) ?? [];
  const words = heard(room, said);
  const isInPlace = step === 'marked';
  const init: FaultInit = {
    code: 'platform-refused',
    what: `"${path}" was not written: ${why ?? 'it failed'} (${words === '' ? step : words})`,
    where: room.where,
    live: isInPlace
      ? 'the file holds the new versions, and nothing was restarted yet'
      : 'the file and what reads it are as they were',
    next: next ?? 'see what the host says, then apply again',
  };
  return new Fault(init);
}
