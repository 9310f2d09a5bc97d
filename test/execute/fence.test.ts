import { afterEach, expect, test } from 'vitest';
import type { ApplyEvent } from '../../src/model/event.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { claimed } from '../support/lease.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';

/** Everything that was asked to change, in the vault and on the platform. */
function changes(): string[] {
  return [
    ...world.vault.requests.filter(({ method }) => method !== 'GET').map(({ operation }) => `${operation}`),
    ...world.swarm.requests.filter(({ method }) => method !== 'GET').map(({ operation }) => `${operation}`),
  ];
}

test('an apply whose lease is taken changes nothing more, and whoever took it ends what is half-done', async () => {
  world = await World.open(declare([secret('a')], [service('api', ['a'], { settleTime: 'PT1S' })]));
  await world.apply();
  world.later(80);
  await world.apply();
  const plan = await world.plan({ rotate: [A] });
  const taken: Promise<HeldRecord>[] = [];
  const listen = (event: ApplyEvent): void => {
    if (event.type === 'step_start' && event.step.kind === 'verify') taken.push(claimed(world.record));
  };
  await expect(world.perform(plan, {}, undefined, listen)).rejects.toMatchObject({ code: 'lease-lost' });
  expect(taken).toHaveLength(1);
  for (const held of await Promise.all(taken)) await held.release();
  const before = changes();
  expect(await world.reads('api')).toEqual({ a: 'a_v2' });

  expect((await world.resume())?.outcome).toBe('rolled-back');
  expect(changes().slice(before.length)).toContain('ServiceUpdate');
  expect(await world.reads('api')).toEqual({ a: 'a_v1' });
  expect((await world.plan()).steps).toEqual([]);
});
