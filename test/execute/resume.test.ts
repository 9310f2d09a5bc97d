import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { execute } from '../../src/execute/execute.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { Plan } from '../../src/model/plan.ts';
import { claimed } from '../support/lease.ts';
import { declare, secret, service, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

/** Applies a plan and is cut off: after `appends` lines of the journal nothing is written or done any more. */
async function cutOff(plan: Plan, appends: number): Promise<'ended' | 'cut'> {
  let left = appends;
  const held = await claimed(world.record);
  const record = {
    begin: async (...args: Parameters<typeof held.begin>) => {
      const journal = await held.begin(...args);
      const append = journal.append.bind(journal);
      journal.append = (entry) => {
        left -= 1;
        return left < 0 ? Promise.reject(new Error('killed')) : append(entry);
      };
      return journal;
    },
    resume: held.resume.bind(held),
    finish: held.finish.bind(held),
    digestAt: held.digestAt.bind(held),
  };
  const input = {
    plan,
    planDigest: digestOf(plan),
    outside: world.outside(),
    listen: () => {},
    signal: new AbortController().signal,
    parallelism: 1,
    apply: randomUUID(),
    actor: { name: 'tester', knownBy: 'os-user' as const, host: 'here', run: null },
    reason: null,
    ticket: null,
  };
  return execute(input, record).then(
    () => 'ended',
    (thrown: unknown) => {
      if (thrown instanceof Error && thrown.message === 'killed') return 'cut';
      throw thrown;
    },
  );
}

describe('an apply that was cut off', () => {
  it('is taken back or kept whole by the next one, after whichever line of the journal', async () => {
    world = await World.open(declare([secret('key'), secret('salt')], [service('api', ['key', 'salt'])]));
    expect((await world.apply()).outcome).toBe('done');
    for (let appends = 1, end = ''; end !== 'ended'; appends += 1) {
      world.later(80);
      await world.apply();
      const rotate = ['vault://prod-vault/key', 'vault://prod-vault/salt'] as const;
      const before = await world.record.read();
      end = await cutOff(await world.plan({ rotate }), appends);
      if (end === 'ended') break;

      await world.resume();
      const { secrets } = await world.record.read();
      const [key, salt] = rotate.map((address) => secrets[address]);
      const moved = rotate.map((address) => secrets[address]?.current !== before.secrets[address]?.current);
      expect(moved[0], `cut off after ${appends} lines`).toBe(moved[1]);
      expect(await world.reads('api')).toEqual({
        key: `key_v${key?.current}`,
        salt: `salt_v${salt?.current}`,
      });
      expect(await world.record.interrupted()).toBeNull();
      expect((await world.plan()).steps.filter(({ kind }) => kind !== 'settle')).toEqual([]);
    }
    const enabled = (await world.versions('key')).filter((version) => version.endsWith('enabled'));
    expect(new Set(enabled).size).toBeLessThanOrEqual(2);
  }, 240_000);
});
