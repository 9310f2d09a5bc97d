import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseExposition } from '../support/exposition.ts';
import { keyturn, project, temporaryFolder } from './project.ts';

test('status tells metrics, writes them whole for a collector, and leaves the file when it fails', async () => {
  const cwd = await project();
  const folder = await temporaryFolder();
  const file = join(folder, 'keyturn.prom');
  const run = (...args: string[]) => keyturn(args, { cwd });
  expect((await run('apply', '--sandbox', '--auto-approve')).code).toBe(0);

  const shown = await run('status', '--sandbox', '--format', 'prometheus');
  expect(shown.code).toBe(0);
  const versions = parseExposition(shown.out).filter(({ name }) => name === 'keyturn_consumer_version');
  expect(versions.map(({ labels, value }) => [labels['secret'], labels['target'], value])).toEqual([
    ['vault://shop-secrets/key', 'key', 1],
    ['vault://shop-secrets/token', 'token', 1],
  ]);

  expect(await run('status', '--sandbox', '--textfile', file)).toMatchObject({ code: 0, out: '' });
  expect((await stat(file)).mode & 0o777).toBe(0o644);
  const text = await readFile(file, 'utf8');
  const names = (exposition: string) =>
    parseExposition(exposition).map(({ name, labels }) => ({ name, labels }));
  expect(names(text)).toEqual(names(shown.out));

  await writeFile(join(cwd, '.keyturn', 'sandbox', 'state', 'shop', 'state.json'), '{');
  const broken = await run('status', '--sandbox', '--textfile', file);
  expect(broken.code).toBe(1);
  expect(broken.err).toMatch(/no metrics: 1 of 1 stacks could not be looked at/);
  expect(await readFile(file, 'utf8')).toBe(text);
  expect(await readdir(folder)).toEqual(['keyturn.prom']);
});

test('metrics are of every secret, and of no other format', async () => {
  const cwd = await temporaryFolder();
  for (const [args, why] of [
    [['--format', 'prometheus', '--due'], /--due filters/],
    [['--textfile', 'x.prom', '--due', '30d'], /--due filters/],
    [['--textfile', 'x.prom', '--format', 'json'], /--textfile writes --format prometheus/],
  ] as const) {
    const ran = await keyturn(['status', ...args], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.out + ran.err).toMatch(why);
  }
});

test('a file that cannot be written is said, and nothing is left beside it', async () => {
  const { writeTextfile } = await import('../../src/cli/textfile.ts');
  const folder = await temporaryFolder();
  await expect(writeTextfile(join(folder, 'none', 'x.prom'), 'x\n')).rejects.toMatchObject({
    code: 'bad-file',
  });
  // The name is a folder: the rename fails, and the draft must go.
  await expect(writeTextfile(folder, 'x\n')).rejects.toMatchObject({ code: 'bad-file' });
  expect(await readdir(folder)).toEqual([]);
  const beside = (await readdir(join(folder, '..'))).filter((name) => name.endsWith('.tmp'));
  expect(beside).toEqual([]);
});
