import { describe, expect, it } from 'vitest';
import type { StatusRow } from '../../src/model/status.ts';
import { attentionOf } from '../../src/model/status.ts';
import type { Recorded, RecordedVersion } from '../../src/model/recorded.ts';
import { makeStatus } from '../../src/plan/status.ts';
import type { DeclaredSecret } from '../../src/model/declared.ts';
import type { Freeze, Window } from '../../src/model/openings.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';
import { expand } from './scenario.ts';
import type { Scenario } from './scenario.ts';

const QUIET = '2026-08-20T09:00:00Z';
const CURRENT = { v3: 'current since 2026-07-06T03:00:00Z' };
const SOAKING = {
  v2: 'prior until 2026-08-22T03:00:00Z',
  v3: 'current since 2026-08-19T03:00:00Z',
};

const NIGHT: Window = { days: WEEKDAYS, from: '22:00', until: '23:00', timeZone: 'UTC' };
const YEAR_END: Freeze = {
  path: 'shop/year-end',
  position: null,
  from: '10-01',
  through: '10-07',
  timeZone: 'UTC',
  reason: 'year end',
  secrets: [],
};

/** What a situation does not say: windows, grace and freezes. */
interface Dates {
  readonly secret?: Partial<DeclaredSecret>;
  readonly freezes?: readonly Freeze[];
}

/** Rows of a situation that is quiet and has `api` read `writer`, unless said otherwise. */
function rows(given: Partial<Scenario>, { secret = {}, freezes = [] }: Dates = {}): StatusRow[] {
  const { input } = expand({
    says: '',
    now: QUIET,
    secrets: { writer: { versions: CURRENT } },
    services: { api: { mounts: ['writer'] } },
    ...given,
  });
  const { options: _, declared, ...states } = input;
  const secrets = declared.secrets.map((each) => ({ ...each, ...secret }));
  return makeStatus({ ...states, declared: { ...declared, secrets, freezes } });
}

function row(given: Partial<Scenario>, dates: Dates = {}): StatusRow {
  const [first] = rows(given, dates);
  if (first === undefined) throw new Error('no row');
  return first;
}

describe('a row of status', () => {
  it('says what is current, since when, when it is due and who reads it', () => {
    expect(row({})).toEqual({
      address: 'vault://shop-prod/writer',
      path: 'shop/writer',
      name: 'writer',
      current: 3,
      prior: null,
      rotatedAt: '2026-07-06T03:00:00Z',
      cadence: 'quarterly, first monday 03:00 UTC',
      windows: [],
      nextDue: '2026-10-05T03:00:00Z',
      due: 'no',
      opens: null,
      waitsFor: null,
      overdueAt: '2026-10-06T03:00:00Z',
      frozen: null,
      soakUntil: null,
      wayBackGone: null,
      consumers: [{ address: 'swarm://prod/api', reads: 3, inStep: true, settleAfter: null, parked: null }],
      held: null,
      letsGo: null,
      awaiting: false,
      retiring: [],
      pinned: [],
      vault: 'ok',
      note: null,
    });
  });

  it('stands for each declared secret once, by address', () => {
    const secrets = {
      writer: {},
      admin: {},
      mail: { vault: 'a-vault' },
      gone: { versions: CURRENT, undeclared: true },
    };
    expect(rows({ secrets, services: {} }).map(({ address }) => address)).toEqual([
      'vault://a-vault/mail',
      'vault://shop-prod/admin',
      'vault://shop-prod/writer',
    ]);
  });

  it.each([
    ['2026-10-05T02:59:59Z', 'no'],
    ['2026-10-05T03:00:00Z', 'due'],
    ['2026-10-06T03:00:00Z', 'due'],
    ['2026-10-06T03:00:01Z', 'overdue'],
  ])('at %s calls a secret of 2026-10-05T03:00:00Z %s', (now, due) => {
    expect(row({ now })).toMatchObject({ due, nextDue: '2026-10-05T03:00:00Z' });
  });

  it('calls a secret without a version due, and one without dates never due', () => {
    expect(row({ secrets: { writer: {} } })).toMatchObject({ due: 'due', current: null, rotatedAt: null });
    const onRequest = { writer: { versions: CURRENT, cadence: 'on request' as const } };
    expect(row({ secrets: onRequest })).toMatchObject({ due: 'never', nextDue: null, cadence: 'on request' });
  });

  it('shows the way back and until when', () => {
    expect(row({ secrets: { writer: { versions: SOAKING } } })).toMatchObject({
      prior: 2,
      soakUntil: '2026-08-22T03:00:00Z',
    });
  });

  it('says which consumer an emergency left behind, and which version is not proved to be dead', () => {
    const versions = { v2: 'retiring', ...CURRENT };
    const services = { api: { mounts: ['writer'], parked: 'its tasks kept failing' } };
    const left = row({ secrets: { writer: { versions } }, services });
    expect(left.consumers[0]?.parked).toMatchObject({ incident: 'INC-7', reason: 'its tasks kept failing' });
    expect(left.retiring).toEqual([
      { ordinal: 2, text: 'the value is still accepted; the next apply tries again' },
    ]);
    expect(attentionOf(left)).toBe('parked');
    expect(attentionOf({ ...left, consumers: [] })).toBe('retiring');
  });

  it('shows a consumer that reads another version, nothing, or cannot be observed, as out of step', () => {
    const secrets = { writer: { versions: SOAKING } };
    const behind = row({ secrets, services: { api: { mounts: ['writer'], reads: ['writer_v2'] } } });
    expect(behind.consumers).toEqual([
      { address: 'swarm://prod/api', reads: 2, inStep: false, settleAfter: null, parked: null },
    ]);
    const empty = row({ services: { api: { mounts: ['writer'], unrecorded: true } } });
    expect(empty.consumers).toEqual([
      { address: 'swarm://prod/api', reads: null, inStep: false, settleAfter: null, parked: null },
    ]);
    const unseen = row({ unknown: ['prod'] });
    expect(unseen.consumers).toEqual([
      { address: 'swarm://prod/api', reads: null, inStep: false, settleAfter: null, parked: null },
    ]);
  });

  it('names a pin, and counts the pinned consumer as in step on its version', () => {
    const secrets = { writer: { versions: SOAKING } };
    const { pinned, consumers } = row({ secrets, services: { staging: { mounts: ['writer@v2'] } } });
    expect(pinned).toEqual(['swarm://prod/staging pins v2']);
    expect(consumers).toEqual([
      { address: 'swarm://prod/staging', reads: 2, inStep: true, settleAfter: null, parked: null },
    ]);
  });

  it('says since when and why a secret is held', () => {
    const secrets = { writer: { versions: CURRENT, held: 'api did not start with v4' } };
    expect(row({ secrets })).toMatchObject({
      held: 'since 2026-10-05T03:04:00Z: api did not start with v4',
      letsGo: 'when the reason is mended: `keyturn apply --rotate vault://shop-prod/writer`',
    });
  });

  it('says that a manual secret is let go by its value, and a changed one by the next apply', () => {
    const held = { versions: CURRENT, held: 'api did not start with v4' };
    expect(row({ secrets: { writer: { ...held, source: 'manual' } } }).letsGo).toBe(
      'when the reason is mended: `keyturn apply --value vault://shop-prod/writer=-`',
    );
    expect(row({ secrets: { writer: held } }, { secret: { generation: 2 } }).letsGo).toBe(
      'its declaration was changed since: the next apply lets it go',
    );
  });

  it('says when a consumer may be settled', () => {
    const services = { api: { mounts: ['writer'], settleAfter: '2026-08-22T03:00:00Z' } };
    expect(row({ services }).consumers).toMatchObject([{ settleAfter: '2026-08-22T03:00:00Z' }]);
  });

  it('says which consumer an emergency could not move, and puts its secrets first', () => {
    const services = { api: { mounts: ['writer'], parked: 'its tasks kept failing' } };
    const [parked] = row({ services }).consumers;
    expect(parked?.parked).toMatchObject({ incident: 'INC-7', reason: 'its tasks kept failing' });
    expect(attentionOf(row({ services }))).toBe('parked');
  });

  it('counts a service that need not exist and does not as in step', () => {
    const services = { api: { mounts: ['writer'], absent: true, optional: true } };
    expect(row({ services }).consumers).toMatchObject([{ reads: null, inStep: true }]);
    const needed = { api: { mounts: ['writer'], absent: true } };
    expect(row({ services: needed }).consumers).toMatchObject([{ reads: null, inStep: false }]);
  });

  it('is not due while its owner keeps it elsewhere', () => {
    const secrets = { writer: { cadence: 'user-managed' as const, source: 'manual' as const } };
    expect(row({ secrets })).toMatchObject({ due: 'never', awaiting: false });
  });

  it('awaits a value for a manual secret that is due or has none, and only then', () => {
    const manual = { source: 'manual' as const };
    expect(row({ secrets: { writer: manual } }).awaiting).toBe(true);
    expect(row({ secrets: { writer: { ...manual, versions: CURRENT } } }).awaiting).toBe(false);
    const due = { now: '2026-10-05T03:00:00Z', secrets: { writer: { ...manual, versions: CURRENT } } };
    expect(row(due).awaiting).toBe(true);
    expect(row({ ...due, secrets: { writer: { versions: CURRENT } } }).awaiting).toBe(false);
  });

  it('says of a value that a person put into the vault that the next apply takes it up', () => {
    const writer = {
      source: 'manual' as const,
      versions: CURRENT,
      vaultSince: 'new version by hand' as const,
    };
    const note = 'a person put a new version into the vault: `keyturn apply` takes it up';
    expect(row({ secrets: { writer } })).toMatchObject({ vault: 'ok', note, awaiting: false });
    const due = row({ now: '2026-10-05T03:00:00Z', secrets: { writer } });
    expect(due).toMatchObject({ vault: 'ok', note, awaiting: false });
    expect(attentionOf(due)).toBe('due');
  });

  it.each([
    ['deleted', 'absent', 'v3 is recorded, but the vault does not list writer'],
    ['newest disabled', 'disabled', 'its newest version is disabled'],
    ['new version by hand', 'not-ours', 'not made by keyturn'],
    ['new version by stack other', 'not-ours', "tagged for stack 'other'"],
  ] as const)('says of a vault where someone did this, %s: %s', (vaultSince, vault, note) => {
    expect(row({ secrets: { writer: { versions: CURRENT, vaultSince } } })).toMatchObject({ vault, note });
  });

  it('says that the vault could not be observed, and keeps what is recorded', () => {
    expect(row({ unknown: ['shop-prod'] })).toMatchObject({
      vault: 'unknown',
      note: 'shop-prod did not answer',
      current: 3,
    });
  });
});

/** The secret is due on 2026-10-05 at 03:00. */
describe('a row of status between windows and freezes', () => {
  const at = (now: string, dates: Dates) => row({ now }, dates);

  it.each([
    ['2026-10-05T02:00:00Z', 'no', null],
    ['2026-10-05T03:00:00Z', 'due', '2026-10-05T22:00:00Z'],
    ['2026-10-05T22:30:00Z', 'due', null],
    ['2026-10-05T23:00:00Z', 'due', '2026-10-06T22:00:00Z'],
    ['2026-10-06T23:00:00Z', 'due', '2026-10-07T22:00:00Z'],
    ['2026-10-06T23:00:01Z', 'overdue', '2026-10-07T22:00:00Z'],
  ])('at %s is %s, and may be rotated from %s on', (now, due, opens) => {
    const overdueAt = '2026-10-06T23:00:00Z';
    expect(at(now, { secret: { windows: [NIGHT] } })).toMatchObject({
      due,
      opens,
      overdueAt,
      windows: ['daily 22:00-23:00 UTC'],
      waitsFor: opens === null ? null : 'window (daily 22:00-23:00 UTC)',
    });
  });

  it('waits for the end of a freeze, says why, and is overdue that much later', () => {
    const frozen = { until: '2026-10-08T00:00:00Z', reason: 'year end', path: 'shop/year-end' };
    expect(at('2026-10-05T03:00:00Z', { freezes: [YEAR_END] })).toMatchObject({
      due: 'due',
      opens: '2026-10-08T00:00:00Z',
      overdueAt: '2026-10-09T00:00:00Z',
      waitsFor: 'freeze (year end)',
      frozen,
    });
    expect(at('2026-10-02T03:00:00Z', { freezes: [YEAR_END] })).toMatchObject({
      due: 'no',
      opens: null,
      frozen,
    });
  });

  it('is held by a freeze that names it, and by none that names others', () => {
    const of = (name: string): Freeze => ({ ...YEAR_END, secrets: [`vault://shop-prod/${name}`] });
    const now = '2026-10-05T03:00:00Z';
    expect(at(now, { freezes: [of('writer')] }).opens).toBe('2026-10-08T00:00:00Z');
    expect(at(now, { freezes: [of('reader')] })).toMatchObject({ opens: null, frozen: null });
  });

  it('is overdue after its own grace', () => {
    const secret = { grace: 'P7D' };
    expect(at('2026-10-12T03:00:00Z', { secret }).due).toBe('due');
    expect(at('2026-10-12T03:00:01Z', { secret }).due).toBe('overdue');
  });

  it('that is due in its soak waits for the window after that', () => {
    const secrets = {
      writer: { versions: { v2: 'prior until 2026-10-06T12:00:00Z', v3: CURRENT.v3 } },
    };
    const night = { secret: { windows: [NIGHT] } };
    expect(row({ now: '2026-10-05T22:30:00Z', secrets }, night)).toMatchObject({
      opens: '2026-10-06T22:00:00Z',
      waitsFor: 'soak, window (daily 22:00-23:00 UTC)',
    });
  });

  it('waits for the soak of what it depends on, at any depth', () => {
    const secrets = {
      writer: { versions: CURRENT, dependsOn: ['role'] },
      role: { versions: CURRENT, derivedFrom: ['seed'] },
      seed: {
        versions: { v2: 'prior until 2026-10-06T12:00:00Z', v3: 'current since 2026-10-05T04:00:00Z' },
      },
    };
    const found = rows({ now: '2026-10-05T12:00:00Z', secrets });
    expect(found.map(({ name, opens, waitsFor }) => [name, opens, waitsFor])).toEqual([
      ['role', '2026-10-06T12:00:00Z', 'soak of seed'],
      ['writer', '2026-10-06T12:00:00Z', 'soak of seed'],
      ['seed', null, null],
    ]);
  });

  it('waits for what it is apart from, whoever of the two says so, and for the distance after it', () => {
    const apart = [{ secret: 'vault://shop-prod/writer' as const, by: 'P7D' }];
    const { input } = expand({
      says: '',
      now: '2026-10-08T12:00:00Z',
      secrets: {
        writer: { versions: CURRENT },
        reader: { versions: { v3: 'current since 2026-10-05T03:00:00Z' } },
      },
      services: {},
    });
    const { options: _, declared, recorded, ...states } = input;
    const secrets = declared.secrets.map((each) => (each.name === 'reader' ? { ...each, apart } : each));
    const due = { kind: 'due' as const, due: '2026-10-05T03:00:00Z' };
    const of = (cause: RecordedVersion['cause']): Recorded['secrets'] =>
      Object.fromEntries(
        Object.entries(recorded.secrets).map(([address, record]) => [
          address,
          { ...record, versions: record.versions.map((version) => ({ ...version, cause })) },
        ]),
      );
    const writer = (cause: RecordedVersion['cause']) =>
      makeStatus({
        ...states,
        declared: { ...declared, secrets },
        recorded: { ...recorded, secrets: of(cause) },
      }).find(({ name }) => name === 'writer');
    expect(writer(due)).toMatchObject({ opens: '2026-10-12T03:00:00Z', waitsFor: 'apart from reader' });
    // What it was before its first rotation counts for nothing.
    expect(writer({ kind: 'first' })).toMatchObject({ opens: null, waitsFor: null });
  });

  it('of a secret without a version does not wait: a person may make it at any time', () => {
    expect(row({ secrets: { writer: {} } }, { secret: { windows: [NIGHT] } })).toMatchObject({
      due: 'due',
      opens: null,
      overdueAt: null,
    });
  });
});

describe('the order of status', () => {
  it('is what needs attention, from the worst; then what soaks; then by date', () => {
    const now = '2026-10-05T12:00:00Z';
    const since = 'current since 2026-10-01T03:00:00Z';
    const due = { versions: CURRENT };
    const done = { versions: { v3: 'current since 2026-10-05T03:00:00Z' } };
    const secrets = {
      'a-dateless': { versions: { v3: since }, cadence: 'on request' as const },
      'b-later': done,
      'c-soaking': { versions: { v2: 'prior until 2026-10-08T03:00:00Z', v3: done.versions.v3 } },
      'd-due': due,
      'e-awaiting': { ...due, source: 'manual' as const },
      'f-held': { ...due, held: 'api did not start' },
      'g-late': due,
      'h-behind': done,
      'i-gone': { ...due, vaultSince: 'deleted' as const },
      'j-later': done,
      'k-first': {},
    };
    const services = {
      api: { mounts: ['h-behind'], reads: [] },
      // Nobody is out of step with what has no version yet.
      web: { mounts: ['k-first'] },
    };
    const { input } = expand({ says: '', now, secrets, services });
    const { options: _, declared, ...states } = input;
    const grace = (name: string): Partial<DeclaredSecret> => (name === 'g-late' ? { grace: 'PT1H' } : {});
    const changed = declared.secrets.map((each) => ({ ...each, ...grace(each.name) }));
    const sorted = makeStatus({ ...states, declared: { ...declared, secrets: changed } });
    expect(sorted.map((each) => [each.name, attentionOf(each)])).toEqual([
      ['i-gone', 'vault'],
      ['h-behind', 'out-of-step'],
      ['g-late', 'overdue'],
      ['f-held', 'held'],
      ['e-awaiting', 'awaiting'],
      ['d-due', 'due'],
      ['k-first', 'due'],
      ['c-soaking', null],
      ['b-later', null],
      ['j-later', null],
      ['a-dateless', null],
    ]);
  });
});
