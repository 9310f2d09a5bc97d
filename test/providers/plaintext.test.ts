import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PlaintextOrder, PlaintextScan } from '../../src/providers/plaintext.ts';
import { LARGEST_BYTES, scanForPlaintext } from '../../src/providers/plaintext.ts';
import { environmentFile, isPlaceholder, isSecretName } from '../../src/providers/plaintext-values.ts';
import { KEY, planted, randomText, STRIPE } from '../support/planted.ts';

function tree(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-tree-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

function git(folder: string, ...args: string[]): void {
  execFileSync('git', ['-c', 'init.defaultBranch=main', ...args], { cwd: folder, stdio: 'ignore' });
}

function scan(folder: string, more: Partial<PlaintextOrder> = {}): Promise<PlaintextScan> {
  const { PATH, HOME } = process.env;
  const mounted = { names: [], bases: [] };
  const environment = { PATH, HOME };
  return scanForPlaintext({ folder, environment, mounted, ticks: () => 0, limitMs: 1, ...more });
}

const placesOf = ({ hits }: PlaintextScan): string[] =>
  hits.map(({ place, kind, what }) => `${place.file}:${place.line} ${kind} ${what}`.trim()).sort();

const credentials = planted();

describe('a secret in plain text', () => {
  it.each(Object.keys(credentials))('is found where it is %s, and no part of it is told', async (name) => {
    const { line, secret } = credentials[name] ?? { line: '', secret: '' };
    const result = await scan(tree({ 'src/a.ts': `// the first line\n${line}\n` }));

    expect(result.hits.map(({ kind }) => kind)).toEqual(['secret']);
    const [before = ''] = line.split(secret);
    const lines = [2, 2 + before.split('\n').length - 1];
    expect(lines).toContain(result.hits[0]?.place.line);
    const told = JSON.stringify(result);
    for (let at = 0; at + 8 <= secret.length; at += 1) expect(told).not.toContain(secret.slice(at, at + 8));
  });

  it('is told once, though two rules and the name of a variable know it', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const github = credentials['a GitHub token']?.secret;
    const folder = tree({
      'key.pem': rsa.export({ type: 'pkcs1', format: 'pem' }),
      '.env.example': `API_TOKEN=${github}\nOTHER_TOKEN=${github} ${github}\n`,
    });
    expect(placesOf(await scan(folder))).toEqual([
      '.env.example:1 secret github token',
      '.env.example:2 secret github token',
      '.env.example:2 secret github token',
      'key.pem:1 secret Private Key',
    ]);
  });

  it('is told alike however long it is', async () => {
    const [short, long] = await Promise.all(
      [20, 90].map((length) =>
        scan(tree({ a: `pg: postgres://writer:${randomText(length)}@db.internal/x\n` })),
      ),
    );
    expect(short?.hits).toHaveLength(1);
    expect(short).toEqual(long);
  });

  it('is not what stands for one', async () => {
    const texts = [
      `postgres://writer:\${PASSWORD}@db/x redis://:<password>@valkey:6379 amqp://u:changeme@mq`,
      `${STRIPE}_${'x'.repeat(24)} AKIAIOSFODNN7EXAMPLE`,
      `-----BEGIN ${KEY}-----\n...\n-----END ${KEY}-----`,
      `-----BEGIN PUBLIC KEY-----\n${randomText(64)}\n`,
    ];
    expect(placesOf(await scan(tree({ 'a.md': texts.join('\n') })))).toEqual([]);
  });

  it('is left out where a comment accepts it, our own kinds too', async () => {
    const slack = credentials['a Slack token']?.line;
    const stripe = credentials['a Stripe key']?.line;
    const folder = tree({
      'a.ts': `// secretlint-disable-next-line\n${slack}\n${stripe} // secretlint-disable-line\n${stripe}\n`,
      'a.json': `{\n  "//": "secretlint-disable-next-line -- a reason",\n  "a": "${slack}"\n}\n`,
      'a.css': `/* secretlint-disable-next-line -- a reason */\n${slack}\n`,
      'last.yml': `a: ${slack} # secretlint-disable-line -- a reason`,
      '.env.example': `API_KEY=${randomText(24)} # secretlint-disable-line\n`,
    });
    expect(placesOf(await scan(folder))).toEqual(['a.ts:4 secret stripe live key']);
  });
});

describe('the tree that is scanned', () => {
  const line = credentials['a GitHub token']?.line ?? '';

  it('is what git tracks or would add', async () => {
    const names = ['tracked.ts', 'new.ts', 'ignored.ts', '.keyturn/a', 'node_modules/a.js', 'sub/deep.ts'];
    const folder = tree({
      ...Object.fromEntries(names.map((name) => [name, line])),
      '.gitignore': 'ignored.ts\n',
    });
    git(folder, 'init');
    git(folder, 'add', 'tracked.ts', '.gitignore');
    const result = await scan(folder);
    expect(result.hits.map(({ place }) => place.file).sort()).toEqual([
      'new.ts',
      'sub/deep.ts',
      'tracked.ts',
    ]);
    expect(result).toMatchObject({ by: 'git', isGitMute: false, scanned: 4 });
  });

  it('has what is tracked, though it be ignored or made by a tool, and not what was deleted', async () => {
    const folder = tree({ 'cdktf.out/a.json': line, 'gone.ts': line, '.gitignore': 'cdktf.out\n' });
    git(folder, 'init');
    git(folder, 'add', '-f', '.');
    rmSync(join(folder, 'gone.ts'));
    const result = await scan(folder);
    expect(result.hits.map(({ place }) => place.file)).toEqual(['cdktf.out/a.json']);
    expect(result.unseen).toEqual([]);
  });

  it('is whatever lies there where there is no repository, without what is made', async () => {
    const folder = tree({ 'a.ts': line, 'b/c.ts': line, 'node_modules/a.js': line, 'cdktf.out/a': line });
    const result = await scan(folder);
    expect(result.hits.map(({ place }) => place.file).sort()).toEqual(['a.ts', 'b/c.ts']);
    expect(result).toMatchObject({ by: 'walk', isGitMute: false });
  });

  it('is told to be more than the tree where git does not list it', async () => {
    const folder = tree({ '.git/HEAD': 'broken', 'ignored.ts': line, '.gitignore': 'ignored.ts\n' });
    const result = await scan(folder);
    expect(result).toMatchObject({ by: 'walk', isGitMute: true });
    expect(result.hits).toHaveLength(1);
  });

  it('is counted where it is binary or too large, and links are not followed', async () => {
    const folder = tree({
      'image.png': Buffer.concat([Buffer.from([0x89, 0]), Buffer.from(line)]),
      'big.sql': `${line}\n`.padEnd(LARGEST_BYTES + 1, 'x'),
      'windows.env': Buffer.from(`\ufeff${line}`, 'utf16le'),
    });
    symlinkSync('windows.env', join(folder, 'link.env'));
    const result = await scan(folder);
    expect(result).toMatchObject({ scanned: 1, binary: 1, large: ['big.sql'] });
    expect(placesOf(result)).toEqual(['windows.env:1 secret github token']);
  });

  it('is not clean where the time is over or somebody stops it: it is told as unseen', async () => {
    const folder = tree({ 'a.ts': line, 'b.ts': line });
    let ticks = 0;
    const late = await scan(folder, { ticks: () => (ticks += 1), limitMs: 1 });
    expect(late).toMatchObject({ scanned: 1, hits: [{ place: { file: 'a.ts' } }], unseen: ['b.ts'] });
    const stopped = await scan(folder, { signal: AbortSignal.abort() });
    expect(stopped).toMatchObject({ hits: [], unseen: ['a.ts', 'b.ts'] });
  });

  it('tells how far it is', async () => {
    const told: string[] = [];
    await scan(tree({ a: '', b: '' }), { tell: (done, all) => told.push(`${done}/${all}`) });
    expect(told).toEqual(['1/2', '2/2']);
  });

  it('of a thousand files leaves no traces in the memory of the program', async () => {
    const folder = tree(
      Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`f${at}.ts`, 'const a = 1;\n'])),
    );
    expect((await scan(folder)).scanned).toBe(1000);
    expect(performance.getEntries().length).toBeLessThan(1000);
  });
});

describe('a file of environment values', () => {
  it.each([
    ['.env.production', 'production'],
    ['deploy/.env.prod', 'production'],
    ['.env.production.local', 'production'],
    ['.env.eu.production', 'production'],
    ['.env-prod', 'production'],
    ['busflow.production.env', 'production'],
    ['prod.env', 'production'],
    ['.env.production.example', 'template'],
    ['.env.example', 'template'],
    ['env/.env.template', 'template'],
    ['config.yml.sample', 'template'],
    ['settings.example.json', 'template'],
    ['.env', 'values'],
    ['.env.test', 'values'],
    ['api.env', 'values'],
    ['docker/compose.prod.yml', 'values'],
    ['docker-compose.yaml', 'values'],
    ['compose.ts', null],
    ['.env.production.gpg', null],
    ['.env.product.ts', 'values'],
    ['src/production.ts', null],
    ['example.ts', null],
    ['environment.md', null],
  ])('%s is %s', (path, kind) => {
    expect(environmentFile(path)).toBe(kind);
  });

  it('of production is found by its name alone, and no comment accepts it', async () => {
    const folder = tree({
      'deploy/.env.production': '# secretlint-disable\nPORT=80\n',
      '.env.prod.example': '',
    });
    expect(placesOf(await scan(folder))).toEqual(['deploy/.env.production:1 production-file']);
  });

  it('is found where a secret has a value in it, in a template and elsewhere', async () => {
    const value = randomText(20);
    const texts = [
      `export DB_PASSWORD="${value}"`,
      `PORT=8080`,
      `stripeSecretKey: ${value}`,
      `LOG_LEVEL=${value}`,
    ];
    const folder = tree({ '.env.example': texts.join('\n'), '.env.test': texts.join('\n') });
    const result = await scan(folder);
    expect(placesOf(result)).toEqual([
      '.env.example:1 template-value DB_PASSWORD',
      '.env.example:3 template-value stripeSecretKey',
      '.env.test:1 environment-value DB_PASSWORD',
      '.env.test:3 environment-value stripeSecretKey',
    ]);
    expect(JSON.stringify(result)).not.toContain(value);
  });

  it('may be a compose file, whose secrets are no values', async () => {
    const value = randomText(20);
    const text = `services:
  api:
    environment:
      DB_PASSWORD: ${value}
      DB_PASSWORD_FILE: /run/secrets/db_password
      API_TOKEN: \${API_TOKEN:?}
    secrets: [db_password, { source: api_token, target: token }]
  web:
    environment: [API_TOKEN=${value}]
    secrets:
      - source: db_password
        target: db_password
  worker:
    environment:
      - SMTP_PASSWORD=${value}
secrets:
  db_password: { external: true, name: db_password_v1 }
  api_token:
    external: true
`;
    const mounted = { names: ['db_password', 'api_token'], bases: ['db_password', 'api_token'] };
    expect(placesOf(await scan(tree({ 'docker-compose.yml': text }), { mounted }))).toEqual([
      'docker-compose.yml:15 environment-value SMTP_PASSWORD',
      'docker-compose.yml:4 environment-value DB_PASSWORD',
    ]);
  });

  it('knows a mounted name for a secret, and the name of a copy for none', async () => {
    const mounted = { names: ['busflow-db', 'mail-relay'], bases: ['busflow_db'] };
    const text = 'BUSFLOW_DB=busflow_db_v4\nMAIL_RELAY=smtp.internal user pass\nBUSFLOW_DB=busflow_db_v4x\n';
    const result = await scan(tree({ '.env.template': text }), { mounted });
    expect(placesOf(result)).toEqual([
      '.env.template:2 template-value MAIL_RELAY',
      '.env.template:3 template-value BUSFLOW_DB',
    ]);
  });
});

describe('the name of a variable', () => {
  it.each([
    'DB_PASSWORD',
    'stripeSecretKey',
    'HCLOUD_TOKEN',
    'api-key',
    'NEXTAUTH_SECRET',
    'PGPASSWORD',
    'SECRET_2',
  ])('%s says that it holds a secret', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each(['DB_PASSWORD_FILE', 'TOKEN_TTL', 'PUBLIC_KEY', 'KEY', 'SECRETARY', 'PASSWORD_MIN_LENGTH'])(
    '%s does not',
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );
});

describe('what stands for a value', () => {
  it.each([
    '',
    '<your token>',
    '${TOKEN}',
    '$TOKEN',
    'changeme',
    'CHANGE-ME',
    'your-api-key',
    'yourApiKey',
    'mySecretURL',
    'xxxxxxxx',
    '***',
    '/run/secrets/db',
    'op://vault/item',
    '{{ token }}',
    'password',
    '3600',
    'replace_me_please',
    '!Ref Token',
    'encrypted:BGh0',
  ])('%s gives nothing away', (value) => {
    expect(isPlaceholder(value)).toBe(true);
  });

  it('is not what is random, though it begins as a word', () => {
    for (const word of ['a', 'an', 'my', 'set', 'the', 'your'])
      for (let time = 0; time < 500; time += 1) {
        const value = `${word}${randomText(1, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')}${randomText(9)}7${randomText(9)}`;
        expect(isPlaceholder(value), value).toBe(false);
      }
  });

  it.each(['hunter2', 'Tr0ub4dor&3', '/9j4AAQSkZJRgABAQ', '!d6Tq9kx', '$5$rounds'])('%s would', (value) => {
    expect(isPlaceholder(value)).toBe(false);
  });
});
