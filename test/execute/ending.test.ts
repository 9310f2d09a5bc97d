import { afterEach, describe, expect, it } from 'vitest';
import { execute } from '../../src/execute/execute.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { DeclaredSecret } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Fence } from '../../src/model/fence.ts';
import type { RecordedVersion } from '../../src/model/recorded.ts';
import { claimed } from '../support/lease.ts';
import { declare, secret, service, World } from '../support/world.ts';

const DEATH: Partial<DeclaredSecret> = {
  soak: 'PT1H',
  revoke: { kind: 'command', argv: ['revoke'], timeout: 'PT5S' },
  refused: { kind: 'command', argv: ['try'], refused: 1, control: false, timeout: 'PT5S' },
};

let world: World;

afterEach(() => world.close());

async function v1(): Promise<RecordedVersion | undefined> {
  const { secrets } = await world.record.read();
  return Object.values(secrets)[0]?.versions.find(({ ordinal }) => ordinal === 1);
}

/** A world in which v1 was replaced and has soaked; `revoked` grows with each value that its source is told of. */
async function soaked(revoked: string[], vault: Parameters<typeof World.open>[2] = {}): Promise<void> {
  const key = secret('key', DEATH);
  world = await World.open(declare([key], [service('api', ['key'])]), 1, vault);
  world.hooks = {
    revoke: (_revocation, _value, { before }) => {
      revoked.push(`v${before}`);
      return Promise.resolve('revoked');
    },
    prove: () => Promise.resolve('refused'),
    effect: () => Promise.reject(new Error('nothing else is declared')),
    smoke: () => Promise.reject(new Error('nothing is tried')),
  };
  await world.apply();
  await world.apply({ rotate: [key.address] });
  world.later(2);
}

describe('the end of a version', () => {
  it('is not begun at its source while somebody has pointed a service at it since the plan was made', async () => {
    const revoked: string[] = [];
    await soaked(revoked);
    const { hooks } = world;
    // Its consumers are settled by then.
    world.hooks = { ...hooks, revoke: () => Promise.reject(new Error('the source is away')) };
    await world.apply();
    world.hooks = hooks;
    const plan = await world.plan();
    expect(plan.steps.map(({ kind }) => kind)).toContain('revoke');
    await world.pointTo('api', 'key_v1');
    await world.perform(plan);
    expect(revoked).toEqual([]);
    expect(await world.versions('key')).toContain('v1 enabled');
  });

  it('is not begun at its source by an apply that slept over its lease while it read the value', async () => {
    const revoked: string[] = [];
    let isAsleep = false;
    await soaked(revoked, {
      intercept: ({ operation, carryOut }) => {
        if (operation === 'SecretGet') isAsleep = true;
        return Promise.resolve(carryOut());
      },
    });
    const plan = await world.plan();
    const held = await claimed(world.record);
    const fence: Fence = {
      lost: new AbortController().signal,
      pass: () => {
        if (isAsleep) throw new Fault({ code: 'lease-lost', what: 'the lease ran out' });
        return 60_000;
      },
    };
    const input = {
      plan,
      planDigest: digestOf(plan),
      outside: world.outside({}, fence),
      listen: () => {},
      signal: new AbortController().signal,
      parallelism: 1,
      apply: 'sleeper',
      actor: { name: 'tester', knownBy: 'os-user' as const, host: 'here', run: null },
      reason: null,
      ticket: null,
    };
    await execute(input, held);
    await held.release();
    expect(isAsleep).toBe(true);
    expect(revoked).toEqual([]);
  });

  it('is looked at again before the disable, however long its source took', async () => {
    await soaked([]);
    const { hooks } = world;
    world.hooks = {
      ...hooks,
      revoke: async () => {
        await world.pointTo('api', 'key_v1');
        return 'revoked';
      },
    };
    await world.apply();
    expect(await world.versions('key')).toContain('v1 enabled');
  });

  it('is recorded by the next apply when its proof was given and only the disable was not confirmed', async () => {
    let isSilent = false;
    await soaked([], {
      intercept: ({ operation, path, carryOut }) => {
        const reply = carryOut();
        if (operation === 'SecretUpdate' && path.startsWith('/secrets/key/')) isSilent = true;
        return Promise.resolve(isSilent ? null : reply);
      },
    });
    await world.apply();
    expect(await v1()).toMatchObject({ role: 'retiring' });
    isSilent = false;
    expect(await world.versions('key')).toContain('v1 disabled');
    const { outcome, entry } = await world.apply();
    expect(entry.steps.map(({ kind }) => kind)).toEqual(['retire', 'prune']);
    expect(outcome).toBe('done');
    expect(await v1()).toMatchObject({ role: 'retired', retiredWhy: 'soaked' });
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is never called proved when somebody disabled it before it could be tried, and is not tried for ever', async () => {
    await soaked([]);
    await world.disableByHand('key', (await v1())?.storeIds[0] ?? '');
    const { outcome } = await world.apply();
    expect(outcome).toBe('done');
    expect(await v1()).toMatchObject({ role: 'retiring', copies: [] });
    expect((await v1())?.unproved).toContain('can no longer be read');
    expect((await world.plan()).steps).toEqual([]);
  });
});
