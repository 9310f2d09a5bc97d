import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A socket in front of an engine that passes everything on. What somebody else does at a certain moment of an
 * apply happens here at just that moment, whatever the machine's load.
 */
export interface Gate {
  readonly endpoint: string;
  /** Runs `act` once: before the first such request is passed on. */
  before(request: Passing, act: () => Promise<unknown>): void;
  /** Runs `act` once: when the engine has answered the first such request, before the answer is handed on. */
  after(request: Passing, act: () => Promise<unknown>): void;
  /** Throws what an act threw, or where one of them has not had its moment. */
  assertPassed(): void;
  close(): Promise<void>;
}

/** `POST /services/…/update`: the path without a version, matched from its beginning to its end. */
export type Passing = RegExp;

export const FLIP: Passing = /^POST \/services\/[^/]+\/update$/;
/** Part of each look that verification takes. */
export const LOOK: Passing = /^GET \/tasks$/;

interface Hook {
  readonly when: 'before' | 'after';
  readonly request: Passing;
  readonly act: () => Promise<unknown>;
}

/** Stands in front of the engine at this `unix://` address until it is closed. */
export async function openGate(endpoint: string): Promise<Gate> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-gate-'));
  const socketPath = join(folder, 'engine.sock');
  const engine = endpoint.slice('unix://'.length);
  const hooks: Hook[] = [];
  const thrown: unknown[] = [];

  const meet = async (when: Hook['when'], call: string): Promise<void> => {
    const at = hooks.findIndex((hook) => hook.when === when && hook.request.test(call));
    const [hook] = at < 0 ? [] : hooks.splice(at, 1);
    await hook?.act().catch((error: unknown) => thrown.push(error));
  };
  const server = createServer((asked, answer) => {
    const path = (asked.url ?? '').replace(/^\/v[0-9.]+/, '').replace(/\?.*$/s, '');
    const call = `${asked.method ?? ''} ${path}`;
    void passOn(engine, asked, answer, (when) => meet(when, call));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    endpoint: `unix://${socketPath}`,
    before: (passing, act) => hooks.push({ when: 'before', request: passing, act }),
    after: (passing, act) => hooks.push({ when: 'after', request: passing, act }),
    assertPassed: () => {
      if (thrown.length > 0) throw thrown[0];
      if (hooks.length > 0) throw new Error(`no request came by for ${String(hooks[0]?.request)}`);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One request and its answer; where the engine breaks off, so do we. */
async function passOn(
  engine: string,
  asked: IncomingMessage,
  answer: ServerResponse,
  meet: (when: Hook['when']) => Promise<void>,
): Promise<void> {
  try {
    await meet('before');
    const answered = await new Promise<IncomingMessage>((resolve, reject) => {
      const { method, url, headers } = asked;
      const call = request({ socketPath: engine, method, path: url, headers }, resolve);
      call.on('error', reject);
      asked.pipe(call);
    });
    await meet('after');
    answer.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.on('error', () => answer.destroy());
    answered.pipe(answer);
  } catch {
    answer.destroy();
  }
}
