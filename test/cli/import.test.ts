import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { SWARM, VAULT, before } from '../support/before.ts';
import type { Before } from '../support/before.ts';
import { REPOSITORY, keyturn, project, put } from './project.ts';

/** What a team has that never heard of keyturn: one key on both sides, a token that is on the swarm alone. */
async function shopOf(folder: string): Promise<Before> {
  const there = await before(folder);
  // Of the same second: their tags tell them apart.
  await there.write('key', 'key-old', { by: 'ada' });
  await there.write('key', 'key-now');
  await there.write('licence', 'nobody-here-reads-it');
  await there.create('shop_key_v7', 'key-now');
  await there.create('shop_token', 'token-now');
  const key = { target: 'key', secretName: 'shop_key_v7' };
  there.deploy('shop_web', [key, { target: '/run/token', secretName: 'shop_token' }]);
  there.deploy('shop_worker', [key]);
  there.deploy('shop_proxy');
  return there;
}

const DISCOVER = [
  'import',
  '--discover',
  `--vault=${VAULT}`,
  `--swarm-name=${SWARM}`,
  '--stack=shop',
  '--sandbox',
];

/** The app of a project that has just the stack that was written. */
async function appOf(folder: string, path: string): Promise<void> {
  const text = await readFile(join(folder, path), 'utf8');
  await put(join(folder, path), text.replace("'keyturn'", `'${REPOSITORY}/src/declare/declare.ts'`));
  const main = `import { App } from 'cdktf';
import { ShopStack } from './${path}';
const app = new App();
new ShopStack(app, 'shop');
app.synth();
`;
  await put(join(folder, 'main.ts'), main);
}

test('a stack that is discovered and imported plans empty, without one change outside, and rotates and goes back', async () => {
  const cwd = await project('');
  const there = await shopOf(cwd);
  await put(
    join(cwd, 'compose.yml'),
    `services:
  web:
    image: lab/app:1
    secrets: [{ source: key, target: key }, { source: token, target: /run/token }]
secrets:
  key: { external: true, name: shop_key_v7 }
  token: { external: true, name: shop_token }
`,
  );
  const discovered = await keyturn([...DISCOVER, '--compose', 'compose.yml'], { cwd });
  expect(discovered).toMatchObject({ code: 0 });
  expect(discovered.out).toContain('3 secrets and 2 consumers found on swarm shop and vault shop-secrets');
  expect(discovered.out).toMatch(/compose\.yml:6 +shop_key_v7 +name: '\$\{SHOP_KEY:\?keyturn_output\}'/);
  const again = await keyturn(DISCOVER, { cwd });
  expect(again).toMatchObject({ code: 1 });
  expect(again.err).toContain('stacks/shop.ts exists, and is not written over');

  await appOf(cwd, 'stacks/shop.ts');
  const early = await keyturn(['plan', '--sandbox'], { cwd });
  expect(early.out).toContain('keyturn import');
  const [contents, touched] = [there.contents(), there.touched().length];
  const shown = await keyturn(['import', '--all', '--dry-run', '--sandbox'], { cwd });
  expect(shown.code, shown.err).toBe(0);
  expect(shown.out).toMatch(/vault:\/\/shop-secrets\/key +v7 current as shop_key_v7, in the vault/);
  expect(shown.out).toMatch(/vault:\/\/shop-secrets\/shop-token +v1 current as shop_token, in no vault/);
  expect(await readdir(join(cwd, '.keyturn', 'sandbox'))).not.toContain('state');
  const asked = await keyturn(['import', '--all', '--sandbox'], { cwd });
  expect(asked).toMatchObject({ code: 1 });
  expect(asked.err).toContain('--auto-approve');
  const imported = await keyturn(['import', '--all', '--sandbox', '--auto-approve', '--ticket', 'OPS-1'], {
    cwd,
  });
  expect(imported).toMatchObject({ code: 0 });
  expect(there.contents()).toBe(contents);
  expect(there.touched().slice(touched)).toEqual([]);

  const plan = await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd });
  expect([plan.code, plan.out]).toMatchObject([0, expect.stringContaining('No changes.')]);
  const nothing = await keyturn(['import', 'key', '--sandbox', '--auto-approve'], { cwd });
  expect(nothing).toMatchObject({ code: 0, out: 'shop: nothing to do, key is on record already.\n' });
  const output = await keyturn(['output', '--sandbox'], { cwd });
  expect(output.out).toContain('SHOP_KEY=shop_key_v7\nSHOP_TOKEN=shop_token');
  const history = await keyturn(['history', 'show', '1', '--sandbox'], { cwd });
  expect(history.out).toContain('Entry 1: import done');
  expect(history.out).toContain('shop_key_v7 is taken to hold what the newest version of key');
  expect(await keyturn(['history', 'verify', '--sandbox'], { cwd })).toMatchObject({ code: 0 });

  const values = ['--value', 'key=env:A', '--value', 'shop-token=env:B'];
  const env = { A: 'key-next', B: 'token-next' };
  const rotated = await keyturn(['apply', '--sandbox', '--auto-approve', ...values], { cwd, env });
  expect(rotated.code, rotated.out + rotated.err).toBe(0);
  expect(there.reads()).toEqual({
    shop_proxy: {},
    shop_web: { 'key': 'shop_key_v8', '/run/token': 'shop_token_v2' },
    shop_worker: { key: 'shop_key_v8' },
  });
  expect(await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd })).toMatchObject({ code: 0 });
  const back = await keyturn(['rollback', 'shop-token', '--sandbox', '--auto-approve'], { cwd });
  expect(back.code, back.out + back.err).toBe(0);
  expect(there.reads()).toEqual({
    shop_proxy: {},
    shop_web: { 'key': 'shop_key_v7', '/run/token': 'shop_token' },
    shop_worker: { key: 'shop_key_v7' },
  });
  const newest = there.vault
    .contents()
    .find(({ name }) => name === 'key')
    ?.versions.at(-1);
  expect(newest).toMatchObject({ value: 'key-now' });
  const status = JSON.parse((await keyturn(['status', '--sandbox', '--format', 'json'], { cwd })).out) as {
    secrets: { name: string; current: number; vault: string }[];
  };
  expect(status.secrets.map(({ name, current }) => `${name} v${current}`).sort()).toEqual([
    'key v7',
    'licence v1',
    'shop-token v1',
  ]);
  const told = await keyturn(['report', '--sandbox', '--format', 'json'], { cwd });
  expect(told.code, told.err).toBe(0);
  expect(await keyturn(['history', 'show', '--secret', 'key', '--sandbox'], { cwd })).toMatchObject({
    code: 0,
  });
  const printed = [discovered, imported, rotated, back, told, history]
    .map(({ out, err }) => out + err)
    .join('');
  for (const value of ['key-now', 'key-next', 'token-now', 'token-next'])
    expect(printed).not.toContain(value);
}, 240_000);

test('a stack that was written passes the compiler', async () => {
  const cwd = await project('');
  await shopOf(cwd);
  expect(await keyturn(DISCOVER, { cwd })).toMatchObject({ code: 0 });
  await put(join(cwd, 'package.json'), '{"type":"module"}');
  const compilerOptions = { noEmit: true, paths: { keyturn: [`${REPOSITORY}/src/declare/declare.ts`] } };
  await put(
    join(cwd, 'tsconfig.json'),
    JSON.stringify({ extends: `${REPOSITORY}/tsconfig.json`, compilerOptions, include: ['stacks'] }),
  );
  const tsc = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  const told = await promisify(execFile)(process.execPath, [tsc, '-p', cwd]).then(
    ({ stdout }) => stdout,
    (failed: { stdout: string }) => failed.stdout,
  );
  expect(told).toBe('');
}, 120_000);

test('what keeps secrets from being taken over is told all at once, and nothing is written', async () => {
  const cwd = await project(`
    const vault = new KeyVault(this, 'vault', { name: '${VAULT}' });
    const swarm = new Swarm(this, '${SWARM}');
    const given = { vault, source: Source.manual(), cadence: Cadence.userManaged() };
    const [key, other] = ['key', 'other'].map((id) => new Secret(this, id, given));
    for (const name of ['web', 'job'])
      new SwarmService(this, name, { swarm, service: name, mounts: [key.at('key'), other.at('other')] });`);
  const there = await before(cwd);
  for (const copy of ['key_v1', 'key_v2', 'other_v3']) await there.create(copy, copy);
  await there.write('other', 'theirs', { 'keyturn-stack': 'billing', 'keyturn-version': '3' });
  for (const [name, copy] of [
    ['web', 'key_v2'],
    ['job', 'key_v1'],
  ] as const) {
    there.deploy(name, [
      { target: 'key', secretName: copy },
      { target: 'other', secretName: 'other_v3' },
    ]);
  }
  const { code, err } = await keyturn(['import', '--all', '--sandbox', '--auto-approve'], { cwd });
  expect(code).toBe(1);
  expect(err).toContain('2 things keep these secrets from being taken over (import-refused)');
  expect(err).toContain('the consumers of key do not read one version: job reads key_v1, web reads key_v2');
  expect(err).toContain("other belongs to stack 'billing'");
  expect(await readdir(join(cwd, '.keyturn', 'sandbox'))).not.toContain('state');
}, 60_000);
