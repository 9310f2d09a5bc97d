import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import { declare, secret, service, STACK, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';

/** v1, then v2, and the record that was written in between: someone works on an older commit. */
async function openOlder(declared: Declared): Promise<void> {
  world = await World.open(declared);
  await world.apply();
  world.later(80);
  await world.apply();
  const directory = join(world.directory, 'state', STACK);
  const state = await readFile(join(directory, 'state.json'), 'utf8');
  await world.apply({ rotate: [A] });
  await writeFile(join(directory, 'state.json'), state);
  await rm(join(directory, 'history', '000003.json'), { force: true });
  world.later(1);
}

describe('a record that is older than what was applied last', () => {
  it('disables nothing that the vault gives out', async () => {
    await openOlder(declare([secret('a', { readers: 'latest' })], []));
    const value = await world.newest('a');
    const plan = await world.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.blocked.map(({ text }) => text)).toEqual([
      'a is at v2 in the vault, and the record knows up to v1: it is older than what was applied last',
    ]);
    expect(await world.newest('a')).toBe(value);
  });

  it('points no consumer back at a version that it still calls current, and rotates nothing', async () => {
    await openOlder(declare([secret('a'), secret('b')], [service('api', ['a']), service('web', ['b'])]));
    const plan = await world.plan({ rotate: [A, 'vault://prod-vault/b'] });
    expect(plan.groups.flatMap(({ secrets }) => secrets)).toEqual(['vault://prod-vault/b']);
    expect(plan.groups.flatMap(({ consumers }) => consumers)).toEqual(['swarm://prod/web']);
    expect(plan.blocked.map(({ address, fault }) => [address, fault?.code])).toContainEqual([A, 'not-ours']);
    await expect(world.planRollback('a')).rejects.toMatchObject({ code: 'not-ours' });
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
  });
});
