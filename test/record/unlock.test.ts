import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { Aside } from '../../src/record/aside.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import type { Journal } from '../../src/record/journal-file.ts';
import { LEASE_TERMS } from '../../src/record/lease.ts';
import { openRecord } from '../../src/record/record.ts';
import type { StackRecord } from '../../src/record/record.ts';
import type { Standing } from '../../src/record/unlock.ts';
import { emptyPlan } from '../support/empty-plan.ts';
import { claimed, holder, REAL_CLOCK } from '../support/lease.ts';

const NOW = '2026-11-22T03:00:00Z';
const SOMEONE = { name: 'ann', knownBy: 'os-user', host: 'here', run: null } as const;
const ASIDE: Aside = {
  kind: 'unlock',
  id: 'u1',
  at: NOW,
  actor: { ...SOMEONE, name: 'bob' },
  reason: 'the runner is gone',
  ticket: null,
  planDigest: null,
  commit: null,
  notes: ['the lease was taken from ann'],
};

const OPTIONS = { terms: LEASE_TERMS, clock: REAL_CLOCK, aside: ASIDE };

let directory: string;
let record: StackRecord;
let held: HeldRecord;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-unlock-'));
  record = openRecord({ directory, stack: 'shop' });
  held = await claimed(record, holder({ holder: 'ann' }));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const plan = emptyPlan('shop');

function begin(): Promise<Journal> {
  const facts = { apply: 'a1', lineage: 'l', serial: 0, planDigest: 'd', plan, actor: SOMEONE };
  return held.begin({ type: 'begin', format: 1, ...facts, reason: null, ticket: null }, () => NOW);
}

function entry(): HistoryEntry {
  return {
    format: 1,
    entry: 1,
    previous: null,
    kind: 'apply',
    apply: 'a1',
    startedAt: NOW,
    endedAt: NOW,
    actor: SOMEONE,
    continued: [],
    reason: null,
    ticket: null,
    planDigest: 'd',
    outcome: 'done',
    versions: {},
    steps: [],
  };
}

async function standing(): Promise<Standing> {
  const found = await record.standing();
  if (found === null) throw new Error('nobody holds the lease');
  return found;
}

const bob = holder({ holder: 'bob', purpose: 'keyturn state unlock' });

describe('unlocking a record', () => {
  it('lets its holder write neither journal nor history nor state any more, and says that it was taken over', async () => {
    const journal = await begin();
    expect(await record.unlock(await standing(), bob, OPTIONS)).toBe(true);

    const refused = {
      code: 'lease-lost',
      message: expect.stringContaining('someone else took it') as string,
    };
    await expect(journal.append({ type: 'end', outcome: 'done' })).rejects.toMatchObject(refused);
    await expect(held.finish(journal, entry())).rejects.toMatchObject({ code: 'lease-lost' });
    expect((await record.interrupted())?.map(({ type }) => type)).toEqual(['begin', 'fence']);
    expect(await record.read()).toMatchObject({ lineage: 'l', head: null });
    expect(await record.history.numbers()).toEqual([]);
  });

  it('stops a holder who has claimed and not begun at its first line', async () => {
    await record.unlock(await standing(), bob, OPTIONS);
    await expect(begin()).rejects.toMatchObject({ code: 'lease-lost' });
  });

  it('leaves the lease to nobody: the next one takes it once no act of the former holder can be under way', async () => {
    await begin();
    await record.unlock(await standing(), bob, OPTIONS);
    expect(await record.holder()).toBeNull();
    const told: string[] = [];
    const clock = jumping();
    const next = await claimed(record, holder({ holder: 'cyd' }), {
      isAlive: () => true,
      clock,
      tell: (text) => void told.push(text),
    });
    expect(clock.ticks()).toBeGreaterThanOrEqual(LEASE_TERMS.longestActMs);
    expect(clock.ticks()).toBeLessThan(LEASE_TERMS.periodMs);
    expect(told).toEqual([expect.stringContaining('unlocked by bob')]);
    const journal = await next.resume(() => NOW);
    await journal?.append({ type: 'end', outcome: 'interrupted' });
    if (journal !== null) await next.finish(journal, entry());
    const fences = journal?.lines.flatMap((line) =>
      line.type === 'fence' ? `${line.why} by ${line.by}` : [],
    );
    expect(fences).toEqual(['unlock by bob', 'takeover by cyd', 'resume by cyd']);
    await next.release();
  });

  it('takes a lease that was renewed since it was looked at, but not from anybody else', async () => {
    const seen = await standing();
    await begin();
    expect((await standing()).claim.tag).not.toBe(seen.claim.tag);
    expect(await record.unlock(seen, bob, OPTIONS)).toBe(true);

    const other = await claimed(record, holder({ holder: 'cyd' }), { clock: jumping() });
    await expect(record.unlock(seen, bob, OPTIONS)).rejects.toMatchObject({
      code: 'lease-held',
      message: 'the lease changed hands meanwhile: cyd holds it now',
    });
    await other.release();
  });

  it('has nothing to take where the lease was given back meanwhile', async () => {
    const seen = await standing();
    await held.release();
    expect(await record.unlock(seen, bob, OPTIONS)).toBe(false);
    expect(await record.standing()).toBeNull();
  });

  it('takes a claim that nobody can read', async () => {
    const path = join(directory, 'shop', 'lease-000001.json');
    await writeFile(path, 'nonsense');
    const seen = await standing();
    expect(seen.holder).toBeNull();
    expect(await record.unlock(seen, bob, OPTIONS)).toBe(true);
  });

  it('says what it could not do where the record is broken, and has the lease all the same', async () => {
    await begin();
    const path = join(directory, 'shop', 'journal.jsonl');
    await writeFile(path, `nonsense\n${await readFile(path, 'utf8')}`);
    await expect(record.unlock(await standing(), bob, OPTIONS)).rejects.toMatchObject({
      code: 'bad-file',
      live: 'the lease was taken from its holder; the record itself could not be written to fence it off',
    });
    expect((await standing()).holder).toMatchObject({ holder: 'bob', isFenced: true });
  });
});

/** A clock on which waiting takes no time. */
function jumping(): typeof REAL_CLOCK {
  let passed = 0;
  return {
    now: () => Date.now() + passed,
    ticks: () => passed,
    sleep: (ms) => {
      passed += ms;
      return Promise.resolve();
    },
  };
}
