import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeclaredConsumer, DeclaredSecret } from '../../src/model/declared.ts';
import { isEmpty } from '../../src/model/plan.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import type { Import } from '../../src/plan/import.ts';
import { makeImport } from '../../src/plan/import.ts';
import { rebuildRecord } from '../../src/plan/rebuild.ts';
import { killedBefore } from '../support/killed.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const KEY = 'vault://prod-vault/key';

interface Given {
  readonly secrets?: readonly DeclaredSecret[];
  readonly consumers?: readonly DeclaredConsumer[];
  /** Values in the vault, oldest first; `key: good-now` unless said. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** service → target → copy; each copy holds `good-now`. */
  readonly reads?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A world in which people kept secrets before keyturn. */
async function found(given: Given = {}): Promise<void> {
  const secrets = given.secrets ?? [secret('key')];
  const consumers = given.consumers ?? [service('api', ['key'])];
  world = await World.open(declare(secrets, []));
  world.declared = declare(secrets, consumers);
  for (const [name, values] of Object.entries(given.values ?? { key: ['good-now'] })) {
    // The vault counts in seconds: a tag tells versions of one second apart.
    for (const [index, value] of values.entries())
      await world.writeByHand(name, value, { no: String(index) });
  }
  const engine = new Docker({ socketPath: world.swarm.endpoint.slice('unix://'.length) });
  const reads = given.reads ?? { api: { key: 'key' } };
  const copies = new Set(Object.values(reads).flatMap((mounts) => Object.values(mounts)));
  for (const Name of copies) {
    const Data = Buffer.from('good-now').toString('base64');
    await engine.createSecret({ _query: {}, _body: { Name, Data } });
  }
  for (const [name, mounts] of Object.entries(reads)) {
    world.swarm.createService({
      name,
      replicas: 1,
      order: 'start-first',
      healthCheck: true,
      healthIntervalMs: 20,
      failureAction: 'rollback',
      monitorMs: 20,
      secrets: Object.entries(mounts).map(([target, secretName]) => ({ target, secretName })),
    });
  }
}

async function look(platformOnly = false): Promise<Import> {
  const recorded = await world.record.read();
  const observed = await world.observe();
  const { declared, now } = world;
  return makeImport({ declared, observed, recorded, now, wanted: null, platformOnly });
}

async function adopt(platformOnly = false): Promise<Recorded> {
  const { adopted, refused } = await look(platformOnly);
  expect(refused).toEqual([]);
  const versions = Object.entries(adopted.secrets).map(
    ([address, { current }]) => [address, { before: null, after: current }] as const,
  );
  return world.underLease((held) =>
    held.adopt({
      kind: 'import',
      id: randomUUID(),
      at: world.now,
      actor: { name: 'tester', knownBy: 'os-user', host: 'here', run: null },
      reason: null,
      ticket: null,
      versions: Object.fromEntries(versions),
      adopted,
    }),
  );
}

async function reads(name: string): Promise<Record<string, string>> {
  const { references } = await world.service(name);
  return Object.fromEntries(references.map(({ target, copyName }) => [target, copyName]));
}

const rotate = { rotate: [KEY] } as const;

describe('a secret that was taken over', () => {
  it('is retired after its soak: its copy is removed without labels, its version disabled by its id', async () => {
    await found();
    await adopt();
    expect(isEmpty(await world.plan())).toBe(true);
    expect((await world.apply(rotate)).outcome).toBe('done');
    expect(await reads('api')).toEqual({ key: 'key_v2' });
    expect(await world.copies()).toEqual(['key', 'key_v2']);
    world.later(80);
    const { outcome, recorded } = await world.apply();
    expect(outcome).toBe('done');
    expect(await world.copies()).toEqual(['key_v2']);
    expect(await world.versions('key')).toEqual(['v2 enabled', 'v? disabled']);
    expect(recorded.secrets[KEY]?.versions.map(({ role }) => role)).toEqual(['retired', 'current']);
    expect(isEmpty(await world.plan())).toBe(true);
  });

  it('comes back where its first update fails, with its value as the newest of the vault', async () => {
    await found();
    await adopt();
    world.generate = () => new SecretValue('bad');
    const { outcome, recorded } = await world.apply(rotate);
    expect(outcome).toBe('rolled-back');
    expect(await reads('api')).toEqual({ key: 'key' });
    expect(await world.newest('key')).toBe('good-now');
    expect(recorded.secrets[KEY]).toMatchObject({ current: 1, highest: 2 });
    expect(await world.copies()).toEqual(['key']);
    expect(isEmpty(await world.plan())).toBe(true);
  });

  it('that no vault has comes back as well, and what the vault held is the newest there again', async () => {
    await found({ values: { key: ['good-other'] } });
    await adopt(true);
    world.generate = () => new SecretValue('bad');
    expect((await world.apply(rotate)).outcome).toBe('rolled-back');
    expect(await reads('api')).toEqual({ key: 'key' });
    expect(await world.newest('key')).toBe('good-other');
    world.generate = () => new SecretValue('good');
    expect((await world.apply(rotate)).outcome).toBe('done');
    expect(await reads('api')).toEqual({ key: 'key_v3' });
    expect((await world.rollback('key')).outcome).toBe('done');
    expect(await reads('api')).toEqual({ key: 'key' });
    expect(isEmpty(await world.plan())).toBe(true);
  });

  it('goes back on a person’s order while it soaks, and its value is the newest again', async () => {
    await found({ reads: { api: { key: 'key_v7' } } });
    await adopt();
    await world.apply(rotate);
    const { outcome, recorded } = await world.rollback('key');
    expect(outcome).toBe('done');
    expect(await reads('api')).toEqual({ key: 'key_v7' });
    expect(await world.newest('key')).toBe('good-now');
    expect(recorded.secrets[KEY]?.versions[0]).toMatchObject({ ordinal: 7, role: 'current' });
    expect(isEmpty(await world.plan())).toBe(true);
  });

  it('that is only on its platform is removed by nobody who does not say so', async () => {
    await found({ values: {} });
    await adopt();
    await world.apply(rotate);
    world.later(80);
    expect((await world.apply()).outcome).toBe('done');
    expect(await world.copies()).toEqual(['key', 'key_v2']);
    expect((await world.apply({ prunePlatformOnly: true })).outcome).toBe('done');
    expect(await world.copies()).toEqual(['key_v2']);
  });

  it('dies in an emergency as any other, in the vault and on the platform', async () => {
    await found({ reads: { api: { key: 'key' } } });
    await adopt();
    const { outcome, recorded } = await world.compromise(['key']);
    expect(outcome).toBe('done');
    expect(await world.versions('key')).toEqual(['v2 enabled', 'v? disabled']);
    expect(recorded.secrets[KEY]?.versions.map(({ retiredWhy }) => retiredWhy)).toEqual([
      'compromised',
      null,
    ]);
    expect(await reads('api')).toEqual({ key: 'key_v2' });
    expect(await world.copies()).toEqual(['key_v2']);
  });

  it('is taken over once more where its record was lost, and a rebuilt record leaves it to that', async () => {
    await found({
      secrets: [secret('key'), secret('other')],
      consumers: [service('api', ['key', 'other'])],
      values: { key: ['good-now'], other: ['good-now'] },
      reads: { api: { key: 'key', other: 'other' } },
    });
    await adopt();
    await world.apply(rotate);
    const { declared, now } = world;
    const observed = await world.observe();
    const { recorded, unknown } = rebuildRecord({ declared, observed, now, lineage: 'new' });
    expect(Object.keys(recorded.secrets)).toEqual([KEY]);
    expect(unknown.map(({ text }) => text).join('\n')).toContain('keyturn import');
  });
});

describe('the record of an import', () => {
  /** The next write of the state fails, as where the process is killed right before it. */
  function killedBeforeState(): void {
    const { store } = world.record;
    const put = store.put.bind(store);
    store.put = (name, ...rest) => {
      if (name !== 'state.json') return put(name, ...rest);
      store.put = put;
      return Promise.reject(new Error('killed'));
    };
  }

  it('is whole for whoever writes next, although the state was never written', async () => {
    await found();
    killedBeforeState();
    await expect(adopt()).rejects.toThrow('killed');
    expect((await world.record.read()).secrets).toEqual({});
    await world.underLease((held) => held.resume(() => world.now));
    expect((await world.record.read()).secrets[KEY]).toMatchObject({ current: 1 });
    expect(isEmpty(await world.plan())).toBe(true);
    expect((await world.apply(rotate)).outcome).toBe('done');
    expect((await world.record.history.numbers()).length).toBe(2);
  });

  it('is so too behind an apply', async () => {
    await found({ secrets: [secret('key'), secret('new')], consumers: [service('api', ['key'])] });
    await world.apply({ target: ['vault://prod-vault/new'] });
    killedBeforeState();
    await expect(adopt()).rejects.toThrow('killed');
    await world.underLease((held) => held.resume(() => world.now));
    const recorded = await world.record.read();
    expect(Object.keys(recorded.secrets).sort()).toEqual([KEY, 'vault://prod-vault/new']);
    expect(recorded.head?.entry).toBe(2);
    expect(isEmpty(await world.plan())).toBe(true);
  });

  it('waits for an apply that did not end', async () => {
    await found({ secrets: [secret('key'), secret('new')], consumers: [service('api', ['key'])] });
    const plan = await world.plan({ target: ['vault://prod-vault/new'] });
    await killedBefore(world, plan, (entry) => entry.type === 'outcome');
    await expect(adopt()).rejects.toMatchObject({ code: 'unfinished' });
    await world.resume();
    expect((await adopt()).secrets[KEY]).toMatchObject({ current: 1 });
  });

  it('takes nothing over twice, and nothing that is on record', async () => {
    await found();
    const { adopted } = await look();
    await adopt();
    const lineage = (await world.record.read()).lineage;
    const again = world.underLease((held) =>
      held.adopt({
        kind: 'import',
        id: randomUUID(),
        at: world.now,
        actor: { name: 'tester', knownBy: 'os-user', host: 'here', run: null },
        reason: null,
        ticket: null,
        adopted: { ...adopted, lineage },
      }),
    );
    await expect(again).rejects.toMatchObject({ code: 'plan-stale' });
    expect((await world.record.history.numbers()).length).toBe(1);
  });
});

describe('whatever was there before keyturn', () => {
  const shape = fc.record({
    name: fc.constantFrom('key', 'key_v3', 'other-name'),
    inVault: fc.boolean(),
    isShared: fc.boolean(),
  });

  it('is taken over without a request that changes anything, and its first rotation converges', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ name, inVault, isShared }) => {
        const consumers = [service('api', ['key']), ...(isShared ? [service('job', ['key'])] : [])];
        const mounts = { key: name };
        await found({
          consumers,
          values: inVault ? { key: ['good-then', 'good-now'] } : {},
          reads: isShared ? { api: mounts, job: mounts } : { api: mounts },
        });
        try {
          const contents = (): string =>
            JSON.stringify([world.vault.contents(), [...world.swarm.contents.secrets]]);
          const before = contents();
          const asked = world.swarm.requests.length;
          await adopt();
          expect(contents()).toBe(before);
          expect(world.swarm.requests.slice(asked).filter(({ method }) => method !== 'GET')).toEqual([]);
          expect(isEmpty(await world.plan())).toBe(true);
          expect((await world.apply(rotate)).outcome).toBe('done');
          const next = name === 'key_v3' ? 'key_v4' : 'key_v2';
          for (const { service: each } of consumers) expect(await reads(each)).toEqual({ key: next });
          expect(isEmpty(await world.plan())).toBe(true);
        } finally {
          await world.close();
        }
      }),
      { numRuns: 8 },
    );
    await found();
  });
});
