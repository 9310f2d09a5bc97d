import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyturn, project } from './project.ts';

test('a record that was lost is rebuilt with the right to list, shown first, and converged afterwards', async () => {
  const cwd = await project();
  const sandbox = join(cwd, '.keyturn', 'sandbox');
  const rebuild = ['state', 'rebuild', 'shop', '--sandbox'];
  await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
  await rm(join(sandbox, 'state'), { recursive: true });
  const lost = await keyturn(['plan', '--sandbox'], { cwd });
  expect(lost).toMatchObject({ code: 1 });
  expect(lost.out).toContain('keyturn state rebuild shop');
  const requests = join(sandbox, 'vaults', 'shop-secrets', 'requests.jsonl');
  const before = (await readFile(requests, 'utf8')).length;

  const shown = await keyturn([...rebuild, '--dry-run'], { cwd });
  expect(shown).toMatchObject({ code: 0 });
  expect(shown.out).toContain('shop: 2 secrets and 1 consumer, from tags, labels and specs');
  expect(shown.out).toMatch(/vault:\/\/shop-secrets\/key +v1 current/);
  expect(shown.out).toContain('Not known any more');
  expect(await readdir(sandbox)).not.toContain('state');
  const alone = await keyturn(rebuild, { cwd });
  expect(alone).toMatchObject({ code: 1, out: '' });
  expect(alone.err).toContain('--auto-approve');

  const written = await keyturn([...rebuild, '--auto-approve', '--reason', 'lost', '--format', 'json'], {
    cwd,
  });
  expect(written).toMatchObject({ code: 0 });
  expect(JSON.parse(written.out)).toMatchObject({
    format: 1,
    stack: 'shop',
    written: true,
    recorded: { serial: 1, head: { entry: 1 } },
  });
  expect((await readFile(requests, 'utf8')).slice(before)).not.toMatch(
    /"operation":"Secret(Get|Set|Update)"/,
  );

  expect(await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd })).toMatchObject({ code: 0 });
  const history = await keyturn(['history', 'show', '1', '--sandbox'], { cwd });
  expect(history.out).toContain('Entry 1: rebuild done');
  expect(history.out).toContain('which saved plans were used');
  const rotated = await keyturn(['apply', '--sandbox', '--auto-approve', '--rotate', 'key'], { cwd });
  expect(rotated).toMatchObject({ code: 0 });
}, 180_000);

test('a record that is there is not rebuilt, be it broken', async () => {
  const cwd = await project();
  const rebuild = ['state', 'rebuild', 'shop', '--sandbox', '--auto-approve'];
  const nothing = await keyturn(rebuild, { cwd });
  expect(nothing).toMatchObject({ code: 0 });
  expect(nothing.out).toContain('there is nothing to rebuild');
  await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
  const state = join(cwd, '.keyturn', 'sandbox', 'state', 'shop', 'state.json');
  await writeFile(state, 'nonsense');

  const refused = await keyturn(rebuild, { cwd });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain('state.json');
  expect(refused.err).toContain('move it away and keep it');
  expect(await readFile(state, 'utf8')).toBe('nonsense');
}, 180_000);
