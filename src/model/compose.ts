import type { Place } from './finding.ts';

/** What a compose file says of secrets. Nothing else of it is read, and no value. */
export interface ComposeFile {
  readonly file: string;
  /** By the key under `services`. */
  readonly services: readonly ComposeService[];
  /** By the key under the top-level `secrets`. */
  readonly secrets: readonly ComposeSecret[];
  /** Where it goes on in another file, which was not read. Absent: nowhere. */
  readonly notFollowed?: readonly ComposeLink[];
}

/** What a file takes from elsewhere: `extends` of a service, or the file's `include`. */
export interface ComposeLink {
  readonly kind: 'extends' | 'include';
  readonly place: Place;
}

export interface ComposeService {
  readonly key: string;
  readonly mounts: readonly ComposeMount[];
  readonly place: Place;
}

export interface ComposeMount {
  /** The key under the top-level `secrets`. */
  readonly source: string;
  /** File name under /run/secrets, or an absolute path. */
  readonly target: string;
  readonly uid: string | null;
  readonly gid: string | null;
  /** File mode as a number; null: not said. */
  readonly mode: number | null;
  readonly place: Place;
}

export interface ComposeSecret {
  readonly key: string;
  /** Its name on the platform, `${…}` as written; null: not external, so that the stack's name goes before the key. */
  readonly external: string | null;
  /** What it is made from where it is not external: a file, or a variable of the environment. */
  readonly from: 'file' | 'environment' | null;
  /** The whole name that one which is not external is given on the platform. Absent: stack and key. */
  readonly named?: string;
  readonly place: Place;
}
