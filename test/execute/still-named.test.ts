import { afterEach, describe, expect, it } from 'vitest';
import { secretAddress } from '../../src/model/address.ts';
import type { Declared, DeclaredEnvFile, DeclaredSecret, Mount } from '../../src/model/declared.ts';
import { variable } from '../plan/declare.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import type { Hosted } from '../support/hosted.ts';
import { addHost, file } from '../support/hosted.ts';
import type { Applied } from '../support/world.ts';
import { declare, secret, VAULT, World } from '../support/world.ts';

let world: World;
let host: Hosted;

afterEach(() => world.close());

const KEY = 'vault://prod-vault/key';
const SALT = 'vault://prod-vault/salt';
const key = secret('key', { source: { kind: 'manual', instructions: null } });
const front = file('front', ['key']);
const back = file('back', ['key'], { dependsOn: [front.address] });

/** An emergency disabled v1 of `key` and could not make v2: whoever reads it names what is dead, and is flipped for good. */
async function openDead(declared: Declared): Promise<void> {
  world = await World.open(declared, 1);
  host = await addHost(world);
  await world.apply({}, { key: 'good-1' });
  const match = { operation: 'SecretSet', secret: 'key' } as const;
  world.vault.fault({ match, times: 'always', action: 'fail', status: 403 });
  await world.compromise(['key'], { revokeFirst: true, only: true }, { key: 'good-2' });
  world.vault.clearFaults();
  expect(await world.versions('key')).toEqual(['v1 disabled']);
  expect(await host.names('front')).toMatchObject({ KEY: 'key_v1' });
}

/** Applies what fails at `back`, which refuses this version, and cannot be taken back from whoever names it by then. */
async function leaveBehind(version: string): Promise<void> {
  await host.refuse('back', [version]);
  world.later(80);
  world.vault.fault({ match: { operation: 'SecretGet' }, times: 'always', action: 'fail', status: 403 });
  await world.apply();
  await world.resume();
  world.vault.clearFaults();
}

describe('a version that a file was flipped to without a way back', () => {
  it('stays enabled when the group fails, until the file names another one', async () => {
    await openDead(declare([key], [front, back]));
    await host.refuse('back', ['key_v3']);
    expect((await world.apply({ rotate: [KEY] }, { key: 'bad-3' })).outcome).toBe('incomplete');
    expect(await host.names('front')).toEqual({ KEY: 'key_v3' });
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v3 enabled']);

    expect((await world.apply({ rotate: [KEY] }, { key: 'good-4' })).outcome).toBe('done');
    expect(await host.names('back')).toEqual({ KEY: 'key_v4' });
    await world.apply();
    expect(await world.versions('key')).toContain('v3 disabled');
    expect(await world.newest('key')).toBe('good-4');
  });

  it('stays enabled when the apply was killed before it knew whether the file was written', async () => {
    await openDead(declare([key], [front]));
    const plan = await world.plan({ rotate: [KEY], values: [KEY] });
    await killedBefore(world, plan, outcomeOf(plan, 'flip'), 1, { key: 'good-3' });
    expect(await host.names('front')).toEqual({ KEY: 'key_v3' });
    expect((await world.resume())?.outcome).toBe('incomplete');
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v3 enabled']);
  });

  it('is taken back where the flip had not begun', async () => {
    await openDead(declare([key], [front]));
    const plan = await world.plan({ rotate: [KEY], values: [KEY] });
    await killedBefore(world, plan, outcomeOf(plan, 'mint'), 1, { key: 'good-3' });
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await host.names('front')).toEqual({ KEY: 'key_v1' });
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v3 disabled']);
  });

  it('keeps what was written beside it enabled as well, although that could go back', async () => {
    const both = file('front', ['key', 'salt']);
    const salted = file('back', ['salt'], { dependsOn: [both.address] });
    await openDead(declare([key, secret('salt')], [both, salted]));
    await host.refuse('back', ['salt_v2']);
    const failed = await world.apply({ rotate: [KEY, SALT] }, { key: 'good-3' });
    // What went back is held, but the group did not go back.
    expect(failed.outcome).toBe('incomplete');
    expect(failed.events).toContainEqual(expect.objectContaining({ type: 'rollback_end', complete: false }));
    expect(failed.recorded.secrets[SALT]?.held?.reason).toMatch(/did not restart/);
    expect(await host.names('front')).toEqual({ KEY: 'key_v3', SALT: 'salt_v2' });
    expect(await host.names('back')).toEqual({ SALT: 'salt_v1' });
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v3 enabled']);
    expect(await world.versions('salt')).toEqual(['v1 enabled', 'v2 enabled']);

    await world.apply();
    expect(await host.names('front')).toEqual({ KEY: 'key_v3', SALT: 'salt_v1' });
    await world.apply();
    expect(await world.versions('salt')).toContain('v2 disabled');
    expect((await world.plan()).steps).toEqual([]);
  });
});

describe('a version that a file named before the apply began', () => {
  /** `front` reads `key` at KEY, and at OLD as it is said: `null` as at KEY, `'not'` no more, a number pinned to that. */
  function reading(old: number | 'not' | null, generation: number): Declared {
    const at = { secret: secretAddress(VAULT, 'key') };
    const further = old === 'not' ? [] : [variable('key', { ...at, target: 'OLD', version: old })];
    const twice = file('front', ['key'], { mounts: [variable('key', at), ...further] });
    return declare(
      [secret('key', { generation })],
      [twice, file('back', ['key'], { dependsOn: [front.address] })],
    );
  }

  /** `front` names v2 at both its variables, which failed at `back` and could not be taken back. */
  async function openLeft(): Promise<void> {
    world = await World.open(reading(null, 1));
    host = await addHost(world);
    await world.apply();
    world.declared = reading(null, 2);
    await leaveBehind('key_v2');
    expect(await host.names('front')).toEqual({ KEY: 'key_v2', OLD: 'key_v2' });
  }

  it('stays enabled where the way back leads to it, at a variable that was pinned to another one', async () => {
    await openLeft();
    world.declared = reading(1, 2);
    expect((await world.apply()).outcome).toBe('rolled-back');
    expect(await host.names('front')).toEqual({ KEY: 'key_v1', OLD: 'key_v2' });
    expect(await world.versions('key')).toEqual(['v1 enabled', 'v2 enabled']);

    await world.apply();
    await world.apply();
    expect(await host.names('front')).toEqual({ KEY: 'key_v1', OLD: 'key_v1' });
    expect(await world.versions('key')).toContain('v2 disabled');
  });

  it('stays enabled where a variable of the same file names it that is no longer declared', async () => {
    await openLeft();
    world.declared = reading('not', 2);
    expect((await world.apply()).outcome).toBe('rolled-back');
    expect(await host.names('front')).toEqual({ KEY: 'key_v1', OLD: 'key_v2' });
    expect(await world.versions('key')).toEqual(['v1 enabled', 'v2 enabled']);
  });

  it('is taken back with the flips of all that named it', async () => {
    await openLeft();
    expect((await world.apply()).outcome).toBe('rolled-back');
    expect(await host.names('front')).toEqual({ KEY: 'key_v1', OLD: 'key_v1' });
    expect(await world.versions('key')).toContain('v2 disabled');
  });
});

describe('a version that a file named, which is then flipped for another secret without a way back', () => {
  const salt = (more: Partial<DeclaredSecret>): DeclaredSecret => secret('salt', { generation: 2, ...more });
  const old = variable('salt', { secret: secretAddress(VAULT, 'salt'), target: 'OLD' });
  const salted = file('back', ['salt'], { dependsOn: [front.address] });
  const reading = (...further: readonly Mount[]): DeclaredEnvFile =>
    file('front', [], { mounts: [...front.mounts, ...further] });

  /** `front` names a dead `key` and, at OLD, v2 of `salt`, which could not be taken back; then it reads `further` beside `key`. */
  async function applyWhereNamed(...further: readonly Mount[]): Promise<Applied> {
    await openDead(declare([key, secret('salt')], [reading(old), salted]));
    world.declared = declare([key, salt({})], [reading(old), salted]);
    await leaveBehind('salt_v2');
    expect(await host.names('front')).toEqual({ KEY: 'key_v1', OLD: 'salt_v2' });
    world.declared = declare([key, salt({ together: [key.address] })], [reading(...further), salted]);
    return world.apply({ rotate: [KEY] }, { key: 'good-3' });
  }

  it('stays enabled where a variable names it that is no longer declared', async () => {
    expect((await applyWhereNamed()).outcome).toBe('incomplete');
    expect(await host.names('front')).toEqual({ KEY: 'key_v3', OLD: 'salt_v2' });
    expect(await host.names('back')).toEqual({ SALT: 'salt_v1' });
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v3 enabled']);
    expect(await world.versions('salt')).toEqual(['v1 enabled', 'v2 enabled']);
  });

  it('is taken back where the same flip moves on from it', async () => {
    expect((await applyWhereNamed({ ...old, version: 1 })).outcome).toBe('incomplete');
    expect(await host.names('front')).toEqual({ KEY: 'key_v3', OLD: 'salt_v1' });
    expect(await host.names('back')).toEqual({ SALT: 'salt_v1' });
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v3 enabled']);
    expect(await world.versions('salt')).toContain('v2 disabled');
  });
});
