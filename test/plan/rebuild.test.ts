import { describe, expect, it } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import type { Rebuilt } from '../../src/plan/rebuild.ts';
import { rebuildRecord } from '../../src/plan/rebuild.ts';
import { PLATFORM, mount, secret, secretAt, service, stack } from './declare.ts';
import { look } from './look.ts';
import { World, tagsOf } from './world.ts';

const NOW = '2026-11-22T03:00:00Z';
const KEY = secretAt('key');
const declared = stack([secret('key')], [service('web', [mount('key')]), service('job', [mount('key')])]);

/** A vault with these versions, written in this order, and copies of those that are enabled. */
function vaultWith(...versions: readonly (readonly [ordinal: number, isEnabled: boolean])[]): World {
  const world = new World();
  for (const name of ['web', 'job']) world.service(PLATFORM, name);
  for (const [ordinal, isEnabled] of versions) {
    world.write(KEY, tagsOf('shop', ordinal, `op-${ordinal}`));
    const written = world.storeOf(KEY).at(-1);
    if (written !== undefined) written.enabled = isEnabled;
    deliver(world, ordinal);
  }
  return world;
}

function deliver(world: World, ordinal: number, of: string = KEY): void {
  const labels = { [TAG_STACK]: 'shop', [TAG_VERSION]: String(ordinal), [LABEL_SECRET]: of };
  world.deliver(PLATFORM, `key_v${ordinal}`, labels);
}

/** A service that reads one version; `before`: what its previous spec names. */
function reads(world: World, name: string, ordinal: number, before: number = ordinal): void {
  const seen = world.service(PLATFORM, name);
  seen.references = [world.reference(PLATFORM, 'key', `key_v${ordinal}`)];
  seen.previous = [world.reference(PLATFORM, 'key', `key_v${before}`)];
}

function rebuilt(world: World, of: Declared = declared): Rebuilt {
  const observed = look(world, of, emptyRecord('shop', 'new'), NOW);
  return rebuildRecord({ declared: of, observed, now: NOW, lineage: 'new' });
}

function roles({ recorded }: Rebuilt): string[] {
  return (recorded.secrets[KEY]?.versions ?? []).map(({ ordinal, role }) => `v${ordinal} ${role}`);
}

function said({ unknown }: Rebuilt): string[] {
  return unknown.flatMap(({ address, text }) => (address === KEY ? [text] : []));
}

describe('a rebuilt record', () => {
  it('calls current what consumers read, be it disabled, and says so', () => {
    const world = vaultWith([1, true], [2, false]);
    reads(world, 'web', 2);
    reads(world, 'job', 2);
    const record = rebuilt(world);
    expect(roles(record)).toEqual(['v1 prior', 'v2 current']);
    expect(said(record)).toContain('key v2 is read, and it is disabled in the vault');
    expect(record.recorded.secrets[KEY]?.fingerprint).toBeNull();
  });

  it('of two versions that are read prefers one that is enabled', () => {
    const world = vaultWith([1, false], [2, true]);
    reads(world, 'web', 2, 1);
    reads(world, 'job', 1);
    const record = rebuilt(world);
    expect(roles(record)).toEqual(['v1 retired', 'v2 current']);
    expect(said(record)).toContain(
      'consumers disagree on key: job reads v1, web reads v2; v2 counts as current',
    );
  });

  it('takes the newer one where a consumer of it was settled since: it was promoted', () => {
    const world = vaultWith([1, true], [2, true]);
    reads(world, 'web', 2);
    reads(world, 'job', 1);
    expect(roles(rebuilt(world))).toEqual(['v1 prior', 'v2 current']);
  });

  it('knows from the previous specs which version was never read, and does not call it the way back', () => {
    const world = vaultWith([1, true], [2, true], [3, true]);
    for (const name of ['web', 'job']) reads(world, name, 3, 1);
    expect(roles(rebuilt(world))).toEqual(['v1 prior', 'v2 pending', 'v3 current']);
  });

  it('knows a version that the vault no longer lists, where somebody reads it', () => {
    const world = vaultWith([1, true]);
    deliver(world, 2);
    reads(world, 'web', 2);
    reads(world, 'job', 2);
    const record = rebuilt(world);
    expect(roles(record)).toEqual(['v1 prior', 'v2 current']);
    expect(said(record)).toContain(
      'key v2 is read, and the vault does not list it: its copies are all there is of it',
    );
  });

  it('keeps the previous spec as long as what was delivered in the same group for a service that is not there yet', () => {
    const world = vaultWith([1, true]);
    reads(world, 'web', 1);
    world.service(PLATFORM, 'web').previous = [];
    const later = service('later', [mount('key'), mount('slow')], { optional: true });
    const both = stack(
      [secret('key', { soak: 'PT0S' }), secret('slow', { soak: 'PT72H' })],
      [service('web', [mount('key')]), later],
    );
    const settles = (of: Declared) => Object.values(rebuilt(world, of).recorded.consumers)[0]?.settleAfter;
    expect(settles(both)).toBe('2026-11-25T03:00:00Z');
    expect(settles({ ...both, consumers: both.consumers.slice(0, 1) })).toBe(NOW);
  });

  it('gives out no ordinal again that a name on the platform or a label has', () => {
    const world = vaultWith([1, true]);
    world.deliver(PLATFORM, 'key_v7', {});
    expect(rebuilt(world).recorded.secrets[KEY]?.highest).toBe(7);
    deliver(world, 9);
    expect(rebuilt(world).recorded.secrets[KEY]?.highest).toBe(9);
  });

  it('keeps a copy of a version that the vault does not list, and calls none such pending', () => {
    const world = vaultWith([2, true]);
    for (const ordinal of [1, 2, 9]) deliver(world, ordinal);
    for (const name of ['web', 'job']) reads(world, name, 2);
    const record = rebuilt(world);
    expect(roles(record)).toEqual(['v1 retired', 'v2 current', 'v9 retired']);
    expect(record.recorded.secrets[KEY]?.held).toBeNull();
    expect(record.unknown.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'key_v1 on prod is of a version that the vault does not list, and all there is of it: it stays until a person says --prune-platform-only',
      ]),
    );
  });

  it('counts a version of another stack, and a copy that somebody else labelled, as nobody of ours', () => {
    const world = new World();
    for (const name of ['web', 'job']) world.service(PLATFORM, name);
    world.write(KEY, tagsOf('other', 4, 'theirs'));
    world.deliver(PLATFORM, 'key_v4', { [TAG_STACK]: 'other', [TAG_VERSION]: '4', [LABEL_SECRET]: KEY });
    reads(world, 'web', 4);
    const record = rebuilt(world);
    expect(record.recorded.secrets).toEqual({});
    expect(record.recorded.consumers).toEqual({});
    expect(said(record)).toEqual([
      'key is in the vault and carries no version of this stack: it is left out',
    ]);
  });

  it('says where tags were copied, and hides no drift', () => {
    const world = vaultWith([1, true]);
    reads(world, 'web', 1);
    reads(world, 'job', 1);
    world.write(KEY, tagsOf('shop', 1, 'op-1'));
    const record = rebuilt(world);
    expect(said(record)).toContain(
      '2 versions in the vault say that they are key v1, and some by the same write: one of them came late, or somebody copied its tags',
    );
    expect(record.recorded.secrets[KEY]?.fingerprint).toBeNull();
  });

  it('has no current version where none is usable and nobody reads one, and leaves the next to a person', () => {
    const record = rebuilt(vaultWith([1, false]));
    expect(roles(record)).toEqual(['v1 retired']);
    expect(record.recorded.secrets[KEY]).toMatchObject({ current: null, highest: 1 });
    expect(record.recorded.secrets[KEY]?.held).not.toBeNull();
  });
});
