import { describe, expect, it } from 'vitest';
import type { StatusRow } from '../../src/model/status.ts';
import { makeStatus } from '../../src/plan/status.ts';
import { expand } from './scenario.ts';
import type { Scenario } from './scenario.ts';

const QUIET = '2026-08-20T09:00:00Z';
const CURRENT = { v3: 'current since 2026-07-06T03:00:00Z' };
const SOAKING = {
  v2: 'prior until 2026-08-22T03:00:00Z',
  v3: 'current since 2026-08-19T03:00:00Z',
};

/** Rows of a situation that is quiet and has `api` read `writer`, unless said otherwise. */
function rows(given: Partial<Scenario>): StatusRow[] {
  const { input } = expand({
    says: '',
    now: QUIET,
    secrets: { writer: { versions: CURRENT } },
    services: { api: { mounts: ['writer'] } },
    ...given,
  });
  const { options: _, ...states } = input;
  return makeStatus(states);
}

function row(given: Partial<Scenario>): StatusRow {
  const [first] = rows(given);
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
      nextDue: '2026-10-05T03:00:00Z',
      due: 'no',
      soakUntil: null,
      consumers: [{ address: 'swarm://prod/api', reads: 3, inStep: true }],
      held: null,
      awaiting: false,
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

  it('shows a consumer that reads another version, nothing, or cannot be observed, as out of step', () => {
    const secrets = { writer: { versions: SOAKING } };
    const behind = row({ secrets, services: { api: { mounts: ['writer'], reads: ['writer_v2'] } } });
    expect(behind.consumers).toEqual([{ address: 'swarm://prod/api', reads: 2, inStep: false }]);
    const empty = row({ services: { api: { mounts: ['writer'], unrecorded: true } } });
    expect(empty.consumers).toEqual([{ address: 'swarm://prod/api', reads: null, inStep: false }]);
    const unseen = row({ unknown: ['prod'] });
    expect(unseen.consumers).toEqual([{ address: 'swarm://prod/api', reads: null, inStep: false }]);
  });

  it('names a pin, and counts the pinned consumer as in step on its version', () => {
    const secrets = { writer: { versions: SOAKING } };
    const { pinned, consumers } = row({ secrets, services: { staging: { mounts: ['writer@v2'] } } });
    expect(pinned).toEqual(['swarm://prod/staging pins v2']);
    expect(consumers).toEqual([{ address: 'swarm://prod/staging', reads: 2, inStep: true }]);
  });

  it('says since when and why a secret is held', () => {
    const secrets = { writer: { versions: CURRENT, held: 'api did not start with v4' } };
    expect(row({ secrets }).held).toBe('since 2026-10-05T03:04:00Z: api did not start with v4');
  });

  it('awaits a value for a manual secret that is due or has none, and only then', () => {
    const manual = { source: 'manual' as const };
    expect(row({ secrets: { writer: manual } }).awaiting).toBe(true);
    expect(row({ secrets: { writer: { ...manual, versions: CURRENT } } }).awaiting).toBe(false);
    const due = { now: '2026-10-05T03:00:00Z', secrets: { writer: { ...manual, versions: CURRENT } } };
    expect(row(due).awaiting).toBe(true);
    expect(row({ ...due, secrets: { writer: { versions: CURRENT } } }).awaiting).toBe(false);
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
