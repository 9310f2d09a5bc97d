import { afterEach, describe, expect, it } from 'vitest';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

describe('a version that could not be taken back', () => {
  it('keeps its copies in the record when the next plan takes it up, so that they are pruned one day', async () => {
    world = await World.open(declare([secret('a', { soak: 'PT0S' })], [service('api', ['a'])]));
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'flip'));
    world.swarm.fault({
      match: { operation: 'SecretRemove' },
      action: 'fail',
      status: 403,
      message: 'read only',
    });
    expect((await world.resume())?.outcome).toBe('stopped');
    expect((await world.apply()).outcome).toBe('done');
    const { secrets } = await world.record.read();
    const versions = secrets['vault://prod-vault/a']?.versions ?? [];
    expect(versions.map(({ ordinal, copies }) => [ordinal, copies.map(({ name }) => name)])).toEqual([
      [1, ['a_v1']],
    ]);
  });

  it('has them recorded too where the outcome of their delivery was lost', async () => {
    world = await World.open(declare([secret('a', { soak: 'PT0S' })], [service('api', ['a'])]));
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'stage'));
    const rule = { match: { operation: 'SecretRemove' as const }, action: 'fail' as const, status: 403 };
    world.swarm.fault({ ...rule, message: 'read only' });
    expect((await world.resume())?.outcome).toBe('stopped');
    expect((await world.apply()).outcome).toBe('done');
    const { secrets } = await world.record.read();
    const copies = secrets['vault://prod-vault/a']?.versions.flatMap((version) => version.copies);
    expect(copies?.map(({ name }) => name)).toEqual(['a_v1']);
  });
});
