import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { Ran } from '../cli/project.ts';

/** A project whose one secret, `key`, is read by one service, run through the real program. */
export interface Ground {
  readonly folder: string;
  readonly keyturn: (args: readonly string[]) => Promise<Ran>;
  /** The copy that the service names, asked past keyturn; null: that cannot be asked here. */
  readonly reads: () => Promise<string | null>;
}

/** The stack's constructor: `key` soaks a second, and `web` mounts it in the service of this name. */
export function neverReturnsStack(service: string, swarm: string): string {
  return `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: '${swarm}' });
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(),
      soak: Duration.seconds(1), generation: 1,
    });
    new SwarmService(this, 'web', {
      swarm, service: '${service}', mounts: [key.at('${service}_key')],
      probe: Probe.none(), settle: Duration.seconds(0), deadline: Duration.minutes(2),
    });`;
}

/**
 * Rotates, retires v1, and then tries every documented way to get it back: rollback, a git revert of the
 * declaration, a pin, state files of before the rotation and of the soak, and saved plans. Each is refused with the
 * reason, and the service reads v2 all the time.
 */
export async function expectNeverToReturn(ground: Ground, service: string): Promise<void> {
  const { folder, keyturn } = ground;
  const apply = ['apply', '--auto-approve'];
  const main = join(folder, 'main.ts');
  const state = join(folder, '.keyturn/sandbox/state/shop');
  const kept = (name: string): string => join(folder, `kept-${name}`);
  const declare = async (from: string, to: string): Promise<void> => {
    await writeFile(main, (await readFile(main, 'utf8')).replace(from, to));
  };
  const restore = async (name: string): Promise<void> => {
    await rm(state, { recursive: true });
    await cp(kept(name), state, { recursive: true });
  };
  const expectV2 = async (): Promise<void> => {
    const { secrets } = JSON.parse((await keyturn(['status', '--format', 'json'])).out) as Status;
    const [key] = secrets;
    expect(key?.consumers.map(({ reads }) => reads)).toEqual([2]);
    const read = await ground.reads();
    if (read !== null) expect(read).toBe(`${service}_key_v2`);
  };

  const planned = await keyturn(['plan', '--out', 'first.json']);
  expect(planned, planned.err).toMatchObject({ code: 0 });
  expect(await keyturn([...apply, 'first.json'])).toMatchObject({ code: 0 });
  expect(await keyturn(['plan', '--rotate', 'key', '--out', 'unused.json'])).toMatchObject({ code: 0 });
  await cp(state, kept('before'), { recursive: true });
  await declare('generation: 1', 'generation: 2');
  expect(await keyturn(apply)).toMatchObject({ code: 0 });
  await cp(state, kept('soaking'), { recursive: true });
  await vi.waitFor(async () => {
    const due = await keyturn(['plan', '--due', '--detailed-exitcode']);
    expect(due.code).toBe(2);
  }, 60_000);
  expect(await keyturn(apply)).toMatchObject({ code: 0 });
  await cp(state, kept('retired'), { recursive: true });
  await expectV2();

  // A rollback.
  const back = await keyturn(['rollback', 'key', '--auto-approve']);
  expect(back.code).toBe(1);
  expect(said(back)).toMatch(/key v1 was retired at \S+, and a retired version never returns/);

  // A git revert of the declaration, and a pin.
  await declare('generation: 2', 'generation: 1');
  const reverted = await keyturn(['plan', '--detailed-exitcode']);
  expect(reverted.code).toBe(0);
  expect(said(reverted)).toContain('key declares generation 1, 2 is recorded: nothing is done for it');
  expect(await keyturn(apply)).toMatchObject({ code: 0 });
  await expectV2();
  await declare(`key.at('${service}_key')`, `key.at('${service}_key', { version: 1 })`);
  const pinned = await keyturn(apply);
  expect(pinned.code).toBe(1);
  expect(said(pinned)).toContain('it pins key v1, which was retired and never returns');
  await declare(`key.at('${service}_key', { version: 1 })`, `key.at('${service}_key')`);
  await declare('generation: 1', 'generation: 2');

  // Saved plans: one that was applied, and one that was not.
  for (const [plan, code] of [
    ['first.json', 'plan-used'],
    ['unused.json', 'plan-stale'],
  ] as const) {
    const again = await keyturn([...apply, plan]);
    expect(again.code).toBe(12);
    expect(said(again)).toContain(`(${code})`);
  }
  await expectV2();

  // The state file of before the rotation, which calls v1 current: alone, and with the whole commit of then.
  await cp(join(kept('before'), 'state.json'), join(state, 'state.json'));
  const alone = await keyturn(apply);
  expect(alone.code).toBe(1);
  expect(said(alone)).toContain('the state is older than the history: entry 2 exists, and the state knows 1');
  await restore('before');
  await declare('generation: 2', 'generation: 1');
  for (const args of [apply, ['rollback', 'key', '--auto-approve'], ['plan']]) {
    const older = await keyturn(args);
    expect(older.code, args[0]).toBe(1);
    expect(said(older)).toContain(
      'key is at v2 in the vault, and the record knows up to v1: it is older than what was applied last',
    );
  }
  for (const plan of ['first.json', 'unused.json'])
    expect(await keyturn([...apply, plan])).toMatchObject({ code: 12 });
  await declare('generation: 1', 'generation: 2');
  await restore('retired');
  await expectV2();

  // The state file of the soak: it calls v1 the way back.
  await restore('soaking');
  const gone = await keyturn(['rollback', 'key', '--auto-approve']);
  expect(gone.code).toBe(1);
  expect(said(gone)).toContain('the way back is gone: v1 is disabled in shop-secrets');
  expect(said(gone)).toContain('a retired version never returns');
  expect(said(gone)).toContain('this record is older than what was applied last');
  await restore('retired');
  await expectV2();
  expect(await keyturn(['plan', '--detailed-exitcode'])).toMatchObject({ code: 0 });
}

interface Status {
  readonly secrets: readonly { readonly consumers: readonly { readonly reads: number | null }[] }[];
}

/** All that a run printed, on one line: where a line breaks depends on the names in it. */
function said({ out, err }: Ran): string {
  return `${out} ${err}`.replaceAll(/\s+/g, ' ');
}
