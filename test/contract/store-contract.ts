import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../src/model/store.ts';
import { Changed } from '../../src/model/store.ts';
import type { StackRecord } from '../../src/record/record.ts';
import { claimed, holder } from '../support/lease.ts';
import { BEGIN, END, ENTRY, NOW } from '../support/one-apply.ts';

/** What a store is made and looked at with. */
export interface StoreUnderTest {
  /** A further client of the record of this name, as another process would have. */
  open(name: string): ObjectStore;
  record(store: ObjectStore): StackRecord;
  /** Writes bytes behind a log's end, past every check: what a crash or a stranger leaves. */
  scribble(name: string, object: string, text: string): Promise<void>;
}

const claimOf = (name: string): string => `{"holder":"${name}"}\n`;
const nameOfRecord = (): string => `r${randomUUID().slice(0, 8)}`;

/** Every clause of ObjectStore and Lock (src/model/store.ts), for any implementation. */
export function storeContract(test: StoreUnderTest): void {
  const pair = (): [ObjectStore, ObjectStore, string] => {
    const name = nameOfRecord();
    return [test.open(name), test.open(name), name];
  };

  describe('objects', () => {
    it('reads nothing where nothing was written', async () => {
      const [store] = pair();
      expect(await store.get('state.json')).toBeNull();
      expect(await store.list('history/')).toEqual([]);
      await store.remove('state.json');
      expect(await store.lock.read()).toBeNull();
    });

    it('gives back what was put, with the tag that the put returned', async () => {
      const [store, other] = pair();
      const tag = await store.put('state.json', '{"ö":1}\n', 'absent');
      expect(await other.get('state.json')).toEqual({ text: '{"ö":1}\n', tag });
    });

    it('puts over the content that is named and over no other', async () => {
      const [store, other] = pair();
      const first = await store.put('state.json', 'one', 'absent');
      const second = await other.put('state.json', 'two', { tag: first });
      await expect(store.put('state.json', 'three', { tag: first })).rejects.toBeInstanceOf(Changed);
      expect(await store.get('state.json')).toEqual({ text: 'two', tag: second });
    });

    it('puts what must be new only where nothing is, and over a content only where it is', async () => {
      const [store, other] = pair();
      const tag = await store.put('history/000001.json', 'one', 'absent');
      await expect(other.put('history/000001.json', 'one', 'absent')).rejects.toBeInstanceOf(Changed);
      await store.remove('history/000001.json', tag);
      await expect(other.put('history/000001.json', 'two', { tag })).rejects.toBeInstanceOf(Changed);
      expect(await store.get('history/000001.json')).toBeNull();
    });

    it('lets exactly one of twenty put over the same content', async () => {
      const [store, , name] = pair();
      const tag = await store.put('state.json', 'zero', 'absent');
      const puts = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => test.open(name).put('state.json', `text ${index}`, { tag })),
      );
      expect(winners(puts)).toHaveLength(1);
    });

    it('lists names that begin with a prefix, sorted', async () => {
      const [store, other] = pair();
      for (const number of [10, 2, 1])
        await store.put(`history/${String(number).padStart(6, '0')}.json`, 'x', 'absent');
      await store.put('state.json', 'x', 'absent');
      const names = ['history/000001.json', 'history/000002.json', 'history/000010.json'];
      expect(await other.list('history/')).toEqual(names);
      expect(await other.list('history/00001')).toEqual(['history/000010.json']);
      expect(await other.list('state')).toEqual(['state.json']);
    });

    it('removes what is named, once and twice, and nothing that changed', async () => {
      const [store, other] = pair();
      const tag = await store.put('state.json', 'one', 'absent');
      const newer = await other.put('state.json', 'two', { tag });
      await expect(store.remove('state.json', tag)).rejects.toBeInstanceOf(Changed);
      await store.remove('state.json', newer);
      await store.remove('state.json', newer);
      expect(await other.get('state.json')).toBeNull();
    });

    it('removes whatever is there when no content is named', async () => {
      const [store, other] = pair();
      await store.put('state.json', 'one', 'absent');
      await other.remove('state.json');
      expect(await store.get('state.json')).toBeNull();
    });

    it('takes the same text written again for another write where the tag of before says so', async () => {
      const [store] = pair();
      const first = await store.put('state.json', 'one', 'absent');
      const second = await store.put('state.json', 'two', { tag: first });
      const third = await store.put('state.json', 'one', { tag: second });
      expect(await store.get('state.json')).toEqual({ text: 'one', tag: third });
    });
  });

  describe('a log', () => {
    it('begins empty, only where there is none, and grows by whole lines', async () => {
      const [store, other] = pair();
      const start = await store.startLog('journal.jsonl');
      expect((await other.get('journal.jsonl'))?.text).toBe('');
      await expect(other.startLog('journal.jsonl')).rejects.toBeInstanceOf(Changed);
      const one = await store.append('journal.jsonl', 'one ö', start);
      await store.append('journal.jsonl', 'two', one);
      expect((await other.get('journal.jsonl'))?.text).toBe('one ö\ntwo\n');
    });

    it('goes on from the tag that a read returned', async () => {
      const [store, other] = pair();
      await store.append('journal.jsonl', 'one', await store.startLog('journal.jsonl'));
      const there = await other.get('journal.jsonl');
      await other.append('journal.jsonl', 'two', there?.tag ?? '');
      expect((await store.get('journal.jsonl'))?.text).toBe('one\ntwo\n');
    });

    it('takes no line after one of somebody else', async () => {
      const [store, other] = pair();
      const start = await store.startLog('journal.jsonl');
      const one = await store.append('journal.jsonl', 'one', start);
      await other.append('journal.jsonl', 'theirs', one);
      await expect(store.append('journal.jsonl', 'two', one)).rejects.toBeInstanceOf(Changed);
      await expect(store.append('journal.jsonl', 'two', start)).rejects.toBeInstanceOf(Changed);
      expect((await store.get('journal.jsonl'))?.text).toBe('one\ntheirs\n');
    });

    it('takes no line where it was removed', async () => {
      const [store, other] = pair();
      const tag = await store.append('journal.jsonl', 'one', await store.startLog('journal.jsonl'));
      await other.remove('journal.jsonl');
      await expect(store.append('journal.jsonl', 'two', tag)).rejects.toBeInstanceOf(Changed);
      expect(await other.get('journal.jsonl')).toBeNull();
    });

    it('is removed by the tag of its last append, and kept where it went on', async () => {
      const [store, other] = pair();
      const one = await store.append('journal.jsonl', 'one', await store.startLog('journal.jsonl'));
      const two = await other.append('journal.jsonl', 'two', one);
      await expect(store.remove('journal.jsonl', one)).rejects.toBeInstanceOf(Changed);
      await other.remove('journal.jsonl', two);
      expect(await store.get('journal.jsonl')).toBeNull();
    });

    it('goes on behind a torn line, which costs no other', async () => {
      const [store, other, name] = pair();
      const tag = await store.append('journal.jsonl', 'one', await store.startLog('journal.jsonl'));
      await test.scribble(name, 'journal.jsonl', 'tor');
      await expect(store.append('journal.jsonl', 'two', tag)).rejects.toBeInstanceOf(Changed);
      const there = await other.get('journal.jsonl');
      await other.append('journal.jsonl', '\ntwo', there?.tag ?? '');
      expect((await store.get('journal.jsonl'))?.text).toBe('one\ntor\ntwo\n');
    });

    it('lets exactly one of twenty append at one place', async () => {
      const [store, , name] = pair();
      const tag = await store.startLog('journal.jsonl');
      const appends = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          test.open(name).append('journal.jsonl', `line ${index}`, tag),
        ),
      );
      expect(winners(appends)).toHaveLength(1);
      expect((await store.get('journal.jsonl'))?.text).toMatch(/^line \d+\n$/);
    });
  });

  describe('the claim', () => {
    it('is read as it was taken', async () => {
      const [store, other] = pair();
      await store.lock.take(claimOf('ann'), null, false);
      expect((await other.lock.read())?.text).toBe(claimOf('ann'));
    });

    it('is taken by exactly one of twenty who found none', async () => {
      const [store, , name] = pair();
      const takes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          test.open(name).lock.take(claimOf(`n${index}`), null, false),
        ),
      );
      const [winner] = winners(takes);
      expect(winners(takes)).toEqual([winner]);
      expect((await store.lock.read())?.text).toBe(claimOf(`n${winner}`));
    });

    it('is taken over from a dead holder by exactly one of twenty', async () => {
      const [store, , name] = pair();
      await store.lock.take(claimOf('dead'), null, false);
      const over = (await store.lock.read())?.tag ?? '';
      const takes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => test.open(name).lock.take(claimOf(`n${index}`), over, true)),
      );
      const [winner] = winners(takes);
      expect(winners(takes)).toEqual([winner]);
      expect((await store.lock.read())?.text).toBe(claimOf(`n${winner}`));
    });

    it('is not taken in the place of none where one stands, nor of one that does not stand any more', async () => {
      const [store, other] = pair();
      const own = await store.lock.take(claimOf('ann'), null, false);
      const seen = (await other.lock.read())?.tag ?? '';
      await expect(other.lock.take(claimOf('bob'), null, true)).rejects.toBeInstanceOf(Changed);
      const renewed = await store.lock.renew(claimOf('ann anew'), own);
      await expect(other.lock.take(claimOf('bob'), seen, true)).rejects.toBeInstanceOf(Changed);
      expect((await other.lock.read())?.text).toBe(claimOf('ann anew'));
      await store.lock.renew(claimOf('ann again'), renewed);
    });

    it('stands with another tag once it is renewed, and can be renewed again', async () => {
      const [store, other] = pair();
      const first = await store.lock.take(claimOf('ann'), null, false);
      const seen = await other.lock.read();
      const second = await store.lock.renew(claimOf('ann 2'), first);
      await store.lock.renew(claimOf('ann 3'), second);
      const there = await other.lock.read();
      expect(there?.text).toBe(claimOf('ann 3'));
      expect(there?.tag).not.toBe(seen?.tag);
    });

    it('is neither renewed nor dropped by whoever lost it', async () => {
      const [store, other] = pair();
      const own = await store.lock.take(claimOf('ann'), null, false);
      const seen = (await other.lock.read())?.tag ?? '';
      await other.lock.take(claimOf('bob'), seen, true);
      await expect(store.lock.renew(claimOf('ann'), own)).rejects.toBeInstanceOf(Changed);
      await store.lock.drop(own);
      expect((await store.lock.read())?.text).toBe(claimOf('bob'));
    });

    it('is renewed by whoever took it over', async () => {
      const [store, other] = pair();
      await store.lock.take(claimOf('ann'), null, false);
      const taken = await other.lock.take(claimOf('bob'), (await other.lock.read())?.tag ?? '', true);
      await other.lock.renew(claimOf('bob 2'), taken);
      expect((await store.lock.read())?.text).toBe(claimOf('bob 2'));
    });

    it('is gone once it is dropped, also twice, and free for anybody', async () => {
      const [store, other] = pair();
      const own = await store.lock.take(claimOf('ann'), null, false);
      const renewed = await store.lock.renew(claimOf('ann 2'), own);
      await store.lock.drop(renewed);
      await store.lock.drop(renewed);
      expect(await other.lock.read()).toBeNull();
      await other.lock.take(claimOf('bob'), null, false);
      await store.lock.drop(renewed);
      expect((await store.lock.read())?.text).toBe(claimOf('bob'));
    });

    it('cannot be renewed once it is dropped', async () => {
      const [store] = pair();
      const own = await store.lock.take(claimOf('ann'), null, false);
      await store.lock.drop(own);
      await expect(store.lock.renew(claimOf('ann'), own)).rejects.toBeInstanceOf(Changed);
    });
  });

  describe('a holder that was taken for dead', () => {
    /** Two programs with the record: one that holds it and is in the middle of an apply, one that comes later. */
    const both = async () => {
      const [store, other] = pair();
      const early = await claimed(test.record(store), holder({ holder: 'early' }));
      const journal = await early.begin(BEGIN, () => NOW);
      const late = test.record(other);
      return { early, journal, late, take: () => claimed(late, holder({ holder: 'late' })) };
    };

    it('writes no line more, though it does not know yet that it lost the lease', async () => {
      const { journal, late, take } = await both();
      await take();
      const before = await late.interrupted();
      await expect(journal.append(END)).rejects.toMatchObject({ code: 'lease-lost' });
      expect(await late.interrupted()).toEqual(before);
      expect(before?.map((line) => line.type)).toEqual(['begin', 'fence']);
    });

    it('writes no state more, and removes no journal', async () => {
      const { early, journal, late, take } = await both();
      const held = await take();
      await expect(early.finish(journal, ENTRY)).rejects.toMatchObject({ code: 'lease-lost' });
      expect((await late.read()).head).toBeNull();
      const resumed = await held.resume(() => NOW);
      expect(resumed?.lines.map((line) => line.type)).toEqual(['begin', 'fence', 'fence']);
    });

    it('begins no apply more where it had not begun one', async () => {
      const [store, other] = pair();
      const early = await claimed(test.record(store));
      const late = await claimed(test.record(other));
      await expect(early.begin(BEGIN, () => NOW)).rejects.toMatchObject({ code: 'lease-lost' });
      expect((await late.begin(BEGIN, () => NOW)).lines).toHaveLength(1);
    });

    it('leaves the lease of whoever took it', async () => {
      const { early, late, take } = await both();
      await take();
      await early.release();
      expect((await late.holder())?.holder).toBe('late');
    });

    it('is followed by one that ends its apply', async () => {
      const { late, take } = await both();
      const held = await take();
      const journal = await held.resume(() => NOW);
      if (journal === null) throw new Error('there is no journal to go on with');
      await journal.append(END);
      expect(await held.finish(journal, ENTRY)).toMatchObject({ head: { entry: 1 } });
      await held.release();
      expect(await late.interrupted()).toBeNull();
      expect(await late.holder()).toBeNull();
    });
  });
}

/** Who of several succeeded; whoever did not must have been told that someone else was faster. */
function winners(results: readonly PromiseSettledResult<unknown>[]): number[] {
  return results.flatMap((result, index) => {
    if (result.status === 'rejected' && !(result.reason instanceof Changed)) throw result.reason;
    return result.status === 'fulfilled' ? [index] : [];
  });
}
