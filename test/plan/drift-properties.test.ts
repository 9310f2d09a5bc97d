import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/model/canonical.ts';
import type { Finding } from '../../src/model/finding.ts';
import { findDrift } from '../../src/plan/drift.ts';
import { makePrunePlan } from '../../src/plan/prune.ts';
import { RUNS, planOf } from './holds.ts';
import type { Situation } from './situations.ts';
import { damaged, healthy, inputOf, lived } from './situations.ts';
import { usersOf } from './world.ts';

/** An apply of everything that there is to do now. */
function applied(situation: Situation): Situation {
  const wide = { ...situation, options: { ...situation.options, dueOnly: false, target: [] } };
  const recorded = wide.world.execute(planOf(wide), wide.recorded, wide.now);
  return { ...wide, recorded };
}

function serious(situation: Situation): Finding[] {
  return findDrift(inputOf(situation)).findings.filter(({ level }) => level !== 'note');
}

describe('drift', () => {
  it('has nothing to tell right after an apply of a stack that nobody else touches', () => {
    fc.assert(
      fc.property(healthy, (life) => {
        const situation = applied(lived(life));
        const plan = planOf(situation);
        // What may not be applied, and a secret that nobody gave a value for, are for the plan to tell.
        const blocked = new Set<string | null>(plan.blocked.map(({ address }) => address));
        const declared = new Set<string | null>(
          situation.declared.secrets.map(({ address }): string => address),
        );
        // A life may take secrets and consumers out of the stack: what was theirs is left behind.
        const isForgotten = (address: string | null, text: string): boolean =>
          !declared.has(address) || text.includes('no consumer is declared to read');
        const told = serious(situation).filter(
          ({ rule, address, text }) =>
            !blocked.has(address) && !(rule === 'orphan' && isForgotten(address, text)),
        );
        expect(told).toEqual([]);
      }),
      RUNS,
    );
  });

  it('is told in the same way each time, with its inputs untouched', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const input = inputOf(lived(life));
        const before = canonicalJson(input);
        expect(findDrift(input)).toEqual(findDrift(input));
        expect(canonicalJson(input)).toBe(before);
      }),
      RUNS,
    );
  });

  it('names each thing once under one rule, with something to do', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const { findings } = findDrift(inputOf(lived(life)));
        const keys = findings.map(({ rule, subject, text }) => `${rule} ${subject} ${text}`);
        expect(new Set(keys).size).toBe(keys.length);
        for (const { text, next } of findings) {
          expect(next).not.toBe('');
          expect(text).not.toMatch(/undefined|null|\.$/);
        }
      }),
      RUNS,
    );
  });
});

describe('a prune', () => {
  it('removes nothing that anything refers to, and leaves no orphan of ours behind', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const situation = lived(life);
        const plan = makePrunePlan(inputOf(situation));
        for (const step of plan.steps) {
          if (step.kind !== 'prune') throw new Error(`a prune does ${step.kind}`);
          const id = situation.world.copies.get(step.platform)?.get(step.copy)?.id ?? '';
          expect(id).not.toBe('');
          expect(usersOf(situation.world, step.platform, id)).toEqual([]);
        }
        const recorded = situation.world.execute(plan, situation.recorded, situation.now);
        const again = makePrunePlan(inputOf({ ...situation, recorded }));
        expect(again.steps.map(({ text }) => text)).toEqual([]);
      }),
      RUNS,
    );
  });
});
