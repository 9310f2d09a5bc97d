import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a request is answered; `hang`: not at all, `cut`: the connection is dropped. */
export type Answering =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'hang'
  | 'cut';

export interface ReceiverServer {
  readonly url: string;
  readonly received: Received[];
  /** Frees its port; requests that hang are dropped. */
  readonly close: () => Promise<void>;
}

/** Somebody who is told, on loopback; gone after the test. Answers 200 unless said. */
export async function startReceiver(
  answer: (request: Received, count: number) => Answering = () => ({ status: 200, body: 'ok' }),
): Promise<ReceiverServer> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const got = { method, path, headers, body };
      received.push(got);
      const how = answer(got, received.length);
      if (how === 'cut') request.socket.destroy();
      else if (how !== 'hang') response.writeHead(how.status, how.headers).end(how.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, close };
}

/** An address at which nobody listens. */
export async function nowhere(): Promise<string> {
  const { url, close } = await startReceiver();
  await close();
  return url;
}
