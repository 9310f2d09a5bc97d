import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SecretAddress } from '../../src/model/address.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import type { Declared } from '../../src/model/declared.ts';
import type { Plan } from '../../src/model/plan.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import type { Applied } from '../support/world.ts';
import { declare, secret, service, SWARM, VAULT, World } from '../support/world.ts';

let world: World;

async function open(declared: Declared): Promise<World> {
  world = await World.open(declared);
  return world;
}

afterEach(() => world.close());

const at = (name: string): SecretAddress => secretAddress(VAULT, name);
const manual = { kind: 'manual', instructions: null } as const;

const shop = declare(
  [secret('writer'), secret('reader', { together: [at('writer')] }), secret('mail'), secret('far')],
  [service('api', ['writer', 'reader']), service('relay', ['writer', 'mail']), service('other', ['far'])],
);

/** Who the vault gives which ordinal of a secret to. */
async function enabled(name: string): Promise<number[]> {
  const versions = await world.outside().vaults.get(VAULT)?.versions(name);
  return (versions ?? [])
    .filter((version) => version.enabled)
    .map(({ ordinal }) => ordinal ?? 0)
    .sort((a, b) => a - b);
}

function roles({ recorded }: Applied, name: string): string[] {
  return (recorded.secrets[at(name)]?.versions ?? [])
    .toSorted((a, b) => a.ordinal - b.ordinal)
    .map(
      ({ ordinal, role, retiredWhy }) => `v${ordinal} ${role}${retiredWhy === null ? '' : ` ${retiredWhy}`}`,
    );
}

describe('a compromise', () => {
  it('gives everything within the radius a new version, and leaves nothing of the old ones', async () => {
    await open(shop);
    await world.apply();
    const ended = await world.compromise(['reader']);
    expect(ended.outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ writer: 'writer_v2', reader: 'reader_v2' });
    expect(await world.reads('relay')).toEqual({ writer: 'writer_v2', mail: 'mail_v2' });
    expect(await enabled('writer')).toEqual([2]);
    expect(await enabled('reader')).toEqual([2]);
    expect(await world.copies()).toEqual(['far_v1', 'mail_v2', 'reader_v2', 'writer_v2']);
    expect(roles(ended, 'writer')).toEqual(['v1 retired compromised', 'v2 current']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is refused by no soak, and takes the way back along', async () => {
    await open(shop);
    await world.apply();
    await world.apply({ rotate: [at('mail')] });
    const ended = await world.compromise(['mail'], { only: true });
    expect(ended.outcome).toBe('done');
    expect(roles(ended, 'mail')).toEqual(['v1 retired compromised', 'v2 retired compromised', 'v3 current']);
    expect(await enabled('mail')).toEqual([3]);
    await expect(world.rollback('mail')).rejects.toThrow('a retired version never returns');
  });

  it('removes a copy that arrived after its apply had given up on it, whatever is kept otherwise', async () => {
    await open(declare([secret('far', { keep: 1 })], [service('other', ['far'])]));
    await world.apply();
    const failed = await world.plan({ rotate: [at('far')] });
    await killedBefore(world, failed, outcomeOf(failed, 'stage'));
    const late = (await world.copies()).filter((name) => name !== 'far_v1');
    expect(late).toEqual(['far_v2']);
    await world.resume();
    await world.deliverByHand('far_v2', { secret: at('far'), ordinal: 2 });
    expect((await world.compromise(['far'])).outcome).toBe('done');
    expect(await world.copies()).toEqual(['far_v3']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('says in the history which incident it was, and shows the death of each version', async () => {
    await open(shop);
    await world.apply();
    const { entry } = await world.compromise(['mail'], { only: true });
    expect(entry).toMatchObject({ kind: 'compromise', emergency: { incident: 'INC-7' } });
    const retired = entry.steps.filter(({ kind }) => kind === 'retire').map(({ proof }) => proof);
    expect(retired).toEqual([
      `no spec, task or previous spec on ${SWARM} names it; the vault lists it as disabled`,
    ]);
  });

  it('has nothing left to do the second time, and goes on with what was left the first time', async () => {
    await open(
      declare([secret('token', { source: manual }), secret('salt')], [service('api', ['token', 'salt'])]),
    );
    await world.apply({}, { token: 'good-1' });
    const first = await world.compromise(['salt']);
    expect(first.outcome).toBe('incomplete');
    expect(await world.reads('api')).toEqual({ token: 'token_v1', salt: 'salt_v2' });
    const second = await world.compromise(['salt'], {}, { token: 'good-2' });
    expect(second.outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ token: 'token_v2', salt: 'salt_v2' });
    expect((await world.planCompromise(['salt'])).steps).toEqual([]);
  });

  it('disables what somebody else wrote there as well', async () => {
    await open(shop);
    await world.apply();
    await world.writeByHand('mail', 'planted');
    const ended = await world.compromise(['mail'], { only: true });
    expect(ended.outcome).toBe('done');
    expect(await enabled('mail')).toEqual([2]);
  });

  it('disables what somebody else wrote beneath a version that is known well', async () => {
    await open(shop);
    await world.apply();
    await world.writeByHand('mail', 'planted');
    await world.apply({ rotate: [at('mail')] });
    world.later(80);
    await world.apply();
    expect(await enabled('mail')).toEqual([0, 2]);
    const ended = await world.compromise(['mail'], { only: true });
    expect(ended.outcome).toBe('done');
    expect(await enabled('mail')).toEqual([3]);
  });

  it('disables the old version before there is a new one, where that was ordered', async () => {
    await open(shop);
    await world.apply();
    const ended = await world.compromise(['mail'], { only: true, revokeFirst: true });
    expect(ended.outcome).toBe('done');
    const order = ended.events.flatMap((event) =>
      event.type === 'step_end' && event.status === 'done' ? [event.step.kind] : [],
    );
    expect(order.indexOf('retire')).toBeLessThan(order.indexOf('mint'));
    expect(roles(ended, 'mail')).toEqual(['v1 retired compromised', 'v2 current']);
    expect((await world.plan()).steps).toEqual([]);
  });
});

describe('a consumer that refuses the new value', () => {
  const two = declare(
    [secret('token', { source: manual })],
    [service('api', ['token']), service('web', ['token'])],
  );

  /** An emergency whose new value web and api both get, and api cannot run on. */
  async function refusedBy(): Promise<Applied> {
    await open(two);
    await world.apply({}, { token: 'good-1' });
    return world.compromise(['token'], {}, { token: 'bad-2' });
  }

  it('is parked, keeps nobody else from moving, and brings nothing back', async () => {
    const ended = await refusedBy();
    expect(ended.outcome).toBe('incomplete');
    expect(await enabled('token')).toEqual([2]);
    expect(roles(ended, 'token')).toEqual(['v1 retired compromised', 'v2 current']);
    expect(await world.reads('api')).toEqual({ token: 'token_v2' });
    const parked = ended.recorded.consumers[consumerAddress(SWARM, 'api')]?.parked;
    expect(parked).toMatchObject({ incident: 'INC-7' });
    expect(parked?.reason).toMatch(/task/);
    expect(ended.recorded.secrets[at('token')]?.held).toBeNull();
  });

  it('is said to be parked by the next plan, which leaves it alone', async () => {
    await refusedBy();
    const plan = await world.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.notes.filter(({ kind }) => kind === 'parked')).toHaveLength(2);
  });

  it('goes on with the value of another emergency, and is parked no longer', async () => {
    await refusedBy();
    world.later(1);
    const ended = await world.compromise(['token'], { incident: 'INC-8' }, { token: 'good-3' });
    expect(ended.outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ token: 'token_v3' });
    expect(ended.recorded.consumers[consumerAddress(SWARM, 'api')]?.parked).toBeUndefined();
    expect(await world.copies()).toEqual(['token_v3']);
  });
});

describe('a consumer whose update was refused', () => {
  it('keeps a copy that is dead, and is moved by the next apply, which has no way back to it', async () => {
    await open(declare([secret('salt')], [service('api', ['salt'])]));
    await world.apply();
    world.swarm.fault({
      match: { operation: 'ServiceUpdate' },
      action: 'fail',
      status: 403,
      message: 'no',
    });
    const ended = await world.compromise(['salt']);
    expect(ended.outcome).toBe('incomplete');
    expect(ended.entry.steps.find(({ kind }) => kind === 'prune')?.fault?.what).toMatch(
      /^dead, still mounted: salt_v1 cannot be removed/,
    );
    expect(await world.reads('api')).toEqual({ salt: 'salt_v1' });
    expect(await enabled('salt')).toEqual([2]);

    const plan = await world.plan();
    const flip = plan.steps.find(({ kind }) => kind === 'flip');
    expect(flip).toMatchObject({ address: consumerAddress(SWARM, 'api'), inverse: null });
    const after = await world.perform(plan);
    expect(after.outcome).toBe('done');
    expect(after.recorded.consumers[consumerAddress(SWARM, 'api')]?.parked).toBeUndefined();
    world.later(80);
    // Not before the last task that mounts it has ended.
    await vi.waitFor(async () => {
      await world.apply();
      expect(await world.copies()).toEqual(['salt_v2']);
    }, 20_000);
    expect((await world.plan()).steps).toEqual([]);
  });
});

describe('an emergency that was interrupted', () => {
  it('before its first act has changed nothing; after that the next apply goes on with all of it', async () => {
    await open(shop);
    await world.apply();
    const before = new AbortController();
    before.abort();
    const none = await world.perform(await world.planCompromise(['reader', 'far']), {}, before.signal);
    expect(none.outcome).toBe('interrupted');
    expect(await world.resume()).toBeNull();

    const amid = new AbortController();
    const plan = await world.planCompromise(['reader', 'far']);
    const half = await world.perform(plan, {}, amid.signal, ({ type }) => {
      if (type === 'step_start') amid.abort();
    });
    expect(half.outcome).toBe('stopped');
    expect((await world.resume())?.outcome).toBe('done');
    expect(await world.reads('other')).toEqual({ far: 'far_v2' });
    expect((await world.planCompromise(['reader', 'far'])).steps).toEqual([]);
  });
});

describe('an emergency that was killed', () => {
  /** Every entry of the journal of a whole run, so that each can be the first that is not written. */
  async function entriesOf(declared: Declared): Promise<number> {
    await open(declared);
    await world.apply();
    let count = 0;
    const plan = await world.planCompromise(['reader']);
    await killedBefore(world, plan, () => ((count += 1), false)).catch(() => {});
    await world.close();
    return count;
  }

  it('at any instant is ended by the next apply, and nothing old comes back', async () => {
    const count = await entriesOf(shop);
    expect(count).toBeGreaterThan(30);
    for (let last = 3; last <= count; last += 9) {
      await open(shop);
      await world.apply();
      const plan: Plan = await world.planCompromise(['reader']);
      let seen = 0;
      await killedBefore(world, plan, () => (seen += 1) === last, 8);
      const resumed = await world.resume();
      expect(resumed?.outcome, `killed before entry ${last}`).toBe('done');
      // Nothing is left for the same incident.
      expect((await world.planCompromise(['reader'])).steps).toEqual([]);
      expect(await enabled('writer'), `killed before entry ${last}`).toEqual([2]);
      expect(await world.reads('api')).toEqual({ writer: 'writer_v2', reader: 'reader_v2' });
      expect(await world.copies()).toEqual(['far_v1', 'mail_v2', 'reader_v2', 'writer_v2']);
      expect((await world.plan()).steps).toEqual([]);
      await world.close();
    }
    await open(shop);
  }, 120_000);
});
