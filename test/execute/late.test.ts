import { afterEach, describe, expect, it } from 'vitest';
import type { MintStep, Plan } from '../../src/model/plan.ts';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import { killedBefore } from '../support/killed.ts';
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
function arrives({ ordinal, operation }: MintStep): Promise<void> {
  const tags = { [TAG_VERSION]: String(ordinal), [TAG_OPERATION]: operation, [TAG_STACK]: STACK };
  return world.writeByHand('a', 'late', tags);
}

/** Killed between the intent of the mint and its request. */
async function cutOffInMint(): Promise<MintStep> {
  const plan = await world.plan({ rotate: [A] });
  const mint = mintIn(plan);
  world.vault.fault({ match: { operation: 'SecretListVersions' }, action: 'fail', status: 400 });
  await killedBefore(world, plan, ({ type }) => type === 'outcome');
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

describe('a version with copied tags', () => {
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
