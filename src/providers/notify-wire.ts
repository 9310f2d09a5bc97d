import { setTimeout as wait } from 'node:timers/promises';

/** How long one notice may take with all its tries, and how they are spaced. */
export interface Pace {
  readonly withinMs: number;
  readonly tries: number;
  /** Before the second try; twice that before each further one. */
  readonly backoffMs: number;
}

export const PACE: Pace = { withinMs: 10_000, tries: 3, backoffMs: 500 };

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Made anew for each try: a signature holds its time. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly body?: string;
}

/** More than a hundred issues of GitHub have, less than harms this machine. */
const LONGEST_ANSWER = 8 * 1024 * 1024;

/** What was answered with a 2xx, or why nothing was: in words that hold neither an address nor what was sent. */
export type Answer = { readonly text: string } | { readonly failure: string };

/**
 * Sends a request and returns its answer. Tries again what may pass (429, a 5xx, no connection), within `pace`.
 * Redirects are not followed: what is sent goes nowhere else. Never throws.
 */
export async function exchange(request: Request, signal: AbortSignal, pace: Pace = PACE): Promise<Answer> {
  const until = endOf(signal, pace.withinMs);
  try {
    return await exchangeUntil(until.signal, request, pace);
  } finally {
    until.clear();
  }
}

async function exchangeUntil(until: AbortSignal, request: Request, pace: Pace): Promise<Answer> {
  let failure = 'did not answer in time';
  for (let attempt = 1; ; attempt += 1) {
    const tried = await attemptOnce(request, until);
    if ('text' in tried) return tried;
    // That the time ran out says less than what was answered before.
    if (!until.aborted || attempt === 1) failure = tried.failure;
    if (!tried.mayPass || attempt >= pace.tries || until.aborted) return { failure };
    const pause = Math.max(tried.afterMs, pace.backoffMs * 2 ** (attempt - 1));
    if (pause >= pace.withinMs) return { failure };
    await wait(pause, undefined, { signal: until }).catch(() => undefined);
    if (until.aborted) return { failure };
  }
}

/**
 * Aborts with `signal`, or when the time is over. With a timer of its own: Node 20 forgets an `AbortSignal.timeout` within
 * `AbortSignal.any` when it collects garbage, and what waits for it then waits for ever (nodejs/node#57736).
 */
function endOf(signal: AbortSignal, withinMs: number): { readonly signal: AbortSignal; clear(): void } {
  const end = new AbortController();
  const abort = (): void => end.abort();
  const timer = setTimeout(abort, withinMs);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return {
    signal: end.signal,
    clear: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}

type Tried =
  | { readonly text: string }
  | { readonly failure: string; readonly mayPass: boolean; readonly afterMs: number };

async function attemptOnce({ method, url, headers, body }: Request, signal: AbortSignal): Promise<Tried> {
  try {
    const response = await fetch(url, {
      method,
      headers: { 'user-agent': 'keyturn', ...headers() },
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body }),
    });
    if (response.ok) return { text: method === 'GET' ? await textOf(response) : await passedOver(response) };
    await passedOver(response);
    const { status } = response;
    const redirects = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
    const afterMs = Number(response.headers.get('retry-after') ?? 0) * 1_000 || 0;
    return { failure: `answered ${status}${redirects}`, mayPass: status === 429 || status >= 500, afterMs };
  } catch (thrown) {
    return { ...unanswered(thrown), afterMs: 0 };
  }
}

/** What fetch says of a failure names the address: only the code of the system is passed on. */
function unanswered(thrown: unknown): { readonly failure: string; readonly mayPass: boolean } {
  if (thrown instanceof Error && /^(TimeoutError|AbortError)$/.test(thrown.name)) {
    return { failure: 'did not answer in time', mayPass: false };
  }
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!/^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return { failure: 'could not be asked', mayPass: false };
  return { failure: `did not answer (${code})`, mayPass: true };
}

/** Gives the connection back without reading what nobody asked for. */
async function passedOver(response: Response): Promise<string> {
  await response.body?.cancel();
  return '';
}

async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    const bytes = part as Uint8Array;
    size += bytes.length;
    if (size > LONGEST_ANSWER) break;
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString('utf8');
}
