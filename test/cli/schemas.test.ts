import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { keyturn, project } from './project.ts';

/** By its published file, as another program would. */
function validator(name: string) {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats.default(ajv);
  const path = new URL(`../../schemas/${name}.json`, import.meta.url);
  return ajv.compile(JSON.parse(readFileSync(path, 'utf8')) as object);
}

const read = async (...path: readonly string[]): Promise<object> =>
  JSON.parse(await readFile(join(...path), 'utf8')) as object;

/** The document with something at a path that must not be there. */
function broken(document: object, path: readonly string[], value: unknown): object {
  const copy = structuredClone(document) as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce((so, key) => so[key] as Record<string, unknown>, copy);
  parent[last] = value;
  return copy;
}

test('what a run writes fits the published schemas, and what somebody plants in it does not', async () => {
  const cwd = await project();
  const env = { GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: 'push', GITHUB_ACTOR: 'ada' };
  const apply = ['apply', '--sandbox', '--auto-approve', '--local-record'];
  expect(await keyturn(apply, { cwd, env })).toMatchObject({ code: 0 });
  // A group that is rolled back, so that inverses and faults are there as well.
  const failed = await keyturn([...apply, '--value', 'token=env:T'], {
    cwd,
    env: { ...env, T: 'bad-token' },
  });
  expect(failed).toMatchObject({ code: 10 });
  const plan = ['plan', '--sandbox', '--rotate', 'key', '--out', 'shop.plan.json'];
  expect(await keyturn(plan, { cwd })).toMatchObject({ code: 0 });

  const record = join(cwd, '.keyturn', 'sandbox', 'state', 'shop');
  const manifest = await read(cwd, 'cdktf.out', 'stacks', 'shop', 'keyturn.json');
  const state = await read(record, 'state.json');
  const first = await read(record, 'history', '000001.json');
  const second = await read(record, 'history', '000002.json');
  const saved = await read(cwd, 'shop.plan.json');
  const fitting: readonly (readonly [string, object])[] = [
    ['manifest', manifest],
    ['state', state],
    ['history-entry', first],
    ['history-entry', second],
    ['plan', saved],
  ];
  for (const [name, document] of fitting) {
    const validate = validator(name);
    validate(document);
    expect({ name, errors: validate.errors }).toEqual({ name, errors: null });
    expect(validate({ ...document, format: 2 })).toBe(false);
  }

  const planted: readonly (readonly [string, object])[] = [
    ['manifest', broken(manifest, ['secrets', '0', 'name'], 'no name')],
    ['manifest', broken(manifest, ['secrets', '0', 'value'], 'a value')],
    ['manifest', broken(manifest, ['platforms', '0', 'endpoint'], 'http://somewhere')],
    ['state', broken(state, ['serial'], -1)],
    ['state', broken(state, ['value'], 'a value')],
    ['history-entry', broken(first, ['steps', '0', 'status'], 'fine')],
    ['history-entry', broken(first, ['actor', 'knownBy'], 'hearsay')],
    ['history-entry', broken(first, ['previous'], 'none')],
    ['plan', broken(saved, ['digest'], 'none')],
    ['plan', broken(saved, ['plan', 'steps', '0', 'kind'], 'explode')],
    ['plan', broken(saved, ['plan', 'steps', '0', 'inverse', 'kind'], 'explode')],
    ['plan', broken(saved, ['plan', 'steps', '0', 'cause'], { kind: 'whim' })],
  ];
  for (const [name, document] of planted)
    expect({ name, fits: validator(name)(document) }).toEqual({ name, fits: false });
});
