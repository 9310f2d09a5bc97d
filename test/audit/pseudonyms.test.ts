import { describe, expect, it } from 'vitest';
import { Pseudonyms } from '../../src/audit/pseudonyms.ts';
import { PERSONAL } from '../../src/model/journal.ts';

const entry = (name: string, host: string, by: string) => ({
  entry: 1,
  reason: 'as Ada asked',
  actor: {
    name,
    host,
    knownBy: 'git-author',
    run: null,
    identities: [{ knownBy: 'azure', name, id: `oid of ${name}`, issuer: 'tenant' }],
    gate: {
      saidBy: 'github-actions',
      triggeredBy: name,
      approvals: [{ how: 'review', name, of: null, at: null }],
    },
  },
  continued: [{ at: '2026-11-22T03:00:00Z', why: 'resume', by }],
});

describe('pseudonyms', () => {
  it('are the same for the same name in every place and entry, and of another for another', () => {
    const pseudonyms = new Pseudonyms();
    const first = pseudonyms.in(entry('Ada', 'laptop', 'Grace'));
    const second = pseudonyms.in(entry('Grace', 'runner', 'Ada'));
    expect(first).toMatchObject({
      actor: { name: 'person 1', host: 'host 1', identities: [{ name: 'person 1', id: 'person 2' }] },
      continued: [{ by: 'person 3' }],
    });
    expect(second).toMatchObject({
      actor: { name: 'person 3', host: 'host 2', identities: [{ name: 'person 3', id: 'person 4' }] },
      continued: [{ by: 'person 1' }],
    });
  });

  it('leave everything else and the entry itself as they are', () => {
    const before = entry('Ada', 'laptop', 'Grace');
    const after = new Pseudonyms().in(before);
    expect(before).toEqual(entry('Ada', 'laptop', 'Grace'));
    expect(after).toMatchObject({
      entry: 1,
      reason: 'as Ada asked',
      actor: { knownBy: 'git-author', run: null, identities: [{ issuer: 'tenant' }] },
    });
  });

  it('reach each place that holds personal data', () => {
    const text = JSON.stringify(new Pseudonyms().in(entry('CANARY', 'CANARY', 'CANARY')));
    expect(text).not.toContain('CANARY');
    expect(PERSONAL).toHaveLength(7);
  });

  it('pass over entries of before a place was there', () => {
    const old = { actor: { name: 'Ada', host: 'laptop' } };
    expect(new Pseudonyms().in(old)).toEqual({ actor: { name: 'person 1', host: 'host 1' } });
  });
});
