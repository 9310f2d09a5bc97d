import { afterEach, describe, expect, it } from 'vitest';
import type { Recorded } from '../../src/model/recorded.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const soakless = { soak: 'PT0S' } as const;
const refused = { kind: 'command', argv: ['try'], refused: 1, control: false, timeout: 'PT5S' } as const;

describe('an emergency', () => {
  it('also removes the copies that were kept of versions that were retired before', async () => {
    const key = secret('key', { ...soakless, keep: 1 });
    world = await World.open(declare([key], [service('api', ['key'])]), 1);
    await world.apply();
    await world.apply({ rotate: [key.address] });
    expect(await world.copies()).toEqual(['key_v1', 'key_v2']);
    const { outcome } = await world.compromise(['key']);
    expect(outcome).toBe('done');
    expect(await world.copies()).toEqual(['key_v3']);
  });

  it('takes along what was minted before, never promoted, and could not be taken back', async () => {
    const key = secret('key', { ...soakless, refused });
    world = await World.open(declare([key], [service('api', ['key'])]), 1);
    world.hooks = { ...world.hooks, prove: () => Promise.resolve('refused') };
    await world.apply();
    const plan = await world.plan({ rotate: [key.address] });
    const verify = plan.steps.find(({ kind }) => kind === 'verify')?.id;
    await killedBefore(world, plan, (entry) => entry.type === 'outcome' && entry.step === verify);
    world.swarm.fault({
      match: { operation: 'SecretRemove' },
      times: 'always',
      action: 'fail',
      status: 403,
      message: 'no',
    });
    expect((await world.resume())?.outcome).toBe('stopped');
    world.swarm.clearFaults();
    expect(await world.versions('key')).toEqual(['v1 enabled', 'v2 enabled']);
    const { outcome, recorded } = await world.compromise(['key']);
    expect(outcome).toBe('done');
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v2 disabled', 'v3 enabled']);
    expect(await world.copies()).toEqual(['key_v3']);
    const roles = Object.values(recorded.secrets)[0]?.versions.map(({ role }) => role);
    expect(roles).toEqual(['retired', 'retired', 'current']);
  });

  it('has what is left of a copy removed behind the settle that lets go of it, not beside it', async () => {
    world = await World.open(declare([secret('key')], [service('api', ['key'])]), 1);
    await world.apply();
    const refusal = { action: 'fail', status: 403, message: 'no' } as const;
    world.swarm.fault({ match: { operation: 'ServiceUpdate' }, ...refusal });
    expect((await world.compromise(['key'])).outcome).toBe('incomplete');
    await world.apply();
    world.later(80);
    const { groups, steps } = await world.plan();
    expect(steps.map(({ kind }) => kind)).toEqual(['settle', 'prune']);
    expect(groups.map(({ needs }) => needs)).toEqual([[], ['d1']]);
  });

  it('can be followed by a better value where its own made a service fail', async () => {
    const key = secret('key', { source: { kind: 'manual', instructions: null } });
    world = await World.open(declare([key], [service('api', ['key'])]), 1);
    await world.apply({}, { key: 'good-1' });
    expect((await world.compromise(['key'], {}, { key: 'bad-2' })).outcome).toBe('incomplete');
    expect((await world.service('api')).updateState).toBe('paused');
    const { outcome, recorded } = await world.apply({ rotate: [key.address] }, { key: 'good-3' });
    expect(outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ key: 'key_v3' });
    expect(Object.values(recorded.consumers)[0]?.parked).toBeUndefined();
  });

  it('whose dead version has no successor yet leaves no way back to it, also behind an apply that was killed', async () => {
    const key = secret('key', { source: { kind: 'manual', instructions: null } });
    world = await World.open(declare([key], [service('api', ['key'])]), 1);
    await world.apply({}, { key: 'good-1' });
    // Whoever goes on with it does not have the value that was brought.
    const order = { revokeFirst: true, values: [key.address] };
    const emergency = await world.planCompromise(['key'], order);
    await killedBefore(world, emergency, outcomeOf(emergency, 'retire'), 1, { key: 'good-2' });
    expect((await world.resume())?.outcome).toBe('incomplete');
    expect(await world.versions('key')).toEqual(['v1 disabled']);
    const plan = await world.plan({ rotate: [key.address], values: [key.address] });
    await killedBefore(world, plan, outcomeOf(plan, 'verify'), 1, { key: 'good-3' });
    await world.resume();
    await world.apply();
    // v2 was given out by the emergency, and never made.
    expect(await world.reads('api')).toEqual({ key: 'key_v3' });
    expect((await world.apply({ rotate: [key.address] }, { key: 'good-4' })).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ key: 'key_v4' });
    world.later(80);
    await world.apply();
    await world.apply();
    expect(await world.versions('key')).toEqual(['v1 disabled', 'v3 disabled', 'v4 enabled', 'v4 enabled']);
  });

  it('leaves who still reads a dead version parked, whatever else of it moves on', async () => {
    const key = secret('key', { source: { kind: 'manual', instructions: null } });
    const salt = secret('salt', soakless);
    world = await World.open(declare([key, salt], [service('api', ['key', 'salt'])]), 1);
    await world.apply({}, { key: 'good-1' });
    const order = { revokeFirst: true, values: [key.address] };
    const emergency = await world.planCompromise(['key'], order);
    await killedBefore(world, emergency, outcomeOf(emergency, 'retire'), 1, { key: 'good-2' });
    const resumed = await world.resume();
    const parkedIn = ({ consumers }: Recorded): (string | undefined)[] =>
      Object.values(consumers).map(({ parked }) => parked?.incident);
    expect(parkedIn(resumed?.recorded ?? (await world.record.read()))).toEqual(['INC-7']);
    const other = await world.compromise(['salt'], { only: true, incident: 'INC-8' });
    expect(other.outcome).toBe('done');
    expect(parkedIn(other.recorded)).toEqual(['INC-7']);
    const better = await world.compromise(['key'], {}, { key: 'good-3' });
    expect(parkedIn(better.recorded)).toEqual([undefined]);
  });

  it('says who still reads an old copy at a mount that is no longer declared', async () => {
    const both = [secret('key', soakless), secret('salt', soakless)];
    world = await World.open(declare(both, [service('api', ['key', 'salt'])]), 1);
    await world.apply();
    world.declared = declare(both, [service('api', ['salt'])]);
    const { emergency } = await world.planCompromise(['key'], { only: true });
    expect(emergency?.exposed.map(({ text }) => text)).toEqual([
      'reads key_v1 at a mount that is not declared: it keeps it until somebody moves it',
    ]);
  });
});
