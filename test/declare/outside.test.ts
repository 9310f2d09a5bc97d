import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, TerraformStack } from 'cdktf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SecretProps } from '../../src/declare/declare.ts';
import {
  Cadence,
  Duration,
  Effect,
  fromEnvironment,
  KeyVault,
  Probe,
  Revoke,
  Secret,
  Source,
} from '../../src/declare/declare.ts';
import { problemsOf } from '../../src/declare/validate.ts';
import type { DeclaredSecret } from '../../src/model/declared.ts';
import { parseManifest } from '../../src/record/manifest.ts';
import { secret } from './declarations.ts';

let outdir: string;

beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-outside-'));
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

/** What the manifest says of one secret, read as the engine reads it. */
function declared(props: Partial<SecretProps>): DeclaredSecret | undefined {
  const app = new App({ outdir });
  const stack = new TerraformStack(app, 'shop');
  const vault = new KeyVault(stack, 'vault', { name: 'shop-prod', terraform: false });
  new Secret(stack, 'token', { vault, source: Source.random(), cadence: Cadence.onRequest(), ...props });
  app.synth();
  const text = readFileSync(join(outdir, 'stacks', 'shop', 'keyturn.json'), 'utf8');
  return parseManifest(text, 'keyturn.json').secrets[0];
}

const tcp = {
  host: 'valkey',
  port: 6379,
  before: 'AUTH ',
  after: '\r\n',
  refused: '-WRONGPASS',
  accepted: '+OK',
};

describe('what a secret declares to be done outside', () => {
  it('comes to the engine with its defaults', () => {
    const found = declared({
      revoke: Revoke.command(['./revoke', 'stripe']),
      refused: Probe.refused.http({ url: 'https://api.example.org/v1/me' }),
      onCompromise: [
        Effect.command('end all sessions', ['./end-sessions']),
        Effect.http('tell security', {
          url: fromEnvironment('SECURITY_HOOK'),
          headers: { 'x-team': 'shop' },
        }),
      ],
    });
    expect(found?.revoke).toEqual({ kind: 'command', argv: ['./revoke', 'stripe'], timeout: 'PT30S' });
    expect(found?.refused).toEqual({
      kind: 'http',
      control: true,
      timeout: 'PT10S',
      url: 'https://api.example.org/v1/me',
      method: 'GET',
      header: 'authorization',
      prefix: 'Bearer ',
      refused: [401, 403],
    });
    expect(found?.onCompromise).toEqual([
      { kind: 'command', name: 'end all sessions', argv: ['./end-sessions'], timeout: 'PT30S' },
      {
        kind: 'http',
        name: 'tell security',
        timeout: 'PT30S',
        url: { env: 'SECURITY_HOOK' },
        method: 'POST',
        headers: { 'x-team': { text: 'shop' } },
      },
    ]);
  });

  it('comes to the engine as it is said', () => {
    const more = { timeout: Duration.minutes(1), control: false };
    expect(declared({ refused: Probe.refused.tcp({ ...tcp, ...more }) })?.refused).toEqual({
      kind: 'tcp',
      control: false,
      timeout: 'PT1M',
      ...tcp,
    });
    expect(declared({ refused: Probe.refused.command(['./try'], { refused: 22 }) })?.refused).toEqual({
      kind: 'command',
      control: true,
      timeout: 'PT10S',
      argv: ['./try'],
      refused: 22,
    });
    const url = 'http://127.0.0.1:8080/sessions';
    expect(declared({ onCompromise: [Effect.http('end', { url, method: 'PUT' })] })?.onCompromise).toEqual([
      { kind: 'http', name: 'end', timeout: 'PT30S', url: { text: url }, method: 'PUT', headers: {} },
    ]);
  });

  it('is not in the manifest where it is not said', () => {
    expect(Object.keys(declared({}) ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(revoke|refused|onCompromise)$/)]),
    );
  });
});

const web = (more: Partial<Parameters<typeof Probe.refused.http>[0]>) => ({
  refused: Probe.refused.http({ url: 'https://api.example.org/', ...more }),
});
const command = (argv: string[], refused = 9) => ({ refused: Probe.refused.command(argv, { refused }) });
const told = (url: Parameters<typeof Effect.http>[1]['url'], headers = {}) => ({
  onCompromise: [Effect.http('tell', { url, headers })],
});
// secretlint-disable-next-line -- it opens nothing
const SLACK = 'https://hooks.slack.com/services/T0/B0/let-me-in';

describe('what is declared to be done outside is refused', () => {
  it.each<[string, Partial<DeclaredSecret>, RegExp]>([
    [
      'with an http address of another machine',
      web({ url: 'http://api/me' }),
      /the url of refused goes to another/,
    ],
    ['with an address that is none', web({ url: 'api.example.org' }), /the url of refused is no address/],
    ['with an address of no web', web({ url: 'ftp://api/' }), /the url of refused is no address of the web/],
    [
      'with a password in its address',
      web({ url: 'https://a:b@api/' }),
      /url of refused has a user or a password/,
    ],
    ['with a header that is none', web({ header: 'x key' }), /"x key" of refused is no name of a header/],
    ['with a header of ours', web({ header: 'Host' }), /the header "Host" of refused is written by keyturn/],
    ['with a prefix of two lines', web({ prefix: 'a\r\nb' }), /the prefix of refused has characters/],
    ['without a status', web({ refused: [] }), /refused names no status/],
    ['with a status that is an acceptance', web({ refused: [401, 204] }), /204 is no status of a refusal/],
    ['with port 0', { refused: Probe.refused.tcp({ ...tcp, port: 0 }) }, /0 is no port/],
    [
      'with a port in its host',
      { refused: Probe.refused.tcp({ ...tcp, host: 'db:1' }) },
      /"db:1" is no host/,
    ],
    [
      'with no answer',
      { refused: Probe.refused.tcp({ ...tcp, accepted: '' }) },
      /no beginning of an answer \(accepted/,
    ],
    [
      'with answers alike',
      { refused: Probe.refused.tcp({ ...tcp, refused: '+OK no' }) },
      /cannot be told apart/,
    ],
    ['without a command', command([]), /refused has no command/],
    ['with an empty command', { revoke: Revoke.command(['']) }, /revoke has no command/],
    ['with a zero byte', { revoke: Revoke.command(['a', 'b\0c']) }, /an argument with a zero byte/],
    ['with exit code 0', command(['./try'], 0), /0 is no exit code of a refusal/],
    ['with exit code 256', command(['./try'], 256), /256 is no exit code of a refusal/],
    ['with no time', { revoke: Revoke.command(['./r'], { timeout: 'PT0S' }) }, /timeout "PT0S" of revoke/],
    ['with a day', { revoke: Revoke.command(['./r'], { timeout: 'P1D' }) }, /timeout "P1D" of revoke/],
    [
      'with months',
      { revoke: Revoke.command(['./r'], { timeout: 'P1M' }) },
      /timeout of revoke "P1M" has no fixed/,
    ],
    [
      'with an effect of two',
      { onCompromise: [Effect.command('end', ['./a']), Effect.command('end', ['./b'])] },
      /two effects are called "end"/,
    ],
    [
      'with an effect without a name',
      { onCompromise: [Effect.command(' ', ['./a'])] },
      /has no name that can be/,
    ],
    [
      'with a variable that is none',
      told(fromEnvironment('A-B')),
      /url of effect "tell" names no environment/,
    ],
    [
      'with a variable of ours',
      told(fromEnvironment('ARM_ACCESS_KEY')),
      /names ARM_ACCESS_KEY, which is how/,
    ],
    [
      'with a header that lets in',
      told('https://api/', { Authorization: 'Bearer x' }),
      /"Authorization" of effect/,
    ],
    ['with a header twice', told('https://api/', { 'x-a': '1', 'X-A': '2' }), /the header "x-a" twice/],
    ['with a webhook in it', told(SLACK), /the url of effect "tell" looks as if it held a token/],
    ['with a token in its query', told('https://api/x?access_token=y'), /looks as if it held a token/],
    ['with a token in its path', told('https://api/x/aB3dE6gH9jK2mN5pQ8sT'), /looks as if it held a token/],
    [
      'where a header should carry a key pair',
      { ...web({}), source: Source.keyPair({ algorithm: 'ed25519' }) },
      /its line breaks fit in none/,
    ],
  ])('%s', (_what, props, expected) => {
    const problems = problemsOf([secret('token', props)]);
    expect(problems.map(({ what }) => what)).toEqual([expect.stringMatching(expected)]);
    expect(problems[0]?.next).toMatch(/\w/);
  });

  it('without repeating what may be a token', () => {
    const wrong = [told(SLACK), told('https://u:let-me-in@x/'), told(fromEnvironment(SLACK))];
    const said = wrong.flatMap((props) => problemsOf([secret('token', props)]));
    expect(said.length).toBe(3);
    expect(JSON.stringify(said)).not.toContain('let-me-in');
  });

  it('with everything at once', () => {
    const props = {
      revoke: Revoke.command([]),
      ...web({ url: 'http://api/', refused: [200] }),
      onCompromise: [Effect.command('a', []), Effect.http('a', { url: fromEnvironment('1') })],
    };
    expect(problemsOf([secret('token', props)]).map(({ what }) => what)).toEqual([
      'revoke has no command',
      'the url of refused goes to another machine without TLS',
      '200 is no status of a refusal',
      'effect "a" has no command',
      'the url of effect "a" names no environment variable',
      'two effects are called "a"',
    ]);
  });

  it.each([
    'https://api.example.org/v1/projects/7f3c1f8e-5d1a-4f5e-9f3a-0c2b6f1f9a11/sessions?verbose=1',
    'https://api.github.com/repos/shop/api/dispatches',
    'http://localhost:8080/end',
    'http://[::1]:8080/end',
  ])('but not for an address that lets nobody in: %s', (url) => {
    expect(problemsOf([secret('token', told(url))])).toEqual([]);
  });
});
