import { describe, expect, it } from 'vitest';
import { consumersOf, fits, isCalled, secretsOf } from '../../src/audit/about.ts';
import type { EntryFilter } from '../../src/model/history.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import { api, reader, writer } from '../report/fixture.ts';
import { failure, success } from '../report/record-fixture.ts';

const refused: HistoryEntry = {
  ...success,
  kind: 'refused',
  outcome: 'failed',
  planDigest: null,
  versions: {},
  steps: [],
  refusal: { tried: 'keyturn rollback db-writer', fault: { code: 'bad-usage', what: 'no', where: writer } },
};

describe('what an entry is about', () => {
  it('is every secret and consumer that it names, also where only a refusal does', () => {
    expect([...secretsOf(success)].sort()).toEqual([reader, writer]);
    expect([...consumersOf(success)]).toEqual([api]);
    expect([...secretsOf(refused)]).toEqual([writer]);
  });

  it('may be called by its address, its end of it, or its name, and by nothing like that', () => {
    for (const written of [writer, 'busflow-prod/db-writer', 'db-writer']) {
      expect(isCalled(writer, written)).toBe(true);
    }
    for (const written of ['db', 'writer', 'other/db-writer', 'vault://busflow-prod', '']) {
      expect(isCalled(writer, written)).toBe(false);
    }
  });
});

describe('a filter of entries', () => {
  const taken: readonly (readonly [string, EntryFilter])[] = [
    ['nothing asked for', {}],
    ['a secret', { secret: 'db-writer' }],
    ['a consumer', { consumer: api }],
    ['part of a name, in any case', { actor: 'MIR' }],
    ['the outcome', { outcome: 'done' }],
    ['the kind', { kind: 'apply' }],
    ['the ticket, in any case', { ticket: 'ops-118' }],
    ['since the very second that it ended', { since: success.endedAt }],
    ['several at once', { secret: writer, actor: 'mira', outcome: 'done', ticket: 'OPS-118' }],
  ];
  it.each(taken)('takes an entry by %s', (_, filter) => {
    expect(fits(success, filter)).toBe(true);
  });

  const left: readonly (readonly [string, EntryFilter])[] = [
    ['another secret', { secret: 'cache-password' }],
    ['another consumer', { consumer: 'busflow_worker' }],
    ['another name', { actor: 'ada' }],
    ['another outcome', { outcome: 'rolled-back' }],
    ['another kind', { kind: 'rollback' }],
    ['part of a ticket', { ticket: 'OPS-11' }],
    ['since a second later', { since: '2026-11-22T03:13:22Z' }],
    ['until the very second that it ended', { until: success.endedAt }],
    ['one of several that does not hold', { secret: writer, actor: 'ada' }],
  ];
  it.each(left)('leaves an entry out by %s', (_, filter) => {
    expect(fits(success, filter)).toBe(false);
  });

  it('finds who went on with it, and every identity of who began it', () => {
    const continued = [{ at: success.endedAt, why: 'resume', by: 'Grace' }];
    expect(fits({ ...failure, continued }, { actor: 'grace' })).toBe(true);
    const identities = [{ knownBy: 'azure' as const, name: 'ada@example.org' }];
    const actor = { ...success.actor, identities };
    expect(fits({ ...success, actor }, { actor: 'ada@' })).toBe(true);
  });
});
