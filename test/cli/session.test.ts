import { afterEach, expect, test } from 'vitest';
import type { Session } from '../../src/cli/session.ts';
import { isOfOneTime } from '../../src/cli/session.ts';
import type { SecretAddress } from '../../src/model/address.ts';
import { secretAddress } from '../../src/model/address.ts';
import { observe } from '../../src/observe/observe.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { VAULT, World, declare, secret, service } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

test('what is recorded and what is observed are of two times where another apply ended in between', async () => {
  world = await World.open(declare([secret('key')], [service('api', ['key'])]));
  await world.apply();
  world.later(80);
  const { declared, record } = world;
  const { vaults, platforms, hooks } = world.outside();
  const before = await record.read();
  await world.apply({ rotate: [secretAddress(VAULT, 'key')] });
  const observed = await observe({ declared, recorded: before, vaults, platforms, now: () => world.now });
  const connected = { declared, record, vaults, platforms, hooks, listed: new Set<SecretAddress>() };
  const torn: Session = { ...connected, recorded: before, observed };
  const plan = makePlan({ ...torn, now: world.now, options: { ...NO_OPTIONS, dueOnly: true } });
  expect(plan.blocked.map(({ fault }) => fault?.code)).toContain('not-ours');
  expect(await isOfOneTime(torn)).toBe(false);
  expect(await isOfOneTime({ ...torn, recorded: await record.read() })).toBe(true);
});

test('they are of two times where another apply is under way', async () => {
  world = await World.open(declare([secret('key')], [service('api', ['key'])]));
  const { declared, record } = world;
  const { vaults, platforms, hooks } = world.outside();
  const connected = { declared, record, vaults, platforms, hooks, listed: new Set<SecretAddress>() };
  const plan = await world.plan();
  await killedBefore(world, plan, outcomeOf(plan, 'stage'));
  const recorded = await record.read();
  const observed = await world.observe();
  expect(await isOfOneTime({ ...connected, recorded, observed })).toBe(false);
});
