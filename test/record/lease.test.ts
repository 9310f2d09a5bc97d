import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Holder } from '../../src/record/lease.ts';
import { acquireLease } from '../../src/record/lease.ts';
import { LocalStore } from '../../src/record/local-store.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-lease-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const CONTENDERS = Array.from({ length: 20 }, (_, index) => `contender-${index}`);

const open = (): LocalStore => new LocalStore(directory, 'state/shop');
const isAlive = ({ id }: Holder): boolean => CONTENDERS.includes(id);

function holder(id: string): Holder {
  const process = { host: 'here', pid: 1, started: null };
  return {
    format: 1,
    id,
    holder: id,
    ...process,
    purpose: 'apply',
    run: null,
    since: '2026-11-22T03:00:00Z',
  };
}

/** All contenders at once, each as a process of its own would; resolves with what each of them got. */
function contend(): Promise<PromiseSettledResult<() => Promise<void>>[]> {
  return Promise.allSettled(CONTENDERS.map((id) => acquireLease(open(), holder(id), isAlive)));
}

function wonBy(
  results: readonly PromiseSettledResult<() => Promise<void>>[],
): { readonly id: string; readonly release: () => Promise<void> }[] {
  return results.flatMap((result, index) =>
    result.status === 'fulfilled' ? [{ id: CONTENDERS[index] ?? '', release: result.value }] : [],
  );
}

async function holderOnDisk(): Promise<string> {
  const lease = await open().get('lease.json');
  return (JSON.parse(lease?.text ?? '{}') as { readonly id: string }).id;
}

/** Wins the right to replace the dead holder, and dies before it writes the lease. */
async function dieAsWinner(id: string): Promise<void> {
  const store = open();
  const put = store.put.bind(store);
  store.put = (name, text, expect) =>
    expect === 'any' ? Promise.reject(new Error('killed')) : put(name, text, expect);
  await expect(acquireLease(store, holder(id), isAlive)).rejects.toThrow('killed');
}

describe("a dead holder's lease", () => {
  it('goes to exactly one of twenty that want it at once', async () => {
    await acquireLease(open(), holder('dead'), isAlive);
    const results = await contend();
    const won = wonBy(results);
    expect(won).toHaveLength(1);
    expect(await holderOnDisk()).toBe(won[0]?.id);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'lease-held' });
  });

  it('goes to exactly one of twenty when the one that won it before has died too', async () => {
    await acquireLease(open(), holder('dead'), isAlive);
    await dieAsWinner('died-in-between');
    expect(await holderOnDisk()).toBe('dead');
    const won = wonBy(await contend());
    expect(won).toHaveLength(1);
    expect(await holderOnDisk()).toBe(won[0]?.id);
  });

  it('leaves no file behind once its new holder has given it back', async () => {
    await acquireLease(open(), holder('dead'), isAlive);
    const [winner] = wonBy(await contend());
    await winner?.release();
    expect(await readdir(directory)).toEqual([]);
  });
});
