import { mkdtempSync, rmSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import type { Lock, ObjectStore } from '../../src/model/store.ts';
import { BlobStore } from '../../src/providers/blob-store.ts';
import type { ClaimOptions, Claimed } from '../../src/record/claim.ts';
import { claim } from '../../src/record/claim.ts';
import type { Holder, LeaseClock, LeaseTerms } from '../../src/record/lease.ts';
import { holderIn } from '../../src/record/lease.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import type { Azurite } from '../support/azurite.ts';
import { ACCESS_KEY, ACCOUNT, placeIn, startAzurite } from '../support/azurite.ts';
import { holder } from '../support/lease.ts';

/** No timer renews by itself here: tests say when. */
const TERMS: LeaseTerms = { periodMs: 60_000, renewMs: 86_400_000, longestActMs: 30_000 };
const CONTAINER = 'tfstate-keyturn';

let azurite: Azurite;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-lease-'));
  azurite = await startAzurite();
});
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await azurite.stop();
});

interface Backend {
  readonly open: (name: string) => ObjectStore;
  /** The store lets go of a holder that has not renewed for a period: no clock of it can be moved. */
  readonly expire: (name: string) => Promise<void>;
}

const LOCAL: Backend = {
  open: (name) => new LocalStore(join(directory, name), name),
  expire: () => Promise.resolve(),
};
const AZURE: Backend = {
  open: (name) => new BlobStore(placeIn(azurite.endpoint, CONTAINER), name),
  expire: async (name) => {
    const credential = new StorageSharedKeyCredential(ACCOUNT, ACCESS_KEY);
    const container = new ContainerClient(`${azurite.endpoint}/${CONTAINER}`, credential);
    await container.getBlobClient(`${name}/lease.json`).getBlobLeaseClient(randomUUID()).breakLease(0);
  },
};

/** A clock that moves when somebody sleeps, and when a test moves it. */
class TestClock implements LeaseClock {
  wall = Date.now();
  steady = 5_000;
  /** What happens elsewhere while somebody sleeps. */
  meanwhile: () => Promise<void> = () => Promise.resolve();

  readonly now = (): number => this.wall;
  readonly ticks = (): number => this.steady;
  readonly sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    this.pass(ms);
    await this.meanwhile();
    signal?.throwIfAborted();
  };

  pass(ms: number): void {
    this.wall += ms;
    this.steady += ms;
  }
}

describe.each([
  ['a local directory', LOCAL],
  ['Azure Blob Storage', AZURE],
])('the lease on a record in %s', (_where, backend) => {
  let name: string;
  let lock: Lock;
  let clock: TestClock;
  let told: string[];

  beforeEach(() => {
    name = `r${randomUUID().slice(0, 8)}`;
    lock = backend.open(name).lock;
    clock = new TestClock();
    told = [];
  });

  const claimed = (own: Holder, more: Partial<ClaimOptions> = {}): Promise<Claimed> =>
    claim(backend.open(name).lock, own, {
      isAlive: () => null,
      timeoutMs: 0,
      terms: TERMS,
      clock,
      tell: (text) => told.push(text),
      ...more,
    });
  const standing = async (): Promise<Holder | null> => {
    const there = await lock.read();
    return there === null ? null : holderIn(there.text, lock);
  };
  const ann = holder({ holder: 'ann', host: 'one', purpose: 'keyturn apply', pid: 41 });
  const bob = holder({ holder: 'bob', host: 'two', pid: 42 });

  describe('while its holder lives', () => {
    it('is held by one, who is named to whoever comes second', async () => {
      await claimed(ann);
      await expect(claimed(bob, { isAlive: () => true })).rejects.toMatchObject({
        code: 'lease-held',
        message: expect.stringMatching(
          /^the lease is held by ann since .* \(keyturn apply, pid 41 on one\)$/,
        ) as string,
        live: 'nothing was changed by this run',
      });
      expect(told).toEqual([]);
    });

    it('names the run of a CI, which is what to wait for', async () => {
      await claimed({ ...ann, run: 'https://ci.example.org/7' });
      await expect(claimed(bob, { isAlive: () => true })).rejects.toMatchObject({
        message: expect.stringContaining('https://ci.example.org/7') as string,
        next: expect.stringMatching(/^wait for https:\/\/ci\.example\.org\/7/) as string,
      });
    });

    it('is waited for as long as --lock-timeout says, and not longer', async () => {
      await claimed(ann);
      const begun = clock.steady;
      const wait = claimed(bob, { isAlive: () => true, timeoutMs: 20_000 });
      await expect(wait).rejects.toMatchObject({ code: 'lease-held' });
      expect(clock.steady - begun).toBe(20_000);
      expect(told).toEqual([
        expect.stringMatching(/^the lease is held by ann .*: waiting up to 20 s for it$/),
      ]);
    });

    it('is had by whoever waited once it is given back', async () => {
      const { lease } = await claimed(ann);
      clock.meanwhile = async () => {
        if (clock.steady > 8_000) await lease.release();
      };
      expect((await claimed(bob, { isAlive: () => true, timeoutMs: 600_000 })).from).toBeNull();
      expect((await standing())?.holder).toBe('bob');
    });

    it('stays with a holder of another host that is seen to renew it', async () => {
      const { lease } = await claimed(ann);
      clock.meanwhile = () => (clock.steady === 17_000 ? lease.renew() : Promise.resolve());
      const begun = clock.steady;
      await expect(claimed(bob)).rejects.toMatchObject({ code: 'lease-held' });
      expect(clock.steady - begun).toBe(12_000);
      expect(told).toEqual([expect.stringContaining('watching up to 92 s whether it is renewed')]);
      expect((await standing())?.holder).toBe('ann');
    });

    it('leaves whoever waits when that one is interrupted', async () => {
      await claimed(ann);
      const stop = new AbortController();
      clock.meanwhile = () => Promise.resolve(stop.abort());
      await expect(claimed(bob, { signal: stop.signal })).rejects.toMatchObject({ code: 'interrupted' });
      expect((await standing())?.holder).toBe('ann');
    });
  });

  describe('when its holder is dead', () => {
    it('is taken at once by exactly one of twenty where its process is known to be dead', async () => {
      await claimed(ann);
      const others = Array.from({ length: 20 }, (_, index) => holder({ holder: `n${index}`, host: 'one' }));
      const claims = await Promise.allSettled(
        others.map((own) => claimed(own, { isAlive: ({ id }) => id !== ann.id })),
      );
      const won = claims.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(won.map(({ from }) => from?.holder)).toEqual(['ann']);
      expect((await standing())?.id).toBe(won[0]?.lease.holder.id);
      for (const each of claims)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'lease-held' });
      await won[0]?.lease.release();
      expect(await backend.open(name).list('lease')).toEqual([]);
    });

    it('is taken from another host only after a whole period and the longest act', async () => {
      await claimed(ann);
      await backend.expire(name);
      const begun = clock.steady;
      const { from, lease } = await claimed(bob);
      expect(clock.steady - begun).toBeGreaterThanOrEqual(90_000);
      expect(clock.steady - begun).toBeLessThan(92_000);
      expect(from?.holder).toBe('ann');
      expect((await standing())?.id).toBe(lease.holder.id);
    });

    it('is watched by our own clock: what its text says of the time does not count', async () => {
      // A holder whose clock is a day behind looks long expired, and lives.
      const behind = new TestClock();
      behind.wall -= 86_400_000;
      const { lease } = await claimed(ann, { clock: behind });
      clock.meanwhile = () => {
        behind.pass(1_000);
        return clock.steady === 17_000 ? lease.renew() : Promise.resolve();
      };
      await expect(claimed(bob)).rejects.toMatchObject({ code: 'lease-held' });
    });

    it('is taken after the longest act where somebody unlocked it', async () => {
      await claimed({ ...ann, isFenced: true });
      const begun = clock.steady;
      await claimed(bob);
      expect(clock.steady - begun).toBeGreaterThanOrEqual(30_000);
      expect(clock.steady - begun).toBeLessThan(32_000);
    });
  });

  describe('for its holder', () => {
    it('says how long an act may take: the longest act, and less near its end', async () => {
      const { lease } = await claimed(ann);
      expect(lease.pass()).toBe(30_000);
      clock.pass(50_000);
      expect(lease.pass()).toBe(10_000);
      await lease.renew();
      expect(lease.pass()).toBe(30_000);
    });

    it('writes its renewal where others see it', async () => {
      const { lease } = await claimed(ann);
      const before = await standing();
      clock.pass(20_000);
      await lease.renew();
      const after = await standing();
      expect(Date.parse(after?.renewed ?? '') - Date.parse(before?.renewed ?? '')).toBe(20_000);
      expect(Date.parse(after?.expires ?? '')).toBe(clock.now() + 60_000);
    });

    it.each([
      ['the machine stood still', (at: TestClock) => at.pass(60_000)],
      ['the wall clock alone went on, as over a sleep', (at: TestClock) => (at.wall += 60_000)],
      [
        'the steady clock alone went on, as where the wall clock was set back',
        (at: TestClock) => (at.steady += 60_000),
      ],
    ])('is lost for good once %s for a period', async (_what, move) => {
      const { lease } = await claimed(ann);
      const before = await standing();
      move(clock);
      await lease.renew();
      expect(() => lease.pass()).toThrow('the lease is lost: it was not renewed for 60 s');
      expect(lease.lost.aborted).toBe(true);
      await lease.renew();
      expect(() => lease.pass()).toThrow(Fault);
      expect(await standing()).toEqual(before);
    });

    it('is not lost because the wall clock was set back', async () => {
      const { lease } = await claimed(ann);
      clock.wall -= 3_600_000;
      expect(lease.pass()).toBe(30_000);
    });

    it('is lost to a stop of the machine also after the wall clock was set back', async () => {
      const { lease } = await claimed(ann);
      clock.wall -= 3_600_000;
      lease.pass();
      // The steady clock stands still while a virtual machine is stopped.
      clock.wall += TERMS.periodMs + 1;
      expect(() => lease.pass()).toThrow('it was not renewed');
    });

    it('is lost when someone else took it, and stays theirs', async () => {
      const { lease } = await claimed(ann);
      await claimed(bob, { isAlive: () => false });
      await lease.renew();
      expect(() => lease.pass()).toThrow('the lease is lost: someone else took it');
      await lease.release();
      expect((await standing())?.holder).toBe('bob');
    });

    it('survives a renewal that fails, and is renewed by the next', async () => {
      const real = backend.open(name).lock;
      let isDown = true;
      const flaky: Lock = {
        place: real.place,
        read: () => real.read(),
        take: (...how) => real.take(...how),
        drop: (tag) => real.drop(tag),
        renew: (text, tag) =>
          isDown
            ? Promise.reject(new Fault({ code: 'record-unreachable', what: 'down' }))
            : real.renew(text, tag),
      };
      const options = { isAlive: () => null, timeoutMs: 0, terms: TERMS, clock, tell: () => {} };
      const { lease } = await claim(flaky, ann, options);
      clock.pass(45_000);
      await lease.renew();
      expect(lease.pass()).toBe(15_000);
      isDown = false;
      await lease.renew();
      expect(lease.pass()).toBe(30_000);
    });

    it('is lost where its renewal is answered after its end', async () => {
      const real = backend.open(name).lock;
      const slow: Lock = {
        place: real.place,
        read: () => real.read(),
        take: (...how) => real.take(...how),
        drop: (tag) => real.drop(tag),
        renew: async (text, tag) => {
          const renewed = await real.renew(text, tag);
          clock.pass(61_000);
          return renewed;
        },
      };
      const options = { isAlive: () => null, timeoutMs: 0, terms: TERMS, clock, tell: () => {} };
      const { lease } = await claim(slow, ann, options);
      await lease.renew();
      expect(() => lease.pass()).toThrow('its renewal came too late');
    });

    it('leaves nothing behind once it is given back', async () => {
      const { lease } = await claimed(ann);
      await lease.renew();
      await lease.release();
      await lease.release();
      expect(await standing()).toBeNull();
      expect(await backend.open(name).list('lease')).toEqual([]);
      expect(() => lease.pass()).toThrow('it was given back');
    });
  });
});

describe('the native lease of Azure', () => {
  it('keeps a holder in that renews it, though a watcher with a fast clock would replace it', async () => {
    const name = `r${randomUUID().slice(0, 8)}`;
    const clock = new TestClock();
    const options = { isAlive: () => null, timeoutMs: 0, terms: TERMS, clock, tell: () => {} };
    await claim(AZURE.open(name).lock, holder({ holder: 'ann' }), options);
    const begun = clock.steady;
    const second = claim(AZURE.open(name).lock, holder({ holder: 'bob' }), options);
    await expect(second).rejects.toMatchObject({
      code: 'lease-held',
      message: expect.stringContaining('ann') as string,
    });
    // It looks once a second, and does not ask again and again.
    expect(clock.steady - begun).toBe(92_000);
  });

  it('lets a lost runner be replaced at once where the service says how long ago it was heard of', async () => {
    const name = `r${randomUUID().slice(0, 8)}`;
    const clock = new TestClock();
    const real = AZURE.open(name).lock;
    const aged: Lock = {
      place: real.place,
      read: async () => {
        const there = await real.read();
        return there === null ? null : { ...there, ageMs: 90_000 };
      },
      take: (...how) => real.take(...how),
      drop: (tag) => real.drop(tag),
      renew: (text, tag) => real.renew(text, tag),
    };
    const options = { isAlive: () => null, timeoutMs: 0, terms: TERMS, clock, tell: () => {} };
    await claim(real, holder({ holder: 'ann' }), options);
    await AZURE.expire(name);
    const begun = clock.steady;
    expect((await claim(aged, holder({ holder: 'bob' }), options)).from?.holder).toBe('ann');
    expect(clock.steady).toBe(begun);
  });
});
