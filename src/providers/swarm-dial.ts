import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import { openTunnel } from './swarm-tunnel.ts';
import type { Tunnel } from './swarm-tunnel.ts';

/** What a provider may see of the environment. */
export interface SwarmEnvironment {
  readonly DOCKER_HOST?: string | undefined;
  readonly DOCKER_CERT_PATH?: string | undefined;
  readonly DOCKER_TLS_VERIFY?: string | undefined;
  readonly HOME?: string | undefined;
  readonly PATH?: string | undefined;
  readonly SSH_AUTH_SOCK?: string | undefined;
}

export interface SwarmEndpoint {
  /** Null: DOCKER_HOST, else the local socket. */
  readonly endpoint: string | null;
  readonly environment: SwarmEnvironment;
  /** Where a forwarded socket is put; the system's temporary directory unless said. */
  readonly runDirectory?: string | undefined;
  /** No value will be sent: plain tcp:// to another machine, such as a read-only proxy, is then allowed. */
  readonly readsOnly?: boolean;
  /** Every request that changes something passes it right before it leaves. */
  readonly fence?: Fence | undefined;
}

export interface Dialled {
  readonly docker: Dockerode;
  /** Null where the engine is reached without ssh. */
  readonly tunnel: Tunnel | null;
}

/**
 * The part of dockerode in use. Everything goes in `_query` and `_body`: whatever stands beside them is put into
 * the URL as well as into the body, and URLs end in logs.
 */
export interface Dockerode {
  listSecrets(options: Call): Promise<unknown>;
  listServices(options: Call): Promise<unknown>;
  listTasks(options: Call): Promise<unknown>;
  listNodes(options: Call): Promise<unknown>;
  info(options: Call): Promise<unknown>;
  createSecret(options: Call): Promise<{ id: string }>;
  /** The first argument becomes a header; with one argument alone it would be the whole spec. */
  createService(auth: undefined, options: Call): Promise<{ id: string }>;
  getSecret(id: string): { remove(options: Call): Promise<unknown> };
  getService(id: string): {
    inspect(options: Call): Promise<unknown>;
    update(options: Call): Promise<unknown>;
    remove(options: Call): Promise<unknown>;
    logs(options: Call): Promise<unknown>;
  };
}

export interface Call {
  readonly _query?: object;
  readonly _body?: object;
  readonly abortSignal: AbortSignal;
}

/**
 * Opens the way to an engine: a local socket, TCP with or without TLS, or a forwarded socket over ssh. Whether an
 * engine answers there is seen on the first call.
 */
export async function dial(endpoint: string, order: SwarmEndpoint): Promise<Dialled> {
  const { environment, runDirectory } = order;
  if (endpoint.startsWith('ssh://')) {
    const tunnel = await openTunnel({ endpoint, environment, runDirectory });
    return { docker: await dockerode({ socketPath: tunnel.socketPath }), tunnel };
  }
  if (endpoint.startsWith('unix://')) {
    return { docker: await dockerode({ socketPath: endpoint.slice('unix://'.length) }), tunnel: null };
  }
  const address = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (address === null || !['tcp:', 'http:', 'https:'].includes(address.protocol)) {
    throw new Fault({
      code: 'bad-usage',
      what: `"${endpoint}" is no address of a docker engine`,
      next: 'write unix:///var/run/docker.sock, ssh://user@host or tcp://host:2376',
    });
  }
  const secure =
    address.protocol === 'https:' || address.port === '2376' || (environment.DOCKER_TLS_VERIFY ?? '') !== '';
  if (!secure && order.readsOnly !== true && !isLoopback(address.hostname)) throw withoutTls(endpoint);
  const port = address.port === '' ? (secure ? 2376 : 2375) : Number(address.port);
  const keys = secure ? await certificates(environment, endpoint) : {};
  const protocol = secure ? 'https' : 'http';
  return { docker: await dockerode({ host: address.hostname, port, protocol, ...keys }), tunnel: null };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Staging sends values: without TLS they would cross the network in the clear. */
function withoutTls(endpoint: string): Fault {
  return new Fault({
    code: 'platform-refused',
    what: `"${endpoint}" is neither encrypted nor on this machine, and values are sent to it`,
    where: endpoint,
    live: 'nothing was sent',
    next: 'use ssh://user@host, or tcp://host:2376 with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH',
  });
}

/** Loads what `dial` would load first. */
export async function loadDockerode(): Promise<void> {
  await import('dockerode');
}

/** Each option is named: dockerode fills in from DOCKER_HOST and its like what is left out, and that would win. */
async function dockerode(where: object): Promise<Dockerode> {
  const { default: Docker } = await import('dockerode');
  const silence = {
    host: undefined,
    port: undefined,
    protocol: 'http',
    pathPrefix: '/',
    ca: undefined,
    cert: undefined,
    key: undefined,
    timeout: undefined,
    username: undefined,
  };
  return new Docker({ ...silence, ...where } as object) as unknown as Dockerode;
}

async function certificates(environment: SwarmEnvironment, endpoint: string): Promise<object> {
  const directory = environment.DOCKER_CERT_PATH ?? join(environment.HOME ?? '/', '.docker');
  try {
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(join(directory, name))),
    );
    return { ca, cert, key };
  } catch (cause) {
    throw new Fault({
      code: 'platform-unreachable',
      what: `no client certificate for "${endpoint}" in "${directory}"`,
      next: 'put ca.pem, cert.pem and key.pem there, or name their directory in DOCKER_CERT_PATH',
      cause,
    });
  }
}
