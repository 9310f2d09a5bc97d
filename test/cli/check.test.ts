import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { planted, randomText } from '../support/planted.ts';
import { assertSarif } from '../support/sarif.ts';
import { SHOP, keyturn, project, put, temporaryFolder } from './project.ts';

interface Document {
  readonly findings: Finding[];
  readonly counts: Readonly<Record<string, number>>;
  readonly checked: object;
}

const COMPOSE = `services:
  web: { secrets: [key, token] }
secrets:
  key: { external: true, name: "\${KEY:?}" }
  token: { external: true, name: "\${TOKEN:?}" }
`;

const documentOf = (out: string): Document => JSON.parse(out) as Document;

const rulesOf = ({ findings }: Document): string[] =>
  findings.map(
    ({ level, rule, subject, place }) =>
      `${level} ${rule} ${subject}${place === null ? '' : ` at ${place.file}:${place.line}`}`,
  );

test('a project whose secrets are there, mounted as declared and nowhere in plain text is clean', async () => {
  const cwd = await project();
  await put(join(cwd, 'docker/compose.yml'), COMPOSE);
  await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });

  const checked = await keyturn(['check', '--sandbox', '--compose', 'docker/compose.yml'], { cwd });

  expect(checked).toMatchObject({ code: 0 });
  expect(checked.out).toBe(
    'Nothing found.\n\nChecked: 1 stack; 2 secrets looked for in the vaults; 1 compose file; 3 files scanned, in no git\nrepository.\n',
  );
});

test('all that is wrong is told at once, with its place, and no part of a secret anywhere', async () => {
  const cwd = await project();
  const [aws, slack] = [planted()['an AWS key'], planted()['a Slack token']];
  const value = randomText(24);
  await put(
    join(cwd, 'src/config.ts'),
    `// config\nconst a = '${aws?.line}';\nconst b = '${slack?.line}';\n`,
  );
  await put(join(cwd, '.env.production'), `DB=${value}\n`);
  await put(join(cwd, '.env.example'), `PORT=80\nTOKEN=${value}\nOTHER_PASSWORD=<from the vault>\n`);
  await put(join(cwd, '.env.test'), `DB_PASSWORD=${value}\n`);
  await put(join(cwd, 'compose.yml'), COMPOSE.replace('key, token', 'key, stranger'));
  await put(join(cwd, 'broken.yml'), `services: { web: { environment: { PASSWORD: "${value} } } }`);
  const args = [
    'check',
    '--sandbox-empty',
    '--sandbox',
    '--compose',
    'compose.yml',
    '--sarif',
    'out/check.sarif',
  ];

  const told = await keyturn([...args, '--format', 'json'], { cwd });
  expect(told).toMatchObject({ code: 2 });
  const document = documentOf(told.out);
  expect(rulesOf(document)).toEqual([
    'error missing web at compose.yml:2',
    'error undeclared-mount web at compose.yml:2',
    'error absent-secret key at main.ts:9',
    'error absent-secret token at main.ts:12',
    'error plaintext src/config.ts at src/config.ts:3',
    'error plaintext src/config.ts at src/config.ts:4',
    'error env-file .env.production at .env.production:1',
    'error template-value .env.example at .env.example:2',
    'warning plaintext .env.test at .env.test:1',
  ]);
  expect(document.checked).toEqual({
    stacks: ['shop'],
    vaults: true,
    compose: 1,
    files: { scanned: 8, binary: 0, large: [], unseen: [], by: 'walk' },
  });

  const sarif = await readFile(join(cwd, 'out/check.sarif'), 'utf8');
  assertSarif(JSON.parse(sarif) as object);
  const [text, printed, broken] = [
    await keyturn(args, { cwd }),
    await keyturn([...args, '--format', 'sarif'], { cwd }),
    await keyturn(['check', '--offline', '--compose', 'broken.yml'], { cwd }),
  ];
  expect(printed.out).toBe(sarif);
  expect(broken.out).toContain('error unreadable broken.yml');
  const everything = [told, text, printed, broken].map(({ out, err }) => out + err).join('') + sarif;
  for (const secret of [aws?.secret ?? '', slack?.secret ?? '', value]) {
    for (let at = 0; at + 8 <= secret.length; at += 1) {
      expect(everything).not.toContain(secret.slice(at, at + 8));
    }
  }
});

test('a declaration that cannot be is told with its place, and the tree is scanned all the same', async () => {
  const cwd = await project(SHOP.replace("token.at('token')", "token.at('key')"));
  await put(join(cwd, '.env.prod'), '');

  const checked = await keyturn(['check', '--format', 'json', '--compose', 'gone.yml'], { cwd });

  expect(checked).toMatchObject({ code: 2 });
  const document = documentOf(checked.out);
  expect(rulesOf(document)).toEqual([
    'error env-file .env.prod at .env.prod:1',
    'error policy shop/web at main.ts:13',
    'error policy shop/web at main.ts:13',
    'error unreadable gone.yml',
  ]);
  expect(document.checked).toMatchObject({ stacks: null, vaults: false });

  const broken = await keyturn(['check', '--offline'], { cwd: await project('throw new TypeError("no");') });
  expect(broken).toMatchObject({ code: 2 });
  expect(broken.out).toContain('the app threw TypeError: no');
});

test('in a job without a credential it asks no vault, and from a manifest it runs no code', async () => {
  const cwd = await project();
  expect(await keyturn(['synth'], { cwd })).toMatchObject({ code: 0 });
  await put(join(cwd, 'main.ts'), 'throw new Error("this must not run")');

  const manifest = join('cdktf.out', 'stacks', 'shop', 'keyturn.json');
  const checked = await keyturn(['check', '--offline', '--manifest', manifest], { cwd });

  expect(checked).toMatchObject({ code: 0, err: '' });
  expect(checked.out).toContain('2 secrets not looked for in the vaults (--offline)');
});

test('a vault that does not answer proves nothing: exit 1', async () => {
  const cwd = await project(
    SHOP.replace("name: 'shop-secrets'", "name: 'shop-secrets', auth: 'github-oidc'"),
  );

  const checked = await keyturn(['check', '--format', 'json'], { cwd });

  expect(checked).toMatchObject({ code: 1 });
  expect(rulesOf(documentOf(checked.out))).toEqual(['error unknown shop-secrets']);
});

test('warnings fail it where --strict says so', async () => {
  const cwd = await project();
  await put(join(cwd, '.env'), `API_TOKEN=${randomText(24)}\n`);

  expect(await keyturn(['check', '--offline'], { cwd })).toMatchObject({ code: 0 });
  expect(await keyturn(['check', '--offline', '--strict'], { cwd })).toMatchObject({ code: 2 });
});

test('what git ignores is not of the tree', async () => {
  const cwd = await project();
  await put(join(cwd, '.env.production'), `API_TOKEN=${randomText(24)}\n`);
  await put(join(cwd, '.gitignore'), '.env.production\nnode_modules\n');
  execFileSync('git', ['init', '-q'], { cwd });

  expect(await keyturn(['check', '--offline'], { cwd })).toMatchObject({ code: 0 });
  execFileSync('git', ['add', '-f', '.env.production'], { cwd });
  expect(await keyturn(['check', '--offline'], { cwd })).toMatchObject({ code: 2 });
});

test('a wrong command line checks nothing', async () => {
  const cwd = await project();
  const wrong = [
    ['check', 'nobody', '--offline'],
    ['check', '--compose'],
    ['check', '--offline', '--sarif', 'main.ts/check.sarif'],
  ];
  for (const args of wrong) expect(await keyturn(args, { cwd })).toMatchObject({ code: 1, out: '' });
  expect(await keyturn(['check'], { cwd: await temporaryFolder() })).toMatchObject({ code: 1 });
});
