import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aPullRequest, planned } from './a-pull-request.ts';
import { put } from './project.ts';

const APPLY = ['apply', 'shop.plan.json', '--sandbox', '--approved-digest'];

const digestIn = (comment: string): string => /--approved-digest ([0-9a-f]{64})/.exec(comment)?.[1] ?? 'none';

test('a pull request that changes a cadence and a consumer is planned, approved and applied as it was shown', async () => {
  const pull = await aPullRequest();
  expect(await pull.run(pull.main, ['apply', '--sandbox', '--auto-approve'])).toMatchObject({ code: 0 });
  const before = pull.changes().length;

  const summary = join(pull.planner, 'summary.md');
  await put(summary, '');
  const github = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: pull.planner, GITHUB_STEP_SUMMARY: summary };
  const comment = await planned(pull, github);
  // The planner has none of the pull request's code, and changed nothing.
  expect((await readdir(pull.planner)).sort()).toEqual([
    '.keyturn',
    'keyturn.json',
    'shop.plan.json',
    'summary.md',
  ]);
  expect(pull.changes()).toHaveLength(before);
  expect(comment.split('\n')[0]).toBe('<!-- keyturn plan shop -->');
  expect(comment).toContain('| <code>key</code> in <code>shop-secrets</code> | v1 → v2 | generation 2 |');
  expect(comment).toContain('| <code>shop\\_worker</code> on <code>shop</code> | 2 |');
  expect(comment).toContain('```mermaid\nflowchart TD\n');
  expect(await readFile(summary, 'utf8')).toContain('### keyturn plan: <code>shop</code>');

  await pull.git(pull.main, 'merge', '-q', '--no-ff', '--no-edit', 'rotate');
  const changed = await pull.run(pull.main, [...APPLY, 'f'.repeat(64)]);
  expect(changed).toMatchObject({ code: 12 });
  expect(pull.changes()).toHaveLength(before);
  const applied = await pull.run(pull.main, [...APPLY, digestIn(comment), '--ticket', 'PR-7']);
  expect(applied).toMatchObject({ code: 0 });
  expect(pull.reads()).toEqual({ 'shop_web:key': 'key_v2', 'shop_worker:worker_key': 'worker_key_v2' });
  const history = await pull.run(pull.main, ['history', 'list', '--sandbox', '--format', 'json']);
  expect(history.out).toContain(digestIn(comment));

  const again = await pull.run(pull.main, ['plan', '--sandbox', '--format', 'markdown']);
  expect(again.out).toContain('**No changes. Your infrastructure matches the configuration.**');
});

test('reality that was changed by hand after the approval: exit 12, and nothing is touched', async () => {
  const pull = await aPullRequest();
  expect(await pull.run(pull.main, ['apply', '--sandbox', '--auto-approve'])).toMatchObject({ code: 0 });
  const comment = await planned(pull);
  await pull.git(pull.main, 'merge', '-q', '--no-ff', '--no-edit', 'rotate');

  await pull.changeByHand('shop_web');
  const [before, reads] = [pull.changes().length, pull.reads()];
  const state = join(pull.main, '.keyturn', 'sandbox', 'state', 'shop', 'state.json');
  const recorded = await readFile(state, 'utf8');
  const stale = await pull.run(pull.main, [...APPLY, digestIn(comment)]);
  expect(stale).toMatchObject({ code: 12 });
  expect(stale.err.replaceAll(/\s+/g, ' ')).toContain('swarm://shop/shop_web');
  expect(pull.changes().slice(before)).toEqual([]);
  expect(pull.reads()).toEqual(reads);
  expect(await readFile(state, 'utf8')).toBe(recorded);

  // A new plan of the same pull request says what was done by hand, and can be approved anew.
  const anew = await planned(pull);
  expect(anew).toContain('⚠️ <code>swarm\\://shop/shop\\_web</code>');
  expect(digestIn(anew)).not.toBe(digestIn(comment));
  expect(await pull.run(pull.main, [...APPLY, digestIn(anew)])).toMatchObject({ code: 0 });
});
