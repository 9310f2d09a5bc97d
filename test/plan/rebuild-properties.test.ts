import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SecretAddress } from '../../src/model/address.ts';
import { ordinalOfCopy } from '../../src/model/address.ts';
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

const SECRET = {
  soak: 'PT0S',
  keep: 0,
  generation: 1,
  isDated: false,
  isManual: false,
  isElsewhere: false,
  dependsOn: [],
  together: [],
};
const SERVICE = { dependsOn: [], isOptional: false, isAbsent: false };
const ONCE = {
  happenings: [{ kind: 'apply', hours: 0 }],
  hours: 0,
  options: { rotate: [], target: [], dueOnly: false },
};

/** A file on a host reads two secrets: a service reads the one, and the other was declared together with a longer soak. */
const TOGETHER = {
  ...ONCE,
  secrets: [{ ...SECRET, together: [1] }, { ...SECRET, soak: 'PT24H' }, SECRET],
  services: [
    { ...SERVICE, mounts: [{ secret: 2, pin: null, base: 0 }], place: 'prod' },
    {
      ...SERVICE,
      mounts: [
        { secret: 0, pin: null, base: 0 },
        { secret: 2, pin: null, base: 0 },
      ],
      place: 'box',
    },
  ],
  damages: [],
} as unknown as Life;

/** Only a file on a host still names the version of a secret that the vault has no more. */
const ONLY_NAMED = {
  ...ONCE,
  secrets: [SECRET],
  services: [{ ...SERVICE, mounts: [{ secret: 0, pin: 1, base: 0 }], place: 'box' }],
  damages: [{ kind: 'deleted', which: 0 }],
} as unknown as Life;

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
        const after = wordsOf(rebuilt(situation));
        const isMint = (step: string): boolean => step.startsWith('mint ');
        // What still soaks, longer than it would have, keeps out of its group, which then has other steps.
        const isWhole = before.filter(isMint).length === after.filter(isMint).length;
        for (const step of after.filter((each) => isWhole || isMint(each))) expect(before).toContain(step);
      }),
      { ...RUNS, examples: [[TOGETHER]] },
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
      { ...RUNS, examples: [[ONLY_NAMED]] },
    );
  });

  it('of a damaged world calls current what all consumers read, and gives each version the role that the vault allows', () => {
    fc.assert(
      fc.property(damaged, (life) => {
        const situation = lived(life);
        const { declared, world } = situation;
        fc.pre(world.unknown.size === 0);
        const { secrets } = rebuilt(situation);
        for (const [address, { current, highest, versions }] of Object.entries(secrets)) {
          const read = readsOf(situation, address as SecretAddress);
          if (read.size === 1 && !isLed(situation, address as SecretAddress))
            expect([...read]).toEqual([current]);
          const stored = world.storeOf(address as SecretAddress);
          for (const { role, ordinal, storeIds, copies } of versions) {
            const isEnabled = stored.some(({ storeId, enabled }) => enabled && storeIds.includes(storeId));
            expect(ordinal).toBeLessThanOrEqual(highest);
            // What no vault lists and a previous spec names is a way back on its platform alone.
            const isOnlyThere = role === 'prior' && storeIds.length === 0 && copies.length > 0;
            if (role !== 'current' && !isOnlyThere) expect(isEnabled).toBe(role !== 'retired');
            if (role === 'prior') expect(ordinal).toBeLessThan(current ?? 0);
          }
          expect(versions.filter(({ role }) => role === 'current')).toHaveLength(current === null ? 0 : 1);
        }
        expect(declared.secrets.length).toBeGreaterThanOrEqual(Object.keys(secrets).length);
      }),
      RUNS,
    );
  });
});

/**
 * Whether a consumer of this secret also reads one whose consumers disagree: then it looks like the middle of an
 * apply, and what was flipped in the same update goes back with it. Nobody can tell a service that was put back.
 */
function isLed(situation: Situation, address: SecretAddress): boolean {
  return situation.declared.consumers
    .filter(({ mounts }) => mounts.some(({ secret }) => secret === address))
    .some(({ mounts }) => mounts.some(({ secret }) => readsOf(situation, secret).size > 1));
}

/** The versions that mounts without a pin name, by our labels. */
function readsOf({ declared, world }: Situation, address: SecretAddress): Set<number> {
  const read = new Set<number>();
  for (const { platform, service, mounts } of declared.consumers) {
    const references = world.services.get(platform)?.get(service)?.references ?? [];
    for (const mount of mounts) {
      if (mount.secret !== address || mount.version !== null) continue;
      const named = references.find(({ target }) => target === mount.target);
      if (world.hosts.has(platform)) {
        const ordinal = ordinalOfCopy(mount.base, named?.copyName ?? '');
        if (ordinal !== null) read.add(ordinal);
        continue;
      }
      const labels = world.copies.get(platform)?.get(named?.copyName ?? '')?.labels ?? {};
      if (labels['keyturn-secret'] === address) read.add(Number(labels['keyturn-version']));
    }
  }
  return read;
}
