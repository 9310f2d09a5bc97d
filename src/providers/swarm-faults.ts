import { Fault } from '../model/fault.ts';
import type { FaultInit } from '../model/fault.ts';
import { guarded } from '../model/guard.ts';

/** A call of the engine that did not succeed: refused with a status, or (status null) without an answer. */
export class EngineRefusal extends Error {
  readonly status: number | null;
  /** The network's code, for instance `ECONNREFUSED` or `TIMEOUT`; null where the engine answered. */
  readonly code: string | null;

  constructor(status: number | null, code: string | null, message: string) {
    // Before it is cut: half a value is found by nobody.
    super(guarded(message).trim().replaceAll(/\s+/g, ' ').slice(0, 400));
    this.name = 'EngineRefusal';
    this.status = status;
    this.code = code;
  }
}

/** With these nothing was sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'EPERM',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
const NOT_A_MANAGER = /not a swarm manager|worker nodes can't be used|not part of a swarm|swarm init/i;
const NEEDS_UNLOCK = /swarm is encrypted|unlock/i;

/** Swarm answers a version that is no longer the newest with a 500; only the text tells. */
export function isOutOfSequence(thrown: unknown): boolean {
  return thrown instanceof EngineRefusal && /update out of sequence/.test(thrown.message);
}

export function hasStatus(thrown: unknown, status: number): boolean {
  return thrown instanceof EngineRefusal && thrown.status === status;
}

/**
 * True where asking again later may succeed: no answer, nobody listens, no leader, a leader that changes. A manager
 * that is restarted says for a while that it is none; a plan that finds none fails at once all the same, so that
 * each act comes after it was seen to be one.
 */
export function isPassing(thrown: unknown): boolean {
  if (!(thrown instanceof EngineRefusal)) return false;
  if (thrown.status === null) return thrown.code !== 'EACCES' && thrown.code !== 'EPERM';
  return thrown.status >= 500 && thrown.status !== 501 && !NEEDS_UNLOCK.test(thrown.message);
}

/** True where the engine may have done it although no answer says so. */
export function isUncertain(thrown: unknown): boolean {
  if (!(thrown instanceof EngineRefusal) || isOutOfSequence(thrown)) return false;
  return isPassing(thrown) && !(thrown.code !== null && NEVER_SENT.has(thrown.code));
}

/** What was asked, for the sentence that says why it failed. */
export interface PlatformCall {
  readonly platform: string;
  readonly endpoint: string;
  /** `swarm://busflow/api`, or the platform's name for calls that concern all of it. */
  readonly where: string;
  readonly signal: AbortSignal | undefined;
}

/** Any thrown thing as a fault of this platform. */
export function platformFault(thrown: unknown, call: PlatformCall): Fault {
  if (thrown instanceof Fault) return thrown;
  const fault = (init: Omit<FaultInit, 'where'>) => new Fault({ where: call.where, ...init });
  if (call.signal?.aborted === true) {
    return fault({ code: 'interrupted', what: `stopped while waiting for swarm "${call.platform}"` });
  }
  if (!(thrown instanceof EngineRefusal)) {
    const what = thrown instanceof Error ? thrown.message : String(thrown);
    return fault({ code: 'unexpected', what, cause: thrown });
  }
  if (thrown.status === null) return unreachable(thrown, call, fault);
  if (NOT_A_MANAGER.test(thrown.message)) {
    return fault({
      code: 'platform-refused',
      what: `the docker engine at "${call.endpoint}" is not a swarm manager`,
      next: "name a manager in the stack's endpoint or DOCKER_HOST, or make this engine one: docker swarm init",
    });
  }
  if (NEEDS_UNLOCK.test(thrown.message)) {
    return fault({
      code: 'platform-refused',
      what: `the swarm at "${call.endpoint}" is locked`,
      next: 'unlock the manager: docker swarm unlock',
    });
  }
  if (thrown.status === 401 || thrown.status === 403) {
    return fault({
      code: 'platform-refused',
      what: `the docker engine at "${call.endpoint}" refused access: ${thrown.message}`,
      next: 'a proxy in front of it must allow secrets, services, tasks, nodes and info; apply also writes the first two',
    });
  }
  if (isPassing(thrown)) {
    return fault({
      code: 'platform-unreachable',
      what: `swarm "${call.platform}" answered ${thrown.status}: ${thrown.message}`,
      next: 'see whether the managers have a leader: docker node ls; then run the same command again',
    });
  }
  return fault({ code: 'platform-refused', what: `swarm "${call.platform}" refused: ${thrown.message}` });
}

function unreachable(
  refusal: EngineRefusal,
  call: PlatformCall,
  fault: (init: Omit<FaultInit, 'where'>) => Fault,
): Fault {
  const init = { code: 'platform-unreachable', cause: refusal } as const;
  if (refusal.code === 'EACCES' || refusal.code === 'EPERM') {
    return fault({
      ...init,
      what: `no right to open the docker engine at "${call.endpoint}"`,
      next: 'run as a user of the docker group, or name another engine in DOCKER_HOST',
    });
  }
  if (refusal.code === 'TIMEOUT') {
    return fault({
      ...init,
      what: `the docker engine at "${call.endpoint}" did not answer in time`,
      next: 'see whether the managers have a leader: docker node ls; then run the same command again',
    });
  }
  return fault({
    ...init,
    what: `no docker engine answers at "${call.endpoint}" (${refusal.code ?? refusal.message})`,
    next: "start the engine, or name a reachable one in the stack's endpoint or DOCKER_HOST",
  });
}
