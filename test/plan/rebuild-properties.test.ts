import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SecretAddress } from '../../src/model/address.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { rebuildRecord } from '../../src/plan/rebuild.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { look } from './look.ts';
import type { Life, Situation } from './situations.ts';
import { damaged, healthy, inputOf, lived } from './situations.ts';

const RUNS = { numRuns: 120 };

function rebuilt({ declared, world, now }: Situation): Recorded {
  const observed = look(world, declared, emptyRecord(declared.stack, 'new'), now);
  return rebuildRecord({ declared, observed, now, lineage: 'new' }).recorded;
}

/** Nobody can tell a mount whose pin was just taken out from one that an apply did not come to. */
function isApplied({ happenings }: Life): boolean {
  const last = happenings.findLastIndex(({ kind }) => kind === 'apply');
  return !happenings.slice(last + 1).some(({ kind }) => kind === 'unpin');
}

/** What matters of a secret: roles, ids and copies of its versions. */
function gist({ secrets }: Recorded, address: SecretAddress): object | null {
  const record = secrets[address];
  if (record === undefined) return null;
  const versions = record.versions.map(({ ordinal, role, storeIds, copies }) => ({
    version: `v${ordinal} ${role}`,
    storeIds: [...storeIds].sort(),
    copies: copies.map(({ platform, name, id }) => `${platform} ${name} ${id}`).sort(),
  }));
  return { current: record.current, highest: record.highest, versions };
}

describe('a record that is rebuilt from tags, labels and specs', () => {
  it('has the roles, ids and copies of the one that was lost', () => {
    fc.assert(
      fc.property(healthy.filter(isApplied), (life) => {
        const situation = lived(life);
        const again = rebuilt(situation);
        for (const { address } of situation.declared.secrets) {
          expect(gist(again, address), address).toEqual(gist(situation.recorded, address));
        }
      }),
      RUNS,
    );
  });

  it('leads to no step that the lost one would not have led to', () => {
    fc.assert(
      fc.property(healthy.filter(isApplied), (life) => {
        const situation = lived(life);
        const options = { ...situation.options, rotate: [] };
        const wordsOf = (recorded: Recorded): string[] => {
          const input = inputOf({ ...situation, recorded, options });
          return makePlan(input).steps.map(({ kind, text }) => `${kind} ${text}`);
        };
        const before = wordsOf(situation.recorded);
        for (const step of wordsOf(rebuilt(situation))) expect(before).toContain(step);
      }),
      RUNS,
    );
  });

  it('of a damaged world leads to a plan that the world does not refuse', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const situation = lived(life);
        fc.pre(situation.world.unknown.size === 0);
        const recorded = rebuilt(situation);
        const plan = makePlan(inputOf({ ...situation, recorded, options: NO_OPTIONS }));
        situation.world.execute(plan, recorded, situation.now);
      }),
      RUNS,
    );
  });

  it('of a damaged world has a current version that consumers read, or the newest of ours', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const situation = lived(life);
        fc.pre(situation.world.unknown.size === 0);
        const { secrets } = rebuilt(situation);
        for (const [address, { current, highest, versions }] of Object.entries(secrets)) {
          const stored = situation.world.storeOf(address as SecretAddress);
          const known = stored.flatMap(({ tags }) => Number(tags['keyturn-version'] ?? 0));
          expect(highest).toBeGreaterThanOrEqual(Math.max(0, ...known));
          const roles = versions.map(({ role }) => role).filter((role) => role === 'current');
          expect(roles).toHaveLength(current === null ? 0 : 1);
          if (current === null) expect(versions.every(({ role }) => role !== 'prior')).toBe(true);
        }
      }),
      RUNS,
    );
  });
});
