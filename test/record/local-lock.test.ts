import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimText } from '../../src/record/lease.ts';
import { openRecord } from '../../src/record/record.ts';
import type { StackRecord } from '../../src/record/record.ts';
import { claimed, holder } from '../support/lease.ts';

let directory: string;
let record: StackRecord;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-lock-'));
  record = openRecord({ directory, stack: 'shop' });
  const held = await claimed(record);
  await held.release();
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function leaveClaims(...numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    const dead = claimText(holder({ id: `dead ${number}` }));
    await writeFile(join(directory, 'shop', `lease-00000${number}.json`), dead, { mode: 0o600 });
  }
}

async function claims(): Promise<string[]> {
  return (await readdir(join(directory, 'shop'))).filter((name) => name.startsWith('lease-'));
}

describe('the claim in a directory', () => {
  it('is taken from the dead, also where takers died before they could remove what they took over', async () => {
    await leaveClaims(2, 3, 4);
    const held = await claimed(record, holder({ id: 'alive' }));
    expect(await claims()).toEqual(['lease-000005.json']);
    expect((await record.holder())?.id).toBe('alive');
    await held.release();
    expect(await claims()).toEqual([]);
  });
});
