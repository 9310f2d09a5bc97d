import { afterEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../src/execute/work.ts';
import type { MintStep, Plan } from '../../src/model/plan.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, STACK, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';

async function openSettled(): Promise<void> {
  world = await World.open(declare([secret('a')], [service('api', ['a'])]));
  await world.apply();
  world.later(80);
  await world.apply();
}

function mintIn(plan: Plan): MintStep {
  const mint = plan.steps.find((step) => step.kind === 'mint');
  if (mint?.kind !== 'mint') throw new Error('the plan mints nothing');
  return mint;
}

/** The write of a mint takes effect, long after whoever sent it is gone. */
function arrives(mint: Pick<MintStep, 'ordinal' | 'operation'>, value = 'late'): Promise<void> {
  const { ordinal, operation } = mint;
  const tags = { [TAG_VERSION]: String(ordinal), [TAG_OPERATION]: operation, [TAG_STACK]: STACK };
  return world.writeByHand('a', value, tags);
}

/** Killed between the intent of the mint and its request. */
async function cutOff(plan: Plan, values: Readonly<Record<string, string>> = {}): Promise<MintStep> {
  const mint = mintIn(plan);
  world.vault.fault({ match: { operation: 'SecretListVersions' }, action: 'fail', status: 400 });
  await killedBefore(world, plan, ({ type }) => type === 'outcome', 1, values);
  return mint;
}

async function cutOffInMint(): Promise<MintStep> {
  const mint = await cutOff(await world.plan({ rotate: [A] }));
  expect(await world.versions('a')).toEqual(['v1 enabled']);
  return mint;
}

describe('a write that arrives once more in the middle of its way back', () => {
  it('leaves the prior value the newest', async () => {
    world = await World.open(
      declare([secret('a', { source: { kind: 'manual', instructions: null } })], [service('api', ['a'])]),
    );
    await world.apply({}, { a: 'good-1' });
    world.later(80);
    await world.apply();
    const plan = await world.plan({ values: [A] });
    const mint = mintIn(plan);
    const isUndone = (entry: JournalEntry): boolean =>
      entry.type === 'outcome' && entry.step === `${mint.id}:undo`;
    await killedBefore(world, plan, isUndone, 1, { a: 'bad-2' });
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    await arrives(mint, 'bad-2');
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.newest('a')).toBe('good-1');
    expect((await world.versions('a')).filter((version) => version === 'v2 enabled')).toEqual([]);
    expect((await world.plan()).steps).toEqual([]);
  });
});

/** A manual secret without a version, and the plan of its first one. */
async function planFirst(): Promise<Plan> {
  const manual = { kind: 'manual', instructions: null } as const;
  world = await World.open(declare([secret('a', { source: manual })], [service('api', ['a'])]));
  return world.plan({ values: [A] });
}

/** The way back is tried while the swarm refuses every update. */
async function resumeInVain(): Promise<void> {
  const match = { operation: 'ServiceUpdate' } as const;
  world.swarm.fault({ match, times: 'always', action: 'fail', status: 403, message: 'no' });
  await world.resume();
  world.swarm.clearFaults();
}

describe('a first version that could not be taken back', () => {
  it('is replaced and taken back although a person wrote over it meanwhile', async () => {
    const plan = await planFirst();
    await killedBefore(world, plan, outcomeOf(plan, 'flip'), 1, { a: 'good-1' });
    await resumeInVain();
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    await expect.poll(async () => (await world.service('api')).updateState).toBe('completed');
    await world.writeByHand('a', 'theirs');
    expect((await world.apply({}, { a: 'good-2' })).outcome).toBe('done');
    await world.apply();
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    expect((await world.versions('a')).filter((version) => version === 'v1 enabled')).toEqual([]);
    expect(await world.newest('a')).toBe('good-2');
  });

  it('is a fault that says what to mend where its service is paused on it: there is nothing to go back to', async () => {
    const plan = await planFirst();
    await killedBefore(world, plan, outcomeOf(plan, 'verify'), 1, { a: 'bad-1' });
    await expect.poll(async () => (await world.service('api')).updateState).toBe('paused');
    await resumeInVain();
    const { blocked } = await world.plan({ values: [A] });
    expect(blocked.flatMap(({ fault }) => fault?.code ?? [])).toEqual(['service-busy']);
  });
});

describe('a first version that arrives when its apply has given it up', () => {
  it('is not taken for the value from before when the one after it is taken back', async () => {
    const mint = await cutOff(await planFirst(), { a: 'good-1' });
    expect((await world.resume())?.outcome).toBe('rolled-back');
    const again = await world.plan({ values: [A] });
    await killedBefore(world, again, outcomeOf(again, 'stage'), 1, { a: 'good-2' });
    await arrives(mint, 'good-1');
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v2 disabled']);
    expect((await world.apply({}, { a: 'good-3' })).outcome).toBe('done');
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 disabled', 'v3 enabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is taken back although a later one was written over it', async () => {
    const mint = await cutOff(await planFirst(), { a: 'good-1' });
    await world.resume();
    const again = await world.plan({ values: [A] });
    await arrives(mint, 'good-1');
    expect((await world.perform(again, { a: 'good-2' })).outcome).toBe('done');
    await world.apply();
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 enabled', 'v2 enabled']);
    expect(await world.newest('a')).toBe('good-2');
    expect((await world.plan()).steps).toEqual([]);
  });
});

describe('a mint that was cut off', () => {
  it('is found when it arrives while the next apply looks for it, and taken back', async () => {
    await openSettled();
    const mint = await cutOffInMint();
    const before = world.vault.requests.length;
    const resumed = world.resume();
    await expect.poll(() => world.vault.requests.length).toBeGreaterThan(before + 1);
    await arrives(mint);
    expect((await resumed)?.outcome).toBe('rolled-back');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('in an emergency is waited for, so that it has no twin', async () => {
    await openSettled();
    const mint = await cutOff(await world.planCompromise(['a']));
    const before = world.vault.requests.length;
    const resumed = world.resume();
    await expect.poll(() => world.vault.requests.length).toBeGreaterThan(before + 1);
    await arrives(mint, 'good-late');
    expect((await resumed)?.outcome).toBe('done');
    expect(await world.versions('a')).toEqual(['v1 disabled', 'v2 enabled']);
    expect(await world.newest('a')).toBe('good-late');
    expect(await world.copies()).toEqual(['a_v2']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('counts as nothing once it can no longer arrive', async () => {
    await openSettled();
    await cutOffInMint();
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.versions('a')).toEqual(['v1 enabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is taken back by the next plan when it arrives after all, and its ordinal is not given out again', async () => {
    await openSettled();
    const mint = await cutOffInMint();
    await world.resume();
    await arrives(mint);
    expect(await world.newest('a')).toBe('late');
    const plan = await world.plan({ dueOnly: true });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['restore']);
    expect((await world.perform(plan)).outcome).toBe('done');
    expect(await world.newest('a')).not.toBe('late');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect((await world.plan()).steps).toEqual([]);
    await world.apply({ rotate: [A] });
    expect(await world.reads('api')).toEqual({ a: 'a_v3' });
  });
});

describe('what arrives in another order', () => {
  it('is taken back each time that the same write arrives', async () => {
    await openSettled();
    const value = await world.newest('a');
    const mint = await cutOffInMint();
    await world.resume();
    for (const late of ['late once', 'late twice', 'late thrice']) {
      await arrives(mint, late);
      expect((await world.apply({ dueOnly: true })).outcome).toBe('done');
      expect(await world.newest('a')).toBe(value);
    }
    expect((await world.versions('a')).filter((version) => version === 'v2 enabled')).toEqual([]);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is disabled also where a newer version is written before anyone has looked', async () => {
    await openSettled();
    const mint = await cutOffInMint();
    await world.resume();
    world.later(1);
    const plan = await world.plan({ rotate: [A] });
    expect(mintIn(plan)).toMatchObject({ ordinal: 3 });
    expect(mintIn(plan).operation).not.toBe(mint.operation);
    await arrives(mint);
    expect((await world.perform(plan)).outcome).toBe('done');
    const value = await world.newest('a');
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.versions('a')).toContain('v2 disabled');
    expect(await world.versions('a')).not.toContain('v2 enabled');
    expect(await world.newest('a')).toBe(value);
    expect(await world.reads('api')).toEqual({ a: 'a_v3' });
  });

  it('is taken back also where a later apply began before it and was taken back behind it', async () => {
    await openSettled();
    const value = await world.newest('a');
    world.generate = () => new SecretValue('bad');
    const first = await world.plan({ rotate: [A] });
    expect((await world.perform(first)).outcome).toBe('rolled-back');
    world.later(1);
    const second = await world.plan({ rotate: [A] });
    await arrives(mintIn(first), 'bad');
    expect((await world.perform(second)).outcome).toBe('rolled-back');
    expect(await world.versions('a')).toContain('v2 enabled');
    const back = await world.plan({ dueOnly: true });
    expect(back.steps.map(({ kind }) => kind)).toEqual(['restore']);
    expect(back.notes.filter(({ kind }) => kind === 'drift')).toEqual([]);
    expect((await world.perform(back)).outcome).toBe('done');
    expect(await world.versions('a')).not.toContain('v2 enabled');
    expect(await world.newest('a')).toBe(value);
    expect((await world.plan()).steps).toEqual([]);
  });

  it("never takes the place of a person's newer value", async () => {
    const manual = secret('a', { source: { kind: 'manual', instructions: null } });
    world = await World.open(declare([manual], [service('api', ['a'])]));
    const mint = await cutOff(await world.plan({ values: [A] }), { a: 'good-first' });
    await world.resume();
    const again = await world.plan({ values: [A] });
    await arrives(mint, 'good-first');
    expect((await world.perform(again, { a: 'good-second' })).outcome).toBe('done');
    expect(await world.newest('a')).toBe('good-second');
  });
});

/**
 * An apply of a bad version that was killed before its flip was sent; its way back found nothing to flip and could
 * not remove the copy, and then the flip arrives.
 */
async function flipArrives(plan: Plan): Promise<void> {
  const flip = plan.steps.find((step) => step.kind === 'flip');
  if (flip?.kind !== 'flip') throw new Error('the plan flips nothing');
  await killedBefore(world, plan, (entry) => entry.type === 'intent' && entry.step.kind === 'flip');
  const rule = { match: { operation: 'SecretRemove' as const }, action: 'fail' as const, status: 403 };
  world.swarm.fault({ ...rule, message: 'no' });
  expect((await world.resume())?.outcome).toBe('stopped');
  const { service: name, changes, platform } = flip;
  await world.outside().platforms.get(platform)?.flip({ service: name, changes, undo: false });
  await isPaused(name);
}

async function isPaused(name: string): Promise<void> {
  await expect.poll(async () => (await world.service(name)).updateState, { timeout: 10_000 }).toBe('paused');
}

describe('a flip that arrives when its apply has given it up, and fails', () => {
  const bad = (): SecretValue => new SecretValue('bad');

  it('is taken back by the next apply, a scheduled one too, and its version by the one after', async () => {
    await openSettled();
    const { updateFailureAction } = await world.service('api');
    world.generate = bad;
    await flipArrives(await world.plan({ rotate: [A] }));
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    const back = await world.plan({ dueOnly: true });
    expect(back.steps.map(({ kind }) => kind)).toEqual(['flip', 'verify', 'promote']);
    expect(back.blocked).toEqual([]);
    expect((await world.perform(back)).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect((await world.apply({ dueOnly: true })).outcome).toBe('done');
    expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
    expect(await world.copies()).toEqual(['a_v1']);
    expect((await world.service('api')).updateFailureAction).toBe(updateFailureAction);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('of a first version leads to nothing that the service could go back to, and is taken up again', async () => {
    world = await World.open(declare([secret('a')], [service('api', ['a'])]));
    world.generate = bad;
    await flipArrives(await world.plan());
    expect((await world.apply()).outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({});
    expect(await world.versions('a')).toEqual(['v1 disabled']);
  });

  it('of a first version is not taken away from the service that reads it, where nothing was flipped since', async () => {
    world = await World.open(declare([secret('a')], [service('api', ['a'])]));
    world.generate = bad;
    await flipArrives(await world.plan());
    const again = await world.plan();
    await killedBefore(world, again, (entry) => entry.type === 'intent' && entry.step.kind !== 'mint');
    await world.resume();
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.versions('a')).toEqual(['v1 enabled']);
  });

  it('lets no other rotation of its service begin before it is taken back', async () => {
    await openSettled();
    world.generate = bad;
    await flipArrives(await world.plan({ rotate: [A] }));
    world.later(1);
    const plan = await world.plan({ rotate: [A] });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['flip', 'verify', 'promote']);
    expect(plan.blocked.map(({ address, fault }) => [address, fault])).toEqual([[A, null]]);
  });

  it('is left to whoever has updated the service since', async () => {
    await openSettled();
    world.generate = bad;
    await flipArrives(await world.plan({ rotate: [A] }));
    await world.redeploy('api', 'pause');
    await isPaused('api');
    const { steps, blocked } = await world.plan();
    expect(steps).toEqual([]);
    expect(blocked.map(({ why, fault }) => [why, fault?.code])).toEqual([['busy', 'service-busy']]);
  });
});

describe('a secret that is adopted because its record was lost', () => {
  const adopted = declare([secret('a', { adopt: true, readers: 'latest' })], []);

  it('keeps the version that it had when its first mint is cut off', async () => {
    world = await World.open(adopted);
    await arrives({ ordinal: 3, operation: 'of a lost record' }, 'live');
    expect((await cutOff(await world.plan())).ordinal).toBe(4);
    await world.resume();
    const next = await world.plan({ dueOnly: true });
    expect(next.steps).toEqual([]);
    expect(await world.newest('a')).toBe('live');
    expect(await world.versions('a')).toEqual(['v3 enabled']);
  });

  it('has the value that it had as the newest again when its first mint is taken back', async () => {
    world = await World.open({ ...adopted, consumers: [service('api', ['a'])] });
    await arrives({ ordinal: 3, operation: 'of a lost record' }, 'live');
    const plan = await world.plan();
    await killedBefore(world, plan, outcomeOf(plan, 'stage'));
    expect((await world.resume())?.outcome).toBe('rolled-back');
    expect(await world.newest('a')).toBe('live');
    expect(await world.versions('a')).toContain('v4 disabled');
  });
});

describe('a version with copied tags', () => {
  it('of the prior is not left as the disabled newest when the prior is retired', async () => {
    await openSettled();
    await world.apply({ rotate: [A] });
    const current = await world.newest('a');
    await arrives({ ordinal: 1, operation: 'another' }, 'somebody else’s');
    world.later(80);
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.newest('a')).toBe('somebody else’s');
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.newest('a')).toBe(current);
    expect(await world.versions('a')).not.toContain('v1 enabled');
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is never read in the place of the one that we wrote', async () => {
    await openSettled();
    const before = await world.newest('a');
    await world.apply({ rotate: [A] });
    const recorded = (await world.record.read()).secrets[A];
    const prior = recorded?.versions.find(({ role }) => role === 'prior');
    const tags = { [TAG_VERSION]: '1', [TAG_OPERATION]: prior?.operation ?? '', [TAG_STACK]: STACK };
    await world.writeByHand('a', 'somebody else’s', tags);
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.newest('a')).toBe(before);
  });
});
