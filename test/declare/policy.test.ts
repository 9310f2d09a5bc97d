import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Aspects, TerraformStack } from 'cdktf';
import type { IConstruct } from 'constructs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RotationPolicyProps, SecretProps } from '../../src/declare/declare.ts';
import { Cadence, Duration, KeyVault, RotationPolicy, Secret, Source } from '../../src/declare/declare.ts';
import type { Problem } from '../../src/model/fault.ts';

const CLOCK = { at: '03:00', timeZone: 'Europe/Berlin' };
const every90 = Cadence.every(Duration.days(90), { from: '2026-01-05', ...CLOCK });
let outdir: string;

beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-policy-'));
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

function newApp(): App {
  return new App({ outdir });
}

function stackIn(app: App, id: string): (name: string, props?: Partial<SecretProps>) => Secret {
  const stack = new TerraformStack(app, id);
  const vault = new KeyVault(stack, 'vault', { name: `${id}-vault`, terraform: false });
  return (name, props = {}) =>
    new Secret(stack, name, { vault, source: Source.random(), cadence: every90, ...props });
}

function hold(node: IConstruct, props: RotationPolicyProps): void {
  Aspects.of(node).add(new RotationPolicy(props));
}

/** All problems of a refused synth; empty: it was not refused. */
function problems(app: App): Problem[] {
  try {
    app.synth();
    return [];
  } catch {
    const file = readFileSync(join(outdir, 'keyturn-problems.json'), 'utf8');
    return (JSON.parse(file) as { problems: Problem[] }).problems;
  }
}

/** `path: what`, without lines of this file. */
function said(app: App): string[] {
  return problems(app).map(({ where, what }) => `${where}: ${what}`.replaceAll(/ \(test[^)]*\)/g, ''));
}

/** What one secret is told, and what to do about it. */
function judged(policy: RotationPolicyProps, props: Partial<SecretProps>, name = 'key'): string[] {
  const app = newApp();
  stackIn(app, 'shop')(name, props);
  hold(app, policy);
  return problems(app).map(({ what, next = '' }) => `${what} → ${next}`.replaceAll(/ \(test[^)]*\)/g, ''));
}

describe('a policy', () => {
  it('lists every offender of every stack, with the other problems of the app', () => {
    const app = newApp();
    const [shop, billing] = [stackIn(app, 'shop'), stackIn(app, 'billing')];
    shop('a', { owner: 'platform' });
    shop('b_c');
    billing('d');
    hold(app, { require: ['owner'] });
    expect(said(app)).toEqual([
      'shop/b_c: "b_c" is no name of a secret in a key vault',
      'shop/b_c: it says no owner, which the policy of the app requires',
      'billing/d: it says no owner, which the policy of the app requires',
    ]);
    expect(problems(app)[1]).toMatchObject({
      where: expect.stringMatching(/^shop\/b_c \(test\/declare\/policy\.test\.ts:\d+\)$/) as unknown,
      what: expect.stringMatching(/the policy of the app \(test\/declare\/policy\.test\.ts:\d+\)/) as unknown,
      next: "give owner: '…'",
    });
  });

  it('of one stack holds there only, and a second one beside that of the app', () => {
    const app = newApp();
    const [shop, billing] = [stackIn(app, 'shop'), stackIn(app, 'billing')];
    const [a] = [shop('a'), billing('b')];
    const stack = a.node.scope;
    if (stack === undefined) throw new Error('no stack');
    hold(stack, { require: ['owner'] });
    hold(app, { require: ['description'] });
    expect(said(app).sort()).toEqual([
      'billing/b: it says no description, which the policy of the app requires',
      'shop/a: it says no description, which the policy of the app requires',
      'shop/a: it says no owner, which the policy of shop requires',
    ]);
  });

  it('that stands at two places says each offence once', () => {
    const app = newApp();
    const a = stackIn(app, 'shop')('a');
    const policy = new RotationPolicy({ require: ['owner'] });
    Aspects.of(app).add(policy);
    Aspects.of(a).add(policy);
    expect(said(app)).toHaveLength(1);
  });

  it('of another copy of the package counts too', () => {
    const app = newApp();
    stackIn(app, 'shop')('a');
    const foreign = {
      [Symbol.for('keyturn/policy')]: {
        position: null,
        atMost: null,
        allow: [],
        require: ['owner'],
        naming: null,
        soakAtLeast: null,
      },
      visit: () => {},
    };
    Aspects.of(app).add(foreign);
    Aspects.of(app).add({ visit: () => {} });
    expect(said(app)).toEqual(['shop/a: it says no owner, which the policy of the app requires']);
  });

  it('is met by what does as it asks', () => {
    const all: RotationPolicyProps = {
      atMost: Duration.days(90),
      allow: ['onCompromise', 'userManaged'],
      require: ['owner', 'classification'],
      naming: '/clarivum/<env>/<service>/<name>',
      soakAtLeast: 'PT24H',
    };
    const props = { owner: 'x', classification: 'y', environment: 'prod' };
    expect(judged(all, props, 'clarivum-prod-billing-stripe-key')).toEqual([]);
    const leak = { ...props, cadence: Cadence.onCompromise() };
    expect(judged(all, leak, 'clarivum-prod-billing-key')).toEqual([]);
  });
});

describe('atMost', () => {
  const atMost = { atMost: Duration.days(90) };

  it('refuses dates that lie further apart, and names the nearest cadence that would do', () => {
    const on = 'first monday';
    expect(judged(atMost, { cadence: Cadence.quarterly({ on, ...CLOCK }) })).toEqual([
      'its dates lie up to 98 d apart; the policy of the app asks for at most 90 d → rotate it more often: Cadence.monthly({ … })',
    ]);
    expect(judged({ atMost: 'P100D' }, { cadence: Cadence.annually({ month: 3, on, ...CLOCK }) })).toEqual([
      expect.stringContaining('Cadence.quarterly({ … })'),
    ]);
    expect(judged({ atMost: 'P7D' }, { cadence: Cadence.monthly({ on, ...CLOCK }) })).toEqual([
      expect.stringContaining("Cadence.every('P7D', { … })"),
    ]);
    expect(judged(atMost, { cadence: Cadence.cron('0 3 1 1,7 *', CLOCK) })).toEqual([
      expect.stringMatching(/up to 184 d apart.*Cadence\.every\('P90D'/),
    ]);
  });

  it('takes a period of that length, though summer time makes some of them longer by an hour', () => {
    expect(judged(atMost, { cadence: every90 })).toEqual([]);
    expect(
      judged({ atMost: Duration.hours(24) }, { cadence: Cadence.cron('0 3 * * *', CLOCK), soak: 'PT1H' }),
    ).toEqual([]);
  });

  it('refuses cadences without dates, but for those that it allows', () => {
    expect(judged(atMost, { cadence: Cadence.onRequest() })).toEqual([
      "its cadence, on request, has no dates; the policy of the app asks for one at least every 90 d → give it dates, Cadence.every('P90D', { … }), or name 'onRequest' in allow of the policy",
    ]);
    expect(judged({ ...atMost, allow: ['onRequest'] }, { cadence: Cadence.onRequest() })).toEqual([]);
    expect(judged({ ...atMost, allow: ['onRequest'] }, { cadence: Cadence.userManaged() })).toHaveLength(1);
  });

  it('says nothing of a cadence that is wrong itself', () => {
    expect(judged(atMost, { cadence: Cadence.cron('0 25 1 1 *', CLOCK) })).toEqual([
      expect.stringMatching(/is no cron expression/),
    ]);
  });
});

describe('require', () => {
  it('takes no blank for an answer', () => {
    expect(judged({ require: ['owner', 'classification'] }, { owner: ' ', classification: 'x' })).toEqual([
      "it says no owner, which the policy of the app requires → give owner: '…'",
    ]);
  });
});

describe('naming', () => {
  const naming = '/clarivum/<env>/<service>/<name>';
  const prod = { environment: 'production' };

  it.each([
    ['stripe-key', 'name it "clarivum-production-stripe-key"'],
    ['billing-stripe-key', 'name it "clarivum-production-billing-stripe-key"'],
    ['clarivum-billing-stripe-key', 'name it "clarivum-production-billing-stripe-key"'],
    ['Clarivum-Production-Billing-Key', 'name it "clarivum-production-billing-key"'],
    ['key', 'give a name like "clarivum-production-<service>-key"'],
    ['clarivum-staging-billing-key', 'name it "clarivum-production-staging-billing-key"'],
  ])('refuses "%s" and makes a name that fits of its words', (name, next) => {
    expect(judged({ naming }, prod, name)).toEqual([
      `"${name}" does not follow ${naming}, the naming of the policy of the app → ${next}`,
    ]);
  });

  it('takes one or more words for a placeholder, and a pattern with hyphens or without an environment', () => {
    expect(judged({ naming }, prod, 'clarivum-production-a-b-c-d1')).toEqual([]);
    expect(judged({ naming: 'shop-<name>' }, {}, 'shop-key')).toEqual([]);
    expect(judged({ naming: 'shop-<name>' }, {}, 'key')).toEqual([expect.stringContaining('"shop-key"')]);
    expect(judged({ naming: '<name>/key' }, {}, 'stripe-key')).toEqual([]);
  });

  it('with <env> needs an environment, and one that can stand in a name', () => {
    expect(judged({ naming }, {}, 'key')).toEqual([
      "it says no environment, which the policy of the app requires → give environment: '…'",
    ]);
    expect(judged({ naming }, { environment: 'Prod (EU)' }, 'key')).toEqual([
      `its environment "Prod (EU)" cannot stand in a name of a key vault, as the policy of the app asks for → write environment: 'prod-eu'`,
    ]);
  });
});

describe('soakAtLeast', () => {
  it('refuses a shorter soak', () => {
    expect(judged({ soakAtLeast: Duration.hours(48) }, { soak: Duration.hours(24) })).toEqual([
      "a soak of 24 h is shorter than 48 h, which the policy of the app asks for at least → give soak: 'PT48H', or longer",
    ]);
    expect(judged({ soakAtLeast: Duration.hours(48) }, {})).toEqual([]);
  });
});

describe('a bad policy', () => {
  it.each<[string, RotationPolicyProps, string]>([
    ['with an atMost of zero', { atMost: Duration.days(0) }, 'atMost is zero'],
    ['with a negative atMost', { atMost: Duration.days(-1) }, 'atMost "-P1D" is negative'],
    ['with an atMost of months', { atMost: Duration.months(3) }, 'atMost "P3M" has no fixed length'],
    ['with a soak that is none', { soakAtLeast: '1 day' }, 'soakAtLeast "1 day" is no duration'],
    [
      'whose soak outlasts its dates',
      { atMost: 'P1D', soakAtLeast: 'P2D' },
      'soakAtLeast 2 d is not shorter',
    ],
    ['with no placeholder', { naming: '/shop/key' }, 'the naming "/shop/key" has no placeholder'],
    ['with half a placeholder', { naming: '/<name>/<key' }, 'belongs to no placeholder'],
    ['with a dot in its naming', { naming: 'shop.<name>' }, 'no name in a key vault can hold'],
    ['with two placeholders at once', { naming: '/<env><name>' }, 'with nothing between them'],
    ['with an empty part', { naming: '/shop//<name>' }, 'two separators in a row'],
    ['that asks for what there is not', { require: ['ower' as 'owner'] }, 'require names "ower"'],
    [
      'that allows what has dates',
      { atMost: 'P90D', allow: ['every' as 'onRequest'] },
      'allow names "every"',
    ],
    ['that asks for nothing', { allow: ['onRequest'] }, 'the policy asks for nothing'],
  ])('%s is a problem itself, and no secret is judged by it', (_, policy, what) => {
    const app = newApp();
    stackIn(app, 'shop')('key', {
      cadence: Cadence.every('P1D', { from: '2026-01-01', ...CLOCK }),
      soak: 'PT1H',
    });
    hold(app, policy);
    const found = problems(app);
    expect(found.map((problem) => problem.what)[0]).toContain(what);
    expect(found[0]?.where).toMatch(/^the app \(test\/declare\/policy\.test\.ts:\d+\)$/);
    expect(found[0]?.next).toMatch(/\w/);
    expect(found.slice(1).filter(({ where }) => where.startsWith('shop/key'))).toHaveLength(
      what.startsWith('soakAtLeast 2 d') ? 1 : 0,
    );
  });

  it('says what it may have meant', () => {
    const app = newApp();
    stackIn(app, 'shop')('key');
    hold(app, { require: ['ower' as 'owner'] });
    expect(problems(app)[0]?.next).toMatch(/^did you mean owner\? /);
  });
});
