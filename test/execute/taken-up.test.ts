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

  it('is minted and delivered before anything is pointed at it, so that it is disabled after all that is undone', async () => {
    world = await World.open(declare([secret('a', { soak: 'PT0S' })], [service('api', ['a'])]));
    const first = await world.plan();
    await killedBefore(world, first, outcomeOf(first, 'flip'));
    const rule = { match: { operation: 'SecretRemove' as const }, action: 'fail' as const, status: 403 };
    world.swarm.fault({ ...rule, message: 'read only' });
    expect((await world.resume())?.outcome).toBe('stopped');
    const { steps } = await world.plan();
    const needs = new Map(steps.map(({ id, needs: before }) => [id, before]));
    const before = (id: string): string[] => (needs.get(id) ?? []).flatMap((need) => [need, ...before(need)]);
    const idOf = (kind: string): string => steps.find((step) => step.kind === kind)?.id ?? `no ${kind}`;
    expect(before(idOf('flip'))).toEqual([idOf('stage'), idOf('mint')]);
  });
});

describe('a copy of the current version whose delivery was cut off and could not be taken back', () => {
  const A = 'vault://prod-vault/a';
  const api = service('api', ['a']);

  async function copiesOnRecord(): Promise<string[][]> {
    const { secrets } = await world.record.read();
    return (secrets[A]?.versions ?? []).map(({ copies }) => copies.map(({ name }) => name));
  }

  /** A secret that nobody read is delivered for the first time, by an apply that leaves no outcome of that. */
  async function leaveCopy(): Promise<void> {
    world = await World.open(declare([secret('a', { soak: 'PT0S' })], [api]));
    const { declared } = world;
    world.declared = declare(declared.secrets, []);
    await world.apply();
    world.declared = declare(declared.secrets, [api]);
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'stage'));
    const rule = { match: { operation: 'SecretRemove' as const }, action: 'fail' as const, status: 403 };
    world.swarm.fault({ ...rule, message: 'read only' });
    expect((await world.resume())?.outcome).toBe('stopped');
    expect(await world.copies()).toEqual(['a_v1']);
    expect(await copiesOnRecord()).toEqual([[]]);
  }

  it('is on record before a service is pointed at it', async () => {
    await leaveCopy();
    const plan = await world.plan();
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['stage', 'flip', 'verify', 'promote', 'settle']);
    expect((await world.perform(plan)).outcome).toBe('done');
    expect(await copiesOnRecord()).toEqual([['a_v1']]);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is removed by the apply that retires its version', async () => {
    await leaveCopy();
    await world.apply();
    await world.apply({ rotate: [A] });
    expect(await world.copies()).toEqual(['a_v2']);
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 enabled']);
  });
});
