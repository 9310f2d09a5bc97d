import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ObjectStore } from '../../src/model/store.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import { StackRecord } from '../../src/record/record.ts';
import { claimed } from '../support/lease.ts';
import { BEGIN, END, ENTRY, NOW } from '../support/one-apply.ts';

const ASKED = ['get', 'put', 'startLog', 'append', 'list', 'remove'] as const;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-growth-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** The store, and what is asked of it from now on: each operation and name, entries of the history without their numbers. */
function watched(store: ObjectStore): { readonly store: ObjectStore; readonly take: () => string[] } {
  const asked: string[] = [];
  const seen = new Proxy(store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (ASKED.some((each) => each === key))
          asked.push(`${String(key)} ${String(args[0]).replace(/\d{6}/, 'N')}`);
        return Reflect.apply(value, target, args);
      };
    },
  });
  return { store: seen, take: () => asked.splice(0) };
}

/** What a plan reads of the record, and what an apply that changes nothing asks of it. */
async function askedAt(length: number): Promise<{ readonly plan: string[]; readonly apply: string[] }> {
  const { store, take } = watched(new LocalStore(join(directory, String(length)), 'shop'));
  const record = new StackRecord(store, 'shop', randomUUID);
  const apply = async (): Promise<void> => {
    const held = await claimed(record);
    const { serial } = await record.read();
    const journal = await held.begin({ ...BEGIN, serial }, () => NOW);
    await journal.append(END);
    await held.finish(journal, { ...ENTRY, entry: serial + 1 });
    await held.release();
  };
  for (let entries = 0; entries < length; entries += 1) await apply();
  take();
  await record.read();
  await record.interrupted();
  const plan = take();
  await apply();
  const applied = take();
  expect(await record.history.numbers()).toHaveLength(length + 1);
  return { plan, apply: applied };
}

it('a plan and an apply ask the same of a record, however long its history is', async () => {
  const [short, long] = [await askedAt(2), await askedAt(70)];
  expect(long).toEqual(short);
  expect(short.plan.length).toBeGreaterThan(0);
  expect(short.plan.filter((each) => each.includes('history/'))).toEqual([]);
});
