import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readValues } from '../../src/cli/values.ts';
import { Fault } from '../../src/model/fault.ts';
import { makeCanary } from '../support/canary.ts';
import { declare, secret } from '../support/world.ts';
import { SHOP, keyturn, project, put, temporaryFolder } from './project.ts';
import type { Ran } from './project.ts';

const APPLY = ['apply', '--sandbox', '--auto-approve'];
const TOKEN = 'vault://shop-secrets/token';

const told = ({ out, err }: Ran) => `${out}\n${err}`.replaceAll(/\s+/g, ' ');

afterEach(() => vi.unstubAllEnvs());

const NEVER = new AbortController().signal;

describe('a mistyped --value', () => {
  const stacks = [declare([secret('token', { source: { kind: 'manual', instructions: null } })], [])];

  test.each([
    ['alone', (value: string) => value],
    ['with an end like base64', (value: string) => `${value}==`],
    ['behind a colon', (value: string) => `token:${value}`],
    ['behind the address', (value: string) => `token=${value}`],
    ['as an address', (value: string) => `${value}=-`],
    ['as the name of a variable', (value: string) => `token=env:${value}`],
    ['as the name of a file', (value: string) => `token=file:${value}`],
  ])('%s is not repeated', async (_, write) => {
    const canary = makeCanary();
    const fault = await readValues([write(canary.value('v'))], stacks, NEVER).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(fault instanceof Fault)) throw new TypeError('no fault');
    expect(JSON.stringify(fault.toJSON())).toMatch(/--value|vault:\/\/prod-vault\/token/);
    expect(canary.foundIn(JSON.stringify(fault.toJSON()) + String(fault.stack))).toEqual([]);
    expect(fault.cause).toBeUndefined();
  });

  test('is refused before the stacks are even read, as text and as JSON', async () => {
    const canary = makeCanary();
    const cwd = await temporaryFolder();
    for (const format of ['text', 'json']) {
      const entries = ['--value', 'token=-', '--value', canary.value('v')];
      const ran = await keyturn([...APPLY, '--debug', '--format', format, ...entries], { cwd });
      expect(ran).toMatchObject({ code: 1 });
      expect(told(ran)).toContain('--value (2 of 2) is not in a form that it takes');
      expect(canary.foundIn(ran.out + ran.err)).toEqual([]);
    }
  });

  test('leaves the file that there is in the message', async () => {
    const path = join(await temporaryFolder(), 'empty');
    await put(path, '');
    await expect(readValues([`token=file:${path}`], stacks, NEVER)).rejects.toMatchObject({
      where: expect.stringContaining(path) as string,
    });
  });

  test('or a right one: what came from a variable is gone from the environment', async () => {
    vi.stubEnv('NEW_TOKEN', 'good');
    const values = await readValues(['token=env:NEW_TOKEN'], stacks, NEVER);
    expect([...values.values()].map((value) => value.reveal())).toEqual(['good']);
    expect(process.env).not.toHaveProperty('NEW_TOKEN');
  });
});

test('standard input that is not UTF-8 is refused', async () => {
  const cwd = await project();
  const stdin = Uint8Array.from([0x67, 0xff, 0xfe, 0x80, 0x41]);
  const ran = await keyturn([...APPLY, '--value', 'token=-'], { cwd, stdin });
  expect(ran).toMatchObject({ code: 1, out: '' });
  expect(told(ran)).toContain(`standard input is not UTF-8 text (value-refused) where ${TOKEN}`);
});

test('a value that the plan to be applied does not write is refused before anything is changed', async () => {
  const other = `
    const source = Source.random({ bytes: 8, encoding: 'hex' });
    const other = new Secret(this, 'other', { vault, source, cadence: Cadence.onRequest() });
    const mounts = [other.at('other')];
    new SwarmService(this, 'api', { swarm, service: 'shop_api', mounts, settle: Duration.seconds(0) });`;
  const cwd = await project(SHOP + other);
  const apply = (...more: string[]) =>
    keyturn([...APPLY, ...more, '--value', 'token=-'], { cwd, stdin: 'good-new' });
  const now = () => keyturn(['output', '--sandbox'], { cwd }).then(({ out }) => out);
  expect(await keyturn(APPLY, { cwd })).toMatchObject({ code: 0 });
  await keyturn(['plan', '--sandbox', '--rotate', 'key', '--out', 'saved.json'], { cwd });
  const before = await now();

  const saved = await keyturn(['apply', 'saved.json', '--sandbox', '--value', 'token=-'], {
    cwd,
    stdin: 'good-new',
  });
  const targeted = await apply('--rotate', 'other', '--target', 'other');
  for (const ran of [saved, targeted]) {
    expect(ran).toMatchObject({ code: 1 });
    expect(told(ran)).toContain(
      `the value would not be used: the plan to be applied does not rotate this secret (bad-usage) where ${TOKEN}`,
    );
  }
  expect(await now()).toBe(before);

  expect(await apply()).toMatchObject({ code: 0 });
  const after = await now();
  const soaking = await apply('--rotate', 'key');
  expect(soaking).toMatchObject({ code: 1 });
  expect(told(soaking)).toMatch(/the value would not be used: v1 soaks until .* plan again after/);
  expect(await now()).toBe(after);
});
