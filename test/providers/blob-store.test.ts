import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  ContainerClient,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Changed } from '../../src/model/store.ts';
import type { BlobCall } from '../../src/providers/blob-faults.ts';
import { blobFault } from '../../src/providers/blob-faults.ts';
import { BlobStore } from '../../src/providers/blob-store.ts';
import type { BlobPlace } from '../../src/providers/blob-wire.ts';
import type { Azurite } from '../support/azurite.ts';
import { ACCESS_KEY, ACCOUNT, placeIn, startAzurite } from '../support/azurite.ts';
import type { Asked, Mishap, Relay } from '../support/blob-relay.ts';
import { startRelay } from '../support/blob-relay.ts';

let azurite: Azurite;
let relay: Relay;
let container: string;

beforeAll(async () => {
  azurite = await startAzurite();
  relay = await startRelay(azurite.url);
});
afterAll(async () => {
  await relay.close();
  await azurite.stop();
});
beforeEach(() => {
  container = `c${randomUUID()}`;
  relay.asked.splice(0);
  relay.mishap = () => 'none';
  relay.answered = (headers) => headers;
});

const key = new StorageSharedKeyCredential(ACCOUNT, ACCESS_KEY);

/** A store behind the relay. */
function open(stack = 'shop', more: Partial<BlobPlace> = {}): BlobStore {
  return new BlobStore(placeIn(`${relay.url}/${ACCOUNT}`, container, more), stack);
}

/** The container past everything, as its owner sees it. */
function owner(): ContainerClient {
  return new ContainerClient(`${azurite.endpoint}/${container}`, key);
}

/** Every kind of write once, and what it comes to. */
async function everyWrite(store: BlobStore): Promise<void> {
  const start = await store.startLog('journal.jsonl');
  const one = await store.append('journal.jsonl', 'one', start);
  const two = await store.append('journal.jsonl', 'two', one);
  expect((await store.get('journal.jsonl'))?.text).toBe('one\ntwo\n');
  const first = await store.put('state.json', 'first', 'absent');
  await store.put('state.json', 'second', { tag: first });
  expect((await store.get('state.json'))?.text).toBe('second');
  await store.remove('journal.jsonl', two);
  const taken = await store.lock.take('ann', null, false);
  const renewed = await store.lock.renew('ann 2', taken);
  expect((await store.lock.read())?.text).toBe('ann 2');
  const over = (await store.lock.read())?.tag ?? '';
  const again = await store.lock.take('bob', over, true);
  await expect(store.lock.renew('ann 3', renewed)).rejects.toBeInstanceOf(Changed);
  await store.lock.drop(again);
  expect(await store.list('')).toEqual(['state.json']);
}

const isWrite = ({ method }: Asked): boolean => method === 'PUT' || method === 'DELETE';

/** Lets the write of this number, counted from 0, come to grief. */
function nthWrite(number: number, mishap: Mishap): (asked: Asked) => Mishap {
  let writes = 0;
  return (asked) => (isWrite(asked) && writes++ === number ? mishap : 'none');
}

describe('a write whose answer is lost', () => {
  it.each<Mishap>([
    'dropped-before',
    'dropped-after',
    'failed-after',
    'hung-after',
    'sent-twice',
    { status: 503, code: 'ServerBusy' },
  ])('is looked for, and every write is there exactly once: %o', async (mishap) => {
    await everyWrite(open());
    const writes = relay.asked.filter(isWrite).length;
    expect(writes).toBeGreaterThan(15);
    for (let number = 0; number < writes; number += 1) {
      container = `c${randomUUID()}`;
      relay.mishap = nthWrite(number, mishap);
      await everyWrite(
        open('shop', { pace: { backoffMs: 1, timeoutMs: mishap === 'hung-after' ? 400 : 30_000 } }),
      );
    }
  });

  it('is there once where its first copy arrives late, before or behind the second', async () => {
    const isContent = (asked: Asked): boolean =>
      isWrite(asked) && !/comp=lease|restype=container/.test(asked.path);
    await everyWrite(open());
    const writes = relay.asked.filter(isContent).length;
    for (const late of ['late-before', 'late-behind'] as const) {
      for (let number = 0; number < writes; number += 1) {
        container = `c${randomUUID()}`;
        let seen = 0;
        relay.mishap = (asked) => (isContent(asked) && seen++ === number ? late : 'none');
        await everyWrite(open('shop', { pace: { backoffMs: 1 } }));
      }
    }
  });

  it('is not taken for done where it never arrived', async () => {
    const store = open();
    const tag = await store.append('journal.jsonl', 'one', await store.startLog('journal.jsonl'));
    relay.mishap = (asked) => (isWrite(asked) ? 'dropped-before' : 'none');
    await expect(store.append('journal.jsonl', 'two', tag)).rejects.toMatchObject({
      code: 'record-unreachable',
    });
    expect((await store.get('journal.jsonl'))?.text).toBe('one\n');
  });

  it('is Changed where someone else was faster while nothing was known of it', async () => {
    const store = open();
    const tag = await store.put('state.json', 'one', 'absent');
    const other = new BlobStore(placeIn(azurite.endpoint, container), 'shop');
    let isFirst = true;
    relay.mishap = (asked) => {
      if (!isWrite(asked) || !isFirst) return 'none';
      isFirst = false;
      return 'dropped-before';
    };
    const slow = open('shop', {
      pace: { sleep: async () => void (await other.put('state.json', 'two', { tag })) },
    });
    await expect(slow.put('state.json', 'three', { tag })).rejects.toBeInstanceOf(Changed);
    expect((await store.get('state.json'))?.text).toBe('two');
  });

  it('does not cost the lease, however late the holder learns that it was renewed', async () => {
    const store = open();
    const taken = await store.lock.take('ann', null, false);
    // The renewal arrives, its answer and every look for it are lost.
    let hasArrived = false;
    relay.mishap = (asked) => {
      if (asked.method === 'PUT' && !asked.path.includes('comp=lease')) hasArrived = true;
      return hasArrived ? 'dropped-after' : 'none';
    };
    await expect(store.lock.renew('ann 2', taken)).rejects.toMatchObject({ code: 'record-unreachable' });
    relay.mishap = () => 'none';
    expect((await store.lock.read())?.text).toBe('ann 2');
    const renewed = await store.lock.renew('ann 3', taken);
    expect((await store.lock.read())?.text).toBe('ann 3');
    await store.lock.drop(renewed);
    expect(await store.lock.read()).toBeNull();
  });
});

describe('requests', () => {
  it('say what they expect to find, every one that changes a content', async () => {
    await everyWrite(open());
    const bare = relay.asked
      .filter(isWrite)
      .filter(({ path }) => !path.includes('comp=lease') && !path.includes('restype=container'))
      .filter(({ headers }) => headers['if-match'] === undefined && headers['if-none-match'] === undefined);
    expect(bare).toEqual([]);
    const appends = relay.asked.filter(({ path }) => path.includes('comp=appendblock'));
    expect(appends.map(({ headers }) => headers['x-ms-blob-condition-appendpos'])).toEqual(['0', '4']);
  });

  it('change nothing and make no container where the record is only read', async () => {
    const store = open();
    expect([await store.get('state.json'), await store.list('history/'), await store.lock.read()]).toEqual([
      null,
      [],
      null,
    ]);
    expect(relay.asked.every(({ method }) => method === 'GET')).toBe(true);
    expect(await owner().exists()).toBe(false);
  });

  it('are sent again when a read fails for a while', async () => {
    const store = open();
    await store.put('state.json', 'one', 'absent');
    let failures = 0;
    relay.mishap = () => (failures++ < 3 ? { status: 503, code: 'ServerBusy' } : 'none');
    expect((await store.get('state.json'))?.text).toBe('one');
  });

  it('keep two stacks of one container apart', async () => {
    const [shop, bank] = [open('shop'), open('bank')];
    await shop.put('state.json', 'shop', 'absent');
    await bank.put('state.json', 'bank', 'absent');
    expect((await shop.get('state.json'))?.text).toBe('shop');
    expect(await bank.list('')).toEqual(['state.json']);
  });
});

describe('the claim', () => {
  it('stands under a native lease of 60 s, which nobody passes without force', async () => {
    const store = open();
    await store.lock.take('ann', null, false);
    const blob = owner().getBlobClient('shop/lease.json');
    expect(await blob.getProperties()).toMatchObject({ leaseState: 'leased', leaseDuration: 'fixed' });
    const over = (await store.lock.read())?.tag ?? '';
    await expect(open().lock.take('bob', over, false)).rejects.toBeInstanceOf(Changed);
    await expect(blob.delete()).rejects.toMatchObject({ code: 'LeaseIdMissing' });
    // As somebody at the portal may.
    await blob.getBlobLeaseClient(randomUUID()).breakLease(0);
    await open().lock.take('bob', over, false);
    expect((await store.lock.read())?.text).toBe('bob');
  });

  it('is free by itself once its native lease has run out', async () => {
    const place = placeIn(azurite.endpoint, container);
    await new BlobStore(place, 'shop', 15).lock.take('ann', null, false);
    const later = new BlobStore(place, 'shop', 15).lock;
    const over = (await later.read())?.tag ?? '';
    const take = (): Promise<string> =>
      later.take('bob', over, false).catch((thrown: unknown) => {
        if (!(thrown instanceof Changed)) throw thrown;
        return new Promise<string>((resolve) => setTimeout(() => resolve(take()), 500));
      });
    await take();
    expect((await later.read())?.text).toBe('bob');
  });

  it('tells how long it has stood by the clock of the service, whatever ours says', async () => {
    const store = open();
    await store.lock.take('ann', null, false);
    expect((await store.lock.read())?.ageMs).toBeLessThan(30_000);
    relay.answered = (headers) => ({
      ...headers,
      date: new Date(Date.parse(String(headers['last-modified'])) + 91_000).toUTCString(),
    });
    expect((await store.lock.read())?.ageMs).toBe(90_000);
  });

  it('leaves no claim behind where its lease could not be had', async () => {
    const store = open();
    relay.mishap = ({ path }) =>
      path.includes('comp=lease') ? { status: 403, code: 'AuthorizationFailure' } : 'none';
    await expect(store.lock.take('ann', null, false)).rejects.toMatchObject({ code: 'record-refused' });
    expect(await store.lock.read()).toBeNull();
  });
});

describe('a refusal', () => {
  /** A signature that its owner gave to somebody who plans. */
  const signature = (permissions: string): string =>
    generateAccountSASQueryParameters(
      {
        services: AccountSASServices.parse('b').toString(),
        resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
        permissions: AccountSASPermissions.parse(permissions),
        expiresOn: new Date(Date.now() + 3_600_000),
      },
      key,
    ).toString();

  it('meets a planner only when it writes: reading needs the right to read', async () => {
    await open().put('state.json', 'one', 'absent');
    await open().lock.take('ann', null, false);
    const sasToken = signature('rl');
    const planner = open('shop', { sasToken });
    expect((await planner.get('state.json'))?.text).toBe('one');
    expect(await planner.list('')).toEqual(['lease.json', 'state.json']);
    expect((await planner.lock.read())?.text).toBe('ann');
    const refusal = await planner
      .put('history/000001.json', 'x', 'absent')
      .catch((thrown: unknown) => thrown);
    expect(refusal).toMatchObject({
      code: 'record-refused',
      next: expect.stringContaining('ARM_SAS_TOKEN') as string,
    });
    expect(JSON.stringify(refusal) + String(refusal)).not.toContain('sig=');
  });

  it('of a wrong key names the variable and the account, and prints no key', async () => {
    const wrong = Buffer.from('some other key of 32 bytes length').toString('base64');
    const refusal = await open('shop', { accessKey: wrong })
      .get('state.json')
      .catch((thrown: unknown) => thrown);
    expect(refusal).toMatchObject({
      code: 'record-refused',
      message: expect.stringMatching(/^storage account "devstoreaccount1" .* \(403 /) as string,
      next: expect.stringContaining('check that ARM_ACCESS_KEY is of this account') as string,
    });
    expect(JSON.stringify(refusal) + String(refusal)).not.toContain(wrong);
  });

  it.each<[string, number, BlobCall['by'], BlobCall['doing'], string]>([
    [
      'AuthorizationPermissionMismatch',
      403,
      'cli',
      'read',
      'the role "Storage Blob Data Reader" on container "c"',
    ],
    [
      'AuthorizationPermissionMismatch',
      403,
      'cli',
      'write to',
      'the role "Storage Blob Data Contributor" on container "c"',
    ],
    [
      'AuthorizationPermissionMismatch',
      403,
      'sas',
      'write to',
      'give ARM_SAS_TOKEN the right to write to it',
    ],
    [
      'AuthorizationPermissionMismatch',
      403,
      'cli',
      'create',
      'create container "c", or give this identity the role "Storage Blob Data Contributor" on storage account "acct"',
    ],
    ['AuthorizationFailure', 403, 'cli', 'read', "check the account's firewall"],
    ['AuthenticationFailed', 403, 'key', 'read', 'check that ARM_ACCESS_KEY is of this account'],
    [
      'InvalidAuthenticationInfo',
      401,
      'cli',
      'read',
      'check that the account belongs to that tenant; run "az login --tenant t1" on this machine',
    ],
    ['KeyBasedAuthenticationNotPermitted', 403, 'key', 'read', 'unset ARM_ACCESS_KEY'],
    ['ContainerNotFound', 404, 'cli', 'write to', 'az storage container create --account-name acct --name c'],
    ['ContainerBeingDeleted', 409, 'cli', 'write to', 'run it again in a minute'],
    ['BlobImmutableDueToPolicy', 409, 'cli', 'write to', 'a policy'],
    ['ServerBusy', 503, 'cli', 'write to', 'run it again'],
  ])('%s (%i) by %s to %s says what to do, and repeats no message', (code, status, by, doing, next) => {
    const headers = new Map([['x-ms-error-code', code]]);
    const thrown = Object.assign(new Error('quotes a request'), {
      statusCode: status,
      response: { headers },
    });
    const fault = blobFault(thrown, {
      account: 'acct',
      container: 'c',
      place: 'p',
      host: 'h',
      by,
      tenantId: 't1',
      doing,
    });
    expect(fault.next).toContain(next);
    expect(fault.message).toContain(`"acct"`);
    expect(JSON.stringify(fault)).not.toContain('quotes');
  });

  it('to make the container is told as such', async () => {
    relay.mishap = ({ path }) =>
      path.includes('restype=container') ? { status: 403, code: 'AuthorizationPermissionMismatch' } : 'none';
    await expect(open().put('state.json', 'x', 'absent')).rejects.toMatchObject({
      code: 'record-refused',
      message: expect.stringContaining(`may not create container "${container}"`) as string,
    });
  });

  it('of an account that nobody answers for names its host', async () => {
    const gone = await startRelay(azurite.url);
    await gone.close();
    const store = new BlobStore(placeIn(`${gone.url}/${ACCOUNT}`, container), 'shop');
    await expect(store.get('state.json')).rejects.toMatchObject({
      code: 'record-unreachable',
      message: `storage account "${ACCOUNT}" cannot be reached at ${new URL(gone.url).host} (ECONNREFUSED)`,
    });
  });

  it.each([
    ['http://example.org', '"http://example.org" is not https'],
    ['https://example.org/?sig=abc', 'carries a credential'],
    ['nonsense', '"nonsense" is not an address'],
  ])('meets the address %s before anything is sent', (endpoint, what) => {
    expect(() => new BlobStore(placeIn(endpoint, container), 'shop')).toThrow(what);
  });

  it('meets a sign-in over plain http: a token would be sent in the clear', async () => {
    const store = open('shop', { accessKey: undefined });
    await expect(store.get('state.json')).rejects.toMatchObject({
      code: 'bad-usage',
      next: expect.stringContaining('ARM_ACCESS_KEY') as string,
    });
    expect(relay.asked).toEqual([]);
  });
});
