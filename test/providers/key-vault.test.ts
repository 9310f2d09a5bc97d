import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { SecretClient } from '@azure/keyvault-secrets';
import { afterEach, describe, expect, it } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import type { Vault, WriteAs } from '../../src/model/vault.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { KeyVaultPipeline, PACE } from '../../src/providers/key-vault-pipeline.ts';
import type { KeyVaultOptions } from '../../src/providers/key-vault.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import type { LoggedRequest, RunningVault, VaultOptions } from '../../src/sandbox/vault.ts';

const CANARY = 'canary-Zb81-value';
const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

async function embedded(options: Partial<VaultOptions> = {}): Promise<RunningVault> {
  const running = await startVault({ name: 'busflow-prod', directory: null, deleteDelayMs: 0, ...options });
  ended.push(() => running.close());
  return running;
}

/** A provider that waits little; `slept` collects its waits in units of the first one. */
function connect(
  running: { readonly url: string },
  options: Partial<KeyVaultOptions> = {},
  slept: number[] = [],
): Vault {
  const pace = {
    backoffMs: 1,
    lateMs: 20,
    random: () => 0.5,
    sleep: (ms: number) => {
      slept.push(ms);
      return new Promise<void>((resolve) => {
        setTimeout(resolve, Math.min(ms, 5));
      });
    },
    ...options.pace,
  };
  const { name = 'busflow-prod', auth = 'cli', tenantId = null, sandboxToken = 'applier' } = options;
  return connectKeyVault({ uri: running.url, ...options, name, auth, tenantId, sandboxToken, pace });
}

const as = (ordinal: number, operation: string, more: Partial<WriteAs> = {}): WriteAs => ({
  ordinal,
  operation,
  stack: 'busflow',
  contentType: null,
  tags: {},
  ...more,
});

/** A server that answers whoever has signed in with this, null: never; resolves with its address. */
async function answering(body: (request: IncomingMessage, url: string) => string | null): Promise<string> {
  let url = '';
  const server = createServer((request, response) => {
    const isSignedIn = request.headers.authorization !== undefined;
    response.writeHead(isSignedIn ? 200 : 401, {
      'content-type': 'application/json',
      'www-authenticate':
        'Bearer authorization="https://login.windows.net/t", resource="https://vault.azure.net"',
    });
    const text = isSignedIn ? body(request, url) : '{}';
    if (text !== null) response.end(text);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  ended.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return url;
}

const value = () => new SecretValue(CANARY);
const sent = (running: RunningVault, operation: LoggedRequest['operation']) =>
  running.requests.filter((request) => request.operation === operation && request.tokenName !== null);

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const thrown: unknown = await promise.then(
    () => null,
    (each: unknown) => each,
  );
  if (!(thrown instanceof Fault)) throw new Error(`no fault but ${String(thrown)}`);
  expect(JSON.stringify(thrown)).not.toContain(CANARY);
  return thrown;
}

describe('what it reads', () => {
  it('writes a version with its tags and reads it back', async () => {
    const running = await embedded();
    const vault = connect(running);
    const { storeId } = await vault.write(
      'db-writer',
      value(),
      as(4, 'op-4', { tags: { team: 'a' }, contentType: 'text/plain' }),
    );
    expect((await vault.read('db-writer', storeId)).reveal()).toBe(CANARY);
    const [secret] = await vault.list();
    expect(secret).toMatchObject({
      name: 'db-writer',
      ordinal: 4,
      operation: 'op-4',
      stack: 'busflow',
      enabled: true,
    });
    expect(secret?.tags).toEqual({
      'keyturn-version': '4',
      'keyturn-op': 'op-4',
      'keyturn-stack': 'busflow',
      'team': 'a',
    });
    expect(secret?.versions).toBeNull();
    expect(await vault.versions('db-writer')).toMatchObject([{ storeId, ordinal: 4, enabled: true }]);
    expect(await vault.find('db-writer', 'op-4')).toMatchObject({ storeId });
    expect(await vault.find('db-writer', 'op-5')).toBeNull();
    expect(await vault.versions('no-such-secret')).toEqual([]);
  });

  it('tells the vault when a version expires, which keeps nobody from reading it', async () => {
    const running = await embedded();
    const vault = connect(running);
    const expires = '2027-01-05T03:00:00Z';
    const { storeId } = await vault.write('db-writer', value(), { ...as(1, 'op-1'), expires });
    const response = await fetch(`${running.url}/secrets/db-writer/versions?api-version=7.5`, {
      headers: { authorization: 'Bearer admin' },
    });
    const listed = (await response.json()) as { value: { attributes: { exp?: number } }[] };
    expect(listed.value.map(({ attributes }) => attributes.exp)).toEqual([Date.parse(expires) / 1000]);
    expect((await vault.read('db-writer', storeId)).reveal()).toBe(CANARY);
  });

  it('marks a version that someone else wrote as ours, twice equals once, and keeps its tags', async () => {
    const running = await embedded();
    const vault = connect(running);
    const put = await fetch(`${running.url}/secrets/db-writer?api-version=7.5`, {
      method: 'PUT',
      headers: { 'authorization': 'Bearer admin', 'content-type': 'application/json' },
      body: JSON.stringify({ value: CANARY, tags: { team: 'a' } }),
    });
    const { id } = (await put.json()) as { id: string };
    const storeId = id.slice(id.lastIndexOf('/') + 1);
    await vault.mark('db-writer', storeId, as(4, 'op-4', { tags: { tier: '1' } }));
    await vault.mark('db-writer', storeId, as(4, 'op-4', { tags: { tier: '1' } }));
    expect(sent(running, 'SecretUpdate')).toHaveLength(1);
    expect(await vault.versions('db-writer')).toMatchObject([
      {
        storeId,
        ordinal: 4,
        operation: 'op-4',
        stack: 'busflow',
        enabled: true,
        tags: { team: 'a', tier: '1' },
      },
    ]);
    expect((await vault.read('db-writer', storeId)).reveal()).toBe(CANARY);
  });

  it('lists 60 secrets in three requests and one challenge, with a token that may only list', async () => {
    const running = await embedded();
    const applier = connect(running);
    for (let n = 0; n < 60; n += 1) await applier.write(`s-${n}`, value(), as(1, `op-${n}`));
    const before = running.requests.length;
    const secrets = await connect(running, { sandboxToken: 'planner' }).list();
    expect(secrets).toHaveLength(60);
    const asked = running.requests.slice(before);
    expect(asked.map(({ operation, status }) => `${operation} ${status}`)).toEqual([
      'SecretList 401',
      'SecretList 200',
      'SecretList 200',
      'SecretList 200',
    ]);
  });

  it('asks for each page before the one that names it is read, and for none twice', async () => {
    const asked: (readonly [string, string | string[] | undefined])[] = [];
    const url = await answering(({ url: path = '', headers }, own) => {
      asked.push([path, headers['x-ms-client-request-id']]);
      const nextLink = asked.length < 4 ? `${own}/secrets?api-version=7.5&$skiptoken=${asked.length}` : null;
      return JSON.stringify({ value: [], nextLink });
    });
    await connect({ url }).list();
    expect(asked.slice(1).map(([path]) => path)).toEqual(
      [1, 2, 3].map((page) => `/secrets?api-version=7.5&$skiptoken=${page}`),
    );
    // What the SDK asks for has an id of its own; what is asked for ahead has that of the request before.
    expect(asked[1]?.[1]).toBe(asked[0]?.[1]);
  });

  it('gives up the page that it asked for ahead where the one before cannot be read', async () => {
    let given = 0;
    const url = await answering(({ url: path = '', socket }, own) => {
      if (!path.includes('skiptoken')) {
        const nextLink = `${own}/secrets?api-version=7.5&$skiptoken=1`;
        return JSON.stringify({ value: [{ id: 'nonsense' }], nextLink });
      }
      socket.once('close', () => (given += 1));
      return null;
    });
    await faultOf(connect({ url }).list());
    await expect.poll(() => given).toBe(1);
  });

  it('gives the same fingerprint for the same item, and another one after any change of it', async () => {
    let now = 1_800_000_000_000;
    const running = await embedded({ clock: () => now });
    const vault = connect(running);
    const fingerprint = async () => (await vault.list())[0]?.fingerprint;
    const { storeId } = await vault.write('a', value(), as(1, 'op-1'));
    const first = await fingerprint();
    expect(await fingerprint()).toBe(first);
    await vault.disable('a', storeId);
    const second = await fingerprint();
    now += 1000;
    await vault.write('a', value(), as(1, 'op-1b'));
    expect(new Set([first, second, await fingerprint()]).size).toBe(3);
  });

  it('takes no ordinal from a tag that is not exactly a number', async () => {
    const running = await embedded();
    const ordinals = [];
    for (const tag of ['7', '07', ' 7', '7.0', '1e3', '0', '-1', '']) {
      await fetch(`${running.url}/secrets/a?api-version=7.6`, {
        method: 'PUT',
        headers: { authorization: 'Bearer tests' },
        body: JSON.stringify({ value: 'v', tags: { 'keyturn-version': tag } }),
      });
      ordinals.push((await connect(running).list())[0]?.ordinal);
    }
    expect(ordinals).toEqual([7, null, null, null, null, null, null, null]);
  });

  it('reads through a 503, a dropped connection and a request that gets no answer', async () => {
    const running = await embedded();
    const slept: number[] = [];
    const vault = connect(running, { pace: { timeoutMs: 100 } }, slept);
    await vault.write('a', value(), as(1, 'op-1'));
    running.fault({ match: { operation: 'SecretList' }, action: 'fail', status: 503 });
    running.fault({ match: { operation: 'SecretList', nth: 2 }, action: 'drop-before' });
    running.fault({ match: { operation: 'SecretList', nth: 3 }, action: 'hang' });
    expect(await vault.list()).toHaveLength(1);
    expect(slept.slice(-3)).toEqual([1, 2, 4]);
    running.fault({ match: { operation: 'SecretList' }, action: 'fail', status: 503, times: 'always' });
    expect(await faultOf(vault.list())).toMatchObject({
      code: 'vault-unreachable',
      where: 'vault://busflow-prod',
    });
  });

  it('retries the page that failed, not the list', async () => {
    const running = await embedded();
    const vault = connect(running);
    for (let n = 0; n < 30; n += 1) await vault.write(`s-${n}`, value(), as(1, `op-${n}`));
    const before = sent(running, 'SecretList').length;
    running.fault({ match: { operation: 'SecretList', nth: 2 }, action: 'drop-before' });
    expect(await vault.list()).toHaveLength(30);
    expect(sent(running, 'SecretList')).toHaveLength(before + 3);
  });
});

describe('what it writes', () => {
  it.each([
    ['the connection drops after the vault did it', { action: 'drop-after' }],
    ['the vault answers 503 although it did it', { action: 'fail', status: 503, done: true }],
    ['the connection drops before the vault did it', { action: 'drop-before' }],
    ['the vault answers 500 and did not do it', { action: 'fail', status: 500 }],
    ['the vault never answers', { action: 'hang' }],
    ['the write arrives after the client gave up', { action: 'delay', ms: 300 }],
  ] as const)('leaves exactly one version when %s', async (_case, fault) => {
    const running = await embedded();
    const vault = connect(running, {
      pace: {
        timeoutMs: 100,
        lateMs: 1000,
        sleep: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
      },
    });
    running.fault({ match: { operation: 'SecretSet' }, ...fault });
    const { storeId } = await vault.write('a', value(), as(1, 'op-1'));
    expect((await vault.versions('a')).map((version) => version.storeId)).toEqual([storeId]);
  });

  it('says of a version that it found that an earlier try may have made it', async () => {
    const running = await embedded();
    const vault = connect(running, { pace: { backoffMs: 1, lateMs: 50 } });
    const written = await vault.write('a', value(), as(1, 'op-1'));
    expect(written.isFound).toBe(false);
    expect(await vault.write('a', value(), as(1, 'op-1'))).toEqual({ ...written, isFound: true });
    running.fault({ match: { operation: 'SecretSet' }, action: 'drop-after' });
    expect(await vault.write('a', value(), as(2, 'op-2'))).toMatchObject({ isFound: true });
    running.fault({ match: { operation: 'SecretSet' }, action: 'drop-before' });
    expect(await vault.write('a', value(), as(3, 'op-3'))).toMatchObject({ isFound: false });
  });

  it.each([3_600_000, -3_600_000])(
    'waits as long for a late write when the clock jumps by %d ms',
    async (jump) => {
      const running = await embedded();
      let now = Date.now();
      const waits: number[] = [];
      const vault = connect(running, {
        pace: {
          timeoutMs: 100,
          lateMs: 1000,
          now: () => (now += jump),
          sleep: (ms) => {
            waits.push(ms);
            return new Promise((resolve) => void setTimeout(resolve, Math.min(ms, 1000)));
          },
        },
      });
      running.fault({ match: { operation: 'SecretSet' }, action: 'delay', ms: 300 });
      const { storeId } = await vault.write('a', value(), as(1, 'op-1'));
      // What was sent before this has arrived when it is answered.
      running.fault({ match: { operation: 'SecretListVersions', secret: 'b' }, action: 'delay', ms: 400 });
      await connect(running, { pace: { timeoutMs: 60_000 } }).versions('b');
      expect(await vault.arrival('a', 'op-2')).toBeNull();
      expect((await vault.versions('a')).map((version) => version.storeId)).toEqual([storeId]);
      expect(Math.max(...waits)).toBeLessThanOrEqual(1000);
    },
  );

  it('says what may still arrive when every answer was lost', async () => {
    const running = await embedded();
    const vault = connect(running, { pace: { lateMs: 0 } });
    running.fault({ match: { operation: 'SecretSet' }, action: 'drop-before', times: 'always' });
    const fault = await faultOf(vault.write('a', value(), as(1, 'op-1')));
    expect(fault).toMatchObject({ code: 'vault-unreachable', where: 'vault://busflow-prod/a' });
    expect(fault.live).toContain('"op-1"');
    expect(sent(running, 'SecretSet')).toHaveLength(3);
  });

  it('finds what an earlier run wrote under the same operation instead of writing it again', async () => {
    const running = await embedded();
    const first = await connect(running).write('a', value(), as(1, 'op-1'));
    const again = await connect(running).write('a', value(), as(1, 'op-1'));
    expect(again).toEqual({ ...first, isFound: true });
    expect(sent(running, 'SecretSet')).toHaveLength(1);
  });

  it('never sends a body without a token, also when ten writes start together on a cold client', async () => {
    const running = await embedded();
    const vault = connect(running);
    await Promise.all(Array.from({ length: 10 }, (_, n) => vault.write(`s-${n}`, value(), as(1, `op-${n}`))));
    expect(running.requests.filter(({ tokenName, hadBody }) => hadBody && tokenName === null)).toEqual([]);
    expect(sent(running, 'SecretSet')).toHaveLength(10);
  });

  it('never sends a body without a token after the first read of the client failed', async () => {
    const running = await embedded();
    const vault = connect(running);
    running.fault({ match: { operation: 'SecretListVersions' }, action: 'fail', status: 400 });
    await faultOf(vault.write('a', value(), as(1, 'op-1')));
    await Promise.all(['a', 'b', 'c'].map((name) => vault.write(name, value(), as(1, 'op-1'))));
    expect(running.requests.filter(({ tokenName, hadBody }) => hadBody && tokenName === null)).toEqual([]);
  });

  it('stops a body that is about to leave without a token, whoever sent it', async () => {
    const running = await embedded();
    const { policy } = new KeyVaultPipeline(new URL(running.url).host, PACE);
    const token = { token: 'applier', expiresOnTimestamp: Date.now() + 3_600_000 };
    const client = new SecretClient(
      running.url,
      { getToken: () => Promise.resolve(token) },
      {
        allowInsecureConnection: true,
        disableChallengeResourceVerification: true,
        additionalPolicies: [{ policy, position: 'perRetry' }],
      },
    );
    const cold = await Promise.allSettled(['a', 'b', 'c'].map((name) => client.setSecret(name, CANARY)));
    expect(cold.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(running.requests.filter(({ tokenName, hadBody }) => hadBody && tokenName === null)).toEqual([]);
  });

  it('waits longer and longer through a throttle storm, and writes once', async () => {
    const running = await embedded();
    const slept: number[] = [];
    const vault = connect(running, {}, slept);
    await vault.list();
    running.fault({ match: { operation: 'SecretSet' }, action: 'throttle', times: 5 });
    await vault.write('a', value(), as(1, 'op-1'));
    expect(slept).toEqual([1, 2, 4, 8, 16]);
    expect(await vault.versions('a')).toHaveLength(1);
    running.fault({ match: { operation: 'SecretList' }, action: 'throttle', times: 'always' });
    expect(await faultOf(vault.list())).toMatchObject({ code: 'vault-unreachable' });
  });

  it('waits as long as Retry-After says where there is one', async () => {
    const running = await embedded();
    const slept: number[] = [];
    const vault = connect(running, {}, slept);
    const headers = { 'retry-after': '7' };
    running.fault({ match: { operation: 'SecretList' }, action: 'fail', status: 429, headers });
    await vault.list();
    expect(slept).toEqual([7000]);
  });

  it('refuses what the vault would refuse before it sends anything', async () => {
    const running = await embedded();
    const vault = connect(running);
    const write = (text: string, name = 'a', more: Partial<WriteAs> = {}) =>
      faultOf(vault.write(name, new SecretValue(text), as(1, 'op-1', more)));
    expect(await write('')).toMatchObject({ code: 'value-refused', message: 'the value is empty' });
    expect(await write('é'.repeat(12_801))).toMatchObject({ code: 'value-refused' });
    const tags = Object.fromEntries(Array.from({ length: 13 }, (_, n) => [`t${n}`, 'x']));
    expect(await write('v', 'a', { tags })).toMatchObject({ code: 'bad-declaration' });
    expect(await write('v', 'a', { tags: { 'keyturn-op': 'x' } })).toMatchObject({ code: 'bad-declaration' });
    expect((await write('v', 'under_score', { contentType: 'c'.repeat(256) })).problems).toHaveLength(2);
    expect(running.requests).toEqual([]);
  });
});

describe('what it disables', () => {
  it('confirms by listing, and twice equals once', async () => {
    const running = await embedded();
    const vault = connect(running);
    const { storeId } = await vault.write('a', value(), as(1, 'op-1'));
    await vault.disable('a', storeId);
    await vault.disable('a', storeId);
    expect(await vault.versions('a')).toMatchObject([
      { storeId, enabled: false, ordinal: 1, operation: 'op-1' },
    ]);
    expect(sent(running, 'SecretUpdate')).toHaveLength(1);
    expect(sent(running, 'SecretGet')).toEqual([]);
    expect(await faultOf(vault.read('a', storeId))).toMatchObject({ code: 'vault-conflict' });
  });

  it.each([
    ['the answer is lost', { action: 'drop-after' }, 1],
    ['the vault fails first', { action: 'fail', status: 503 }, 2],
  ] as const)('ends disabled although %s', async (_case, fault, requests) => {
    const running = await embedded();
    const vault = connect(running);
    const { storeId } = await vault.write('a', value(), as(1, 'op-1'));
    running.fault({ match: { operation: 'SecretUpdate' }, ...fault });
    await vault.disable('a', storeId);
    expect(await vault.versions('a')).toMatchObject([{ enabled: false }]);
    expect(sent(running, 'SecretUpdate')).toHaveLength(requests);
  });

  it('gives up with what is live when the vault keeps failing', async () => {
    const running = await embedded();
    const vault = connect(running);
    const { storeId } = await vault.write('a', value(), as(1, 'op-1'));
    running.fault({ match: { operation: 'SecretUpdate' }, action: 'fail', status: 503, times: 'always' });
    expect((await faultOf(vault.disable('a', storeId))).live).toContain('still enabled');
  });

  it('is disabled also where a list is too old to show it', async () => {
    let lists = 0;
    const running = await embedded({
      intercept: ({ operation, carryOut }) => {
        const answer = carryOut();
        if (operation !== 'SecretListVersions') return Promise.resolve(answer);
        lists += 1;
        return Promise.resolve(lists < 3 ? { ...answer, body: { value: [], nextLink: null } } : answer);
      },
    });
    const vault = connect(running);
    const { storeId } = await vault.write('a', value(), as(1, 'op-1'));
    expect(await vault.disable('a', storeId)).toBe(true);
    expect(await vault.versions('a')).toMatchObject([{ storeId, enabled: false }]);
  });

  it('is not there only where the vault answers the change so', async () => {
    const running = await embedded();
    const vault = connect(running);
    await vault.write('a', value(), as(1, 'op-1'));
    expect(await vault.disable('a', '0'.repeat(32))).toBe(false);
    expect(await vault.disable('b', '0'.repeat(32))).toBe(false);
  });
});

describe('what it says when it cannot', () => {
  it('names the role that is missing', async () => {
    const running = await embedded({ tokens: { planner: ['list'], nobody: [] } });
    const { storeId } = await connect(running, { sandboxToken: 'other' }).write('a', value(), as(1, 'op-1'));
    const planner = connect(running, { sandboxToken: 'planner' });
    expect(await planner.list()).toHaveLength(1);
    expect(await planner.versions('a')).toHaveLength(1);
    for (const refused of [
      () => planner.write('a', value(), as(2, 'op-2')),
      () => planner.read('a', storeId),
      () => planner.disable('a', storeId),
    ]) {
      const fault = await faultOf(refused());
      expect(fault).toMatchObject({ code: 'vault-refused', where: 'vault://busflow-prod/a' });
      expect(fault.next).toContain('applier role');
    }
    const fault = await faultOf(connect(running, { sandboxToken: 'nobody' }).list());
    expect(fault).toMatchObject({ code: 'vault-refused', where: 'vault://busflow-prod' });
    expect(fault.next).toContain('"Key Vault Reader"');
  });

  it('says what to do with a deleted secret that still holds its name', async () => {
    const running = await embedded();
    const vault = connect(running);
    await vault.write('a', value(), as(1, 'op-1'));
    const headers = { authorization: 'Bearer tests' };
    await fetch(`${running.url}/secrets/a?api-version=7.6`, { method: 'DELETE', headers });
    const fault = await faultOf(vault.write('a', value(), as(2, 'op-2')));
    expect(fault.code).toBe('vault-conflict');
    expect(fault.next).toContain('az keyvault secret recover --vault-name busflow-prod --name a');
    expect(fault.next).toContain('purge');
    expect(await vault.list()).toEqual([]);
  });

  it('names the tenant when the vault does not accept the token', async () => {
    const running = await embedded();
    running.fault({
      match: {},
      action: 'fail',
      status: 401,
      code: 'Unauthorized',
      message: 'AKV10032: Invalid issuer.',
      times: 'always',
    });
    const fault = await faultOf(connect(running, { tenantId: 'tenant-of-tests' }).list());
    expect(fault.code).toBe('vault-refused');
    expect(fault.message).toContain('"tenant-of-tests"');
    expect(fault.message).toContain('AKV10032');
    expect(fault.next).toContain('az login --tenant tenant-of-tests');
  });

  it('says which host cannot be reached', async () => {
    const running = await embedded();
    await running.close();
    const fault = await faultOf(connect(running).list());
    expect(fault.code).toBe('vault-unreachable');
    expect(fault.message).toContain(`at ${new URL(running.url).host} (ECONNREFUSED)`);
  });

  it('leaves nothing that keeps the process alive, whatever became of its requests', async () => {
    const running = await embedded();
    const vault = connect(running);
    await vault.list();
    await running.close();
    ended.pop();
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    await faultOf(vault.list());
    expect(timers()).toBeLessThanOrEqual(before);
    const interrupted = new AbortController();
    const asked = faultOf(vault.list(interrupted.signal));
    interrupted.abort();
    await asked;
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('stops when it is told to, also between the tries of a later page', async () => {
    const running = await embedded();
    const applier = connect(running);
    for (let n = 0; n < 26; n += 1) await applier.write(`s-${n}`, value(), as(1, `op-${n}`));
    running.fault({ match: { operation: 'SecretList', nth: 2 }, action: 'hang' });
    const stop = new AbortController();
    const listed = faultOf(connect(running, { pace: { timeoutMs: 600_000 } }).list(stop.signal));
    await expect.poll(() => running.requests.at(-1)?.fault).toBe('hang');
    stop.abort();
    expect(await listed).toMatchObject({ code: 'interrupted' });
    expect(await faultOf(applier.list(stop.signal))).toMatchObject({ code: 'interrupted' });
  });

  it('relaxes its checks for loopback with a sandbox token only', () => {
    const options = { name: 'v', auth: 'cli', tenantId: null } as const;
    const refused = (uri: string, sandboxToken?: string) => () =>
      connectKeyVault({ ...options, uri, sandboxToken });
    expect(refused('http://127.0.0.1:8080')).toThrow('is not https');
    expect(refused('http://v.vault.azure.net')).toThrow('is not https');
    expect(refused('http://v.vault.azure.net', 'applier')).toThrow('not for "v.vault.azure.net"');
    expect(refused('https://v.vault.azure.net', 'applier')).toThrow('not for "v.vault.azure.net"');
    expect(refused('http://127.0.0.1.example', 'applier')).toThrow('not for');
    expect(refused('v.vault.azure.net')).toThrow('is not an address');
    expect(refused('https://v.vault.azure.net')).not.toThrow();
  });

  it('says what github-oidc lacks, without asking anyone', async () => {
    const vault = connectKeyVault({
      name: 'v',
      uri: 'https://v.vault.azure.net',
      auth: 'github-oidc',
      tenantId: null,
    });
    const fault = await faultOf(vault.list());
    expect(fault.code).toBe('vault-refused');
    expect(fault.message).toContain('the tenant id, the client id');
    expect(fault.next).toContain('id-token: write');
  });

  it('quotes nothing of an answer that holds a value but cannot be parsed', async () => {
    const url = await answering(() => `{"value":"${CANARY}"`);
    const fault = await faultOf(connect({ url }).read('a', '0'.repeat(32)));
    expect(fault.code).toBe('unexpected');
    expect(`${fault.stack} ${String(fault.cause)}`).not.toContain(CANARY);
  });
});

it('prints no value with every debug log of the SDK turned on', async () => {
  const running = await embedded();
  const script = `
    import { createJiti } from 'jiti';
    const jiti = createJiti(process.cwd() + '/');
    const { connectKeyVault } = await jiti.import('./src/providers/key-vault.ts');
    const { SecretValue } = await jiti.import('./src/model/secret-value.ts');
    const vault = connectKeyVault({ name: 'v', uri: ${JSON.stringify(running.url)}, auth: 'cli', tenantId: null, sandboxToken: 'applier' });
    const as = { ordinal: 1, operation: 'op', stack: 's', contentType: null, tags: {} };
    const { storeId } = await vault.write('a', new SecretValue(['canary', 'Zb81', 'value'].join('-')), as);
    const value = await vault.read('a', storeId);
    console.log('read', value, storeId);`;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', AZURE_LOG_LEVEL: 'verbose', DEBUG: 'modem,azure*' },
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const code = await new Promise((resolve) => void child.on('close', resolve));
  expect(printed).toContain('read (secret value)');
  expect(printed).toContain('azure');
  expect(code).toBe(0);
  expect(printed).not.toContain(CANARY);
});
