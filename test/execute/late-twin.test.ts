import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import type { RecordedVersion } from '../../src/model/recorded.ts';
import type { VaultOptions } from '../../src/sandbox/vault.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, STACK, World } from '../support/world.ts';

let world: World;
/** By how much the vault's clock is ahead of ours: two versions of one second with the same tags look the same in its list. */
let aheadMs: number;

const options = { clock: () => Date.now() + aheadMs };

beforeEach(() => {
  aheadMs = 0;
});
afterEach(() => world.close());

const A = 'vault://prod-vault/a';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The version that the record has under this number. */
async function recorded(ordinal: number): Promise<RecordedVersion> {
  const version = (await world.record.read()).secrets[A]?.versions.find((each) => each.ordinal === ordinal);
  if (version === undefined) throw new Error(`v${ordinal} is not recorded`);
  return version;
}

/** A write of the mint that made this version takes effect, so long after another one has taken its place. */
async function arrives(ordinal: number, value: string, afterMs = MINUTE_MS): Promise<void> {
  aheadMs += afterMs;
  const { operation } = await recorded(ordinal);
  const tags = { [TAG_VERSION]: String(ordinal), [TAG_OPERATION]: operation, [TAG_STACK]: STACK };
  await world.writeByHand('a', value, tags);
}

/**
 * An emergency that was killed with its mint under way and was gone on with: v2 was minted once more and is current.
 * Returns its value.
 */
async function openMintedAgain(): Promise<string> {
  world = await World.open(declare([secret('a')], [service('api', ['a'])]), 1, options);
  await world.apply();
  world.later(80);
  await world.apply();
  const plan = await world.planCompromise(['a']);
  world.vault.fault({ match: { operation: 'SecretListVersions' }, action: 'fail', status: 400 });
  await killedBefore(world, plan, outcomeOf(plan, 'mint'));
  expect((await world.resume())?.outcome).toBe('done');
  expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 enabled']);
  return world.newest('a');
}

describe('a write that arrives when its emergency has made that version again', () => {
  it('is disabled by the next apply, a scheduled one too, and what is recorded becomes the newest again', async () => {
    const value = await openMintedAgain();
    await arrives(2, 'late');
    expect(await world.newest('a')).toBe('late');
    const plan = await world.plan({ dueOnly: true });
    expect(plan.steps.map(({ kind, text }) => [kind, text])).toEqual([
      ['restore', 'make v2 the newest of a again and disable the twin of v2 in prod-vault'],
    ]);
    expect((await world.perform(plan)).outcome).toBe('done');
    expect(await world.newest('a')).toBe(value);
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 disabled', 'v2 enabled', 'v2 enabled']);
    expect(await recorded(2)).toMatchObject({ role: 'current', retiredAt: null });
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    expect(await world.copies()).toEqual(['a_v2']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is taken back each time that one arrives', async () => {
    const value = await openMintedAgain();
    for (const late of ['late once', 'late twice']) {
      await arrives(2, late);
      expect((await world.apply({ dueOnly: true })).outcome).toBe('done');
      expect(await world.newest('a')).toBe(value);
    }
    expect((await world.versions('a')).filter((version) => version === 'v2 disabled')).toHaveLength(2);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is taken back to the end by a resume', async () => {
    const value = await openMintedAgain();
    await arrives(2, 'late');
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'restore'));
    expect((await world.resume())?.outcome).toBe('done');
    expect(await world.newest('a')).toBe(value);
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 disabled', 'v2 enabled', 'v2 enabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is disabled also where a newer version was written before anyone has looked', async () => {
    await openMintedAgain();
    const plan = await world.plan({ rotate: [A] });
    await arrives(2, 'late');
    expect((await world.perform(plan)).outcome).toBe('done');
    const value = await world.newest('a');
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.newest('a')).toBe(value);
    expect((await world.versions('a')).filter((version) => version === 'v2 enabled')).toHaveLength(1);
    expect(await recorded(2)).toMatchObject({ role: 'prior' });
    expect((await world.plan()).steps).toEqual([]);
  });

  it('does not become the way back of the version that it is a twin of', async () => {
    const value = await openMintedAgain();
    await world.apply({ rotate: [A] });
    await arrives(2, 'late');
    expect((await world.apply()).outcome).toBe('done');
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.newest('a')).toBe(value);
  });

  it('is no stranger to the same emergency that is run once more: as the disabled newest it would refuse its readers', async () => {
    world = await World.open(declare([secret('a')], [service('api', ['a'])]), 1, options);
    await world.apply();
    const match = { operation: 'SecretUpdate' } as const;
    world.vault.fault({ match, times: 'always', action: 'fail', status: 403 });
    await world.compromise(['a']);
    world.vault.clearFaults();
    const value = await world.newest('a');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v2 enabled']);
    await arrives(2, 'late');
    await world.compromise(['a']);
    expect(await world.newest('a')).toBe('late');
    await world.apply();
    expect(await world.newest('a')).toBe(value);
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 disabled', 'v2 enabled', 'v2 enabled']);
  });

  it('stays where somebody disabled the version that is recorded: there is nothing else to read', async () => {
    await openMintedAgain();
    await arrives(2, 'late');
    for (const storeId of (await recorded(2)).storeIds) await world.disableByHand('a', storeId);
    const plan = await world.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.notes.map(({ text }) => text)).toContain(
      'the newest version of a says that it is v2, and is not the one that was recorded as it',
    );
    expect(await world.newest('a')).toBe('late');
  });
});

describe('a write that arrives in the place of one whose answer is lost', () => {
  it('is what consumers get: the value that was sent last is nowhere in the vault', async () => {
    let isRefused = false;
    let late: (() => Promise<void>) | null = null;
    const intercept: NonNullable<VaultOptions['intercept']> = async ({ operation, carryOut }) => {
      if (operation === 'SecretListVersions' && isRefused) return { status: 400, body: {} };
      if (operation !== 'SecretSet' || late === null) return carryOut();
      const write = late;
      late = null;
      await write();
      return null;
    };
    world = await World.open(declare([secret('a')], [service('api', ['a'])]), 1, { ...options, intercept });
    await world.apply();
    const plan = await world.planCompromise(['a']);
    const operation = plan.steps.find((step) => step.kind === 'mint')?.operation ?? '';
    isRefused = true;
    await killedBefore(world, plan, outcomeOf(plan, 'mint'));
    isRefused = false;
    const tags = { [TAG_VERSION]: '2', [TAG_OPERATION]: operation, [TAG_STACK]: STACK };
    late = () => world.writeByHand('a', 'good-late', tags);
    expect((await world.resume())?.outcome).toBe('done');
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 enabled']);
    expect(await world.newest('a')).toBe('good-late');
    const copies = [...world.swarm.contents.secrets.values()];
    expect(copies.map(({ name, data }) => [name, Buffer.from(data, 'base64').toString()])).toEqual([
      ['a_v2', 'good-late'],
    ]);
  });
});

describe('a mint that is gone on with', () => {
  it('takes up the version that is recorded, whatever twins of it arrived', async () => {
    world = await World.open(declare([secret('a')], [service('api', ['a'])]), 1, options);
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'flip'));
    const match = { operation: 'ServiceUpdate' } as const;
    world.swarm.fault({ match, times: 'always', action: 'fail', status: 403, message: 'no' });
    await world.resume();
    world.swarm.clearFaults();
    const { role, storeIds } = await recorded(1);
    expect(role).toBe('pending');
    const value = await world.newest('a');
    for (const late of ['a', 'b', 'c', 'd', 'e', 'f']) await arrives(1, `good-late-${late}`);
    expect((await world.apply()).outcome).toBe('done');
    expect(await recorded(1)).toMatchObject({ role: 'current', storeIds });
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.newest('a')).toBe(value);
    expect((await world.versions('a')).filter((version) => version === 'v1 enabled')).toHaveLength(2);
  });
});

describe('a version that carries the tags of one on record', () => {
  it('is left alone when it came later than any write can: somebody copied them', async () => {
    await openMintedAgain();
    await arrives(2, 'somebody else’s', 25 * HOUR_MS);
    const plan = await world.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.notes.map(({ text }) => text)).toContain(
      'the newest version of a says that it is v2, and is not the one that was recorded as it',
    );
  });

  it('is left alone when it is of another write', async () => {
    await openMintedAgain();
    const tags = { [TAG_VERSION]: '2', [TAG_OPERATION]: 'another', [TAG_STACK]: STACK };
    await world.writeByHand('a', 'somebody else’s', tags);
    expect((await world.plan()).steps).toEqual([]);
  });
});
