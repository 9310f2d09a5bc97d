import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { Aside } from '../../src/record/aside.ts';
import { asideEntry } from '../../src/record/aside.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import type { Journal } from '../../src/record/journal-file.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { openRecord } from '../../src/record/record.ts';
import type { StackRecord } from '../../src/record/record.ts';
import { emptyPlan } from '../support/empty-plan.ts';
import { claimed, holder } from '../support/lease.ts';

const NOW = '2026-11-22T03:00:00Z';
const ANN = { name: 'ann', knownBy: 'os-user', host: 'here', run: null } as const;

let directory: string;
let record: StackRecord;
let held: HeldRecord;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-aside-'));
  record = openRecord({ directory, stack: 'shop' });
  held = await claimed(record, holder({ holder: 'ann' }));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function begin(apply: string): Promise<Journal> {
  const facts = { apply, lineage: 'l', serial: 0, planDigest: apply, plan: emptyPlan('shop'), actor: ANN };
  return held.begin({ type: 'begin', format: 1, ...facts, reason: null, ticket: null }, () => NOW);
}

async function applied(apply: string): Promise<void> {
  const journal = await begin(apply);
  await held.finish(journal, entryOf(apply, journal));
}

function entryOf(apply: string, { base }: Journal): HistoryEntry {
  return {
    format: 1,
    entry: (base.head?.entry ?? 0) + 1,
    previous: base.head?.digest ?? null,
    kind: 'apply',
    apply,
    startedAt: NOW,
    endedAt: NOW,
    actor: ANN,
    continued: [],
    reason: null,
    ticket: null,
    planDigest: apply,
    outcome: 'done',
    versions: {},
    steps: [],
  };
}

function refusal(id: string, at = NOW): Aside {
  const fault = { code: 'plan-stale' as const, what: 'the plan is stale' };
  return {
    kind: 'refused',
    id,
    at,
    actor: { ...ANN, name: 'bob' },
    reason: null,
    ticket: 'OPS-1',
    planDigest: 'p',
    commit: null,
    notes: [],
    refusal: { tried: 'apply of plan p', fault },
  };
}

async function kinds(): Promise<string[]> {
  const numbers = await record.history.numbers();
  const entries = await Promise.all(numbers.map((number) => record.history.show(number)));
  // Each names the digest of the one before.
  for (const { entry, previous } of entries)
    expect(previous).toBe(entry === 1 ? null : await record.history.digestAt(entry - 1));
  expect((await record.read()).head?.entry).toBe(entries.at(-1)?.entry);
  return entries.map(({ kind, apply }) => `${kind} ${apply}`);
}

describe('an attempt that was refused', () => {
  it('is left without a lease, and the next apply takes it into the history', async () => {
    await applied('a1');
    await record.leave(refusal('r2', '2026-11-22T04:00:00Z'));
    await record.leave(refusal('r1'));
    expect((await record.left()).map(({ id }) => id)).toEqual(['r1', 'r2']);
    await applied('a2');
    expect(await kinds()).toEqual(['apply a1', 'apply a2', 'refused r1', 'refused r2']);
    expect(await record.left()).toEqual([]);
    expect(await record.history.show(3)).toMatchObject({
      actor: { name: 'bob' },
      ticket: 'OPS-1',
      refusal: { tried: 'apply of plan p', fault: { code: 'plan-stale' } },
    });
  });

  it('is not taken in twice where a crash came before it was removed', async () => {
    await applied('a1');
    await record.leave(refusal('r1'));
    const remove = record.store.remove.bind(record.store);
    record.store.remove = (name, tag) =>
      name.startsWith('refused/') ? Promise.reject(new Error('gone')) : remove(name, tag);
    await applied('a2');
    record.store.remove = remove;
    await applied('a3');
    expect(await kinds()).toEqual(['apply a1', 'apply a2', 'refused r1', 'apply a3']);
    expect(await record.left()).toEqual([]);
  });

  it('is not taken in twice either where much else came between', async () => {
    await applied('a1');
    for (const id of ['r1', 'r2']) await record.leave(refusal(id));
    const remove = record.store.remove.bind(record.store);
    record.store.remove = (name, tag) =>
      name.startsWith('refused/') ? Promise.reject(new Error('gone')) : remove(name, tag);
    await applied('a2');
    for (const id of ['u1', 'u2', 'u3', 'u4']) await held.note({ ...refusal(id), kind: 'unlock' });
    record.store.remove = remove;
    await applied('a3');
    const taken = (await kinds()).filter((text) => text.startsWith('refused'));
    expect(taken).toEqual(['refused r1', 'refused r2']);
  });

  it('stays for the next apply where the store fails, and fails nothing', async () => {
    await applied('a1');
    await record.leave(refusal('r1'));
    const list = record.store.list.bind(record.store);
    record.store.list = (folder) =>
      folder === 'refused/' ? Promise.reject(new Error('gone')) : list(folder);
    await applied('a2');
    record.store.list = list;
    expect(await kinds()).toEqual(['apply a1', 'apply a2']);
    await applied('a3');
    expect(await kinds()).toEqual(['apply a1', 'apply a2', 'apply a3', 'refused r1']);
  });

  it('whose entry was written and whose state was not is known to the next apply', async () => {
    await applied('a1');
    await record.history.add(asideEntry(refusal('r1'), (await record.read()).head));
    await applied('a2');
    expect(await kinds()).toEqual(['apply a1', 'refused r1', 'apply a2']);
  });

  it('says nothing of what an apply did, whatever somebody writes there', async () => {
    await applied('a1');
    const forged = {
      ...refusal('r1'),
      writes: [{ secret: 'vault://v/s', storeId: 'x', act: 'set', at: NOW }],
      versions: { 'vault://v/s': { before: 1, after: 2 } },
      entry: 9,
      steps: [{ id: 'g1.1', kind: 'mint', status: 'done' }],
    };
    await record.store.put('refused/forged.json', JSON.stringify({ format: 1, ...forged }), 'absent');
    await applied('a2');
    expect(await kinds()).toEqual(['apply a1', 'apply a2', 'refused r1']);
    const entry = await record.history.show(3);
    expect(entry).toMatchObject({ entry: 3, versions: {}, steps: [] });
    expect(entry.writes).toBeUndefined();
  });

  it('is kept in so many copies at most as an apply takes in at once', async () => {
    await applied('a1');
    for (let tries = 0; tries < 103; tries += 1) await record.leave(refusal(`r${tries}`));
    expect(await record.left()).toHaveLength(100);
  });
});

describe('what was no apply', () => {
  const unlock: Aside = { ...refusal('u1'), kind: 'unlock', notes: ['the lease was taken from cyd'] };

  it('is an entry at once where nothing is half-done', async () => {
    await applied('a1');
    await held.note(unlock);
    await applied('a2');
    expect(await kinds()).toEqual(['apply a1', 'unlock u1', 'apply a2']);
  });

  it('comes after the apply that did not end, whose number it must not take', async () => {
    await applied('a1');
    await begin('a2');
    await held.note(unlock);
    const journal = await held.resume(() => NOW);
    if (journal === null) throw new Error('nothing was open');
    await held.finish(journal, entryOf('a2', journal));
    expect(await kinds()).toEqual(['apply a1', 'apply a2', 'unlock u1']);
  });

  it('does not let an apply look open whose journal the state holds already', async () => {
    const journal = await begin('a1');
    const remove = record.store.remove.bind(record.store);
    record.store.remove = (name, tag) => (name === 'journal.jsonl' ? Promise.resolve() : remove(name, tag));
    await held.finish(journal, entryOf('a1', journal));
    record.store.remove = remove;
    expect(await readdir(join(directory, 'shop'))).toContain('journal.jsonl');
    await held.note(unlock);
    expect(await record.interrupted()).toBeNull();
    expect(await kinds()).toEqual(['apply a1', 'unlock u1']);
  });

  it('holds no value that somebody wrote into the reason: whoever takes it in does not know it', async () => {
    await applied('one');
    await held.release();
    const value = new SecretValue('written-by-mistake');
    const said = `it was ${value.reveal()}`;
    await record.leave({ ...refusal('a'), reason: said, ticket: said, notes: [said] });
    const folder = join(directory, 'shop', 'refused');
    const [name = ''] = await readdir(folder);
    const text = await readFile(join(folder, name), 'utf8');
    expect(text).not.toContain('written-by-mistake');
    expect(text.split('it was (secret value)')).toHaveLength(4);
  });
});
