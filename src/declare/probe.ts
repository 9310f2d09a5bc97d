import type { Probe as DeclaredProbe } from '../model/declared.ts';
import type { IsoDuration } from '../model/address.ts';
import type { Duration } from './cadence.ts';
import { isoOf } from './cadence.ts';
import { refused } from './refusal.ts';

/** How a flipped consumer is tried, beyond its running tasks and their own health checks. */
export type Probe = DeclaredProbe;

/** Small, with sh and wget. A cluster without access to Docker Hub names an image of its own. */
const PROBE_IMAGE = 'busybox:1.37';

export interface HttpProbeProps {
  readonly path: string;
  readonly port: number;
  /** 200 unless said. */
  readonly status?: number;
  /** Image of the one-shot probe service; needs sh and one of curl, wget or bash. */
  readonly image?: string;
}

export interface TcpProbeProps {
  readonly port: number;
  readonly image?: string;
}

export const Probe = {
  /** Nothing beyond running tasks and the container's own health check. */
  none(): Probe {
    return { kind: 'none' };
  },

  /** A GET against every task, from inside its network; on a host against 127.0.0.1 there. */
  http(props: HttpProbeProps): Probe {
    const { path, port, status = 200, image = PROBE_IMAGE } = props;
    return { kind: 'http', path, port, status, image };
  },

  /** A connection to every task, from inside its network; on a host to 127.0.0.1 there. */
  tcp(props: TcpProbeProps): Probe {
    return { kind: 'tcp', port: props.port, image: props.image ?? PROBE_IMAGE };
  },

  /** A command on the machine that runs apply; exit 0 is healthy. 30 seconds unless said. */
  command(
    argv: readonly string[],
    { timeout = 'PT30S' }: { readonly timeout?: Duration | IsoDuration } = {},
  ): Probe {
    return { kind: 'command', argv: [...argv], timeout: isoOf(timeout) };
  },

  /** How an old value is shown to be dead: `refused` of a secret. */
  refused,
} as const;
