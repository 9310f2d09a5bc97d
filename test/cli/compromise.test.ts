import { spawn } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Ran } from './project.ts';
import { REPOSITORY, keyturn, project } from './project.ts';

/** Two services that share nothing; one reads a key of ours and a token that a person brings. */
const STACK = `
    const vault = new KeyVault(this, 'vault', { name: id });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const ours = { vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest() };
    const key = new Secret(this, 'key', ours);
    const token = new Secret(this, 'token', { ...ours, source: Source.manual() });
    const salt = new Secret(this, 'salt', ours);
    const quick = { swarm, probe: Probe.none(), settle: Duration.seconds(0) };
    new SwarmService(this, 'web', {
      ...quick, service: id + '_web', mounts: [key.at(id + '_key'), token.at(id + '_token')],
    });
    new SwarmService(this, 'mill', { ...quick, service: id + '_mill', mounts: [salt.at(id + '_salt')] });`;

const INCIDENT = ['--incident', 'INC-1'];
const APPROVED = ['--sandbox', '--auto-approve'];
/** Where a manual secret gets no placeholder. */
const STRICT = ['--sandbox-empty'];

/** What it printed, on one line: messages are wrapped. */
const told = ({ out, err }: Ran): string => `${out}\n${err}`.replaceAll(/\s+/g, ' ');

interface Shop {
  readonly cwd: string;
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Ran>;
  /** Current versions by secret. */
  readonly current: () => Promise<Record<string, number | null>>;
}

async function shop(): Promise<Shop> {
  const cwd = await project(STACK);
  const run: Shop['run'] = (args, env = {}) => keyturn(args, { cwd, env });
  return {
    cwd,
    run,
    current: async () => {
      const { out } = await run(['status', '--sandbox', '--format', 'json']);
      const { secrets } = JSON.parse(out) as { secrets: { name: string; current: number | null }[] };
      return Object.fromEntries(secrets.map(({ name, current }) => [name, current]));
    },
  };
}

async function applied(): Promise<Shop> {
  const ground = await shop();
  const ran = await ground.run(['apply', ...APPROVED]);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  return ground;
}

/** The record, and what the vault holds. */
async function contents(cwd: string): Promise<Record<string, string>> {
  const root = join(cwd, '.keyturn', 'sandbox');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name !== 'requests.jsonl')
    .map(({ parentPath, name }) => join(parentPath, name));
  const kept = files.filter((path) => !path.includes('/swarms/'));
  return Object.fromEntries(
    await Promise.all(kept.map(async (path) => [path, await readFile(path, 'utf8')] as const)),
  );
}

test('a drill is one command in a fresh folder, and done a second time it has nothing to do', async () => {
  const { run, current } = await shop();
  const drill = ['compromise', 'key', ...INCIDENT, ...APPROVED];
  const first = await run(drill);
  expect(first, first.err).toMatchObject({ code: 0 });
  expect(told(first)).toContain('its first versions are made before the drill');
  expect(told(first)).toContain('Blast radius: 2 secrets, 1 consumer key v1, named; read by shop_web');
  expect(told(first)).toContain('token v1, shares shop_web on shop with key; read by shop_web');
  expect(told(first)).toContain('key, token: with no `revoke` and no `refused` declared');
  expect(told(first)).toContain('shop_web: recording what shop_web reads...');
  expect(first.out).toMatch(/\nEmergency rotation complete! Resources: 4 added, 1 changed, 4 destroyed\.\n$/);
  expect(await current()).toEqual({ key: 2, token: 2, salt: 1 });

  const second = await run(drill);
  expect(second, second.err).toMatchObject({ code: 0 });
  expect(told(second)).toContain(
    'Nothing is left to do for incident INC-1: every older version within the radius is dead.',
  );
  expect(second.out).toContain('No changes.');
  expect(await current()).toEqual({ key: 2, token: 2, salt: 1 });

  const list = await run(['history', 'list', '--sandbox']);
  expect(list.out).toContain('compromise INC-1 done');
  const entry = await run(['history', 'show', '2', '--sandbox']);
  expect(told(entry)).toContain('Incident INC-1');
  expect(told(entry)).toContain('of 60 min used');
  expect(told(entry)).toContain(
    'key v1: no spec, task or previous spec on shop names it; the vault lists it',
  );
});

test('--dry-run shows the plan without asking, and changes nothing', async () => {
  const { cwd, run } = await applied();
  const before = await contents(cwd);
  const shown = await run(['compromise', 'shop_mill', ...INCIDENT, '--sandbox', '--dry-run']);
  expect(shown, shown.err).toMatchObject({ code: 0 });
  expect(told(shown)).toContain('salt v1, named; read by shop_mill');
  expect(told(shown)).toContain('Only shown (--dry-run): nothing was changed.');
  const json = await run(['compromise', 'salt', ...INCIDENT, '--sandbox', '--dry-run', '--format', 'json']);
  const lines = json.out.trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    type: 'planned',
    plan: { kind: 'compromise', emergency: { incident: 'INC-1', radius: [{ why: 'named' }] } },
  });
  expect(await contents(cwd)).toEqual(before);
});

test('a plan that was saved is applied with the values that it needs, once', async () => {
  const { run, current } = await applied();
  const value = ['--value', 'token=env:TOKEN'];
  const saved = await run(
    ['compromise', 'key', ...INCIDENT, '--sandbox', ...STRICT, '--out', 'emergency.json', ...value],
    { TOKEN: 'good-2' },
  );
  expect(saved, saved.err).toMatchObject({ code: 0 });
  expect(told(saved)).toContain('`keyturn apply emergency.json --value vault://shop/token=-`');
  expect(await current()).toEqual({ key: 1, token: 1, salt: 1 });

  const apply = ['apply', 'emergency.json', '--sandbox', ...STRICT, ...value];
  const done = await run(apply, { TOKEN: 'good-2' });
  expect(done, done.err).toMatchObject({ code: 0 });
  expect(told(done)).toContain('Incident INC-1');
  expect(await current()).toEqual({ key: 2, token: 2, salt: 1 });
  const again = await run(apply, { TOKEN: 'good-2' });
  expect(again).toMatchObject({ code: 12 });
  expect(told(again)).toContain('a saved plan is used once');
  expect(told(again)).toContain('keyturn compromise … --out FILE');
});

test('without its value a manual secret stays as it is, said with what to run; all else is rotated', async () => {
  const { run, current } = await applied();
  const strict = ['compromise', 'key', ...INCIDENT, ...APPROVED, ...STRICT];
  const ran = await run(strict);
  expect(ran, ran.err).toMatchObject({ code: 11 });
  expect(told(ran)).toContain(
    'vault://shop/token v1 stays usable: it is manual, and no new value was brought',
  );
  expect(told(ran)).toContain('then run the same command with --value vault://shop/token=-');
  expect(ran.out).toContain('1 to retire now, 1 left exposed.');
  expect(ran.out).toMatch(/person is needed for the rest/);
  expect(await current()).toEqual({ key: 2, token: 1, salt: 1 });

  // Going on with it: the clock of the first time, and what is left.
  const shown = await run([...strict, '--dry-run', '--format', 'json']);
  expect(shown).toMatchObject({ code: 11 });
  const first = await run(['history', 'show', '2', '--sandbox', '--format', 'json']);
  const { emergency } = JSON.parse(first.out) as { emergency: { discoveredAt: string; deadline: string } };
  expect(JSON.parse(shown.out)).toMatchObject({
    plan: { emergency: { discoveredAt: emergency.discoveredAt, deadline: emergency.deadline } },
  });
  const rest = await run([...strict, '--value', 'token=env:TOKEN'], { TOKEN: 'good-2' });
  expect(rest, rest.err).toMatchObject({ code: 0 });
  expect(await current()).toEqual({ key: 2, token: 2, salt: 1 });

  const unused = await run([...strict, '--value', 'token=env:TOKEN'], { TOKEN: 'good-3' });
  expect(unused).toMatchObject({ code: 1 });
  expect(told(unused)).toContain('the value would not be used: token got v2 for INC-1 already');
  expect(told(unused)).toContain('name another incident');
});

test('a service that refuses its new value is parked until a good one comes, said wherever somebody looks', async () => {
  const { run, current } = await applied();
  const compromise = (incident: string, value: string): Promise<Ran> =>
    run(['compromise', 'key', '--incident', incident, ...APPROVED, '--value', 'token=env:TOKEN'], {
      TOKEN: value,
    });
  const ran = await compromise('INC-1', 'bad-2');
  expect(ran, ran.err).toMatchObject({ code: 11 });
  expect(told(ran)).toContain('parked: its spec names key v2, token v2 now, and it was not healthy on that');
  expect(told(ran)).toContain('see `docker service ps shop_web`, mend it');
  const status = await run(['status', '--sandbox']);
  expect(told(status)).toMatch(/parked: shop_web since \S+ \S+ \(\S+\), INC-1:/);
  expect(told(status)).toContain('1 consumer parked');
  const again = await run(['compromise', 'key', ...INCIDENT, ...APPROVED]);
  expect(again).toMatchObject({ code: 11 });
  expect(told(again)).toContain('swarm://shop/shop_web is parked:');
  expect(told(again)).toContain('Nothing more can be done from here');
  const better = await compromise('INC-2', 'good-3');
  expect(better, better.err).toMatchObject({ code: 0 });
  expect(told(await run(['status', '--sandbox']))).not.toContain('parked');
  expect(await current()).toEqual({ key: 3, token: 3, salt: 1 });
});

test('what cannot be moved keeps a saved emergency from nothing else', async () => {
  const { cwd, run, current } = await applied();
  const main = join(cwd, 'main.ts');
  const gone =
    "new SwarmService(this, 'gone', { ...quick, service: id + '_gone', mounts: [salt.at(id + '_gone')] });";
  await writeFile(main, (await readFile(main, 'utf8')).replace("new SwarmService(this, 'mill'", `${gone}$&`));
  const saved = await run([
    'compromise',
    'salt',
    ...INCIDENT,
    '--sandbox',
    ...STRICT,
    '--out',
    'emergency.json',
  ]);
  expect(saved, saved.err).toMatchObject({ code: 11 });
  expect(told(saved)).toContain(
    "swarm://shop/shop_gone is parked: service 'shop_gone' does not exist on shop",
  );
  const done = await run(['apply', 'emergency.json', '--sandbox', ...STRICT]);
  expect(done, done.err).toMatchObject({ code: 11 });
  expect(await current()).toEqual({ key: 1, token: 1, salt: 2 });
});

test('--only says what it leaves', async () => {
  const { run, current } = await applied();
  const ran = await run(['compromise', 'key', ...INCIDENT, ...APPROVED, '--only', '--deadline', '30min']);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  expect(told(ran)).toContain('token v1 stays usable: it is within the radius and left out by --only');
  expect(told(ran)).toContain('of 30 min used');
  expect(await current()).toEqual({ key: 2, token: 1, salt: 1 });
});

test('what cannot be understood runs nothing', async () => {
  const { cwd, run } = await shop();
  const refused = async (args: readonly string[], ...words: readonly string[]): Promise<void> => {
    const ran = await run(['compromise', ...args]);
    expect(ran, told(ran)).toMatchObject({ code: 1, out: '' });
    for (const word of words) expect(told(ran)).toContain(word);
  };
  await refused(['key', ...APPROVED], 'missing required argument: incident');
  await refused(['key', ...INCIDENT, '--sandbox'], 'add --auto-approve; --dry-run only shows the plan');
  await refused(['key', ...INCIDENT, ...APPROVED, '--deadline', 'soon'], '"soon" is no length of time');
  await refused(
    ['key', ...INCIDENT, ...APPROVED, '--discovered', '2999-01-01T00:00Z', '--deadline', 'soon'],
    '--discovered: "2999-01-01T00:00Z" is still to come',
    '--deadline: "soon" is no length of time',
  );
  await refused(
    ['kex', 'shop_wab', 'key', 'key', ...INCIDENT, ...APPROVED],
    'no secret or consumer is called "kex"',
    'did you mean vault://shop/key?',
    'no secret or consumer is called "shop_wab"',
  );
  expect((await readdir(cwd)).filter((name) => name === '.keyturn')).toEqual([]);
});

test('an address that is given twice counts once', async () => {
  const { run } = await shop();
  const ran = await run([
    'compromise',
    'salt',
    'vault://shop/salt',
    'salt',
    ...INCIDENT,
    '--sandbox',
    '--dry-run',
  ]);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  expect(told(ran)).toContain('Blast radius: 1 secret, 1 consumer');
});

test('addresses of two stacks are an emergency in each, and one plan file holds but one of them', async () => {
  const { cwd, run } = await shop();
  const main = join(cwd, 'main.ts');
  const text = await readFile(main, 'utf8');
  await writeFile(
    main,
    text.replace("new Shop(app, 'shop');", "new Shop(app, 'shop'); new Shop(app, 'stall');"),
  );
  const both = ['compromise', 'shop_mill', 'stall_mill', ...INCIDENT];
  const saved = await run([...both, '--sandbox', '--out', 'emergency.json']);
  expect(saved).toMatchObject({ code: 1 });
  expect(told(saved)).toContain('these addresses are of 2 stacks');
  const ran = await run([...both, ...APPROVED]);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  expect(ran.out).toContain('Emergency plan for shop, incident INC-1');
  expect(ran.out).toContain('Emergency plan for stall, incident INC-1');
  expect(ran.out.match(/^Emergency rotation complete!/gm)).toHaveLength(2);
});

test('what happens is one line of JSON each, as with apply', async () => {
  const { run } = await applied();
  const ran = await run(['compromise', 'salt', ...INCIDENT, ...APPROVED, '--format', 'json']);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  const lines = ran.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; outcome?: string });
  expect(lines.map(({ type }) => type).filter((type) => !type.startsWith('step'))).toEqual([
    'planned',
    'apply_start',
    'apply_end',
  ]);
  expect(lines.at(-1)).toMatchObject({ type: 'apply_end', outcome: 'done' });
});

/** An apply that is interrupted while it verifies, and so leaves its journal open. */
async function interrupted(cwd: string, args: readonly string[]): Promise<void> {
  const bin = join(REPOSITORY, 'bin', 'keyturn.js');
  const child = spawn(process.execPath, [bin, 'apply', ...APPROVED, '--format', 'json', ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (/"type":"step_start".*"kind":"verify"/.test(text)) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(await readdir(join(cwd, '.keyturn', 'sandbox', 'state', 'shop'))).toContain('journal.jsonl');
}

test('an apply that did not end is ended first, a first one too', async () => {
  const fresh = await shop();
  await interrupted(fresh.cwd, []);
  const drill = ['compromise', 'salt', ...INCIDENT, ...APPROVED, '--lock-timeout', '2m'];
  const first = await fresh.run(drill);
  expect(first, told(first)).toMatchObject({ code: 0 });
  expect(told(first)).toContain('did not end; it is looked after first');
  expect(Object.values(await fresh.current())).not.toContain(null);
  await interrupted(fresh.cwd, ['--rotate', 'key']);
  const second = await fresh.run([
    'compromise',
    'key',
    '--incident',
    'INC-2',
    ...APPROVED,
    '--lock-timeout',
    '2m',
  ]);
  expect(second, told(second)).toMatchObject({ code: 0 });
  expect(told(second)).toContain('did not end; it is looked after first');
  expect(told(second)).toContain('incident INC-2');
  const plan = await fresh.run(['plan', '--sandbox', '--detailed-exitcode']);
  expect(plan).toMatchObject({ code: 0 });
});

test('help and completion know it', async () => {
  const { cwd, run } = await applied();
  expect((await run(['--help'])).out).toContain('compromise');
  const help = told(await run(['compromise', '--help']));
  for (const word of [
    '--incident',
    '--only',
    '--revoke-first',
    '--discovered',
    '--deadline',
    '--dry-run',
    '--out',
  ])
    expect(help).toContain(word);
  const words = await keyturn(['--get-yargs-completions', 'keyturn', 'compromise', 'vault'], { cwd });
  expect(words.out).toContain('vault://shop/salt');
});
