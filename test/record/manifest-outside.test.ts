import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DeclaredSecret } from '../../src/model/declared.ts';
import type { Problem } from '../../src/model/fault.ts';
import { Fault } from '../../src/model/fault.ts';
import { parseManifest } from '../../src/record/manifest.ts';

const GOLDEN = readFileSync(new URL('../declare/golden/small.keyturn.json', import.meta.url), 'utf8');

function withSecret(fields: object): string {
  const manifest = JSON.parse(GOLDEN) as { secrets: object[] };
  manifest.secrets[0] = { ...manifest.secrets[0], ...fields };
  return JSON.stringify(manifest);
}

function problemsOf(fields: object): readonly Problem[] {
  try {
    parseManifest(withSecret(fields), 'keyturn.json');
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.problems;
  }
  throw new Error('not refused');
}

const revoke = { kind: 'command', argv: ['./revoke'], timeout: 'PT30S' };
const refused = {
  kind: 'http',
  control: true,
  timeout: 'PT10S',
  url: 'https://api.example.org/me',
  method: 'GET',
  header: 'authorization',
  prefix: 'Bearer ',
  refused: [401],
};
const told = {
  kind: 'http',
  name: 'tell',
  timeout: 'PT30S',
  url: { env: 'HOOK' },
  method: 'POST',
  headers: { 'x-team': { text: 'shop' } },
};
const NAME = 'vault://shop-prod/db-reader-eu';

describe('what a manifest says is to be done outside', () => {
  it('is read as it was written', () => {
    const fields = { revoke, refused, onCompromise: [told, { ...revoke, name: 'end' }] };
    const { secrets } = parseManifest(withSecret(fields), 'keyturn.json');
    expect(secrets[0]).toMatchObject(fields);
    const bare: DeclaredSecret | undefined = secrets[1];
    expect(bare).toBeDefined();
    expect('revoke' in (bare ?? {})).toBe(false);
  });

  it.each([
    ['null', { revoke: null }, 'secrets.0.revoke'],
    ['an unknown key', { revoke: { ...revoke, shell: true } }, 'secrets.0.revoke'],
    ['no command', { revoke: { ...revoke, argv: [] } }, 'secrets.0.revoke.argv'],
    ['another method', { refused: { ...refused, method: 'DELETE' } }, 'secrets.0.refused.method'],
    ['another kind', { refused: { ...refused, kind: 'ssh' } }, 'secrets.0.refused.kind'],
    [
      'a text and a variable',
      { onCompromise: [{ ...told, url: { text: 'x', env: 'X' } }] },
      'secrets.0.onCompromise.0.url',
    ],
    [
      'a plain text',
      { onCompromise: [{ ...told, headers: { a: 'b' } }] },
      'secrets.0.onCompromise.0.headers.a',
    ],
  ])('is refused with %s', (_what, fields, where) => {
    expect(problemsOf(fields).map((problem) => problem.where)).toEqual([where]);
  });

  it.each([
    ['a value that leaves without TLS', { refused: { ...refused, url: 'http://evil.example.org/' } }],
    ['a credential of ours', { onCompromise: [{ ...told, headers: { x: { env: 'AZURE_CLIENT_SECRET' } } }] }],
    ['a header of two lines', { refused: { ...refused, prefix: 'a\r\nhost: b' } }],
    ['a timeout of days', { revoke: { ...revoke, timeout: 'P30D' } }],
    ['an acceptance as a refusal', { refused: { ...refused, refused: [200] } }],
  ])('is refused with %s: it may come from a pull request', (_what, fields) => {
    expect(problemsOf(fields).map(({ where }) => where)).toEqual([NAME]);
  });
});
