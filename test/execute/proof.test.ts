import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addDuration } from '../../src/calendar/calendar.ts';
import type { DeclaredSecret } from '../../src/model/declared.ts';
import type { HistoryStep } from '../../src/model/journal.ts';
import type { ProveStep } from '../../src/model/plan.ts';
import type { RecordedVersion } from '../../src/model/recorded.ts';
import type { Applied } from '../support/world.ts';
import { declare, secret, service, World } from '../support/world.ts';
import { httpProbe } from '../support/hook-context.ts';
import type { Listener } from '../support/listeners.ts';
import { listenHttp } from '../support/listeners.ts';
import { filesWith, makeCanary } from '../support/canary.ts';

const TOKEN = 'vault://prod-vault/token';
const canary = makeCanary();
const [FIRST, SECOND] = [canary.value('first'), canary.value('second')];

let world: World;
let checker: Listener;
let folder: string;
/** What whoever checks the secret lets in, and what it was asked. */
let accepted: Set<string>;
let asked: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-proof-'));
  accepted = new Set([FIRST, SECOND]);
  asked = [];
  checker = await listenHttp((request, response) => {
    const value = (request.headers.authorization ?? '').slice('Bearer '.length);
    asked.push(value);
    response.writeHead(accepted.has(value) ? 204 : 401).end();
  });
});
afterEach(async () => {
  await world.close();
  await checker.close();
  rmSync(folder, { recursive: true, force: true });
});

/** v1, then v2 of a manual secret, and v1 has soaked. */
async function soaked(more: Partial<DeclaredSecret>): Promise<void> {
  const token = secret('token', { source: { kind: 'manual', instructions: null }, ...more });
  world = await World.open(declare([token], [service('api', ['token'])]));
  await world.apply({}, { token: FIRST });
  world.later(80);
  await world.apply();
  await world.apply({}, { token: SECOND });
  world.later(80);
}

async function v1(): Promise<RecordedVersion | undefined> {
  return (await world.record.read()).secrets[TOKEN]?.versions.find(({ ordinal }) => ordinal === 1);
}

function stepsOf({ entry }: Applied): string[] {
  return entry.steps.map(({ kind, status }) => `${kind} ${status}`);
}

function stepOf({ entry }: Applied, kind: HistoryStep['kind']): HistoryStep | undefined {
  return entry.steps.find((step) => step.kind === kind);
}

describe('a soaked version with a negative probe', () => {
  it('is retired once it was refused where it is checked, and history says so', async () => {
    await soaked({ refused: httpProbe(checker.url) });
    accepted.delete(FIRST);
    const applied = await world.apply();
    expect(applied.outcome).toBe('done');
    expect(stepsOf(applied)).toEqual(['settle done', 'prove done', 'retire done', 'prune done']);
    expect(stepOf(applied, 'prove')?.proof).toBe(
      `refused: GET ${checker.url} answered 401; the current value was accepted (it answered 204)`,
    );
    expect(asked).toEqual([SECOND, FIRST]);
    expect(await v1()).toMatchObject({ role: 'retired', retiredWhy: 'soaked' });
    expect(await world.versions('token')).toEqual(['v1 disabled', 'v2 enabled']);
  });

  it('that is still accepted stays enabled and retiring, with the reason, and is tried again by the next apply', async () => {
    await soaked({ refused: httpProbe(checker.url) });
    const applied = await world.apply();
    expect(stepsOf(applied)).toEqual(['settle done', 'prove failed', 'retire skipped', 'prune skipped']);
    expect(stepOf(applied, 'prove')?.fault).toMatchObject({
      code: 'still-accepted',
      next: 'revoke it at its source, then run keyturn apply: it is tried again',
    });
    expect(await v1()).toMatchObject({
      role: 'retiring',
      unproved: `v1 is still accepted: GET ${checker.url} answered 204`,
    });
    expect(await world.versions('token')).toEqual(['v1 enabled', 'v2 enabled']);
    expect(await world.copies()).toEqual(['token_v1', 'token_v2']);

    accepted.delete(FIRST);
    const again = await world.apply();
    expect(again.outcome).toBe('done');
    expect(stepsOf(again)).toEqual(['prove done', 'retire done', 'prune done']);
    expect(await v1()).toMatchObject({ role: 'retired' });
    expect((await v1())?.unproved).toBeUndefined();
    expect((await world.plan()).steps).toEqual([]);
  });

  it('is not retired by a checker that refuses everything: the current value is tried first', async () => {
    await soaked({ refused: httpProbe(checker.url) });
    accepted.clear();
    await world.apply();
    expect(asked).toEqual([SECOND]);
    expect(await v1()).toMatchObject({ role: 'retiring' });
    expect((await v1())?.unproved).toContain('did not accept the current value, so a refusal proves nothing');
  });

  it('whose proof fails keeps its secret from no rotation, which gives the proof what it lacked', async () => {
    await soaked({ refused: httpProbe(checker.url) });
    accepted.delete(FIRST);
    const current = (await world.record.read()).secrets[TOKEN]?.versions.find(
      ({ role }) => role === 'current',
    );
    await world.disableByHand('token', current?.storeIds[0] ?? '');
    const third = canary.value('third');
    accepted.add(third);
    const applied = await world.apply({ rotate: [TOKEN] }, { token: third });
    expect(stepOf(applied, 'prove')?.fault?.next).toContain(`rotate: keyturn apply --rotate ${TOKEN}`);
    expect((await world.record.read()).secrets[TOKEN]?.current).toBe(3);
    world.later(80);
    expect((await world.apply()).outcome).toBe('done');
    expect(await v1()).toMatchObject({ role: 'retired' });
  });

  it('is retired without that where the stack says so', async () => {
    await soaked({ refused: httpProbe(checker.url, { control: false }) });
    accepted.clear();
    expect((await world.apply()).outcome).toBe('done');
    expect(asked).toEqual([FIRST]);
    expect(await v1()).toMatchObject({ role: 'retired' });
  });
});

describe('the proof of an emergency', () => {
  it('comes to its end by the time that the plan gave it, also behind a clock that is set back', async () => {
    await checker.close();
    checker = await listenHttp((_, response) => response.writeHead(204).end());
    const token = secret('token', { refused: httpProbe(checker.url) });
    world = await World.open(declare([token], [service('api', ['token'])]));
    await world.apply();
    const plan = await world.planCompromise(['token']);
    const until = addDuration(plan.createdAt, 'PT3S');
    const steps = plan.steps.map((step) => (step.kind === 'prove' ? { ...step, until } : step));
    world.later(-10);
    const applied = await world.perform({ ...plan, steps });
    expect(stepOf(applied, 'prove')?.fault?.code).toBe('still-accepted');
    expect(await v1()).toMatchObject({ role: 'retiring' });
  });
});

describe('a current version without a successor', () => {
  it('is tried alone: it cannot vouch for the probe that is to refuse it', async () => {
    await soaked({ refused: httpProbe(checker.url) });
    accepted.clear();
    const group = 'g1';
    const step: ProveStep = {
      id: 'g1.1',
      kind: 'prove',
      group,
      address: TOKEN,
      secret: TOKEN,
      ordinal: 2,
      probe: httpProbe(checker.url),
      until: null,
      needs: [],
      cause: { kind: 'compromise', incident: 'INC-7' },
      text: 'show that token v2 is refused',
      inverse: null,
    };
    const groups = [{ id: group, needs: [], secrets: [step.secret], consumers: [] }];
    const applied = await world.perform({ ...(await world.plan()), groups, steps: [step] });
    expect(stepOf(applied, 'prove')?.proof).toBe(`refused: GET ${checker.url} answered 401`);
    expect(asked).toEqual([SECOND]);
  });
});

describe('a soaked version that is revoked at its source', () => {
  /** Revokes by writing down what it got. */
  const revoking = (exit: number) =>
    ({
      kind: 'command',
      argv: ['sh', '-c', `cat >'${join(folder, 'revoked')}'; exit ${exit}`],
      timeout: 'PT20S',
    }) as const;

  it('is revoked before it is tried, disabled and removed', async () => {
    await soaked({ revoke: revoking(0), refused: httpProbe(checker.url) });
    accepted.delete(FIRST);
    const applied = await world.apply();
    expect(stepsOf(applied)).toEqual([
      'settle done',
      'revoke done',
      'prove done',
      'retire done',
      'prune done',
    ]);
    expect(stepOf(applied, 'revoke')?.proof).toBe('revoked: "sh" exited with 0');
    expect(readFileSync(join(folder, 'revoked'), 'utf8')).toBe(FIRST);
    expect((await v1())?.revokedAt).toBe(world.now);
  });

  it('is not revoked a second time after a proof that failed', async () => {
    await soaked({ revoke: revoking(0), refused: httpProbe(checker.url) });
    expect((await world.apply()).outcome).toBe('incomplete');
    writeFileSync(join(folder, 'revoked'), '');
    accepted.delete(FIRST);
    const again = await world.apply();
    expect(stepsOf(again)).toEqual(['prove done', 'retire done', 'prune done']);
    expect(readFileSync(join(folder, 'revoked'), 'utf8')).toBe('');
  });

  it('stays enabled where the revocation fails, and no way back leads to it', async () => {
    await soaked({ revoke: revoking(3), refused: httpProbe(checker.url) });
    const applied = await world.apply();
    expect(stepOf(applied, 'revoke')?.fault).toMatchObject({ code: 'hook-failed' });
    expect(asked).toEqual([]);
    expect(await v1()).toMatchObject({
      role: 'retiring',
      unproved: 'the revocation of v1 failed: "sh" exited with 3',
    });
    expect(await world.versions('token')).toEqual(['v1 enabled', 'v2 enabled']);
    await expect(world.rollback('token')).rejects.toThrow();
  });

  it('leaves its value in nothing that keyturn writes', async () => {
    await soaked({ revoke: revoking(3), refused: httpProbe(checker.url) });
    const failed = await world.apply();
    const { found, read } = await filesWith(canary, join(world.directory, 'state'));
    expect(read).toBeGreaterThan(3);
    expect(found).toEqual([]);
    expect(canary.foundIn(JSON.stringify([failed.events, failed.entry]))).toEqual([]);
  });
});
