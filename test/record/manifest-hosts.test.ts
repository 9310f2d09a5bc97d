import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import { parseManifest } from '../../src/record/manifest.ts';

const GOLDEN = readFileSync(new URL('../declare/golden/hosts.keyturn.json', import.meta.url), 'utf8');
const SMALL = readFileSync(new URL('../declare/golden/small.keyturn.json', import.meta.url), 'utf8');

/** The golden manifest with other values at some places, `platforms.0.endpoint`, as text. */
function changed(values: Readonly<Record<string, unknown>>): string {
  const manifest = JSON.parse(GOLDEN) as object;
  for (const [place, value] of Object.entries(values)) {
    const keys = place.split('.');
    const last = keys.pop() ?? '';
    const parent = keys.reduce<object>((node, key) => Reflect.get(node, key) as object, manifest);
    Reflect.set(parent, last, value);
  }
  return JSON.stringify(manifest);
}

function refused(values: Readonly<Record<string, unknown>>): string[] {
  try {
    parseManifest(changed(values), 'keyturn.json');
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.problems.map(({ where, what }) => `${where} ${what}`);
  }
  throw new Error('not refused');
}

describe('a manifest with hosts', () => {
  it('is in the order that the tests below count in', () => {
    const { platforms, consumers } = parseManifest(GOLDEN, 'keyturn.json');
    expect(platforms.map(({ name }) => name)).toEqual(['here', 'swarm', 'web-1', 'web-2']);
    expect(consumers.map(({ address }) => address)).toEqual([
      'host://here/etc/shop/service.env',
      'host://web-1/srv/shop/.env',
      'host://web-2/srv/shop/.env',
      'swarm://swarm/shop_worker',
    ]);
  });

  it('is refused with every problem of its shape at once', () => {
    const places = refused({
      'platforms.2.endpoint': 'tcp://web-1:2375',
      'platforms.2.sudo': 'yes',
      'platforms.3.fleet': 'a b',
      'consumers.0.file.format': 'dotenv',
      'consumers.0.file.restarts.0.action': 'stop',
      'consumers.1.file.builds.0.argv': [],
      'consumers.1.file.value': 'a value',
      'consumers.3.mounts.0.build': 'WEB_IMAGE',
      'smokeTests.0.consumers': [],
    }).map((problem) => problem.split(' ')[0] ?? '');
    expect(places.sort()).toEqual([
      'consumers.0.file.format',
      'consumers.0.file.restarts.0.action',
      'consumers.1.file',
      'consumers.1.file.builds.0.argv',
      'consumers.3.mounts.0',
      'platforms.2.endpoint',
      'platforms.2.sudo',
      'platforms.3.fleet',
      'smokeTests.0.consumers',
    ]);
  });

  it('is refused with every contradiction at once', () => {
    expect(
      refused({
        'platforms.3.restarts.atOnce': 2,
        'consumers.0.file.path': '/etc/shadow',
        'consumers.0.mounts.0.base': 'other',
        'consumers.1.platform': 'swarm',
        'consumers.1.address': 'swarm://swarm/srv',
        'smokeTests.0.consumers': ['host://web-1/etc/nothing'],
      }),
    ).toEqual([
      'swarm://swarm/srv is not the address of "/srv/shop/.env" on "swarm"',
      'shop/web/web-2 counts restarts otherwise than "web-1" of the same fleet',
      'host://here/etc/shop/service.env is not the file "/etc/shadow"',
      'host://here/etc/shop/service.env "other" is not the name of vault://shop-prod/jwt-secret',
      'swarm://swarm/srv is on "swarm", which is no host',
      'shop/smoke tries "host://web-1/etc/nothing", which is not declared',
    ]);
  });

  it('is refused where a service of a swarm is on a host', () => {
    const address = 'host://here/shop_worker';
    expect(refused({ 'consumers.3.platform': 'here', 'consumers.3.address': address })).toEqual(
      expect.arrayContaining([
        `${address} is not the address of "shop_worker" on "here"`,
        `${address} is on "here", which is no swarm`,
      ]),
    );
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['an option of ssh', { 'platforms.2.endpoint': 'ssh://-oProxyCommand=x' }, /is no endpoint of a host/],
    ['an option of systemctl', { 'consumers.0.file.restarts.0.unit': '--all.service' }, /systemd service/],
    ['an option of chown', { 'consumers.0.file.owner': '--from=root' }, /is no owner/],
    ['a mode for everybody', { 'consumers.0.file.mode': 0o666 }, /lets everybody on the host/],
    ['standard input', { 'consumers.1.file.restarts.1.files': ['-'] }, /is no compose file/],
    ['a variable of ours', { 'consumers.0.mounts.0.target': 'KEYTURN_VERSIONS' }, /is reserved/],
    ['a line in a variable', { 'consumers.0.mounts.0.target': 'A=1\nB' }, /is no name of a variable/],
    ['two texts of a variable', { 'consumers.0.mounts.0.target': 'VALKEY_PASSWORD' }, /is declared twice/],
    ['a build without its image', { 'consumers.1.mounts.1.build': 'OTHER' }, /which is not built here/],
    ['a smoke test without an end', { 'smokeTests.0.timeout': 'P1D' }, /timeout "P1D" of the smoke test/],
  ])('that names %s is refused', (_, values, expected) => {
    expect(refused(values)).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
  });

  it('is refused where it bakes in what is not public', () => {
    const secrets = parseManifest(GOLDEN, 'keyturn.json').secrets.map(({ name }) => name);
    expect(refused({ [`secrets.${secrets.indexOf('posthog-key')}.classification`]: 'internal' })).toEqual(
      ['web-1', 'web-2'].map((host): unknown =>
        expect.stringMatching(`^host://${host}/srv/shop/.env "NEXT_PUBLIC_POSTHOG_KEY" bakes .*"internal"`),
      ),
    );
  });

  it('is refused where two secrets of one name, of two vaults, are on one host', () => {
    const manifest = JSON.parse(GOLDEN) as { vaults: object[]; secrets: Record<string, unknown>[] };
    const jwt = manifest.secrets.find(({ name }) => name === 'jwt-secret');
    const address = 'vault://other-prod/jwt-secret';
    expect(
      refused({
        'vaults.1': { ...manifest.vaults[0], name: 'other-prod' },
        [`secrets.${manifest.secrets.length}`]: { ...jwt, address, vault: 'other-prod' },
        'consumers.0.mounts.1': {
          secret: address,
          target: 'OTHER',
          base: 'jwt-secret',
          version: null,
          uid: '0',
          gid: '0',
          mode: 0o444,
        },
      }),
    ).toEqual([
      `host://here/etc/shop/service.env "jwt-secret" names ${address} and vault://shop-prod/jwt-secret on one host`,
    ]);
  });

  it('is refused where a smoke test is declared twice', () => {
    const { smokeTests = [] } = parseManifest(GOLDEN, 'keyturn.json');
    expect(refused({ 'smokeTests.1': smokeTests[0] })).toEqual([
      '(the whole file) smoke test "smoke" is declared twice',
    ]);
  });

  it('without hosts says nothing of them', () => {
    const declared = parseManifest(SMALL, 'keyturn.json');
    expect(Object.keys(declared)).not.toContain('smokeTests');
  });
});
