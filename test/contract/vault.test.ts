import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request as httpRequest } from 'node:http';
import { SecretClient } from '@azure/keyvault-secrets';
import type { SecretClientOptions } from '@azure/keyvault-secrets';
import { afterEach, describe, expect, it } from 'vitest';
import { startVault } from '../../src/sandbox/vault.ts';
import type { RunningVault, VaultOptions } from '../../src/sandbox/vault.ts';

const API = 'api-version=2025-07-01';
const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

async function vault(options: Partial<VaultOptions> = {}): Promise<RunningVault> {
  const running = await startVault({ name: 'contract', directory: null, deleteDelayMs: 0, ...options });
  ended.push(() => running.close());
  return running;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'keyturn-vault-'));
  ended.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

function sdk(running: RunningVault, options: SecretClientOptions = {}): SecretClient {
  const token = { token: 'tests', expiresOnTimestamp: Date.now() + 3_600_000 };
  return new SecretClient(
    running.url,
    { getToken: () => Promise.resolve(token) },
    { allowInsecureConnection: true, disableChallengeResourceVerification: true, ...options },
  );
}

interface Raw {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Wire;
}

/** The parts of the vault's bodies that the tests look at. */
interface Wire {
  readonly value?: unknown;
  readonly id?: string;
  readonly nextLink?: string | null;
  readonly tags?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly attributes?: { readonly enabled: boolean; readonly created: number; readonly updated: number };
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly innererror?: { readonly code: string };
  };
}

async function raw(
  url: string,
  method = 'GET',
  body?: unknown,
  token: string | null = 'tests',
): Promise<Raw> {
  const answer = await fetch(url, {
    method,
    headers: {
      'content-type': 'application/json',
      'x-ms-client-request-id': 'asked-by-test',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === '' ? {} : (JSON.parse(text) as Wire),
  };
}

const at = (running: RunningVault, path: string, query = API) => `${running.url}${path}?${query}`;
const put = (running: RunningVault, name: string, body: object = { value: 'v' }) =>
  raw(at(running, `/secrets/${name}`), 'PUT', body);
const idsOf = (page: Raw) =>
  (Array.isArray(page.body.value) ? (page.body.value as Wire[]) : []).map((item) => item.id ?? '');
const versionOf = (answer: Raw) => answer.body.id?.split('/').at(-1) ?? '';
const statusOf = (thrown: unknown) =>
  typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown ? thrown.statusCode : null;
const failure = async (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );

describe('the embedded vault, as docs/SANDBOX-VAULT.md numbers it', () => {
  it('1 answers a request without a token with a challenge, also one that carries a body, and does nothing', async () => {
    const running = await vault();
    const answer = await raw(at(running, '/secrets/a'), 'PUT', { value: 'v' }, null);
    expect(answer.status).toBe(401);
    expect(answer.body.error?.code).toBe('Unauthorized');
    expect(answer.headers.get('www-authenticate')).toMatch(
      /^Bearer authorization="https:\/\/[^"]+\/[0-9a-f-]{36}", resource="https:\/\/vault\.azure\.net"$/,
    );
    expect((await raw(at(running, '/secrets/a/'))).status).toBe(404);
  });

  it('2 accepts any token, and refuses one that lacks the right by naming the action', async () => {
    const running = await vault({ tokens: { planner: ['list'], writer: ['list', 'set'] } });
    expect((await put(running, 'a')).status).toBe(200);
    expect((await raw(at(running, '/secrets'), 'GET', undefined, 'planner')).status).toBe(200);
    for (const [method, path, body, action] of [
      ['GET', '/secrets/a', undefined, 'secrets/getSecret/action'],
      ['PUT', '/secrets/a', { value: 'v' }, 'secrets/setSecret/action'],
      ['PATCH', '/secrets/a', { attributes: { enabled: false } }, 'secrets/update/action'],
      ['DELETE', '/secrets/a', undefined, 'secrets/delete'],
    ] as const) {
      const refused = await raw(at(running, path), method, body, 'planner');
      expect(refused.status).toBe(403);
      expect(refused.body.error).toMatchObject({
        code: 'Forbidden',
        innererror: { code: 'ForbiddenByRbac' },
      });
      expect(refused.body.error?.message).toContain(`Microsoft.KeyVault/vaults/${action}`);
    }
    expect((await raw(at(running, '/secrets/a'), 'PUT', { value: 'w' }, 'writer')).status).toBe(200);
    expect((await raw(at(running, '/secrets/a'), 'GET', undefined, 'writer')).status).toBe(403);
    expect((await raw(at(running, '/secrets'), 'GET', undefined, 'constructor')).status).toBe(200);
  });

  it('3 wants an api-version, plain or percent-encoded', async () => {
    const running = await vault();
    expect((await raw(at(running, '/secrets', 'api%2Dversion=2025-07-01'))).status).toBe(200);
    for (const query of ['', 'api-version=', 'api-version=2099-01-01']) {
      const refused = await raw(at(running, '/secrets', query));
      expect([refused.status, refused.body.error?.code]).toEqual([400, 'BadParameter']);
    }
  });

  it('4 takes a trailing slash for the newest version', async () => {
    const running = await vault();
    await put(running, 'a', { value: 'one' });
    const newest = await put(running, 'a', { value: 'two' });
    for (const path of ['/secrets/a', '/secrets/a/', `/secrets/a/${versionOf(newest)}/`]) {
      expect((await raw(at(running, path))).body.value).toBe('two');
    }
    expect((await sdk(running).getSecret('a')).value).toBe('two');
  });

  it('5 lists versions by id with whole seconds, so that neither tells which is the newest', async () => {
    const running = await vault({ clock: () => 1_800_000_000_900 });
    const set: string[] = [];
    for (let n = 0; n < 9; n += 1) set.push(versionOf(await put(running, 'a', { value: `v${n}` })));
    const listed: string[] = [];
    const created = new Set<number | undefined>();
    for await (const each of sdk(running).listPropertiesOfSecretVersions('a')) {
      listed.push(each.version ?? '');
      created.add(each.createdOn?.getTime());
    }
    expect(listed).toEqual(set.toSorted());
    expect(listed).not.toEqual(set);
    expect([...created]).toEqual([1_800_000_000_000]);
    expect((await sdk(running).getSecret('a')).properties.version).toBe(set.at(-1));
  });

  it('6 does not fall back to an older version while the newest is disabled', async () => {
    const running = await vault();
    const client = sdk(running);
    const old = await client.setSecret('a', 'old');
    const newest = await client.setSecret('a', 'new');
    await client.updateSecretProperties('a', newest.properties.version ?? '', { enabled: false });
    for (const version of ['', newest.properties.version]) {
      const refused = await raw(at(running, `/secrets/a/${version}`));
      expect([refused.status, refused.body.error?.code]).toEqual([403, 'Forbidden']);
      expect(refused.body.error?.innererror?.code).toBe('SecretDisabled');
    }
    const thrown = await failure(client.getSecret('a'));
    expect(thrown).toMatchObject({
      statusCode: 403,
      details: { error: { innerError: { code: 'SecretDisabled' } } },
    });
    expect((await client.getSecret('a', { version: old.properties.version ?? '' })).value).toBe('old');
  });

  it('7 lists and changes a disabled version, which is readable once it is enabled', async () => {
    const running = await vault();
    const client = sdk(running);
    const version = (await client.setSecret('a', 'v', { enabled: false })).properties.version ?? '';
    const [listed] = (await raw(at(running, '/secrets'))).body.value as Wire[];
    expect(listed?.attributes?.enabled).toBe(false);
    await client.updateSecretProperties('a', version, { contentType: 'text/plain' });
    expect(statusOf(await failure(client.getSecret('a')))).toBe(403);
    await client.updateSecretProperties('a', version, { enabled: true });
    expect((await client.getSecret('a')).value).toBe('v');
  });

  it('8 changes only what a PATCH names, replaces tags as a whole, and refuses a value', async () => {
    const running = await vault();
    const made = await put(running, 'a', { value: 'v', contentType: 'x', tags: { one: '1', two: '2' } });
    const path = at(running, `/secrets/a/${versionOf(made)}`);
    expect((await raw(path, 'PATCH', { value: 'other' })).status).toBe(400);
    const changed = await raw(path, 'PATCH', { tags: { three: '3' } });
    expect(changed.body).toMatchObject({
      contentType: 'x',
      tags: { three: '3' },
      attributes: { enabled: true },
    });
    expect(changed.body.tags).toEqual({ three: '3' });
    expect((await raw(path, 'PATCH', { attributes: { enabled: true } })).body.tags).toEqual({ three: '3' });
    expect((await raw(path)).body.value).toBe('v');
  });

  it('9 reads expired and not yet valid secrets', async () => {
    const running = await vault();
    const client = sdk(running);
    await client.setSecret('past', 'v', { expiresOn: new Date(1000) });
    await client.setSecret('future', 'w', { notBefore: new Date(4_000_000_000_000) });
    expect((await client.getSecret('past')).properties.expiresOn).toEqual(new Date(1000));
    expect((await client.getSecret('future')).value).toBe('w');
  });

  it('10 answers 404 for a missing secret and for a missing version', async () => {
    const running = await vault();
    await put(running, 'a');
    for (const path of ['/secrets/none', `/secrets/a/${'0'.repeat(32)}`]) {
      const missing = await raw(at(running, path));
      expect([missing.status, missing.body.error?.code]).toEqual([404, 'SecretNotFound']);
      expect(missing.body.error?.message).toContain(path.slice('/secrets/'.length));
    }
    expect(await failure(sdk(running).getSecret('none'))).toMatchObject({ code: 'SecretNotFound' });
  });

  it('11 shows no value in what PATCH, delete, deleted, recover and lists answer', async () => {
    const running = await vault();
    const made = await put(running, 'a', { value: 'canary-11' });
    expect(made.body.value).toBe('canary-11');
    const answers = [
      await raw(at(running, `/secrets/a/${versionOf(made)}`), 'PATCH', { contentType: 'x' }),
      await raw(at(running, '/secrets')),
      await raw(at(running, '/secrets/a/versions')),
      await raw(at(running, '/secrets/a'), 'DELETE'),
      await raw(at(running, '/deletedsecrets/a')),
      await raw(at(running, '/deletedsecrets')),
      await raw(at(running, '/deletedsecrets/a/recover'), 'POST'),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(JSON.stringify(answers)).not.toContain('canary-11');
  });

  it('12 pages by 25 with an absolute nextLink on its own host, null at the end', async () => {
    const running = await vault();
    for (let n = 0; n < 60; n += 1) await put(running, `s${n}`);
    const sizes: number[] = [];
    let link: string | null | undefined = at(running, '/secrets');
    while (typeof link === 'string') {
      expect(link.startsWith(`${running.url}/secrets?api-version=`)).toBe(true);
      const page: Raw = await raw(link);
      sizes.push(idsOf(page).length);
      link = page.body.nextLink;
      if (typeof link === 'string') expect(link).toMatch(/&\$skiptoken=[^&]+&maxresults=25$/);
    }
    expect(link).toBeNull();
    expect(sizes).toEqual([25, 25, 10]);
    for (const wrong of ['0', '26', 'x']) {
      expect((await raw(at(running, '/secrets', `${API}&maxresults=${wrong}`))).status).toBe(400);
    }
    const names = new Set<string>();
    for await (const each of sdk(running).listPropertiesOfSecrets()) names.add(each.name);
    expect(names.size).toBe(60);
    const local = running.url.replace('127.0.0.1', 'localhost');
    const named = await raw(`${local}/secrets?${API}`).catch(() => null);
    if (named !== null) expect(named.body.nextLink?.startsWith(`${local}/secrets`)).toBe(true);
  });

  it('13 lists no versions for a name that does not exist', async () => {
    const running = await vault();
    const answer = await raw(at(running, '/secrets/none/versions'));
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ value: [], nextLink: null });
  });

  it('14 lists each secret once, with the attributes and tags of its newest version', async () => {
    const running = await vault();
    await put(running, 'b', { value: 'v', tags: { n: '1' } });
    await put(running, 'a', { value: 'v', tags: { n: '1' } });
    await put(running, 'b', { value: 'v', tags: { n: '2' }, attributes: { enabled: false } });
    const page = await raw(at(running, '/secrets'));
    expect(idsOf(page)).toEqual([`${running.url}/secrets/a`, `${running.url}/secrets/b`]);
    expect((page.body.value as Wire[])[1]).toMatchObject({
      tags: { n: '2' },
      attributes: { enabled: false },
    });
  });

  it('15 takes names of 127 letters, digits and dashes, whatever their case', async () => {
    const running = await vault();
    expect((await put(running, 'n'.repeat(127))).status).toBe(200);
    for (const name of ['n'.repeat(128), 'under_score', 'a%2Fb', 'a.b', '%zz']) {
      const refused = await put(running, name);
      expect([name, refused.status, refused.body.error?.code]).toEqual([name, 400, 'BadParameter']);
    }
    await put(running, 'Mixed-Case', { value: 'one' });
    const again = await put(running, 'mixed-CASE', { value: 'two' });
    expect(again.body.id).toContain('/secrets/Mixed-Case/');
    expect((await raw(at(running, '/secrets/MIXED-CASE'))).body.value).toBe('two');
    expect(idsOf(await raw(at(running, '/secrets/mixed-case/versions')))).toHaveLength(2);
  });

  it('16 takes values of 25,600 bytes and empty ones', async () => {
    const running = await vault();
    expect((await put(running, 'a', { value: 'x'.repeat(25_600) })).status).toBe(200);
    expect((await put(running, 'b', { value: 'é'.repeat(12_800) })).status).toBe(200);
    expect((await put(running, 'c', { value: '' })).body.value).toBe('');
    for (const body of [{ value: 'x'.repeat(25_601) }, { value: 'é'.repeat(12_801) }, {}, { value: 1 }]) {
      const refused = await put(running, 'd', body);
      expect([refused.status, refused.body.error?.code]).toEqual([400, 'BadParameter']);
    }
    expect((await raw(at(running, '/secrets/d'))).status).toBe(404);
  });

  it('17 takes 15 tags of 256 characters and a content type of 255', async () => {
    const running = await vault();
    const tags = (count: number, length: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`${n}`.padEnd(length, 'k'), 'v'.repeat(length)]),
      );
    expect(
      (await put(running, 'a', { value: 'v', tags: tags(15, 256), contentType: 'c'.repeat(255) })).status,
    ).toBe(200);
    for (const body of [{ tags: tags(16, 3) }, { tags: tags(1, 257) }, { contentType: 'c'.repeat(256) }]) {
      expect((await put(running, 'a', { value: 'v', ...body })).body.error?.code).toBe('BadParameter');
      expect((await raw(at(running, '/secrets/a'), 'PATCH', body)).status).toBe(400);
    }
  });

  it('18 answers a delete at once, although it takes effect later', async () => {
    let now = 1_800_000_000_000;
    const running = await vault({ deleteDelayMs: 4000, clock: () => now });
    await put(running, 'a');
    const deleted = await raw(at(running, '/secrets/a'), 'DELETE');
    expect(deleted.body).toMatchObject({ recoveryId: `${running.url}/deletedsecrets/a` });
    const early = await raw(at(running, '/deletedsecrets/a'));
    expect([early.status, early.body.error?.message]).toEqual([404, 'Deleted Secret not found: a']);
    expect((await raw(at(running, '/secrets/a'))).status).toBe(404);
    expect(idsOf(await raw(at(running, '/secrets')))).toEqual([]);
    now += 4000;
    expect((await raw(at(running, '/deletedsecrets/a'))).status).toBe(200);
    await put(running, 'b');
    const poller = await sdk(running).beginDeleteSecret('b', { intervalInMs: 1 });
    now += 4000;
    expect((await poller.pollUntilDone()).name).toBe('b');
  });

  it('19 refuses to write to a name that is being deleted, or is deleted', async () => {
    let now = 1_800_000_000_000;
    const running = await vault({ deleteDelayMs: 4000, clock: () => now });
    await put(running, 'a');
    await raw(at(running, '/secrets/a'), 'DELETE');
    const during = await put(running, 'a');
    expect([during.status, during.body.error?.innererror?.code]).toEqual([409, 'ObjectIsBeingDeleted']);
    expect((await raw(at(running, '/secrets/a'), 'DELETE')).status).toBe(409);
    now += 4000;
    const after = await put(running, 'A');
    expect([after.status, after.body.error?.innererror?.code]).toEqual([
      409,
      'ObjectIsDeletedButRecoverable',
    ]);
    expect(after.body.error?.code).toBe('Conflict');
  });

  it('20 answers a recover at once, and all versions are back later', async () => {
    let now = 1_800_000_000_000;
    const running = await vault({ deleteDelayMs: 4000, clock: () => now });
    await put(running, 'a', { value: 'one' });
    await put(running, 'a', { value: 'two' });
    await raw(at(running, '/secrets/a'), 'DELETE');
    expect((await raw(at(running, '/deletedsecrets/a/recover'), 'POST')).status).toBe(409);
    now += 4000;
    expect((await raw(at(running, '/deletedsecrets/a/recover'), 'POST')).status).toBe(200);
    expect((await raw(at(running, '/secrets/a'))).status).toBe(404);
    expect((await put(running, 'a')).body.error?.innererror?.code).toBe('ObjectIsBeingRecovered');
    now += 4000;
    expect((await raw(at(running, '/secrets/a'))).body.value).toBe('two');
    expect(idsOf(await raw(at(running, '/secrets/a/versions')))).toHaveLength(2);
    expect((await raw(at(running, '/deletedsecrets/a/recover'), 'POST')).status).toBe(404);
  });

  it('21 frees a name by purging it', async () => {
    const running = await vault();
    await put(running, 'a', { value: 'one' });
    await raw(at(running, '/secrets/a'), 'DELETE');
    await sdk(running).purgeDeletedSecret('a');
    expect((await raw(at(running, '/deletedsecrets/a'))).status).toBe(404);
    await put(running, 'a', { value: 'two' });
    expect(idsOf(await raw(at(running, '/secrets/a/versions')))).toHaveLength(1);
  });

  it('22 throttles without Retry-After, and the SDK gives up after one try', async () => {
    const running = await vault();
    running.fault({ match: {}, action: 'throttle', times: 'always' });
    const answer = await raw(at(running, '/secrets'));
    expect([answer.status, answer.body.error?.code]).toEqual([429, 'Throttled']);
    expect(answer.headers.has('retry-after')).toBe(false);
    expect(statusOf(await failure(sdk(running).getSecret('a')))).toBe(429);
    expect(
      running.requests.filter(({ operation, status }) => operation === 'SecretGet' && status === 429),
    ).toHaveLength(1);
  });

  it('23 names each answer and echoes the request id of the client', async () => {
    const running = await vault();
    const answers = [await raw(at(running, '/secrets')), await raw(at(running, '/secrets/none'))];
    for (const { headers } of answers) {
      expect(headers.get('x-ms-client-request-id')).toBe('asked-by-test');
      expect(headers.get('x-ms-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('x-ms-keyvault-region')).not.toBeNull();
    }
    expect(new Set(answers.map(({ headers }) => headers.get('x-ms-request-id'))).size).toBe(2);
  });

  it('24 shows the ghost version that the SDK makes when it sends a write again', async () => {
    const running = await vault();
    const client = sdk(running, { retryOptions: { retryDelayInMs: 1, maxRetryDelayInMs: 2 } });
    await client.listPropertiesOfSecrets().byPage().next();
    running.fault({
      match: { operation: 'SecretSet', secret: 'a' },
      action: 'fail',
      status: 503,
      done: true,
    });
    running.fault({ match: { operation: 'SecretSet', secret: 'b' }, action: 'drop-after' });
    await client.setSecret('a', 'v');
    await client.setSecret('b', 'v');
    for (const name of ['a', 'b']) {
      expect(idsOf(await raw(at(running, `/secrets/${name}/versions`)))).toHaveLength(2);
    }
  });

  it('25 shows that a cold client sends values without a token, and stores none of those', async () => {
    const running = await vault();
    const client = sdk(running);
    await Promise.all(['a', 'b', 'c'].map((name) => client.setSecret(name, 'v')));
    const tokenless = running.requests.filter(({ tokenName, hadBody }) => tokenName === null && hadBody);
    expect(tokenless.map(({ secret, status }) => [secret, status])).toEqual([
      ['b', 401],
      ['c', 401],
    ]);
    expect(idsOf(await raw(at(running, '/secrets/b/versions')))).toHaveLength(1);
  });

  it('26 keeps contents in one private file, and a log without values', async () => {
    const directory = folder();
    const first = await vault({ directory: join(directory, 'vault') });
    const made = await put(first, 'a', { value: 'canary-26', tags: { t: '1' } });
    await raw(at(first, '/secrets/a'), 'GET', undefined, 'somebodys-real-token');
    await put(first, 'deleted');
    await raw(at(first, '/secrets/deleted'), 'DELETE');
    await first.close();
    const path = join(directory, 'vault', 'vault.json');
    const log = readFileSync(join(directory, 'vault', 'requests.jsonl'), 'utf8');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'vault')).mode & 0o777).toBe(0o700);
    expect(log.trim().split('\n')).toHaveLength(4);
    expect(log).not.toContain('canary-26');
    expect(log).not.toContain('somebodys-real-token');
    const second = await vault({ directory: join(directory, 'vault') });
    const read = await raw(at(second, `/secrets/a/${versionOf(made)}`));
    expect(read.body).toMatchObject({ value: 'canary-26', tags: { t: '1' } });
    expect((await put(second, 'deleted')).status).toBe(409);
    await second.close();
    for (const [text, code] of [
      ['{"format":1,"vault":"contract","secr', 'bad-file'],
      ['{"format":2,"vault":"contract","secrets":[]}', 'newer-format'],
      ['{"format":1,"vault":"another","secrets":[]}', 'bad-file'],
    ] as const) {
      writeFileSync(path, text);
      expect(await failure(vault({ directory: join(directory, 'vault') }))).toMatchObject({
        code,
        where: path,
      });
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  it('27 can be told over HTTP to fail, delay, throttle, drop and hang at a chosen request', async () => {
    const running = await vault({
      faults: [{ match: { operation: 'SecretList', nth: 2 }, action: 'fail', status: 500, inner: 'Told' }],
    });
    const list = () => raw(at(running, '/secrets'));
    expect([(await list()).status, (await list()).status, (await list()).status]).toEqual([200, 500, 200]);
    const control = `${running.url}/_keyturn/faults`;
    const tell = (rule: unknown) => raw(control, 'POST', rule, null);
    expect(
      (
        await tell([
          { match: { secret: 'A' }, action: 'drop-before' },
          { match: { secret: 'b' }, action: 'drop-after' },
        ])
      ).status,
    ).toBe(204);
    expect(await failure(put(running, 'a'))).toBeInstanceOf(TypeError);
    expect(await failure(put(running, 'b'))).toBeInstanceOf(TypeError);
    expect(idsOf(await list())).toEqual([`${running.url}/secrets/b`]);
    await tell({ match: { operation: 'SecretSet' }, action: 'delay', ms: 1, times: 'always' });
    expect((await put(running, 'c')).status).toBe(200);
    expect(running.requests.at(-1)).toMatchObject({ fault: 'delay', secret: 'c', status: 200 });
    expect((await raw(control, 'DELETE', undefined, null)).status).toBe(204);
    await put(running, 'c');
    expect(running.requests.at(-1)?.fault).toBeNull();
    for (const wrong of [
      null,
      { action: 'explode' },
      { action: 'fail', status: 200 },
      { match: { nth: 0 }, action: 'hang' },
    ]) {
      expect((await tell(wrong)).status).toBe(400);
    }
    await tell({ match: { secret: 'h' }, action: 'hang' });
    const hung = failure(put(running, 'h'));
    await expect.poll(() => running.requests.at(-1)?.fault).toBe('hang');
    await running.close();
    expect(await hung).toBeInstanceOf(TypeError);
  });

  it('28 refuses a host that is not loopback, and a control request that is no JSON', async () => {
    const running = await vault();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: 'vault.example', authorization: 'Bearer tests' };
      httpRequest(at(running, '/secrets'), { headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(400);
    const form = await fetch(`${running.url}/_keyturn/faults`, { method: 'POST', body: '{"action":"hang"}' });
    expect(form.status).toBe(415);
    await put(running, 'a', { value: 'canary-28' });
    const log = await raw(`${running.url}/_keyturn/requests`);
    expect(JSON.stringify(log.body)).toContain('SecretSet');
    expect(JSON.stringify(log.body)).not.toContain('canary-28');
  });

  it('29 leaves out backup and restore', async () => {
    const running = await vault();
    await put(running, 'a');
    expect((await raw(at(running, '/secrets/a/backup'), 'POST')).body.error?.code).toBe('NotFound');
    expect((await raw(at(running, '/secrets/restore'), 'POST', { value: 'x' })).status).toBe(404);
    expect((await raw(at(running, '/certificates'))).status).toBe(404);
  });

  it('30 lets a test decide what becomes of each request', async () => {
    const running = await vault({
      intercept: (request) => {
        const answer = request.carryOut();
        return Promise.resolve(request.operation === 'SecretSet' ? null : answer);
      },
    });
    expect(await failure(put(running, 'a', { value: 'kept' }))).toBeInstanceOf(TypeError);
    expect(running.requests.at(-1)).toMatchObject({ operation: 'SecretSet', status: null });
    expect(
      running.contents().map(({ name, versions }) => [name, versions.map(({ value }) => value)]),
    ).toEqual([['a', ['kept']]]);
    expect((await raw(at(running, '/secrets/a'))).body.value).toBe('kept');
  });

  it('has a test for each number of the page, and a number for each test', () => {
    const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
    const numbered = (text: string, pattern: RegExp) =>
      [...text.matchAll(pattern)].map(([, number]) => number);
    const page = numbered(read('../../docs/SANDBOX-VAULT.md'), /^(\d+)\. /gm);
    expect(numbered(read('vault.test.ts'), /^ {2}it\('(\d+) /gm)).toEqual(page);
  });
});
