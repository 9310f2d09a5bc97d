import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../model/fault.ts';
import type { Intercept } from './intercept.ts';
import { FaultRules, parseFaultRules } from './vault-faults.ts';
import type { FaultRule, VaultOperation } from './vault-faults.ts';
import type { StoredSecret } from './vault-file.ts';
import type { VaultLimits } from './vault-limits.ts';
import { Throttle } from './vault-limits.ts';
import { VaultStore } from './vault-store.ts';
import { NEEDS, badParameter, challenge, challengeHeader, forbidden, parseWritten } from './vault-wire.ts';
import { refusal, routeOf, throttled, versionProblem } from './vault-wire.ts';
import type { Answer, Route, VaultRight } from './vault-wire.ts';

export interface VaultOptions {
  readonly name: string;
  /** Where contents and request log are kept; null: in memory only. */
  readonly directory: string | null;
  /** Added to each answer. */
  readonly latencyMs?: number;
  /** How long a delete, and a recover, is under way; 4 s unless said, as measured on the wire. */
  readonly deleteDelayMs?: number;
  /** 0 unless said: any free one. */
  readonly port?: number;
  readonly clock?: () => number;
  readonly log?: (request: LoggedRequest) => void;
  readonly faults?: readonly FaultRule[];
  /** Rights of a token; one that is not listed may do all. `SANDBOX_TOKENS` unless said. */
  readonly tokens?: Readonly<Record<string, readonly VaultRight[]>>;
  readonly tenantId?: string;
  /** Throttles as Key Vault does: 429 without Retry-After beyond so many requests. Absent: never by itself. */
  readonly limits?: VaultLimits;
  /** Decides about every request that carries a token, in the place of fault rules. */
  readonly intercept?: Intercept<VaultOperation, Answer>;
}

/** Two identities as keyturn declares them: the planner reads metadata, the applier reads and writes values. */
export const SANDBOX_TOKENS: Readonly<Record<string, readonly VaultRight[]>> = {
  planner: ['list'],
  applier: ['list', 'get', 'set'],
};

/** One request, as it was answered. It never holds a value, nor a token that is not one of the known names. */
export interface LoggedRequest {
  /** Counts arrivals from 1; the log is in the order of the answers. */
  readonly sequence: number;
  readonly at: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly operation: VaultOperation | null;
  readonly secret: string | null;
  /** The version that was asked for, or made. */
  readonly version: string | null;
  /** Null: no answer was given. */
  readonly status: number | null;
  /** The token where it is a known name, `other` where not, null where there was none. */
  readonly tokenName: string | null;
  readonly hadBody: boolean;
  readonly fault: FaultRule['action'] | null;
}

export interface RunningVault {
  readonly url: string;
  readonly name: string;
  readonly requests: readonly LoggedRequest[];
  fault(rule: FaultRule): void;
  clearFaults(): void;
  /** What whoever owns the vault would see: every version with its value, in the order of writing. */
  contents(): readonly StoredSecret[];
  /** Ends hanging requests and open connections; what was answered is on disk. Twice equals once. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;
const SANDBOX_TENANT = '00000000-0000-0000-0000-000000000000';
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?$/;

/**
 * Serves one Key Vault on 127.0.0.1 over plain HTTP, for the real SDK and for tests. docs/SANDBOX-VAULT.md is
 * its contract. It guards nothing: whoever is on this machine may read it, so no real secret belongs into it.
 *
 * Throws a Fault where the directory holds something else or the port is taken. Only one server at a time may
 * use a directory.
 */
export async function startVault(options: VaultOptions): Promise<RunningVault> {
  const vault = new EmbeddedVault(options);
  const server = createServer((request, response) => void vault.receive(request, response));
  // Longer than clients keep idle connections, so that no request meets a socket that is just closing.
  server.keepAliveTimeout = 65_000;
  const url = `http://127.0.0.1:${await listen(server, options.port ?? 0)}`;
  return {
    url,
    name: options.name,
    requests: vault.requests,
    fault: (rule) => vault.rules.add(rule),
    clearFaults: () => vault.rules.clear(),
    contents: () => vault.contents(),
    close: () => {
      vault.stop();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      return closed;
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.name;
      reject(
        new Fault({
          code: 'bad-usage',
          what: `the embedded vault cannot listen on port ${port} (${code})`,
          where: `127.0.0.1:${port}`,
          next: 'choose another port, or 0 for any free one',
        }),
      );
    });
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** A request on its way: what is known of it before it is answered. */
interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly sequence: number;
  readonly url: URL;
  readonly body: string;
  readonly base: string;
  readonly token: string | null;
}

class EmbeddedVault {
  readonly rules = new FaultRules();
  readonly requests: LoggedRequest[] = [];
  readonly #options: VaultOptions;
  readonly #store: VaultStore;
  readonly #clock: () => number;
  readonly #throttle: Throttle | null;
  readonly #stopped = new AbortController();
  #sequence = 0;

  constructor(options: VaultOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#store = new VaultStore({
      name: options.name,
      directory: options.directory,
      clock: this.#clock,
      deleteDelayMs: options.deleteDelayMs ?? 4000,
    });
    this.#throttle = options.limits === undefined ? null : new Throttle(options.limits);
    for (const rule of options.faults ?? []) this.rules.add(rule);
    // Each request that waits listens to it.
    setMaxListeners(0, this.#stopped.signal);
  }

  stop(): void {
    this.#stopped.abort();
  }

  contents(): readonly StoredSecret[] {
    return this.#store.contents();
  }

  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#sequence += 1;
    const sequence = this.#sequence;
    try {
      const body = await readBody(request);
      const host = request.headers.host ?? '';
      const base = `http://${host}`;
      // A page in a browser can point its own host name at 127.0.0.1; it cannot choose this header.
      if (!LOOPBACK.test(host)) return send(request, response, badParameter('not a loopback host'));
      const url = new URL(request.url ?? '/', base);
      const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
      const call: Call = { request, response, sequence, url, body: body ?? '', base, token };
      if (url.pathname.startsWith('/_keyturn/')) return send(request, response, this.#control(call));
      if (body === null) return send(request, response, badParameter('the body is too large'));
      await this.#serve(call);
    } catch {
      response.destroy();
    }
  }

  async #serve(call: Call): Promise<void> {
    if (this.#options.latencyMs !== undefined) await this.#wait(this.#options.latencyMs);
    const route = routeOf(call.request.method ?? '', call.url.pathname);
    if (call.token === null) return this.#answer(call, route, challenge(this.#tenant), null);
    if (route === null) {
      return this.#answer(call, route, refusal(404, 'NotFound', 'no such operation'), null);
    }
    if ('status' in route) return this.#answer(call, null, route, null);
    if (this.#throttle?.refuses(route.operation, this.#clock()) === true)
      return this.#answer(call, route, throttled(), null);
    const { intercept } = this.#options;
    if (intercept !== undefined) return this.#hand(intercept, call, route);
    const rule = this.rules.take(route.operation, route.secret);
    if (rule === null) return this.#answer(call, route, this.#decide(call, route), null);
    await this.#spoil(call, route, rule);
  }

  async #spoil(call: Call, route: Route, rule: FaultRule): Promise<void> {
    switch (rule.action) {
      case 'delay':
        await this.#wait(rule.ms);
        return this.#answer(call, route, this.#decide(call, route), rule);
      case 'throttle':
        return this.#answer(call, route, throttled(), rule);
      case 'fail': {
        const done = rule.done === true ? this.#decide(call, route) : null;
        const body = refusal(
          rule.status,
          rule.code ?? 'InternalError',
          rule.message ?? 'told to fail',
          rule.inner,
        );
        const headers = { ...(rule.status === 401 ? challengeHeader(this.#tenant) : {}), ...rule.headers };
        const version = done?.version === undefined ? {} : { version: done.version };
        return this.#answer(call, route, { ...body, headers, ...version }, rule);
      }
      case 'drop-before':
        this.#log(call, route, { status: null }, rule);
        call.request.socket.destroy();
        return;
      case 'drop-after':
        this.#log(call, route, { version: this.#decide(call, route).version, status: null }, rule);
        call.request.socket.destroy();
        return;
      case 'hang':
        this.#log(call, route, { status: null }, rule);
        return;
    }
  }

  async #hand(intercept: Intercept<VaultOperation, Answer>, call: Call, route: Route): Promise<void> {
    const { method = '', headers } = call.request;
    const { operation } = route;
    const carryOut = (): Answer => this.#decide(call, route);
    const path = call.url.pathname + call.url.search;
    const answer = await intercept({ method, path, operation, headers, body: call.body, carryOut });
    if (answer !== null) return this.#answer(call, route, answer, null);
    this.#log(call, route, { status: null }, null);
    call.request.socket.destroy();
  }

  /** Carries the request out. */
  #decide(call: Call, route: Route): Answer {
    const rights = new Map(Object.entries(this.#tokens)).get(call.token ?? '');
    if (rights !== undefined && !rights.includes(NEEDS[route.operation].right)) {
      return forbidden(this.#options.name, this.#tenant, route);
    }
    const query = call.url.searchParams;
    const { operation, version } = route;
    const problem = versionProblem(query);
    if (problem !== null) return problem;
    if (operation === 'SecretList') return this.#store.list(call.base, query);
    if (operation === 'SecretListDeleted') return this.#store.listDeleted(call.base, query);
    const secret = route.secret ?? '';
    switch (operation) {
      case 'SecretGet':
        return this.#store.get(secret, version, call.base);
      case 'SecretSet': {
        const written = parseWritten(call.body, true);
        return 'status' in written ? written : this.#store.set(secret, written, call.base);
      }
      case 'SecretUpdate': {
        const written = parseWritten(call.body, false);
        return 'status' in written ? written : this.#store.update(secret, version, written, call.base);
      }
      case 'SecretListVersions':
        return this.#store.listVersions(secret, call.base, query);
      case 'SecretDelete':
        return this.#store.delete(secret, call.base);
      case 'SecretGetDeleted':
        return this.#store.getDeleted(secret, call.base);
      case 'SecretRecover':
        return this.#store.recover(secret, call.base);
      case 'SecretPurge':
        break;
    }
    return this.#store.purge(secret);
  }

  /** `/_keyturn/faults` and `/_keyturn/requests`: no part of Key Vault, for tests in another process. */
  #control(call: Call): Answer {
    const { method } = call.request;
    const what = `${method} ${call.url.pathname}`;
    if (what === 'GET /_keyturn/requests') return { status: 200, body: { requests: this.requests } };
    if (what === 'DELETE /_keyturn/faults') {
      this.rules.clear();
      return { status: 204, body: null };
    }
    if (what !== 'POST /_keyturn/faults') return refusal(404, 'NotFound', 'no such control path');
    // A form in a browser can post to loopback, but not with this type.
    if (!(call.request.headers['content-type'] ?? '').startsWith('application/json')) {
      return refusal(415, 'BadParameter', 'send application/json');
    }
    try {
      for (const rule of parseFaultRules(JSON.parse(call.body))) this.rules.add(rule);
      return { status: 204, body: null };
    } catch (thrown) {
      return badParameter(thrown instanceof Fault ? thrown.message : 'not JSON');
    }
  }

  #answer(call: Call, route: Route | Answer | null, answer: Answer, rule: FaultRule | null): void {
    this.#log(call, route !== null && 'operation' in route ? route : null, answer, rule);
    send(call.request, call.response, answer);
  }

  #log(
    call: Call,
    route: Route | null,
    answer: { readonly status: number | null; readonly version?: string | undefined },
    rule: FaultRule | null,
  ): void {
    const entry: LoggedRequest = {
      sequence: call.sequence,
      at: new Date(this.#clock()).toISOString(),
      method: call.request.method ?? '',
      path: call.url.pathname,
      operation: route?.operation ?? null,
      secret: route?.secret ?? null,
      version: route?.version ?? answer.version ?? null,
      status: answer.status,
      tokenName: this.#tokenName(call.token),
      hadBody: call.body !== '',
      fault: rule?.action ?? null,
    };
    this.requests.push(entry);
    const { directory, log } = this.#options;
    if (directory !== null) {
      appendFileSync(join(directory, 'requests.jsonl'), `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    }
    log?.(entry);
  }

  /** A token that is no known name may be a real one of somebody's tenant. */
  #tokenName(token: string | null): string | null {
    if (token === null) return null;
    return Object.hasOwn(this.#tokens, token) ? token : 'other';
  }

  get #tokens(): Readonly<Record<string, readonly VaultRight[]>> {
    return this.#options.tokens ?? SANDBOX_TOKENS;
  }

  get #tenant(): string {
    return this.#options.tenantId ?? SANDBOX_TENANT;
  }

  /** Rejects when the server stops: what still waits is then not done. */
  #wait(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#stopped.signal });
  }
}

/** The body as text; null where it is over the limit. Always read to its end, so that the answer arrives. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? null : Buffer.concat(chunks).toString('utf8');
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const asked = request.headers['x-ms-client-request-id'];
  response.writeHead(answer.status, {
    'Cache-Control': 'no-cache',
    'x-ms-keyvault-region': 'sandbox',
    'x-ms-keyvault-service-version': '0.0.0.0',
    'x-ms-request-id': randomUUID(),
    ...(typeof asked === 'string' ? { 'x-ms-client-request-id': asked } : {}),
    ...(answer.body === null ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
    ...answer.headers,
  });
  response.end(answer.body === null ? undefined : JSON.stringify(answer.body));
}
