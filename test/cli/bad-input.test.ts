import { spawn } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { LoggedRequest } from '../../src/sandbox/vault.ts';
import type { Ran } from './project.ts';
import { REPOSITORY, keyturn, project, put, temporaryFolder } from './project.ts';

/** Two services that read one secret each, so that a mistake can be made twice. */
const PAIR = (more = '', vault = '') => `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets', ${vault} });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const given = { vault, source: Source.manual(), cadence: Cadence.onRequest() };
    const token = new Secret(this, 'token', given);
    const cert = new Secret(this, 'cert', given);
    const settle = Duration.seconds(0);
    new SwarmService(this, 'web', { swarm, service: 'shop_web', mounts: [token.at('token')], settle });
    new SwarmService(this, 'api', { swarm, service: 'shop_api', mounts: [cert.at('cert')], settle });
    ${more}`;

const APPLY = ['apply', '--sandbox', '--auto-approve'];
const STATE = ['.keyturn', 'sandbox', 'state', 'shop', 'state.json'];

/** What it printed, on one line: messages are wrapped. */
const told = ({ out, err }: Ran) => `${out}\n${err}`.replaceAll(/\s+/g, ' ');

/**
 * Runs each of the commands and expects exit 1, the words that say where, why and what to do, and that record,
 * vault and the state directory are what they were.
 */
async function refuses(
  cwd: string,
  commands: readonly (readonly string[])[],
  words: readonly (string | RegExp)[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const before = await contents(cwd);
  for (const args of commands) {
    const ran = await keyturn(args, { cwd, env });
    const text = told(ran);
    expect(ran, text).toMatchObject({ code: 1 });
    for (const word of words) {
      if (typeof word === 'string') expect(text).toContain(word);
      else expect(text).toMatch(word);
    }
    expect(text).not.toContain('unexpected');
    expect(await contents(cwd)).toEqual(before);
  }
}

/** The record, what the vault holds, and every request that it got beyond listing. */
async function contents(cwd: string): Promise<Record<string, string>> {
  const kept: Record<string, string> = {};
  const entries = await readdir(cwd, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if (path.includes('/cdktf.out/') || path.includes('/swarms/')) continue;
    const text = await readFile(path, 'utf8');
    if (entry.name !== 'requests.jsonl') kept[path] = text;
    else kept['requests'] = requestsIn(text).filter(isMoreThanListing).map(nameOf).join('\n');
  }
  return { requests: '', ...kept };
}

const requestsIn = (log: string) =>
  log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LoggedRequest);
const isMoreThanListing = ({ operation }: LoggedRequest) =>
  operation !== 'SecretList' && operation !== 'SecretListVersions';
const nameOf = ({ method, path }: LoggedRequest) => `${method} ${path}`;

test('no Docker engine: says where it looked, for each service', async () => {
  const cwd = await project(PAIR());
  const socket = join(await temporaryFolder(), 'nobody.sock');
  await refuses(
    cwd,
    [
      ['plan', '--sandbox=vault'],
      ['apply', '--sandbox=vault', '--auto-approve'],
    ],
    [
      'swarm://shop/shop_web',
      'swarm://shop/shop_api',
      `no docker engine answers at "unix://${socket}" (ENOENT)`,
      "start the engine, or name a reachable one in the stack's endpoint or DOCKER_HOST",
    ],
    { DOCKER_HOST: `unix://${socket}` },
  );
});

test('an engine that is no swarm manager: says so, and how it becomes one', async () => {
  const cwd = await project(PAIR());
  const socket = join(await temporaryFolder(), 'engine.sock');
  const asked: string[] = [];
  // What dockerd 20.10 to 28 answers outside of a swarm.
  const message =
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect';
  const engine = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const isInfo = /^(\/v[0-9.]+)?\/info\b/.test(request.url ?? '');
    const inactive = { Swarm: { NodeID: '', LocalNodeState: 'inactive', ControlAvailable: false } };
    response.writeHead(isInfo ? 200 : 503, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isInfo ? inactive : { message }));
  });
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  onTestFinished(async () => {
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
  });
  await refuses(
    cwd,
    [
      ['plan', '--sandbox=vault'],
      ['apply', '--sandbox=vault', '--auto-approve'],
    ],
    ['swarm://shop/shop_web', `engine at "unix://${socket}" is not a swarm manager`, 'docker swarm init'],
    { DOCKER_HOST: `unix://${socket}` },
  );
  expect(asked.filter((request) => !request.startsWith('GET '))).toEqual([]);
});

test(
  'a vault that does not answer: names it, its address and each secret',
  { timeout: 120_000 },
  async () => {
    const cwd = await project(PAIR('', `uri: 'https://127.0.0.1:1'`));
    await refuses(
      cwd,
      [['plan', '--sandbox=swarm']],
      [
        'vault://shop-secrets/token',
        'vault://shop-secrets/cert',
        'vault "shop-secrets" cannot be reached at 127.0.0.1:1 (ECONNREFUSED)',
        'check the network',
      ],
    );
  },
);

test('no right in the vault: names the role that is missing', async () => {
  const cwd = await project(PAIR());
  const vault = await served(cwd);
  const forbid = async (operation: string) => {
    const rule = {
      match: { operation },
      times: 'always',
      action: 'fail',
      status: 403,
      inner: 'ForbiddenByRbac',
    };
    await fetch(`${vault}/_keyturn/faults`, { method: 'DELETE' });
    await fetch(`${vault}/_keyturn/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(rule),
    });
  };
  await forbid('SecretList');
  await refuses(
    cwd,
    [['plan', '--sandbox'], APPLY],
    [
      'vault://shop-secrets/token',
      'vault://shop-secrets/cert',
      'this identity may not list in vault "shop-secrets" (403 ForbiddenByRbac',
      'give it the role "Key Vault Reader"',
    ],
  );
  await forbid('SecretSet');
  const written = await keyturn(APPLY, { cwd });
  expect(written).toMatchObject({ code: 1 });
  expect(told(written)).toContain('this identity may not write in vault "shop-secrets"');
  expect(told(written)).toContain("keyturn's applier role (custom: getSecret, setSecret, update");
  expect(told(written)).toContain('Apply failed. Nothing was changed.');
});

test('services that are not there: all of them, with their place in the stack', async () => {
  const cwd = await project(PAIR());
  await refuses(
    cwd,
    [
      ['plan', '--sandbox', '--sandbox-empty'],
      [...APPLY, '--sandbox-empty'],
    ],
    [
      "service 'shop_web' does not exist on shop where shop/web",
      "service 'shop_api' does not exist on shop where shop/api",
      'deploy it, correct its name, or declare `optional: true`',
    ],
  );
});

test('names that are too long and two secrets at one mount: all at once, each with its line', async () => {
  const long = `token.at('${'n'.repeat(70)}'), cert.at('${'m'.repeat(65)}')`;
  const cwd = await project(
    PAIR(`
    new SwarmService(this, 'both', { swarm, service: 'both', mounts: [token.at('same'), cert.at('same')] });
    new SwarmService(this, 'long', { swarm, service: 'long', mounts: [${long}] });`),
  );
  await refuses(
    cwd,
    [['plan', '--sandbox'], APPLY, ['synth']],
    [
      '4 problems in what the stacks declare (bad-declaration)',
      /"same" is the target of two mounts.* where shop\/both \(main\.ts:[0-9]+\) next give each its own target/,
      /"n{70}_v9999" is longer than 64 characters where shop\/long \(main\.ts:[0-9]+\)/,
      /"m{65}_v9999" is longer than 64 characters .*give base: at most 58 characters/,
    ],
  );
});

test('a value over 25 KB and an empty one: both, and neither is shown', async () => {
  const cwd = await project(PAIR());
  const big = join(await temporaryFolder(), 'big');
  await put(big, 'x'.repeat(25 * 1024 + 1));
  await refuses(
    cwd,
    [[...APPLY, '--value', `token=file:${big}`, '--value', 'cert=env:NOTHING']],
    [
      '(value-refused)',
      `the value is too large where vault://shop-secrets/token from file:${big}`,
      'the value is empty where vault://shop-secrets/cert from env:NOTHING',
      'give 1 to 25600 bytes',
    ],
    { NOTHING: '' },
  );
});

test('a record that is broken or of a newer keyturn: names the file, and every command leaves it alone', async () => {
  const cwd = await project(PAIR());
  expect(await keyturn(APPLY, { cwd })).toMatchObject({ code: 0 });
  const path = join(cwd, ...STATE);
  const text = await readFile(path, 'utf8');
  const commands = [
    ['plan', '--sandbox'],
    APPLY,
    ['status', '--sandbox'],
    ['output', '--sandbox'],
    ['state', 'list', '--sandbox'],
  ];

  await writeFile(path, text.slice(0, text.length / 2));
  await refuses(cwd, commands, [
    '(bad-file)',
    STATE.join('/'),
    'bring it back from version control or a backup',
  ]);
  await writeFile(path, text.replace('"format":1', '"format":9'));
  await refuses(cwd, commands, [
    'written in format 9, this keyturn reads up to format 1 (newer-format)',
    STATE.join('/'),
    'use the keyturn version that wrote it, or a newer one',
  ]);
});

test('a plan file that was edited: is refused, wherever the edit is', async () => {
  const cwd = await project(PAIR());
  expect(await keyturn(APPLY, { cwd })).toMatchObject({ code: 0 });
  const rotate = ['plan', '--sandbox', '--rotate', 'token', '--out', 'saved.json'];
  expect(await keyturn(rotate, { cwd })).toMatchObject({ code: 0 });
  const path = join(cwd, 'saved.json');
  const text = await readFile(path, 'utf8');
  for (const edited of [text.replace('shop_web', 'shop_wob'), text.replace('token_v2', 'token_v7')]) {
    expect(edited).not.toBe(text);
    await writeFile(path, edited);
    await refuses(
      cwd,
      [['apply', 'saved.json', '--sandbox']],
      ['the plan was edited: its digest is', 'where saved.json', 'make a new one: keyturn plan --out FILE'],
    );
  }
});

test('a stack that throws: one error with its words, and nothing was started', async () => {
  const cwd = await project(`throw new Error('the vault of this region is not known');`);
  await refuses(
    cwd,
    [['plan', '--sandbox'], APPLY, ['status', '--sandbox'], ['synth']],
    ['(synth-failed)', 'the vault of this region is not known', 'main.ts'],
  );
  expect(await readdir(cwd)).not.toContain('.keyturn');
});

test('a wrong flag, a wrong choice and a wrong command: run nothing', async () => {
  const cwd = await project(PAIR());
  const wrong: [string[], string[]][] = [
    [
      [...APPLY, '--nope', '--neither'],
      ['unknown arguments: nope, neither', 'run keyturn apply --help'],
    ],
    [
      [...APPLY, '--format', 'yaml'],
      ['format', '"yaml"', '"text", "json"'],
    ],
    [[...APPLY, '--parallelism', '0'], ['--parallelism takes a whole number from 1 to 64']],
    [
      ['aply', '--sandbox', '--auto-approve'],
      ['there is no command "aply"', 'did you mean keyturn apply?'],
    ],
    [
      ['-C', '.', 'schedule', 'cronn', '--sandbox'],
      ['there is no command "schedule cronn"', 'did you mean keyturn schedule cron?'],
    ],
    [
      ['apply', '--sandbox', '--auto-approve', 'shp'],
      ['there is no stack "shp"', 'the stacks are shop'],
    ],
  ];
  for (const [args, words] of wrong) await refuses(cwd, [args], ['(bad-usage)', ...words]);
  expect(await readdir(cwd)).not.toContain('.keyturn');
});

/** The address of the embedded vault, served by a process that ends with the test. */
async function served(cwd: string): Promise<string> {
  const bin = join(REPOSITORY, 'bin', 'keyturn.js');
  const server = spawn(process.execPath, [bin, 'sandbox', 'serve', '--format', 'json'], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise((resolve) => server.once('close', resolve));
  onTestFinished(async () => {
    server.kill('SIGTERM');
    await closed;
  });
  const line = await new Promise<string>((resolve) =>
    server.stdout.setEncoding('utf8').once('data', resolve),
  );
  const { vaults } = JSON.parse(line) as { vaults: Record<string, string> };
  return vaults['shop-secrets'] ?? '';
}
