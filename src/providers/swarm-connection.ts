import { Fault } from '../model/fault.ts';
import { EngineRefusal } from './swarm-faults.ts';
import { dial } from './swarm-dial.ts';
import type { Dialled, Dockerode, SwarmEndpoint } from './swarm-dial.ts';
import type { WireNode, WireSecret, WireService, WireServiceSpec, WireTask } from './swarm-wire.ts';

type Filters = Readonly<Record<string, readonly string[]>>;

/**
 * The calls of the Docker Engine API that keyturn makes, through dockerode. Each throws an EngineRefusal or a
 * Fault; each has a deadline of its own. Connects on the first call, and on none behind `close`.
 */
export interface Engine {
  readonly endpoint: string;
  secrets(filters: Filters, signal?: AbortSignal): Promise<WireSecret[]>;
  services(filters: Filters, signal?: AbortSignal): Promise<WireService[]>;
  tasks(filters: Filters, signal?: AbortSignal): Promise<WireTask[]>;
  nodes(signal?: AbortSignal): Promise<WireNode[]>;
  /** Null where the engine is not part of a swarm, or does not say. */
  clusterId(signal?: AbortSignal): Promise<string | null>;
  service(nameOrId: string, signal?: AbortSignal): Promise<WireService>;
  updateService(id: string, version: number, spec: WireServiceSpec, signal?: AbortSignal): Promise<void>;
  createService(spec: object, signal?: AbortSignal): Promise<string>;
  removeService(id: string, signal?: AbortSignal): Promise<void>;
  serviceLog(id: string, signal?: AbortSignal): Promise<string>;
  /** `data` is the value in base64; it goes into the request's body and nowhere else. */
  createSecret(
    name: string,
    labels: Readonly<Record<string, string>>,
    data: string,
    signal?: AbortSignal,
  ): Promise<string>;
  removeSecret(id: string, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A manager without a leader holds a call for 20 s before it answers 500. */
const READ_TIMEOUT_MS = 30_000;
/** No longer than a lease's longest act: a takeover waits for that (src/record/lease.ts). */
const WRITE_TIMEOUT_MS = 30_000;

export function connectEngine(order: SwarmEndpoint): Engine {
  const endpoint = order.endpoint ?? (order.environment.DOCKER_HOST || 'unix:///var/run/docker.sock');
  let opening: Promise<Dialled> | null = null;
  let isClosed = false;

  async function open(): Promise<Dockerode> {
    refuseClosed();
    const before = opening === null ? null : await opening;
    if (before?.tunnel?.isOpen() === false) {
      await before.tunnel.close();
      opening = null;
    }
    // Who waited for the way to open may find it closed meanwhile: one that is opened then nobody would close.
    refuseClosed();
    opening ??= dial(endpoint, order);
    let dialled: Dialled;
    try {
      dialled = await opening;
    } catch (error) {
      opening = null;
      throw error;
    }
    refuseClosed();
    return dialled.docker;
  }

  function refuseClosed(): void {
    if (!isClosed) return;
    throw new Fault({
      code: 'interrupted',
      what: 'the connection to the engine was closed',
      where: endpoint,
    });
  }

  async function ask<T>(
    limit: () => number,
    signal: AbortSignal | undefined,
    send: (docker: Dockerode, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const docker = await open();
    // To open it may take long, and a signal that is aborted already tells nobody who listens later.
    signal?.throwIfAborted();
    const timeoutMs = limit();
    const stop = new AbortController();
    const abort = () => stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(abort, timeoutMs);
    try {
      // The modem never answers when a connection breaks within a response: the deadline must not depend on it.
      return await Promise.race([send(docker, stop.signal), aborted(stop.signal)]);
    } catch (error) {
      signal?.throwIfAborted();
      throw refusalOf(error, stop.signal.aborted);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** A change must end before the lease does; it is refused once that is lost. */
  const toWrite = (): number => Math.min(WRITE_TIMEOUT_MS, order.fence?.pass() ?? WRITE_TIMEOUT_MS);

  /** Once more where an idle connection was closed just as we used it. */
  async function read(
    signal: AbortSignal | undefined,
    send: (docker: Dockerode, abortSignal: AbortSignal) => Promise<unknown>,
  ): Promise<unknown> {
    try {
      return await ask(() => READ_TIMEOUT_MS, signal, send);
    } catch (error) {
      if (!(error instanceof EngineRefusal) || error.code !== 'ECONNRESET') throw error;
      return ask(() => READ_TIMEOUT_MS, signal, send);
    }
  }

  const list = async <T>(
    signal: AbortSignal | undefined,
    send: (docker: Dockerode, abortSignal: AbortSignal) => Promise<unknown>,
  ): Promise<T[]> => {
    const answer = await read(signal, send);
    if (!Array.isArray(answer)) throw new EngineRefusal(null, 'EBADANSWER', 'the engine answered no list');
    return answer as T[];
  };

  return {
    endpoint,
    secrets: (filters, signal) =>
      list(signal, (docker, abortSignal) => docker.listSecrets({ _query: { filters }, abortSignal })),
    services: (filters, signal) =>
      list(signal, (docker, abortSignal) =>
        docker.listServices({ _query: { status: true, filters }, abortSignal }),
      ),
    tasks: (filters, signal) =>
      list(signal, (docker, abortSignal) => docker.listTasks({ _query: { filters }, abortSignal })),
    nodes: (signal) => list(signal, (docker, abortSignal) => docker.listNodes({ _query: {}, abortSignal })),
    clusterId: async (signal) => {
      const answer = await read(signal, (docker, abortSignal) => docker.info({ abortSignal }));
      const info = answer as { Swarm?: { Cluster?: { ID?: string } } };
      return info.Swarm?.Cluster?.ID ?? null;
    },
    service: async (nameOrId, signal) => {
      const answer = await read(signal, (docker, abortSignal) =>
        docker.getService(encodeURIComponent(nameOrId)).inspect({ abortSignal }),
      );
      if (typeof answer !== 'object' || answer === null || !('Spec' in answer)) {
        throw new EngineRefusal(null, 'EBADANSWER', 'the engine answered no service');
      }
      return answer as WireService;
    },
    updateService: async (id, version, spec, signal) => {
      await ask(toWrite, signal, (docker, abortSignal) =>
        docker.getService(id).update({
          _query: { version, registryAuthFrom: 'spec' },
          _body: spec,
          abortSignal,
        }),
      );
    },
    createService: async (spec, signal) =>
      (
        await ask(toWrite, signal, (docker, abortSignal) =>
          docker.createService(undefined, { _query: {}, _body: spec, abortSignal }),
        )
      ).id,
    removeService: async (id, signal) => {
      await ask(toWrite, signal, (docker, abortSignal) => docker.getService(id).remove({ abortSignal }));
    },
    serviceLog: async (id, signal) => {
      const tail = { stdout: true, stderr: true, tail: 100 };
      const answer = await read(signal, (docker, abortSignal) =>
        docker.getService(id).logs({ _query: tail, abortSignal }),
      );
      return Buffer.isBuffer(answer) ? withoutFrames(answer) : '';
    },
    createSecret: async (name, labels, data, signal) =>
      (
        await ask(toWrite, signal, (docker, abortSignal) =>
          docker.createSecret({ _query: {}, _body: { Name: name, Labels: labels, Data: data }, abortSignal }),
        )
      ).id,
    removeSecret: async (id, signal) => {
      await ask(toWrite, signal, (docker, abortSignal) => docker.getSecret(id).remove({ abortSignal }));
    },
    close: async () => {
      isClosed = true;
      const before = opening;
      opening = null;
      const opened = await before?.catch(() => null);
      await opened?.tunnel?.close();
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
}

/** What the modem threw, without its request: that holds the body. */
function refusalOf(thrown: unknown, timedOut: boolean): unknown {
  if (thrown instanceof Fault || thrown instanceof EngineRefusal) return thrown;
  if (timedOut) return new EngineRefusal(null, 'TIMEOUT', 'no answer in time');
  if (!(thrown instanceof Error)) return thrown;
  const { statusCode, json, code } = thrown as {
    statusCode?: number;
    json?: { message?: string };
    code?: string;
  };
  if (statusCode !== undefined)
    return new EngineRefusal(statusCode, null, json?.message ?? `status ${statusCode}`);
  return code === undefined ? thrown : new EngineRefusal(null, code, thrown.message);
}

/** The text of a log answer: each piece stands behind a header of 8 bytes, its last four the length. */
function withoutFrames(log: Buffer): string {
  const pieces: string[] = [];
  for (let at = 0; at + 8 <= log.length;) {
    const length = log.readUInt32BE(at + 4);
    pieces.push(log.toString('utf8', at + 8, at + 8 + length));
    at += 8 + length;
  }
  return pieces.join('');
}
