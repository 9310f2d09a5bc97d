import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { aPullRequest } from './a-pull-request.ts';
import { REPOSITORY, put, temporaryFolder } from './project.ts';

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { name?: string; run?: string }[] }>>;
}

/** The script of a step of examples/github, on the embedded servers. */
async function scriptOf(file: string, step: string): Promise<string> {
  const text = await readFile(join(REPOSITORY, 'examples', 'github', file), 'utf8');
  const steps = Object.values((parse(text) as Workflow).jobs).flatMap((job) => job.steps);
  const found = steps.find(({ name }) => name === step)?.run;
  if (found === undefined) throw new Error(`there is no step "${step}"`);
  return found
    .replace('keyturn.js plan ', 'keyturn.js plan --sandbox ')
    .replace('keyturn.js apply ', 'keyturn.js apply --sandbox --local-record ');
}

/** As a runner runs it: with `bash -e` and no other environment. */
async function run(script: string, cwd: string, env: Readonly<Record<string, string>>): Promise<number> {
  const path = env['PATH'] ?? process.env['PATH'] ?? '';
  const ran = promisify(execFile)('bash', ['-e', '-c', script], { cwd, env: { ...env, PATH: path } });
  return ran.then(
    () => 0,
    (error: { code?: number }) => error.code ?? -1,
  );
}

test('the scripts of the example workflows plan each stack, keep one comment, and apply only what it shows', async () => {
  const pull = await aPullRequest();
  expect(await pull.run(pull.main, ['apply', '--sandbox', '--auto-approve'])).toMatchObject({ code: 0 });
  expect(await pull.run(pull.branch, ['synth'])).toMatchObject({ code: 0 });
  await mkdir(join(pull.planner, 'node_modules'));
  await symlink(REPOSITORY, join(pull.planner, 'node_modules', 'keyturn'));
  const manifest = await readFile(join(pull.branch, 'cdktf.out', 'stacks', 'shop', 'keyturn.json'), 'utf8');
  await put(join(pull.planner, 'manifests', 'shop', 'keyturn.json'), manifest);

  expect(await run(await scriptOf('keyturn-plan.yml', 'Plan each stack'), pull.planner, {})).toBe(0);
  const comment = await readFile(join(pull.planner, 'plans', 'shop.md'), 'utf8');
  expect(comment).toContain('<!-- keyturn plan shop -->');

  // A `gh` that knows of one comment as soon as one was posted.
  const bin = await temporaryFolder();
  const calls = join(bin, 'calls');
  await put(
    join(bin, 'gh'),
    `#!/bin/sh\ncase "$*" in *--paginate*) test ! -e ${calls} || echo 17 ;; *) echo "$@ $MARKER" >>${calls} ;; esac\n`,
  );
  await chmod(join(bin, 'gh'), 0o755);
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, REPOSITORY: 'example/shop', PULL: '7' };
  const commenting = await scriptOf('keyturn-plan.yml', 'Comment, or update the comment');
  expect(await run(commenting, pull.planner, env)).toBe(0);
  expect(await run(commenting, pull.planner, env)).toBe(0);
  expect((await readFile(calls, 'utf8')).trimEnd().split('\n')).toEqual([
    'api --silent repos/example/shop/issues/7/comments -F body=@plans/shop.md <!-- keyturn plan shop -->',
    'api --silent --method PATCH repos/example/shop/issues/comments/17 -F body=@plans/shop.md <!-- keyturn plan shop -->',
  ]);

  await pull.git(pull.main, 'merge', '-q', '--no-ff', '--no-edit', 'rotate');
  const temp = await temporaryFolder();
  await put(join(temp, 'approvals.json'), '[]');
  await put(
    join(temp, 'plans', 'shop.plan.json'),
    await readFile(join(pull.planner, 'plans', 'shop.plan.json'), 'utf8'),
  );
  const applying = (await scriptOf('keyturn-apply.yml', 'Apply what was approved')).replace(
    'node node_modules/keyturn/bin',
    `node ${REPOSITORY}/bin`,
  );
  const job = {
    GITHUB_ACTIONS: 'true',
    RUNNER_TEMP: temp,
    PULL: 'https://github.example/pull/7',
    HOME: temp,
  };
  const before = pull.changes().length;
  expect(await run(applying, pull.main, { ...job, DIGESTS: 'f'.repeat(64) })).toBe(12);
  expect(pull.changes()).toHaveLength(before);
  const [, digest = ''] = /--approved-digest ([0-9a-f]{64})/.exec(comment) ?? [];
  expect(await run(applying, pull.main, { ...job, DIGESTS: `${'f'.repeat(64)} ${digest} ` })).toBe(0);
  expect(pull.reads()).toMatchObject({ 'shop_web:key': 'key_v2' });
  expect(await run(applying, pull.main, { ...job, DIGESTS: digest })).toBe(12);
});
