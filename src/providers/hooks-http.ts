import type { ClientRequest } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import type { RefusalProbe } from '../model/declared.ts';
import { millisecondsOf } from '../model/duration.ts';
import type { SecretValue } from '../model/secret-value.ts';
import type { Tried } from './hooks-faults.ts';

/** A status, or in words why there is none, and whether that may pass. */
export type Answer =
  | { readonly status: number; readonly retryAfterMs: number }
  | { readonly none: string; readonly isPassing: boolean };

export interface Posted {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  /** Before the second try; twice as long before each further one. */
  readonly retryMs: number;
}

const MOST_TRIES = 4;
const TOO_MANY = 429;

/** Tries a value where it is checked: in one header of one request that follows no redirect and reads no body. */
export async function tryOverHttp(
  probe: Extract<RefusalProbe, { kind: 'http' }>,
  value: SecretValue,
  signal?: AbortSignal,
): Promise<Tried> {
  const headers = (): Headers => ({ [probe.header]: `${probe.prefix}${value.reveal()}` });
  const { url, method, timeout } = probe;
  const answer = await ask({ url, method, headers, body: null, timeoutMs: millisecondsOf(timeout) }, signal);
  if ('none' in answer) return { verdict: 'unclear', said: answer.none };
  const said = saidOf(answer.status);
  if (isGood(answer.status)) return { verdict: 'accepted', said };
  return { verdict: probe.refused.includes(answer.status) ? 'refused' : 'unclear', said };
}

/**
 * Sends a body until somebody takes it: where nobody answers, or with 429 or a status of theirs (5xx), a few times
 * more within the timeout, the same each time. Returns the last answer and how many tries it took.
 */
export async function post(
  { url, method, headers, body, timeoutMs, retryMs }: Posted,
  signal?: AbortSignal,
): Promise<Answer & { readonly tries: number }> {
  const until = performance.now() + timeoutMs;
  for (let tries = 1, wait = retryMs; ; tries += 1, wait *= 2) {
    const request = { url, method, headers: () => headers, body, timeoutMs: until - performance.now() };
    const answer = await ask(request, signal);
    const isPassing =
      'none' in answer ? answer.isPassing : answer.status === TOO_MANY || answer.status >= 500;
    const pauseMs = 'none' in answer ? wait : Math.max(wait, answer.retryAfterMs);
    const isLast = tries === MOST_TRIES || performance.now() + pauseMs >= until;
    if (!isPassing || isLast || signal?.aborted === true) return { ...answer, tries };
    await pause(pauseMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}

export function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

export function saidOf(status: number): string {
  const isRedirect = status >= 300 && status < 400 && status !== 304;
  return `answered ${status}${isRedirect ? ', a redirect, which is not followed' : ''}`;
}

type Headers = Record<string, string>;

interface Request {
  readonly url: string;
  readonly method: string;
  /** Called in the expression that sends them. */
  readonly headers: () => Headers;
  readonly body: string | null;
  readonly timeoutMs: number;
}

/**
 * One request on a connection of its own. Never rejects. What went wrong is told by its code alone: messages of the
 * network and of TLS hold the address, which may be a secret.
 */
function ask({ url, method, headers, body, timeoutMs }: Request, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const request = open(url, method, headers, signal);
    if (request === null)
      return resolve({ none: 'was not asked: what it should be sent fits in no header', isPassing: false });
    let isLate = false;
    const timer = setTimeout(
      () => {
        isLate = true;
        request.destroy();
      },
      Math.max(1, timeoutMs),
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const none = isLate ? 'did not answer in time' : `did not answer (${error.code ?? 'unknown'})`;
      resolve({ none, isPassing: true });
    });
    request.once('response', (response) => {
      clearTimeout(timer);
      response.on('error', () => {});
      const seconds = /^\d{1,6}$/.exec(response.headers['retry-after'] ?? '')?.[0] ?? '0';
      resolve({ status: response.statusCode ?? 0, retryAfterMs: 1_000 * Number(seconds) });
      response.destroy();
    });
    request.end(body ?? undefined);
  });
}

/** Null where a header cannot hold its text: that is thrown before anything is sent. */
function open(
  url: string,
  method: string,
  headers: () => Headers,
  signal: AbortSignal | undefined,
): ClientRequest | null {
  const start = new URL(url).protocol === 'https:' ? requestHttps : requestHttp;
  const options = { method, agent: false, ...(signal === undefined ? {} : { signal }) };
  try {
    return start(url, { ...options, headers: { 'user-agent': 'keyturn', ...headers() } });
  } catch {
    return null;
  }
}
