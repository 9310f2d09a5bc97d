import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import type { Rebuilt } from '../../src/plan/rebuild.ts';
import { rebuildRecord } from '../../src/plan/rebuild.ts';
import { killedBefore } from '../support/killed.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';
const B = 'vault://prod-vault/b';
const pair = declare([secret('a'), secret('b')], [service('api', ['a', 'b']), service('job', ['a'])]);

async function open(declared: Declared): Promise<void> {
  world = await World.open(declared);
  expect((await world.apply()).outcome).toBe('done');
}

/** Loses the record and makes it anew. */
async function loseAndRebuild(): Promise<Rebuilt> {
  await rm(join(world.directory, 'state'), { recursive: true });
  const observed = await world.observe();
  const { declared, now } = world;
  const rebuilt = rebuildRecord({ declared, observed, now, lineage: randomUUID() });
  await world.underLease((held) =>
    held.establish(rebuilt.recorded, {
      kind: 'rebuild',
      id: randomUUID(),
      at: now,
      actor: { name: 'tester', knownBy: 'os-user', host: 'here', run: null },
      reason: null,
      ticket: null,
      notes: rebuilt.unknown.map(({ text }) => text),
    }),
  );
  return rebuilt;
}

function gist({ secrets, consumers }: Recorded): object {
  return {
    secrets: Object.entries(secrets).map(([address, { current, highest, versions }]) => ({
      address,
      current,
      highest,
      versions: versions.map(({ ordinal, role, storeIds, copies, retiredWhy }) => ({
        version: `v${ordinal} ${role} ${retiredWhy ?? ''}`,
        storeIds: [...storeIds].sort(),
        copies: copies.map(({ name, id }) => `${name} ${id}`).sort(),
      })),
    })),
    consumers: Object.entries(consumers).map(([address, { mounts, settleAfter }]) => ({
      address,
      mounts,
      isSettled: settleAfter === null,
    })),
  };
}

async function isAsLost(): Promise<Rebuilt> {
  const lost = gist(await world.record.read());
  const rebuilt = await loseAndRebuild();
  expect(gist(rebuilt.recorded)).toEqual(lost);
  expect((await world.plan()).steps).toEqual([]);
  return rebuilt;
}

/** What the swarm was told goes on without whoever told it. */
async function isQuiet(): Promise<void> {
  const look = async (): Promise<void> => {
    for (const { service: name } of world.declared.consumers) {
      const { updateState, references, liveTasks } = await world.service(name);
      expect(updateState).not.toBe('updating');
      const used = new Set(liveTasks.flatMap(({ copyIds }) => copyIds));
      expect(used).toEqual(new Set(references.map(({ copyId }) => copyId)));
    }
  };
  await vi.waitFor(look, { timeout: 30_000 });
}

function oddities({ unknown }: Rebuilt): string[] {
  return unknown.flatMap(({ address, text }) => (address === null ? [] : [text]));
}

describe('a record that was lost and rebuilt', () => {
  it('of a converged stack plans nothing, and goes on', async () => {
    await open(pair);
    const rebuilt = await isAsLost();
    expect(oddities(rebuilt)).toEqual([
      expect.stringContaining('the FailureActions of api before its last flip are not known'),
      expect.stringContaining('the FailureActions of job before its last flip are not known'),
    ]);
    expect(await world.record.history.show(1)).toMatchObject({
      kind: 'rebuild',
      planDigest: null,
      versions: { [A]: { before: null, after: 1 } },
    });
    const rotated = await world.apply({ rotate: [A] });
    expect(rotated.outcome).toBe('done');
    expect(rotated.entry).toMatchObject({ entry: 2, kind: 'apply' });
    expect(await world.reads('job')).toEqual({ a: 'a_v2' });
  });

  it('knows the way back in the middle of a soak, for everything that one update moved', async () => {
    await open(pair);
    world.later(80);
    await world.apply();
    await world.apply({ rotate: [A, B] });
    const { recorded } = await isAsLost();
    expect(recorded.secrets[A]?.versions[0]?.soakUntil).not.toBeNull();
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v1', b: 'b_v1' });
    expect(await world.reads('job')).toEqual({ a: 'a_v1' });
  });

  it('retires the prior version when its soak is over, and not before', async () => {
    await open(pair);
    world.later(80);
    await world.apply();
    await world.apply({ rotate: [A] });
    await loseAndRebuild();
    const until = (await world.record.read()).secrets[A]?.versions[0]?.soakUntil ?? '';
    expect(until > world.now).toBe(true);
    while (world.now < until) {
      expect((await world.plan()).steps.filter(({ kind }) => kind === 'retire')).toEqual([]);
      world.later(24);
    }
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 enabled']);
    expect(await world.copies()).toEqual(['a_v2', 'b_v1']);
  });

  it('after a rollback holds what was taken back, and has both ids of the version that was restored', async () => {
    await open(pair);
    world.later(80);
    await world.apply();
    await world.apply({ rotate: [A] });
    await world.rollback('a');
    const { recorded } = await isAsLost();
    expect(recorded.secrets[A]?.versions[0]?.storeIds).toHaveLength(2);
    expect(recorded.secrets[A]?.held?.reason).toContain('v2 was taken back');
    expect(recorded.secrets[B]?.held).toBeNull();
    expect((await world.apply({ rotate: [A] })).outcome).toBe('done');
    expect(await world.reads('job')).toEqual({ a: 'a_v3' });
  });

  it('keeps the copies that are kept', async () => {
    const keeping = declare([secret('a', { keep: 1 })], [service('api', ['a'])]);
    await open(keeping);
    for (let turn = 0; turn < 3; turn += 1) {
      world.later(80);
      await world.apply();
      await world.apply({ rotate: [A] });
    }
    world.later(80);
    await world.apply();
    expect(await world.copies()).toEqual(['a_v3', 'a_v4']);
    await isAsLost();
  });

  it('leaves a pinned version to whoever pins it', async () => {
    await open(pair);
    const [api, job] = pair.consumers;
    if (api === undefined || job === undefined) throw new Error('no consumers');
    const pinned = { ...job, mounts: job.mounts.map((mount) => ({ ...mount, version: 1 })) };
    world.declared = { ...pair, consumers: [api, pinned] };
    world.later(80);
    await world.apply();
    await world.apply({ rotate: [A] });
    expect(await world.reads('job')).toEqual({ a: 'a_v1' });
    await isAsLost();
  });

  it('takes back what an apply minted and delivered and flipped nobody to', async () => {
    await open(pair);
    world.later(80);
    await world.apply();
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, (entry) => entry.type === 'intent' && entry.step.kind === 'flip');
    const rebuilt = await loseAndRebuild();
    expect(rebuilt.recorded.secrets[A]).toMatchObject({ current: 1, highest: 2 });
    expect(rebuilt.recorded.secrets[A]?.versions.map(({ role }) => role)).toEqual(['current', 'pending']);
    expect(oddities(rebuilt)).toContain('the newest version of a in the vault is v2, not v1');
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect(await world.copies()).toEqual(['a_v1', 'b_v1']);
  });

  it('goes back where an apply had flipped one consumer of two, with all that the one update moved', async () => {
    const [api, job] = pair.consumers;
    if (api === undefined || job === undefined) throw new Error('no consumers');
    await open({ ...pair, consumers: [api, { ...job, dependsOn: [api.address] }] });
    world.later(80);
    await world.apply();
    const plan = await world.plan({ rotate: [A, B] });
    await killedBefore(
      world,
      plan,
      (entry) => entry.type === 'intent' && entry.step.kind === 'flip' && entry.step.address === job.address,
    );
    expect(await world.reads('api')).toEqual({ a: 'a_v2', b: 'b_v2' });
    expect(await world.reads('job')).toEqual({ a: 'a_v1' });
    const rebuilt = await loseAndRebuild();
    expect(rebuilt.recorded.secrets[A]?.current).toBe(1);
    expect(rebuilt.recorded.secrets[B]?.current).toBe(1);
    expect(oddities(rebuilt)).toEqual(
      expect.arrayContaining([
        'consumers disagree on a: api reads v2, job reads v1; v1 counts as current',
        expect.stringContaining('another secret of the same update went no further: v1 counts as current'),
      ]),
    );
    for (let turn = 0; turn < 3; turn += 1) {
      await world.apply();
      world.later(24 * 30);
    }
    expect(await world.reads('api')).toEqual({ a: 'a_v1', b: 'b_v1' });
    expect(await world.versions('b')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('after an apply that died at any line of its journal leads to a stack that is converged and readable', async () => {
    for (let lines = 1, isWhole = false; !isWhole; lines += 1) {
      await open(pair);
      world.later(80);
      await world.apply();
      let left = lines;
      const plan = await world.plan({ rotate: [A, B] });
      isWhole = await killedBefore(world, plan, () => (left -= 1) < 0).then(
        () => false,
        () => true,
      );
      await isQuiet();
      await loseAndRebuild();
      for (let turn = 0; turn < 4; turn += 1) {
        expect(['done'], `after ${lines} lines`).toContain((await world.apply()).outcome);
        world.later(24 * 10);
      }
      expect((await world.plan()).steps, `after ${lines} lines`).toEqual([]);
      const { secrets } = await world.record.read();
      const [a, b] = [secrets[A]?.current ?? 0, secrets[B]?.current ?? 0];
      expect(a, `after ${lines} lines`).toBe(b);
      expect(await world.reads('api')).toEqual({ a: `a_v${a}`, b: `b_v${b}` });
      expect(await world.reads('job')).toEqual({ a: `a_v${a}` });
      for (const name of ['a', 'b']) {
        const versions = await world.versions(name);
        expect(new Set(versions.filter((version) => version.endsWith('enabled')))).toEqual(
          new Set([`v${a} enabled`]),
        );
        expect(await world.newest(name)).not.toBe('403');
      }
      if (!isWhole) await world.close();
    }
  }, 400_000);

  it('leaves alone what others wrote into the vault, and says so', async () => {
    await open(pair);
    await world.writeByHand('a', 'theirs');
    const rebuilt = await isAsLost();
    expect(oddities(rebuilt)).toContain(
      'the newest version of a in the vault was not written by keyturn: it is left alone',
    );
    expect((await world.plan()).notes.map(({ text }) => text)).toContain(
      'the newest version of a was not written by keyturn (v1 is recorded)',
    );
  });

  it('is not written over one that is there, whole or broken', async () => {
    await open(pair);
    const before = await world.record.read();
    const origin = {
      kind: 'rebuild' as const,
      id: 'r1',
      at: world.now,
      actor: { name: 'tester', knownBy: 'os-user' as const, host: 'here', run: null },
      reason: null,
      ticket: null,
      notes: [],
    };
    await expect(world.underLease((held) => held.establish(before, origin))).rejects.toMatchObject({
      code: 'record-conflict',
      message: 'there is a record already, and it is not written over',
    });
    expect(await world.record.read()).toEqual(before);
    expect(await world.record.history.numbers()).toEqual([1]);
  });

  it('goes on with a history that is left, and takes its plans for used', async () => {
    await open(pair);
    await rm(join(world.directory, 'state', 'shop', 'state.json'));
    const { declared, now } = world;
    const rebuilt = rebuildRecord({ declared, observed: await world.observe(), now, lineage: randomUUID() });
    const first = await world.record.history.show(1);
    const recorded = await world.underLease((held) =>
      held.establish(rebuilt.recorded, {
        kind: 'rebuild',
        id: 'r1',
        at: now,
        actor: first.actor,
        reason: 'the disk was full',
        ticket: null,
        notes: [],
      }),
    );
    expect(recorded).toMatchObject({ head: { entry: 2 }, usedPlans: [first.planDigest] });
    expect((await world.record.history.show(2)).previous).toEqual(
      (await world.record.history.list(2))[0]?.previous,
    );
    expect((await world.plan()).steps).toEqual([]);
  });
});
