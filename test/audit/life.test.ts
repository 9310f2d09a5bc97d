import { describe, expect, it } from 'vitest';
import { lifeOf } from '../../src/audit/life.ts';
import type { LifeEvent } from '../../src/model/history.ts';
import type { HistoryEntry, HistoryStep } from '../../src/model/journal.ts';
import { api, reader, writer } from '../report/fixture.ts';
import { failure, returned, rotated, success } from '../report/record-fixture.ts';
import type { Unchained } from '../support/long-history.ts';
import { chained, longHistory, secretNumber } from '../support/long-history.ts';

const tell = (events: readonly LifeEvent[]): string[] =>
  events.map(({ entry, ordinal, what, end }) =>
    [entry, ordinal === null ? '-' : `v${ordinal}`, what, ...(end === undefined ? [] : [end])].join(' '),
  );

describe('the life of a secret', () => {
  const key = secretNumber(1);
  const life = lifeOf(key, longHistory(12, 3), null);

  it('tells in order how each version came, was the current one, soaked and ended', () => {
    expect(tell(life.events).slice(0, 14)).toEqual([
      '2 v1 minted',
      '2 v1 delivered',
      '2 v1 moved',
      '2 v1 verified',
      '2 v1 promoted',
      '6 v2 minted',
      '6 v2 delivered',
      '6 v2 moved',
      '6 v2 verified',
      '6 v2 promoted',
      '6 v1 soaking',
      '7 v1 settled',
      '7 v1 retired',
      '7 v1 removed',
    ]);
    expect(life.current).toBe(2);
  });

  it('says who, why, when it happened, and what was seen to be so', () => {
    const [minted] = life.events;
    expect(minted).toMatchObject({ isExact: true, cause: { kind: 'first' }, knownBy: 'git-author' });
    expect(life.events.find(({ what }) => what === 'retired')?.proof).toMatch(
      /lists 1 version of it as disabled/,
    );
  });

  it('holds nothing of other secrets', () => {
    expect(life.events.filter(({ text }) => text.includes('key-0') || text.includes('key_0'))).toEqual([]);
  });

  it('is the same of entries of before causes, times and versions of steps were kept, but for the soak', () => {
    const old = lifeOf(key, longHistory(12, 3, true), null);
    const without = (events: readonly LifeEvent[]): string[] =>
      tell(events)
        .filter((line) => !line.endsWith('soaking'))
        .map((line) => line.replace(/v\d+ (?=(moved|verified|settled))/, '- '));
    expect(without(old.events)).toEqual(without(life.events));
    expect(old.events.every(({ isExact }) => !isExact)).toBe(true);
    expect(old.events.filter(({ isOfGroup }) => isOfGroup)).toEqual([]);
  });

  it('says of an old entry that a consumer was moved with its group, where that holds several secrets', () => {
    const { events } = lifeOf(writer, [success], rotated.secrets[writer] ?? null);
    expect(events.find(({ what }) => what === 'moved')).toMatchObject({ consumer: api, isOfGroup: true });
    expect(tell(events)).toContain('42 v3 soaking');
    expect(events.find(({ what }) => what === 'soaking')?.until).toBe('2026-11-25T03:13:20Z');
  });

  it('says what was undone, what failed, and that the schedule leaves it alone from then on', () => {
    const { events, current } = lifeOf(reader, [failure], returned.secrets[reader] ?? null);
    expect(tell(events)).toEqual([
      '42 v4 minted undone',
      '42 v4 delivered undone',
      '42 - moved undone',
      '42 - verified failed',
      '42 v3 held',
    ]);
    expect(current).toBe(3);
  });

  it('does not call held what was only interrupted', () => {
    const steps = failure.steps.map((step) =>
      step.fault === null ? step : { ...step, fault: { code: 'interrupted' as const, what: 'stopped' } },
    );
    expect(tell(lifeOf(reader, [{ ...failure, steps }], null).events)).not.toContain('42 v3 held');
  });
});

const step = (kind: HistoryStep['kind'], address: string, text: string): HistoryStep => ({
  id: 'g1.1',
  kind,
  address,
  text,
  status: 'done',
  elapsedMs: 1,
  fault: null,
  evidence: null,
});

const entryOf = (kind: HistoryEntry['kind'], more: Partial<Unchained>): HistoryEntry => {
  const [only] = chained([{ ...success, kind, versions: {}, steps: [], planDigest: null, ...more }]);
  if (only === undefined) throw new TypeError('one entry is one');
  return only;
};

describe('what else happens to a secret', () => {
  it('is that a person took it back: disabled, current again, held', () => {
    const entry = entryOf('rollback', {
      versions: { [writer]: { before: 4, after: 3 } },
      steps: [
        step('restore', writer, 'make v3 the newest of db-writer again and disable v4 in busflow-prod'),
        step('demote', reader, 'record db-reader v3, db-writer v3 as current again'),
        step('unstage', writer, 'remove busflow_db_writer_v4 from prod'),
      ],
    });
    expect(tell(lifeOf(writer, [entry], null).events)).toEqual([
      '1 v4 disabled',
      '1 v3 returned',
      '1 v4 removed',
      '1 v3 held',
    ]);
  });

  it('is an emergency that could not move a consumer', () => {
    const radius = [
      {
        secret: writer,
        current: 3,
        why: 'named',
        of: null,
        via: null,
        consumers: [api],
        left: null,
      } as const,
    ];
    const exposed = [{ address: api, text: 'is parked: its update is paused', next: null }];
    const emergency = {
      incident: 'INC-7',
      discoveredAt: success.startedAt,
      deadline: success.endedAt,
      radius,
      exposed,
    };
    const entry = entryOf('compromise', { outcome: 'incomplete', emergency });
    expect(lifeOf(writer, [entry], null).events).toMatchObject([
      { what: 'parked', consumer: api, fault: 'its update is paused' },
    ]);
  });

  it('is who was told of it, and who could not be', () => {
    const told = {
      to: 'audit',
      event: 'rotated',
      about: writer,
      at: success.endedAt,
      failure: null,
    } as const;
    const notified = [told, { ...told, to: 'alerts', failure: 'answered 503' }, { ...told, about: reader }];
    const { events } = lifeOf(writer, [{ ...success, notified }], null);
    expect(events.filter(({ what }) => what === 'told')).toMatchObject([
      { text: 'audit of rotated' },
      { text: 'alerts of rotated', end: 'failed', fault: 'answered 503' },
    ]);
  });

  it('is a record that was made anew, and what somebody tried and was refused', () => {
    const rebuilt = entryOf('rebuild', { versions: { [writer]: { before: null, after: 4 } } });
    const fault = { code: 'lease-held' as const, what: 'somebody else applies', where: writer };
    const refused = entryOf('refused', { refusal: { tried: 'keyturn apply', fault }, outcome: 'failed' });
    expect(tell(lifeOf(writer, [rebuilt, refused], null).events)).toEqual(['1 v4 rebuilt', '1 - refused']);
  });
});
