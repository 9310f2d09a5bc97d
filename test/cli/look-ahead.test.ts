import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lookAhead } from '../../src/cli/ahead.ts';
import { keyturn, project } from './project.ts';

const KEY = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets', terraform: false });
    new Secret(this, 'key', { vault, source: Source.random(), cadence: Cadence.onRequest() });`;

/** A project that was synthesized, and the manifest of its stack. */
async function synthesized(): Promise<{ readonly directory: string; readonly manifest: string }> {
  const directory = await project(KEY);
  const ran = await keyturn(['synth'], { cwd: directory });
  expect(ran, ran.err).toMatchObject({ code: 0 });
  return { directory, manifest: join(directory, 'cdktf.out', 'stacks', 'shop', 'keyturn.json') };
}

test('the manifests of the last synth are checked by the time that the rest of a command is needed', async () => {
  const { directory, manifest } = await synthesized();
  const loaded: string[] = [];
  const ahead = await lookAhead({ directory }, () => Promise.resolve(loaded.push('rest')));
  expect(loaded).toEqual([]);
  ahead.begin();
  while (ahead.known.size === 0) await new Promise(setImmediate);
  await ahead.end();
  expect(loaded).toEqual(['rest']);
  const text = await readFile(manifest, 'utf8');
  expect(ahead.known.get(text)?.secrets.map(({ name }) => name)).toEqual(['key']);
});

test('what the last synth left broken is left to the next one, and nothing is begun behind the app', async () => {
  const { directory, manifest } = await synthesized();
  await writeFile(manifest, '{"format":1}');
  const broken = await lookAhead({ directory }, () => Promise.reject(new Error('it cannot be loaded')));
  broken.begin();
  await broken.end();
  expect(broken.known.size).toBe(0);
  await expect(broken.rest()).rejects.toThrow('it cannot be loaded');
});

test('nothing is looked at where a manifest is given, for no app runs', async () => {
  const { directory, manifest } = await synthesized();
  const ahead = await lookAhead({ directory, manifest }, () => Promise.resolve());
  ahead.begin();
  await ahead.end();
  expect(ahead.known.size).toBe(0);
});
