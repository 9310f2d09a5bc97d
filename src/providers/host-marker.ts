import { VERSIONS_VARIABLE } from '../model/host.ts';

/** target → what it reads there, as `referenceTo` names it. */
export type Versions = ReadonlyMap<string, string>;

/**
 * What stands beside a file of variables. While the file is being written it speaks of both, the one of now and the one
 * that is about to take its place, and which of the two is there says the file's identity.
 *
 *     # written by keyturn: which versions /etc/tracker/web.env holds; no value is in it
 *     KEYTURN_VERSIONS=JWT_SECRET:bytelyst-jwt-secret_v4,VALKEY_PASSWORD:bytelyst-valkey-password_v2
 *     KEYTURN_VERSIONS_FILE=2244647.1795788762.731674505
 *     KEYTURN_VERSIONS_NEXT=…
 *     KEYTURN_VERSIONS_NEXT_FILE=…
 *     KEYTURN_VERSIONS_TAKEN=JWT_SECRET
 */
export interface Marker {
  readonly now: Marked;
  /** Null: no write is under way, or broke off. */
  readonly next: Marked | null;
  /** compose service → how many containers it had when their replacement began; empty: none is under way. */
  readonly scale: ReadonlyMap<string, number>;
  /** Variables that had a value before keyturn wrote them first, which no vault has: there is no way back to it from here. */
  readonly taken: ReadonlySet<string>;
}

export interface Marked {
  readonly versions: Versions;
  /** `<inode>.<seconds>.<nanoseconds>` of the file that holds them; null: there was none. */
  readonly identity: string | null;
}

const FILE = `${VERSIONS_VARIABLE}_FILE`;
const NEXT = `${VERSIONS_VARIABLE}_NEXT`;
const NEXT_FILE = `${VERSIONS_VARIABLE}_NEXT_FILE`;
const SCALE = `${VERSIONS_VARIABLE}_SCALE`;
const TAKEN = `${VERSIONS_VARIABLE}_TAKEN`;

const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const PAIR = `${NAME}:[A-Za-z0-9-]+_v[0-9]+`;
const COUNT = '[A-Za-z0-9][A-Za-z0-9_.-]*:[0-9]+';
const list = (item: string): string => `(${item}(,${item})*)?`;

/**
 * What of a marker, or of a process's environment, leaves the host: `grep -E` of these. Whatever else a file of that
 * name holds, a value above all, fits in none of them.
 */
export const MARKER_LINES = [
  `^(${VERSIONS_VARIABLE}|${NEXT})=${list(PAIR)}$`,
  `^(${FILE}|${NEXT_FILE})=[0-9]+[.][0-9]+[.][0-9]+$`,
  `^${SCALE}=${list(COUNT)}$`,
  `^${TAKEN}=${list(NAME)}$`,
] as const;
export const MARKER_VARIABLE_LINE = `^${VERSIONS_VARIABLE}=${list(PAIR)}$`;

/** Null where no line is of a marker. */
export function markerOf(lines: readonly string[]): Marker | null {
  const said = new Map(lines.map((line) => splitAt(line, '=')));
  const now = said.get(VERSIONS_VARIABLE);
  if (now === undefined) return null;
  const next = said.get(NEXT);
  return {
    now: { versions: versionsOf(now), identity: said.get(FILE) ?? null },
    next: next === undefined ? null : { versions: versionsOf(next), identity: said.get(NEXT_FILE) ?? null },
    scale: new Map(pairsOf(said.get(SCALE) ?? '').map(([service, count]) => [service, Number(count)])),
    taken: new Set((said.get(TAKEN) ?? '').split(',').filter(Boolean)),
  };
}

/** Its lines. `nextIdentity`: what the shell that writes it knows alone, as a word of it. */
export function markerLines(path: string, { now, next, scale, taken }: Marker): string[] {
  return [
    `# written by keyturn: which versions ${path.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '?')} holds; no value is in it`,
    `${VERSIONS_VARIABLE}=${textOf(now.versions)}`,
    ...(now.identity === null ? [] : [`${FILE}=${now.identity}`]),
    ...(next === null ? [] : [`${NEXT}=${textOf(next.versions)}`]),
    ...(next === null || next.identity === null ? [] : [`${NEXT_FILE}=${next.identity}`]),
    ...(scale.size === 0 ? [] : [`${SCALE}=${[...scale].map((pair) => pair.join(':')).join(',')}`]),
    ...(taken.size === 0 ? [] : [`${TAKEN}=${[...taken].sort().join(',')}`]),
  ];
}

/** What the text behind `KEYTURN_VERSIONS=` says. */
export function versionsOf(text: string): Versions {
  return new Map(pairsOf(text));
}

function textOf(versions: Versions): string {
  const pairs = [...versions].map((pair) => pair.join(':'));
  return pairs.sort().join(',');
}

/**
 * What a file holds by its marker. `isEdited`: it is none of those that the marker speaks of. An edit in place keeps
 * the inode, which then says which of two it was; otherwise the one of before is taken: what is believed to be
 * behind is written once more, what is believed to be in step never.
 */
export function heldBy(
  marker: Marker | null,
  identity: string,
): { readonly versions: Versions; readonly isEdited: boolean } {
  if (marker === null) return { versions: new Map(), isEdited: false };
  const { now, next } = marker;
  if (now.identity === identity) return { versions: now.versions, isEdited: false };
  if (next?.identity === identity) return { versions: next.versions, isEdited: false };
  const isNext = next !== null && inodeOf(next.identity) === inodeOf(identity);
  return { versions: isNext ? next.versions : now.versions, isEdited: true };
}

function inodeOf(identity: string | null): string | undefined {
  return identity?.split('.')[0];
}

function pairsOf(text: string): [string, string][] {
  return text === '' ? [] : text.split(',').map((pair) => splitAt(pair, ':'));
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
