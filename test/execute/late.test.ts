import { afterEach, describe, expect, it } from 'vitest';
import type { MintStep, Plan } from '../../src/model/plan.ts';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, STACK, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';

async function openSettled(): Promise<void> {
  world = await World.open(declare([secret('a')], [service('api', ['a'])]));
  await world.apply();
  world.later(80);
  await world.apply();
}

function mintIn(plan: Plan): MintStep {
  const mint = plan.steps.find((step) => step.kind === 'mint');
  if (mint?.kind !== 'mint') throw new Error('the plan mints nothing');
  return mint;
}

/** The write of a mint takes effect, long after whoever sent it is gone. */
function arrives(mint: Pick<MintStep, 'ordinal' | 'operation'>, value = 'late'): Promise<void> {
  const { ordinal, operation } = mint;
  const tags = { [TAG_VERSION]: String(ordinal), [TAG_OPERATION]: operation, [TAG_STACK]: STACK };
  return world.writeByHand('a', value, tags);
}

/** Killed between the intent of the mint and its request. */
async function cutOff(plan: Plan, values: Readonly<Record<string, string>> = {}): Promise<MintStep> {
  const mint = mintIn(plan);
  world.vault.fault({ match: { operation: 'SecretListVersions' }, action: 'fail', status: 400 });
  await killedBefore(world, plan, ({ type }) => type === 'outcome', 1, values);
  return mint;
}

async function cutOffInMint(): Promise<MintStep> {
  const mint = await cutOff(await world.plan({ rotate: [A] }));
  expect(await world.versions('a')).toEqual(['v1 enabled']);
  return mint;
}

describe('a mint that was cut off', () => {
  it('is found when it arrives while the next apply looks for it, and taken back', async () => {
    await openSettled();
    const mint = await cutOffInMint();
    const before = world.vault.requests.length;
    const resumed = world.resume();
    await expect.poll(() => world.vault.requests.length).toBeGreaterThan(before + 1);
    await arrives(mint);
    expect((await resumed)?.outcome).toBe('rolled-back');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('counts as nothing once it can no longer arrive', async () => {
    await openSettled();
    await cutOffInMint();
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.versions('a')).toEqual(['v1 enabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is taken back by the next plan when it arrives after all, and its ordinal is not given out again', async () => {
    await openSettled();
    const mint = await cutOffInMint();
    await world.resume();
    await arrives(mint);
    expect(await world.newest('a')).toBe('late');
    const plan = await world.plan({ dueOnly: true });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['restore']);
    expect((await world.perform(plan)).outcome).toBe('done');
    expect(await world.newest('a')).not.toBe('late');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect((await world.plan()).steps).toEqual([]);
    await world.apply({ rotate: [A] });
    expect(await world.reads('api')).toEqual({ a: 'a_v3' });
  });
});

describe('what arrives in another order', () => {
  it('is taken back each time that the same write arrives', async () => {
    await openSettled();
    const value = await world.newest('a');
    const mint = await cutOffInMint();
    await world.resume();
    for (const late of ['late once', 'late twice', 'late thrice']) {
      await arrives(mint, late);
      expect((await world.apply({ dueOnly: true })).outcome).toBe('done');
      expect(await world.newest('a')).toBe(value);
    }
    expect((await world.versions('a')).filter((version) => version === 'v2 enabled')).toEqual([]);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is disabled also where a newer version is written before anyone has looked', async () => {
    await openSettled();
    const mint = await cutOffInMint();
    await world.resume();
    world.later(1);
    const plan = await world.plan({ rotate: [A] });
    expect(mintIn(plan)).toMatchObject({ ordinal: 3 });
    expect(mintIn(plan).operation).not.toBe(mint.operation);
    await arrives(mint);
    expect((await world.perform(plan)).outcome).toBe('done');
    const value = await world.newest('a');
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.versions('a')).toContain('v2 disabled');
    expect(await world.versions('a')).not.toContain('v2 enabled');
    expect(await world.newest('a')).toBe(value);
    expect(await world.reads('api')).toEqual({ a: 'a_v3' });
  });

  it("never takes the place of a person's newer value", async () => {
    const manual = secret('a', { source: { kind: 'manual', instructions: null } });
    world = await World.open(declare([manual], [service('api', ['a'])]));
    const mint = await cutOff(await world.plan({ values: [A] }), { a: 'good-first' });
    await world.resume();
    const again = await world.plan({ values: [A] });
    await arrives(mint, 'good-first');
    expect((await world.perform(again, { a: 'good-second' })).outcome).toBe('done');
    expect(await world.newest('a')).toBe('good-second');
  });
});

describe('a secret that is adopted because its record was lost', () => {
  const adopted = declare([secret('a', { adopt: true, readers: 'latest' })], []);

  it('keeps the version that it had when its first mint is cut off', async () => {
    world = await World.open(adopted);
    await arrives({ ordinal: 3, operation: 'of a lost record' }, 'live');
    expect((await cutOff(await world.plan())).ordinal).toBe(4);
    await world.resume();
    const next = await world.plan({ dueOnly: true });
    expect(next.steps).toEqual([]);
    expect(await world.newest('a')).toBe('live');
    expect(await world.versions('a')).toEqual(['v3 enabled']);
  });

  it('has the value that it had as the newest again when its first mint is taken back', async () => {
    world = await World.open({ ...adopted, consumers: [service('api', ['a'])] });
    await arrives({ ordinal: 3, operation: 'of a lost record' }, 'live');
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'stage'));
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.newest('a')).toBe('live');
    expect(await world.versions('a')).toContain('v4 disabled');
  });
});

describe('a version with copied tags', () => {
  it('of the prior is not left as the disabled newest when the prior is retired', async () => {
    await openSettled();
    await world.apply({ rotate: [A] });
    const current = await world.newest('a');
    const recorded = (await world.record.read()).secrets[A];
    const prior = recorded?.versions.find(({ role }) => role === 'prior');
    await arrives({ ordinal: 1, operation: prior?.operation ?? '' }, 'somebody else’s');
    world.later(80);
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.newest('a')).toBe('somebody else’s');
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.newest('a')).toBe(current);
    expect(await world.versions('a')).not.toContain('v1 enabled');
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is never read in the place of the one that we wrote', async () => {
    await openSettled();
    const before = await world.newest('a');
    await world.apply({ rotate: [A] });
    const recorded = (await world.record.read()).secrets[A];
    const prior = recorded?.versions.find(({ role }) => role === 'prior');
    const tags = { [TAG_VERSION]: '1', [TAG_OPERATION]: prior?.operation ?? '', [TAG_STACK]: STACK };
    await world.writeByHand('a', 'somebody else’s', tags);
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.newest('a')).toBe(before);
  });
});
