import { describe, expect, it } from 'vitest';
import { addDuration } from '../../src/calendar/calendar.ts';
import type { Declared, DeclaredSecret } from '../../src/model/declared.ts';
import type { Finding } from '../../src/model/finding.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import { isEmpty } from '../../src/model/plan.ts';
import type { RecordedSecret } from '../../src/model/recorded.ts';
import type { Import, ImportInput } from '../../src/plan/import.ts';
import { findDrift } from '../../src/plan/drift.ts';
import { makePrunePlan } from '../../src/plan/prune.ts';
import { makeRollbackPlan } from '../../src/plan/rollback.ts';
import { makeStatus } from '../../src/plan/status.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { PLATFORM, mount, secret, secretAt, service, stack } from './declare.ts';
import { NOW, imported, planFor, recordOf } from './found.ts';
import { look } from './look.ts';
import { World, tagsOf } from './world.ts';

const KEY = secretAt('key');
const declared = stack([secret('key')], [service('web', [mount('key')]), service('job', [mount('key')])]);

/** Services that read these copies at the target `key`, each made by hand, and so many versions in the vault. */
function found(reads: Readonly<Record<string, string>>, versions = 1): World {
  const world = new World();
  for (let count = 0; count < versions; count += 1) world.write(KEY, {});
  for (const [name, copy] of Object.entries(reads)) {
    if (world.copies.get(PLATFORM)?.has(copy) !== true) world.deliver(PLATFORM, copy, {});
    world.service(PLATFORM, name).references = [world.reference(PLATFORM, 'key', copy)];
  }
  return world;
}

function keyOf({ adopted }: Import): RecordedSecret | undefined {
  return adopted.secrets[KEY];
}

function refusals(world: World, of: Declared = declared, given: Partial<ImportInput> = {}): string[] {
  const { refused, adopted } = imported(world, of, given);
  expect(Object.keys(adopted.secrets)).toEqual([]);
  return refused.map(({ what }) => what);
}

function texts({ assumed }: Import): string {
  return assumed.map(({ text }) => text).join('\n');
}

const one = (given: Partial<DeclaredSecret> = {}): Declared =>
  stack([secret('key', given)], [service('web', [mount('key')])]);

describe('an import', () => {
  it('records name_v7 as version 7 under that name, with what the vault holds, and needs no step', () => {
    const world = found({ web: 'key_v7', job: 'key_v7' });
    const result = imported(world, declared);
    expect(keyOf(result)).toMatchObject({
      highest: 7,
      current: 7,
      versions: [
        {
          ordinal: 7,
          role: 'current',
          storeIds: [world.storeOf(KEY)[0]?.storeId],
          copies: [{ platform: PLATFORM, name: 'key_v7', bases: ['key'] }],
        },
      ],
    });
    expect(texts(result)).toContain('key_v7 is taken to hold what the newest version of key');
    const plan = planFor(world, declared, recordOf(result));
    expect([isEmpty(plan), plan.blocked, plan.notes]).toEqual([true, [], []]);
  });

  it('keeps a name without a number as version 1, delivers base_v2 next, and goes back to that name', () => {
    const world = found({ web: 'key', job: 'key' });
    let recorded = recordOf(imported(world, declared));
    expect(isEmpty(planFor(world, declared, recorded))).toBe(true);

    recorded = world.execute(planFor(world, declared, recorded, { rotate: [KEY] }), recorded, NOW);
    expect(world.service(PLATFORM, 'web').references[0]?.copyName).toBe('key_v2');
    expect(isEmpty(planFor(world, declared, recorded))).toBe(true);
    const observed = look(world, declared, recorded, NOW);
    const back = makeRollbackPlan({ declared, observed, recorded, now: NOW, address: KEY, reason: null });
    recorded = world.execute(back, recorded, NOW);
    expect(world.service(PLATFORM, 'web').references[0]?.copyName).toBe('key');
    expect(recorded.secrets[KEY]?.versions[0]?.storeIds).toHaveLength(2);
    expect(isEmpty(planFor(world, declared, recorded))).toBe(true);
  });

  it('removes the copy that it took over once its version has soaked, and disables what it stood for', () => {
    const world = found({ web: 'key', job: 'key' });
    let recorded = recordOf(imported(world, declared));
    recorded = world.execute(planFor(world, declared, recorded, { rotate: [KEY] }), recorded, NOW);
    const later = addDuration(NOW, 'PT73H');
    recorded = world.execute(planFor(world, declared, recorded, {}, later), recorded, later);
    expect([...(world.copies.get(PLATFORM)?.keys() ?? [])]).toEqual(['key_v2']);
    expect(world.storeOf(KEY).map(({ enabled }) => enabled)).toEqual([false, true]);
  });

  it('takes any other name for version 1 as well, and gives no number out that a name has', () => {
    const world = found({ web: 'blue-key.2024', job: 'blue-key.2024' });
    world.deliver(PLATFORM, 'key_v4', {});
    const result = imported(world, declared);
    expect(keyOf(result)).toMatchObject({ current: 1, highest: 4 });
    expect(texts(result)).toContain('what follows it is delivered as key_v5');
  });

  it('records a value that no vault has as only on its platform, and takes nothing of the vault for it', () => {
    const world = found({ web: 'key_v3', job: 'key_v3' }, 0);
    const result = imported(world, declared);
    expect(keyOf(result)).toMatchObject({ fingerprint: null, versions: [{ storeIds: [] }] });
    expect(texts(result)).toContain('shop-prod has no key: key_v3 is all there is of v3');
    expect(isEmpty(planFor(world, declared, recordOf(result)))).toBe(true);
  });

  it('leaves what the vault holds out of it where a person says so, and does not take it up later', () => {
    const manual = one({ source: { kind: 'manual', instructions: null } });
    const world = found({ web: 'key_v3' });
    const result = imported(world, manual, { platformOnly: true });
    expect(keyOf(result)?.versions[0]?.storeIds).toEqual([]);
    expect(texts(result)).toContain('as you say, what shop-prod holds as key is left out');
    const plan = planFor(world, manual, recordOf(result));
    expect([isEmpty(plan), plan.notes]).toEqual([true, []]);
    world.write(KEY, {});
    expect(planFor(world, manual, recordOf(result)).steps.map(({ kind }) => kind)).toContain('mint');
  });

  it('adopts what is in the vault alone as version 1', () => {
    const world = found({}, 3);
    const alone = stack([secret('key')], []);
    const result = imported(world, alone);
    expect(keyOf(result)).toMatchObject({
      current: 1,
      versions: [{ storeIds: [world.storeOf(KEY)[2]?.storeId], copies: [] }],
    });
    expect(texts(result)).toContain('2 further versions of key in shop-prod are enabled');
    expect(isEmpty(planFor(world, alone, recordOf(result)))).toBe(true);
  });

  it('counts the newest that is enabled where the newest is not, and refuses where none is', () => {
    const world = found({ web: 'key_v3', job: 'key_v3' }, 2);
    const [older, newest] = world.storeOf(KEY);
    if (older === undefined || newest === undefined) return expect.fail();
    newest.enabled = false;
    expect(keyOf(imported(world, declared))?.versions[0]?.storeIds).toEqual([older.storeId]);
    older.enabled = false;
    expect(refusals(world)).toEqual(['no version of key is enabled in shop-prod']);
  });

  it('is of no date: a cadence counts from the import on', () => {
    const world = found({ web: 'key_v7', job: 'key_v7' });
    const recorded = recordOf(imported(world, declared));
    const input = { declared, observed: look(world, declared, recorded, NOW), recorded, now: NOW };
    expect(makeStatus(input)[0]).toMatchObject({
      current: 7,
      vault: 'ok',
      note: null,
      due: 'no',
      nextDue: '2027-01-04T03:00:00Z',
    });
  });
});

describe('several versions that are read', () => {
  const pinned = stack(
    [secret('key')],
    [service('web', [mount('key')]), service('job', [mount('key', { version: 6 })])],
  );

  it('are refused where none is pinned, with what to do', () => {
    const world = found({ web: 'key_v7', job: 'key_v6' });
    const { refused } = imported(world, declared);
    expect(refused).toEqual([
      {
        what: 'the consumers of key do not read one version: job reads key_v6, web reads key_v7',
        where: KEY,
        next: 'deploy one version to all of them, or pin those that shall keep theirs for now: { version: 6 }',
      },
    ]);
  });

  it('keep an older one for whom it is pinned, and let it go when the pin goes', () => {
    const world = found({ web: 'key_v7', job: 'key_v6' });
    const result = imported(world, pinned);
    expect(keyOf(result)?.versions.map(({ ordinal, role }) => `v${ordinal} ${role}`)).toEqual([
      'v6 prior',
      'v7 current',
    ]);
    let recorded = recordOf(result);
    expect(isEmpty(planFor(world, pinned, recorded))).toBe(true);
    recorded = world.execute(planFor(world, declared, recorded), recorded, NOW);
    expect(world.service(PLATFORM, 'job').references[0]?.copyName).toBe('key_v7');
    expect(isEmpty(planFor(world, declared, recorded))).toBe(true);
  });

  it('are refused where a pin is another one than is read, or newer than what others read', () => {
    expect(refusals(found({ web: 'key_v7', job: 'key_v5' }), pinned)).toEqual([
      'job pins key v6, and job reads key_v5, which counts as v5',
    ]);
    expect(refusals(found({ web: 'key_v5', job: 'key_v6' }), pinned)).toEqual([
      'job pins key v6, and others are still at v5: what is newer than the current version cannot be taken over',
    ]);
  });

  it('are refused where two names would count as one version', () => {
    expect(refusals(found({ web: 'key', job: 'key_v1' }))).toEqual([
      'key and key_v1 would both count as key v1: job reads key_v1, web reads key',
    ]);
  });
});

describe('what an import refuses', () => {
  it('is what another stack of keyturn owns, in the vault and on the platform', () => {
    const world = found({ web: 'key_v7', job: 'key_v7' });
    world.write(KEY, tagsOf('other', 4, 'theirs'));
    world.copies.get(PLATFORM)?.set('key_v7', {
      id: world.copies.get(PLATFORM)?.get('key_v7')?.id ?? '',
      labels: { [TAG_STACK]: 'other' },
    });
    expect(refusals(world)).toEqual([
      "key belongs to stack 'other'",
      "key_v7 on prod, which job reads, belongs to stack 'other'",
      "key_v7 on prod, which web reads, belongs to stack 'other'",
    ]);
  });

  it('is what this stack made and the record does not know', () => {
    const world = found({});
    const alone = stack([secret('key')], []);
    world.write(KEY, tagsOf('shop', 2, 'op'));
    const { refused } = imported(world, alone);
    expect(refused).toMatchObject([
      { what: 'key was made by this stack at v2, and the record does not know it' },
    ]);
    expect(refused[0]?.next).toContain('keyturn state rebuild shop');
    const labels = { [TAG_STACK]: 'shop', [TAG_VERSION]: '7', [LABEL_SECRET]: KEY };
    const delivered = new World();
    delivered.deliver(PLATFORM, 'key_v7', labels);
    delivered.service(PLATFORM, 'web').references = [delivered.reference(PLATFORM, 'key', 'key_v7')];
    expect(refusals(delivered)).toEqual([
      'key_v7 on prod was delivered by this stack, and the record does not know it',
    ]);
  });

  it('is one copy for two secrets, and a service whose update stands still', () => {
    const two = stack(
      [secret('key'), secret('token')],
      [service('web', [mount('key'), mount('token', { secret: secretAt('token'), target: 'token' })])],
    );
    const world = found({ web: 'key_v2' });
    const web = world.service(PLATFORM, 'web');
    web.references = [...web.references, world.reference(PLATFORM, 'token', 'key_v2')];
    expect(refusals(world, two)).toEqual([
      'key_v2 on prod is read as key and as token',
      'key_v2 on prod is read as token and as key',
    ]);
    const paused = found({ web: 'key_v2', job: 'key_v2' });
    paused.service(PLATFORM, 'web').updateState = 'paused';
    expect(refusals(paused)).toEqual([
      "service 'web' has an update that is paused: its tasks may run on either spec",
    ]);
  });

  it('is what is nowhere, where it is named, and not where everything is asked for', () => {
    const world = new World();
    expect(refusals(world, declared, { wanted: [KEY] })).toEqual([
      'key is neither in shop-prod nor read by a declared consumer: there is nothing to take over',
    ]);
    expect(imported(world, declared)).toMatchObject({ refused: [], adopted: { secrets: {} } });
  });

  it('is not what is on record: that is known, and stays as it is', () => {
    const world = found({ web: 'key_v7', job: 'key_v7' });
    const recorded = recordOf(imported(world, declared));
    const again = imported(world, declared, { wanted: [KEY] }, recorded);
    expect(again).toMatchObject({ known: [KEY], refused: [], adopted: { secrets: {}, consumers: {} } });
  });
});

describe('a version that was taken over', () => {
  it('is delivered to a consumer that was declared later, under its own name where that is there', () => {
    const world = found({ web: 'key' });
    const recorded = recordOf(imported(world, one()));
    world.service(PLATFORM, 'job');
    const after = world.execute(planFor(world, declared, recorded), recorded, NOW);
    expect(world.service(PLATFORM, 'job').references[0]?.copyName).toBe('key');
    expect(isEmpty(planFor(world, declared, after))).toBe(true);
  });

  it('is not made up for a consumer elsewhere where no vault has it', () => {
    const world = found({ web: 'key' });
    const recorded = recordOf(imported(world, one(), { platformOnly: true }));
    const elsewhere = stack(
      [secret('key')],
      [service('web', [mount('key')]), service('job', [mount('key', { base: 'other' })])],
    );
    world.service(PLATFORM, 'job');
    const plan = planFor(world, elsewhere, recorded);
    expect(plan.steps).toEqual([]);
    expect(plan.blocked.map(({ text }) => text)).toEqual([
      'other_v1 cannot be delivered: key v1 is needed, and its vault does not list it',
    ]);
  });

  it('stays the way back where the update fails, also without a value in the vault', () => {
    const world = found({ web: 'key' }, 1);
    const recorded = recordOf(imported(world, one(), { platformOnly: true }));
    const plan = planFor(world, one(), recorded, { rotate: [KEY] });
    const mint = plan.steps.find(({ kind }) => kind === 'mint');
    const flip = plan.steps.find(({ kind }) => kind === 'flip');
    expect(mint?.inverse).toMatchObject({ kind: 'restore', to: null });
    expect(flip?.inverse).toMatchObject({ changes: [{ to: { copy: 'key', ordinal: 1 } }] });
  });

  it('is an orphan of ours once it is retired and only on its platform, and goes when a person says so', () => {
    const world = found({ web: 'key' }, 0);
    let recorded = recordOf(imported(world, one()));
    recorded = world.execute(planFor(world, one(), recorded, { rotate: [KEY] }), recorded, NOW);
    const later = addDuration(NOW, 'PT73H');
    const drift = (): Finding[] => {
      const observed = look(world, one(), recorded, later);
      return [...findDrift({ declared: one(), observed, recorded, now: later }).findings];
    };
    expect(drift()).toEqual([]);
    recorded = world.execute(planFor(world, one(), recorded, {}, later), recorded, later);
    expect(drift()).toMatchObject([
      { rule: 'orphan', level: 'note', subject: 'key', next: 'keyturn prune shop --prune-platform-only' },
    ]);
    const observed = look(world, one(), recorded, later);
    const options = { ...NO_OPTIONS, prunePlatformOnly: true };
    const prune = makePrunePlan({ declared: one(), observed, recorded, now: later, options });
    recorded = world.execute(prune, recorded, later);
    expect([...(world.copies.get(PLATFORM)?.keys() ?? [])]).toEqual(['key_v2']);
    expect(drift()).toEqual([]);
  });

  it('that a deploy brings back is found as superseded, under the name that it had', () => {
    const world = found({ web: 'key' });
    let recorded = recordOf(imported(world, one()));
    recorded = world.execute(planFor(world, one(), recorded, { rotate: [KEY] }), recorded, NOW);
    world.service(PLATFORM, 'web').references = [world.reference(PLATFORM, 'key', 'key')];
    const observed = look(world, one(), recorded, NOW);
    const { findings } = findDrift({ declared: one(), observed, recorded, now: NOW });
    expect(findings).toMatchObject([{ rule: 'superseded', subject: 'web' }]);
    expect(findings[0]?.text).toContain('web was put back to key v1 by someone else');
  });

  it('is left alone where another copy of its name stands there now', () => {
    const world = found({ web: 'key' });
    const recorded = recordOf(imported(world, one()));
    world.copies.get(PLATFORM)?.delete('key');
    world.deliver(PLATFORM, 'key', {});
    world.service(PLATFORM, 'job');
    expect(planFor(world, declared, recorded).blocked.map(({ why }) => why)).toContain('not-ours');
  });
});
