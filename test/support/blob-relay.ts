import type {
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  Server,
  ServerResponse,
} from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is done to one request on its way: nothing, or one of the ways in which a network or a service fails. */
export type Mishap =
  | 'none'
  /** The connection breaks before the service has seen the request. */
  | 'dropped-before'
  /** The service does it, and its answer never arrives. */
  | 'dropped-after'
  /** The service does it and never says so. */
  | 'hung-after'
  /** The service does it and then says that it failed. */
  | 'failed-after'
  /** Something in between sends it twice, and the second answer arrives. */
  | 'sent-twice'
  /** The connection breaks, and the service sees the request when it is sent again: before that second copy, or behind it. */
  | 'late-before'
  | 'late-behind'
  | { readonly status: number; readonly code: string };

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** Stands between a client and Azurite. */
export interface Relay {
  readonly url: string;
  /** Every request so far. */
  readonly asked: Asked[];
  /** Asked before each request is passed on. */
  mishap: (asked: Asked) => Mishap;
  /** What becomes of the headers of an answer. */
  answered: (headers: OutgoingHttpHeaders) => OutgoingHttpHeaders;
  close(): Promise<void>;
}

export async function startRelay(target: string): Promise<Relay> {
  const asked: Asked[] = [];
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const relay: Relay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    mishap: () => 'none',
    answered: (headers) => headers,
    close: () => close(server),
  };
  const late = new Map<string, Late>();
  server.on('request', (incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming;
    const one = { method, path, headers };
    asked.push(one);
    void passOn(incoming, outgoing, { target, late, mishap: relay.mishap(one), answered: relay.answered });
  });
  return relay;
}

/** A request that the service has not seen yet. */
interface Late {
  readonly isBehind: boolean;
  readonly arrive: () => Promise<unknown>;
}

interface Passage extends Pick<Relay, 'answered'> {
  readonly target: string;
  readonly mishap: Mishap;
  /** What waits for its second copy, by method and path. */
  readonly late: Map<string, Late>;
}

async function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { target, mishap, late, answered }: Passage,
): Promise<void> {
  const body = await bytesOf(incoming);
  if (mishap === 'dropped-before') return void incoming.socket.destroy();
  if (typeof mishap === 'object') return refuse(outgoing, mishap);
  const copy = `${incoming.method} ${incoming.url}`;
  if (mishap === 'late-before' || mishap === 'late-behind') {
    incoming.socket.destroy();
    late.set(copy, { isBehind: mishap === 'late-behind', arrive: () => ask(incoming, target, body) });
    return;
  }
  const first = late.get(copy);
  late.delete(copy);
  if (mishap === 'sent-twice') await ask(incoming, target, body);
  if (first?.isBehind === false) await first.arrive();
  const { status, headers, bytes } = await ask(incoming, target, body);
  if (first?.isBehind === true) await first.arrive();
  switch (mishap) {
    case 'dropped-after':
      return void incoming.socket.destroy();
    case 'hung-after':
      return;
    case 'failed-after':
      return refuse(outgoing, { status: 500, code: 'InternalError' });
    case 'sent-twice':
    case 'none':
      outgoing.writeHead(status, answered(headers));
      outgoing.end(bytes);
  }
}

async function ask(incoming: IncomingMessage, target: string, body: Buffer) {
  const { hostname, port } = new URL(target);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { method, url: path, headers } = incoming;
    request({ host: hostname, port, method, path, headers }, resolve).once('error', reject).end(body);
  });
  const { 'transfer-encoding': _chunked, ...headers } = answer.headers;
  return { status: answer.statusCode ?? 0, headers, bytes: await bytesOf(answer) };
}

function refuse(outgoing: ServerResponse, { status, code }: { status: number; code: string }): void {
  outgoing.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code });
  outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>quotes a request</Message></Error>`);
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => void server.close(() => resolve()));
}
