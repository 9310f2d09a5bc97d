import type { Cadence, Declared, DeclaredConsumer, DeclaredSecret } from '../../src/model/declared.ts';
import type { Window } from '../../src/model/openings.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';
import { mount, secret, service, stack } from '../plan/declare.ts';

const BERLIN = { at: '03:00', timeZone: 'Europe/Berlin' };
const quarterly = {
  kind: 'calendar',
  each: 'quarter',
  on: 'first monday',
  month: null,
  ...BERLIN,
} as const satisfies Cadence;
const nights: Window = {
  days: WEEKDAYS.slice(1, 4),
  from: '22:00',
  until: '04:00',
  timeZone: 'America/New_York',
};

/** A stack with everything that a calendar can be told: stand-ins, windows, freezes, soaks below, waves. */
export function harbour(): Declared {
  const primary = secret('primary', { cadence: quarterly, soak: 'P7D' });
  const secondary = secret('secondary', {
    cadence: { ...quarterly, offset: 'P45D' },
    soak: 'P7D',
    apart: [{ secret: primary.address, by: 'P14D' }],
  });
  const root = secret('root', {
    cadence: { kind: 'calendar', each: 'year', on: 'last friday', month: 3, ...BERLIN },
  });
  const leaf = secret('leaf', {
    cadence: { kind: 'calendar', each: 'month', on: '28', month: null, ...BERLIN },
    soak: 'P2D',
    derivedFrom: [root.address],
  });
  const every: Cadence = {
    kind: 'every',
    period: 'P30D',
    anchor: '2026-12-01',
    at: '02:30',
    timeZone: 'America/New_York',
  };
  const left = secret('left', { cadence: every, windows: [nights] });
  const right = secret('right', {
    cadence: { kind: 'onRequest' },
    windows: [nights],
    together: [left.address],
    source: { kind: 'random', bytes: 16, encoding: 'hex' },
  });
  const fortnight = secret('fortnight', {
    cadence: { kind: 'cron', expression: '30 2 1,15 * *', timeZone: 'Pacific/Apia' },
    soak: 'PT24H',
  });
  const secrets: DeclaredSecret[] = [primary, secondary, root, leaf, left, right, fortnight];
  const reads = (name: string, ...names: string[]): DeclaredConsumer =>
    service(
      name,
      names.map((each) => mount(each)),
      { probe: { kind: 'none' }, canary: name === 'web' },
    );
  const declared = stack(secrets, [
    reads('web', 'primary', 'secondary'),
    reads('mail', 'primary', 'leaf'),
    reads('jobs', 'primary', 'left', 'right'),
    reads('sign', 'fortnight', 'root'),
  ]);
  return {
    ...declared,
    platforms: declared.platforms.map((each) => ({ ...each, restarts: { atOnce: 2, pause: 'PT5M' } })),
    freezes: [
      {
        path: 'shop/year-end',
        position: null,
        from: '12-18',
        through: '01-03',
        timeZone: 'Europe/Berlin',
        reason: 'year end',
        secrets: [],
      },
      {
        path: 'shop/fair',
        position: null,
        from: '2028-06-26',
        through: '2028-07-07',
        timeZone: 'UTC',
        reason: 'fair',
        secrets: [primary.address],
      },
    ],
  };
}
