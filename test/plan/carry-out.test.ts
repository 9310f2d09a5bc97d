import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDuration } from '../../src/calendar/calendar.ts';
import { ordinalOfCopy } from '../../src/model/address.ts';
import { Fault } from '../../src/model/fault.ts';
import { isEmpty } from '../../src/model/plan.ts';
import { priorVersion } from '../../src/model/recorded.ts';
import { makeRollbackPlan } from '../../src/plan/rollback.ts';
import { RUNS, holds, planOf } from './holds.ts';
import type { Situation } from './situations.ts';
import { look } from './look.ts';
import { damaged, healthy, lived } from './situations.ts';

describe('an apply without a fault', () => {
  it('leaves nothing to do (I9), now and after each date that it named', () => {
    fc.assert(
      fc.property(healthy, (life) => {
        const start = lived(life);
        const options = { ...start.options, dueOnly: false, target: [] };
        let situation: Situation = { ...start, options };
        for (let round = 0; round < 3; round += 1) {
          const { world, recorded, now } = situation;
          const after = world.execute(planOf(situation), recorded, now);
          situation = { ...situation, recorded: after, options: { ...options, rotate: [], values: [] } };
          const again = planOf(situation);
          expect(again.steps.map(({ text }) => text)).toEqual([]);
          situation = { ...situation, now: addDuration(now, 'PT73H') };
        }
      }),
      RUNS,
    );
  });

  it('is possible after any damage: no step is refused by vault or platform', () => {
    holds(damaged, ({ world, recorded, now }, plan) => {
      world.execute(plan, recorded, now);
    });
  });

  it('retires every prior version in the end, unless someone pins or reads it', () => {
    fc.assert(
      fc.property(healthy, (life) => {
        const start = lived(life);
        let situation: Situation = {
          ...start,
          options: { ...start.options, rotate: [], values: [], target: [], dueOnly: false },
        };
        for (const hours of [0, 73, 73]) {
          const now = addDuration(situation.now, `PT${hours}H`);
          const recorded = situation.world.execute(planOf({ ...situation, now }), situation.recorded, now);
          situation = { ...situation, now, recorded };
        }
        const plan = planOf(situation);
        for (const [address, { versions }] of Object.entries(situation.recorded.secrets)) {
          for (const { role, soakUntil, ordinal } of versions) {
            if (role !== 'prior' || (soakUntil ?? '') > situation.now) continue;
            const said = [...plan.blocked, ...plan.notes].filter((entry) => entry.address === address);
            expect(said.some(({ text }) => text.includes(`v${ordinal} is `))).toBe(true);
          }
        }
        for (const address of Object.keys(situation.recorded.secrets))
          expect(isEmpty(plan), address).toBe(true);
      }),
      RUNS,
    );
  });
});

describe('a rollback', () => {
  it('is refused before anything is done, or brings every consumer back to the prior version, I5 kept', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const { declared, recorded, world: original, now } = lived(life);
        for (const { address } of declared.secrets) {
          const world = original.copy();
          const observed = look(world, declared, recorded, now);
          const plan = attempt(() =>
            makeRollbackPlan({ declared, recorded, observed, now, address, reason: null }),
          );
          if (plan === null) continue;
          const prior = priorVersion(recorded.secrets[address])?.ordinal;
          const after = world.execute(plan, recorded, now);
          expect(after.secrets[address]?.current).toBe(prior);
          expect(plan.groups[0]?.secrets).toContain(address);
          for (const consumer of declared.consumers) {
            const names = (
              world.services.get(consumer.platform)?.get(consumer.service)?.references ?? []
            ).map(({ copyName }) => copyName);
            for (const { secret, version, base } of consumer.mounts) {
              if (secret !== address || version !== null) continue;
              for (const name of names.filter((one) => ordinalOfCopy(base, one) !== null)) {
                expect(name).toBe(`${base}_v${prior}`);
              }
            }
          }
        }
      }),
      RUNS,
    );
  });
});

/** What `make` gives; null where it is refused with a fault that says so. */
function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof Fault) return null;
    throw thrown;
  }
}
