import type { Fence } from '../model/fence.ts';
import { Fault } from '../model/fault.ts';
import { isTooShort, MASKS } from '../model/guard.ts';
import type { EnvFile } from '../model/host.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { lastWords } from './host-faults.ts';
import type { Place } from './host-look-script.ts';
import { lookScript } from './host-look-script.ts';
import type { Answer, HostShell } from './host-shell.ts';
import type { FileSight, HostSight } from './host-sight.ts';
import { sightOf } from './host-sight.ts';

/** What all acts on one host share. */
export interface HostRoom {
  readonly shell: HostShell;
  readonly place: Place;
  readonly fence: Fence | undefined;
  /** The consumer that is acted on, or the host's name. */
  readonly where: string;
  /** What else a file that was read holds: masked in whatever the host says, where a program may quote it. */
  readonly masked: Set<string>;
  /** By path and variable what was there before keyturn first wrote it: the way back of this process, and of no other. */
  readonly before: Map<string, SecretValue>;
}

const LOOK_MS = 60_000;

/** What is too short is within words all over. Quoted, some characters are written otherwise. */
export function maskFor({ masked }: HostRoom, values: Iterable<string>): void {
  for (const value of values) {
    if (isTooShort(value)) continue;
    masked.add(value);
    masked.add(JSON.stringify(value).slice(1, -1));
  }
}

/** What a program of the host said, in a line. */
export function heard({ masked }: HostRoom, said: string): string {
  const longestFirst = [...masked].sort((a, b) => b.length - a.length);
  return lastWords(longestFirst.reduce((text, value) => text.replaceAll(value, MASKS.value), said));
}

/** Looks at files and at what reads them, in one round trip. Throws where something of it cannot be seen. */
export async function look(
  room: HostRoom,
  files: readonly EnvFile[],
  signal?: AbortSignal,
): Promise<HostSight> {
  const script = { body: lookScript(files, room.place), timeoutMs: LOOK_MS };
  const answer = await room.shell.run(script, signal);
  if (answer.code !== 0) throw unseen(room, [{ what: heard(room, answer.said), where: room.where }]);
  const sight = sightOf(answer.out.toString('utf8'), files);
  if (sight.unseen.length === 0) return sight;
  const problems = sight.unseen.map(({ what, path }) => ({ what: heard(room, what), where: path }));
  throw unseen(room, problems);
}

export async function lookAt(
  room: HostRoom,
  file: EnvFile,
  signal?: AbortSignal,
): Promise<FileSight & { readonly at: number }> {
  const { files, at } = await look(room, [file], signal);
  const [sight] = files;
  if (sight === undefined) throw new TypeError('[unexpected] a look at one file shows none');
  return { ...sight, at };
}

/** Runs what changes something: it may take as long as the lease allows, and not a moment longer. */
export function change(
  room: HostRoom,
  body: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Answer> {
  const allowed = Math.min(timeoutMs, room.fence?.pass() ?? timeoutMs);
  return room.shell.run({ body, timeoutMs: allowed }, signal);
}

function unseen(
  room: HostRoom,
  problems: readonly { readonly what: string; readonly where: string }[],
): Fault {
  const [first] = problems;
  return new Fault({
    code: 'platform-refused',
    what: `what is on the host cannot be seen: ${first?.what ?? 'no reason was given'}`,
    where: room.where,
    live: 'nothing was changed',
    next: 'give the user the right to look there, or declare sudo for the host; a program that is missing must be in its PATH',
    problems,
  });
}
