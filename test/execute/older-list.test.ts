import { afterEach, describe, expect, it } from 'vitest';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import type { MintStep, Plan } from '../../src/model/plan.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import type { VaultOptions } from '../../src/sandbox/vault.ts';
import { killedBefore, outcomeOf } from '../support/killed.ts';
import { declare, secret, service, STACK, World } from '../support/world.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';

/** Lists of a secret's versions; the one with the number `older` is answered as it was when `remember` was called. */
class Lists {
  /** Counts from the next list on. */
  older: number | null = null;
  #isToRemember = false;
  #remembered: Readonly<Record<string, unknown>> | null = null;

  remember(): void {
    this.#isToRemember = true;
  }

  readonly intercept: NonNullable<VaultOptions['intercept']> = ({ operation, carryOut }) => {
    const answer = carryOut();
    if (operation !== 'SecretListVersions') return Promise.resolve(answer);
    if (this.#isToRemember) this.#remembered = answer.body;
    this.#isToRemember = false;
    if (this.older === null) return Promise.resolve(answer);
    this.older -= 1;
    return Promise.resolve(this.older === 0 ? { ...answer, body: this.#remembered } : answer);
  };
}

async function open(soak = 'PT72H'): Promise<Lists> {
  const lists = new Lists();
  world = await World.open(declare([secret('a', { soak })], [service('api', ['a'])]), 1, lists);
  return lists;
}

/** A write of this mint takes effect, after everybody gave up on it. */
function arrives({ ordinal, operation }: MintStep): Promise<void> {
  const tags = { [TAG_VERSION]: String(ordinal), [TAG_OPERATION]: operation, [TAG_STACK]: STACK };
  return world.writeByHand('a', 'late', tags);
}

function mintIn({ steps }: Plan): MintStep {
  const mint = steps.find((step) => step.kind === 'mint');
  if (mint?.kind !== 'mint') throw new Error('the plan mints nothing');
  return mint;
}

describe('a list of versions that is older than a version', () => {
  it.each([1, 2, 3, 4, 5])(
    'does not keep it from being disabled when its mint is taken back, as list %d',
    async (older) => {
      const lists = await open();
      const plan = await world.plan();
      lists.remember();
      await killedBefore(world, plan, outcomeOf(plan, 'stage'));
      lists.older = older;
      expect((await world.resume())?.outcome).toBe('rolled-back');
      expect(await world.versions('a')).toEqual(['v1 disabled']);
    },
  );

  it.each([1, 2, 3])(
    'does not keep one of its storeIds from being disabled when it is retired, as list %d',
    async (older) => {
      const lists = await open('PT0S');
      await world.apply();
      lists.remember();
      world.generate = () => new SecretValue('bad');
      expect((await world.apply({ rotate: [A] })).outcome).toBe('rolled-back');
      expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
      world.generate = () => new SecretValue('good');
      const plan = await world.plan({ rotate: [A] });
      const applied = await world.perform(plan, {}, undefined, (event) => {
        if (event.type === 'step_start' && event.step.kind === 'retire') lists.older = older;
      });
      expect(applied.outcome).toBe('done');
      expect(await world.versions('a')).toEqual(['v1 disabled', 'v1 disabled', 'v2 disabled', 'v3 enabled']);
    },
  );

  it.each([1, 2, 3, 4])(
    'does not keep it from being taken back where it arrived late, as list %d',
    async (older) => {
      const lists = await open();
      await world.apply();
      const before = await world.newest('a');
      const plan = await world.plan({ rotate: [A] });
      world.generate = () => {
        throw new TypeError('cut off before its write');
      };
      lists.remember();
      await killedBefore(world, plan, ({ type }) => type === 'outcome');
      await world.resume();
      await arrives(mintIn(plan));
      const back = await world.plan({ dueOnly: true });
      lists.older = older;
      expect((await world.perform(back)).outcome).toBe('done');
      expect(await world.versions('a')).toEqual(['v1 enabled', 'v1 enabled', 'v2 disabled']);
      expect(await world.newest('a')).toBe(before);
    },
  );
});
