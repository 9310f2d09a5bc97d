import { expect, it } from 'vitest';
import { exponentOf } from '../../bench/scale/rows.ts';
import type { Observed, ObservedPlatform } from '../../src/model/observed.ts';
import type { Plan } from '../../src/model/plan.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { PLATFORM, VAULT, mount, secret, secretAt, service, stack } from './declare.ts';
import { look } from './look.ts';
import { World } from './world.ts';

const ROTATED = '2026-08-20T09:00:00Z';
const SOAKED = '2026-09-20T09:00:00Z';

/** Plans what settles and retires as many versions as there are services, and counts the looks at what services mention. */
function retirement(count: number): { readonly plan: Plan; readonly looks: number } {
  const names = Array.from({ length: count }, (_, index) => `k${index}`);
  const secrets = names.map((name) => secret(name, { cadence: { kind: 'onRequest' } }));
  const declared = stack(
    secrets,
    names.map((name) => service(`api-${name}`, [mount(name)])),
  );
  const world = new World();
  world.vaults.set(VAULT, new Map());
  for (const { platform, service: name } of declared.consumers) world.service(platform, name);
  let recorded = emptyRecord('shop', 'a-lineage');
  const planAt = (now: string, observed: Observed, rotate: readonly string[]): Plan =>
    makePlan({
      declared,
      observed,
      recorded,
      now,
      options: { ...NO_OPTIONS, rotate: rotate.map((name) => secretAt(name)) },
    });
  for (const rotate of [[], names]) {
    const plan = planAt(ROTATED, look(world, declared, recorded, ROTATED), rotate);
    recorded = world.execute(plan, recorded, ROTATED);
  }
  let looks = 0;
  const observed = look(world, declared, recorded, SOAKED);
  const seen = counting(observed.platforms[PLATFORM], () => (looks += 1));
  return { plan: planAt(SOAKED, { ...observed, platforms: { [PLATFORM]: seen } }, []), looks };
}

function counting(platform: ObservedPlatform | undefined, looked: () => void): ObservedPlatform {
  if (platform?.status !== 'seen') throw new Error('it was not seen');
  const services = Object.entries(platform.services).map(([name, one]) => {
    const { liveTasks } = one;
    const counted = Object.defineProperty({ ...one }, 'liveTasks', {
      enumerable: true,
      get: () => {
        looked();
        return liveTasks;
      },
    });
    return [name, counted];
  });
  return { ...platform, services: Object.fromEntries(services) as typeof platform.services };
}

it('a plan looks at services no more often than in proportion to the versions that it retires', () => {
  const sizes = [10, 80];
  const found = sizes.map(retirement);
  for (const [index, { plan }] of found.entries())
    expect(plan.steps.filter(({ kind }) => kind === 'retire')).toHaveLength(sizes[index] ?? 0);
  expect(exponentOf(found.map(({ looks }, index) => [sizes[index] ?? 0, looks]))).toBeLessThanOrEqual(1.05);
});
