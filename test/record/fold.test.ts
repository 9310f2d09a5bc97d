import { describe, expect, it } from 'vitest';
import type { ConsumerAddress, SecretAddress } from '../../src/model/address.ts';
import type { JournalLine } from '../../src/model/journal.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { Replay } from '../../src/record/fold.ts';

const KEY = 'vault://prod-vault/key' as SecretAddress;
const API = 'swarm://prod/api' as ConsumerAddress;

const seen = (seq: number, fingerprint: string): JournalLine => ({
  type: 'seen',
  seq,
  at: '2026-11-22T03:00:00Z',
  fingerprints: { [KEY]: fingerprint, [API]: fingerprint },
});

describe('a record that a journal is folded over', () => {
  it('stays as it was given', () => {
    const base = new Replay(emptyRecord('shop', 'l'), [seen(1, 'one')]).recorded;
    const before = structuredClone(base);
    const replay = new Replay(base, [seen(1, 'two'), seen(2, 'three')]);
    expect(replay.recorded.secrets[KEY]?.fingerprint).toBe('three');
    expect(base).toEqual(before);
  });

  it('stays as it was handed out, whatever is written afterwards', () => {
    const replay = new Replay(emptyRecord('shop', 'l'));
    for (const name of ['one', 'two', 'three']) {
      replay.add(seen(1, name));
      const { recorded } = replay;
      const before = structuredClone(recorded);
      expect(replay.recorded).toBe(recorded);
      replay.add(seen(2, `${name} again`));
      expect(recorded).toEqual(before);
      expect([replay.secret(KEY)?.fingerprint, replay.consumer(API)?.fingerprint]).toEqual([
        `${name} again`,
        `${name} again`,
      ]);
    }
  });
});
