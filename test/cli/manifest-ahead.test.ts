import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keyturn, project, REPOSITORY, SHOP } from './project.ts';

/**
 * A project whose sandbox another process serves, or not; and its manifest, with a secret that is wrong, and so large that it is
 * read through while others are asked.
 */
async function wrongOne(isServed: boolean): Promise<{ readonly cwd: string; readonly manifest: string }> {
  const cwd = await project(SHOP);
  expect((await keyturn(['synth'], { cwd })).code).toBe(0);
  if (isServed) {
    const args = [join(REPOSITORY, 'bin', 'keyturn.js'), 'sandbox', 'serve'];
    const server = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(async () => {
      server.kill('SIGTERM');
      await new Promise((resolve) => server.once('close', resolve));
    });
    await new Promise((resolve) => server.stdout.once('data', resolve));
  }
  const text = await readFile(join(cwd, 'cdktf.out', 'stacks', 'shop', 'keyturn.json'), 'utf8');
  const manifest = join(cwd, 'wrong.json');
  await writeFile(manifest, text.replace(/"soak": ?"[^"]+"/, '"soak":"P1M"') + ' '.repeat(1_000_000));
  return { cwd, manifest };
}

test('a manifest that is wrong is told before what is wrong with the sandbox', async () => {
  const { cwd, manifest } = await wrongOne(true);
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replaceAll('shop-secrets', 'other-vault'));
  const ran = await keyturn(['plan', '--sandbox', '--manifest', manifest], { cwd });
  expect(ran.code, ran.err).toBe(1);
  expect(ran.err).toContain('secrets.0.soak');
  expect(ran.err).not.toContain('other-vault');
});

test.each([
  ['of which another stack is asked for', true, ['other']],
  ['whose vault is asked before it is read through', true, []],
  ['whose servers this process starts', false, []],
  ['out of which something is chosen', true, ['--target', 'key']],
  ['of another time', true, ['--at', '2027-01-01T00:00:00Z']],
  ['whose plan is to be saved', true, ['--out', 'plan.json']],
])(
  'a manifest that is wrong, %s, is refused as a whole and nothing is planned',
  async (_what, isServed, more) => {
    const { cwd, manifest } = await wrongOne(isServed);
    const ran = await keyturn(['plan', '--sandbox', '--manifest', manifest, ...more], { cwd });
    expect(ran.code, ran.err).toBe(1);
    expect(ran.out).toBe('');
    expect(ran.err).toContain('not what keyturn writes there');
    expect(ran.err).toContain('secrets.0.soak');
    expect(ran.err).not.toContain('vault://');

    const json = await keyturn(['plan', '--sandbox', '--format', 'json', '--manifest', manifest], { cwd });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      exitCode: 1,
      error: { code: 'bad-file', where: manifest },
    });
  },
);
