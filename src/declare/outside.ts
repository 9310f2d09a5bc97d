import type { IsoDuration } from '../model/address.ts';
import type { Effect as DeclaredEffect, Revocation, Setting } from '../model/declared.ts';
import type { Duration } from './cadence.ts';
import { isoOf } from './cadence.ts';

const TIMEOUT = 'PT30S';

export interface ProgramProps {
  /** 30 seconds unless said. */
  readonly timeout?: Duration | IsoDuration;
}

export interface HttpEffectProps extends ProgramProps {
  /** https, or http on loopback. One that lets somebody in is `fromEnvironment('NAME')`. */
  readonly url: string | Setting;
  /** POST unless said. */
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  readonly headers?: Readonly<Record<string, string | Setting>>;
}

/** Names a variable in the environment of `apply`. */
export type FromEnvironment = Extract<Setting, { readonly env: string }>;

/** What else an emergency has to bring about: end sessions, tell somebody, open an issue. */
export type Effect = DeclaredEffect;

/**
 * A text that lets somebody in: it is read from this variable in the environment of `apply`, and stands in no
 * manifest, plan, record or error.
 */
export function fromEnvironment(name: string): FromEnvironment {
  return { env: name };
}

export const Revoke = {
  /** A command on the machine that runs apply, with the old value on its standard input; exit 0: it is invalid now. */
  command(argv: readonly string[], { timeout = TIMEOUT }: ProgramProps = {}): Revocation {
    return { kind: 'command', argv: [...argv], timeout: isoOf(timeout) };
  },
} as const;

export const Effect = {
  /** A command that is told names, versions and the incident, as one line of JSON on its standard input. */
  command(name: string, argv: readonly string[], { timeout = TIMEOUT }: ProgramProps = {}): Effect {
    return { kind: 'command', name, argv: [...argv], timeout: isoOf(timeout) };
  },

  /** A request with the same as its body; any 2xx is done. The timeout is that of all its tries. */
  http(name: string, { url, method = 'POST', headers = {}, timeout = TIMEOUT }: HttpEffectProps): Effect {
    const settings = Object.entries(headers).map(([header, text]) => [header, settingOf(text)] as const);
    return {
      kind: 'http',
      name,
      url: settingOf(url),
      method,
      headers: Object.fromEntries(settings),
      timeout: isoOf(timeout),
    };
  },
} as const;

function settingOf(text: string | Setting): Setting {
  return typeof text === 'string' ? { text } : text;
}
