import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Address, SecretAddress } from '../../src/model/address.ts';
import { homeOf } from '../../src/model/address.ts';
import { canonicalJson } from '../../src/model/canonical.ts';
import { referenceTo } from '../../src/model/host.ts';
import type { Step } from '../../src/model/plan.ts';
import { isIrreversible } from '../../src/model/plan.ts';
import type { RecordedVersion } from '../../src/model/recorded.ts';
import { recordedVersion } from '../../src/model/recorded.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { Replay } from '../../src/record/fold.ts';
import { RUNS, holds, planOf, stepsOf } from './holds.ts';
import type { Situation } from './situations.ts';
import { damaged, inputOf, lived } from './situations.ts';
import { usersOf } from './world.ts';

/** The same JSON with every array in another order, but for argument lists, whose order means something. */
function shuffled<T>(value: T, next: () => number): T {
  if (Array.isArray(value)) {
    const items = value.map((item): unknown => shuffled(item, next));
    for (let index = items.length - 1; index > 0; index -= 1) {
      const other = next() % (index + 1);
      [items[index], items[other]] = [items[other], items[index]];
    }
    return items as T;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, shuffled<unknown>(item, next)]),
  ) as T;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}

function versionOf({ recorded }: Situation, secret: SecretAddress, ordinal: number): RecordedVersion | null {
  return recordedVersion(recorded.secrets[secret], ordinal);
}

describe('a plan', () => {
  it('is the same to the byte whatever the order of arrays in its input', () => {
    fc.assert(
      fc.property(damaged, fc.infiniteStream(fc.nat()), (life, numbers) => {
        const situation = lived(life);
        const input = inputOf(situation);
        const next = (): number => Number(numbers.next().value);
        expect(JSON.stringify(makePlan(shuffled(input, next)))).toBe(JSON.stringify(makePlan(input)));
      }),
      RUNS,
    );
  });

  it('leaves its inputs untouched', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const input = inputOf(lived(life));
        const before = canonicalJson(input);
        makePlan(frozen(input));
        expect(canonicalJson(input)).toBe(before);
      }),
      RUNS,
    );
  });

  it('reads back from JSON as what was written', () => {
    holds(damaged, (_situation, plan) => {
      expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    });
  });

  it('has every step once, after everything that it needs, in a group that comes after what that one needs', () => {
    holds(damaged, (_situation, plan) => {
      const groups = new Set<string>();
      for (const { id, needs } of plan.groups) {
        for (const need of needs) expect(groups).toContain(need);
        expect(groups).not.toContain(id);
        groups.add(id);
      }
      const steps = new Map<string, Step>();
      for (const step of plan.steps) {
        expect(steps).not.toContain(step.id);
        expect(groups).toContain(step.group);
        for (const need of step.needs) expect(steps.get(need)?.group).toBe(step.group);
        steps.set(step.id, step);
      }
      for (const { id } of plan.groups) expect(plan.steps.some(({ group }) => group === id)).toBe(true);
    });
  });

  it('keeps what has no way back out of the groups that mint', () => {
    holds(damaged, (_situation, plan) => {
      const minting = new Set(stepsOf(plan, 'mint').map(({ group }) => group));
      for (const step of plan.steps) expect(isIrreversible(step.kind) && minting.has(step.group)).toBe(false);
    });
  });

  it('has for every mint, stage, flip and promote the exact way back', () => {
    holds(damaged, ({ recorded, world }, plan) => {
      for (const { ordinal, secret, inverse } of stepsOf(plan, 'mint')) {
        expect(inverse).toMatchObject({ kind: 'restore', secret, failed: ordinal });
        const current = recordedVersion(recorded.secrets[secret], recorded.secrets[secret]?.current ?? null);
        const isReadable = world
          .storeOf(secret)
          .some(({ storeId, enabled }) => enabled && current?.storeIds.includes(storeId) === true);
        expect(inverse?.to).toBe(isReadable ? (current?.ordinal ?? null) : null);
      }
      for (const { copy, platform, ordinal, secret, inverse } of stepsOf(plan, 'stage')) {
        expect(inverse).toMatchObject({ kind: 'unstage', copy, platform, ordinal, secret });
      }
      for (const { changes, consumer, inverse } of stepsOf(plan, 'flip')) {
        // Who reads what never returns has another way back, or none.
        if (changes.some(({ back }) => back === null)) {
          expect(inverse).toBeNull();
          continue;
        }
        const mirror = changes.map(({ back, ...change }) => ({
          ...change,
          from: change.to,
          to: back ?? change.from,
        }));
        expect(inverse).toMatchObject({ kind: 'flip', consumer, changes: mirror, inverse: null });
      }
      for (const { promotions, inverse } of stepsOf(plan, 'promote')) {
        const back = promotions.map(({ secret, ordinal, prior }) => ({ secret, ordinal, to: prior }));
        expect(inverse?.demotions).toEqual(back);
      }
    });
  });

  it('leads back to the references and the newest value of before when its inverses run, from any step on', () => {
    fc.assert(
      fc.property(damaged, fc.nat(), (life, at) => {
        const situation = lived(life);
        const plan = planOf(situation);
        const last = plan.steps[plan.steps.length === 0 ? 0 : at % plan.steps.length];
        const begun = plan.steps.filter((step) => step.group === last?.group);
        const upTo = begun.slice(0, begun.findIndex((step) => step.id === last?.id) + 1);
        if (begun.some(({ inverse, kind }) => inverse === null && kind !== 'verify')) return;
        const { world, recorded, now } = situation;
        const before = world.copy();
        const replay = new Replay(recorded);
        for (const step of upTo) world.perform(step, replay, now);
        for (const { inverse } of upTo.toReversed()) {
          if (inverse === null) continue;
          if (inverse.kind === 'unstage') settleAll(situation);
          world.perform(inverse, replay, now);
        }
        const referencesOf = (of: typeof world): unknown =>
          [...of.services].map(([name, all]) => [
            name,
            [...all].map(([one, { references }]) => [one, references]),
          ]);
        expect(referencesOf(world)).toEqual(referencesOf(before));
        const copiesOf = (of: typeof world): unknown =>
          [...of.copies].flatMap(([name, all]) => [...all.keys()].map((copy) => `${name} ${copy}`));
        expect(copiesOf(world)).toEqual(copiesOf(before));
        for (const [address, secret] of Object.entries(recorded.secrets)) {
          expect(replay.recorded.secrets[address as SecretAddress]?.current).toBe(secret.current);
        }
      }),
      RUNS,
    );
  });

  it('has a fingerprint of every address that its steps touch', () => {
    holds(damaged, (_situation, plan) => {
      for (const step of plan.steps) {
        expect(plan.basis.fingerprints).toHaveProperty([step.address]);
        if (step.kind !== 'promote') continue;
        for (const { secret } of step.promotions) expect(plan.basis.fingerprints).toHaveProperty([secret]);
      }
    });
  });

  it('is for a target nothing that the whole plan is not', () => {
    holds(damaged, (situation, plan) => {
      const whole = planOf({ ...situation, options: { ...situation.options, target: [] } });
      const known = new Set(whole.steps.map(({ kind, text }) => `${kind} ${text}`));
      for (const { kind, text } of plan.steps) expect(known).toContain(`${kind} ${text}`);
    });
  });
});

describe('a consumer', () => {
  it('is flipped at most once in a plan (I4)', () => {
    holds(damaged, (_situation, plan) => {
      const flipped = stepsOf(plan, 'flip').map(({ consumer }) => consumer);
      expect(new Set(flipped).size).toBe(flipped.length);
    });
  });

  it('moves with every secret that it reads and that rotates (I4)', () => {
    holds(damaged, ({ declared, world }, plan) => {
      const rotating = new Map(stepsOf(plan, 'mint').map(({ secret, group }) => [secret, group]));
      for (const consumer of declared.consumers) {
        const groups = consumer.mounts.flatMap(({ secret, version }) =>
          version === null ? (rotating.get(secret) ?? []) : [],
        );
        if (groups.length === 0 || world.services.get(consumer.platform)?.has(consumer.service) !== true)
          continue;
        const flip = stepsOf(plan, 'flip').find((step) => step.consumer === consumer.address);
        expect([...new Set(groups)]).toEqual([flip?.group]);
      }
    });
  });

  it('is never pointed at a retired version (I12), nor at one whose copy is not there and not delivered first', () => {
    holds(damaged, (situation, plan) => {
      for (const { changes, platform, needs } of stepsOf(plan, 'flip')) {
        const staged = stepsOf(plan, 'stage').filter(({ id }) => needs.includes(id));
        for (const { secret, to } of changes) {
          if (to === null) continue;
          expect(versionOf(situation, secret, to.ordinal ?? 0)?.role).not.toBe('retired');
          const minted = stepsOf(plan, 'mint').find(
            (step) => step.secret === secret && step.ordinal === to.ordinal,
          );
          if (situation.world.hosts.has(platform) && minted !== undefined) expect(needs).toContain(minted.id);
          const isThere =
            situation.world.hosts.has(platform) ||
            situation.world.copies.get(platform)?.has(to.copy) === true;
          expect(isThere || staged.some(({ copy }) => copy === to.copy)).toBe(true);
        }
      }
    });
  });
});

describe('a version', () => {
  it('is not retired or pruned while a spec, a live task or a previous spec names it (I5)', () => {
    holds(damaged, (situation, plan) => {
      const world = situation.world.copy();
      const replay = new Replay(situation.recorded);
      for (const step of plan.steps) {
        if (step.kind === 'retire' || step.kind === 'prune') {
          const copies = versionOf(situation, step.secret, step.ordinal)?.copies ?? [];
          expect(copies.flatMap(({ platform, id }) => usersOf(world, platform, id))).toEqual([]);
          if (step.kind === 'retire')
            expect(usersOf(world, 'box', referenceTo(step.secret, step.ordinal))).toEqual([]);
        }
        world.perform(step, replay, situation.now);
      }
    });
  });

  it('is not retired while a consumer pins it, nor before its soak has ended (I5)', () => {
    holds(damaged, (situation, plan) => {
      for (const { secret, ordinal } of stepsOf(plan, 'retire')) {
        const pins = situation.declared.consumers.flatMap(({ mounts }) =>
          mounts.filter((mount) => mount.secret === secret && mount.version === ordinal),
        );
        expect(pins).toEqual([]);
        const until = versionOf(situation, secret, ordinal)?.soakUntil ?? situation.now;
        expect(until <= situation.now).toBe(true);
      }
    });
  });

  it('gets an ordinal that neither record, vault nor platform knows, or that of its own operation', () => {
    holds(damaged, ({ declared, recorded, world }, plan) => {
      for (const { secret, ordinal, operation } of stepsOf(plan, 'mint')) {
        const own = world.storeOf(secret).filter(({ tags }) => tags['keyturn-op'] === operation);
        for (const { enabled, tags } of own) {
          expect([enabled, tags['keyturn-version']]).toEqual([true, String(ordinal)]);
        }
        if (own.length === 0) expect(ordinal).toBeGreaterThan(recorded.secrets[secret]?.highest ?? 0);
        for (const { tags } of world.storeOf(secret)) {
          expect(tags['keyturn-version'] === String(ordinal) && tags['keyturn-op'] !== operation).toBe(false);
        }
        for (const { platform, mounts } of declared.consumers) {
          for (const mount of mounts.filter((one) => one.secret === secret)) {
            expect(world.copies.get(platform)?.has(`${mount.base}_v${ordinal}`) ?? false).toBe(false);
          }
        }
      }
    });
  });
});

describe('a secret', () => {
  it('in its soak is not minted', () => {
    holds(damaged, ({ recorded, now }, plan) => {
      for (const { secret } of stepsOf(plan, 'mint')) {
        const versions = recorded.secrets[secret]?.versions ?? [];
        expect(versions.filter(({ role, soakUntil }) => role === 'prior' && (soakUntil ?? '') > now)).toEqual(
          [],
        );
      }
    });
  });

  it('is minted once, under an operation of its own', () => {
    holds(damaged, (_situation, plan) => {
      const mints = stepsOf(plan, 'mint');
      expect(new Set(mints.map(({ secret }) => secret)).size).toBe(mints.length);
      expect(new Set(mints.map(({ operation }) => operation)).size).toBe(mints.length);
    });
  });

  it('or consumer that could not be observed gets no step, and is named (I13)', () => {
    holds(damaged, ({ declared, world, options }, plan) => {
      for (const step of plan.steps) {
        expect(world.unknown).not.toContain(homeOf(step.address));
        if ('platform' in step) expect(world.unknown).not.toContain(step.platform);
        if (step.kind !== 'promote') continue;
        for (const { secret } of step.promotions) expect(world.unknown).not.toContain(homeOf(secret));
      }
      if (options.target.length > 0) return;
      const named = plan.blocked.map(({ address }): Address => address);
      for (const { address } of [...declared.secrets, ...declared.consumers]) {
        if (world.unknown.has(homeOf(address))) expect(named).toContain(address);
      }
    });
  });
});

function settleAll({ world }: Situation): void {
  for (const services of world.services.values()) {
    for (const service of services.values()) service.previous = [...service.references];
  }
}
