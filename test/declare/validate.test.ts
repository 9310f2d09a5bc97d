import { describe, expect, it } from 'vitest';
import type { Declaration } from '../../src/declare/declaration.ts';
import { problemsOf } from '../../src/declare/validate.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import { mount, said, secret, service, swarm, vault } from './declarations.ts';

const tags = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, 'x']));

describe('what a declaration may hold by itself', () => {
  it.each<[string, Declaration, RegExp]>([
    ['a vault with an underscore', vault('shop_prod'), /"shop_prod" is no name of a key vault/],
    ['a vault of two characters', vault('ab'), /no name of a key vault/],
    ['a vault of 25 characters', vault('a'.repeat(25)), /no name of a key vault/],
    ['a vault with two hyphens in a row', vault('shop--prod'), /no name of a key vault/],
    ['an endpoint over http', swarm('main', 'http://manager-1'), /"http:\/\/manager-1" is no endpoint/],
    ['a swarm with a slash', swarm('a/b'), /"a\/b" cannot name a swarm/],
    ['a secret with a dot', secret('db.writer'), /"db.writer" is no name of a secret/],
    ['a secret of 128 characters', secret('a'.repeat(128)), /no name of a secret/],
    [
      '7 random bytes',
      secret('a', { source: { kind: 'random', bytes: 7, encoding: 'hex' } }),
      /7 random bytes/,
    ],
    ['4097 bytes', secret('a', { source: { kind: 'random', bytes: 4097, encoding: 'hex' } }), /4097 random/],
    ['generation 0', secret('a', { generation: 0 }), /generation 0/],
    ['half a generation', secret('a', { generation: 1.5 }), /generation 1.5/],
    ['a negative keep', secret('a', { keep: -1 }), /keep -1/],
    ['a negative soak', secret('a', { soak: '-PT1H' }), /soak "-PT1H" is negative/],
    ['a soak of months', secret('a', { soak: 'P1M' }), /soak "P1M" has no fixed length/],
    ['a soak that is none', secret('a', { soak: 'PTNaNH' }), /soak "PTNaNH" is no duration/],
    ['eleven tags', secret('a', { tags: tags(11) }), /11 tags/],
    [
      'a tag of 257 characters',
      secret('a', { tags: { long: 'x'.repeat(257) } }),
      /tag "long" is empty or too long/,
    ],
    ['a tag of ours', secret('a', { tags: { 'Keyturn-Op': 'x' } }), /tag "Keyturn-Op" is reserved/],
    ['a service with a dot', service('shop.api'), /"shop.api" is no name of a swarm service/],
    [
      'a target that climbs',
      service('api', { mounts: [mount('a', { target: '/run/../etc/x' })] }),
      /no mount target/,
    ],
    ['a relative path', service('api', { mounts: [mount('a', { target: 'sub/x' })] }), /no mount target/],
    ['a base with a blank', service('api', { mounts: [mount('a', { base: 'a b' })] }), /"a b" cannot begin/],
    ['version 0', service('api', { mounts: [mount('a', { version: 0 })] }), /pinned to version 0/],
    ['port 0', service('api', { probe: { kind: 'tcp', port: 0, image: 'x' } }), /0 is no port/],
    [
      'no command',
      service('api', { probe: { kind: 'command', argv: [], timeout: 'PT1S' } }),
      /without a command/,
    ],
  ])('refuses %s', (_, declaration, expected) => {
    const problems = problemsOf([declaration]);
    expect(problems.map(({ what }) => what)).toEqual([expect.stringMatching(expected)]);
    expect(problems[0]?.next).toMatch(/\w/);
  });

  it('leaves room for _v and four digits in the 64 characters of a name on the swarm', () => {
    const named = (length: number): string[] =>
      said(service('api', { mounts: [mount('a', { base: 'b'.repeat(length) })] }));
    expect(named(58)).toEqual([]);
    expect(named(59)).toEqual([expect.stringMatching(/_v9999" is longer than 64 characters/)]);
  });

  it('takes absolute targets, names with dots, no mounts at all and ten tags', () => {
    expect(
      said(
        secret('a', { tags: tags(10), soak: 'PT0S' }),
        service('api', { mounts: [mount('a', { target: '/etc/ssl/key.pem', base: 'key.pem' })] }),
        service('bare'),
      ),
    ).toEqual([]);
  });
});

describe('what two declarations may not share', () => {
  it('refuses one secret in two constructs, also across stacks', () => {
    expect(said(secret('a'), secret('a', {}, 'staging'))).toEqual([
      'staging/a: secret "vault://shop/a" is declared twice, first as prod/a',
    ]);
  });

  it('refuses names that differ only in case: the vault takes them for one', () => {
    expect(said(secret('Key'), secret('key'))).toEqual([
      'prod/key: secret "vault://shop/key" equals "vault://shop/Key" of prod/Key but for case',
    ]);
    expect(said(vault('shop'), vault('Shop', 'staging'))).toEqual([
      'staging/Shop: vault "Shop" equals "shop" of prod/shop but for case',
    ]);
  });

  it('lets two stacks use one vault, but only one write its resources', () => {
    expect(said(vault('shop', 'prod', true), vault('shop', 'staging', false))).toEqual([]);
    expect(said(vault('shop', 'prod', true), vault('shop', 'staging', true))).toEqual([
      expect.stringMatching(/^staging\/shop: two stacks write the Terraform resources/),
    ]);
    expect(said(vault('shop'), vault('shop'))).toEqual([expect.stringMatching(/is declared twice/)]);
  });

  it('refuses one swarm name for two endpoints', () => {
    expect(said(swarm('main', 'ssh://a'), swarm('main', 'ssh://a', 'staging'))).toEqual([]);
    expect(said(swarm('main', 'ssh://a'), swarm('main', 'ssh://b', 'staging'))).toEqual([
      expect.stringMatching(/another endpoint/),
    ]);
  });

  it('refuses one service in two constructs, also across stacks', () => {
    expect(said(service('api'), service('api', {}, 'staging'))).toEqual([
      'staging/api: service "swarm://main/api" is declared twice, first as prod/api',
    ]);
  });

  it('refuses two secrets at one mount, however the place is written', () => {
    const mounts = [
      mount('a', { target: 'key', base: 'a' }),
      mount('b', { target: '/run/secrets/key', base: 'b' }),
    ];
    expect(said(service('api', { mounts }))).toEqual([
      'prod/api: "/run/secrets/key" is the target of two mounts: vault://shop/a and vault://shop/b',
    ]);
  });

  it('refuses one base for two secrets of a swarm, and takes it for one secret in two services', () => {
    const first = service('api', { mounts: [mount('a', { base: 'key' })] });
    expect(said(first, service('web', { mounts: [mount('a', { base: 'key' })] }))).toEqual([]);
    expect(said(first, service('web', { mounts: [mount('b', { base: 'key' })] }, 'staging'))).toEqual([
      'staging/web: "key" names copies of vault://shop/b here and of vault://shop/a in prod/api',
    ]);
  });
});

describe('cycles', () => {
  it('are refused with their path, through dependsOn and derivedFrom alike', () => {
    const at = (name: string) => secretAddress('shop', name);
    expect(
      said(
        secret('a', { dependsOn: [at('b')] }),
        secret('b', { derivedFrom: [at('c')] }),
        secret('c', { dependsOn: [at('b')] }),
      ),
    ).toEqual(['prod/b: a cycle: prod/b → prod/c → prod/b']);
  });

  it('of services are refused too, and of a secret with itself', () => {
    expect(
      said(
        secret('a', { dependsOn: [secretAddress('shop', 'a')] }),
        service('api', { dependsOn: [consumerAddress('main', 'web')] }),
        service('web', { dependsOn: [consumerAddress('main', 'api')] }),
      ),
    ).toEqual(['prod/a: a cycle: prod/a → prod/a', 'prod/api: a cycle: prod/api → prod/web → prod/api']);
  });

  it('are not what two ways to one secret are, and together may go both ways', () => {
    const at = (name: string) => secretAddress('shop', name);
    expect(
      said(
        secret('a', { dependsOn: [at('b'), at('c')], together: [at('b')] }),
        secret('b', { dependsOn: [at('c')], together: [at('a')] }),
        secret('c'),
      ),
    ).toEqual([]);
  });
});
