import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { makeCanary } from './canary.ts';
import { watchProcesses } from './processes.ts';

const run = promisify(execFile);

test('finds the canary however a longer text around it is encoded, and its digest', () => {
  const canary = makeCanary();
  const value = canary.value('good');
  expect(canary.foundIn('nothing of it')).toEqual([]);
  expect(canary.foundIn(makeCanary().value('good'))).toEqual([]);
  expect(canary.foundIn(JSON.stringify({ value }))).toEqual(['plain']);
  for (const pad of ['', 'a', 'ab', 'abc']) {
    const around = Buffer.from(`${pad}${value} and more`);
    expect(canary.foundIn(around.toString('base64'))).not.toEqual([]);
    expect(canary.foundIn(around.toString('base64url'))).not.toEqual([]);
  }
  expect(canary.foundIn(Buffer.from(value).toString('hex').toUpperCase())).toEqual(['hex, upper case']);
  const percent = [...Buffer.from(value)].map((byte) => `%${byte.toString(16).toUpperCase()}`).join('');
  expect(canary.foundIn(`/secrets?Data=${percent}`)).toEqual(['percent, upper case']);
  const units = Array.from(value)
    .map((each) => `\\u00${each.charCodeAt(0).toString(16)}`)
    .join('');
  expect(canary.foundIn(units)).toEqual(['JSON in units']);
  expect(canary.foundIn(JSON.stringify(units))).toEqual(['JSON in units, twice']);
  const numbers = Array.from(value)
    .map((each) => `&#${each.charCodeAt(0)};`)
    .join('');
  expect(canary.foundIn(numbers)).toEqual(['XML in numbers']);
  expect(canary.foundIn(createHash('sha256').update(value).digest('hex'))).toHaveLength(1);
});

test('sees what a child and a grandchild were given in arguments and environment', async () => {
  const canary = makeCanary();
  const value = canary.value('good');
  const watch = watchProcesses((text) => canary.foundIn(text).length > 0);
  await run('sh', ['-c', 'sh -c "sleep 0.1; : $0"; :', value], { env: { PATH: process.env['PATH'] } });
  await run('sh', ['-c', 'sleep 0.1; :'], { env: { PATH: process.env['PATH'], VALUE: value } });
  watch.stop();
  const seen = new Set(watch.sightings.map(({ where, depth }) => `${where} ${depth}`));
  expect([...seen]).toEqual(expect.arrayContaining(['arguments 1', 'environment 1', 'environment 2']));
});
