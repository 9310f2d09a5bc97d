import type { IsoDuration } from '../model/address.ts';
import type { Restart as DeclaredRestart } from '../model/host.ts';
import type { Duration } from './cadence.ts';
import { isoOf } from './cadence.ts';

/** What reads a file of variables when it starts, and how it is started again once the file is written. */
export type Restart = DeclaredRestart;

export interface ComposeServiceProps {
  /** What the compose file calls it. */
  readonly service: string;
  /** The project's directory on the host, absolute. */
  readonly directory: string;
  /** Files of the project, relative to its directory; those that compose finds there unless said. */
  readonly files?: readonly string[];
  /** As compose names it unless said. */
  readonly project?: string;
  /** `['docker', 'compose']` unless said. */
  readonly program?: readonly string[];
  /** Where it is scaled: containers are replaced one at a time, each healthy before the next. Not unless said. */
  readonly rolling?: boolean;
}

/** A unit of systemd, named with its suffix: `tracker.service`. */
export const SystemdUnit = {
  /** `systemctl restart`: its processes start anew, with what the file holds now. */
  restart(unit: string): Restart {
    return { kind: 'systemd-unit', unit, action: 'restart' };
  },

  /** `systemctl reload`: its processes stay and read the file themselves; only a probe shows what they have read. */
  reload(unit: string): Restart {
    return { kind: 'systemd-unit', unit, action: 'reload' };
  },
} as const;

/** A service of a docker compose project. */
export const ComposeService = {
  /** `up -d --no-deps`: its containers are made anew, and waited for until they are healthy. */
  up({ service, directory, ...props }: ComposeServiceProps): Restart {
    return {
      kind: 'compose-service',
      service,
      directory,
      files: [...(props.files ?? [])],
      project: props.project ?? null,
      program: [...(props.program ?? ['docker', 'compose'])],
      rolling: props.rolling ?? false,
    };
  },
} as const;

/** The last resort, for what is neither: exit 0 means that whoever reads the file has read it. */
export const Command = {
  /** A command on the host; 2 minutes unless said. */
  run(
    argv: readonly string[],
    { timeout = 'PT2M' }: { readonly timeout?: Duration | IsoDuration } = {},
  ): Restart {
    return { kind: 'command', argv: [...argv], timeout: isoOf(timeout) };
  },
} as const;
