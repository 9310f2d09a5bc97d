import type { FaultCode } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { HookContext } from '../model/hooks.ts';

/** What one try of a value came to, and in words how that was said. */
export interface Tried {
  readonly verdict: 'accepted' | 'refused' | 'unclear';
  readonly said: string;
}

/** Throws where the caller told us to stop: whatever ended after that was not left to end by itself. */
export function throwIfStopped(name: string, context: HookContext, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new Fault({
    code: 'interrupted',
    what: `stopped while waiting for ${name}`,
    where: context.secret,
    live: 'whether it took effect is not known',
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

function hookFault(
  code: FaultCode,
  what: string,
  { secret }: HookContext,
  then: { readonly live: string; readonly next: string },
): Fault {
  return new Fault({ code, what, where: secret, ...then });
}
