import type { Instant, Ordinal, SecretAddress } from './address.ts';
import type { DeclaredSmokeTest, Effect, RefusalProbe, Revocation } from './declared.ts';
import type { SecretValue } from './secret-value.ts';

/** What a declared program or address is told: names and versions, never a value. */
export interface HookContext {
  readonly stack: string;
  readonly secret: SecretAddress;
  /** The version that goes: the one that is revoked, or that an emergency replaces. */
  readonly before: Ordinal | null;
  /** The version that took its place. */
  readonly now: Ordinal | null;
  readonly incident: string | null;
}

/**
 * What a stack declares to be done outside of vaults and platforms. Every method throws a Fault and nothing else. A
 * value goes to the standard input of a program, or to what checks it, and nowhere else: into no argument, no
 * environment, no file, no address, no fault. What a program prints is not kept. Each try is bounded by its timeout,
 * and a program that outlives it is ended with all that it started.
 */
export interface Hooks {
  /** Holds afterwards: the program said (exit 0) that the value is invalid at its source. Returns what was seen, in a line. */
  revoke(
    revocation: Revocation,
    value: SecretValue,
    context: HookContext,
    signal?: AbortSignal,
  ): Promise<string>;

  /**
   * Holds afterwards: `value` was refused, and, where it is given, `control` was accepted by the same probe right
   * before. Returns that in a line. Throws `still-accepted` where the value was accepted, and `proof-failed` where
   * neither could be told, or the control was not accepted.
   */
  prove(
    probe: RefusalProbe,
    value: SecretValue,
    control: SecretValue | null,
    context: HookContext,
    signal?: AbortSignal,
  ): Promise<string>;

  /**
   * Holds afterwards: the program ended with 0, or the address answered 2xx. The idempotency key is the same each
   * time that the effect is tried: whoever receives it twice can tell. Returns what was seen, in a line.
   */
  effect(
    effect: Effect,
    context: HookContext & { readonly idempotencyKey: string; readonly at: Instant },
    signal?: AbortSignal,
  ): Promise<string>;

  /**
   * Holds afterwards: the program ended with 0. Returns that in a line, and the end of what it printed, masked. Throws
   * `smoke-failed`, with the last lines of it as problems. It sees no value.
   */
  smoke(
    test: Pick<DeclaredSmokeTest, 'name' | 'argv' | 'directory' | 'timeout'>,
    stack: string,
    signal?: AbortSignal,
  ): Promise<{ readonly proof: string; readonly output: string }>;
}
