import { afterEach, describe, expect, it } from 'vitest';
import { secretAddress } from '../../src/model/address.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, VAULT, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const QUARTERLY = {
  kind: 'calendar',
  each: 'quarter',
  on: 'first monday',
  month: null,
  at: '03:00',
  timeZone: 'UTC',
} as const;

async function openManual(services = [service('api', ['card-key'])]): Promise<void> {
  const card = secret('card-key', {
    source: { kind: 'manual', instructions: 'ask the card office' },
    cadence: QUARTERLY,
  });
  world = await World.open(declare([card], services));
  await world.apply({}, { 'card-key': 'first' });
  world.later(80);
}

describe('a new version that a person put into the vault', () => {
  it('is rolled out as the next version, as it is, and nothing is left to do', async () => {
    await openManual();
    await world.writeByHand('card-key', 'by-hand', { team: 'payments' });
    const applied = await world.apply();
    expect(applied.outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ 'card-key': 'card-key_v2' });
    expect(await world.newest('card-key')).toBe('by-hand');
    expect(await world.versions('card-key')).toEqual(['v1 enabled', 'v2 enabled']);
    const item = (await world.observe()).vaults['prod-vault'];
    expect(item?.status === 'seen' ? item.secrets['card-key']?.tags : null).toMatchObject({
      'team': 'payments',
      'keyturn-version': '2',
    });
    expect((await world.plan()).steps).toEqual([]);
  });

  it('goes back to the prior value and is disabled when a service does not take it', async () => {
    await openManual();
    await world.writeByHand('card-key', 'bad-by-hand');
    const applied = await world.apply();
    expect(applied.outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({ 'card-key': 'card-key_v1' });
    expect(await world.newest('card-key')).toBe('first');
    expect(await world.versions('card-key')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
  });

  it('waits for its date when a schedule runs, and is then rolled out without a person', async () => {
    await openManual();
    await world.writeByHand('card-key', 'by-hand');
    expect((await world.plan({ dueOnly: true })).steps.filter(({ kind }) => kind === 'mint')).toEqual([]);
    world.later(24 * 50);
    expect((await world.apply({ dueOnly: true })).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ 'card-key': 'card-key_v2' });
  });

  it('is taken back where the apply was killed between its mark and its delivery', async () => {
    await openManual();
    await world.writeByHand('card-key', 'by-hand');
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'stage'));
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.newest('card-key')).toBe('first');
    expect(await world.reads('api')).toEqual({ 'card-key': 'card-key_v1' });
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is not taken up where it was disabled after the plan was made', async () => {
    await openManual([]);
    await world.writeByHand('card-key', 'by-hand');
    const plan = await world.plan();
    const [taken] = plan.steps.flatMap((step) => (step.kind === 'mint' ? (step.taken ?? []) : []));
    await world.disableByHand('card-key', taken ?? '');
    const applied = await world.perform(plan);
    expect(applied.outcome).toBe('failed');
    expect(applied.recorded.secrets[secretAddress(VAULT, 'card-key')]?.current).toBe(1);
    expect(await world.versions('card-key')).toEqual(['v1 enabled', 'v? disabled']);
  });

  it('is named, and nothing is begun, where its own tags leave no room for those of keyturn', async () => {
    await openManual();
    const tags = Object.fromEntries(Array.from({ length: 13 }, (_, index) => [`tag-${index}`, 'x']));
    await world.writeByHand('card-key', 'by-hand', tags);
    const plan = await world.plan();
    expect(plan.steps.filter(({ kind }) => kind === 'mint')).toEqual([]);
    expect(plan.blocked).toMatchObject([{ address: secretAddress(VAULT, 'card-key'), why: 'unsupported' }]);
    expect(plan.blocked[0]?.fault).toMatchObject({ code: 'vault-conflict' });
    expect((await world.apply({}, { 'card-key': 'handed-in' })).outcome).toBe('done');
  });

  it('may carry tags that are named like those of keyturn, and as many as leave room for them', async () => {
    await openManual();
    const tags = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`tag-${index}`, 'x']));
    await world.writeByHand('card-key', 'by-hand', { ...tags, 'keyturn-version': 'mine' });
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.versions('card-key')).toEqual(['v1 enabled', 'v2 enabled']);
  });
});
