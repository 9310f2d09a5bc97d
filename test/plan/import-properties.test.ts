import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDuration } from '../../src/calendar/calendar.ts';
import type { Cadence, Declared, DeclaredConsumer, DeclaredSecret } from '../../src/model/declared.ts';
import { isEmpty } from '../../src/model/plan.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { isPlatformOnly, priorVersion } from '../../src/model/recorded.ts';
import { findDrift } from '../../src/plan/drift.ts';
import { makeRollbackPlan } from '../../src/plan/rollback.ts';
import { PLATFORM, QUARTERLY, mount, secret, secretAt, service, stack } from './declare.ts';
import { NOW, imported, planFor, recordOf } from './found.ts';
import { look } from './look.ts';
import { World } from './world.ts';

const RUNS = { numRuns: 150 };
const NAMES = ['a', 'b', 'c'];
const SERVICES = ['x', 'y', 'z'];
const CADENCES: readonly Cadence[] = [{ kind: 'userManaged' }, { kind: 'onRequest' }, QUARTERLY];

/** One secret of before keyturn, and who reads it. */
interface Shape {
  readonly cadence: Cadence;
  readonly isManual: boolean;
  /** How many versions a person wrote into the vault. */
  readonly versions: number;
  /** Number in the copy's name; 0: a name without one. */
  readonly number: number;
  readonly name: 'base' | 'other';
  /** By service; `pinned`: an older version than the others, where the name has a number. */
  readonly readers: readonly ('reads' | 'pinned' | 'not')[];
  /** A copy with a higher number, which nobody reads. */
  readonly hasUnread: boolean;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  cadence: fc.constantFrom(...CADENCES),
  isManual: fc.boolean(),
  versions: fc.nat(3),
  number: fc.nat(9),
  name: fc.constantFrom('base' as const, 'other' as const),
  readers: fc.tuple(
    ...SERVICES.map(() =>
      fc.constantFrom('reads' as const, 'reads' as const, 'pinned' as const, 'not' as const),
    ),
  ),
  hasUnread: fc.boolean(),
});

const worlds = fc.record({
  shapes: fc.array(shape, { minLength: 1, maxLength: NAMES.length }),
  platformOnly: fc.boolean(),
});

interface Found {
  readonly declared: Declared;
  readonly world: World;
  readonly there: readonly DeclaredSecret[];
}

function foundIn(shapes: readonly Shape[], platformOnly: boolean): Found {
  const world = new World();
  const mounts = new Map(SERVICES.map((name) => [name, [] as DeclaredConsumer['mounts'][number][]]));
  const secrets = shapes.map((given, index) => {
    const name = NAMES[index] ?? '';
    const address = secretAt(name);
    const stem = given.name === 'base' ? name : `old-${name}`;
    const copy = given.number === 0 ? stem : `${stem}_v${given.number}`;
    const isNumbered = given.number > 1 && given.name === 'base';
    for (let count = 0; count < given.versions; count += 1) world.write(address, {});
    if (given.hasUnread) world.deliver(PLATFORM, `${name}_v${given.number + 3}`, {});
    const hasFree = given.readers.includes('reads');
    given.readers.forEach((how, at) => {
      if (how === 'not') return;
      const isPinned = how === 'pinned' && isNumbered && hasFree;
      const version = isPinned ? given.number - 1 : null;
      const named = version === null ? copy : `${name}_v${version}`;
      if (world.copies.get(PLATFORM)?.has(named) !== true) world.deliver(PLATFORM, named, {});
      const reader = SERVICES[at] ?? '';
      mounts.get(reader)?.push(mount(name, { version }));
      const seen = world.service(PLATFORM, reader);
      seen.references = [...seen.references, world.reference(PLATFORM, name, named)];
    });
    const source = given.isManual ? { source: { kind: 'manual' as const, instructions: null } } : {};
    return secret(name, { cadence: given.cadence, ...source });
  });
  const there = secrets.filter(({ name }) => {
    const isRead = [...mounts.values()].some((list) => list.some((each) => each.secret === secretAt(name)));
    const isStored = world.storeOf(secretAt(name)).length > 0;
    return platformOnly ? isRead : isRead || isStored;
  });
  const consumers = [...mounts]
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => service(name, list));
  return { world, there, declared: stack(secrets, consumers) };
}

describe('whatever is taken over', () => {
  it('needs no step and no word afterwards, and nothing outside was changed for it', () => {
    fc.assert(
      fc.property(worlds, ({ shapes, platformOnly }) => {
        const { world, declared, there } = foundIn(shapes, platformOnly);
        const before = contentsOf(world);
        const wanted = there.map(({ address }) => address);
        const recorded = recordOf(imported(world, declared, { wanted, platformOnly }));
        expect(contentsOf(world)).toEqual(before);
        expect(Object.keys(recorded.secrets)).toEqual(wanted);
        const own = { ...declared, secrets: there };
        const plan = planFor(world, own, recorded);
        expect(plan.steps.map(({ text }) => text)).toEqual([]);
        expect(plan.notes.filter(({ kind }) => kind === 'drift')).toEqual([]);
        expect(driftOf(world, own, recorded, NOW)).toEqual([]);
        expect(plan.blocked.filter(({ why }) => why !== 'awaiting-value')).toEqual([]);
      }),
      RUNS,
    );
  });

  it('rotates, is converged at once and after its soak, and what was only pinned is kept', () => {
    fc.assert(
      fc.property(worlds, ({ shapes, platformOnly }) => {
        const { world, declared, there } = foundIn(shapes, platformOnly);
        const wanted = there.map(({ address }) => address);
        const own = { ...declared, secrets: there };
        let recorded = recordOf(imported(world, own, { wanted, platformOnly }));
        const options = { rotate: wanted, values: wanted };
        let now = NOW;
        recorded = world.execute(planFor(world, own, recorded, options), recorded, now);
        for (const { address } of there) {
          const record = recorded.secrets[address];
          const current = record?.current ?? 0;
          expect(current).toBe(record?.highest);
          expect(record?.versions.at(-1)?.storeIds).toHaveLength(1);
        }
        for (const hours of ['PT0H', 'PT73H', 'PT73H']) {
          expect(driftOf(world, own, recorded, now)).toEqual([]);
          now = addDuration(now, hours);
          recorded = world.execute(planFor(world, own, recorded, {}, now), recorded, now);
          expect(isEmpty(planFor(world, own, recorded, {}, now))).toBe(true);
        }
        for (const { address } of there) {
          for (const { ordinal, role, copies } of recorded.secrets[address]?.versions ?? []) {
            const isPinned = declared.consumers.some(({ mounts }) =>
              mounts.some((each) => each.secret === address && each.version === ordinal),
            );
            if (isPinned) expect([role, copies.length]).toEqual(['prior', 1]);
          }
        }
      }),
      RUNS,
    );
  });

  it('goes back to what was taken over while it soaks, under the names that it had', () => {
    fc.assert(
      fc.property(worlds, ({ shapes, platformOnly }) => {
        const { world, declared, there } = foundIn(shapes, platformOnly);
        const wanted = there.map(({ address }) => address);
        const own = { ...declared, secrets: there };
        const first = recordOf(imported(world, own, { wanted, platformOnly }));
        const names = referencesIn(world);
        let recorded = world.execute(
          planFor(world, own, first, { rotate: wanted, values: wanted }),
          first,
          NOW,
        );
        for (const { address } of there) {
          const record = recorded.secrets[address];
          if (record?.current === first.secrets[address]?.current) continue;
          if (priorVersion(record) === null) continue;
          const observed = look(world, own, recorded, NOW);
          const back = makeRollbackPlan({
            declared: own,
            observed,
            recorded,
            now: NOW,
            address,
            reason: null,
          });
          recorded = world.execute(back, recorded, NOW);
        }
        expect(referencesIn(world)).toEqual(names);
        for (const { address } of there) {
          const { current = null, versions = [] } = recorded.secrets[address] ?? {};
          expect(current).toBe(first.secrets[address]?.current);
          const version = versions.find(({ ordinal }) => ordinal === current);
          if (version !== undefined && !isPlatformOnly(version)) expect(version.storeIds).toHaveLength(2);
        }
        expect(planFor(world, own, recorded).steps.map(({ text }) => text)).toEqual([]);
      }),
      RUNS,
    );
  });
});

/** What drifted, but for copies that nobody reads. */
function driftOf(world: World, declared: Declared, recorded: Recorded, now: string): string[] {
  const observed = look(world, declared, recorded, now);
  const { findings } = findDrift({ declared, observed, recorded, now });
  return findings.flatMap(({ rule, text }) => (rule === 'orphan' ? [] : [`${rule}: ${text}`]));
}

function contentsOf({ vaults, copies, services }: World): object {
  return structuredClone({ vaults, copies, services });
}

function referencesIn(world: World): Record<string, string[]> {
  const services = [...(world.services.get(PLATFORM) ?? [])];
  return Object.fromEntries(
    services.map(([name, { references }]) => [name, references.map(({ copyName }) => copyName)]),
  );
}
