import { describe, expect, it } from 'vitest';
import type { AgendaEntry } from '../../src/model/agenda.ts';
import type { DeclaredSecret } from '../../src/model/declared.ts';
import type { Freeze, Window } from '../../src/model/openings.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';
import { makeAgenda } from '../../src/plan/agenda.ts';
import { secretAt } from './declare.ts';
import { expand } from './scenario.ts';
import type { Scenario } from './scenario.ts';

const NOW = '2026-08-20T09:00:00Z';
const CURRENT = { v3: 'current since 2026-07-06T03:00:00Z' };
const SOAKING = { v2: 'prior until 2026-08-22T03:00:00Z', v3: 'current since 2026-08-19T03:00:00Z' };
const MONDAYS = {
  kind: 'every',
  period: 'P7D',
  anchor: '2026-01-05',
  at: '03:00',
  timeZone: 'UTC',
} as const;
const SATURDAY: Window = { days: ['saturday'], from: '01:00', until: '04:00', timeZone: 'UTC' };
const NIGHT: Window = { days: WEEKDAYS, from: '22:00', until: '23:00', timeZone: 'UTC' };
const INVENTORY: Freeze = {
  path: 'shop/inventory',
  position: null,
  from: '2026-08-22',
  through: '2026-08-31',
  timeZone: 'UTC',
  reason: 'stocktaking',
  secrets: [],
};

interface Dates {
  /** What a situation does not say, by the secret's name. */
  readonly declare?: Readonly<Record<string, Partial<DeclaredSecret>>>;
  readonly freezes?: readonly Freeze[];
}

/** The agenda of a situation with `api` reading `writer`, which is due on 2026-10-05 at 03:00, unless said otherwise. */
function agenda(
  until: string,
  given: Partial<Scenario> = {},
  { declare = {}, freezes = [] }: Dates = {},
): AgendaEntry[] {
  const { input } = expand({
    says: '',
    now: NOW,
    secrets: { writer: { versions: CURRENT } },
    services: { api: { mounts: ['writer'] } },
    ...given,
  });
  const { options: _, declared, ...states } = input;
  const secrets = declared.secrets.map((each) => ({ ...each, ...declare[each.name] }));
  return makeAgenda({ ...states, declared: { ...declared, secrets, freezes } }, until);
}

const datesOf = (entries: readonly AgendaEntry[]): string[] =>
  entries.map(({ at, kind, address, stack }) => `${at} ${kind} ${address?.replace(/.*\//, '') ?? stack}`);

describe('the agenda', () => {
  it('is empty until the first date, which it includes', () => {
    expect(agenda('2026-10-05T02:59:59Z')).toEqual([]);
    expect(agenda('2026-10-05T03:00:00Z')).toEqual([
      {
        at: '2026-10-05T03:00:00Z',
        kind: 'rotate',
        stack: 'shop',
        address: 'vault://shop-prod/writer',
        ordinal: null,
        copy: null,
        text: 'rotate writer',
        state: 'ahead',
        opens: null,
        waitsFor: null,
        overdueAt: '2026-10-06T03:00:00Z',
        awaiting: false,
        notes: [],
      },
    ]);
  });

  it('has every date of every cadence, by time', () => {
    const secrets = {
      writer: { versions: CURRENT },
      key: { versions: { v1: 'current since 2026-08-17T03:00:00Z' } },
    };
    const weekly = { declare: { key: { cadence: MONDAYS, soak: 'PT1H' } } };
    expect(datesOf(agenda('2026-10-05T03:00:00Z', { secrets }, weekly))).toEqual([
      '2026-08-24T03:00:00Z rotate key',
      '2026-08-31T03:00:00Z rotate key',
      '2026-09-07T03:00:00Z rotate key',
      '2026-09-14T03:00:00Z rotate key',
      '2026-09-21T03:00:00Z rotate key',
      '2026-09-28T03:00:00Z rotate key',
      '2026-10-05T03:00:00Z rotate key',
      '2026-10-05T03:00:00Z rotate writer',
    ]);
    expect(
      agenda('2027-01-01T00:00:00Z', {}, { declare: { writer: { cadence: { kind: 'onRequest' } } } }),
    ).toEqual([]);
  });

  it('begins with what is overdue, at the date that was missed, and goes on with what is due', () => {
    const secrets = { writer: { versions: CURRENT }, admin: { versions: CURRENT } };
    const given = { now: '2026-10-06T12:00:00Z', secrets, services: {} };
    const dates = { declare: { admin: { grace: 'P7D' } } };
    expect(agenda('2026-10-07T00:00:00Z', given, dates)).toMatchObject([
      {
        address: secretAt('writer'),
        at: '2026-10-05T03:00:00Z',
        state: 'overdue',
        overdueAt: '2026-10-06T03:00:00Z',
      },
      {
        address: secretAt('admin'),
        at: '2026-10-05T03:00:00Z',
        state: 'due',
        overdueAt: '2026-10-12T03:00:00Z',
      },
    ]);
    expect(datesOf(agenda('2027-01-04T03:00:00Z', given))).toEqual([
      '2026-10-05T03:00:00Z rotate admin',
      '2026-10-05T03:00:00Z rotate writer',
      '2027-01-04T03:00:00Z rotate admin',
      '2027-01-04T03:00:00Z rotate writer',
    ]);
  });

  it('says when the window opens, and counts the next date from there', () => {
    const given = { secrets: { writer: { versions: SOAKING } }, services: {} };
    const weekly = { declare: { writer: { cadence: MONDAYS, windows: [SATURDAY], soak: 'PT1H' } } };
    const rotations = agenda('2026-09-06T00:00:00Z', given, weekly).filter(({ kind }) => kind === 'rotate');
    expect(rotations).toMatchObject([
      {
        at: '2026-08-24T03:00:00Z',
        opens: '2026-08-29T01:00:00Z',
        waitsFor: 'window (sat 01:00-04:00 UTC)',
        overdueAt: '2026-08-30T04:00:00Z',
      },
      { at: '2026-08-31T03:00:00Z', opens: '2026-09-05T01:00:00Z', waitsFor: 'window (sat 01:00-04:00 UTC)' },
    ]);
  });

  it('has one date where several pass before the window opens', () => {
    const daily = { ...MONDAYS, period: 'P1D' };
    const late = { ...SATURDAY, from: '04:00', until: '05:00' };
    const dates = { declare: { writer: { cadence: daily, windows: [late], soak: 'PT0S' } } };
    const given = { secrets: { writer: { versions: { v3: 'current since 2026-08-19T03:00:00Z' } } } };
    expect(datesOf(agenda('2026-08-31T00:00:00Z', given, dates))).toEqual([
      '2026-08-20T03:00:00Z rotate writer',
      '2026-08-23T03:00:00Z rotate writer',
      '2026-08-30T03:00:00Z rotate writer',
    ]);
  });

  it('lets nothing rotate in its own soak, recorded or to come', () => {
    const daily = { ...MONDAYS, period: 'P1D' };
    const dates = { declare: { writer: { cadence: daily, soak: 'PT36H' } } };
    const given = { secrets: { writer: { versions: SOAKING } }, services: {} };
    const rotations = agenda('2026-08-23T12:00:00Z', given, dates).filter(({ kind }) => kind === 'rotate');
    expect(rotations).toMatchObject([
      { at: '2026-08-20T03:00:00Z', opens: '2026-08-22T03:00:00Z', waitsFor: 'soak', state: 'due' },
      { at: '2026-08-23T03:00:00Z', opens: '2026-08-23T15:00:00Z', waitsFor: 'soak', state: 'ahead' },
    ]);
  });

  it('says when freezes begin and end, whom they hold, and what waits for them', () => {
    const given = { secrets: { writer: { versions: SOAKING } }, services: { api: { mounts: ['writer'] } } };
    const dates = { declare: { writer: { cadence: MONDAYS, windows: [NIGHT] } }, freezes: [INVENTORY] };
    const entries = agenda('2026-09-01T12:00:00Z', given, dates);
    expect(datesOf(entries)).toEqual([
      '2026-08-22T00:00:00Z freeze-begins shop',
      '2026-08-22T03:00:00Z retire writer',
      '2026-08-22T03:00:00Z prune writer',
      '2026-08-24T03:00:00Z rotate writer',
      '2026-09-01T00:00:00Z freeze-ends shop',
    ]);
    const [begins, retire, , rotate] = entries;
    expect(begins).toMatchObject({
      text: 'freeze shop/inventory begins',
      notes: ['2026-08-22 to 2026-08-31 (stocktaking) holds every secret'],
    });
    expect(retire).toMatchObject({ opens: '2026-09-01T00:00:00Z', waitsFor: 'freeze (stocktaking)' });
    expect(rotate).toMatchObject({
      opens: '2026-09-01T22:00:00Z',
      waitsFor: 'freeze (stocktaking), window (daily 22:00-23:00 UTC)',
    });
  });

  it('lets a freeze hold only those whom it names', () => {
    const secrets = { writer: { versions: SOAKING }, admin: { versions: SOAKING } };
    const freezes = [{ ...INVENTORY, reason: null, secrets: [secretAt('admin')] }];
    const entries = agenda('2026-08-23T00:00:00Z', { secrets, services: {} }, { freezes });
    expect(entries.map(({ text, opens, waitsFor }) => [text, opens, waitsFor])).toEqual([
      ['freeze shop/inventory begins', null, null],
      ['disable admin v2 in the vault', '2026-09-01T00:00:00Z', 'freeze'],
      ['disable writer v2 in the vault', null, null],
    ]);
    expect(entries[0]?.notes).toEqual(['2026-08-22 to 2026-08-31 holds admin']);
  });

  it('rotates those that are declared together at one date, once all of them may', () => {
    const secrets = { writer: { versions: CURRENT, together: ['reader'] }, reader: { versions: CURRENT } };
    const dates = { declare: { writer: { cadence: MONDAYS }, reader: { windows: [SATURDAY] } } };
    const entries = agenda('2026-07-14T00:00:00Z', { now: '2026-07-10T00:00:00Z', secrets }, dates);
    expect(entries).toMatchObject([
      {
        address: secretAt('reader'),
        at: '2026-07-13T03:00:00Z',
        opens: '2026-07-18T01:00:00Z',
        notes: ['together with writer'],
      },
      { address: secretAt('writer'), at: '2026-07-13T03:00:00Z', opens: '2026-07-18T01:00:00Z', notes: [] },
    ]);
  });

  it('says who needs a value from a person, and who has no version yet', () => {
    const secrets = { writer: { source: 'manual' as const } };
    expect(agenda('2026-10-06T00:00:00Z', { secrets })).toMatchObject([
      {
        awaiting: true,
        notes: [
          'has no version yet: `keyturn apply` makes the first',
          "needs a person's value: `keyturn apply --value vault://shop-prod/writer=-`",
        ],
      },
    ]);
  });

  it('needs no value from a person of a secret that got one in the vault', () => {
    const writer = {
      source: 'manual' as const,
      versions: CURRENT,
      vaultSince: 'new version by hand' as const,
    };
    const secrets = { writer };
    expect(agenda('2027-01-05T00:00:00Z', { secrets, services: {} })).toMatchObject([
      { awaiting: false, notes: ['a person put its new version into the vault'] },
      { awaiting: true, notes: [expect.stringContaining("needs a person's value")] },
    ]);
  });

  it('has of a held secret one date, and no end of the hold, until its declaration changes', () => {
    const secrets = { writer: { versions: CURRENT, held: 'api did not start' } };
    const entries = agenda('2027-06-01T00:00:00Z', { secrets });
    expect(entries.map(({ at, notes }) => [at, notes])).toEqual([
      [
        '2026-10-05T03:00:00Z',
        ['held, so that no date rotates it until `keyturn apply --rotate vault://shop-prod/writer`'],
      ],
    ]);
    const changed = agenda('2027-06-01T00:00:00Z', { secrets }, { declare: { writer: { generation: 2 } } });
    expect(changed.map(({ at, notes }) => [at, notes])).toEqual([
      ['2026-10-05T03:00:00Z', []],
      ['2027-01-04T03:00:00Z', []],
      ['2027-04-05T03:00:00Z', []],
    ]);
  });

  it('settles a consumer at its date, and retires and removes then what only its previous spec names', () => {
    const secrets = { writer: { versions: SOAKING } };
    const services = {
      api: { mounts: ['writer'], previous: ['writer_v2'], settleAfter: '2026-08-23T03:00:00Z' },
    };
    expect(agenda('2026-08-23T03:00:00Z', { secrets, services }).map(({ at, text }) => [at, text])).toEqual([
      ['2026-08-23T03:00:00Z', "put api's own update settings back and let its previous spec go, no restart"],
      ['2026-08-23T03:00:00Z', 'disable writer v2 in the vault'],
      ['2026-08-23T03:00:00Z', 'remove writer_v2 from prod'],
    ]);
    expect(agenda('2026-08-23T02:59:59Z', { secrets, services })).toEqual([]);
  });

  it('retires what a previous spec names after the freeze that keeps its consumer from being settled', () => {
    const secrets = { writer: { versions: SOAKING }, admin: { versions: CURRENT } };
    const services = {
      api: { mounts: ['writer', 'admin'], previous: ['writer_v2'], settleAfter: '2026-08-22T03:00:00Z' },
    };
    const freezes = [{ ...INVENTORY, secrets: [secretAt('admin')] }];
    const entries = agenda('2026-09-02T00:00:00Z', { secrets, services }, { freezes });
    expect(
      entries.flatMap(({ kind, at, opens }) => (kind.startsWith('freeze') ? [] : [[kind, opens ?? at]])),
    ).toEqual([
      ['settle', '2026-09-01T00:00:00Z'],
      ['retire', '2026-09-01T00:00:00Z'],
      ['prune', '2026-09-01T00:00:00Z'],
    ]);
  });

  it('says what keeps a version from retiring: a pin, or somebody who still uses it', () => {
    const secrets = { writer: { versions: SOAKING } };
    const pinned = agenda('2026-08-23T00:00:00Z', {
      secrets,
      services: { staging: { mounts: ['writer@v2'] } },
    });
    expect(pinned.map(({ kind, notes }) => [kind, notes])).toEqual([
      ['retire', ['writer v2 is kept: pinned by swarm://prod/staging']],
    ]);
    const now = '2026-08-23T00:00:00Z';
    const services = {
      api: { mounts: ['writer'] },
      stranger: { undeclared: true as const, reads: ['writer_v2'] },
    };
    const [retire] = agenda('2026-08-24T00:00:00Z', { now, secrets, services });
    expect(retire).toMatchObject({ at: '2026-08-22T03:00:00Z', state: 'due' });
    expect(retire?.notes.join()).toContain('service stranger on prod still reads writer_v2');
  });

  it('ends after a thousand dates of one secret, and says so', () => {
    const dates = { declare: { writer: { cadence: { ...MONDAYS, period: 'PT1M' }, soak: 'PT0S' } } };
    const entries = agenda('2026-09-20T00:00:00Z', {}, dates);
    expect(entries).toHaveLength(1000);
    expect(entries.flatMap(({ notes }) => notes)).toEqual(['it has more dates than are listed']);
  });
});
