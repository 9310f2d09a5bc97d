import { cp, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { periodGiven } from '../../src/cli/report-period.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Report } from '../../src/model/report.ts';
import { keyturn, project, put } from './project.ts';

const CANARY = 'canary-51d0-of-the-token';
const NOW = '2026-11-22T03:00:00Z';

/** As SHOP, with a vault that nobody can sign in to here and a swarm that is not there. */
const FAR = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets', auth: 'env' });
    const swarm = new Swarm(this, 'swarm', { name: 'shop', endpoint: 'unix:///nowhere/docker.sock' });
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(),
      owner: 'platform', classification: 'restricted',
    });
    new SwarmService(this, 'web', {
      swarm, service: 'shop_web', mounts: [key.at('key')], probe: Probe.none(), settle: Duration.seconds(0),
    });`;

describe('the report', () => {
  test('tells of a stack what is there, what was done, and who may read it; never a value', async () => {
    const cwd = await project();
    const applied = await keyturn(
      ['apply', '--sandbox', '--auto-approve', '--value', 'token=-', '--ticket', 'OPS-7'],
      { cwd, stdin: `${CANARY}\n` },
    );
    expect(applied).toMatchObject({ code: 0 });

    const told = await keyturn(['report', '--sandbox', '--format', 'json'], { cwd });
    expect(told).toMatchObject({ code: 0 });
    const report = JSON.parse(told.out) as Report;
    expect(report.format).toBe(1);
    const [shop] = report.stacks;
    expect(shop?.inventory.map(({ status: { name, current, vault } }) => [name, current, vault])).toEqual([
      ['key', 1, 'ok'],
      ['token', 1, 'ok'],
    ]);
    expect(shop?.entries).toMatchObject([{ entry: 1, outcome: 'done', ticket: 'OPS-7' }]);
    expect(shop?.timelines.map(({ spans }) => spans.map(({ ordinal }) => ordinal))).toEqual([[1], [1]]);
    expect(shop?.access.map(({ can }) => can.join(' '))).toEqual(['list read set', 'list']);
    expect(shop?.verification).toMatchObject({ stack: 'shop', entries: 1, findings: [] });
    expect(shop?.verification.witnesses.map(({ name, says }) => `${name} ${says}`)).toEqual([
      'state.json agrees',
      'vault shop-secrets agrees',
    ]);

    const table = ['report', '--sandbox', '--format', 'csv', '--table', 'entries'];
    const csv = await keyturn(table, { cwd });
    expect(csv).toMatchObject({ code: 0 });
    const [head, row] = csv.out.split('\r\n');
    expect(head).toMatch(/^stack,entry,kind,outcome,started_at,ended_at,who,/);
    expect(row).toMatch(/^shop,1,apply,done,2\d{3}-/);
    expect(told.out + csv.out + told.err + csv.err).not.toContain(CANARY);

    const { who, host } = shop?.entries[0] ?? { who: '', host: '' };
    const without = await keyturn(['report', '--sandbox', '--format', 'json', '--without-personal-data'], {
      cwd,
    });
    const [named] = (JSON.parse(without.out) as Report).stacks;
    expect(named?.entries).toMatchObject([{ who: 'person 1', host: 'host 1' }]);
    for (const name of [who, host]) expect(without.out).not.toContain(`"${name}"`);
  });

  test('is a page by default, in a new file where one is named, and replaces none', async () => {
    const cwd = await project();
    const order = ['report', '--sandbox', '--out', 'q.html'];
    const first = await keyturn(order, { cwd });
    expect(first).toMatchObject({ code: 0, out: '' });
    expect(first.err).toContain('Wrote q.html: 2 secrets, 0 entries from ');
    const page = await readFile(join(cwd, 'q.html'), 'utf8');
    expect(page).toMatch(/^<!doctype html>/i);

    const again = await keyturn(order, { cwd });
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toContain('q.html exists already');
    expect(await readFile(join(cwd, 'q.html'), 'utf8')).toBe(page);
  });

  test('is told from the record where vault and platform cannot be seen, and says what is unknown', async () => {
    const cwd = await project(FAR);
    expect(await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd })).toMatchObject({ code: 0 });
    await cp(join(cwd, '.keyturn', 'sandbox', 'state'), join(cwd, 'state'), { recursive: true });
    const before = await readdir(join(cwd, 'state', 'shop'), { recursive: true });

    const told = await keyturn(['report', '--format', 'json'], { cwd });
    expect(told).toMatchObject({ code: 1 });
    expect(told.err).toContain('shop-secrets');
    const [shop] = (JSON.parse(told.out) as Report).stacks;
    expect(shop?.inventory).toMatchObject([
      {
        owner: 'platform',
        classification: 'restricted',
        status: { current: 1, vault: 'unknown', consumers: [{ reads: null, inStep: false }] },
      },
    ]);
    expect(shop?.inventory[0]?.status.note).not.toBeNull();
    expect(shop?.entries).toHaveLength(1);
    expect(await readdir(join(cwd, 'state', 'shop'), { recursive: true })).toEqual(before);
  });

  test('is made of a history that was tampered with as well, and says which entry', async () => {
    const cwd = await project();
    await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
    await keyturn(['apply', '--sandbox', '--auto-approve', '--rotate', 'key'], { cwd });
    const folder = join(cwd, '.keyturn', 'sandbox', 'state', 'shop', 'history');
    await put(join(folder, '000001.json'), 'no entry at all');

    const told = await keyturn(['report', '--sandbox', '--format', 'json'], { cwd });
    expect(told).toMatchObject({ code: 1 });
    const [shop] = (JSON.parse(told.out) as Report).stacks;
    expect(shop?.entries.map(({ entry }) => entry)).toEqual([2]);
    expect(shop?.verification.findings).toMatchObject([{ kind: 'unreadable', entry: 1 }]);
    // The record still has what the entry told.
    expect(shop?.timelines.flatMap(({ spans }) => spans.map(({ ordinal }) => ordinal))).toEqual([1, 2, 1]);
  });

  test.each([
    [['--table', 'access'], 'only a CSV is one table'],
    [['--from', '2026-01-01', '--to', '2025-01-01'], 'is not before'],
    [['--to', '2999-01-01'], 'is still to come'],
    [['--from', '90d', '--period', 'year'], 'both say when it begins'],
    [['--out', ''], '--out is empty'],
    [['elsewhere'], 'there is no stack "elsewhere"'],
  ])('refuses %j and writes nothing', async (words, why) => {
    const cwd = await project();
    const refused = await keyturn(['report', '--sandbox', ...words], { cwd });
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain(why);
  });
});

describe('the period of a report', () => {
  const none = { from: undefined, to: undefined, period: undefined };

  test('is three months up to now, this very second included, unless said', () => {
    expect(periodGiven(none, NOW)).toEqual({ from: '2026-08-22T03:00:01Z', to: '2026-11-22T03:00:01Z' });
    const to = '2026-10-01';
    expect(periodGiven({ ...none, to }, NOW)).toEqual({
      from: '2026-07-01T00:00:00Z',
      to: '2026-10-01T00:00:00Z',
    });
    expect(periodGiven({ ...none, to, period: 'year' }, NOW).from).toBe('2025-10-01T00:00:00Z');
    expect(periodGiven({ ...none, from: '30d' }, NOW).from).toBe('2026-10-23T03:00:00Z');
  });

  test('that ends before it begins is refused', () => {
    expect(() => periodGiven({ ...none, from: '2026-10-02', to: '2026-10-01' }, NOW)).toThrow(Fault);
  });
});
