import { afterEach, describe, expect, it } from 'vitest';
import type { Executed } from '../../src/execute/execute.ts';
import { resume } from '../../src/execute/execute.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';
const B = 'vault://prod-vault/b';

async function openSettled(): Promise<void> {
  const secrets = [secret('a', { together: [B] }), secret('b')];
  world = await World.open(declare(secrets, [service('api', ['a', 'b'])]));
  await world.apply();
  world.later(80);
  await world.apply();
}

/** As the next apply does it, once the stack has neither this vault nor this platform any more. */
function resumeWithout(what: 'vaults' | 'platforms'): Promise<Executed | null> {
  return world.underLease((held) => {
    const outside = { ...world.outside({}, held.fence), [what]: new Map() };
    return resume({ outside, listen: () => {}, parallelism: 8 }, held);
  });
}

describe('an apply that did not end, of a stack that no longer declares', () => {
  it.each(['vaults', 'platforms'] as const)('its %s, is kept until they are declared again', async (what) => {
    await openSettled();
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, outcomeOf(plan, 'verify'));
    const before = await world.versions('a');
    await expect(resumeWithout(what)).rejects.toMatchObject({ code: 'unfinished' });
    expect(await world.reads('api')).toEqual({ a: 'a_v2', b: 'b_v2' });
    expect(await world.versions('a')).toEqual(before);
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({ a: 'a_v1', b: 'b_v1' });
  });

  it.each(['vaults', 'platforms'] as const)('its %s, is ended where all was done', async (what) => {
    await openSettled();
    const plan = await world.plan({ rotate: [A] });
    await killedBefore(world, plan, ({ type }) => type === 'seen');
    expect((await resumeWithout(what))?.outcome).toBe('done');
    expect((await world.record.read()).secrets[A]?.current).toBe(2);
    expect(await world.record.interrupted()).toBeNull();
  });
});

describe('a rollback of two secrets whose vault refuses the second', () => {
  it('stays open until it is done: no plan points a consumer at what is disabled', async () => {
    await openSettled();
    await world.apply({ rotate: [A] });
    const refusal = { action: 'fail', status: 403, times: 'always' } as const;
    world.vault.fault({ match: { operation: 'SecretSet', secret: 'b' }, ...refusal });
    expect((await world.rollback('a')).outcome).toBe('stopped');
    expect((await world.resume())?.outcome).toBe('stopped');
    expect(await world.record.interrupted()).not.toBeNull();
    world.vault.clearFaults();
    expect((await world.resume())?.outcome).toBe('done');
    const { secrets } = await world.record.read();
    expect([secrets[A]?.current, secrets[B]?.current]).toEqual([1, 1]);
    expect(await world.reads('api')).toEqual({ a: 'a_v1', b: 'b_v1' });
    expect((await world.plan()).steps).toEqual([]);
  });
});
