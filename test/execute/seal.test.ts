import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/model/canonical.ts';
import type { Seal } from '../../src/model/seal.ts';
import { ANCHOR } from '../../src/model/seal.ts';
import { declare, secret, service, STACK, VAULT, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';

async function open(): Promise<void> {
  world = await World.open(declare([secret('a')], [service('api', ['a'])]));
}

async function seals(): Promise<Seal[]> {
  return (await world.outside().vaults.get(VAULT)?.seals()) ?? [];
}

/** What somebody does who may write the record and not the vault: an entry changed, and the state made to fit. */
async function rewrite(): Promise<void> {
  const directory = join(world.directory, 'state', STACK);
  const path = join(directory, 'history', '000001.json');
  const entry = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, `${canonicalJson({ ...entry, reason: 'nothing happened' })}\n`);
  const head = { entry: 1, digest: await world.record.history.digestAt(1) };
  const state = join(directory, 'state.json');
  const recorded = JSON.parse(await readFile(state, 'utf8')) as Record<string, unknown>;
  await writeFile(state, `${canonicalJson({ ...recorded, head })}\n`);
}

describe('the seal of a history', () => {
  it('names the newest entry after each apply, in one version whose tags are changed in place', async () => {
    await open();
    const first = await world.apply();
    expect(first.unsealed).toEqual([]);
    expect(await seals()).toMatchObject([
      { stack: STACK, lineage: first.recorded.lineage, ...first.recorded.head },
    ]);
    const second = await world.apply({ rotate: [A] });
    expect(second.recorded.head?.entry).toBe(2);
    expect(await seals()).toMatchObject([{ stack: STACK, ...second.recorded.head }]);
    expect(await world.outside().vaults.get(VAULT)?.versions(ANCHOR)).toHaveLength(1);
    expect((await world.plan()).steps).toEqual([]);
  });

  it('stands beside those of other stacks in the same vault', async () => {
    await open();
    const vault = world.outside().vaults.get(VAULT);
    const other = { stack: 'other', lineage: 'l', entry: 7, digest: 'd'.repeat(64) };
    await vault?.seal(other, () => Promise.resolve());
    const { recorded } = await world.apply();
    expect(await seals()).toMatchObject([{ ...other }, { stack: STACK, ...recorded.head }]);
  });

  it('is left as it is where the history does not hold what it names, and the apply says so', async () => {
    await open();
    await world.apply();
    const before = await seals();
    await rewrite();
    const applied = await world.apply({ rotate: [A] });
    expect(applied.outcome).toBe('done');
    expect(applied.unsealed).toMatchObject([{ code: 'record-conflict' }]);
    expect(applied.unsealed[0]?.what).toContain('does not hold the entry 1');
    expect(await seals()).toEqual(before);
  });

  it('that could not be written fails nothing, and the next apply seals again', async () => {
    await open();
    const match = { operation: 'SecretSet' as const, secret: ANCHOR };
    world.vault.fault({ match, action: 'fail', status: 403, message: 'no' });
    const applied = await world.apply();
    expect(applied.outcome).toBe('done');
    expect(applied.unsealed).toMatchObject([{ code: 'vault-refused' }]);
    expect(await seals()).toEqual([]);
    const next = await world.apply({ rotate: [A] });
    expect(next.unsealed).toEqual([]);
    expect(await seals()).toMatchObject([{ ...next.recorded.head }]);
  });
});
