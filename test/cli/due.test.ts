import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { thisProcess } from '../../src/cli/live-process.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import { openRecord } from '../../src/record/record.ts';
import { claimed, holder } from '../support/lease.ts';
import { keyturn, project } from './project.ts';

const DUE = ['apply', '--sandbox', '--auto-approve', '--due'];
const KEY = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    new Secret(this, 'key', {
      vault, source: Source.random(), cadence: Cadence.onRequest(), soak: Duration.seconds(1),
    });`;

/** The lease on the sandbox's record, held by this process. */
function holding(cwd: string): Promise<HeldRecord> {
  const record = openRecord({ directory: join(cwd, '.keyturn/sandbox/state'), stack: 'shop' });
  return claimed(record, holder({ host: hostname(), ...thisProcess() }));
}

describe('a scheduled apply', () => {
  it('with nothing to do says so in a line, whoever holds the lease', async () => {
    const cwd = await project(KEY);
    await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
    const held = await holding(cwd);
    try {
      const due = await keyturn(DUE, { cwd });
      expect(due.code).toBe(0);
      expect(due.out.trim()).toBe('No changes. Your infrastructure matches the configuration.');
    } finally {
      await held.release();
    }
  });

  it('with nothing to do but secrets that await a person says so in a line', async () => {
    const cwd = await project(`
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    new Secret(this, 'key', { vault, source: Source.random(), cadence: Cadence.onRequest() });
    new Secret(this, 'token', {
      vault, source: Source.manual(), soak: Duration.seconds(1),
      cadence: Cadence.every('PT1M', { from: '2026-01-01', at: '00:00', timeZone: 'UTC' }),
    });`);
    const empty = ['--sandbox', '--sandbox-empty'];
    const first = await keyturn(['apply', ...empty, '--auto-approve', '--value', 'token=-'], {
      cwd,
      stdin: 'one',
    });
    expect(first, first.err).toMatchObject({ code: 0 });
    // Due within a minute, which is what the test waits for: cadences count in minutes.
    const blocked = async (): Promise<string> => (await keyturn(['plan', ...empty, '--due'], { cwd })).out;
    await vi.waitFor(async () => expect(await blocked()).toContain('awaiting-value'), 90_000);
    const due = await keyturn(['apply', ...empty, '--auto-approve', '--due'], { cwd });
    expect(due.code).toBe(0);
    expect(due.out).toBe('shop: nothing to do now; 1 awaiting a value (keyturn status says more)\n');
  }, 150_000);

  it('that finds the lease held says so in a line, exits 0, and does its work the next time', async () => {
    const cwd = await project(KEY);
    await keyturn(['apply', '--sandbox', '--auto-approve'], { cwd });
    await keyturn(['apply', '--sandbox', '--auto-approve', '--rotate', 'key'], { cwd });
    // Its soak is over in a second.
    const pending = ['plan', '--sandbox', '--due', '--detailed-exitcode'];
    await vi.waitFor(async () => expect((await keyturn(pending, { cwd })).code).toBe(2), 30_000);
    const held = await holding(cwd);
    try {
      const due = await keyturn(DUE, { cwd });
      expect(due.code).toBe(0);
      expect(due.out).toMatch(/^shop: the lease is held by tester since .*; the next run looks again\n$/);
    } finally {
      await held.release();
    }
    const after = await keyturn(DUE, { cwd });
    expect(after.code).toBe(0);
    expect(after.out).toContain('disable key v1');
    expect((await keyturn(pending, { cwd })).code).toBe(0);
  });
});
