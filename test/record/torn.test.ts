import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NODE_FILES } from '../../src/record/files.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import type { Journal } from '../../src/record/journal-file.ts';
import type { StackRecord } from '../../src/record/record.ts';
import { emptyPlan } from '../support/empty-plan.ts';
import { log, recordOn, systemError } from '../support/files.ts';
import { claimed } from '../support/lease.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyturn-torn-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const now = (): string => '2026-11-22T03:00:00Z';
const actor = { name: 'Jörg', knownBy: 'os-user', host: 'here', run: null } as const;

function begin(held: HeldRecord): Promise<Journal> {
  const facts = { apply: 'a1', lineage: 'l', serial: 0, planDigest: 'd', actor, reason: null, ticket: null };
  return held.begin({ type: 'begin', format: 1, plan: emptyPlan('shop'), ...facts }, now);
}

async function linesOf(record: StackRecord): Promise<string[] | undefined> {
  return (await record.interrupted())?.map(({ type }) => type);
}

const seen = { type: 'seen', fingerprints: {} } as const;

describe('a journal', () => {
  it('can be read although the disk was full twice: in the middle of a line, and of the fence behind it', async () => {
    let isFull = false;
    const record = recordOn(
      directory,
      log((file) => ({
        write: (text) => {
          if (!isFull) return file.write(text);
          file.write(text.slice(0, 30));
          throw systemError('ENOSPC');
        },
      })),
    );
    const held = await claimed(record);
    const journal = await begin(held);
    isFull = true;
    await expect(journal.append(seen)).rejects.toMatchObject({ code: 'record-unwritable' });
    await held.release();
    for (let times = 1; times <= 2; times += 1) {
      const next = await claimed(record);
      await expect(next.resume(now)).rejects.toMatchObject({ code: 'record-unwritable' });
      await next.release();
    }
    isFull = false;
    const last = await (await claimed(record)).resume(now);
    await last?.append(seen);
    expect(await linesOf(record)).toEqual(['begin', 'fence', 'seen']);
  });

  it('is gone on with behind a line that was cut off within a character', async () => {
    const line = { type: 'hold', secret: 'vault://v/a' } as const;
    const held = { since: now(), reason: 'Jörg 🔑', cause: { kind: 'first' }, declaration: '' } as const;
    const written: string[] = [];
    const record = recordOn(
      directory,
      log((file) => ({
        write: (text) => {
          written.push(text);
          file.write(text);
        },
      })),
    );
    const first = await claimed(record);
    const journal = await begin(first);
    await journal.append({ ...line, held });
    const bytes = Buffer.from(written.at(-1) ?? '');
    await rm(directory, { recursive: true, force: true });
    const name = bytes.indexOf('"reason":"J');
    for (const at of [1, bytes.length - 1, ...Array.from({ length: 12 }, (_, index) => name + 10 + index)]) {
      const torn = recordOn(join(directory, String(at)));
      await begin(await claimed(torn));
      appendFileSync(join(directory, String(at), 'shop', 'journal.jsonl'), bytes.subarray(0, at));
      const next = await (await claimed(torn)).resume(now);
      expect(next?.lines[0]).toMatchObject({ actor: { name: 'Jörg' } });
      await next?.append(seen);
      // Taken over first, then resumed.
      expect(await linesOf(torn)).toEqual(['begin', 'fence', 'fence', 'seen']);
    }
  });

  it('refuses what a holder appends whose line was still being synced when it was fenced off', async () => {
    const inBetween: (() => Promise<unknown>)[] = [];
    const slow = recordOn(
      directory,
      log((file) => ({
        sync: async () => {
          await file.sync();
          await inBetween.pop()?.();
        },
      })),
    );
    const journal = await begin(await claimed(slow));
    inBetween.push(() => claimed(recordOn(directory)));
    await journal.append(seen);
    await expect(journal.append(seen)).rejects.toMatchObject({ code: 'lease-lost' });
    expect(await linesOf(slow)).toEqual(['begin', 'seen', 'fence']);
  });

  it('passes over what a suspended holder still wrote behind the fence', async () => {
    const path = join(directory, 'shop', 'journal.jsonl');
    const fence = { seq: 2, type: 'fence', at: now(), why: 'resume', by: 'bob' };
    const inBetween: (() => void)[] = [];
    const slow = recordOn(
      directory,
      log((file) => ({
        write: (text) => {
          inBetween.pop()?.();
          file.write(text);
        },
      })),
    );
    const journal = await begin(await claimed(slow));
    inBetween.push(() => {
      const other = NODE_FILES.openToAppend(path);
      other.write(`${JSON.stringify(fence)}\n`);
      other.close();
    });
    await journal.append(seen);
    expect(await linesOf(slow)).toEqual(['begin', 'fence']);
    const next = await (await claimed(slow)).resume(now);
    await next?.append(seen);
    expect(await linesOf(slow)).toEqual(['begin', 'fence', 'fence', 'fence', 'seen']);
  });
});
