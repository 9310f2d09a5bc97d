import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Notice } from '../../src/model/notice.ts';
import { BlobStore } from '../../src/providers/blob-store.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import { tellOnce } from '../../src/record/notice-claims.ts';
import { temporaryFolder } from '../cli/project.ts';
import { placeIn, startAzurite } from '../support/azurite.ts';

const NOW = '2026-11-26T10:00:00Z';
const overdue: Pick<Notice, 'event' | 'about' | 'key'> = {
  event: 'overdue',
  about: 'vault://shop/key',
  key: 'overdue shop vault://shop/key 2026-11-23T02:00:00Z',
};

/** One directory as several machines see it, and what a receiver was told there. */
async function place() {
  const directory = await temporaryFolder();
  const told: string[] = [];
  return {
    directory,
    told,
    tell: (answer: string | null | Promise<string | null> = null, now = NOW, notice = overdue, to = 'ops') =>
      tellOnce(
        new LocalStore(directory, 'state/shop'),
        to,
        notice,
        () => now,
        async () => {
          told.push(`${to} ${notice.key}`);
          return answer;
        },
      ),
    names: () => new LocalStore(directory, 'state/shop').list('notices/'),
  };
}

describe('a notice that stands, of a record in Azure', () => {
  it('is told by one of several machines, and what failed by the next run', async () => {
    const azurite = await startAzurite();
    onTestFinished(() => azurite.stop());
    const told: string[] = [];
    const tell = (to: string, answer: string | null) =>
      tellOnce(
        new BlobStore(placeIn(azurite.endpoint, 'tfstate-keyturn'), 'shop'),
        to,
        overdue,
        () => NOW,
        async () => {
          told.push(to);
          return answer;
        },
      );
    const first = await Promise.all(Array.from({ length: 4 }, () => tell('ops', 'answered 503')));
    expect(first.filter((delivery) => delivery !== null)).toMatchObject([{ failure: 'answered 503' }]);
    expect(await tell('ops', null)).toMatchObject({ failure: null });
    expect(await tell('ops', null)).toBeNull();
    expect(told).toEqual(['ops', 'ops']);
  });
});

describe('a notice that stands', () => {
  it('is told once, whoever finds it and however often, and another one beside it', async () => {
    const { tell, told } = await place();
    expect(await tell()).toEqual({
      to: 'ops',
      event: 'overdue',
      about: overdue.about,
      at: NOW,
      failure: null,
    });
    expect(await tell(null, '2026-11-27T10:00:00Z')).toBeNull();
    expect(told).toHaveLength(1);
    expect(await tell(null, NOW, { ...overdue, key: 'another date' })).not.toBeNull();
    expect(await tell(null, NOW, overdue, 'somebody-else')).not.toBeNull();
    expect(told).toHaveLength(3);
  });

  it('is told by one of several machines that find it at one time', async () => {
    const { tell, told } = await place();
    const deliveries = await Promise.all(Array.from({ length: 8 }, () => tell()));
    expect(deliveries.filter((delivery) => delivery !== null)).toHaveLength(1);
    expect(told).toHaveLength(1);
  });

  it('that could not be told stands with the reason, and is told by the next run', async () => {
    const { directory, tell, told, names } = await place();
    expect(await tell('answered 503')).toMatchObject({ failure: 'answered 503' });
    const [name = ''] = await names();
    expect(JSON.parse(await readFile(join(directory, name), 'utf8'))).toEqual({
      format: 1,
      ...overdue,
      to: 'ops',
      at: NOW,
      isTold: false,
      failure: 'answered 503',
    });
    expect(await tell()).toMatchObject({ failure: null });
    expect(await tell()).toBeNull();
    expect(told).toHaveLength(2);
  });

  it('that somebody is about to tell is left to him, until he must be dead', async () => {
    const { tell, told } = await place();
    const never = new Promise<null>(() => {});
    void tell(never);
    await expect.poll(() => told.length).toBe(1);
    expect(await tell(null, '2026-11-26T10:09:00Z')).toBeNull();
    expect(await tell(null, '2026-11-26T10:11:00Z')).not.toBeNull();
    expect(await tell(null, '2026-11-26T10:30:00Z')).toBeNull();
  });

  it('of more than 90 days ago is forgotten, a few with each new one', async () => {
    const { tell, names } = await place();
    const tellOf = (key: string, at: string) => tell(null, at, { ...overdue, key });
    for (let day = 10; day < 30; day += 1) await tellOf(`old ${day}`, `2026-01-${day}T00:00:00Z`);
    await tellOf('of late', '2026-05-01T00:00:00Z');
    const left = (await names()).length;
    expect(left).toBeLessThan(21);
    for (let day = 10; day < 30; day += 1) await tellOf(`new ${day}`, `2026-05-${day}T00:00:00Z`);
    expect(await names()).toHaveLength(21);
    expect(await tellOf('of late', '2026-05-30T00:00:00Z')).toBeNull();
  });
});
