import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';

export interface Listener {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** A web server on loopback. */
export function listenHttp(answer: RequestListener): Promise<Listener> {
  return listening(createHttpServer(answer));
}

/** A server for anything else on loopback. */
export function listenTcp(answer: (socket: Socket) => void): Promise<Listener> {
  return listening(createServer(answer));
}

async function listening(server: Server): Promise<Listener> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A port of this machine at which nobody listens. */
export async function deadPort(): Promise<number> {
  const listener = await listenTcp(() => {});
  await listener.close();
  return listener.port;
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}
