import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { chmodSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../model/fault.ts';
import type { Intercept } from './intercept.ts';
import { answerCall, routeOf } from './swarm-api.ts';
import type { Reply, SwarmOperation } from './swarm-api.ts';
import { Cluster } from './swarm-cluster.ts';
import { Engine } from './swarm-engine.ts';
import { SwarmFaultRules } from './swarm-faults.ts';
import type { SwarmFaultRule } from './swarm-faults.ts';
import { parseService } from './swarm-spec.ts';
import { API_VERSION, ENGINE_VERSION } from './swarm-views.ts';

export interface SwarmOptions {
  readonly name: string;
  /** Where contents are kept, values included, in a file of mode 0600; null: in memory only. */
  readonly directory: string | null;
  /** `unix:///path` or `tcp://127.0.0.1:port` as text does as well; port 0: any free one. */
  readonly listen: { readonly socketPath: string } | { readonly port: number } | string;
  /** How long a simulated task takes to start, to stop, and to its first health check. */
  readonly tempo?: { readonly startMs?: number; readonly stopMs?: number; readonly healthMs?: number };
  /** Shrinks Monitor, Delay, restart delays and grace periods of specs; 1 unless said. */
  readonly timeScale?: number;
  /** 3 unless said. A directory that holds a swarm keeps its number. */
  readonly nodes?: number;
  /** How many tasks are kept for each slot; 5 unless said. */
  readonly taskHistory?: number;
  /** Added to each answer. */
  readonly latencyMs?: number;
  readonly clock?: () => number;
  /** Decides about every request, in the place of fault rules. */
  readonly intercept?: Intercept<SwarmOperation, Reply>;
}

/** One request, as it was answered. It holds no body, so no value; that none is in a URL is for tests to show. */
export interface SwarmRequest {
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  readonly operation: SwarmOperation | null;
  /** Null: no answer was given. */
  readonly status: number | null;
}

/** A service in few words; what it leaves out is Swarm's default. */
export interface SimpleService {
  readonly name: string;
  /** 1 unless said. */
  readonly replicas?: number;
  readonly isGlobal?: boolean;
  /** `lab/app:1` unless said; an image under `missing/` cannot be pulled. */
  readonly image?: string;
  readonly secrets?: readonly { readonly target: string; readonly secretName: string }[];
  readonly order?: 'start-first' | 'stop-first';
  readonly healthCheck?: boolean;
  /** 1,000 unless said; a verification watches for two of them. */
  readonly healthIntervalMs?: number;
  readonly failureAction?: 'pause' | 'continue' | 'rollback';
  readonly monitorMs?: number;
  /** Made where they do not exist. */
  readonly networks?: readonly string[];
  readonly env?: readonly string[];
}

export interface RunningSwarm {
  readonly endpoint: string;
  readonly name: string;
  readonly requests: readonly SwarmRequest[];
  /** Returns the service's id. One that exists stays as it is. Throws where a named secret does not exist. */
  createService(service: SimpleService): string;
  /** What a manager's own store holds, values included. */
  readonly contents: Pick<Cluster, 'secrets' | 'services' | 'tasksOf'>;
  readonly nodeIds: readonly string[];
  /** A node that is down keeps its tasks as they are until it is back. */
  setNode(id: string, state: 'ready' | 'down'): void;
  fault(rule: SwarmFaultRule): void;
  clearFaults(): void;
  /** Ends hanging requests and open connections; the contents are on disk. Twice equals once. */
  close(): Promise<void>;
}

const TEMPO = { startMs: 40, stopMs: 30, healthMs: 20 };
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/**
 * Serves one Docker Swarm, for the real client and for tests: the part of the Engine API that deals with
 * secrets, services and tasks, over simulated nodes. What the tasks do follows the values they mount
 * (swarm-agent.ts). The contract suite of test/contract runs against it and against a live engine.
 *
 * Throws a Fault where the directory holds something else or the address is taken. Only one server at a time
 * may use a directory. It guards nothing, so no real secret belongs into it.
 */
export async function startSwarm(options: SwarmOptions): Promise<RunningSwarm> {
  const clock = options.clock ?? Date.now;
  const cluster = new Cluster(options.name, options.directory, options.nodes ?? 3, clock());
  const engine = new Engine(cluster, {
    pace: { ...TEMPO, ...options.tempo, timeScale: options.timeScale ?? 1 },
    historyLimit: options.taskHistory ?? 5,
    clock,
  });
  const front = new Front(engine, options);
  const server = createServer((request, response) => void front.receive(request, response));
  // Longer than clients keep idle connections, so that no request meets a socket that is just closing.
  server.keepAliveTimeout = 65_000;
  let endpoint: string;
  try {
    endpoint = await listen(server, options.listen);
  } catch (error) {
    engine.stop();
    throw error;
  }
  return {
    endpoint,
    name: options.name,
    requests: front.requests,
    contents: cluster,
    nodeIds: [...cluster.nodes.keys()],
    createService: (service) => createSimple(engine, service),
    setNode: (id, state) => engine.setNode(id, state),
    fault: (rule) => front.rules.add(rule),
    clearFaults: () => front.rules.clear(),
    close: async () => {
      front.stop();
      engine.stop();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
      if (endpoint.startsWith('unix://')) rmSync(endpoint.slice('unix://'.length), { force: true });
    },
  };
}

type Listen = { readonly socketPath: string } | { readonly port: number };

function parseListen(listen: SwarmOptions['listen']): Listen {
  if (typeof listen !== 'string') return listen;
  if (listen.startsWith('unix://')) return { socketPath: listen.slice('unix://'.length) };
  const port = /^tcp:\/\/127\.0\.0\.1:([0-9]+)$/.exec(listen)?.[1];
  if (port !== undefined) return { port: Number(port) };
  throw new Fault({
    code: 'bad-usage',
    what: `the embedded swarm cannot listen on "${listen}"`,
    next: 'give unix:///path or tcp://127.0.0.1:port',
  });
}

function listen(server: Server, wanted: SwarmOptions['listen']): Promise<string> {
  const where = parseListen(wanted);
  const text = 'port' in where ? `127.0.0.1:${where.port}` : where.socketPath;
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.name;
      reject(
        new Fault({
          code: 'bad-usage',
          what: `the embedded swarm cannot listen on ${text} (${code})`,
          where: text,
          next: 'choose another address, or port 0 for any free one',
        }),
      );
    });
    if ('port' in where) {
      server.listen(where.port, '127.0.0.1', () => {
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : where.port;
        resolve(`tcp://127.0.0.1:${port}`);
      });
      return;
    }
    server.listen(where.socketPath, () => {
      chmodSync(where.socketPath, 0o600);
      resolve(`unix://${where.socketPath}`);
    });
  });
}

function createSimple(engine: Engine, service: SimpleService): string {
  const known = engine.listServices().find(({ spec }) => spec.Name === service.name);
  if (known !== undefined) return known.id;
  const { cluster } = engine;
  const secrets = [...cluster.secrets.values()];
  const update = {
    Parallelism: 1,
    FailureAction: service.failureAction ?? 'pause',
    Order: service.order ?? 'stop-first',
    Monitor: (service.monitorMs ?? 5000) * 1e6,
  };
  const spec = parseService(
    {
      Name: service.name,
      TaskTemplate: {
        ContainerSpec: {
          Image: service.image ?? 'lab/app:1',
          ...(service.env === undefined ? {} : { Env: service.env }),
          ...(service.healthCheck === true
            ? {
                Healthcheck: {
                  Test: ['CMD', '/hc'],
                  Interval: (service.healthIntervalMs ?? 1_000) * 1e6,
                  Timeout: 1e9,
                  Retries: 2,
                },
              }
            : {}),
          Secrets: (service.secrets ?? []).map(({ target, secretName }) => ({
            File: { Name: target, UID: '0', GID: '0', Mode: 0o444 },
            SecretID: secrets.find(({ name }) => name === secretName)?.id ?? 'none',
            SecretName: secretName,
          })),
        },
        Networks: (service.networks ?? []).map((Target) => ({ Target })),
      },
      Mode: service.isGlobal === true ? { Global: {} } : { Replicated: { Replicas: service.replicas ?? 1 } },
      UpdateConfig: update,
      RollbackConfig: { ...update, FailureAction: 'pause' },
    },
    (name) =>
      (
        [...cluster.networks.values()].find((network) => network.name === name) ??
        cluster.addNetwork(name, engine.now)
      ).id,
  );
  const { id } = engine.createService(spec);
  engine.advance();
  cluster.save();
  return id;
}

/** Between the socket and the engine: versions, faults, latency, the request log. */
class Front {
  readonly rules = new SwarmFaultRules();
  readonly requests: SwarmRequest[] = [];
  readonly #engine: Engine;
  readonly #options: SwarmOptions;
  readonly #stopped = new AbortController();

  constructor(engine: Engine, options: SwarmOptions) {
    this.#engine = engine;
    this.#options = options;
    // Each request that waits listens to it.
    setMaxListeners(0, this.#stopped.signal);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const target = request.url ?? '/';
    let operation: SwarmOperation | null = null;
    let status: number | null = null;
    try {
      const body = await readBody(request);
      const url = new URL(target, 'http://engine');
      const [, version, path = url.pathname] = /^\/v([0-9.]+)(\/.*)$/.exec(url.pathname) ?? [];
      operation = routeOf(method, path)?.operation ?? null;
      const carryOut = (): Reply =>
        refuseVersion(version) ??
        answerCall(this.#engine, this.#options.name, { method, path, query: url.searchParams, body });
      const { intercept } = this.#options;
      const reply =
        intercept === undefined
          ? await this.#applyFault(this.rules.take(operation, path), carryOut)
          : await intercept({ method, path: target, operation, headers: request.headers, body, carryOut });
      if (reply === null) request.socket.destroy();
      else {
        status = reply.status;
        write(response, reply);
      }
    } catch {
      if (this.#stopped.signal.aborted) request.socket.destroy();
      else {
        status = 500;
        write(response, { status, body: { message: 'the embedded swarm failed' } });
      }
    }
    this.requests.push({ method, path: target, operation, status });
  }

  /** Null: the connection is to be closed without an answer. */
  async #applyFault(rule: SwarmFaultRule | null, carryOut: () => Reply): Promise<Reply | null> {
    const { signal } = this.#stopped;
    if ((this.#options.latencyMs ?? 0) > 0) await sleep(this.#options.latencyMs, undefined, { signal });
    if (rule === null) return carryOut();
    switch (rule.action) {
      case 'fail':
        if (rule.done === true) carryOut();
        return { status: rule.status, body: { message: rule.message } };
      case 'delay':
        await sleep(rule.ms, undefined, { signal });
        return carryOut();
      case 'drop-before':
        return null;
      case 'drop-after':
        carryOut();
        return null;
      case 'hang':
        break;
    }
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
    });
  }
}

function refuseVersion(version: string | undefined): Reply | null {
  if (version === undefined) return null;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [, newest = 0] = API_VERSION.split('.').map(Number);
  if (major === 1 && minor <= newest) return null;
  const message = `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`;
  return { status: 400, body: { message } };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function write(response: ServerResponse, reply: Reply): void {
  const { body, status } = reply;
  const isJson = body !== null && typeof body !== 'string' && !Buffer.isBuffer(body);
  const type = isJson ? 'application/json' : typeof body === 'string' ? 'text/plain; charset=utf-8' : '';
  response.writeHead(status, {
    'Api-Version': API_VERSION,
    'Server': `Docker/${ENGINE_VERSION} (linux)`,
    ...(type === '' ? {} : { 'Content-Type': type }),
  });
  response.end(isJson ? JSON.stringify(body) : (body ?? undefined));
}
