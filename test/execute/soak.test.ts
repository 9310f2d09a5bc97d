import Docker from 'dockerode';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Plan } from '../../src/model/plan.ts';
import type { RecordedVersion } from '../../src/model/recorded.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import type { StatusRow } from '../../src/model/status.ts';
import { makeStatus } from '../../src/plan/status.ts';
import { declare, secret, service, STACK, SWARM, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';
const B = 'vault://prod-vault/b';
const manual = { kind: 'manual', instructions: null } as const;

/** v1 settled, then v2: v1 is the way back. */
async function soaking(): Promise<void> {
  world = await World.open(declare([secret('a', { source: manual })], [service('api', ['a'])]));
  await world.apply({}, { a: 'good-1' });
  world.later(80);
  await world.apply();
  await world.apply({}, { a: 'good-2' });
}

async function storeIdOf(ordinal: number): Promise<string> {
  const versions = (await world.record.read()).secrets[A]?.versions ?? [];
  return versions.find((version) => version.ordinal === ordinal)?.storeIds[0] ?? '';
}

async function status(): Promise<StatusRow> {
  const [observed, recorded] = [await world.observe(), await world.record.read()];
  const [row] = makeStatus({ declared: world.declared, observed, recorded, now: world.now });
  if (row === undefined) throw new Error('nothing is declared');
  return row;
}

function drift({ notes }: Plan): string[] {
  return notes.filter(({ kind }) => kind === 'drift').map(({ text }) => text);
}

describe('while a version soaks', () => {
  it('that all of it is there goes without saying, until somebody disables it in the vault', async () => {
    await soaking();
    expect(drift(await world.plan({ dueOnly: true }))).toEqual([]);
    expect((await status()).wayBackGone).toBeNull();
    await world.disableByHand('a', await storeIdOf(1));
    const [told = ''] = drift(await world.plan({ dueOnly: true }));
    expect(told).toContain('the way back is gone: no enabled copy of v1 is in the vault');
    expect(told).toContain(`--version ${await storeIdOf(1)} --enabled true`);
    expect((await status()).wayBackGone).toBe(told);
    await expect(world.planRollback('a')).rejects.toThrow('the way back is gone');
  });

  it('a copy of it that somebody removes is told, and delivered again by the rollback', async () => {
    await soaking();
    await world.removeCopyByHand('a_v1');
    expect(drift(await world.plan({ dueOnly: true }))).toEqual([
      `the way back is gone: a_v1 was removed from prod; keyturn rollback ${A} delivers it again from the vault, as long as that has it`,
    ]);
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.copies()).toEqual(['a_v1']);
    expect(await world.newest('a')).toBe('good-1');
    expect((await world.plan()).steps).toEqual([]);
  });

  it('a copy that was delivered again is taken away again where the way back fails', async () => {
    await soaking();
    await world.removeCopyByHand('a_v1');
    const match = { operation: 'ServiceUpdate' } as const;
    world.swarm.fault({ match, times: 1, action: 'fail', status: 403, message: 'no' });
    expect((await world.rollback('a')).outcome).toBe('rolled-back');
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    expect(await world.copies()).toEqual(['a_v2']);
    expect((await world.record.read()).secrets[A]?.current).toBe(2);
  });

  it('a service that somebody put back is told with what to run, and the rollback brings vault and record after it', async () => {
    await soaking();
    await world.pointBack('api');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    const told = `api was put back to a v1 by someone else, as a deploy from an outdated file does: \`keyturn rollback ${A}\` returns vault and record too, \`keyturn apply\` goes forward to a v2 again`;
    expect(drift(await world.plan({ dueOnly: true }))).toEqual([told]);
    const back = await world.rollback('a');
    expect(back.outcome).toBe('done');
    expect(back.plan.steps.map(({ kind }) => kind)).toEqual([
      'verify',
      'settle',
      'restore',
      'demote',
      'unstage',
    ]);
    expect(await world.newest('a')).toBe('good-1');
    expect(await world.copies()).toEqual(['a_v1']);
    expect(back.recorded.consumers['swarm://prod/api']?.mounts).toEqual({ a: { secret: A, ordinal: 1 } });
    const next = await world.plan();
    expect([...next.steps, ...drift(next)]).toEqual([]);
  });

  it('a service that somebody put back goes forward again with the next apply, and not with a scheduled one', async () => {
    await soaking();
    await putBack('api');
    expect((await world.plan({ dueOnly: true })).steps).toEqual([]);
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    expect(drift(await world.plan())).toEqual([]);
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
  });

  it('returns only what is still current of what was promoted together, and says what it leaves', async () => {
    const both = declare([secret('a'), secret('b', { soak: 'PT1H' })], [service('api', ['a', 'b'])]);
    world = await World.open(both);
    await world.apply();
    world.later(80);
    await world.apply();
    await world.apply({ rotate: [A, B] });
    world.later(2);
    await world.apply({ rotate: [B] });
    expect(await world.reads('api')).toEqual({ a: 'a_v2', b: 'b_v3' });
    const back = await world.rollback('a');
    expect(back.outcome).toBe('done');
    expect(back.plan.notes.map(({ text }) => text)).toEqual([
      'b stays at v3: it was rotated since v2 was promoted',
    ]);
    expect(await world.reads('api')).toEqual({ a: 'a_v1', b: 'b_v3' });
    expect(back.recorded.secrets[B]).toMatchObject({ current: 3, held: null });
  });
});

/** As `docker service rollback` does, which waits until the service has converged. */
async function putBack(name: string): Promise<void> {
  await world.pointBack(name);
  await vi.waitFor(async () => expect((await world.service(name)).updateState).toBe('completed'), 5_000);
}

/** A copy that was there before keyturn, read by `api`, and recorded as v1 of a secret that is in no vault. */
async function adopted(readers: 'pinned' | 'latest'): Promise<void> {
  world = await World.open(declare([secret('a', { source: manual, readers })], [service('api', ['a'])]));
  const docker = new Docker({ socketPath: world.swarm.endpoint.slice('unix://'.length) });
  const Labels = { 'keyturn-secret': A, 'keyturn-version': '1', 'keyturn-stack': STACK };
  const Data = Buffer.from('good-1').toString('base64');
  const order = { _query: {}, _body: { Name: 'a_v1', Labels, Data } };
  const { id } = (await docker.createSecret(order)) as { readonly id: string };
  const { Version, Spec } = (await docker.getService('api').inspect()) as Docker.Service;
  const file = { Name: 'a', UID: '0', GID: '0', Mode: 0o444 };
  const spec = structuredClone(Spec) as { TaskTemplate: { ContainerSpec: object } };
  const Secrets = [{ SecretID: id, SecretName: 'a_v1', File: file }];
  spec.TaskTemplate.ContainerSpec = { ...spec.TaskTemplate.ContainerSpec, Secrets };
  await docker.getService('api').update({ ...spec, version: Version?.Index });
  await vi.waitFor(async () => expect((await world.service('api')).updateState).toBe('completed'), 5_000);
  const { now } = world;
  const version: RecordedVersion = {
    ordinal: 1,
    role: 'current',
    storeIds: [],
    operation: '',
    cause: { kind: 'first' },
    mintedAt: now,
    promotedAt: now,
    promotion: null,
    soakUntil: null,
    approvedBy: null,
    retiredAt: null,
    retiredWhy: null,
    copies: [{ platform: SWARM, name: 'a_v1', id }],
  };
  const record = {
    highest: 1,
    current: 1,
    generation: 1,
    versions: [version],
    fingerprint: null,
    held: null,
  };
  const recorded = { ...emptyRecord(STACK, 'adopted'), secrets: { [A]: record } };
  const actor = { name: 'tester', knownBy: 'os-user', host: 'here', run: null } as const;
  const origin = {
    kind: 'rebuild',
    id: 'adopted',
    at: now,
    actor,
    reason: null,
    ticket: null,
    notes: [],
  } as const;
  await world.underLease((held) => held.establish(recorded, origin));
}

describe('a version that is only on the platform', () => {
  it('is rotated, and goes back to its copy: the other one is disabled', async () => {
    await adopted('pinned');
    expect((await world.apply({}, { a: 'good-2' })).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v2' });
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.versions('a')).toEqual(['v2 disabled']);
    expect(await world.copies()).toEqual(['a_v1']);
    expect((await world.plan()).steps).toEqual([]);
    expect((await world.apply({}, { a: 'good-3' })).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v3' });
  });

  it('leaves readers of the vault what they have when it goes back, until a further version is promoted', async () => {
    await adopted('latest');
    await world.apply({}, { a: 'good-2' });
    expect((await world.rollback('a')).outcome).toBe('done');
    expect(await world.reads('api')).toEqual({ a: 'a_v1' });
    expect(await world.newest('a')).toBe('good-2');
    expect(await world.copies()).toEqual(['a_v1']);
    expect((await world.plan()).steps).toEqual([]);
    expect((await world.apply({}, { a: 'good-3' })).outcome).toBe('done');
    await world.apply();
    expect(await world.newest('a')).toBe('good-3');
    expect(await world.versions('a')).toEqual(['v2 disabled', 'v3 enabled', 'v3 enabled']);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is told at once when its copy is removed, and then nothing brings it back', async () => {
    await adopted('pinned');
    await world.apply({}, { a: 'good-2' });
    await world.removeCopyByHand('a_v1');
    expect(drift(await world.plan({ dueOnly: true }))).toEqual([
      'the way back is gone: a_v1 was removed from prod; nothing else holds v1: move forward once its soak has ended',
    ]);
    await expect(world.planRollback('a')).rejects.toThrow('the way back is gone: a_v1 was removed from prod');
  });

  it('keeps its copy when it is retired, and loses it only to who says so', async () => {
    await adopted('pinned');
    await world.apply({}, { a: 'good-2' });
    world.later(80);
    const retired = await world.apply();
    expect(retired.outcome).toBe('done');
    expect(retired.plan.steps.map(({ kind }) => kind)).toEqual(['settle', 'retire']);
    expect(retired.recorded.secrets[A]?.versions[0]?.role).toBe('retired');
    expect(await world.versions('a')).toEqual(['v2 enabled']);
    expect(await world.copies()).toEqual(['a_v1', 'a_v2']);
    const plan = await world.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.notes.map(({ text }) => text)).toEqual([
      'a_v1 is all there is of a v1, which is in no vault: it stays on prod, and once retired only keyturn apply --prune-platform-only removes it',
    ]);
    await expect(world.planRollback('a')).rejects.toThrow('a retired version never returns');
    expect((await world.apply({ prunePlatformOnly: true })).outcome).toBe('done');
    expect(await world.copies()).toEqual(['a_v2']);
  });
});
