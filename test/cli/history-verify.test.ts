import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../src/model/canonical.ts';
import type { HistoryEntry } from '../../src/model/journal.ts';
import { keyturn, project } from './project.ts';

const APPLY = ['apply', '--sandbox', '--auto-approve', '--lock-timeout', '1s'];

/** Whatever the width of the page. */
function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

async function json(cwd: string, ...args: string[]): Promise<{ code: number | null; said: unknown }> {
  const { code, out } = await keyturn([...args, '--sandbox', '--format', 'json'], { cwd });
  return { code, said: JSON.parse(out) as unknown };
}

it('a history is verified by its state and the vault, and what somebody changed is found and sealed only by a person', async () => {
  const cwd = await project();
  const history = join(cwd, '.keyturn', 'sandbox', 'state', 'shop', 'history');
  expect((await keyturn(APPLY, { cwd })).code).toBe(0);
  expect((await keyturn([...APPLY, '--rotate', 'key', '--ticket', 'OPS-1'], { cwd })).code).toBe(0);

  const whole = await keyturn(['history', 'verify', '--sandbox'], { cwd });
  expect(whole.code, whole.err).toBe(0);
  expect(whole.out).toMatch(/^The history verifies: 2 entries, the newest [0-9a-f]{12}\.\n/);
  expect(whole.out).toMatch(/vault shop-secrets +agrees +names entry 2, the newest/);

  const path = join(history, '000001.json');
  const text = await readFile(path, 'utf8');
  const entry = JSON.parse(text) as HistoryEntry;
  expect(entry.writes?.map(({ act, secret }) => `${act} ${secret}`)).toEqual([
    'set vault://shop-secrets/key',
    'set vault://shop-secrets/token',
  ]);
  expect(entry.consumers).toEqual({
    'swarm://shop/shop_web': {
      key: { secret: 'vault://shop-secrets/key', before: null, after: 1 },
      token: { secret: 'vault://shop-secrets/token', before: null, after: 1 },
    },
  });
  await writeFile(path, `${canonicalJson({ ...entry, reason: 'nobody will ask' })}\n`);
  const edited = await keyturn(['history', 'verify', '--sandbox'], { cwd });
  expect(edited.code).toBe(1);
  expect(flat(edited.out)).toContain('edited: entry 1 is not the one that entry 2 names: it was changed');

  // Made to fit, with the state: only the vault knows.
  const second = join(history, '000002.json');
  const { createHash } = await import('node:crypto');
  const digest = (of: string): string => createHash('sha256').update(of.trimEnd()).digest('hex');
  const next = JSON.parse(await readFile(second, 'utf8')) as HistoryEntry;
  await writeFile(second, `${canonicalJson({ ...next, previous: digest(await readFile(path, 'utf8')) })}\n`);
  const state = join(history, '..', 'state.json');
  const recorded = JSON.parse(await readFile(state, 'utf8')) as object;
  const head = { entry: 2, digest: digest(await readFile(second, 'utf8')) };
  await writeFile(state, `${canonicalJson({ ...recorded, head })}\n`);
  const alone = await keyturn(['history', 'verify', '--sandbox', '--chain-only'], { cwd });
  expect(alone.code, alone.out).toBe(0);
  const rewritten = await json(cwd, 'history', 'verify');
  expect(rewritten).toMatchObject({
    code: 1,
    said: {
      stacks: [
        {
          findings: [{ kind: 'edited', entry: 2 }],
          witnesses: [{ says: 'agrees' }, { name: 'vault shop-secrets', says: 'contradicts' }],
        },
      ],
    },
  });

  const applied = await keyturn([...APPLY, '--rotate', 'token'], { cwd });
  expect(applied.code).toBe(0);
  expect(flat(applied.err)).toContain(
    'the history does not hold the entry 2 that vault "shop-secrets" sealed',
  );
  const refused = await keyturn(['history', 'seal', '--sandbox'], { cwd });
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('--auto-approve');
  const sealed = await keyturn(['history', 'seal', '--sandbox', '--auto-approve', '--ticket', 'OPS-9'], {
    cwd,
  });
  expect(flat(sealed.out), sealed.err).toContain(
    'Sealed: entry 4 is the newest, and shop-secrets witness it.',
  );
  expect((await keyturn(['history', 'verify', '--sandbox'], { cwd })).code).toBe(0);
  const accepted = await json(cwd, 'history', 'show', '4');
  expect(accepted.said).toMatchObject({ kind: 'seal', ticket: 'OPS-9' });
  expect((accepted.said as HistoryEntry).notes?.[0]).toContain('vault shop-secrets had sealed entry 2 (');
}, 120_000);

it("an exported log of the vault shows the change that somebody made past keyturn, and explains keyturn's own", async () => {
  const cwd = await project();
  expect((await keyturn(APPLY, { cwd })).code).toBe(0);
  const history = join(cwd, '.keyturn', 'sandbox', 'state', 'shop', 'history');
  const [first = ''] = await readdir(history);
  const { writes = [] } = JSON.parse(await readFile(join(history, first), 'utf8')) as HistoryEntry;
  const line = (secret: string, storeId: string, time: string): string =>
    JSON.stringify({
      time,
      category: 'AuditEvent',
      operationName: 'SecretSet',
      properties: {
        id: `https://shop-secrets.vault.azure.net/secrets/${secret}/${storeId}`,
        httpStatusCode: 200,
      },
    });
  const own = writes.map(({ secret, storeId, at }) => line(secret.split('/').at(-1) ?? '', storeId, at));
  const file = join(cwd, 'audit.json');
  await writeFile(file, `${own.join('\n')}\n`);
  const explained = await keyturn(['history', 'verify', '--sandbox', '--audit-log', file], { cwd });
  expect(explained.code, explained.out).toBe(0);
  expect(flat(explained.out)).toContain("2 changes of this stack's secrets, 2 named by an entry");

  await writeFile(file, `${[...own, line('key', 'f'.repeat(32), '2040-01-01T00:00:00Z')].join('\n')}\n`);
  const past = await keyturn(['history', 'verify', '--sandbox', '--audit-log', file], { cwd });
  expect(past.code).toBe(1);
  expect(flat(past.out)).toContain(
    'unexplained: vault://shop-secrets/key: a version was written at 2040-01-01T00:00:00Z',
  );
}, 60_000);

it('an attempt that was refused is in the history after the next apply', async () => {
  const cwd = await project();
  expect((await keyturn(APPLY, { cwd })).code).toBe(0);
  const planned = await keyturn(['plan', '--sandbox', '--rotate', 'key', '--out', 'p.plan.json'], { cwd });
  expect(planned.code, planned.err).toBe(0);
  const wrong = await keyturn(
    ['apply', 'p.plan.json', '--sandbox', '--approved-digest', 'f'.repeat(64), '--ticket', 'OPS-2'],
    { cwd },
  );
  expect(wrong.code).toBe(12);
  expect((await keyturn([...APPLY, '--rotate', 'key'], { cwd })).code).toBe(0);
  const { said } = await json(cwd, 'history', 'show', '3');
  expect(said).toMatchObject({
    kind: 'refused',
    outcome: 'failed',
    ticket: 'OPS-2',
    refusal: {
      tried: expect.stringMatching(/^apply of plan [0-9a-f]{12}$/) as string,
      fault: { code: 'plan-stale' },
    },
  });
  const verified = await keyturn(['history', 'verify', '--sandbox'], { cwd });
  expect(verified.code, verified.out).toBe(0);
  expect(verified.out).toContain('3 entries');
}, 60_000);
