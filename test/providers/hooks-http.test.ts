import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectHooks } from '../../src/providers/hooks.ts';
import { makeCanary } from '../support/canary.ts';
import { CONTEXT, EMERGENCY, faultOf, httpEffect, httpProbe } from '../support/hook-context.ts';
import type { Listener } from '../support/listeners.ts';
import { bodyOf, deadPort, listenHttp } from '../support/listeners.ts';

const canary = makeCanary();
const OLD = canary.value('old');
const NEW = canary.value('new');
const pace = { graceMs: 20, retryMs: 1 };
const hooks = connectHooks({ environment: {}, pace });

interface Request {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const listeners: Listener[] = [];
let requests: Request[] = [];

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
  requests = [];
});

/** Writes each request down once it is whole, then answers. */
async function server(answer: (request: Request, response: ServerResponse) => void): Promise<Listener> {
  const listener = await listenHttp((request, response) => {
    void bodyOf(request).then((body) => {
      const { method, url, headers } = request;
      requests.push({ method, url, headers, body });
      answer({ method, url, headers, body }, response);
    });
  });
  listeners.push(listener);
  return listener;
}

/** Answers with these in turn, and with the last one from then on. */
function inTurn(...statuses: number[]): (request: Request, response: ServerResponse) => void {
  return (_request, response) => {
    response.writeHead((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 500).end();
  };
}

function prove(
  probe: Parameters<typeof hooks.prove>[0],
  control: string | null = NEW,
  signal?: AbortSignal,
): Promise<string> {
  const living = control === null ? null : new SecretValue(control);
  return hooks.prove(probe, new SecretValue(OLD), living, CONTEXT, signal);
}

/** Accepts the current value, and whatever else the status says. */
function checking(status: number): (request: Request, response: ServerResponse) => void {
  return ({ headers }, response) => {
    response.writeHead(headers.authorization === `Bearer ${NEW}` ? 204 : status).end();
  };
}

describe('a negative probe over HTTP', () => {
  it('shows that the old value is refused where the current one is accepted', async () => {
    const { url } = await server(checking(401));
    expect(await prove(httpProbe(`${url}/v1/me`, { method: 'POST' }))).toBe(
      `refused: POST ${url}/v1/me answered 401; the current value was accepted (it answered 204)`,
    );
  });

  it('sends the values in that one header and nowhere else, the current one first', async () => {
    const { url } = await server(inTurn(200, 403));
    await prove(httpProbe(`${url}/v1/me?a=b`, { header: 'X-Api-Key', prefix: '' }));
    expect(requests.map(({ headers }) => headers['x-api-key'])).toEqual([NEW, OLD]);
    for (const { headers, ...rest } of requests) {
      expect(Object.keys(headers).sort()).toEqual(['connection', 'host', 'user-agent', 'x-api-key']);
      expect(rest).toEqual({ method: 'GET', url: '/v1/me?a=b', body: '' });
    }
  });

  it('is still-accepted when the old value is, and holds no value', async () => {
    const { url } = await server(inTurn(200));
    const fault = await faultOf(prove(httpProbe(url)));
    expect(fault).toMatchObject({
      code: 'still-accepted',
      message: `v2 is still accepted: GET ${url} answered 200`,
      next: 'revoke it at its source, then run keyturn apply: it is tried again',
    });
    expect(canary.foundIn(inspect(fault, { depth: 9, showHidden: true }))).toEqual([]);
  });

  it('proves nothing when the current value is not accepted, and does not try the old one', async () => {
    const { url } = await server(inTurn(401));
    const fault = await faultOf(prove(httpProbe(url)));
    expect(fault.code).toBe('proof-failed');
    expect(fault.message).toContain(
      'the probe did not accept the current value, so a refusal proves nothing',
    );
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${NEW}`]);
  });

  it.each([404, 429, 500, 302])('proves nothing with a status that is neither: %d', async (status) => {
    const { url } = await server(checking(status));
    expect(await faultOf(prove(httpProbe(url)))).toMatchObject({
      code: 'proof-failed',
      message: expect.stringMatching(
        `neither a refusal nor an acceptance: GET .* answered ${status}`,
      ) as string,
    });
  });

  it('takes a redirect for a refusal where that is declared, and follows none', async () => {
    const other = await server(inTurn(200));
    const { url } = await server((_request, response) => {
      response.writeHead(302, { location: `${other.url}/login` }).end();
    });
    expect(await prove(httpProbe(url, { refused: [302] }), null)).toContain('answered 302');
    expect(requests.length).toBe(1);
  });

  it('waits for no body', async () => {
    const closed: Promise<unknown>[] = [];
    const { url } = await server((_request, response) => {
      closed.push(once(response, 'close'));
      response.writeHead(401);
      response.write('the beginning of something long');
    });
    expect(await prove(httpProbe(url), null)).toContain('answered 401');
    await Promise.all(closed);
  });

  it('proves nothing when nobody answers', async () => {
    const nobody = await faultOf(prove(httpProbe(`http://127.0.0.1:${await deadPort()}`), null));
    expect(nobody.code).toBe('proof-failed');
    expect(nobody.message).toContain('did not answer (ECONNREFUSED)');
    const { url } = await server(() => {});
    const silent = await faultOf(prove(httpProbe(url, { timeout: 'PT0.1S' }), null));
    expect(silent.code).toBe('proof-failed');
    expect(silent.message).toContain('did not answer in time');
  });

  it('sends nothing where a header cannot hold the value', async () => {
    const { url } = await server(inTurn(401));
    const value = new SecretValue(`${OLD}\r\nx-other: 1`);
    const fault = await faultOf(hooks.prove(httpProbe(url), value, null, CONTEXT));
    expect(fault).toMatchObject({ code: 'proof-failed' });
    expect(fault.message).toContain('was not asked: what it should be sent fits in no header');
    expect(canary.foundIn(inspect(fault, { depth: 9 }))).toEqual([]);
    expect(requests).toEqual([]);
  });

  it('stops when the caller says so', async () => {
    const stop = new AbortController();
    const { url } = await server(() => stop.abort());
    expect(await faultOf(prove(httpProbe(url), NEW, stop.signal))).toMatchObject({ code: 'interrupted' });
  });
});

describe('an effect over HTTP', () => {
  // secretlint-disable-next-line -- it opens nothing
  const TOKEN = 'xoxb-let-me-in';
  const at = (url: string) => connectHooks({ environment: { HOOK_URL: url, HOOK_TOKEN: TOKEN }, pace });

  it('is told names, versions and times, with the headers of its settings and its key', async () => {
    const { url } = await server(inTurn(204));
    const headers = { 'authorization': { env: 'HOOK_TOKEN' }, 'x-team': { text: 'shop' } };
    const effect = httpEffect({ url: { env: 'HOOK_URL' }, method: 'PUT', headers });
    expect(await at(`${url}/sessions`).effect(effect, EMERGENCY)).toBe(
      'the address in HOOK_URL answered 204',
    );
    const [request] = requests;
    expect(request).toMatchObject({
      method: 'PUT',
      url: '/sessions',
      headers: {
        'authorization': TOKEN,
        'x-team': 'shop',
        'content-type': 'application/json',
        'idempotency-key': 'f00dfacef00dface',
      },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      format: 1,
      effect: 'end all sessions',
      stack: 'shop',
      secret: 'vault://prod-vault/token',
      before: 2,
      now: 3,
      incident: 'INC-7',
      at: '2026-11-22T03:00:00Z',
      idempotencyKey: 'f00dfacef00dface',
    });
  });

  it('is tried again with the same key and body where nobody takes it, until somebody does', async () => {
    const { url } = await server(({ headers: _headers }, response) => {
      if (requests.length === 1) response.destroy();
      else response.writeHead([503, 429, 200][requests.length - 2] ?? 500).end();
    });
    expect(await hooks.effect(httpEffect({ url: { text: url } }), EMERGENCY)).toBe(
      `POST ${url} answered 200 (4 tries)`,
    );
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
  });

  it('is given up after a few tries, and at once where it is refused', async () => {
    const failing = await server(inTurn(500));
    expect((await faultOf(hooks.effect(httpEffect({ url: { text: failing.url } }), EMERGENCY))).message).toBe(
      `the effect "end all sessions" failed: POST ${failing.url} answered 500 (4 tries)`,
    );
    requests = [];
    const refusing = await server(inTurn(400));
    expect(
      (await faultOf(hooks.effect(httpEffect({ url: { text: refusing.url } }), EMERGENCY))).message,
    ).toBe(`the effect "end all sessions" failed: POST ${refusing.url} answered 400`);
    expect(requests.length).toBe(1);
  });

  it('is not tried again sooner than it was asked for, nor beyond its timeout', async () => {
    const { url } = await server((_request, response) => {
      response.writeHead(429, { 'retry-after': '3600' }).end();
    });
    expect((await faultOf(hooks.effect(httpEffect({ url: { text: url } }), EMERGENCY))).message).toContain(
      'answered 429',
    );
    expect(requests.length).toBe(1);
  });

  it('follows no redirect', async () => {
    const other = await server(inTurn(200));
    const { url } = await server((_request, response) => {
      response.writeHead(307, { location: other.url }).end();
    });
    expect((await faultOf(hooks.effect(httpEffect({ url: { text: url } }), EMERGENCY))).message).toContain(
      'answered 307, a redirect, which is not followed',
    );
    expect(requests.length).toBe(1);
  });

  it('names every variable that is missing, before anything is sent', async () => {
    const { url } = await server(inTurn(204));
    const headers = { 'x-a': { env: 'NOT_SET' }, 'x-b': { env: 'EMPTY' } };
    const effect = httpEffect({ url: { text: url }, headers });
    const fault = await faultOf(connectHooks({ environment: { EMPTY: '' } }).effect(effect, EMERGENCY));
    expect(fault).toMatchObject({
      code: 'hook-failed',
      message:
        'the effect "end all sessions" failed: not set in the environment: NOT_SET, EMPTY; nothing was sent',
    });
    expect(requests).toEqual([]);
  });

  it.each([
    ['over plain http to another machine', 'http://hooks.example.org/let-me-in'],
    // secretlint-disable-next-line -- it opens nothing
    ['with a password in it', 'https://user:let-me-in@hooks.example.org/'],
    ['that is none', 'hooks.example.org/let-me-in'],
  ])('does not send to an address of the environment %s, and does not say it', async (_what, url) => {
    const fault = await faultOf(at(url).effect(httpEffect({ url: { env: 'HOOK_URL' } }), EMERGENCY));
    expect(fault.message).toMatch(/failed: the address in HOOK_URL .*; nothing was sent$/);
    expect(inspect(fault, { depth: 9, showHidden: true })).not.toMatch(/example\.org|let-me-in/);
  });

  it.each([
    ['nobody listens', async () => `http://127.0.0.1:${await deadPort()}/let-me-in`],
    ['somebody refuses', async () => `${(await server(inTurn(403))).url}/let-me-in`],
    ['a header cannot be sent', async () => `${(await server(inTurn(403))).url}/let-me-in`],
  ])('says nothing of what the environment holds where %s', async (what, address) => {
    const url = await address();
    const token = what === 'a header cannot be sent' ? `${TOKEN}\n` : TOKEN;
    const own = connectHooks({ environment: { HOOK_URL: url, HOOK_TOKEN: token }, pace });
    const effect = httpEffect({ url: { env: 'HOOK_URL' }, headers: { 'x-token': { env: 'HOOK_TOKEN' } } });
    const fault = await faultOf(own.effect(effect, EMERGENCY));
    expect(fault.message).toContain('the address in HOOK_URL');
    expect(inspect(fault, { depth: 9, showHidden: true })).not.toMatch(/let-me-in|127\.0\.0\.1/);
  });

  it('stops when the caller says so', async () => {
    const stop = new AbortController();
    const { url } = await server((_request, response) => {
      stop.abort();
      response.writeHead(503).end();
    });
    const effect = httpEffect({ url: { text: url } });
    expect(await faultOf(hooks.effect(effect, EMERGENCY, stop.signal))).toMatchObject({
      code: 'interrupted',
    });
    expect(requests.length).toBe(1);
  });
});
