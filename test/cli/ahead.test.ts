import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { keyturn, project } from './project.ts';

/** A secret of each kind that is due on the first of each month. */
const DATED = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop' });
    const cadence = Cadence.monthly({ on: 1, at: '03:00', timeZone: 'UTC' });
    const soak = Duration.hours(1);
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence, soak,
    });
    const token = new Secret(this, 'token', { vault, source: Source.manual(), cadence, soak });
    new SwarmService(this, 'web', {
      swarm, service: 'shop_web', mounts: [key.at('key'), token.at('token')],
      probe: Probe.none(), settle: Duration.seconds(0),
    });`;

/** The stack with a first version of each secret, and a second of the key. */
async function applied(): Promise<string> {
  const cwd = await project(DATED);
  for (const more of [[], ['--rotate', 'key']]) {
    const ran = await keyturn(['apply', '--sandbox', '--auto-approve', ...more], { cwd });
    expect(ran, ran.err).toMatchObject({ code: 0 });
  }
  return cwd;
}

interface Agenda {
  readonly timestamp: string;
  readonly until: string;
  readonly agenda: readonly { at: string; kind: string; address: string; awaiting: boolean }[];
  readonly counts: Readonly<Record<string, number>>;
}

test('status --due 32d lists by date what settles, retires and rotates, and who needs a value', async () => {
  const cwd = await applied();

  const text = await keyturn(['status', '--sandbox', '--due', '32d'], { cwd });
  expect(text).toMatchObject({ code: 0 });
  expect(text.out).toMatch(/^Until \d{4}-\d\d-\d\d \d\d:\d\dZ \(in 32 d\): /);
  expect(text.out).toMatch(
    /^WHEN +IN +WHAT +WHICH\n.* settle +shop_web\n.* retire +key v1\n.* prune +key_v1\n/m,
  );
  expect(text.out).toContain('keyturn apply --value vault://shop-secrets/token=-');

  const json = await keyturn(['status', '--sandbox', '--due=P32D', '--format', 'json'], { cwd });
  const { timestamp, until, agenda, counts } = JSON.parse(json.out) as Agenda;
  expect(Date.parse(until) - Date.parse(timestamp)).toBe(32 * 24 * 60 * 60 * 1000);
  expect(agenda.map(({ at }) => at)).toEqual(agenda.map(({ at }) => at).sort());
  const rotations = agenda.filter(({ kind }) => kind === 'rotate');
  expect(rotations.map(({ at }) => at.slice(7)).every((time) => time === '-01T03:00:00Z')).toBe(true);
  expect(rotations.map(({ address, awaiting }) => [address, awaiting]).slice(0, 2)).toEqual([
    ['vault://shop-secrets/key', false],
    ['vault://shop-secrets/token', true],
  ]);
  expect(counts).toMatchObject({ settle: 1, retire: 1, prune: 1, rotate: rotations.length });
});

test('status --due alone shows what is due or needs a person, also before the name of a stack', async () => {
  const cwd = await project(DATED);
  const fresh = await keyturn(['status', '--sandbox', '--due', 'shop'], { cwd });
  expect(fresh.out).toContain('awaiting');
  await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
  const after = await keyturn(['status', '--sandbox', '--due'], { cwd });
  expect(after.out).toBe('Nothing is due and nothing waits for a person.\n');
  const other = await keyturn(['status', '--sandbox', '--due', 'shp'], { cwd });
  expect(other.err).toContain('there is no stack "shp"');
});

test('status as JSON says of each row why it needs attention, the worst first', async () => {
  const cwd = await project(DATED);
  const ran = await keyturn(['status', '--sandbox', '--format', 'json'], { cwd });
  const { secrets, counts } = JSON.parse(ran.out) as {
    secrets: { name: string; attention: string }[];
    counts: Record<string, number>;
  };
  expect(secrets.map(({ name, attention }) => [name, attention])).toEqual([
    ['token', 'awaiting'],
    ['key', 'due'],
  ]);
  expect(counts).toMatchObject({ secrets: 2, attention: 2, due: 2, overdue: 0 });
});

test('plan --at is a what-if: it says so first, shows what would be due then, and changes nothing', async () => {
  const cwd = await applied();

  const text = await keyturn(['plan', '--sandbox', '--at', '+40d', '--detailed-exitcode'], { cwd });
  expect(text).toMatchObject({ code: 2 });
  expect(text.out).toMatch(
    /^What-if at \d{4}-\d\d-\d\d \d\d:\d\dZ \(in 40 d\), [^.]*; it can't be applied\.\n\nRotation plan for shop\nas of /,
  );
  expect(text.out).toContain('disable key v1 in the vault');
  expect(text.out).toMatch(/vault:\/\/shop-secrets\/key +v2 -> v3 +due /);

  const json = await keyturn(['plan', '--sandbox', '--at', '2099-01-04', '--format', 'json'], { cwd });
  expect(JSON.parse(json.out)).toMatchObject({
    plans: [{ timestamp: '2099-01-04T00:00:00Z', what_if: true, plan_digest: null, applyable: false }],
  });
  expect((await keyturn(['plan', '--sandbox'], { cwd })).out).toContain('No changes.');
});

test('a time that is none, past, or to be saved is refused before the project is asked, with how to write it', async () => {
  const cwd = await project(`throw new Error('nobody asks');`);
  const wrong: [string[], string][] = [
    [['status', '--due', '30'], '--due: "30" is no length of time'],
    [['status', '--due', '10000d'], '--due: "10000d" is more than 5 years'],
    [['status', '--due', '--due', '30d'], '--due is given twice'],
    [['plan', '--at', '2020-01-04'], '--at: "2020-01-04" is past'],
    [['plan', '--at', '+90d', '--out', 'later.json'], '--out with --at'],
    [['apply', '--at', '+90d'], 'unknown argument: at'],
  ];
  for (const [args, words] of wrong) {
    const ran = await keyturn(args, { cwd });
    expect(ran, args.join(' ')).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toContain(words);
    expect(ran.err).toMatch(/\(bad-usage\)[^]* {2}next {3}\S/);
  }
  expect(await readdir(cwd)).toEqual(['cdktf.json', 'main.ts', 'node_modules']);
});
