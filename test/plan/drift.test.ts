import { describe, expect, it } from 'vitest';
import type { Address, SecretAddress } from '../../src/model/address.ts';
import type { ComposeFile } from '../../src/model/compose.ts';
import type { Finding } from '../../src/model/finding.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Unfinished } from '../../src/model/unfinished.ts';
import type { DriftInput } from '../../src/plan/drift.ts';
import { findDrift } from '../../src/plan/drift.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { makePrunePlan } from '../../src/plan/prune.ts';
import type { PlanInput } from '../../src/plan/view.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { PLATFORM, secretAt, serviceAt } from './declare.ts';
import { look } from './look.ts';
import { expand } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import type { World } from './world.ts';

const NOW = '2026-08-20T09:00:00Z';
const WRITER = secretAt('writer');
const API = serviceAt('api');
const SOAKING = {
  v2: 'prior until 2026-08-22T03:00:00Z',
  v3: 'current since 2026-08-19T03:00:00Z',
};

/** `api` reads `writer`, v2 of which soaks; `since` is what somebody does then. */
function situation(
  given: Partial<Scenario> = {},
  since: (world: World) => void = () => {},
): { readonly input: PlanInput; readonly world: World } {
  const { input: before, world } = expand({
    says: '',
    now: NOW,
    secrets: { writer: { versions: SOAKING } },
    services: { api: { mounts: ['writer'] } },
    ...given,
  });
  since(world);
  const { declared, recorded, now, options } = before;
  return {
    input: { declared, recorded, now, options, observed: look(world, declared, recorded, now) },
    world,
  };
}

const input = (...of: Parameters<typeof situation>): PlanInput => situation(...of).input;

/** The plan of what keyturn is told to do on its command line; null: that is not for keyturn to do. */
function planOf(command: string, given: PlanInput): Plan | null {
  const [program, verb, flag, address] = command.split(' ');
  if (program !== 'keyturn') return null;
  const options = {
    ...NO_OPTIONS,
    rotate: flag === '--rotate' ? [address as SecretAddress] : [],
    target: flag === '--target' ? [address as Address] : [],
    prunePlatformOnly: command.endsWith(' --prune-platform-only'),
  };
  if (verb === 'prune') return makePrunePlan({ ...given, options });
  return verb === 'apply' ? makePlan({ ...given, options }) : null;
}

function found(
  given: Partial<Scenario> = {},
  since?: (world: World) => void,
  more: Partial<DriftInput> = {},
): readonly Finding[] {
  return findDrift({ ...input(given, since), ...more }).findings;
}

const labels = (name: string, ordinal: number): Record<string, string> => ({
  [TAG_STACK]: 'shop',
  [TAG_VERSION]: String(ordinal),
  [LABEL_SECRET]: secretAt(name),
});

const copies = (world: World) => {
  const all = world.copies.get(PLATFORM);
  if (all === undefined) throw new Error('nothing was delivered');
  return all;
};

interface Case {
  readonly says: string;
  readonly given?: Partial<Scenario>;
  readonly since?: (world: World) => void;
  readonly finds: Partial<Finding>;
}

const az = (what: string): RegExp => new RegExp(`^az keyvault secret ${what}`);
const apply = (address: string): string => `keyturn apply --target ${address}`;
const reads = (...names: readonly string[]): Partial<Scenario> => ({
  services: { api: { mounts: ['writer'], reads: names, recordedReads: ['writer_v3'] } },
});
const vaultSince = (what: NonNullable<Scenario['secrets'][string]['vaultSince']>): Partial<Scenario> => ({
  secrets: { writer: { versions: { v3: 'current since 2026-07-06T03:00:00Z' }, vaultSince: what } },
});

const CASES: readonly Case[] = [
  {
    says: 'a copy of ours that the record does not know is an orphan',
    since: (world) => void world.deliver(PLATFORM, 'writer_v1', labels('writer', 1)),
    finds: { rule: 'orphan', level: 'warning', subject: 'writer_v1', next: 'keyturn prune shop' },
  },
  {
    says: 'so is one of a secret that is not declared any more',
    since: (world) => void world.deliver(PLATFORM, 'gone_v1', labels('gone', 1)),
    finds: { rule: 'orphan', subject: 'gone_v1', address: secretAt('gone'), next: 'keyturn prune shop' },
  },
  {
    says: 'one that carries no label of ours is for a person to remove',
    since: (world) => void world.deliver(PLATFORM, 'writer_v1', {}),
    finds: { rule: 'orphan', subject: 'writer_v1', next: 'docker secret rm writer_v1' },
  },
  {
    says: 'one that is all there is of a value is no more than a note',
    given: {
      secrets: { writer: { versions: { ...SOAKING, v1: 'retired, copy kept, platform-only' } } },
    },
    finds: { rule: 'orphan', level: 'note', next: 'keyturn prune shop --prune-platform-only' },
  },
  {
    says: 'a declared secret that no vault has is missing',
    given: {
      secrets: { writer: { versions: SOAKING }, late: {} },
    },
    finds: { rule: 'missing', level: 'warning', subject: 'late', next: apply(secretAt('late')) },
  },
  {
    says: 'so is a declared service that does not exist',
    given: {
      services: { api: { mounts: ['writer'] }, job: { mounts: ['writer'], absent: true } },
    },
    finds: { rule: 'missing', level: 'error', subject: 'job', address: serviceAt('job') },
  },
  {
    says: 'so is a copy that a spec names and that is gone',
    given: {
      secrets: { writer: { versions: { v3: 'current since 2026-07-06T03:00:00Z' } } },
    },
    since: (world) => void copies(world).delete('writer_v3'),
    finds: {
      rule: 'missing',
      level: 'error',
      subject: 'writer_v3',
      next: `keyturn apply --rotate ${WRITER}`,
    },
  },
  {
    says: 'a version that somebody wrote by hand moved the secret',
    given: vaultSince('new version by hand'),
    finds: { rule: 'moved', level: 'warning', next: `keyturn apply --rotate ${WRITER}` },
  },
  {
    says: 'while the prior soaks, nothing may rotate over it: it says from when on',
    given: { secrets: { writer: { versions: SOAKING, vaultSince: 'new version by hand' } } },
    finds: {
      rule: 'moved',
      next: `once nothing soaks that bars it, after 2026-08-22T03:00:00Z: keyturn apply --rotate ${WRITER}`,
    },
  },
  {
    says: 'a manual secret that a person brought a value for is taken up',
    given: {
      secrets: {
        writer: {
          source: 'manual',
          versions: { v3: 'current since 2026-07-06T03:00:00Z' },
          vaultSince: 'new version by hand',
        },
      },
    },
    finds: { rule: 'moved', next: apply(WRITER) },
  },
  {
    says: 'a write of ours that arrived late is taken back by any apply',
    given: vaultSince('a late arrival'),
    finds: { rule: 'moved', next: 'keyturn apply shop' },
  },
  {
    says: 'a twin of the current version that arrived late is taken back by any apply',
    given: vaultSince('a late twin'),
    finds: { rule: 'moved', next: 'keyturn apply shop' },
  },
  {
    says: 'another stack wrote over it',
    given: vaultSince('new version by stack other'),
    finds: { rule: 'moved', next: `keyturn apply --rotate ${WRITER}` },
  },
  {
    says: 'the newest version was disabled',
    given: vaultSince('newest disabled'),
    finds: {
      rule: 'disabled',
      level: 'error',
      next: expect.stringMatching(az(String.raw`set-attributes .* --enabled true$`)) as string,
    },
  },
  {
    says: 'the way back was disabled',
    given: { secrets: { writer: { versions: SOAKING, priorSince: ['disabled'] } } },
    finds: {
      rule: 'disabled',
      level: 'warning',
      next: expect.stringMatching(az('set-attributes')) as string,
    },
  },
  {
    says: "the way back's copy was removed, which a rollback delivers again",
    given: { secrets: { writer: { versions: SOAKING, priorSince: ['copies removed'] } } },
    finds: { rule: 'missing', level: 'note', subject: 'writer_v2' },
  },
  {
    says: 'the secret was deleted in the vault',
    given: vaultSince('deleted'),
    finds: {
      rule: 'deleted',
      level: 'error',
      next: 'az keyvault secret recover --vault-name shop-prod --name writer',
    },
  },
  {
    says: 'a service that somebody put back is superseded',
    given: reads('writer_v2'),
    finds: { rule: 'superseded', level: 'warning', address: API, next: apply(API) },
  },
  {
    says: 'one that an emergency could not move is stuck',
    given: {
      secrets: { writer: { versions: { v2: 'retired, copy kept', v3: SOAKING.v3 } } },
      services: { api: { mounts: ['writer'], reads: ['writer_v2'], parked: 'no node takes it' } },
    },
    finds: { rule: 'stuck', level: 'warning', address: API, next: apply(API) },
  },
  {
    says: 'so is one whose task is on a node that was lost',
    given: { services: { api: { mounts: ['writer'], lost: ['writer_v2'] } } },
    finds: { rule: 'stuck', subject: 'api', next: expect.stringContaining('node-3') as string },
  },
  {
    says: 'and one whose task goes on',
    given: { services: { api: { mounts: ['writer'], lingering: ['writer_v2'] } } },
    finds: { rule: 'stuck', level: 'note', next: 'docker service update --force api' },
  },
  {
    says: 'a mount that somebody took away was edited',
    given: reads(),
    finds: { rule: 'edited', level: 'warning', next: apply(API) },
  },
  {
    says: 'so was one that names a copy of somebody else',
    given: { ...reads('foreign'), foreignCopies: ['foreign'] },
    since: (world) => {
      const service = world.service(PLATFORM, 'api');
      service.references = [world.reference(PLATFORM, 'writer', 'foreign')];
    },
    finds: { rule: 'edited', level: 'warning', next: apply(API) },
  },
  {
    says: 'a mount that somebody added is for a person to take away',
    given: { foreignCopies: ['foreign'] },
    since: (world) => {
      const service = world.service(PLATFORM, 'api');
      service.references = [...service.references, world.reference(PLATFORM, 'foreign', 'foreign')];
    },
    finds: { rule: 'edited', level: 'warning', next: 'docker service update --secret-rm foreign api' },
  },
  {
    says: 'a service that was made anew and reads what it should is a note',
    since: (world) => void Object.assign(world.service(PLATFORM, 'api'), { id: 'another' }),
    finds: { rule: 'edited', level: 'note' },
  },
  {
    says: 'tags of a recorded version that name another one lie',
    since: (world) => {
      const stored = world.storeOf(WRITER);
      const newest = stored.at(-1);
      if (newest === undefined) throw new Error('nothing was written');
      stored[stored.length - 1] = { ...newest, tags: { ...newest.tags, [TAG_VERSION]: '9' } };
    },
    finds: {
      rule: 'mislabelled',
      level: 'warning',
      subject: 'writer',
      next: expect.stringMatching(/--tags .*keyturn-version=3/) as string,
    },
  },
  {
    says: 'labels that contradict the name lie',
    since: (world) => void world.deliver(PLATFORM, 'writer_v1', labels('writer', 7)),
    finds: { rule: 'mislabelled', subject: 'writer_v1', next: 'docker secret rm writer_v1' },
  },
  {
    says: 'an update that is paused stands still',
    given: { services: { api: { mounts: ['writer'], state: 'paused', previous: ['writer_v3'] } } },
    finds: { rule: 'paused', level: 'warning', next: 'docker service rollback api' },
  },
  {
    says: 'where what was before reads something else, nobody is sent there',
    given: { services: { api: { mounts: ['writer'], state: 'paused', previous: ['writer_v2'] } } },
    finds: { rule: 'paused', next: expect.stringContaining('docker service update --force api') as string },
  },
  {
    says: 'a vault that does not answer is unknown, and nothing else is told of it',
    given: { ...vaultSince('newest disabled'), unknown: ['shop-prod'] },
    finds: { rule: 'unknown', level: 'error', subject: 'shop-prod', address: null },
  },
];

describe('each kind of drift, alone', () => {
  it('is absent from a stack that nobody touched', () => {
    expect(found()).toEqual([]);
  });

  it('is not that a secret is absent which its users manage and nobody reads', () => {
    const secrets = { writer: { versions: SOAKING }, agents: { cadence: 'user-managed' } } as const;
    expect(found({ secrets })).toEqual([]);
    const services = { api: { mounts: ['writer'] }, job: { mounts: ['agents'] } };
    expect(found({ secrets, services }).map(({ rule, subject }) => [rule, subject])).toContainEqual([
      'missing',
      'agents',
    ]);
  });

  it('leaves a copy alone whose secret is of a vault that it does not declare: another project may be called the same', () => {
    const foreign = { ...labels('gone', 1), [LABEL_SECRET]: 'vault://elsewhere/gone' };
    expect(found({}, (world) => void world.deliver(PLATFORM, 'gone_v1', foreign))).toEqual([]);
  });

  it.each(CASES)('$says', ({ given, since, finds }) => {
    const { input: before, world } = situation(given, since);
    const { findings: all } = findDrift(before);
    expect(all).toMatchObject([{ stack: 'shop', ...finds }]);

    const plan = planOf(all[0]?.next ?? '', before);
    if (plan === null) return;
    expect(plan.steps, 'what mends it').not.toEqual([]);
    const { declared, now } = before;
    const recorded = world.execute(plan, before.recorded, now);
    const after = findDrift({ declared, now, recorded, observed: look(world, declared, recorded, now) });
    expect(after.findings.filter(({ level }) => level !== 'note')).toEqual([]);
  });
});

describe('an orphan', () => {
  it.each([
    ['current', 'writer_v3', {}],
    ['prior that soaks', 'writer_v2', {}],
    ['read by somebody else', 'gone_v1', { other: { undeclared: true, reads: ['gone_v1'] } }],
    [
      'named by a previous spec',
      'gone_v1',
      { other: { undeclared: true, reads: [], previous: ['gone_v1'] } },
    ],
    ['used by a task', 'gone_v1', { other: { undeclared: true, reads: [], lingering: ['gone_v1'] } }],
  ] as const)('is not a copy that is %s', (_, name, services) => {
    const all = found({ services: { api: { mounts: ['writer'] } } }, (world) => {
      if (!name.startsWith('gone')) return;
      world.deliver(PLATFORM, name, labels('gone', 1));
      for (const [service, given] of Object.entries(services)) {
        const seen = world.service(PLATFORM, service);
        const reference = [world.reference(PLATFORM, 'gone', name)];
        if ('previous' in given) seen.previous = reference;
        else if ('lingering' in given) seen.lingering = reference.map(({ copyId }) => copyId);
        else seen.references = reference;
      }
    });
    expect(all.filter(({ rule }) => rule === 'orphan')).toEqual([]);
  });

  it('is not a copy that its secret keeps, and is the one beyond that', () => {
    const versions = { v1: 'retired, copy kept', v2: 'retired, copy kept', v3: SOAKING.v3 };
    const all = found({ secrets: { writer: { versions, keep: 1 } } });
    expect(all).toMatchObject([{ rule: 'orphan', subject: 'writer_v1', level: 'note' }]);
  });

  it('is nothing of a declared secret whose record was lost', () => {
    const { declared, observed, now, recorded } = input();
    const { findings } = findDrift({ declared, observed, now, recorded: { ...recorded, secrets: {} } });
    expect(findings.map(({ rule, next }) => `${rule}: ${next}`)).toContain(
      'moved: keyturn state rebuild shop',
    );
    expect(findings.map(({ rule }) => rule)).not.toContain('orphan');
  });

  it('of ours is removed by a prune, which leaves one of somebody else and the last one of a value', () => {
    const versions = { ...SOAKING, v1: 'retired, copy kept, platform-only' };
    const given = input({ secrets: { writer: { versions } } }, (world) => {
      world.deliver(PLATFORM, 'gone_v1', labels('gone', 1));
      world.deliver(PLATFORM, 'writer_v9', {});
    });
    const removed = (prunePlatformOnly: boolean): string[] =>
      makePrunePlan({ ...given, options: { ...NO_OPTIONS, prunePlatformOnly } }).steps.map(
        ({ text }) => text,
      );
    expect(removed(false)).toEqual(['remove gone_v1 from prod']);
    expect(removed(true)).toEqual(['remove gone_v1 from prod', 'remove writer_v1 from prod']);
    const { notes } = makePrunePlan(given);
    expect(notes.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^writer_v1 .*only --prune-platform-only removes it$/),
      expect.stringMatching(/^writer_v9 .*carries no label of keyturn/),
    ]);
    const repair = makePlan({ ...given, options: { ...NO_OPTIONS, pruneOrphans: true } });
    expect(repair.steps.map(({ text }) => text)).toEqual(['remove gone_v1 from prod']);
  });
});

describe('an apply that did not end', () => {
  const apart: Unfinished = {
    apply: 'a1',
    kind: 'apply',
    startedAt: NOW,
    by: 'Ada',
    groups: [
      {
        id: 'g1',
        fate: 'taken-back',
        secrets: [WRITER],
        consumers: [API],
        done: [],
        cutOff: [],
        failed: [],
      },
    ],
  };

  it('is a finding of its own, and what it touched is nobody else’s', () => {
    const all = found(reads('writer_v2'), undefined, { unfinished: { apply: apart, runs: null } });
    expect(all).toMatchObject([{ rule: 'unfinished', level: 'warning', next: 'keyturn apply shop' }]);
  });

  it('is a note while it runs', () => {
    const all = found(reads('writer_v2'), undefined, { unfinished: { apply: apart, runs: 'Ada on ci-1' } });
    expect(all).toMatchObject([{ rule: 'unfinished', level: 'note' }]);
  });
});

describe('a compose file', () => {
  const file = (name: string): ComposeFile => ({
    file: 'docker/compose.yml',
    services: [],
    secrets: [{ key: 'writer', external: name, from: null, place: { file: 'docker/compose.yml', line: 12 } }],
  });

  it.each([
    ['writer_v3', []],
    ['${WRITER}', []],
    ['somebody_elses_v1', []],
    ['writer_v7', ['missing error docker/compose.yml:12']],
    ['writer_v2', ['superseded warning docker/compose.yml:12']],
  ] as const)('that names %s: %j', (name, expected) => {
    const all = found({}, undefined, { compose: [file(name)] });
    expect(
      all.map(({ rule, level, place }) => `${rule} ${level} ${place?.file ?? ''}:${place?.line ?? ''}`),
    ).toEqual(expected);
  });
});
