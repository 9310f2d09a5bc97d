import { afterEach, describe, expect, it } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

async function open(declared: Declared, replicas?: number): Promise<World> {
  world = await World.open(declared, replicas);
  return world;
}

afterEach(() => world.close());

const pair = declare(
  [
    secret('writer', { source: { kind: 'manual', instructions: null } }),
    secret('reader', { together: ['vault://prod-vault/writer'] }),
  ],
  [service('api', ['writer', 'reader'])],
);

describe('an apply', () => {
  it('mints, stages, flips once, verifies and promotes, and then there is nothing left to do', async () => {
    await open(pair);
    const first = await world.apply({}, { writer: 'good-1' });
    expect(first.outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ writer: 'writer_v1', reader: 'reader_v1' });
    expect(first.plan.steps.filter(({ kind }) => kind === 'flip')).toHaveLength(1);

    const again = await world.plan();
    expect(again.steps).toEqual([]);
    expect(again.blocked).toEqual([]);
    expect(again.notes.filter(({ kind }) => kind === 'drift')).toEqual([]);
  });

  it('keeps the prior version through the soak, then settles, retires and prunes it without restarting a task', async () => {
    await open(pair);
    await world.apply({}, { writer: 'good-1' });
    world.later(80);
    await world.apply();
    const second = await world.apply({}, { writer: 'good-2' });
    expect(second.outcome).toBe('done');
    expect(await world.copies()).toEqual(['reader_v1', 'reader_v2', 'writer_v1', 'writer_v2']);
    expect(await world.versions('writer')).toEqual(['v1 enabled', 'v2 enabled']);

    world.later(71);
    expect((await world.plan()).steps).toEqual([]);
    world.later(2);
    const due = await world.plan();
    expect(due.steps.map(({ kind }) => kind).sort()).toEqual([
      'prune',
      'prune',
      'retire',
      'retire',
      'settle',
    ]);
    const ended = await world.perform(due);
    expect(ended.outcome).toBe('done');
    const cited = ended.entry.steps
      .filter(({ kind }) => kind === 'retire')
      .map(({ approvedBy }) => approvedBy);
    expect(cited).toEqual([second.entry.planDigest, second.entry.planDigest]);
    expect(await world.copies()).toEqual(['reader_v2', 'writer_v2']);
    expect(await world.versions('writer')).toEqual(['v1 disabled', 'v2 enabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('returns the whole group to its prior versions when the new value does not come up healthy', async () => {
    await open(pair);
    await world.apply({}, { writer: 'good-1' });
    world.later(80);
    await world.apply();
    const failed = await world.apply({}, { writer: 'bad-2' });
    expect(failed.outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({ writer: 'writer_v1', reader: 'reader_v1' });
    expect(await world.copies()).toEqual(['reader_v1', 'writer_v1']);
    expect(await world.versions('writer')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect(failed.recorded.secrets['vault://prod-vault/writer']).toMatchObject({ current: 1, highest: 2 });
    expect(failed.recorded.secrets['vault://prod-vault/writer']?.held?.reason).toContain('api');
    expect((await world.plan()).steps).toEqual([]);
  });

  it('disables a first version that fails, and takes the next ordinal when it is tried again', async () => {
    await open(
      declare(
        [secret('token', { source: { kind: 'manual', instructions: null } })],
        [service('api', ['token'])],
      ),
    );
    const failed = await world.apply({}, { token: 'crash' });
    expect(failed.outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({});
    expect(await world.versions('token')).toEqual(['v1 disabled']);
    expect((await world.apply({ rotate: ['vault://prod-vault/token'] }, { token: 'good' })).outcome).toBe(
      'done',
    );
    expect(await world.reads('api')).toEqual({ token: 'token_v2' });
  });

  it('goes on with other groups when one is rolled back', async () => {
    await open(
      declare(
        [secret('token', { source: { kind: 'manual', instructions: null } }), secret('key')],
        [service('api', ['token']), service('worker', ['key'])],
      ),
    );
    expect((await world.apply({}, { token: 'bad' })).outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({});
    expect(await world.reads('worker')).toEqual({ key: 'key_v1' });
  });

  it('refuses an empty value and one over 25 KB before anything is touched', async () => {
    await open(
      declare(
        [secret('token', { source: { kind: 'manual', instructions: null } })],
        [service('api', ['token'])],
      ),
    );
    await expect(world.apply({}, { token: '' })).rejects.toMatchObject({ code: 'value-refused' });
    await expect(world.apply({}, { token: 'x'.repeat(25_601) })).rejects.toMatchObject({
      code: 'value-refused',
    });
    expect(await world.versions('token')).toEqual([]);
    expect(await world.record.interrupted()).toBeNull();
  });

  it('leaves a mount that is no longer declared in the service, and says so', async () => {
    await open(declare([secret('key'), secret('salt')], [service('api', ['key', 'salt'])]));
    await world.apply();
    world.declared = declare([secret('key'), secret('salt')], [service('api', ['key'])]);
    const plan = await world.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.notes.find(({ kind }) => kind === 'forgotten')?.text).toContain('keeps reading salt v1');
  });
});
