import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/model/canonical.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { SettleStep } from '../../src/model/plan.ts';
import { parsePlanFile, planFileText } from '../../src/record/plan-file.ts';
import { openRecord } from '../../src/record/record.ts';
import type { StackRecord } from '../../src/record/record.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { emptyPlan } from '../support/empty-plan.ts';
import { claimed } from '../support/lease.ts';

const NOW = '2026-11-22T03:00:00Z';
let directory: string;
let record: StackRecord;
let held: HeldRecord;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-record-'));
  record = openRecord({ directory, stack: 'shop' });
  held = await claimed(record);
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const plan = emptyPlan('shop');

const SETTLE: SettleStep = {
  kind: 'settle',
  id: 'd1.1',
  group: 'd1',
  address: 'swarm://prod/api',
  needs: [],
  cause: { kind: 'first' },
  text: 'settle api',
  consumer: 'swarm://prod/api',
  platform: 'prod',
  service: 'api',
  inverse: null,
};

const actor = { name: 'ann', knownBy: 'os-user', host: 'here', run: null } as const;

function begin({ serial = 0, apply = 'a1' } = {}) {
  const facts = {
    apply,
    lineage: 'l',
    serial,
    planDigest: 'd',
    plan,
    actor,
    reason: null,
    ticket: null,
  };
  return held.begin({ type: 'begin', format: 1, ...facts }, () => NOW);
}

function entry(number = 1): HistoryEntry {
  return {
    format: 1,
    entry: number,
    previous: null,
    kind: 'apply',
    apply: 'a1',
    startedAt: NOW,
    endedAt: NOW,
    actor,
    continued: [],
    reason: null,
    ticket: null,
    planDigest: 'd',
    outcome: 'done',
    versions: {},
    steps: [],
  };
}

const path = (name: string): string => join(directory, 'shop', name);

describe('a record in a directory', () => {
  it('is an empty one of a new lineage before the first apply, and nothing is written by reading it', async () => {
    const [one, other] = [await record.read(), await record.read()];
    expect(one).toMatchObject({ serial: 0, secrets: {}, head: null });
    expect(other.lineage).not.toBe(one.lineage);
    await held.release();
    expect(await readdir(path('.'))).toEqual([]);
  });

  it('holds state and history after an apply, as canonical JSON that only its owner may read', async () => {
    const journal = await begin();
    await journal.append({ type: 'intent', step: SETTLE });
    await journal.append({ type: 'end', outcome: 'done' });
    const recorded = await held.finish(journal, entry());
    expect(recorded).toMatchObject({ serial: 1, lineage: 'l', usedPlans: ['d'], head: { entry: 1 } });
    expect(await record.read()).toEqual(recorded);
    expect(await readFile(path('state.json'), 'utf8')).toBe(`${canonicalJson(recorded)}\n`);
    await held.release();
    expect(await readdir(path('.'))).toEqual(['history', 'state.json']);
    expect((await stat(path('state.json'))).mode & 0o777).toBe(0o600);
    expect(await record.history.show(1)).toEqual(entry());
  });

  it('names what exists when a history entry is asked for that does not', async () => {
    await expect(record.history.show(3)).rejects.toMatchObject({ next: 'nothing was applied yet' });
  });

  it('refuses to begin over an apply that did not end', async () => {
    await begin();
    await expect(begin()).rejects.toMatchObject({ code: 'unfinished' });
  });

  it('cuts off a torn last line and goes on behind the last whole one', async () => {
    await begin();
    await writeFile(path('journal.jsonl'), `${await readFile(path('journal.jsonl'), 'utf8')}{"seq":2,"ty`);
    expect(await record.interrupted()).toHaveLength(1);
    const journal = await held.resume(() => NOW);
    await journal?.append({ type: 'end', outcome: 'stopped' });
    expect((await record.interrupted())?.map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'begin'],
      [2, 'fence'],
      [3, 'end'],
    ]);
  });

  it('refuses a journal that is broken anywhere else, and leaves it as it is', async () => {
    await begin();
    const text = `nonsense\n${await readFile(path('journal.jsonl'), 'utf8')}`;
    await writeFile(path('journal.jsonl'), text);
    await expect(record.read()).rejects.toThrow('line 1 of the journal');
    expect(await readFile(path('journal.jsonl'), 'utf8')).toBe(text);
  });

  it('takes a journal for folded when the state that follows it was written', async () => {
    const journal = await begin();
    const text = await readFile(path('journal.jsonl'), 'utf8');
    await held.finish(journal, entry());
    await writeFile(path('journal.jsonl'), text);
    expect(await record.interrupted()).toBeNull();
    expect(await held.resume(() => NOW)).toBeNull();
    expect(await readdir(path('.'))).not.toContain('journal.jsonl');
  });

  it('removes what is left of a journal whose first line was never whole', async () => {
    await begin();
    await writeFile(path('journal.jsonl'), '{"format":1,"seq":1,"ty');
    expect(await held.resume(() => NOW)).toBeNull();
    expect(await readdir(path('.'))).not.toContain('journal.jsonl');
  });

  it('is read again where two applies ended between the look at the journal and that at the state', async () => {
    await held.finish(await begin(), entry());
    await begin({ apply: 'a2' });
    const get = record.store.get.bind(record.store);
    const inBetween = [
      async () => {
        const second = await held.resume(() => NOW);
        if (second === null) throw new Error('there is no journal');
        await held.finish(second, { ...entry(2), apply: 'a2' });
        await held.finish(await begin({ apply: 'a3' }), { ...entry(3), apply: 'a3' });
      },
    ];
    record.store.get = async (name) => {
      if (name === 'state.json') await inBetween.pop()?.();
      return get(name);
    };
    expect(await record.interrupted()).toBeNull();
  });

  it('refuses to begin where the state is older than the history, before anything is changed', async () => {
    await begin();
    await record.history.add(entry());
    await rm(path('journal.jsonl'));
    await expect(begin()).rejects.toMatchObject({ code: 'bad-file' });
    expect(await record.interrupted()).toBeNull();
  });

  it('leaves the journal of whoever found an apply recorded and began another one', async () => {
    const journal = await begin();
    const other = `${await readFile(path('journal.jsonl'), 'utf8')}\n`;
    const put = record.store.put.bind(record.store);
    record.store.put = async (name, ...more) => {
      const tag = await put(name, ...more);
      if (name === 'state.json') await writeFile(path('journal.jsonl'), other);
      return tag;
    };
    expect((await held.finish(journal, entry())).serial).toBe(1);
    expect(await readFile(path('journal.jsonl'), 'utf8')).toBe(other);
  });

  it('can be finished again after an interruption between history and state', async () => {
    const journal = await begin();
    await record.history.add(entry());
    expect(await held.finish(journal, entry())).toMatchObject({ serial: 1, head: { entry: 1 } });
  });

  it.each([
    ['is empty', '', 'bad-file', 'the file is empty'],
    ['is cut off', '{"format":1,', 'bad-file', 'the file is no JSON'],
    [
      'is of a newer format',
      '{"format":2}',
      'newer-format',
      'written in format 2, this keyturn reads up to format 1',
    ],
    ['has other fields', '{"format":1,"stack":7}', 'bad-file', 'not what keyturn writes there'],
  ])('refuses a state that %s, never taking it for an empty one', async (_what, text, code, message) => {
    await (await begin()).append({ type: 'end', outcome: 'done' });
    await writeFile(path('state.json'), text);
    await expect(record.read()).rejects.toMatchObject({ code, message, live: 'nothing was changed' });
    expect(await readFile(path('state.json'), 'utf8')).toBe(text);
  });

  it('refuses a record of another stack', async () => {
    await held.finish(await begin(), entry());
    await writeFile(
      path('state.json'),
      (await readFile(path('state.json'), 'utf8')).replace('"shop"', '"bank"'),
    );
    await expect(record.read()).rejects.toMatchObject({
      message: "the record is of stack 'bank', not of 'shop'",
    });
  });
});

describe('a saved plan', () => {
  it('reads as it was written', () => {
    expect(parsePlanFile(planFileText(plan), 'plan.json').plan).toEqual(plan);
  });

  it('is refused when it was edited', () => {
    const edited = planFileText(plan).replace('"shop"', '"bank"');
    expect(() => parsePlanFile(edited, 'plan.json')).toThrow('the plan was edited');
  });
});
