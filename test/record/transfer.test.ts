import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/model/canonical.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { Bundle } from '../../src/record/bundle.ts';
import { bundleText, parseBundle } from '../../src/record/bundle.ts';
import type { Files } from '../../src/record/files.ts';
import { NODE_FILES } from '../../src/record/files.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import { migrate } from '../../src/record/migrate.ts';
import type { Move } from '../../src/record/moved.ts';
import { StackRecord } from '../../src/record/record.ts';
import { bundleIn } from '../../src/record/transfer.ts';
import { emptyPlan } from '../support/empty-plan.ts';
import { claimed } from '../support/lease.ts';

const NOW = '2026-11-22T03:00:00Z';
const ANN = { name: 'ann', knownBy: 'os-user', host: 'here', run: null } as const;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-transfer-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function recordIn(place: string, files: Files = NODE_FILES): StackRecord {
  return new StackRecord(new LocalStore(join(directory, place), place, files), 'shop', randomUUID);
}

async function under<T>(record: StackRecord, act: (held: HeldRecord) => Promise<T>): Promise<T> {
  const held = await claimed(record);
  try {
    return await act(held);
  } finally {
    await held.release();
  }
}

/** Begins an apply that does nothing; `isEnded`: and ends it. */
async function apply(record: StackRecord, isEnded = true): Promise<void> {
  await under(record, async (held) => {
    const { head, lineage } = await record.read();
    const id = randomUUID();
    const facts = { apply: id, lineage, serial: 0, planDigest: id, plan: emptyPlan('shop'), actor: ANN };
    const why = { reason: null, ticket: null };
    const journal = await held.begin({ type: 'begin', format: 1, ...facts, ...why }, () => NOW);
    if (!isEnded) return;
    await journal.append({ type: 'end', outcome: 'done' });
    const entry: HistoryEntry = {
      format: 1,
      entry: (head?.entry ?? 0) + 1,
      previous: head?.digest ?? null,
      kind: 'apply',
      apply: id,
      startedAt: NOW,
      endedAt: NOW,
      actor: ANN,
      continued: [],
      ...why,
      planDigest: id,
      outcome: 'done',
      versions: {},
      steps: [],
    };
    await held.finish(journal, entry);
  });
}

async function pull(record: StackRecord): Promise<Bundle> {
  return bundleIn(await record.look(), record.store.place);
}

/** Everything in a place, by name. */
async function contents(place: string): Promise<Record<string, string>> {
  const names = await readdir(join(directory, place), { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json') || name.endsWith('.jsonl')).sort();
  const texts = files.map(
    async (name) => [name, await readFile(join(directory, place, name), 'utf8')] as const,
  );
  return Object.fromEntries(await Promise.all(texts));
}

describe('a record that is pulled', () => {
  it('is one canonical document that reads back as what it was', async () => {
    const record = recordIn('here');
    await apply(record);
    await apply(record);
    const bundle = await pull(record);
    expect(bundle).toMatchObject({ stack: 'shop', serial: 2, history: [{ entry: { entry: 1 } }, {}] });
    expect(bundleText(bundle)).toBe(`${canonicalJson(bundle)}\n`);
    expect(parseBundle(bundleText(bundle), 'file')).toEqual(bundle);
  });

  it('is refused while an apply runs or did not end', async () => {
    const record = recordIn('here');
    await apply(record);
    await apply(record, false);
    await expect(pull(record)).rejects.toMatchObject({ code: 'unfinished' });
  });

  it.each([
    ['an entry that was edited', (text: string) => text.replace('"outcome":"done"', '"outcome":"failed"')],
    ['another serial', (text: string) => text.replace(/"serial":2/, '"serial":9')],
    ['another lineage', (text: string) => text.replace(/"lineage":"[^"]+"/, '"lineage":"x"')],
    ['another stack', (text: string) => text.replace(/"stack":"shop"/, '"stack":"bank"')],
    ['an entry less', (text: string) => text.replace(/\{"digest":"[^"]+","entry":\{.*?\}\},/, '')],
  ])('is refused with %s', async (_what, edit) => {
    const record = recordIn('here');
    await apply(record);
    await apply(record);
    const text = bundleText(await pull(record));
    const edited = edit(text);
    expect(edited).not.toBe(text);
    expect(() => parseBundle(edited, 'file')).toThrow('contradicts itself');
  });
});

describe('a record that is pushed', () => {
  it('fills an empty place, and is the same there to the byte', async () => {
    await apply(recordIn('here'));
    const bundle = await pull(recordIn('here'));
    const there = recordIn('there');
    const received = await under(there, (held) => held.receive(bundle));
    expect(received).toMatchObject({ isSame: false, from: null, to: 1 });
    expect(await contents('there')).toEqual(await contents('here'));
    expect(await under(there, (held) => held.receive(bundle))).toMatchObject({ isSame: true });
    await apply(there);
    expect(await there.read()).toMatchObject({ serial: 2, head: { entry: 2 } });
  });

  it('follows an older state of itself', async () => {
    const [here, there] = [recordIn('here'), recordIn('there')];
    await apply(here);
    const first = await pull(here);
    await under(there, (held) => held.receive(first));
    await apply(here);
    await apply(here);
    const received = await under(there, async (held) => held.receive(await pull(here)));
    expect(received).toMatchObject({ from: 1, to: 3 });
    expect(received.missing).toHaveLength(2);
    expect(await contents('there')).toEqual(await contents('here'));
  });

  it.each([
    ['of another lineage', 'is of lineage', async () => apply(recordIn('there'))],
    [
      'over a higher serial',
      'has serial 2, this one only 1',
      async (bundle: Bundle) => {
        await under(recordIn('there'), (held) => held.receive(bundle));
        await apply(recordIn('there'));
      },
    ],
    [
      'of the same serial and other content',
      'has the same serial, 1, and other content',
      async (bundle: Bundle) => {
        await under(recordIn('there'), (held) => held.receive(bundle));
        const path = join(directory, 'there', 'state.json');
        await writeFile(
          path,
          (await readFile(path, 'utf8')).replace(/"usedPlans":\[[^\]]*\]/, '"usedPlans":["x"]'),
        );
      },
    ],
    [
      'beside a history that is not its own',
      'history entry 1 there is not that of this record',
      async () => {
        await apply(recordIn('there'));
        await rm(join(directory, 'there', 'state.json'));
      },
    ],
    [
      'over an apply that did not end',
      'an apply runs or did not end',
      async (bundle: Bundle) => {
        await under(recordIn('there'), (held) => held.receive(bundle));
        await apply(recordIn('there'), false);
      },
    ],
  ])('is refused %s, and nothing is changed', async (_what, message, prepare) => {
    await apply(recordIn('here'));
    const bundle = await pull(recordIn('here'));
    await prepare(bundle);
    const before = await contents('there');
    await expect(under(recordIn('there'), (held) => held.receive(bundle))).rejects.toThrow(message);
    expect(await contents('there')).toEqual(before);
  });
});

function move(from: string, to: string): Move {
  // Somebody of whom everything is known.
  const identities = [
    { knownBy: 'azure' as const, name: 'ann@example.org', id: 'o-1', issuer: 't-1' },
    { knownBy: 'os-user' as const, name: 'ann' },
  ];
  const actor = { ...ANN, identities };
  return { id: randomUUID(), from, to, at: NOW, actor, reason: 'a team of two', ticket: null };
}

async function migrated(from: StackRecord, to: StackRecord): Promise<Awaited<ReturnType<typeof migrate>>> {
  return under(from, (source) =>
    under(to, (target) => migrate(source, target, move(from.store.place, to.store.place))),
  );
}

describe('a record that is migrated', () => {
  it('goes on at the new place, with an entry that says where it comes from', async () => {
    const [here, there] = [recordIn('here'), recordIn('there')];
    await apply(here);
    const before = await here.read();
    expect(await migrated(here, there)).toMatchObject({ isOld: false, entries: 2 });
    const after = await there.read();
    expect(after).toEqual({ ...before, serial: before.serial + 1, head: after.head });
    expect(await there.history.show(2)).toMatchObject({
      kind: 'migrate',
      planDigest: null,
      reason: 'a team of two',
      notes: ['moved from here to there'],
    });
    await apply(there);
    expect(await pull(there)).toMatchObject({ serial: 3, history: [{}, {}, {}] });
  });

  it('can be read and written no more at the old place, but for its history', async () => {
    const [here, there] = [recordIn('here'), recordIn('there')];
    await apply(here);
    await migrated(here, there);
    const gone = { code: 'record-moved', message: expect.stringContaining('was moved to there') as string };
    await expect(here.read()).rejects.toMatchObject(gone);
    await expect(pull(here)).rejects.toMatchObject(gone);
    await expect(apply(here)).rejects.toMatchObject(gone);
    await expect(under(here, async (held) => held.receive(await pull(there)))).rejects.toMatchObject(gone);
    expect((await here.history.list(9)).map(({ kind }) => kind)).toEqual(['apply']);
  });

  it('comes back, and can go again', async () => {
    const [here, there] = [recordIn('here'), recordIn('there')];
    await apply(here);
    await migrated(here, there);
    await apply(there);
    await migrated(there, here);
    await apply(here);
    await expect(there.read()).rejects.toMatchObject({ code: 'record-moved' });
    await migrated(here, there);
    const kinds = (await there.history.list(9)).map(({ kind }) => kind).reverse();
    expect(kinds).toEqual(['apply', 'migrate', 'apply', 'migrate', 'apply', 'migrate']);
    expect((await there.read()).serial).toBe(6);
  });

  it('is left where it is when somebody else is at the new place', async () => {
    const [here, there] = [recordIn('here'), recordIn('there')];
    await apply(here);
    await apply(there);
    const before = [await contents('here'), await contents('there')];
    await expect(migrated(here, there)).rejects.toMatchObject({ code: 'record-conflict' });
    expect([await contents('here'), await contents('there')]).toEqual(before);
  });

  it('is told to be there where it was moved before, also after it went on', async () => {
    const [here, there] = [recordIn('here'), recordIn('there')];
    await apply(here);
    await migrated(here, there);
    await apply(there);
    const before = [await contents('here'), await contents('there')];
    expect(await migrated(here, there)).toMatchObject({ isOld: true, recorded: { serial: 3 } });
    expect([await contents('here'), await contents('there')]).toEqual(before);
  });

  it('cut off at any write is nowhere twice, and arrives when it is begun again', async () => {
    for (let writes = 0, isWhole = false; !isWhole; writes += 1) {
      const [from, to] = [`from-${writes}`, `to-${writes}`];
      await apply(recordIn(from));
      await apply(recordIn(from));
      const dying = diesAfter(writes);
      isWhole = await migrated(recordIn(from, dying), recordIn(to, dying)).then(
        () => true,
        () => false,
      );
      const live = await Promise.all(
        [from, to].map(
          async (place) =>
            ((
              await recordIn(place)
                .read()
                .catch(() => null)
            )?.serial ?? 0) > 0,
        ),
      );
      expect(live.filter(Boolean).length, `after ${writes} writes`).toBeLessThan(2);
      await migrated(recordIn(from), recordIn(to));
      expect((await recordIn(to).read()).head?.entry).toBe(3);
      expect((await pull(recordIn(to))).history).toHaveLength(3);
      await expect(recordIn(from).read()).rejects.toMatchObject({ code: 'record-moved' });
      await apply(recordIn(to));
    }
  });
});

/** A disk on which so many files are made, and then none. */
function diesAfter(writes: number): Files {
  let left = writes;
  const check = (): void => {
    left -= 1;
    if (left < 0) throw Object.assign(new Error('gone'), { code: 'EIO' });
  };
  return {
    ...NODE_FILES,
    create: (path) => {
      check();
      return NODE_FILES.create(path);
    },
    link: (from, to) => {
      check();
      NODE_FILES.link(from, to);
    },
    rename: (from, to) => {
      check();
      NODE_FILES.rename(from, to);
    },
  };
}
