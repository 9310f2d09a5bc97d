import type { FaultCode } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { HookContext } from '../model/hooks.ts';

/** Of what a smoke test printed. */
const MOST_LINES = 20;

/** What one try of a value came to, and in words how that was said. */
export interface Tried {
  readonly verdict: 'accepted' | 'refused' | 'unclear';
  readonly said: string;
}

/** Throws where the caller told us to stop: whatever ended after that was not left to end by itself. */
export function throwIfStopped(
  name: string,
  where: string,
  signal: AbortSignal | undefined,
  live = 'whether it took effect is not known',
): void {
  if (signal?.aborted !== true) return;
  throw new Fault({
    code: 'interrupted',
    what: `stopped while waiting for ${name}`,
    where,
    live,
    next: 'run the same command again: it is tried anew',
  });
}

export function revokeFault(what: string, context: HookContext): Fault {
  return hookFault('hook-failed', `the revocation of v${context.before} failed: ${what}`, context, {
    live: `v${context.before} may still be accepted where it is checked, and is not disabled for it`,
    next: 'run the program by hand to see what it says; then run keyturn apply: it is tried again',
  });
}

export function proofFault(what: string, context: HookContext): Fault {
  return hookFault('proof-failed', what, context, {
    live: `whether v${context.before} is still accepted is not known, and it is not recorded as retired`,
    next: 'mend the probe, or what it asks; then run keyturn apply: it is tried again',
  });
}

export function acceptedFault(name: string, said: string, context: HookContext): Fault {
  return hookFault('still-accepted', `v${context.before} is still accepted: ${name} ${said}`, context, {
    live: `whoever has v${context.before} can use it; it is not recorded as retired`,
    next: 'revoke it at its source, then run keyturn apply: it is tried again',
  });
}

export function effectFault(name: string, what: string, context: HookContext): Fault {
  return hookFault('hook-failed', `the effect "${name}" failed: ${what}`, context, {
    live: 'it may not have come about, or only in part; nothing else waits for it',
    next: 'run the same command again, which tries it with the same idempotency key; or bring it about by hand',
  });
}

/** The last lines of what it printed are its problems: where it is wrong stands there. */
export function smokeFault(name: string, what: string, stack: string, output: string): Fault {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return new Fault({
    code: 'smoke-failed',
    what: `the smoke test "${name}" failed: ${what}`,
    where: stack,
    live: 'the consumers that it tries were good one by one; together they are not',
    next: 'see what it printed, or run it by hand; mend that and run keyturn apply again',
    problems: lines.slice(-MOST_LINES).map((line) => ({ what: line, where: stack })),
  });
}

function hookFault(
  code: FaultCode,
  what: string,
  { secret }: HookContext,
  then: { readonly live: string; readonly next: string },
): Fault {
  return new Fault({ code, what, where: secret, ...then });
}
