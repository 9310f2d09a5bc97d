import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';
const B = 'vault://prod-vault/b';
const manual = { kind: 'manual', instructions: null } as const;
const monthly = {
  kind: 'every',
  period: 'P30D',
  anchor: '2026-01-01',
  at: '03:00',
  timeZone: 'UTC',
} as const;
const always = { times: 'always', action: 'fail', status: 403, message: 'no' } as const;

/** Every secret has its first version, and its soak is over. */
async function openSettled(declared: Declared, values: Readonly<Record<string, string>> = {}): Promise<void> {
  world = await World.open(declared);
  await world.apply({}, values);
  world.later(80);
  await world.apply();
}

describe('a rollback that cannot come to its end', () => {
  it('has its consumer on an enabled version when the copy cannot be removed, and goes forward', async () => {
    await openSettled(declare([secret('a', { source: manual })], [service('api', ['a'])]), { a: 'good-1' });
    await world.apply({}, { a: 'good-2' });
    world.swarm.fault({ match: { operation: 'SecretRemove' }, ...always });
    expect((await world.rollback('a')).outcome).toBe('stopped');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.versions('a')).toContain('v1 enabled');
    expect(await world.versions('a')).not.toContain('v1 disabled');

    world.swarm.clearFaults();
    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('done');
    expect(resumed?.recorded.secrets[A]?.current).toBe(1);
    expect(resumed?.recorded.secrets[A]?.held).not.toBeNull();
    expect(await world.copies()).toEqual(['a_v1']);
    expect(await world.newest('a')).toBe('good-1');
  });

  it('disables nothing that a consumer reads when one of two values cannot be restored, and goes forward', async () => {
    const both = declare([secret('a', { source: manual }), secret('b')], [service('api', ['a', 'b'])]);
    await openSettled(both, { a: 'good-1' });
    const former = await world.newest('b');
    await world.apply({ rotate: [B] }, { a: 'good-2' });
    world.vault.fault({ match: { operation: 'SecretSet', secret: 'b' }, ...always });
    expect((await world.rollback('a')).outcome).toBe('stopped');
    for (const [name, copy] of Object.entries(await world.reads('api'))) {
      const read = copy.slice(copy.lastIndexOf('_') + 1);
      expect(await world.versions(name)).toContain(`${read} enabled`);
      expect(await world.versions(name)).not.toContain(`${read} disabled`);
    }

    world.vault.clearFaults();
    expect((await world.resume())?.outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v1', b: 'b_v1' });
    expect(await world.newest('a')).toBe('good-1');
    expect(await world.newest('b')).toBe(former);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('goes forward also where somebody disabled the prior version meanwhile, and says that nothing is the newest', async () => {
    await openSettled(declare([secret('a', { source: manual })], [service('api', ['a'])]), { a: 'good-1' });
    await world.apply({}, { a: 'good-2' });
    world.vault.fault({ match: { operation: 'SecretSet' }, ...always });
    expect((await world.rollback('a')).outcome).toBe('stopped');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v2 enabled']);
    world.vault.clearFaults();
    const recorded = (await world.record.read()).secrets[A]?.versions ?? [];
    for (const storeId of recorded.find(({ ordinal }) => ordinal === 1)?.storeIds ?? [])
      await world.disableByHand('a', storeId);

    const resumed = await world.resume();
    expect(resumed?.outcome).toBe('done');
    expect(resumed?.entry.steps.find(({ kind }) => kind === 'restore')?.proof).toContain('v1 is disabled');
    expect(resumed?.recorded.secrets[A]?.current).toBe(1);
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 disabled']);
    expect((await world.apply({}, { a: 'good-3' })).outcome).toBe('done');
    expect(await world.newest('a')).toBe('good-3');
  });
});

describe('a way back', () => {
  it('returns the rest of the group when one of its services has vanished', async () => {
    const api = service('api', ['a']);
    const group = declare(
      [secret('a', { source: manual })],
      [api, service('web', ['a'], { dependsOn: [api.address] })],
    );
    await openSettled(group, { a: 'good-1' });
    const plan = await world.plan({ values: [A] });
    const failed = await world.perform(plan, { a: 'good-2' }, undefined, (event) => {
      if (event.type !== 'step_end' || event.step.kind !== 'verify') return;
      const gone = { status: 404, message: 'service web not found' } as const;
      const match = { operation: 'ServiceInspect', path: 'web' } as const;
      world.swarm.fault({ match, times: 'always', action: 'fail', ...gone });
    });
    expect(failed.outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(failed.recorded.secrets[A]?.current).toBe(1);
  });

  it.each([
    ['whose update stays paused', false],
    ['that someone deploys again, whatever its health', true],
  ])(
    'that fails twice leaves a bad version %s, and that no plan promotes unverified',
    async (_, isDeployed) => {
      await openSettled(declare([secret('a', { cadence: monthly })], [service('api', ['a'])]));
      world.later(24 * 40);
      world.generate = () => new SecretValue('bad');
      const plan = await world.plan({ dueOnly: true });
      const stopped = await world.perform(plan, {}, undefined, (event) => {
        if (event.type !== 'rollback_start') return;
        world.swarm.fault({ match: { operation: 'ServiceUpdate' }, ...always });
      });
      expect(stopped.outcome).toBe('stopped');
      expect((await world.resume())?.outcome).toBe('stopped');
      world.swarm.clearFaults();
      expect(await world.reads('api')).toEqual({ a: 'a_v2' });
      expect((await world.service('api')).updateState).toBe('paused');

      if (isDeployed) {
        await world.redeploy('api', 'continue');
        await vi.waitFor(
          async () => expect((await world.service('api')).updateState).toBe('completed'),
          5_000,
        );
      }
      const next = await world.apply({ dueOnly: true });
      expect(next.outcome).toBe('rolled-back');
      expect(await world.reads('api')).toEqual({ a: 'a_v1' });
      expect(next.recorded.secrets[A]?.current).toBe(1);
      expect(next.recorded.secrets[A]?.versions.find(({ ordinal }) => ordinal === 2)?.role).not.toBe(
        'current',
      );
    },
  );

  it('of an adopted secret never brings its value from before the adoption back', async () => {
    const adopted = declare([secret('a', { source: manual, adopt: true })], [service('api', ['a'])]);
    world = await World.open(adopted);
    await world.writeByHand('a', 'good-ancient');
    expect((await world.apply({}, { a: 'good-1' })).outcome).toBe('done');
    world.later(80);
    await world.apply();
    const current = (await world.record.read()).secrets[A]?.versions[0]?.storeIds[0];
    await world.disableByHand('a', current ?? '');
    expect((await world.apply({}, { a: 'bad-2' })).outcome).toBe('rolled-back');
    expect(await world.newest('a')).not.toBe('good-ancient');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
  });
});

describe('what others do in between', () => {
  it('keeps the newer settings of a service that was deployed again between two flips', async () => {
    await openSettled(declare([secret('a'), secret('b')], [service('api', ['a', 'b'])]));
    await world.apply({ rotate: [A] });
    await world.redeploy('api', 'continue');
    world.later(10);
    expect((await world.apply({ rotate: [B] })).outcome).toBe('done');
    world.later(90);
    expect((await world.apply()).outcome).toBe('done');
    expect((await world.service('api')).updateFailureAction).toBe('continue');
  });

  it("never answers a person's new value with an earlier one that was left behind", async () => {
    world = await World.open(declare([secret('a', { source: manual })], [service('api', ['a'])]));
    const plan = await world.plan({ values: [A] });
    const stopped = await world.perform(plan, { a: 'bad-1' }, undefined, (event) => {
      if (event.type === 'rollback_start')
        world.vault.fault({ match: { operation: 'SecretUpdate' }, ...always });
    });
    expect(stopped.outcome).toBe('stopped');
    expect((await world.resume())?.outcome).toBe('stopped');
    world.vault.clearFaults();
    expect(await world.versions('a')).toEqual(['v1 enabled']);
    const again = await world.apply({ rotate: [A] }, { a: 'good-2' });
    expect(again.outcome).toBe('done');
    expect(await world.newest('a')).toBe('good-2');
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 enabled']);
  });

  it('settles a consumer that is no longer declared', async () => {
    const api = service('api', ['a']);
    await openSettled(declare([secret('a')], [api, service('web', ['a'])]));
    await world.apply({ rotate: [A] });
    expect((await world.service('web')).updateFailureAction).toBe('pause');
    world.declared = declare([secret('a')], [api]);
    world.later(200);
    expect((await world.apply()).outcome).toBe('done');
    expect((await world.service('web')).updateFailureAction).toBe('rollback');
    expect(await world.copies()).toEqual(['a_v2']);
    const next = await world.plan();
    expect([...next.steps, ...next.blocked]).toEqual([]);
  });
});

describe('a prune that failed', () => {
  it('is planned again', async () => {
    await openSettled(declare([secret('a')], [service('api', ['a'])]));
    await world.apply({ rotate: [A] });
    world.later(80);
    const { times: _, ...once } = always;
    world.swarm.fault({ match: { operation: 'SecretRemove' }, ...once });
    // What was retired stays so, and is on record: there is nothing to take back.
    expect((await world.apply()).outcome).toBe('incomplete');
    expect(await world.resume()).toBeNull();
    const next = await world.plan();
    expect(next.steps.map(({ kind }) => kind)).toEqual(['prune']);
    expect((await world.perform(next)).outcome).toBe('done');
    expect(await world.copies()).toEqual(['a_v2']);
  });
});
