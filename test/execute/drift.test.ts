import { afterEach, describe, expect, it } from 'vitest';
import { unfinishedIn } from '../../src/execute/journaled.ts';
import { secretAddress } from '../../src/model/address.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { Step } from '../../src/model/plan.ts';
import { findDrift } from '../../src/plan/drift.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { VAULT, World, declare, secret, service } from '../support/world.ts';

const KEY = secretAddress(VAULT, 'key');
let world: World;

afterEach(() => world.close());

async function drift(): Promise<readonly Finding[]> {
  const { declared, record, now } = world;
  const lines = await record.interrupted();
  const apply = lines === null ? null : unfinishedIn(lines);
  const unfinished = apply === null ? undefined : { apply, runs: null };
  const [recorded, observed] = [await record.read(), await world.observe()];
  return findDrift({ declared, recorded, observed, now, unfinished }).findings;
}

describe('drift of a stack that is really applied', () => {
  it('is nothing after the first apply, in the soak, after a rollback, and once all is settled and retired', async () => {
    world = await World.open(
      declare(
        [secret('key'), secret('other', { keep: 1 })],
        [service('api', ['key', 'other']), service('web', ['key'])],
      ),
    );
    const expectNone = async (when: string): Promise<void> => expect(await drift(), when).toEqual([]);
    await world.apply();
    await expectNone('first');
    await world.apply({ rotate: [KEY, secretAddress(VAULT, 'other')] });
    await expectNone('soaking');
    await world.rollback('key');
    await expectNone('rolled back');
    world.later(80);
    await world.apply({ dueOnly: true });
    await world.apply({ rotate: [KEY, secretAddress(VAULT, 'other')] });
    world.later(80);
    await expectNone('due to be retired');
    await world.apply({ dueOnly: true });
    await expectNone('retired');
    await world.compromise(['key']);
    await expectNone('after an emergency');
  });

  it.each(['mint', 'stage', 'flip', 'verify', 'promote'] as const)(
    'is the apply itself where that was cut off in its %s, and nobody else’s work',
    async (kind: Step['kind']) => {
      world = await World.open(declare([secret('key')], [service('api', ['key'])]));
      await world.apply();
      const plan = await world.plan({ rotate: [KEY] });
      await killedBefore(world, plan, outcomeOf(plan, kind));
      expect(await drift()).toMatchObject([{ rule: 'unfinished', next: 'keyturn apply shop' }]);
    },
  );
});
