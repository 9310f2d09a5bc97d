import { App, TerraformStack, Testing } from 'cdktf';
import { describe, expect, it } from 'vitest';
import {
  Cadence,
  Duration,
  Freeze,
  KeyVault,
  Probe,
  Secret,
  Source,
  Swarm,
  SwarmService,
  Window,
} from '../../src/declare/declare.ts';
import { DECLARE } from '../../src/declare/declaration.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';

const BERLIN = { timeZone: 'Europe/Berlin' };
const at = { at: '03:00', ...BERLIN };

function stack(): TerraformStack {
  return new TerraformStack(new App({ outdir: 'unused' }), 'shop');
}

function vaultIn(parent: TerraformStack): KeyVault {
  return new KeyVault(parent, 'vault', { name: 'shop-prod', terraform: false });
}

describe('what a stack says of time', () => {
  it('may be a Duration or the text of ISO 8601, everywhere', () => {
    const parent = stack();
    const vault = vaultIn(parent);
    const cadence = Cadence.every('P90D', { from: '2026-01-05', ...at });
    expect(cadence).toEqual(Cadence.every(Duration.days(90), { from: '2026-01-05', ...at }));
    const first = new Secret(parent, 'a', {
      vault,
      source: Source.random(),
      cadence,
      soak: 'PT48H',
      grace: 'P2D',
    });
    const second = new Secret(parent, 'b', {
      vault,
      source: Source.random(),
      cadence: Cadence.monthly({ on: 15, offset: 'P2D', ...at }),
      apart: [{ secret: first, by: 'P1D' }],
    });
    const swarm = new Swarm(parent, 'swarm', { restarts: { atOnce: 1, pause: 'PT2M' } });
    const service = new SwarmService(parent, 'api', {
      swarm,
      service: 'api',
      mounts: [],
      settle: 'PT7S',
      deadline: 'PT9M',
      probe: Probe.command(['true'], { timeout: 'PT3S' }),
    });
    expect(first[DECLARE]().item).toMatchObject({ secret: { soak: 'PT48H', grace: 'P2D' } });
    expect(second[DECLARE]().item).toMatchObject({
      secret: { cadence: { offset: 'P2D' }, apart: [{ secret: 'vault://shop-prod/a', by: 'P1D' }] },
    });
    expect(swarm[DECLARE]().item).toMatchObject({ platform: { restarts: { atOnce: 1, pause: 'PT2M' } } });
    expect(service[DECLARE]().item).toMatchObject({
      consumer: { settleTime: 'PT7S', deadline: 'PT9M', probe: { timeout: 'PT3S' }, canary: false },
    });
  });

  it('keeps the order of the week, and what is no weekday for the rules to refuse', () => {
    const hours = { from: '02:00', until: '04:00', ...BERLIN };
    expect(Window.weekly({ days: ['friday', 'monday'], ...hours }).days).toEqual(['monday', 'friday']);
    const typo = Window.weekly({ days: ['friday', 'Monday' as 'monday'], ...hours });
    expect(typo.days).toEqual(['friday', 'Monday']);
    expect(Window.daily({ ...hours, reason: 'x' } as typeof hours)).toEqual({
      days: WEEKDAYS,
      ...hours,
    });
  });

  it('may hold blanks around a cron expression', () => {
    expect(Cadence.cron('  0  3 * *  MON ', BERLIN)).toEqual({
      kind: 'cron',
      expression: '0 3 * * MON',
      ...BERLIN,
    });
  });

  it('holds the whole stack by a freeze, or the secrets that it names, each once', () => {
    const parent = stack();
    const vault = vaultIn(parent);
    const secrets = ['b', 'a'].map(
      (id) => new Secret(parent, id, { vault, source: Source.random(), cadence: Cadence.onRequest() }),
    );
    const days = { from: '12-18', through: '01-03', ...BERLIN };
    const all = new Freeze(parent, 'all', days);
    const some = new Freeze(parent, 'some', { ...days, reason: 'audit', secrets: [...secrets, ...secrets] });
    expect(all[DECLARE]().item).toMatchObject({ freeze: { path: 'shop/all', reason: null, secrets: [] } });
    expect(some[DECLARE]().item).toMatchObject({
      freeze: { reason: 'audit', secrets: ['vault://shop-prod/a', 'vault://shop-prod/b'] },
    });
  });
});

describe('what a stack says of time is refused', () => {
  /** What synth says of a stack, without the lines of this file. */
  const refusal = (declare: (parent: TerraformStack, vault: KeyVault) => void): string => {
    const parent = new TerraformStack(Testing.app(), 'shop');
    declare(parent, vaultIn(parent));
    try {
      Testing.synth(parent, true);
      return '';
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message.replaceAll(/ \(test[^)]*\)/g, '') : '';
    }
  };

  it('with its construct path and the nearest that would do, all at once', () => {
    const message = refusal((parent, vault) => {
      const common = { vault, source: Source.random() };
      const monthly = Cadence.monthly({ on: 1, ...at });
      const first = new Secret(parent, 'a', { ...common, cadence: monthly });
      new Secret(parent, 'b', { ...common, cadence: monthly, apart: [{ secret: first }] });
      new Secret(parent, 'c', { ...common, cadence: Cadence.cron('0 3 31 2 *', BERLIN) });
      new Secret(parent, 'd', {
        ...common,
        cadence: Cadence.monthly({ on: 1, at: '03:00', timeZone: 'Europe/Berlim' }),
        windows: [Window.weekly({ days: [], from: '02:00', until: '04:00', ...BERLIN })],
      });
      new Freeze(parent, 'f', { from: '2026-12-18', through: '2026-12-01', ...BERLIN });
    });
    expect(message.split('\n')).toEqual([
      'keyturn: 5 problems in what the stacks declare',
      '  shop/b',
      expect.stringMatching(
        /^ {4}its dates and those of shop\/a meet on 2026-01-01T02:00:00Z; apart needs 3 d/,
      ),
      "    → give it offset: 'P3D': then they are never closer than 3 d",
      '  shop/c',
      '    "0 3 31 2 *" names no day that ever comes: a cadence with no future date',
      expect.stringContaining('"0 3 L 2 *" is the nearest'),
      '  shop/d',
      '    time zone "Europe/Berlim" is not known',
      expect.stringContaining('did you mean Europe/Berlin'),
      '  shop/d',
      '    a window on no day never opens',
      expect.stringContaining("name days in lower case: ['monday', 'tuesday']"),
      '  shop/f',
      '    a freeze through 2026-12-01 ends before it begins on 2026-12-18',
      expect.stringContaining("from: '2026-12-01', through: '2026-12-18'"),
    ]);
  });

  it('where a freeze holds a secret of another stack', () => {
    const app = Testing.app();
    const [one, two] = [new TerraformStack(app, 'one'), new TerraformStack(app, 'two')];
    const common = { source: Source.random(), cadence: Cadence.onRequest() };
    const far = new Secret(one, 'far', { vault: vaultIn(one), ...common });
    new Freeze(two, 'f', { from: '12-18', through: '01-03', ...BERLIN, secrets: [far] });
    expect(() => Testing.synth(two, true)).toThrow(
      'secrets names "one/far", which belongs to the stack "one"',
    );
  });
});
