import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Group, Plan, Step } from '../../src/model/plan.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { PLATFORM, VAULT, mount, secret, secretAt, service, serviceAt, stack } from './declare.ts';
import { look } from './look.ts';
import { World } from './world.ts';

const NOW = '2026-08-20T09:00:00Z';
const SECRETS = ['ada', 'bob', 'cyd', 'dan'] as const;

const consumer = fc.record({
  mounts: fc.oneof<fc.MaybeWeightedArbitrary<number[]>[]>(
    { weight: 5, arbitrary: fc.tuple(fc.nat({ max: 3 })) },
    { weight: 1, arbitrary: fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 2, maxLength: 2 }) },
  ),
  dependsOn: fc.oneof(
    { weight: 4, arbitrary: fc.constant<number[]>([]) },
    { weight: 1, arbitrary: fc.uniqueArray(fc.nat({ max: 6 }), { maxLength: 2 }) },
  ),
  canary: fc.constantFrom(false, false, true),
  isElsewhere: fc.constantFrom(false, false, false, true),
});
const given = fc.record({
  consumers: fc.array(consumer, { minLength: 1, maxLength: 7 }),
  /** The secret that each one depends on. */
  below: fc.array(fc.constantFrom(null, null, null, 0, 1, 2), { minLength: 4, maxLength: 4 }),
  atOnce: fc.integer({ min: 1, max: 3 }),
  target: fc.constantFrom(null, null, 0, 1),
});
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

/** The first apply of a stack whose platforms restart few at once. */
function planOf({ consumers, below, atOnce, target }: Given): Plan {
  const platformOf = (index: number): string => (consumers[index]?.isElsewhere === true ? 'edge' : PLATFORM);
  const declared = stack(
    SECRETS.map((name, index) => {
      const other = below[index] ?? null;
      return secret(name, {
        dependsOn: other === null || other >= index ? [] : [secretAt(SECRETS[other] ?? '')],
      });
    }),
    consumers.map((each, index) =>
      service(
        `s${index}`,
        each.mounts.map((at) => mount(SECRETS[at] ?? '')),
        {
          platform: platformOf(index),
          canary: each.canary,
          dependsOn: each.dependsOn
            .filter((other) => other < index)
            .map((other) => serviceAt(`s${other}`, platformOf(other))),
        },
      ),
    ),
  );
  const restarts = { atOnce, pause: 'PT1M' };
  const limited = {
    ...declared,
    platforms: declared.platforms.map((platform) => ({ ...platform, restarts })),
  };
  const world = new World();
  world.vaults.set(VAULT, new Map());
  for (const each of limited.consumers) world.service(each.platform, each.service);
  const recorded = emptyRecord('shop', 'a-lineage');
  const chosen = target === null ? [] : [secretAt(SECRETS[target] ?? '')];
  return makePlan({
    declared: limited,
    observed: look(world, limited, recorded, NOW),
    recorded,
    now: NOW,
    options: { ...NO_OPTIONS, target: chosen },
  });
}

/** Everything that must have ended before each of these; throws where that is a circle. */
function before(
  all: readonly { readonly id: string; readonly needs: readonly string[] }[],
): Map<string, Set<string>> {
  const known = new Map(all.map((each) => [each.id, each.needs]));
  const found = new Map<string, Set<string>>();
  const visit = (id: string, path: readonly string[]): Set<string> => {
    if (path.includes(id)) throw new Error(`a circle: ${[...path, id].join(' → ')}`);
    const done = found.get(id);
    if (done !== undefined) return done;
    const own = new Set<string>();
    for (const need of known.get(id) ?? []) {
      own.add(need);
      for (const deeper of visit(need, [...path, id])) own.add(deeper);
    }
    found.set(id, own);
    return own;
  };
  for (const { id } of all) visit(id, []);
  return found;
}

/** The most that can be under way at once, of those that are not one before the other. */
function widest<T>(all: readonly T[], isBefore: (a: T, b: T) => boolean): number {
  const grow = (chosen: readonly T[], rest: readonly T[]): number => {
    const [next, ...more] = rest;
    if (next === undefined) return chosen.length;
    const fits = chosen.every((each) => !isBefore(each, next) && !isBefore(next, each));
    return Math.max(grow(chosen, more), fits ? grow([...chosen, next], more) : 0);
  };
  return grow([], all);
}

type Flip = Extract<Step, { kind: 'flip' }>;

describe('flips on a platform that restarts few at once', () => {
  it('are never more at once, whatever the groups, dependencies and canaries, and come to their turn', () => {
    fc.assert(
      fc.property(given, (situation) => {
        const plan = planOf(situation);
        const groups = before(
          plan.groups.map(({ id, needs, after = [] }: Group) => ({ id, needs: [...needs, ...after] })),
        );
        const steps = before(plan.steps);
        for (const { id, needs, after = [] } of plan.groups) {
          const known = plan.groups.map((group) => group.id);
          expect(known.slice(0, known.indexOf(id))).toEqual(expect.arrayContaining([...needs, ...after]));
        }
        const verifyOf = (flip: Flip): string =>
          plan.steps.find((step) => step.kind === 'verify' && step.needs.includes(flip.id))?.id ?? '';
        const isBefore = (a: Flip, b: Flip): boolean =>
          a.group === b.group
            ? steps.get(b.id)?.has(verifyOf(a)) === true
            : groups.get(b.group)?.has(a.group) === true;
        for (const platform of [PLATFORM, 'edge']) {
          const flips = plan.steps.filter(
            (step): step is Flip => step.kind === 'flip' && step.platform === platform,
          );
          expect(widest(flips, isBefore)).toBeLessThanOrEqual(situation.atOnce);
        }
      }),
      { numRuns: 150 },
    );
  });
});
