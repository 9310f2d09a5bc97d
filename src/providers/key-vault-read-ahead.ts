import { setImmediate as iteration } from 'node:timers/promises';
import type { SecretClientOptions } from '@azure/keyvault-secrets';

type Policy = NonNullable<SecretClientOptions['additionalPolicies']>[number]['policy'];
type Request = Parameters<Policy['sendRequest']>[0];
type Response = Awaited<ReturnType<Parameters<Policy['sendRequest']>[1]>>;

/**
 * The pages of one list, each asked for as soon as the one that names it is there. A vault is listed page after page, and the
 * SDK reads a page through, which takes it half a millisecond, before it asks for the next: here both go on at once. Nothing is
 * asked that the SDK would not ask, and what it did not ask for when the list ends is given up.
 */
export class ReadAhead {
  readonly #signal: AbortSignal | undefined;
  readonly #stop = new AbortController();
  #until: AbortSignal | null = null;
  #next: { readonly url: string; readonly answer: Promise<Response> } | null = null;

  /** Of a list under this signal, where there is one. */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** The list is over: nothing is asked ahead any more, and what is under way ends. */
  end(): void {
    this.#stop.abort();
  }

  /**
   * The answer to this request where it was asked for already; null: send it. Whoever asks for something else than the page that
   * was named last does not follow the pages' own links: then nothing is asked ahead any more.
   */
  take(request: Request): Promise<Response> | null {
    const next = this.#next;
    if (next === null) return null;
    this.#next = null;
    if (request.method === 'GET' && next.url === new URL(request.url).href) {
      return next.answer.then((response) => ({ ...response, request }));
    }
    this.end();
    return null;
  }

  /**
   * Asks, by `send`, for the page that the answer to this request names, where it names one of the same vault as the SDK would
   * ask for it. Resolves once that request has left: Node writes it behind everything that is computed at once, which would be the
   * reading of the page before.
   */
  async follow(
    request: Request,
    response: Response,
    send: (request: Request, signal: AbortSignal) => Promise<Response>,
  ): Promise<void> {
    if (this.#stop.signal.aborted || request.method !== 'GET' || response.status !== 200) return;
    const url = nextLinkIn(response.bodyAsText ?? '');
    if (url?.origin !== new URL(request.url).origin) return;
    // To a link without it the SDK adds it.
    if (!url.searchParams.has('api-version')) return;
    // It carries the token of the request before it, and the id by which the vault's log knows that one.
    const ahead = Object.create(Object.getPrototypeOf(request) as object) as Request;
    this.#until ??= AbortSignal.any([
      this.#stop.signal,
      ...(this.#signal === undefined ? [] : [this.#signal]),
    ]);
    const answer = send(Object.assign(ahead, request, { url: url.href }), this.#until);
    // It may fail before it is asked for.
    answer.catch(() => undefined);
    this.#next = { url: url.href, answer };
    // No `turn`: that waits for whoever computes something meanwhile.
    await iteration();
  }
}

/** Null: there is none, or it is no address. */
function nextLinkIn(body: string): URL | null {
  const link = (atItsEnd(body) ?? parsed(body))?.nextLink;
  return typeof link === 'string' && URL.canParse(link) ? new URL(link) : null;
}

interface Page {
  readonly nextLink?: unknown;
}

/**
 * What stands behind the items, where the link does: the next page is waited for, and its items are of no interest here. What
 * comes behind the last such name is JSON once it is opened anew only where the name is the page's own.
 */
function atItsEnd(body: string): Page | null {
  const at = body.lastIndexOf('"nextLink"');
  return at < 0 ? {} : parsed(`{${body.slice(at)}`);
}

function parsed(text: string): Page | null {
  try {
    return JSON.parse(text) as Page | null;
  } catch {
    return null;
  }
}
