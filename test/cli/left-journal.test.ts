import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRecord } from '../../src/record/record.ts';
import { keyturn, project } from './project.ts';

const APPLY = ['apply', '--sandbox', '--auto-approve'];
const KEY = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    new Secret(this, 'key', { vault, source: Source.random(), cadence: Cadence.onRequest() });`;

/** A journal as an apply leaves it that is killed behind its state, before the journal goes. */
async function foldedJournal(records: string): Promise<string> {
  const record = openRecord({ directory: records, stack: 'shop' });
  const { lineage, serial, head } = await record.read();
  const { apply, actor } = await record.history.show(head?.entry ?? 0);
  const begin = {
    seq: 1,
    at: '2026-11-28T03:00:00Z',
    type: 'begin',
    format: 1,
    apply,
    lineage,
    serial: serial - 1,
  };
  return `${JSON.stringify({ ...begin, planDigest: '', plan: { steps: [], groups: [] }, actor, reason: null, ticket: null })}\n`;
}

describe('a journal of an apply that was killed', () => {
  it.each([
    ['before its first line was whole', [], () => Promise.resolve('{"seq":1,"at":"20')],
    ['before its first line', ['--due'], () => Promise.resolve('')],
    ['behind its state', [], foldedJournal],
    ['behind its state', ['--due'], foldedJournal],
  ])('%s is gone after the next apply %j that has nothing to do', async (_when, options, textOf) => {
    const cwd = await project(KEY);
    expect(await keyturn(APPLY, { cwd })).toMatchObject({ code: 0 });
    const records = join(cwd, '.keyturn', 'sandbox', 'state');
    const state = await readFile(join(records, 'shop', 'state.json'), 'utf8');
    await writeFile(join(records, 'shop', 'journal.jsonl'), await textOf(records));

    const next = await keyturn([...APPLY, ...options], { cwd });
    expect(next, next.err).toMatchObject({ code: 0 });
    expect(next.err).not.toContain('did not end');
    expect(next.out).toContain('No changes.');
    expect(await readdir(join(records, 'shop'))).not.toContain('journal.jsonl');
    expect(await readFile(join(records, 'shop', 'state.json'), 'utf8')).toBe(state);
  });
});
