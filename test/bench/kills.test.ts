import { describe, expect, it } from 'vitest';
import type { ListedVersion, Outside } from '../../bench/kills/outside.ts';
import { danglingIn, doublesIn, leftoversIn } from '../../bench/kills/outside.ts';
import type { Kill, Recovery, Wreck } from '../../bench/kills/subject.ts';
import type { Series } from '../../bench/kills/table.ts';
import { isWhole, renderTable, tallyOf } from '../../bench/kills/table.ts';

const version = (ordinal: number, isEnabled: boolean, operation = `op${ordinal}`): ListedVersion => ({
  id: `id-${ordinal}-${operation}`,
  isEnabled,
  ordinal,
  operation,
});

const v1 = version(1, false);
const v2 = version(2, true);

/** One secret, rotated once, read by one service. */
const SOUND: Outside = {
  secrets: new Map([['key', { newest: v2, all: [v1, v2] }]]),
  copies: new Map([['copy2', { name: 'key_v2', secret: 'key', ordinal: 2 }]]),
  services: [{ name: 'web', copyIds: ['copy2'], failureActions: 'pause pause' }],
};

const leftovers = (outside: Outside): string[] =>
  leftoversIn(outside, new Map([['key', 2]]), new Map([['web', 'pause pause']]));

const vaultOf = (newest: ListedVersion, ...others: ListedVersion[]): Outside => ({
  ...SOUND,
  secrets: new Map([['key', { newest, all: [...others, newest] }]]),
});

describe('what the bench finds outside after a kill', () => {
  it('is nothing where one version is enabled, newest, copied once and read', () => {
    expect([...leftovers(SOUND), ...danglingIn(SOUND), ...doublesIn(SOUND)]).toEqual([]);
  });

  it('is a ghost where a version that is not current is the newest', () => {
    expect(leftovers(vaultOf(version(3, false), v1, v2))).toEqual([
      'key: a ghost is the newest, v3 and not v2',
    ]);
  });

  it('is a version that is enabled beside the current one', () => {
    expect(leftovers(vaultOf(v2, version(1, true)))).toEqual(['key: v1 is enabled beside the current v2']);
  });

  it('is a secret that two mints of one operation made', () => {
    expect(doublesIn(vaultOf(v2, v1, version(3, false, 'op2')))).toEqual(['key']);
  });

  it('is a copy that nobody needs any more', () => {
    const copies = new Map([...SOUND.copies, ['copy1', { name: 'key_v1', secret: 'key', ordinal: 1 }]]);
    expect(leftovers({ ...SOUND, copies })).toEqual(['key_v1 is on the swarm, and v2 is current']);
  });

  it('is a service whose copy is gone, or whose version is disabled', () => {
    expect(danglingIn({ ...SOUND, copies: new Map() })).toEqual(['web names a copy that is gone']);
    expect(danglingIn(vaultOf(version(2, false)))).toEqual([
      'web reads key_v2, and the vault has no enabled v2 of it',
    ]);
  });

  it('is a service that was left with the failure actions of a flip', () => {
    const services = [{ name: 'web', copyIds: ['copy2'], failureActions: 'continue pause' }];
    expect(leftovers({ ...SOUND, services })).toHaveLength(1);
  });
});

const WRECK: Wreck = {
  isUnreadable: false,
  isEmpty: false,
  lost: 0,
  inBackup: null,
  hasLock: true,
  problems: [],
};
const RECOVERY: Recovery = {
  needed: 'nothing',
  exit: 10,
  hasConverged: true,
  doubles: 0,
  problems: [],
  elapsedMs: 9000,
  said: '',
};
const KILL: Kill = {
  phase: 'midway',
  done: 0.5,
  afterMs: 2000,
  wholeMs: 4000,
  wreck: WRECK,
  recovery: RECOVERY,
};
const series = (...kills: Kill[]): Series => ({ name: 'keyturn', version: '0.1.0', kills });

describe('the verdict of the bench', () => {
  it('is whole where each kill needed nothing but the plain command', () => {
    const tally = tallyOf(series(KILL, { ...KILL, phase: 'over' }));
    expect(isWhole(tally)).toBe(true);
    expect(tally).toMatchObject({ applies: 2, kills: 1, over: 1 });
  });

  it.each<[string, Partial<Kill>]>([
    ['an unreadable state', { wreck: { ...WRECK, isUnreadable: true } }],
    ['an empty state', { wreck: { ...WRECK, isEmpty: true } }],
    ['a lost object', { wreck: { ...WRECK, lost: 1 } }],
    ['a service on a version that is gone', { wreck: { ...WRECK, problems: ['web names a copy'] } }],
    ['a second rerun', { recovery: { ...RECOVERY, needed: 'again' } }],
    ['a flag', { recovery: { ...RECOVERY, needed: 'flag' } }],
    ['a person', { recovery: { ...RECOVERY, needed: 'person' } }],
    ['a plan that is not empty', { recovery: { ...RECOVERY, hasConverged: false } }],
    ['a double mint', { recovery: { ...RECOVERY, doubles: 1 } }],
    ['a ghost', { recovery: { ...RECOVERY, problems: ['key: a ghost'] } }],
    ['an apply that failed by itself', { phase: 'failed' }],
  ])('is not whole after %s', (_, cost) => {
    expect(isWhole(tallyOf(series(KILL, { ...KILL, ...cost })))).toBe(false);
  });

  it('stands in a table of 80 columns, with a dash for what a program does not have', () => {
    const table = renderTable([series(KILL), { ...series(KILL), name: 'terraform' }]);
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBe(80);
    expect(table).toMatch(/^secrets minted twice for one cause +0 +-$/m);
  });
});
