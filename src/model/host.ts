import type { IsoDuration, Ordinal, SecretAddress } from './address.ts';
import { copyName, nameOf } from './address.ts';

/**
 * Whose rules a file of variables follows: those of systemd's `EnvironmentFile=`, or those of docker compose's
 * `env_file` and `.env`. They differ in quoting, in what is replaced, and in whether a value may hold a line break.
 */
export type EnvFormat = 'systemd' | 'compose';

/** A file of variables on a host, and what reads it when it starts. */
export interface EnvFile {
  /** Absolute. */
  readonly path: string;
  readonly format: EnvFormat;
  /** As a number; null: the mode that it has, 0o600 where it is made anew. */
  readonly mode: number | null;
  /** `user`, `user:group` or `:group`; null: whom it belongs to, who writes it where it is made anew. */
  readonly owner: string | null;
  /** Restarted one after the other once the file is written; empty: nothing is, and nothing can be seen to have read it. */
  readonly restarts: readonly Restart[];
  /** Images that are built with values of this consumer baked in, before the file is written. */
  readonly builds: readonly ImageBuild[];
}

export type Restart =
  | {
      readonly kind: 'systemd-unit';
      /** With its suffix: `tracker.service`. */
      readonly unit: string;
      /** `reload`: its processes stay, so that their environment does as well; only a probe shows what they read. */
      readonly action: 'restart' | 'reload';
    }
  | {
      readonly kind: 'compose-service';
      readonly service: string;
      /** The project's directory, absolute: relative paths in its files start there. */
      readonly directory: string;
      /** Files of the project, as `-f` takes them; empty: those that compose finds in the directory. */
      readonly files: readonly string[];
      /** Null: as compose names it. */
      readonly project: string | null;
      /** `['docker', 'compose']`, or `['docker-compose']` of version 1. */
      readonly program: readonly string[];
      /** Where it is scaled: containers are replaced one at a time, each healthy before the next. */
      readonly rolling: boolean;
    }
  | {
      /** The last resort: exit 0 means that what reads the file has read it. */
      readonly kind: 'command';
      readonly argv: readonly string[];
      readonly timeout: IsoDuration;
    };

/** A command on the host that builds an image out of public values, and the variable that names it in the file. */
export interface ImageBuild {
  /** Of the file: `WEB_IMAGE`. What the service runs is `<image>:<tag>`, the tag made of secrets' names and ordinals. */
  readonly variable: string;
  /** Without a tag: `registry.example/tracker-web`. */
  readonly image: string;
  /** Run with the build arguments and `KEYTURN_IMAGE` in its environment; must leave an image of that name. */
  readonly argv: readonly string[];
  /** Where it runs, absolute. */
  readonly directory: string;
  readonly timeout: IsoDuration;
}

/**
 * Beside a file of variables, `<path>.keyturn` says which versions it holds, never a value, and may be read by anyone: a
 * planner need not be able to read the file itself. It is a file of variables too, so that who lists it behind the other
 * one carries the marker in its environment.
 */
export const MARKER_SUFFIX = '.keyturn';
/** The marker's variable: `JWT_SECRET:bytelyst-jwt-secret_v4,VALKEY_PASSWORD:bytelyst-valkey-password_v2`. */
export const VERSIONS_VARIABLE = 'KEYTURN_VERSIONS';

/** What one version of a secret is called in a host's marker: hosts keep no copies, so that it is its own id. */
export function referenceTo(secret: SecretAddress, ordinal: Ordinal): string {
  return copyName(nameOf(secret), ordinal);
}

/** A value that a build bakes in, whether it changes or not. */
export interface BuildRead {
  /** The image variable of its build. */
  readonly build: string;
  /** The argument's name. */
  readonly target: string;
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
}
