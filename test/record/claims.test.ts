import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NODE_FILES } from '../../src/record/files.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { claimText } from '../../src/record/lease.ts';
import { emptyPlan } from '../support/empty-plan.ts';
import { recordOn, systemError } from '../support/files.ts';
import { claimed, holder, SHORT_TERMS } from '../support/lease.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-claims-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const now = (): string => '2026-11-22T03:00:00Z';
const actor = { name: 'ann', knownBy: 'os-user', host: 'here', run: null } as const;

function begin(held: HeldRecord): ReturnType<HeldRecord['begin']> {
  const facts = { apply: 'a1', lineage: 'l', serial: 0, planDigest: 'd', actor, reason: null, ticket: null };
  return held.begin({ type: 'begin', format: 1, plan: emptyPlan('shop'), ...facts }, now);
}

async function claims(): Promise<string[]> {
  return (await readdir(join(directory, 'shop'))).filter((name) => name.startsWith('lease'));
}

describe('taking the place of a claim', () => {
  it('goes on where a claimer died before it had removed the one that it replaced', async () => {
    await (await claimed(recordOn(directory))).release();
    for (const name of ['lease-000001.json', 'lease-000002.json'])
      await writeFile(join(directory, 'shop', name), claimText(holder()));
    let looks = 0;
    const isAlive = (): boolean => {
      if ((looks += 1) > 5) throw new Error('it looks for ever');
      return false;
    };
    const held = await claimed(recordOn(directory), holder(), { isAlive });
    await held.release();
    expect(await claims()).toEqual([]);
  });

  it('gives way to one that was made anew while the old one was given back', async () => {
    const old = await claimed(recordOn(directory));
    const inBetween: (() => Promise<unknown>)[] = [];
    const slow = recordOn(directory, {
      create: (path) => {
        const file = NODE_FILES.create(path);
        const sync = async (): Promise<void> => {
          await file.sync();
          await inBetween.pop()?.();
        };
        return path.includes('lease-') ? { ...file, sync } : file;
      },
    });
    inBetween.push(async () => {
      await old.release();
      await claimed(recordOn(directory), holder({ holder: 'bob' }));
    });
    const answers = [false];
    const isAlive = (): boolean => answers.pop() ?? true;
    await expect(claimed(slow, holder({ holder: 'carl' }), { isAlive })).rejects.toMatchObject({
      code: 'lease-held',
    });
    expect(await recordOn(directory).holder()).toMatchObject({ holder: 'bob' });
  });

  it('leaves a record new to which nothing was written: a saved plan still applies', async () => {
    await claimed(recordOn(directory));
    const held = await claimed(recordOn(directory));
    expect((await recordOn(directory).read()).serial).toBe(0);
    await held.release();
  });
});

describe('a renewal', () => {
  it('that took effect and was reported as failed loses nothing', async () => {
    const errors: Error[] = [];
    let syncs = 0;
    const record = recordOn(directory, {
      syncDirectory: (path) => {
        syncs += 1;
        const error = errors.pop();
        return error === undefined ? NODE_FILES.syncDirectory(path) : Promise.reject(error);
      },
    });
    const held = await claimed(record, holder(), { terms: SHORT_TERMS });
    errors.push(systemError('EIO'));
    await expect.poll(() => errors.length, { timeout: 5_000 }).toBe(0);
    const before = syncs;
    await expect.poll(() => syncs, { timeout: 5_000 }).toBeGreaterThan(before);
    expect(held.fence.pass()).toBeGreaterThan(0);
    await held.release();
    expect(await claims()).toEqual([]);
  });

  it('that hangs until the lease ran out ends the waiting of whoever waits, and so does its release', async () => {
    let hangs = false;
    const record = recordOn(directory, {
      names: (path) => (hangs ? new Promise(() => {}) : NODE_FILES.names(path)),
    });
    const terms = { periodMs: 1_000, renewMs: 100, longestActMs: 100 };
    const held = await claimed(record, holder(), { terms });
    hangs = true;
    await expect.poll(() => held.fence.lost.aborted, { timeout: 10_000 }).toBe(true);
    expect(() => held.fence.pass()).toThrow('the lease is lost');
    await held.release();
  });

  it('that was answered before someone else took the claim does not let its holder begin', async () => {
    let answer = (): void => {};
    let looks = 0;
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const record = recordOn(directory, {
      names: async (path) => {
        const names = await NODE_FILES.names(path);
        // A claim looks three times; a renewal once before it writes, and once after.
        if ((looks += 1) === 5) await late;
        return names;
      },
    });
    const held = await claimed(record, holder(), { terms: { ...SHORT_TERMS, renewMs: 50 } });
    await expect.poll(() => looks, { timeout: 5_000 }).toBe(5);
    const other = await claimed(recordOn(directory), holder({ holder: 'bob' }));
    const begun = begin(held);
    await expect.poll(async () => (await recordOn(directory).interrupted())?.length).toBe(1);
    answer();
    await expect(begun).rejects.toMatchObject({ code: 'lease-lost' });
    await other.release();
  });
});
