import { PassThrough } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import { askForValues } from '../../src/cli/ask-hidden.ts';
import { readValues } from '../../src/cli/values.ts';
import { openTerminal } from '../../src/cli/terminal.ts';
import type { SecretAddress } from '../../src/model/address.ts';
import type { Blocked } from '../../src/model/plan.ts';
import { secret, stack } from '../plan/declare.ts';

let keys: PassThrough;
let shown: string;
/** What is typed when a question is seen, one entry a question. */
let answers: string[];

beforeEach(() => {
  keys = new PassThrough();
  shown = '';
  answers = [];
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(keys as never);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    shown += String(text);
    if (/(value|not shown\)): $/.test(String(text))) setImmediate(() => keys.write(answers.shift() ?? '\n'));
    return true;
  });
  return () => vi.restoreAllMocks();
});

const waiting = (...names: string[]): Blocked[] =>
  names.map((name) => ({
    address: `vault://shop-prod/${name}` as SecretAddress,
    why: 'awaiting-value',
    text: 'awaits a value',
    next: null,
    fault: null,
  }));

async function brought(signal: AbortSignal, ...names: string[]): Promise<string[]> {
  const terminal = openTerminal({ directory: '.', noColor: true, debug: false });
  const values = await askForValues(waiting(...names), terminal, signal);
  return [...values].map(([address, value]) => `${address} ${value.reveal()}`);
}

const NEVER = new AbortController().signal;

test('a line is a value, of which nothing is shown; an empty one leaves its secret waiting', async () => {
  answers = ['canary-1\n', '\n', 'canary-2\n'];
  expect(await brought(NEVER, 'a', 'b', 'c')).toEqual([
    'vault://shop-prod/a canary-1',
    'vault://shop-prod/c canary-2',
  ]);
  expect(shown).not.toContain('canary');
});

test('of several lines that are pasted none is taken for the whole value', async () => {
  answers = ['-----BEGIN canary-----\ncanary\n-----END canary-----\n', 'canary-2\n'];
  expect(await brought(NEVER, 'a')).toEqual(['vault://shop-prod/a canary-2']);
  expect(shown).toContain('--value vault://shop-prod/a=file:PATH');
  expect(shown).not.toContain('canary');
});

test('an interrupt ends the question of --value as well', async () => {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  answers = ['\u0003'];
  Object.assign(keys, { isTTY: true });
  const token = secret('token', { source: { kind: 'manual', instructions: null } });
  await expect(readValues(['token=-'], [stack([token], [])], interrupt.signal)).rejects.toMatchObject({
    code: 'interrupted',
  });
});

test('after an interrupt nothing more is asked', async () => {
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  answers = ['\u0003'];
  expect(await brought(interrupt.signal, 'a', 'b')).toEqual([]);
  expect(shown).not.toContain('shop-prod/b');
});
