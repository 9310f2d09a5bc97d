import type { IsoDuration } from '../model/address.ts';
import type { RefusalProbe } from '../model/declared.ts';
import type { Duration } from './cadence.ts';
import { isoOf } from './cadence.ts';

export interface RefusalProps {
  /** Of one try; 10 seconds unless said. */
  readonly timeout?: Duration | IsoDuration;
  /** The current value is tried first and must be accepted; `true` unless said. Without it less is proved. */
  readonly control?: boolean;
}

export interface HttpRefusalProps extends RefusalProps {
  /** https, or http on loopback. */
  readonly url: string;
  /** GET unless said. */
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** The header that carries the value; `authorization` unless said. */
  readonly header?: string;
  /** What stands before the value in that header; `Bearer ` unless said. */
  readonly prefix?: string;
  /** Status codes that are a refusal; 401 and 403 unless said. Any 2xx is an acceptance. */
  readonly refused?: readonly number[];
}

export interface TcpRefusalProps extends RefusalProps {
  readonly host: string;
  readonly port: number;
  /** What is sent before the value, and behind it: `AUTH ` and a line end. */
  readonly before: string;
  readonly after: string;
  /** What the answer begins with when the value is refused, and when it is accepted: `-WRONGPASS` and `+OK`. */
  readonly refused: string;
  readonly accepted: string;
}

export interface CommandRefusalProps extends RefusalProps {
  /** The exit code that is a refusal, 1 to 255. 0 is an acceptance; any other proves nothing. */
  readonly refused: number;
}

/**
 * The negative probe: how an old value is tried where it is checked, before its version is retired. What is neither
 * a refusal nor an acceptance proves nothing, and the version is not retired yet.
 */
export const refused = {
  /** One request with the value in a header. */
  http(props: HttpRefusalProps): RefusalProbe {
    const { url, method = 'GET', header = 'authorization', prefix = 'Bearer ', refused = [401, 403] } = props;
    return { kind: 'http', url, method, header, prefix, refused: [...refused], ...tryOf(props) };
  },

  /** One connection: what is sent around the value, and how the answer begins. It is not encrypted. */
  tcp(props: TcpRefusalProps): RefusalProbe {
    const { host, port, before, after, refused, accepted } = props;
    return { kind: 'tcp', host, port, before, after, refused, accepted, ...tryOf(props) };
  },

  /** A command on the machine that runs apply, with the value on its standard input. */
  command(argv: readonly string[], props: CommandRefusalProps): RefusalProbe {
    return { kind: 'command', argv: [...argv], refused: props.refused, ...tryOf(props) };
  },
} as const;

function tryOf({
  timeout = 'PT10S',
  control = true,
}: RefusalProps): Pick<RefusalProbe, 'timeout' | 'control'> {
  return { timeout: isoOf(timeout), control };
}
