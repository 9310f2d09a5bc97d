import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/model/address.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { Declared, DeclaredSecret } from '../../src/model/declared.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { Held, Recorded } from '../../src/model/recorded.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { declarationDigest } from '../../src/plan/timing.ts';
import type { PlanOptions } from '../../src/plan/view.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { Replay } from '../../src/record/fold.ts';
import { PLATFORM, VAULT, mount, secret, secretAt, service, stack } from './declare.ts';
import { look } from './look.ts';
import { expand } from './scenario.ts';
import { World } from './world.ts';

const NOW = '2026-08-20T09:00:00Z';
const WRITER = secretAt('writer');

/** One stack's life, planned and carried out step by step. */
class Life {
  readonly world = new World();
  declared: Declared;
  recorded: Recorded = emptyRecord('shop', 'a-lineage');

  constructor(declared: Declared) {
    this.declared = declared;
    this.world.vaults.set(VAULT, new Map());
    for (const { platform, service: name } of declared.consumers) this.world.service(platform, name);
  }

  plan(options: Partial<PlanOptions> = {}, now: Instant = NOW): Plan {
    const { declared, recorded, world } = this;
    const observed = look(world, declared, recorded, now);
    return makePlan({ declared, observed, recorded, now, options: { ...NO_OPTIONS, ...options } });
  }

  apply(options: Partial<PlanOptions> = {}, now: Instant = NOW): Plan {
    const plan = this.plan(options, now);
    this.recorded = this.world.execute(plan, this.recorded, now);
    return plan;
  }

  declare(secrets: readonly DeclaredSecret[]): void {
    this.declared = { ...this.declared, secrets };
  }

  hold(name: string, held: Omit<Held, 'declaration' | 'since' | 'reason'>): void {
    const declared = this.declared.secrets.find((one) => one.name === name);
    const record = this.recorded.secrets[secretAt(name)];
    if (declared === undefined || record === undefined) throw new Error(`${name} has no record`);
    const full = { ...held, since: NOW, reason: 'it failed', declaration: declarationDigest(declared) };
    const secrets = { ...this.recorded.secrets, [secretAt(name)]: { ...record, held: full } };
    this.recorded = { ...this.recorded, secrets };
  }
}

describe('the way back of a mint', () => {
  it('leads to no version that an emergency retired, although the vault may give it out again', () => {
    const life = new Life(stack([secret('writer')], [service('writer', [mount('writer')])]));
    life.apply();
    const record = life.recorded.secrets[WRITER];
    const versions = record?.versions.map((version) => ({
      ...version,
      retiredAt: NOW,
      retiredWhy: 'compromised' as const,
    }));
    if (record === undefined || versions === undefined) throw new Error('it has no record');
    const backs = (): (number | null)[] =>
      life
        .plan({ rotate: [WRITER] })
        .steps.flatMap(({ inverse }) => (inverse?.kind === 'restore' ? [inverse.to] : []));
    expect(backs()).toEqual([1]);
    life.recorded = { ...life.recorded, secrets: { [WRITER]: { ...record, versions } } };
    expect(backs()).toEqual([null]);
  });
});

function minted(plan: Plan): string[] {
  return plan.steps.flatMap((step) => (step.kind === 'mint' ? [`${step.secret} v${step.ordinal}`] : []));
}

function reasons(plan: Plan): string[] {
  return plan.blocked.map(({ address, why }) => `${address} ${why}`);
}

describe('a secret that was rotated in this very second', () => {
  it('gets a new version when it is asked for once more, not the one that is current', () => {
    const life = new Life(stack([secret('writer', { soak: 'PT0S' })], []));
    life.apply();
    const rotate = [WRITER];
    life.apply({ rotate });
    expect(minted(life.plan({ rotate }))).toEqual([`${WRITER} v3`]);
  });
});

describe('a secret whose first mint has no outcome', () => {
  it('is refused when someone else made it in the vault meanwhile', () => {
    const life = new Life(stack([secret('writer')], []));
    const step = life.plan().steps.find((one): one is Extract<Step, { kind: 'mint' }> => one.kind === 'mint');
    if (step === undefined) throw new Error('nothing is minted');
    life.recorded = new Replay(life.recorded, [{ seq: 1, at: NOW, type: 'intent', step }]).recorded;
    expect(minted(life.plan())).toEqual([`${WRITER} v2`]);
    life.world.write(WRITER, {});
    expect(minted(life.plan())).toEqual([]);
    expect(reasons(life.plan())).toEqual([`${WRITER} not-ours`]);
  });
});

describe('a held secret', () => {
  it('stays held for the generation that failed, and is let go by a newer one', () => {
    const life = new Life(stack([secret('writer')], []));
    life.apply();
    life.declare([secret('writer', { generation: 2 })]);
    life.hold('writer', { cause: { kind: 'generation', generation: 2 } });
    expect(reasons(life.plan())).toEqual([`${WRITER} held`]);
    life.declare([secret('writer', { generation: 3 })]);
    expect(minted(life.plan())).toEqual([`${WRITER} v2`]);
  });

  it('is let go when a person asks for the secret that it rotates together with', () => {
    const life = new Life(
      stack([secret('writer', { together: [secretAt('reader')] }), secret('reader')], []),
    );
    life.apply();
    life.hold('writer', { cause: { kind: 'first' } });
    life.hold('reader', { cause: { kind: 'first' } });
    expect(minted(life.plan({ rotate: [WRITER] }))).toEqual([`${secretAt('reader')} v2`, `${WRITER} v2`]);
  });
});

describe('a consumer that is pinned and cannot be updated', () => {
  it('does not keep its secret from rotating for the others', () => {
    const pinned = service('staging', [mount('writer', { version: 1 })]);
    const life = new Life(stack([secret('writer')], [service('api', [mount('writer')]), pinned]));
    life.apply();
    life.apply();
    life.world.service(PLATFORM, 'staging').updateState = 'paused';
    expect(minted(life.plan({ rotate: [WRITER] }))).toEqual([`${WRITER} v2`]);
    life.world.unknown.add(PLATFORM);
    expect(minted(life.plan({ rotate: [WRITER] }))).toEqual([]);
  });

  it('that is pinned to the first version is given it in the plan that makes it', () => {
    const pinned = service('staging', [mount('writer', { version: 1 })]);
    const life = new Life(stack([secret('writer')], [pinned]));
    expect(life.apply().steps.filter(({ kind }) => kind === 'flip')).toHaveLength(1);
    expect(life.plan().steps).toEqual([]);
  });
});

describe('a copy that must be delivered', () => {
  it('is not planned while the vault that holds its value is unknown, has lost it, or has it disabled', () => {
    const life = new Life(stack([secret('writer')], [service('api', [mount('writer')])]));
    life.apply();
    const { address } = service('web', []);
    const web = service('web', [mount('db_writer', { secret: WRITER })]);
    life.declared = { ...life.declared, consumers: [...life.declared.consumers, web] };
    life.world.service(PLATFORM, 'web');
    expect(life.plan().steps.map(({ kind }) => kind)).toEqual(['stage', 'flip', 'verify', 'promote']);
    const newest = life.world.storeOf(WRITER).at(-1);
    if (newest !== undefined) newest.enabled = false;
    expect(life.plan().steps).toEqual([]);
    expect(reasons(life.plan())).toEqual([`${address} disabled`]);
    life.world.vaults.set(VAULT, new Map());
    expect(reasons(life.plan())).toEqual([`${address} absent`, `${WRITER} absent`]);
    life.world.unknown.add(VAULT);
    expect(reasons(life.plan())).toEqual([`${address} unknown`, `${WRITER} unknown`]);
  });
});

describe('an optional service that is gone when its settle is due', () => {
  it('is not settled', () => {
    const life = new Life(stack([secret('writer')], [service('api', [mount('writer')], { optional: true })]));
    life.apply();
    life.world.services.get(PLATFORM)?.delete('api');
    expect(life.plan({}, '2026-09-20T09:00:00Z').steps).toEqual([]);
  });
});

describe('a consumer whose base name changes', () => {
  it('is not said to have been moved by someone else', () => {
    const life = new Life(stack([secret('writer')], [service('api', [mount('writer')])]));
    life.apply();
    const renamed = service('api', [mount('writer', { base: 'db_writer' })]);
    life.declared = { ...life.declared, consumers: [renamed] };
    const flip = life.plan().steps.find(({ kind }) => kind === 'flip');
    expect(flip?.cause).toEqual({ kind: 'mount', why: 'declared to read it' });
  });
});

describe('a version that only this plan lets go of', () => {
  it('is retired in the same plan, after the flip', () => {
    const pinned = service('api', [mount('writer', { version: 1 })]);
    const life = new Life(stack([secret('writer', { soak: 'PT0S' })], [pinned]));
    life.apply();
    life.apply({ rotate: [WRITER] });
    life.declared = { ...life.declared, consumers: [service('api', [mount('writer')])] };
    const plan = life.apply();
    expect(plan.steps.map(({ kind }) => kind)).toEqual([
      'stage',
      'flip',
      'verify',
      'promote',
      'settle',
      'retire',
      'prune',
    ]);
    expect(life.plan().steps).toEqual([]);
  });
});

describe('the basis of a plan', () => {
  it('does not change when an address that the plan does not touch does', () => {
    const life = new Life(stack([secret('mail'), secret('writer')], []));
    life.apply();
    const before = life.plan({ rotate: [WRITER] }).basis;
    life.world.write(secretAt('mail'), {});
    expect(digestOf(life.plan({ rotate: [WRITER] }).basis)).toBe(digestOf(before));
    life.world.write(WRITER, {});
    expect(digestOf(life.plan({ rotate: [WRITER] }).basis)).not.toBe(digestOf(before));
  });
});

describe('a secret that is declared apart from another one', () => {
  it('keeps its distance from a rotation that came with the first version of a companion', () => {
    const apart = [{ secret: secretAt('reader'), by: 'P14D' }];
    const writer = secret('writer', { cadence: { kind: 'onRequest' }, apart });
    const reader = secret('reader', { cadence: { kind: 'onRequest' }, soak: 'PT1H' });
    const life = new Life(stack([writer, reader], []));
    life.apply();
    const companion = secret('companion', { cadence: { kind: 'onRequest' }, together: [reader.address] });
    life.declare([writer, reader, companion]);
    expect(minted(life.apply({}, '2026-09-01T00:00:00Z'))).toContain(`${reader.address} v2`);
    const plan = life.plan({ rotate: [writer.address] }, '2026-09-02T00:00:00Z');
    expect(minted(plan)).toEqual([]);
    expect(plan.blocked.map(({ why }) => why)).toContain('apart');
    expect(minted(life.plan({ rotate: [writer.address] }, '2026-09-15T00:00:00Z'))).toEqual([
      `${writer.address} v2`,
    ]);
  });
});

describe('secrets that are declared apart', () => {
  it('wait for nothing that itself waits, because a companion of it does', () => {
    const due = (since: string) => ({ versions: { v3: `current since ${since}` } });
    const [early, late] = [due('2026-04-10T03:00:00Z'), due('2026-07-10T03:00:00Z')];
    const plan = makePlan(
      expand({
        says: '',
        now: '2026-10-06T00:00:00Z',
        secrets: {
          'a-companion': { ...late, together: ['b-other'], apart: ['d-early by P1D'] },
          'b-other': late,
          'c-last': { ...late, apart: ['b-other by P1D'] },
          'd-early': early,
        },
        services: {},
      }).input,
    );
    expect(minted(plan)).toEqual([`${secretAt('c-last')} v4`, `${secretAt('d-early')} v4`]);
  });
});

describe('a consumer that a freeze keeps from being settled', () => {
  const previous = { previous: ['writer_v2', 'admin_v3'], settleAfter: '2026-08-22T03:00:00Z' };
  const scenario = {
    says: '',
    now: '2026-08-23T00:00:00Z',
    secrets: {
      writer: {
        versions: { v2: 'prior until 2026-08-22T03:00:00Z', v3: 'current since 2026-08-19T03:00:00Z' },
      },
      admin: { versions: { v3: 'current since 2026-07-06T03:00:00Z' } },
    },
    freezes: ['2026-08-22 to 2026-08-31 of admin'],
  };

  it('keeps what its previous spec names, and nothing is said to stand in the way', () => {
    const services = { api: { mounts: ['writer', 'admin'], ...previous } };
    const plan = makePlan(expand({ ...scenario, services }).input);
    expect([plan.steps, plan.blocked]).toEqual([[], []]);
    expect(plan.notes.map(({ text }) => text)).toContain(
      'writer v2 is retired once its consumers are settled, after 2026-09-01T00:00:00Z',
    );
  });

  it('is not settled either where it is no longer declared', () => {
    const services = { api: { mounts: ['writer', 'admin'], undeclared: 'recorded' as const, ...previous } };
    const plan = makePlan(expand({ ...scenario, services }).input);
    expect(plan.steps.filter(({ kind }) => kind === 'settle')).toEqual([]);
  });
});

describe('a version that an apply minted, and whose consumer it could not take back', () => {
  it('is only taken back behind that consumer by the next apply, which goes on with it', () => {
    const life = new Life(stack([secret('writer')], [service('api', [mount('writer')])]));
    life.apply();
    const rotate = { rotate: [WRITER] };
    const plan = life.plan(rotate);
    const begun = plan.steps.filter(({ kind }) => kind === 'mint' || kind === 'stage' || kind === 'flip');
    life.recorded = life.world.execute({ ...plan, steps: begun }, life.recorded, NOW);
    const mint = (): Step | undefined => life.plan(rotate).steps.find(({ kind }) => kind === 'mint');
    expect(minted(life.plan(rotate))).toEqual([`${WRITER} v2`]);
    expect(mint()).toMatchObject({ namedBy: ['swarm://prod/api'] });
    const back = plan.steps.flatMap(({ kind, inverse }) => (kind === 'flip' && inverse ? [inverse] : []));
    life.recorded = life.world.execute({ ...plan, steps: back }, life.recorded, NOW);
    expect(mint()).not.toHaveProperty('namedBy');
  });
});

describe('a parked file', () => {
  const scenario = {
    says: '',
    now: '2026-08-10T03:00:00Z',
    secrets: { writer: { versions: { v3: 'current since 2026-07-06T03:00:00Z' } } },
    services: { 'web-1:/etc/shop/web.env': { mounts: ['writer'], parked: 'its unit kept failing' } },
  };

  it('is mended by a restart of what reads it, but not beside a vault that does not answer', () => {
    const kinds = (unknown: readonly string[]): string[] =>
      makePlan(expand({ ...scenario, unknown }).input).steps.map(({ kind }) => kind);
    expect(kinds([])).toEqual(['flip', 'verify', 'promote']);
    expect(kinds([VAULT])).toEqual([]);
  });
});

describe('what reads a file, and was not restarted when that was written back', () => {
  const scenario = (vaultSince: 'a late arrival' | 'new version by stack other') => ({
    says: '',
    now: '2026-08-10T03:00:00Z',
    secrets: { writer: { versions: { v3: 'current since 2026-07-06T03:00:00Z' }, vaultSince } },
    services: { 'web-1:/etc/shop/web.env': { mounts: ['writer'], unmarked: true as const } },
  });
  const textsOf = (given: ReturnType<typeof scenario> & { readonly unknown?: string[] }): string[] =>
    makePlan(expand(given).input).steps.map(({ text }) => text);

  it('is restarted, so that it lets go of a version that was never promoted', () => {
    const [restart, ...others] = textsOf(scenario('a late arrival'));
    expect(restart).toBe('restart web.service, to have /etc/shop/web.env on web-1 read again');
    expect(others).toEqual(['verify /etc/shop/web.env on web-1', 'record what the consumers read']);
  });

  it('is left to a person where keyturn is not known to have begun it, or the vault is silent', () => {
    expect(textsOf(scenario('new version by stack other'))).toEqual([]);
    expect(textsOf({ ...scenario('a late arrival'), unknown: [VAULT] })).toEqual([]);
  });
});
