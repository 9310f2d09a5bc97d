import { afterEach, describe, expect, it } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

async function open(declared: Declared): Promise<World> {
  world = await World.open(declared);
  return world;
}

afterEach(() => world.close());

const manual = { kind: 'manual', instructions: null } as const;
const api = declare(
  [secret('token', { source: manual }), secret('salt')],
  [service('api', ['token', 'salt'])],
);
const TOKEN = 'vault://prod-vault/token';
const SALT = 'vault://prod-vault/salt';

/** v1 of both, then v2 of both, promoted together. */
async function rotatedTwice(): Promise<void> {
  await open(api);
  await world.apply({}, { token: 'good-1' });
  world.later(80);
  await world.apply();
  await world.apply({ rotate: [SALT] }, { token: 'good-2' });
}

describe('a rollback after success', () => {
  it('returns everything that was promoted together, and makes the prior value the newest again', async () => {
    await rotatedTwice();
    expect(await world.reads('api')).toEqual({ token: 'token_v2', salt: 'salt_v2' });
    expect((await world.rollback('token')).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ token: 'token_v1', salt: 'salt_v1' });
    expect(await world.newest('token')).toBe('good-1');
    expect(await world.copies()).toEqual(['salt_v1', 'token_v1']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('holds what a person took back, until a person rotates it', async () => {
    await rotatedTwice();
    const { recorded } = await world.rollback('salt', 'clients fail');
    expect(recorded.secrets[TOKEN]?.held?.reason).toBe('rolled back by hand: clients fail');
    const again = await world.apply({ rotate: [SALT] });
    expect(again.outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ token: 'token_v1', salt: 'salt_v3' });
    expect(again.recorded.secrets[SALT]?.held).toBeNull();
  });

  it('is refused once the soak is over and the prior version retired', async () => {
    await rotatedTwice();
    world.later(80);
    await world.apply();
    await expect(world.rollback('token')).rejects.toThrow('a retired version never returns');
  });

  it('is refused before anything is changed when someone disabled the prior version', async () => {
    await rotatedTwice();
    const version = (await world.record.read()).secrets[TOKEN]?.versions.find(({ ordinal }) => ordinal === 1);
    await world.disableByHand('token', version?.storeIds[0] ?? '');
    await expect(world.rollback('token')).rejects.toThrow('the way back is gone');
    expect(await world.reads('api')).toEqual({ token: 'token_v2', salt: 'salt_v2' });
  });
});

describe('the first rotation of a secret that was there before', () => {
  const adopting = declare([secret('token', { source: manual, adopt: true })], [service('api', ['token'])]);

  it('puts the former value back as the newest when it fails', async () => {
    await open(adopting);
    await world.writeByHand('token', 'by-hand');
    expect((await world.apply({}, { token: 'bad' })).outcome).toBe('rolled-back');
    expect(await world.newest('token')).toBe('by-hand');
  });

  it('is refused without adopt, and the vault stays as it is', async () => {
    await open(declare([secret('token', { source: manual })], [service('api', ['token'])]));
    await world.writeByHand('token', 'by-hand');
    const plan = await world.plan({ values: [TOKEN] });
    expect(plan.steps).toEqual([]);
    expect(plan.blocked.map(({ why }) => why)).toEqual(['not-ours']);
  });
});

describe('an interrupt', () => {
  it('before the first act ends with nothing changed', async () => {
    await open(api);
    const plan = await world.plan({ values: [TOKEN] });
    const stopped = await world.perform(plan, { token: 'good' }, AbortSignal.abort());
    expect(stopped.outcome).toBe('interrupted');
    expect(await world.copies()).toEqual([]);
    expect(await world.versions('token')).toEqual([]);
  });

  it('inside a group lets running steps finish; the next apply takes the group back and holds nothing', async () => {
    await open(api);
    const controller = new AbortController();
    const plan = await world.plan({ values: [TOKEN] });
    const stopped = await world.perform(plan, { token: 'good' }, controller.signal, (event) => {
      if (event.type === 'step_end' && event.step.kind === 'stage') controller.abort();
    });
    expect(stopped.outcome).toBe('stopped');
    expect(await world.record.interrupted()).not.toBeNull();
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('rolled-back');
    expect(await world.copies()).toEqual([]);
    expect(await world.versions('token')).toEqual(['v1 disabled']);
    expect((await world.apply({}, { token: 'good' })).outcome).toBe('done');
  });
});

describe('a mint whose answer was lost', () => {
  it('is found by its operation id and not minted again', async () => {
    await open(api);
    world.vault.fault({ match: { operation: 'SecretSet', secret: 'token' }, action: 'drop-after' });
    expect((await world.apply({}, { token: 'good' })).outcome).toBe('done');
    expect(await world.versions('token')).toEqual(['v1 enabled']);
  });
});

describe('a version whose way back failed twice', () => {
  it('is taken back by the next plan once nothing names it', async () => {
    await open(declare([secret('token', { source: manual })], [service('api', ['token'])]));
    await world.apply({}, { token: 'good-1' });
    world.later(80);
    await world.apply();
    world.swarm.fault({
      match: { operation: 'SecretRemove' },
      times: 'always',
      action: 'fail',
      status: 403,
      message: 'no',
    });
    expect((await world.apply({}, { token: 'bad-2' })).outcome).toBe('stopped');
    expect((await world.resume())?.outcome).toBe('stopped');
    world.swarm.clearFaults();
    const plan = await world.plan();
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['unstage', 'restore']);
    expect((await world.perform(plan)).outcome).toBe('done');
    expect(await world.copies()).toEqual(['token_v1']);
    expect(await world.newest('token')).toBe('good-1');
    expect(await world.versions('token')).toContain('v2 disabled');
    expect((await world.plan()).steps).toEqual([]);
  });
});
