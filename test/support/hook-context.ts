import type { Effect, RefusalProbe } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import type { HookContext } from '../../src/model/hooks.ts';

/** What a declared program or address is told: v3 of a secret took the place of v2. */
export const CONTEXT: HookContext = {
  stack: 'shop',
  secret: 'vault://prod-vault/token',
  before: 2,
  now: 3,
  incident: null,
};

export const EMERGENCY = {
  ...CONTEXT,
  incident: 'INC-7',
  at: '2026-11-22T03:00:00Z',
  idempotencyKey: 'f00dfacef00dface',
};

/** A negative probe with everything that a test does not care about filled in. */
export function httpProbe(
  url: string,
  more: Partial<Extract<RefusalProbe, { kind: 'http' }>> = {},
): RefusalProbe {
  const how = { method: 'GET', header: 'authorization', prefix: 'Bearer ', refused: [401, 403] } as const;
  return { kind: 'http', control: true, timeout: 'PT20S', url, ...how, ...more };
}

/** An effect over HTTP with everything that a test does not care about filled in. */
export function httpEffect(more: Partial<Extract<Effect, { kind: 'http' }>>): Effect {
  const url = { text: 'http://127.0.0.1:1' };
  return {
    kind: 'http',
    name: 'end all sessions',
    timeout: 'PT20S',
    method: 'POST',
    headers: {},
    url,
    ...more,
  };
}

/** The fault that something rejects with. */
export async function faultOf(acting: Promise<unknown>): Promise<Fault> {
  try {
    await acting;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error('it did not fail');
}
