import { afterEach, describe, expect, it, vi } from 'vitest';
import { assertFresh } from '../../src/execute/fresh.ts';
import type { Declared } from '../../src/model/declared.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { killedBefore, killedBeforeHistory, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';
const B = 'vault://prod-vault/b';
const monthly = {
  kind: 'every',
  period: 'P30D',
  anchor: '2026-01-01',
  at: '03:00',
  timeZone: 'UTC',
} as const;
const one = declare([secret('a')], [service('api', ['a'])]);
const two = declare([secret('a'), secret('b')], [service('api', ['a']), service('web', ['b'])]);

/** Every secret has its first version, and its soak is over. */
async function openSettled(declared: Declared): Promise<void> {
  world = await World.open(declared);
  await world.apply();
  world.later(80);
  await world.apply();
}

const bad = (): SecretValue => new SecretValue('bad');

describe('an apply that was killed', () => {
  it('is still found when its plan was made at an older serial of the record', async () => {
    await openSettled(two);
    const saved = await world.plan({ rotate: [A] });
    expect((await world.apply({ rotate: [B] })).outcome).toBe('done');
    await killedBefore(world, saved, outcomeOf(saved, 'verify'));
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    expect(await world.record.interrupted()).not.toBeNull();
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.reads('web')).toEqual({ b: 'b_v2' });
  });

  it("after a flip was posted leaves the service's own failure actions to it", async () => {
    await openSettled(one);
    const before = await world.service('api');
    expect(before.updateFailureAction).toBe('rollback');
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'flip'));
    expect((await world.resume())?.outcome).toBe('rolled-back');
    const after = await world.service('api');
    expect(after.updateFailureAction).toBe(before.updateFailureAction);
    expect(after.rollbackFailureAction).toBe(before.rollbackFailureAction);
  });

  it('after it had delivered a prior copy again, without a word of that, knows the copy that is there', async () => {
    await openSettled(one);
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'flip'));
    await world.removeCopyByHand('a_v1');
    await world.deliverByHand('a_v1', { secret: A, ordinal: 1 }, 'good');
    expect((await world.resume())?.outcome).toBe('rolled-back');
    const { platforms } = await world.observe();
    const seen = platforms['prod'];
    const there = seen?.status === 'seen' ? seen.copies : [];
    const version = (await world.record.read()).secrets[A]?.versions.find(({ ordinal }) => ordinal === 1);
    expect(version?.copies.map(({ id }) => id)).toEqual(there.map(({ id }) => id));
  });

  it('once its consumers were verified goes on to its end, and restarts nothing again', async () => {
    await openSettled(one);
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'promote'));
    const updates = (): number =>
      world.swarm.requests.filter(({ operation }) => operation === 'ServiceUpdate').length;
    const before = updates();
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('done');
    expect(resumed?.recorded.secrets[A]?.current).toBe(2);
    expect(updates()).toBe(before);
    expect((await world.plan()).steps).toEqual([]);
  });

  it.each(['disabled its version', 'pointed its consumer back'])(
    'once its consumers were verified is taken back where a person %s since',
    async (what) => {
      await openSettled(one);
      const plan = await world.plan({ rotate: [A] });
      await killedBefore(world, plan, outcomeOf(plan, 'promote'));
      if (what === 'disabled its version') {
        const recorded = (await world.record.read()).secrets[A];
        const pending = recorded?.versions.find(({ ordinal }) => ordinal === 2);
        await world.disableByHand('a', pending?.storeIds[0] ?? '');
      } else await world.pointBack('api');
      expect((await world.resume())?.outcome).toBe('rolled-back');
      expect((await world.record.read()).secrets[A]?.current).toBe(1);
      expect(await world.reads('api')).toEqual({ a: 'a_v1' });
      expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
      expect((await world.plan()).steps).toEqual([]);
    },
  );

  it('after a flip was posted goes back to a copy that was removed meanwhile: it is delivered again', async () => {
    await openSettled(one);
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'verify'));
    await world.removeCopyByHand('a_v1');
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.copies()).toEqual(['a_v1']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('and whose new version a lost node may still run takes it back once that node is there again', async () => {
    await openSettled(one);
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'verify'));
    const [holder] = await world.running('a_v2');
    if (holder === undefined) throw new Error('no task runs on the new version');
    world.swarm.setNode(holder.node, 'down');
    const stopped = await world.resume();
    expect(stopped?.outcome).toBe('stopped');
    const faults = stopped?.entry.steps.map(({ fault }) => fault?.what ?? '').join('\n');
    expect(faults).toMatch(new RegExp(`a_v2: task api\\.${holder.slot} on .*a node that swarm lost`));
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.copies()).toEqual(['a_v1', 'a_v2']);

    world.swarm.setNode(holder.node, 'ready');
    await vi.waitFor(async () => expect(await world.running('a_v2')).toEqual([]), 10_000);
    await world.apply();
    expect(await world.copies()).toEqual(['a_v1']);
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('before anything was begun leaves its saved plan to be applied after all', async () => {
    await openSettled(one);
    const saved = await world.plan({ rotate: [A] });
    await killedBefore(world, saved, ({ type }) => type === 'intent');
    await world.resume();
    assertFresh(saved, await world.observe(), await world.record.read());
    expect((await world.perform(saved)).outcome).toBe('done');
    const again = [await world.observe(), await world.record.read()] as const;
    expect(() => assertFresh(saved, ...again)).toThrow('applied before');
  });

  it('behind the update of its way back is settled by the next, which then takes the rest back', async () => {
    await openSettled(one);
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'verify'));
    await world.pointBack('api');
    expect((await world.service('api')).previousReferences).toMatchObject([{ copyName: 'a_v2' }]);
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.copies()).toEqual(['a_v1']);
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('and taken back but for a previous spec that names its version leaves the rest to the next plan', async () => {
    await openSettled(one);
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'verify'));
    const rule = { match: { operation: 'SecretRemove' as const }, action: 'fail' as const, status: 403 };
    world.swarm.fault({ ...rule, message: 'no' });
    expect((await world.resume())?.outcome).toBe('stopped');
    // Somebody tries the new version once more, and goes back.
    await world.pointTo('api', 'a_v2');
    await world.pointBack('api');
    const next = await world.plan();
    expect(next.steps.map(({ kind }) => kind)).toEqual(['settle', 'unstage', 'restore']);
    expect((await world.perform(next)).outcome).toBe('done');
    expect(await world.copies()).toEqual(['a_v1']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('makes a plan stale that was made before it was ended, though nothing outside has moved', async () => {
    await openSettled(declare([secret('a')], []));
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'promote'));
    const early = await world.plan();
    expect(early.steps.map(({ kind }) => kind)).toEqual(['restore']);
    expect((await world.resume())?.outcome).toBe('done');
    const now = [await world.observe(), await world.record.read()] as const;
    expect(() => assertFresh(early, ...now)).toThrow('is stale');
  });

  it('after its last step was done all the same', async () => {
    world = await World.open(one);
    await killedBefore(world, await world.plan(), ({ type }) => type === 'seen');
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('done');
    expect(new Set(resumed?.entry.steps.map(({ status }) => status))).toEqual(new Set(['done']));
    expect(resumed?.recorded.secrets[A]?.current).toBe(1);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('between its end and the history tells what it took back', async () => {
    world = await World.open(one);
    world.generate = bad;
    await killedBeforeHistory(world, await world.plan());
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('rolled-back');
    expect(resumed?.entry.steps.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'mint undone',
      'stage undone',
      'flip undone',
      'verify failed',
      'promote skipped',
    ]);
    expect(await world.record.interrupted()).toBeNull();
  });

  it('in the middle of its way back is held all the same, so that no schedule tries again', async () => {
    await openSettled(declare([secret('a', { cadence: monthly })], [service('api', ['a'])]));
    world.later(24 * 40);
    const due = await world.plan({ dueOnly: true });
    expect(due.steps.map(({ kind }) => kind)).toContain('mint');
    world.generate = bad;
    let hasFailed = false;
    await killedBefore(world, due, (entry) => {
      if (entry.type !== 'outcome') return false;
      if (hasFailed) return true;
      hasFailed = entry.result.status === 'failed';
      return false;
    });
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('rolled-back');
    expect(resumed?.recorded.secrets[A]?.held?.reason).toContain('failed on the expected secrets');
    expect((await world.plan({ dueOnly: true })).steps).toEqual([]);
  });

  it('between retire and prune leaves the prune to a later plan', async () => {
    await openSettled(one);
    await world.apply({ rotate: [A] });
    world.later(80);
    const plan = await world.plan();
    const prune = plan.steps.find(({ kind }) => kind === 'prune');
    await killedBefore(world, plan, (entry) => entry.type === 'intent' && entry.step.id === prune?.id);
    await world.resume();
    const next = await world.plan();
    expect(next.steps.map(({ kind }) => kind)).toEqual(['prune']);
    expect((await world.perform(next)).outcome).toBe('done');
    expect(await world.copies()).toEqual(['a_v2']);
  });
});

describe('a rollback by hand', () => {
  it('that was killed before its hold was written is held by the next apply', async () => {
    await openSettled(one);
    await world.apply({ rotate: [A] });
    const plan = await world.planRollback('a', 'clients fail');
    await killedBefore(world, plan, ({ type }) => type === 'hold');
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('done');
    expect(resumed?.recorded.secrets[A]?.held?.reason).toBe('rolled back by hand: clients fail');
  });

  it('that a person interrupted goes forward on the next apply', async () => {
    await openSettled(one);
    await world.apply({ rotate: [A] });
    const controller = new AbortController();
    const plan = await world.planRollback('a');
    const stopped = await world.perform(plan, {}, controller.signal, (event) => {
      if (event.type === 'step_end' && event.step.kind === 'demote') controller.abort();
    });
    expect(stopped.outcome).toBe('stopped');
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('done');
    expect(resumed?.recorded.secrets[A]?.current).toBe(1);
    expect(resumed?.recorded.secrets[A]?.held).not.toBeNull();
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.copies()).toEqual(['a_v1']);
  });
});

describe('a journal that can no longer be written', () => {
  it('leaves nothing running when the apply gives up', async () => {
    world = await World.open(two);
    const plan = await world.plan();
    const mint = plan.steps.find(({ kind, address }) => kind === 'mint' && address === A);
    world.vault.fault({ match: { operation: 'SecretSet', secret: 'b' }, action: 'delay', ms: 500 });
    await killedBefore(world, plan, (entry) => entry.type === 'outcome' && entry.step === mint?.id, 8);
    expect(await world.versions('b')).toEqual(['v1 enabled']);
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.versions('a')).toEqual(['v1 disabled']);
    expect(await world.versions('b')).toEqual(['v1 disabled']);
  });
});
