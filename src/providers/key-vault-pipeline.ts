import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as timer } from 'node:timers/promises';
import type { SecretClientOptions } from '@azure/keyvault-secrets';
import type { Fence } from '../model/fence.ts';
import type { Identity } from '../model/journal.ts';
import { entraIdentity } from './azure-claims.ts';
import { LASTING, networkCodeOf } from './azure-errors.ts';
import { Budget, LIMITS } from './key-vault-budget.ts';
import { ReadAhead } from './key-vault-read-ahead.ts';

type Policy = NonNullable<SecretClientOptions['additionalPolicies']>[number]['policy'];
type Request = Parameters<Policy['sendRequest']>[0];
type Send = Parameters<Policy['sendRequest']>[1];
type Response = Awaited<ReturnType<Send>>;

/** Times and waits of the provider. All have defaults; tests shorten them. */
export interface Pace {
  /** The first wait; each further one is twice as long. */
  readonly backoffMs: number;
  /** How long one request may take. */
  readonly timeoutMs: number;
  /** How long a write whose answer was lost is looked for before it counts as absent. */
  readonly lateMs: number;
  readonly now: () => number;
  /** ms of a clock that never jumps: what waits are measured with. */
  readonly ticks: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 to 1; spreads the waits of callers that were throttled together. */
  readonly random: () => number;
}

/** 1, 2, 4, 8, 16 s is what Microsoft advises for a throttled vault. */
export const PACE: Pace = {
  backoffMs: 1000,
  timeoutMs: 30_000,
  lateMs: 30_000,
  now: Date.now,
  ticks: () => performance.now(),
  sleep: (ms, signal) => timer(ms, undefined, signal === undefined ? {} : { signal }),
  random: Math.random,
};

/** What a refusal says, without its message: that one may quote the request. */
export interface Refusal {
  readonly status: number;
  readonly code: string | null;
  readonly inner: string | null;
  /** `AKV10032` and the like, of a 401. */
  readonly akv: string | null;
  readonly requestId: string | null;
}

/** A call of the SDK that is under way. */
interface Call {
  readonly signal: AbortSignal | undefined;
  readonly ahead: ReadAhead;
}

/**
 * The call under way: the SDK does not hand its signal to the second and later pages of a list. One for all vaults,
 * because Node makes every promise of the process pay for each storage that was ever used.
 */
const CALLS = new AsyncLocalStorage<Call>();

const THROTTLE_WAITS = 5;
const READ_WAITS = 3;
const LONGEST_RETRY_AFTER_MS = 60_000;
const TRANSIENT = new Set([408, 500, 502, 503, 504]);

/**
 * The provider's own layer between the SDK's sign-in and the wire.
 *
 * A throttled request is sent again, since the vault has not processed it; Retry-After is honoured where there
 * is one, and Key Vault often sends none, in which case the SDK would not retry. A read is sent again after a
 * 5xx or a lost connection, a write never is: whoever wrote must look first. A request that carries a body
 * without a token, or goes to another host, is not sent at all.
 *
 * It sends no more than the vault takes in 10 s, so that a large apply is not throttled by itself: see Budget.
 */
export class KeyVaultPipeline {
  readonly #host: string;
  readonly #pace: Pace;
  readonly #fence: Fence | undefined;
  readonly #creates: Budget;
  readonly #others: Budget;
  readonly #refusals = new WeakMap<object, Refusal>();
  #identity: Identity | null | undefined;

  constructor(host: string, pace: Pace, fence?: Fence) {
    this.#host = host;
    this.#pace = pace;
    this.#fence = fence;
    this.#creates = new Budget(LIMITS.creates, LIMITS.windowMs, pace);
    this.#others = new Budget(LIMITS.others, LIMITS.windowMs, pace);
  }

  /** Who the vault took the first token of; null: it took none that says so. */
  get identity(): Identity | null {
    return this.#identity ?? null;
  }

  /** Runs SDK calls under a signal. */
  async under<T>(signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
    const ahead = new ReadAhead(signal);
    try {
      return await CALLS.run({ signal, ahead }, act);
    } finally {
      ahead.end();
    }
  }

  /** The refusal behind an error of the SDK, or null where it has none. */
  refusalOf(thrown: unknown): Refusal | null {
    if (typeof thrown !== 'object' || thrown === null || !('request' in thrown)) return null;
    const { request } = thrown;
    return typeof request === 'object' && request !== null ? (this.#refusals.get(request) ?? null) : null;
  }

  readonly policy: Policy = {
    name: 'keyturnPolicy',
    sendRequest: (request, next) => this.#answer(request, next),
  };

  async #answer(request: Request, next: Send): Promise<Response> {
    // The SDK sends the same request again once it has a token: the first 401 is then history.
    this.#refusals.delete(request);
    const { signal, ahead } = CALLS.getStore() ?? {};
    const response = await (ahead?.take(request) ?? this.#send(request, next, signal));
    if (response.status >= 400) this.#refusals.set(request, refusalIn(response));
    else if (this.#identity === undefined)
      this.#identity = entraIdentity(request.headers.get('authorization') ?? '');
    await ahead?.follow(request, response, (page, until) => this.#send(page, next, until));
    return response;
  }

  async #send(request: Request, next: Send, signal: AbortSignal | undefined): Promise<Response> {
    this.#guard(request);
    let throttles = 0;
    let failures = 0;
    for (;;) {
      const outcome = await this.#sendOnce(request, next, signal);
      if ('response' in outcome && outcome.response.status === 429 && throttles < THROTTLE_WAITS) {
        await this.#pace.sleep(this.#throttleWait(outcome.response, throttles), signal);
        throttles += 1;
      } else if (request.method === 'GET' && failures < READ_WAITS && isTransient(outcome, signal)) {
        await this.#pace.sleep(this.#backoff(failures), signal);
        failures += 1;
      } else {
        if ('thrown' in outcome) throw outcome.thrown;
        return outcome.response;
      }
    }
  }

  /** Never rejects, but where it gave up before it was sent. */
  async #sendOnce(
    request: Request,
    next: Send,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly response: Response } | { readonly thrown: unknown }> {
    const budget = request.method === 'PUT' ? this.#creates : this.#others;
    await budget.enter(signal);
    const limit = new AbortController();
    const stop = (): void => limit.abort();
    let timer: NodeJS.Timeout | undefined;
    try {
      // Behind the wait: what is left of the lease is less by then.
      const timeoutMs = Math.min(this.#pace.timeoutMs, this.#leftFor(request));
      // Not the SDK's own limit: its timer goes on behind a request that failed, and keeps the process alive for it.
      timer = setTimeout(stop, timeoutMs);
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted === true) stop();
      request.timeout = 0;
      request.abortSignal = limit.signal;
      return { response: await next(request) };
    } catch (thrown) {
      return { thrown };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      budget.leave();
    }
  }

  /** How long this request may take: one that changes something must end before the lease does. */
  #leftFor({ method }: Request): number {
    if (method === 'GET' || this.#fence === undefined) return this.#pace.timeoutMs;
    return this.#fence.pass();
  }

  #guard(request: Request): void {
    const hasBody = request.body !== undefined && request.body !== null;
    if (hasBody && !request.headers.has('authorization')) {
      throw new TypeError('[unexpected] a body was about to leave without a token');
    }
    if (new URL(request.url).host !== this.#host) {
      throw new TypeError('[unexpected] a request was about to leave for another host');
    }
  }

  #backoff(waits: number): number {
    return this.#pace.backoffMs * 2 ** waits * (0.75 + this.#pace.random() / 2);
  }

  #throttleWait(response: Response, waits: number): number {
    const header = response.headers.get('retry-after');
    if (header === undefined) return this.#backoff(waits);
    const asked = /^[0-9]+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - this.#pace.now();
    if (Number.isNaN(asked)) return this.#backoff(waits);
    return Math.min(Math.max(asked, 0), LONGEST_RETRY_AFTER_MS);
  }
}

function isTransient(
  outcome: { readonly response: Response } | { readonly thrown: unknown },
  signal: AbortSignal | undefined,
): boolean {
  if ('response' in outcome) return TRANSIENT.has(outcome.response.status);
  if (signal?.aborted === true) return false;
  const code = networkCodeOf(outcome.thrown);
  return code !== null && !LASTING.test(code);
}

function refusalIn(response: Response): Refusal {
  const error = errorIn(response.bodyAsText ?? '');
  const inner = field(error, 'innererror');
  return {
    status: response.status,
    code: text(field(error, 'code')),
    inner: text(field(inner, 'code')),
    akv: /AKV[0-9]+/.exec(text(field(error, 'message')) ?? '')?.[0] ?? null,
    requestId: response.headers.get('x-ms-request-id') ?? null,
  };
}

function errorIn(body: string): unknown {
  try {
    return field(JSON.parse(body), 'error');
  } catch {
    return null;
  }
}

function field(json: unknown, key: string): unknown {
  return typeof json === 'object' && json !== null ? new Map(Object.entries(json)).get(key) : null;
}

function text(json: unknown): string | null {
  return typeof json === 'string' ? json : null;
}
