import { spawn } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { builtPackage, install } from './built-package.ts';
import { REPOSITORY, SHOP, keyturn, project, put, temporaryFolder } from './project.ts';

const NO_CHANGES = 'No changes. Your infrastructure matches the configuration.';
const CANARY = 'canary-9f2c-of-the-token';

test('plan, apply, plan: a fresh stack converges and every later question agrees', async () => {
  const cwd = await project();

  const before = await keyturn(['plan', '--sandbox', '--detailed-exitcode', '--format', 'json'], { cwd });
  expect(before).toMatchObject({ code: 2 });
  const document = JSON.parse(before.out) as { plans: { stack: string }[]; resource_changes: unknown[] };
  expect(document.plans.map(({ stack }) => stack)).toEqual(['shop']);
  expect(document.resource_changes).not.toEqual([]);

  const applied = await keyturn(
    ['apply', '--sandbox', '--auto-approve', '--value', 'token=-', '--reason', 'start'],
    {
      cwd,
      stdin: `${CANARY}\n`,
    },
  );
  expect(applied.err).not.toContain('error');
  expect(applied).toMatchObject({ code: 0 });
  expect(applied.out).toContain('Apply complete!');

  const after = await keyturn(['plan', '--sandbox', '--detailed-exitcode'], { cwd });
  expect(after).toMatchObject({ code: 0 });
  expect(after.out).toContain(NO_CHANGES);

  const output = await keyturn(['output', '--sandbox'], { cwd });
  expect(output.out).toContain('KEY=key_v1\nTOKEN=token_v1');

  const history = await keyturn(['history', 'list', '--sandbox', '--format', 'json'], { cwd });
  const { stacks } = JSON.parse(history.out) as {
    stacks: { entries: { reason: string; outcome: string }[] }[];
  };
  expect(stacks[0]?.entries).toMatchObject([{ reason: 'start', outcome: 'done' }]);

  const everything = [before, applied, after, output, history].map(({ out, err }) => out + err).join('');
  expect(everything).not.toContain(CANARY);
  expect(await filesWith(CANARY, join(cwd, '.keyturn', 'sandbox', 'state'))).toEqual([]);
  expect(await readdir(cwd)).not.toContain('state');
});

test('a value that the service cannot live with is rolled back by itself, exit 10', async () => {
  const cwd = await project();
  await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });

  const failed = await keyturn(
    ['apply', '--sandbox', '--auto-approve', '--value', 'token=env:NEW_TOKEN', '--format', 'json'],
    { cwd, env: { NEW_TOKEN: 'bad-token' } },
  );
  expect(failed).toMatchObject({ code: 10 });
  const events = failed.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; outcome?: string });
  expect(events.at(0)?.type).toBe('planned');
  expect(events.at(-1)).toMatchObject({ type: 'apply_end', outcome: 'rolled-back' });
  expect(failed.out + failed.err).not.toContain('bad-token');

  const names = await keyturn(['output', '--sandbox', '--format', 'json'], { cwd });
  expect(JSON.parse(names.out)).toEqual({ format: 1, names: { KEY: 'key_v1', TOKEN: 'token_v1' } });
});

test('a saved plan is applied once, and only under the digest that was approved', async () => {
  const cwd = await project();
  const planned = await keyturn(['plan', '--sandbox', '--out', 'shop.plan.json'], { cwd });
  const digest = /--approved-digest ([0-9a-f]{64})/.exec(planned.out)?.[1] ?? 'none';

  const other = ['apply', 'shop.plan.json', '--sandbox', '--approved-digest', 'f'.repeat(64)];
  expect(await keyturn(other, { cwd })).toMatchObject({ code: 12 });
  const approved = ['apply', 'shop.plan.json', '--sandbox', '--approved-digest', digest];
  expect(await keyturn(approved, { cwd })).toMatchObject({ code: 0 });
  const again = await keyturn(approved, { cwd });
  expect(again).toMatchObject({ code: 12 });
  expect(again.err).toContain('(plan-');

  const text = await readFile(join(cwd, 'shop.plan.json'), 'utf8');
  await writeFile(join(cwd, 'shop.plan.json'), text.replace('shop_web', 'shop_wob'));
  const edited = await keyturn(['apply', 'shop.plan.json', '--sandbox'], { cwd });
  expect(edited).toMatchObject({ code: 1 });
  expect(edited.err).toContain('edited');
});

test('a wrong flag, a missing terminal and a talkative debug setting run nothing', async () => {
  const cwd = await project();

  const wrong = await keyturn(['apply', '--sandbox', '--auto-approve', '--nope'], { cwd });
  expect(wrong).toMatchObject({ code: 1, out: '' });
  expect(wrong.err).toContain('unknown argument: nope');

  const alone = await keyturn(['apply', '--sandbox'], { cwd });
  expect(alone).toMatchObject({ code: 1, out: '' });
  expect(alone.err).toContain('--auto-approve');

  const loud = await keyturn(['apply', '--sandbox', '--auto-approve'], {
    cwd,
    env: { DEBUG: 'express,modem*' },
  });
  expect(loud).toMatchObject({ code: 1, out: '' });
  expect(loud.err).toContain('unset DEBUG');

  expect(await readdir(cwd)).toEqual(['cdktf.json', 'main.ts', 'node_modules']);
});

test('an address that nothing has, and a value on the command line, are refused before anything is asked', async () => {
  const cwd = await project();

  const unknown = await keyturn(['plan', '--sandbox', '--rotate', 'tokn', '--format', 'json'], { cwd });
  expect(unknown).toMatchObject({ code: 1 });
  expect(JSON.parse(unknown.out)).toMatchObject({
    exitCode: 1,
    error: {
      code: 'bad-usage',
      what: 'no secret is called "tokn"',
      next: 'did you mean vault://shop-secrets/token?',
    },
  });

  const bare = await keyturn(['apply', '--sandbox', '--auto-approve', '--value', `token=${CANARY}`], { cwd });
  expect(bare).toMatchObject({ code: 1 });
  expect(bare.out + bare.err).not.toContain(CANARY);

  const ours = await keyturn(['apply', '--sandbox', '--auto-approve', '--value', 'key=-'], {
    cwd,
    stdin: 'x',
  });
  expect(ours).toMatchObject({ code: 1 });
  expect(ours.err).toContain('takes no value from a person');
  expect(ours.err).toContain('drop its --value; keyturn makes its values');

  const empty = await keyturn(['apply', '--sandbox', '--auto-approve', '--value', 'token=-'], {
    cwd,
    stdin: '\n',
  });
  expect(empty).toMatchObject({ code: 1 });
  expect(empty.err).toContain('the value is empty');
  expect(await readdir(cwd)).not.toContain('.keyturn');
});

test('a stack that throws is one clear error with what it said', async () => {
  const cwd = await project(`throw new Error('no vault for you');`);

  const ran = await keyturn(['plan', '--sandbox'], { cwd });

  expect(ran).toMatchObject({ code: 1, out: '' });
  expect(ran.err).toContain('(synth-failed)');
  expect(ran.err).toContain('no vault for you');
});

test('init writes a project into an empty folder, and nothing into one that has a file of its own', async () => {
  const empty = await temporaryFolder();
  expect(await keyturn(['init'], { cwd: empty })).toMatchObject({ code: 0 });
  expect((await readdir(empty)).sort()).toEqual([
    '.gitignore',
    'cdktf.json',
    'main.ts',
    'package.json',
    'stacks',
  ]);

  const full = await temporaryFolder();
  await put(join(full, 'stacks', 'example.ts'), 'mine');
  const refused = await keyturn(['init'], { cwd: full });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain('stacks/example.ts');
  expect(await readdir(full)).toEqual(['stacks']);
  expect(await readFile(join(full, 'stacks', 'example.ts'), 'utf8')).toBe('mine');
});

test('what init writes is synthesized and planned by the built package as it is', async () => {
  const built = await builtPackage();
  const bin = join(built, 'bin', 'keyturn.js');
  const cwd = await temporaryFolder();
  await keyturn(['init'], { cwd, bin });
  await install(cwd, built);

  const planned = await keyturn(['plan', '--sandbox'], { cwd, bin });

  expect(planned).toMatchObject({ code: 0 });
  expect(planned.out).toContain('Rotation: 2 to rotate, 1 consumer to flip (3 tasks restart).');
});

test('rollback returns to the prior version while it soaks, and the next plan respects that', async () => {
  const cwd = await project();
  const apply = (...more: string[]) => keyturn(['apply', '--sandbox', '--auto-approve', ...more], { cwd });
  await apply();
  expect(await apply('--rotate', 'key')).toMatchObject({ code: 0 });

  const back = await keyturn(['rollback', 'shop/key', '--sandbox', '--auto-approve', '--reason', 'errors'], {
    cwd,
  });
  expect(back).toMatchObject({ code: 0 });
  expect(back.out).toMatch(/^rolling back shop: \d+ steps, apply /m);
  expect(back.out).not.toMatch(/^applying|Apply complete/m);
  expect(back.out).toMatch(/\nRollback complete! Resources: 0 added, 2 changed, 1 destroyed\.\n$/);

  const names = await keyturn(['output', '--sandbox', '--format', 'json'], { cwd });
  expect(JSON.parse(names.out)).toEqual({ format: 1, names: { KEY: 'key_v1', TOKEN: 'token_v1' } });
  expect((await keyturn(['plan', '--sandbox'], { cwd })).out).toContain(NO_CHANGES);
});

/** A first apply in `cwd` that is interrupted while it verifies, and so leaves its journal open. */
async function interruptApply(cwd: string): Promise<void> {
  const bin = join(REPOSITORY, 'bin', 'keyturn.js');
  const child = spawn(process.execPath, [bin, 'apply', '--sandbox', '--auto-approve', '--format', 'json'], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (/"type":"step_start".*"kind":"verify"/.test(text)) child.kill('SIGINT');
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(11);
}

/** Two services, one after the other: what is interrupted while the first is verified has more to do. */
const SLOW_SHOP = SHOP.replace(
  "new SwarmService(this, 'web', {",
  `const api = new SwarmService(this, 'api', {
      swarm, service: 'shop_api', mounts: [key.at('key')], probe: Probe.none(), settle: Duration.seconds(15),
    });
    new SwarmService(this, 'web', { dependsOn: [api],`,
);

test('after an interrupted apply was taken back, a fault neither hides that nor says that nothing was changed', async () => {
  const cwd = await project(SLOW_SHOP);
  await keyturn(['plan', '--sandbox', '--out', 'early.json'], { cwd });
  await interruptApply(cwd);

  const planned = await keyturn(['plan', '--sandbox'], { cwd });
  const remark = planned.err.slice(planned.err.indexOf('An apply of ')).split('\n');
  expect(remark.join(' ')).toContain('did not end. keyturn apply ends it first');
  expect(remark.join('\n')).toMatch(
    /Group g1 is taken back: .*\n.*done .*\n[^]*live .*shop_api reads key from/,
  );
  expect(remark.filter((line) => line.length > 100)).toEqual([]);

  const next = await keyturn(['apply', 'early.json', '--sandbox'], { cwd });
  expect(next).toMatchObject({ code: 12 });
  expect(next.err).toContain('(plan-');
  expect(next.err).toContain('an interrupted apply had left half-done was taken back');
  expect(next.err).not.toContain('nothing was changed');
});

test('Ctrl-C between two steps ends the apply in an orderly way, and the next one takes back what it left', async () => {
  const cwd = await project(SLOW_SHOP);
  await interruptApply(cwd);
  expect(await readdir(join(cwd, '.keyturn', 'sandbox'))).not.toContain('in-use.json');
  expect(await readdir(join(cwd, '.keyturn', 'sandbox', 'state', 'shop'))).toEqual(['journal.jsonl']);

  const next = await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
  expect(next.err).toContain('did not end; it is looked after first');
  expect(next).toMatchObject({ code: 0 });
  const again = await keyturn(
    ['apply', '--sandbox', '--auto-approve', '--rotate', 'key', '--rotate', 'token'],
    { cwd },
  );
  expect(again).toMatchObject({ code: 0 });
});

test('sandbox serve is used by other commands and other clients until it is told to stop', async () => {
  const cwd = await project();
  const server = spawn(
    process.execPath,
    [join(REPOSITORY, 'bin', 'keyturn.js'), 'sandbox', 'serve', '--format', 'json'],
    {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void server.kill('SIGKILL'));
  const closed = new Promise((resolve) => server.once('close', resolve));
  const line = await new Promise<string>((resolve) =>
    server.stdout.setEncoding('utf8').once('data', resolve),
  );
  const { vaults, swarms } = JSON.parse(line) as Record<'vaults' | 'swarms', Record<string, string>>;

  const planned = await keyturn(['plan', '--sandbox'], { cwd });
  expect(planned.err).toContain(`served by process ${server.pid}`);
  const listed = await fetch(`${vaults['shop-secrets']}/secrets?api-version=7.5`, {
    headers: { authorization: 'Bearer me' },
  });
  expect(listed.status).toBe(200);
  const services = await fetch(`${swarms['shop']?.replace('tcp:', 'http:')}/services`);
  expect(await services.json()).toMatchObject([{ Spec: { Name: 'shop_web' } }]);

  server.kill('SIGTERM');
  expect(await closed).toBe(0);
  expect(await readdir(join(cwd, '.keyturn', 'sandbox'))).not.toContain('in-use.json');
});

test('completion offers commands, and the stacks and addresses of the last synth', async () => {
  const cwd = await project();
  await keyturn(['synth'], { cwd });

  const stacks = await keyturn(['--get-yargs-completions', 'keyturn', 'plan', ''], { cwd });
  expect(stacks.out.split('\n')).toContain('shop');
  const addresses = await keyturn(['--get-yargs-completions', 'keyturn', 'rollback', 'vault'], { cwd });
  expect(addresses.out).toContain('vault://shop-secrets/key');
});

async function filesWith(text: string, directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const read = await Promise.all(
    files.map(async (file) => ({ file, content: await readFile(file, 'utf8') })),
  );
  return read.filter(({ content }) => content.includes(text)).map(({ file }) => file);
}
