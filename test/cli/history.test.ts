import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filesOf, longHistory, secretNumber } from '../support/long-history.ts';
import type { Ran } from './project.ts';
import { keyturn, project, put, temporaryFolder } from './project.ts';

/** What it printed, on one line: messages are wrapped. */
const told = ({ out, err }: Ran) => `${out}\n${err}`.replaceAll(/\s+/g, ' ');

interface Listed {
  readonly stacks: readonly {
    readonly stack: string;
    readonly entries: readonly { readonly entry: number }[];
  }[];
}

/** A folder with nothing but a copy of a history: what an auditor is handed. */
async function copyOf(count: number): Promise<string> {
  const cwd = await temporaryFolder();
  for (const [name, text] of filesOf(longHistory(count, 3))) await put(join(cwd, 'state/shop', name), text);
  return cwd;
}

async function listed(cwd: string, ...filter: readonly string[]): Promise<number[]> {
  const ran = await keyturn(['history', 'list', '--format', 'json', ...filter], { cwd });
  expect(ran, told(ran)).toMatchObject({ code: 0 });
  return (JSON.parse(ran.out) as Listed).stacks.flatMap(({ entries }) => entries.map(({ entry }) => entry));
}

test('what an apply did in the sandbox can be listed, compared, told and exported', async () => {
  const cwd = await project();
  const env = { NEW_TOKEN: 'canary-of-history', BAD: 'bad-token' };
  const apply = ['apply', '--sandbox', '--auto-approve', '--value'];
  await keyturn([...apply, 'token=env:NEW_TOKEN', '--ticket', 'OPS-1'], { cwd, env });
  await keyturn([...apply, 'token=env:BAD', '--reason', '=1+1'], { cwd, env });

  expect(await listed(cwd, '--sandbox')).toEqual([2, 1]);
  expect(await listed(cwd, '--sandbox', '--outcome', 'rolled-back', '--consumer', 'shop_web')).toEqual([2]);
  expect(await listed(cwd, '--sandbox', '--ticket', 'ops-1', '--since', '1h')).toEqual([1]);
  expect(await listed(cwd, '--sandbox', '--until', '1h')).toEqual([]);

  const diff = await keyturn(['history', 'diff', '0', '1', '--sandbox'], { cwd });
  expect(diff.out).toContain('+++ vault://shop-secrets/token\tentry 1');
  expect(diff.out).toContain('+current v1');
  expect(diff.out).toContain('OPS-1');
  const same = await keyturn(['history', 'diff', '1', 'now', 'shop', '--sandbox'], { cwd });
  expect(same).toMatchObject({ code: 0 });
  expect(told(same)).toContain('No difference');

  const life = await keyturn(['history', 'show', '--secret', 'token', 'shop', '--sandbox'], { cwd });
  const events = life.out.split('\n').map((line) => line.trim());
  expect(events.filter((line) => /^\d+ .* minted/.test(line))).toHaveLength(2);
  expect(life.out).toContain('minted, undone');
  expect(life.out).toContain('held');

  const csv = await keyturn(['history', 'export', '--format', 'csv', '--sandbox'], { cwd });
  expect(csv.out.endsWith('\r\n')).toBe(true);
  expect(csv.out).toContain(",'=1+1,");
  const everything = [diff, life, csv].map(({ out, err }) => out + err).join('');
  expect(everything).not.toContain('canary-of-history');
});

test('filters combine, and what matches nothing says what is like it', async () => {
  const cwd = await copyOf(120);
  const all = longHistory(120, 3);
  const rolledBack = all.filter(
    ({ outcome, versions }) => outcome === 'rolled-back' && Object.hasOwn(versions, secretNumber(1)),
  );
  const found = await listed(cwd, '--secret', 'key-1', '--outcome', 'rolled-back');
  expect(found).toEqual(rolledBack.map(({ entry }) => entry).reverse());
  expect(await listed(cwd, '--secret', 'key-1', '--outcome', 'rolled-back', '--limit', '1')).toEqual(
    found.slice(0, 1),
  );
  expect(await listed(cwd, '--actor', 'GRACE', '--kind', 'apply', '--limit', '3')).toHaveLength(3);
  expect(await listed(cwd, '--kind', 'refused')).toEqual([]);

  const nothing = await keyturn(['history', 'list', '--secret', 'kye-1'], { cwd });
  expect(nothing).toMatchObject({ code: 0 });
  expect(nothing.out).toContain('No entry matches --secret kye-1.');
});

test('what cannot be is refused with all that is wrong with it, before anything is read', async () => {
  const cwd = await copyOf(5);
  const list = await keyturn(
    ['history', 'list', '--limit', '0', '--since', 'soon', '--actor', '', '--until', '2026-02-31'],
    { cwd },
  );
  expect(list).toMatchObject({ code: 1, out: '' });
  for (const word of ['--limit takes', '"soon" is no moment', '--actor is empty', '2026-02-31']) {
    expect(told(list)).toContain(word);
  }
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [['list', '--since', '2026-02-01', '--until', '2026-01-01'], 'is not before --until'],
    [['list', '--outcome', 'fine'], 'outcome'],
    [['show'], 'name an entry or a secret'],
    [['show', 'x'], '"x" is no number of an entry'],
    [['show', '3', '--secret', 'key-1'], 'are asked for at once'],
    [['show', '--secret', 'key-1', 'shop', 'more'], 'are asked for at once'],
    [['show', '--secret', 'kye-1'], 'did you mean vault://shop-prod/key-1'],
    [['diff', 'x', 'y'], '"y" is no moment'],
    [['diff', '3', '9'], '0 to 5 exist, or now'],
    [['diff', '4', '2'], 'keyturn history diff 2 4'],
    [['export', '--format', 'xml'], 'xml'],
    [['export', 'other'], 'no record of a stack "other"'],
  ];
  for (const [args, words] of wrong) {
    const ran = await keyturn(['history', ...args], { cwd });
    expect(ran, args.join(' ')).toMatchObject({ code: 1 });
    expect(told(ran)).toContain(words);
    expect(told(ran)).not.toContain('unexpected');
  }
});

test('a point may be a date: what had ended by then', async () => {
  const cwd = await copyOf(30);
  const by = longHistory(30, 3).filter(({ endedAt }) => endedAt <= '2020-01-08T00:00:00Z').length;
  const ran = await keyturn(['history', 'diff', '2020-01-01', '2020-01-08', '--format', 'json'], { cwd });
  expect(JSON.parse(ran.out)).toMatchObject({
    format: 1,
    stack: 'shop',
    from: { entry: 0 },
    to: { entry: by },
  });
});

/** As docs/FORMATS.md tells a reader to do it. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const record = value as Record<string, unknown>;
  const pairs = Object.keys(record)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(record[key])}`);
  return `{${pairs.join(',')}}`;
}

interface Exported {
  readonly hasPseudonyms: boolean;
  readonly stacks: readonly {
    readonly entries: readonly {
      readonly digest: string;
      readonly entry: { readonly previous: string | null };
    }[];
  }[];
}

const digestOf = (entry: unknown): string => createHash('sha256').update(canonical(entry)).digest('hex');

test('an export can be verified by who reads it, and one with pseudonyms says that it cannot', async () => {
  const cwd = await copyOf(40);
  const ran = await keyturn(['history', 'export', '--out', 'all.json'], { cwd });
  expect(ran.out).toContain('Wrote all.json: entries 40 of shop.');
  const exported = JSON.parse(await readFile(join(cwd, 'all.json'), 'utf8')) as Exported;
  const [shop] = exported.stacks;
  expect(shop?.entries).toHaveLength(40);
  for (const [index, { digest, entry }] of (shop?.entries ?? []).entries()) {
    expect(digestOf(entry)).toBe(digest);
    expect(entry.previous).toBe(shop?.entries[index - 1]?.digest ?? null);
  }

  const without = await keyturn(['history', 'export', '--without-personal-data'], { cwd });
  const document = JSON.parse(without.out) as Exported;
  expect(document.hasPseudonyms).toBe(true);
  expect(without.out).not.toMatch(/Ada|Grace|deploy-bot|laptop/);
  expect(without.out).toContain('cannot be recomputed');
  const [first] = document.stacks[0]?.entries ?? [];
  expect(digestOf(first?.entry)).not.toBe(first?.digest);
});

test('an export replaces no file that exists, and says everything that is wrong at once', async () => {
  const cwd = await copyOf(3);
  await writeFile(join(cwd, 'there.json'), 'mine');
  const ran = await keyturn(['history', 'export', '--out', 'there.json', '--since', 'soon'], { cwd });
  expect(ran).toMatchObject({ code: 1 });
  expect(told(ran)).toContain('there.json exists already');
  expect(told(ran)).toContain('"soon" is no moment');
  expect(await readFile(join(cwd, 'there.json'), 'utf8')).toBe('mine');
  expect(await readdir(cwd)).toEqual(['state', 'there.json']);
});

test('the shell is offered secrets and consumers for a filter of the history', async () => {
  const cwd = await project();
  await keyturn(['synth'], { cwd });
  const words = await keyturn(
    ['--get-yargs-completions', 'keyturn', 'history', 'list', '--secret', 'vault'],
    { cwd },
  );
  expect(words.out.split('\n')).toContain('vault://shop-secrets/token');
});
