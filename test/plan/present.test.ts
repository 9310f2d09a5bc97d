import { describe, expect, it } from 'vitest';
import { presenceFindings } from '../../src/plan/present.ts';
import type { ObservedSecret } from '../../src/model/observed.ts';
import { declare, secret, service, VAULT } from '../support/world.ts';

function item(name: string, enabled = true): ObservedSecret {
  return {
    name,
    enabled,
    created: 1,
    updated: 1,
    tags: {},
    fingerprint: 'f',
    ordinal: null,
    operation: null,
    stack: null,
    versions: null,
  };
}

const DECLARED = declare(
  [
    secret('db', { position: 'stacks/shop.ts:14' }),
    secret('Key'),
    secret('token', { source: { kind: 'manual', instructions: null } }),
  ],
  [],
);

describe('declared secrets', () => {
  it('are there where the vault lists them, in whichever case it spells them', () => {
    const listed = [item('DB'), item('key'), item('token')];
    expect(presenceFindings(DECLARED, new Map([[VAULT, listed]]))).toEqual([]);
  });

  it('may be absent where their users manage them and nobody reads them here', () => {
    const managed = secret('agents', { cadence: { kind: 'userManaged' } });
    const missing = (...declared: Parameters<typeof declare>): string[] =>
      presenceFindings(declare(...declared), new Map([[VAULT, []]])).map(({ subject }) => subject);
    expect(missing([managed], [])).toEqual([]);
    expect(missing([managed], [service('api', ['agents'])])).toEqual(['agents']);
    const listed = new Map([[VAULT, [item('agents', false)]]]);
    expect(presenceFindings(declare([managed], []), listed)).toHaveLength(1);
  });

  it('are missing where it does not, or where nobody can read the newest version', () => {
    const found = presenceFindings(DECLARED, new Map([[VAULT, [item('key', false)]]]));
    expect(found.map(({ subject, text, next, place }) => [subject, text, next, place])).toEqual([
      [
        'db',
        'the vault "prod-vault" has no secret of this name',
        'keyturn apply --target vault://prod-vault/db',
        { file: 'stacks/shop.ts', line: 14 },
      ],
      [
        'Key',
        'its newest version is disabled: nobody can read it',
        'enable that version in the vault if it was a mistake; if others have it, run keyturn compromise',
        null,
      ],
      [
        'token',
        'the vault "prod-vault" has no secret of this name',
        'keyturn apply --target vault://prod-vault/token --value vault://prod-vault/token=-',
        null,
      ],
    ]);
    expect(new Set(found.map(({ rule, level }) => `${level} ${rule}`))).toEqual(
      new Set(['error absent-secret']),
    );
  });

  it('are unknown, not missing, where the vault did not answer', () => {
    const fault = { code: 'vault-unreachable', what: 'it did not answer', next: 'look at it' } as const;
    expect(presenceFindings(DECLARED, new Map([[VAULT, fault]]))).toMatchObject([
      {
        rule: 'unknown',
        level: 'error',
        subject: VAULT,
        text: 'it did not answer: whether its 3 secrets exist is not known',
        next: 'look at it',
      },
    ]);
  });
});
