import { once } from 'node:events';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { RefusalProbe } from '../../src/model/declared.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectHooks } from '../../src/providers/hooks.ts';
import { makeCanary } from '../support/canary.ts';
import { CONTEXT, faultOf } from '../support/hook-context.ts';
import type { Listener } from '../support/listeners.ts';
import { deadPort, listenTcp } from '../support/listeners.ts';

const canary = makeCanary();
const OLD = canary.value('old');
const NEW = canary.value('new');
const hooks = connectHooks({ environment: {} });
const listeners: Listener[] = [];

afterEach(() => Promise.all(listeners.splice(0).map((listener) => listener.close())));

/** Answers each line as a Valkey would. */
async function valkey(answer: (line: string, socket: Socket) => void): Promise<number> {
  const listener = await listenTcp((socket) => {
    let said = '';
    socket.setEncoding('utf8').on('data', (text) => {
      said += String(text);
      if (said.endsWith('\r\n')) answer(said, socket);
    });
  });
  listeners.push(listener);
  return listener.port;
}

function probe(port: number, timeout = 'PT20S'): RefusalProbe {
  const said = { before: 'AUTH ', after: '\r\n', refused: '-WRONGPASS', accepted: '+OK' };
  return { kind: 'tcp', control: true, timeout, host: '127.0.0.1', port, ...said };
}

function prove(refusal: RefusalProbe, control: string | null = NEW, signal?: AbortSignal): Promise<string> {
  const living = control === null ? null : new SecretValue(control);
  return hooks.prove(refusal, new SecretValue(OLD), living, CONTEXT, signal);
}

describe('a negative probe over TCP', () => {
  it('shows that the old value is refused where the current one is accepted, each on its own connection', async () => {
    const lines: string[] = [];
    const port = await valkey((line, socket) => {
      lines.push(line);
      socket.write(line === `AUTH ${NEW}\r\n` ? '+OK\r\n' : '-WRONGPASS invalid password\r\n');
    });
    expect(await prove(probe(port))).toBe(
      `refused: tcp 127.0.0.1:${port} answered "-WRONGPASS"; the current value was accepted (it answered "+OK")`,
    );
    expect(lines).toEqual([`AUTH ${NEW}\r\n`, `AUTH ${OLD}\r\n`]);
  });

  it('reads on while an answer comes in pieces', async () => {
    const port = await valkey((_line, socket) => {
      socket.setNoDelay(true).write('-WRON', () => socket.write('GPASS\r\n'));
    });
    expect(await prove(probe(port), null)).toContain('answered "-WRONGPASS"');
  });

  it('is still-accepted when the old value is', async () => {
    const port = await valkey((_line, socket) => socket.write('+OK\r\n'));
    expect(await faultOf(prove(probe(port)))).toMatchObject({
      code: 'still-accepted',
      message: `v2 is still accepted: tcp 127.0.0.1:${port} answered "+OK"`,
    });
  });

  it('proves nothing with any other answer, and keeps none: it may repeat what was sent', async () => {
    const port = await valkey((line, socket) => socket.write(`-ERR unknown command ${line}`));
    const fault = await faultOf(prove(probe(port), null));
    expect(fault.code).toBe('proof-failed');
    expect(fault.message).toMatch(/answered something else$/);
    expect(canary.foundIn(inspect(fault, { depth: 9, showHidden: true }))).toEqual([]);
  });

  it('reads no more than it needs to tell', async () => {
    const port = await valkey((_line, socket) => {
      const flood = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', flood);
      flood();
    });
    expect((await faultOf(prove(probe(port), null))).message).toMatch(/answered something else$/);
  });

  it.each([
    ['the connection is closed', (socket: Socket) => socket.end(), 'closed without an answer'],
    ['it ends too soon', (socket: Socket) => socket.end('-WRONG'), 'answered something else'],
  ])('proves nothing when %s', async (_what, answer, said) => {
    const port = await valkey((_line, socket) => answer(socket));
    expect(await faultOf(prove(probe(port), null))).toMatchObject({
      code: 'proof-failed',
      message: expect.stringContaining(said) as string,
    });
  });

  it('proves nothing when nobody answers', async () => {
    expect((await faultOf(prove(probe(await deadPort()), null))).message).toContain(
      'did not answer (ECONNREFUSED)',
    );
    const port = await valkey(() => {});
    expect((await faultOf(prove(probe(port, 'PT0.1S'), null))).message).toContain('did not answer in time');
  });

  it('stops when the caller says so, and lets the connection go', async () => {
    const stop = new AbortController();
    const closed: Promise<unknown>[] = [];
    const port = await valkey((_line, socket) => {
      closed.push(once(socket, 'close'));
      stop.abort();
    });
    expect(await faultOf(prove(probe(port), NEW, stop.signal))).toMatchObject({ code: 'interrupted' });
    await Promise.all(closed);
  });
});
