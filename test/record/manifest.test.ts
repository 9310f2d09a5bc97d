import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Declared } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import { parseManifest } from '../../src/record/manifest.ts';

const GOLDEN = readFileSync(new URL('../declare/golden/small.keyturn.json', import.meta.url), 'utf8');

/** The golden manifest with other values at some places, `secrets.0.name`, as text. */
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

function refusal(text: string): Fault {
  try {
    parseManifest(text, 'keyturn.json');
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
  }
  throw new Error('not refused');
}

describe('a manifest', () => {
  it('is read as it was written', () => {
    const declared: Declared = parseManifest(GOLDEN, 'keyturn.json');
    expect(declared).toEqual(JSON.parse(GOLDEN));
  });

  it('of a newer format says that a newer keyturn is needed, whatever else it holds', () => {
    expect(refusal('{"format":2,"whatever":true}')).toMatchObject({
      code: 'newer-format',
      where: 'keyturn.json',
    });
  });

  it('that is broken, empty or of another kind is refused', () => {
    for (const text of ['', '{', '[]', 'null', '{"format":1}']) {
      expect(refusal(text)).toMatchObject({ code: 'bad-file', where: 'keyturn.json' });
    }
  });

  it('is refused with every problem of its shape at once, each with its place', () => {
    const text = changed({
      'secrets.0.name': '../../etc',
      'secrets.0.soak': 'P1M',
      'secrets.0.extra': true,
      'secrets.1.cadence.on': 'fifth monday',
      'secrets.1.cadence.timeZone': 'Europe/Busflow',
      'consumers.0.mounts.0.base': 'x'.repeat(59),
      'consumers.0.mounts.0.version': 0,
    });
    const { problems } = refusal(text);
    expect(problems.map(({ where }) => where).sort()).toEqual([
      'consumers.0.mounts.0.base',
      'consumers.0.mounts.0.version',
      'secrets.0',
      'secrets.0.name',
      'secrets.0.soak',
      'secrets.1.cadence.on',
      'secrets.1.cadence.timeZone',
    ]);
  });

  it('may say who has access to its vaults, and not to others', () => {
    const access = {
      vault: 'shop-prod',
      path: 's/a',
      principal: 'p',
      role: 'r',
      can: ['list'],
      secret: null,
    };
    expect(parseManifest(changed({ access: [access] }), 'keyturn.json').access).toEqual([access]);
    const other = refusal(changed({ access: [{ ...access, vault: 'other-prod' }] }));
    expect(other.problems.map(({ where }) => where)).toEqual(['s/a']);
    expect(
      refusal(changed({ access: [{ ...access, can: ['all'] }] })).problems.map(({ where }) => where),
    ).toEqual(['access.0.can.0']);
  });

  it('is refused where it declares the secret that seals the history', () => {
    const { problems } = refusal(changed({ 'secrets.0.name': 'keyturn-anchor' }));
    expect(problems.map(({ what }) => what)).toContain('is where keyturn seals its history');
  });

  it('is refused with every contradiction at once', () => {
    const text = changed({
      'secrets.0.vault': 'other-prod',
      'secrets.1.dependsOn': ['vault://shop-prod/nowhere'],
      'consumers.0.dependsOn': ['swarm://swarm/nobody'],
      'consumers.1.mounts.0.secret': 'vault://shop-prod/gone',
    });
    expect(refusal(text).problems.map(({ where, what }) => `${where} ${what}`)).toEqual([
      'vault://shop-prod/db-reader-eu is not the address of "db-reader-eu" in "other-prod"',
      'vault://shop-prod/db-reader-eu vault "other-prod" is not declared',
      'vault://shop-prod/db-writer "vault://shop-prod/nowhere" is not declared',
      'swarm://swarm/shop_api depends on "swarm://swarm/nobody", which is not declared',
      'swarm://swarm/shop_worker mounts "vault://shop-prod/gone", which is not declared',
    ]);
  });

  it('is refused where it names a date that never comes, or that is none', () => {
    const zone = { timeZone: 'Europe/Berlin' };
    const text = changed({
      'secrets.0.cadence.period': 'P200Y',
      'secrets.0.windows.0.until': '22:00',
      'secrets.1.cadence.offset': 'P99D',
      'secrets.2.cadence': { kind: 'cron', expression: '0 25 * * *', ...zone },
      'freezes.0.from': '2026-02-30',
      'freezes.0.secrets': ['vault://shop-prod/gone'],
      'freezes.1.through': '12-17',
    });
    expect(refusal(text).problems.map(({ where, what }) => `${where} ${what}`)).toEqual([
      'shop/audit holds "vault://shop-prod/gone", which is not declared',
      'shop/audit "2026-02-30" is no day of a freeze',
      'shop/year-end a freeze from 12-18 through 12-17 of each year never ends: nothing would rotate any more',
      'vault://shop-prod/db-reader-eu period "P200Y" has no date within 100 years',
      'vault://shop-prod/db-reader-eu a window from 22:00 until 22:00 never opens',
      'vault://shop-prod/db-writer offset "P99D" is not shorter than the shortest quarter',
      'vault://shop-prod/signing-key "0 25 * * *" is no cron expression: invalid value for hour: 25',
    ]);
  });

  it('of an earlier keyturn, without windows and what came with them, is read with what they mean unsaid', () => {
    const manifest = JSON.parse(GOLDEN) as Record<string, Record<string, unknown>[]>;
    for (const secret of manifest.secrets ?? []) {
      for (const field of ['apart', 'windows', 'grace']) Reflect.deleteProperty(secret, field);
    }
    for (const consumer of manifest.consumers ?? []) Reflect.deleteProperty(consumer, 'canary');
    for (const platform of manifest.platforms ?? []) Reflect.deleteProperty(platform, 'restarts');
    Reflect.deleteProperty(manifest, 'freezes');
    const declared = parseManifest(JSON.stringify(manifest), 'keyturn.json');
    expect(declared.freezes).toEqual([]);
    expect(declared.secrets[0]).toMatchObject({ apart: [], windows: [], grace: 'PT24H' });
    expect(declared.consumers[0]).toMatchObject({ canary: false });
    expect(declared.platforms[0]).toMatchObject({ restarts: null });
  });

  it.each([
    ['another host', { endpoint: 'https://evil.example.org' }],
    ['an account that is none', { account: 'evil.example.org/' }],
    ["Terraform's own container", { container: 'tfstate' }],
    ['a key', { accessKey: 'c2VjcmV0' }],
  ])('whose record names %s is refused', (_what, more) => {
    const record = {
      kind: 'azure-blob',
      account: 'ktprod',
      container: 'tfstate-keyturn',
      environment: 'public',
    };
    const rest = { auth: 'cli', tenantId: null, clientId: null };
    expect(parseManifest(changed({ record: { ...record, ...rest } }), 'keyturn.json').record).toBeDefined();
    expect(refusal(changed({ record: { ...record, ...rest, ...more } }))).toMatchObject({ code: 'bad-file' });
  });

  it('that names one secret twice is refused', () => {
    const text = changed({ 'secrets.3': parseManifest(GOLDEN, 'keyturn.json').secrets[1] });
    expect(refusal(text).problems).toEqual([
      { where: '(the whole file)', what: 'secret "vault://shop-prod/db-writer" is declared twice' },
    ]);
  });

  it.each(['PT72H', 'P90D', 'P1W', 'PT0S', 'P1DT12H', 'PT1.5S', 'PT30M'])('takes a soak of %s', (soak) => {
    const text = changed({ 'secrets.0.soak': soak });
    expect(parseManifest(text, 'keyturn.json').secrets[0]?.soak).toBe(soak);
  });

  it.each(['', 'P', 'PT', 'P1DT', '72h', '-PT1H', 'P1Y', 'P1M', 'PT1e9H'])(
    'refuses a soak of "%s"',
    (soak) => {
      const text = changed({ 'secrets.0.soak': soak });
      expect(refusal(text).problems.map(({ where }) => where)).toEqual(['secrets.0.soak']);
    },
  );
});
