import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { MASKS } from '../../src/model/guard.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import { renderFault } from '../../src/report/fault-text.ts';
import { makePaint } from '../../src/report/paint.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import { makeCanary } from '../support/canary.ts';
import { ENCODINGS } from '../support/encodings.ts';
import { faultOf } from '../support/hook-context.ts';
import { STACK, VAULT } from '../support/world.ts';

/* Servers that answer a write with an error which quotes the value, in one encoding after the other. */

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'keyturn-quoted-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

/** All that a person or a file can be shown of a fault, traces included. */
const shown = (fault: Error): string =>
  [
    JSON.stringify(fault),
    inspect(fault, { depth: 9 }),
    renderFault(JSON.parse(JSON.stringify(fault)) as never, { paint: makePaint(true), width: 80 }),
  ].join('\n');

it('an engine that quotes the value in its error is told without it, whatever the encoding', async () => {
  const canary = makeCanary();
  const value = new SecretValue(canary.value('a "quoted" <value>\n'));
  let quotes = '';
  const server = await startSwarm({
    name: 'test',
    directory: null,
    listen: { socketPath: join(folder(), 'engine.sock') },
    intercept: ({ operation, carryOut }) =>
      Promise.resolve(
        operation === 'SecretCreate'
          ? { status: 400, body: { message: `invalid data ${quotes} here` } }
          : carryOut(),
      ),
  });
  onTestFinished(() => server.close());
  const swarm = connectSwarm({ name: 'test', endpoint: server.endpoint, environment: {}, stack: STACK });
  onTestFinished(() => swarm.close());
  for (const [name, encode] of Object.entries(ENCODINGS)) {
    for (const { whole } of encode(value.reveal(), '', '')) {
      quotes = whole;
      const fault = await faultOf(swarm.stage({ name: 'key_v1', labels: {} }, value));
      expect(canary.foundIn(shown(fault)), name).toEqual([]);
      expect(fault.message, name).toContain(MASKS.value);
    }
  }
});

it('a vault that quotes the value in its error is told without it, whatever the encoding', async () => {
  const canary = makeCanary();
  const value = new SecretValue(canary.value('another'));
  let quotes = '';
  const server = await startVault({
    name: VAULT,
    directory: folder(),
    intercept: ({ method, carryOut }) =>
      Promise.resolve(
        method === 'PUT'
          ? { status: 403, body: { error: { code: 'Forbidden', message: `no: ${quotes}` } } }
          : carryOut(),
      ),
  });
  onTestFinished(() => server.close());
  const vault = connectKeyVault({
    name: VAULT,
    uri: server.url,
    auth: 'cli',
    tenantId: null,
    sandboxToken: 'applier',
    pace: { backoffMs: 1, lateMs: 100 },
  });
  for (const [name, encode] of Object.entries(ENCODINGS)) {
    for (const { whole } of encode(value.reveal(), '', '')) {
      quotes = whole;
      const as = { operation: `op-${name.length}`, ordinal: 1, stack: STACK, contentType: null, tags: {} };
      expect(canary.foundIn(shown(await faultOf(vault.write('key', value, as)))), name).toEqual([]);
    }
  }
});
