import { describe, expect, it } from 'vitest';
import type { SecretAddress } from '../../src/model/address.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import type { Notice, Occurrence } from '../../src/model/notice.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Recorded, RecordedConsumer, RecordedSecret } from '../../src/model/recorded.ts';
import type { StatusRow } from '../../src/model/status.ts';
import { noticesOf } from '../../src/report/notices.ts';
import { standingNotices } from '../../src/report/standing-notices.ts';
import { api, NOW, reader, worker, writer } from './fixture.ts';
import { before, failure, pairPlan, returned, rotated, stopped, success } from './record-fixture.ts';

function ended(
  entry: HistoryEntry,
  after: Recorded,
  plan: Plan = pairPlan,
  from: Recorded = before,
): Occurrence {
  return { type: 'ended', plan, entry, before: from, after, told: [] };
}

function textOf(notices: readonly Notice[]): string {
  return notices.map(({ event, title, lines }) => [`${event}: ${title}`, ...lines].join('\n  ')).join('\n');
}

const nobody: ReadonlySet<SecretAddress> = new Set();

describe('what is told of an apply', () => {
  it('that rotated: versions, readers, and until when there is a way back', () => {
    const [notice, ...others] = noticesOf(ended(success, rotated), nobody);
    expect(others).toEqual([]);
    expect(notice).toMatchObject({ event: 'rotated', stack: 'busflow', about: null, at: success.endedAt });
    expect(textOf(notice === undefined ? [] : [notice])).toBe(
      `rotated: db-writer and db-reader rotated
  vault://busflow-prod/db-writer: v3 -> v4
    way back to v3 until 2026-11-25 03:13Z: keyturn rollback vault://busflow-prod/db-writer
  vault://busflow-prod/db-reader: v3 -> v4
    way back to v3 until 2026-11-25 03:13Z: keyturn rollback vault://busflow-prod/db-reader
  read by swarm://prod/busflow_api`,
    );
  });

  it('that failed: which step of what, what is live, and what is held', () => {
    expect(textOf(noticesOf(ended(failure, returned), new Set([reader])))).toBe(
      `rolled-back: the apply of db-reader and db-writer failed and was rolled back
  verify of swarm://prod/busflow_api failed (verify-failed)
  vault://busflow-prod/db-reader is at v3
  vault://busflow-prod/db-writer is at v3
  all of it: keyturn history show 42 busflow
held: db-reader and db-writer are held until a person acts
  vault://busflow-prod/db-reader: the schedule leaves it alone since 2026-11-22 03:14Z
    when the cause is mended: keyturn apply --value vault://busflow-prod/db-reader=-
  vault://busflow-prod/db-writer: the schedule leaves it alone since 2026-11-22 03:14Z
    when the cause is mended: keyturn apply --rotate vault://busflow-prod/db-writer`,
    );
  });

  it('that stopped: that a person is needed, and nothing of a history that is not written', () => {
    const text = textOf(noticesOf(ended(stopped, before), nobody));
    expect(text).toMatch(/^rolled-back: the apply of .* stopped part-way: a person is needed\n/);
    expect(text).toContain('taking back the ');
    expect(text).toContain('keyturn plan busflow');
    expect(text).not.toContain('history show');
  });

  it('that did what could be done: what is left, once a day', () => {
    const versions = { [writer]: { before: 3, after: 3 } };
    const told = noticesOf(ended({ ...stopped, outcome: 'incomplete', versions }, before), nobody);
    expect(told).toMatchObject([
      {
        event: 'rolled-back',
        title: 'the apply of db-reader and db-writer did what could be done: a person is needed for the rest',
        stands: true,
      },
    ]);
    expect(told[0]?.key).toMatch(/^rolled-back busflow incomplete 2026-11-22 verify swarm:/);
  });

  it('that went back because a person asked for it', () => {
    const versions = { [writer]: { before: 4, after: 3 } };
    const entry: HistoryEntry = { ...success, kind: 'rollback', versions };
    expect(textOf(noticesOf(ended(entry, rotated, { ...pairPlan, kind: 'rollback' }), nobody))).toBe(
      `rolled-back: db-writer went back, as a person asked
  vault://busflow-prod/db-writer: v4 -> v3
  read by swarm://prod/busflow_api`,
    );
  });

  it('that moved nothing: nothing, and nothing again of a hold that stood before', () => {
    const versions = { [writer]: { before: 3, after: 3 } };
    expect(noticesOf(ended({ ...success, versions }, before), nobody)).toEqual([]);
    expect(noticesOf(ended({ ...success, versions }, returned, pairPlan, returned), nobody)).toEqual([]);
    expect(noticesOf(ended({ ...failure, outcome: 'failed' }, before), nobody)).toEqual([]);
  });

  it('never holds what others wrote: reasons, tickets, people, texts of faults', () => {
    const loud: Recorded = {
      ...returned,
      secrets: {
        ...returned.secrets,
        [writer]: heldWith('hush'),
      },
      consumers: { ...returned.consumers, [api]: parkedWith('hush') },
    };
    const fault = { code: 'verify-failed', what: 'hush', where: 'hush', live: 'hush', next: 'hush' } as const;
    const steps = failure.steps.map((step) =>
      step.fault === null ? step : { ...step, fault, proof: 'hush' },
    );
    const entry = { ...failure, steps, reason: 'hush', ticket: 'hush', notes: ['hush'] };
    const told = noticesOf(ended(entry, loud), nobody);
    expect(told.map(({ event }) => event)).toEqual(['rolled-back', 'held', 'parked']);
    expect(JSON.stringify(told)).not.toContain('hush');
  });
});

function parkedWith(reason: string): RecordedConsumer {
  const parked = { since: NOW, incident: 'INC-7', reason };
  return { mounts: {}, originals: null, flippedAt: null, settleAfter: null, fingerprint: null, parked };
}

function heldWith(reason: string): RecordedSecret {
  const record = returned.secrets[writer];
  if (record === undefined) throw new Error('the fixture lacks its secret');
  return { ...record, held: { since: NOW, reason, cause: { kind: 'rollback', reason }, declaration: 'd' } };
}

describe('what is told of an emergency', () => {
  const plan: Plan = {
    ...pairPlan,
    kind: 'compromise',
    emergency: {
      incident: 'INC-7',
      discoveredAt: '2026-11-22T03:00:00Z',
      deadline: '2026-11-22T04:00:00Z',
      radius: [
        { secret: writer, current: 3, why: 'named', of: null, via: null, consumers: [api], left: null },
        {
          secret: reader,
          current: 3,
          why: 'together',
          of: writer,
          via: null,
          consumers: [],
          left: 'awaiting-value',
        },
      ],
      exposed: [{ address: reader, text: 'hush', next: 'hush' }],
    },
  };

  it('is its beginning: the incident, what is replaced, until when', () => {
    expect(textOf(noticesOf({ type: 'begun', plan, apply: 'a1', at: NOW }, nobody))).toBe(
      `compromise-started: emergency rotation for INC-7 began
  vault://busflow-prod/db-writer: v3 is replaced
  vault://busflow-prod/db-reader: not rotated (awaiting-value)
  discovered 2026-11-22 03:00Z, to be done by 2026-11-22 04:00Z`,
    );
  });

  it('is its end: what moved, the time used, what is left exposed, and who is parked', () => {
    const after: Recorded = { ...rotated, consumers: { ...rotated.consumers, [worker]: parkedWith('hush') } };
    const versions = { [writer]: { before: 3, after: 4 } };
    const entry: HistoryEntry = { ...success, kind: 'compromise', outcome: 'incomplete', versions };
    expect(textOf(noticesOf(ended(entry, after, plan), nobody))).toBe(
      `compromise-finished: emergency rotation for INC-7 did what could be done: a person is needed for the rest
  vault://busflow-prod/db-writer: v3 -> v4
  13m21s since it was discovered, within its deadline of 2026-11-22 04:00Z
  left exposed: vault://busflow-prod/db-reader
  all of it: keyturn history show 42 busflow
parked: busflow_worker could not be moved and is parked
  swarm://prod/busflow_worker: what it reads may be dead
  all of it: keyturn history show 42 busflow`,
    );
  });
});

describe('what is told of how things stand', () => {
  const row: StatusRow = {
    address: writer,
    path: 'busflow/db-writer',
    name: 'db-writer',
    current: 3,
    prior: null,
    rotatedAt: '2026-08-03T01:00:00Z',
    cadence: 'quarterly',
    windows: [],
    nextDue: '2026-11-02T02:00:00Z',
    due: 'overdue',
    opens: '2026-11-23T02:00:00Z',
    waitsFor: 'freeze (hush)',
    overdueAt: '2026-11-03T02:00:00Z',
    frozen: null,
    soakUntil: null,
    consumers: [],
    held: 'since then: hush',
    letsGo: null,
    awaiting: false,
    pinned: [],
    wayBackGone: null,
    retiring: [],
    vault: 'ok',
    note: null,
  };
  const idle: Plan = { ...pairPlan, groups: [], steps: [], notes: [] };
  const observed = {
    at: NOW,
    vaults: {},
    platforms: {
      prod: { status: 'seen', clusterId: 'c', copies: [], services: { busflow_api: { fingerprint: 'f1' } } },
    },
  } as never;

  it('is what is overdue and what awaits a value, each by its date', () => {
    const rows = [row, { ...row, address: reader, name: 'db-reader', due: 'due' as const, awaiting: true }];
    const told = standingNotices({ plan: idle, rows, observed, now: NOW });
    expect(textOf(told)).toBe(
      `overdue: db-writer is overdue
  vault://busflow-prod/db-writer was due 2026-11-02 02:00Z and is overdue since 2026-11-03 02:00Z
  it is held until a person acts
  its calendar lets it rotate from 2026-11-23 02:00Z on
  what keeps it: keyturn status busflow
awaiting: db-reader awaits a person's value
  vault://busflow-prod/db-reader is due since 2026-11-02 02:00Z
  give it: keyturn apply --value vault://busflow-prod/db-reader=-`,
    );
    expect(told.map(({ key }) => key)).toEqual([
      `overdue busflow ${writer} 2026-11-02T02:00:00Z`,
      `awaiting busflow ${reader} 2026-11-02T02:00:00Z`,
    ]);
  });

  it('is what somebody else changed, by what it looks like now', () => {
    const notes = [{ kind: 'drift' as const, address: api, text: 'busflow_api was changed by someone else' }];
    const told = standingNotices({ plan: { ...idle, notes }, rows: [], observed, now: NOW });
    expect(told).toMatchObject([{ event: 'drift', about: api, key: `drift busflow ${api} f1` }]);
  });

  it('is nothing of a secret that this very apply rotates', () => {
    const rows = [{ ...row, awaiting: true }];
    expect(standingNotices({ plan: pairPlan, rows, observed, now: NOW })).toEqual([]);
  });
});
