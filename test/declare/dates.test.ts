import { describe, expect, it } from 'vitest';
import type { Declaration } from '../../src/declare/declaration.ts';
import { problemsOf } from '../../src/declare/validate.ts';
import { secretAddress } from '../../src/model/address.ts';
import type { Cadence, DeclaredSecret } from '../../src/model/declared.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';
import { freeze, said, secret } from './declarations.ts';

const CLOCK = { at: '03:00', timeZone: 'UTC' };
const at = (name: string) => secretAddress('shop', name);

function monthly(on: string, offset?: string): Cadence {
  return {
    kind: 'calendar',
    each: 'month',
    on,
    month: null,
    ...CLOCK,
    ...(offset === undefined ? {} : { offset }),
  };
}

function quarterly(on: string, offset?: string): Cadence {
  return { ...monthly(on, offset), each: 'quarter' } as Cadence;
}

function every(period: string, anchor = '2026-01-05'): Cadence {
  return { kind: 'every', period, anchor, ...CLOCK };
}

function cron(expression: string): Cadence {
  return { kind: 'cron', expression, timeZone: 'UTC' };
}

/** The remedies of what is refused. */
function nexts(...declarations: Declaration[]): string[] {
  return problemsOf(declarations).map(({ next = '' }) => next);
}

describe('a soak', () => {
  it('that is as long as the shortest time between two dates is refused, with both and what would do', () => {
    const weekly = secret('a', { cadence: every('P7D'), soak: 'P7D' });
    expect(said(weekly)).toEqual([
      'prod/a: a soak of 7 d is not shorter than the shortest time between two dates of its cadence, 7 d',
    ]);
    expect(nexts(weekly)).toEqual([
      "give a soak of at most PT167H, or dates that are further apart: Cadence.every('P8D', { … })",
    ]);
    expect(said(secret('a', { cadence: every('P7D'), soak: 'PT167H' }))).toEqual([]);
    expect(said(secret('a', { cadence: every('P8D'), soak: 'P7D' }))).toEqual([]);
  });

  it('counts the time that really passes: a day in spring has 23 hours', () => {
    const daily = (soak: string): Partial<DeclaredSecret> => ({
      cadence: { ...every('P1D'), timeZone: 'Europe/Berlin' } as Cadence,
      soak,
    });
    expect(said(secret('a', daily('PT22H')))).toEqual([]);
    expect(said(secret('a', daily('PT23H')))).toEqual([
      expect.stringMatching(/two dates of its cadence, 23 h/),
    ]);
  });

  it.each<[string, Cadence, string, string]>([
    ['a month', monthly('31'), 'P30D', 'at most PT671H, or dates that are further apart: Cadence.quarterly('],
    ['a quarter', quarterly('1'), 'P100D', 'Cadence.annually('],
    [
      '20 seconds',
      every('PT20S'),
      'PT1H',
      "at most PT19S, or dates that are further apart: Cadence.every('PT2H'",
    ],
    [
      'half an hour',
      every('PT30M'),
      'PT30M',
      "at most PT29M, or dates that are further apart: Cadence.every('PT1H'",
    ],
    [
      'mondays',
      cron('0 3 * * MON'),
      'P8D',
      "at most PT167H, or dates that are further apart: Cadence.every('P9D'",
    ],
  ])('of dates each %s gets the nearest soak and cadence that would do', (_, cadence, soak, next) => {
    expect(nexts(secret('a', { cadence, soak }))).toEqual([expect.stringContaining(next)]);
  });

  it('is free where a cadence has no dates, and nothing is asked of a cadence that is wrong itself', () => {
    expect(said(secret('a', { cadence: { kind: 'onRequest' }, soak: 'P900D' }))).toEqual([]);
    const wrong = secret('a', {
      cadence: cron('0 25 * * *'),
      soak: 'P900D',
      apart: [{ secret: at('a'), by: 'PX' }],
    });
    expect(said(wrong)).toEqual([
      expect.stringMatching(/is no cron expression/),
      expect.stringMatching(/by of apart "PX" is no duration/),
      expect.stringMatching(/apart from itself/),
    ]);
  });
});

describe('secrets declared apart', () => {
  const apart = (by = 'PT0S') => [{ secret: at('a'), by }];

  it('may stand so far apart as by and both soaks ask', () => {
    const first = secret('a', { cadence: monthly('1') });
    expect(said(first, secret('b', { cadence: monthly('4'), apart: apart() }))).toEqual([]);
    expect(said(first, secret('b', { cadence: monthly('8'), apart: apart('P7D') }))).toEqual([]);
    expect(
      said(first, secret('b', { cadence: monthly('8'), dependsOn: [at('a')], apart: apart('P7D') })),
    ).toEqual([]);
  });

  it('that meet are refused once, with both paths, where they meet, and the smallest offset that would do', () => {
    const first = secret('a', { cadence: quarterly('first monday') });
    const second = secret('b', { cadence: quarterly('first monday'), apart: apart() });
    expect(said(first, second)).toEqual([
      'prod/b: its dates and those of prod/a meet on 2026-01-05T03:00:00Z; apart needs 3 d, the longest of by and both soaks',
    ]);
    expect(nexts(first, second)).toEqual(["give it offset: 'P3D': then they are never closer than 3 d"]);
    const mended = secret('b', { cadence: quarterly('first monday', 'P3D'), apart: apart() });
    expect(said(first, mended)).toEqual([]);
  });

  it('that say it both ways are one pair, and the longer by holds', () => {
    const first = secret('a', { cadence: monthly('1'), apart: [{ secret: at('b'), by: 'P5D' }] });
    const second = secret('b', { cadence: monthly('3'), apart: apart('P4D') });
    expect(said(first, second)).toEqual([
      'prod/a: its dates and those of prod/b come within 2 d of each other, 2026-01-03T03:00:00Z there and 2026-01-01T03:00:00Z here; apart needs 5 d, the longest of by and both soaks',
    ]);
    expect(nexts(first, second)).toEqual(["give it offset: 'P7D': then they are never closer than 5 d"]);
  });

  it('may be too close over the end of a month alone', () => {
    const first = secret('a', { cadence: monthly('1') });
    const second = secret('b', { cadence: monthly('31'), apart: apart() });
    expect(said(first, second)).toEqual([
      expect.stringMatching(/come within 1 d .* 2026-02-01T03:00:00Z there/),
    ]);
    expect(nexts(first, second)).toEqual(["give it offset: 'P4D': then they are never closer than 3 d"]);
  });

  it('get a shifted anchor where they count periods', () => {
    const first = secret('a', { cadence: every('P90D') });
    const second = secret('b', { cadence: every('P90D'), apart: apart('P10D') });
    expect(nexts(first, second)).toEqual([
      "give it from: '2026-01-15': then they are never closer than 10 d",
    ]);
    expect(said(first, secret('b', { cadence: every('P90D', '2026-01-15'), apart: apart('P10D') }))).toEqual(
      [],
    );
  });

  it('get the shift at the other one where their own cadence takes none', () => {
    const first = secret('a', { cadence: monthly('1') });
    const second = secret('b', { cadence: cron('0 3 2 * *'), apart: apart() });
    expect(nexts(first, second)).toEqual(["give prod/a offset: 'P4D': then they are never closer than 3 d"]);
  });

  it('hear of the largest distance there is where none fits', () => {
    const first = secret('a', { cadence: monthly('1') });
    const second = secret('b', { cadence: monthly('2'), apart: apart('P20D') });
    expect(nexts(first, second)).toEqual([
      'no shift by whole days brings them further apart than 14 d: let by and both soaks be no longer, or rotate less often',
    ]);
    const crons = nexts(
      secret('a', { cadence: cron('0 3 * * MON') }),
      secret('b', { cadence: cron('0 3 * * TUE'), apart: apart() }),
    );
    expect(crons).toEqual([expect.stringMatching(/further apart than 1 d:/)]);
  });

  it('are asked for no dates where one has none', () => {
    expect(said(secret('a'), secret('b', { cadence: monthly('1'), apart: apart('P900D') }))).toEqual([]);
  });

  it('cannot be one secret', () => {
    expect(said(secret('a', { cadence: monthly('1'), apart: apart() }))).toEqual([
      'prod/a: it is declared apart from itself',
    ]);
  });

  it('cannot rotate together, said on either side or through others', () => {
    const first = secret('a');
    expect(said(first, secret('b', { apart: apart(), together: [at('a')] }))).toEqual([
      'prod/b: it is declared apart from prod/a and together with it',
    ]);
    expect(said(secret('a', { together: [at('b')] }), secret('b', { apart: apart() }))).toEqual([
      'prod/b: it is declared apart from prod/a and together with it',
    ]);
    expect(
      said(
        first,
        secret('c', { together: [at('a')] }),
        secret('d', { together: [at('c'), at('b')] }),
        secret('b', { apart: apart() }),
      ),
    ).toEqual(['prod/b: it is declared apart from prod/a and together with it through prod/d and prod/c']);
  });
});

describe('windows and freezes', () => {
  const nights = [{ days: WEEKDAYS, from: '02:00', until: '04:00', timeZone: 'UTC' }];

  it('that leave time behind each date are taken', () => {
    expect(
      said(
        secret('a', { cadence: monthly('1'), windows: nights }),
        freeze('year-end', {}),
        freeze('audit', { from: '2027-01-01', through: '2028-06-30' }),
        freeze('once', { from: '2010-01-01', through: '2020-01-01' }),
      ),
    ).toEqual([]);
  });

  it('that leave none behind a date are refused, with the date and the freeze', () => {
    const long = freeze('long', { from: '2026-06-01', through: '2030-06-01' });
    const declared = [secret('a', { cadence: monthly('1') }), long];
    expect(said(...declared)).toEqual([
      'prod/a: after its date 2027-01-01T03:00:00Z nothing opens for two years: its freezes leave no time',
    ]);
    expect(nexts(...declared)).toEqual([
      "end the freeze sooner (prod/long, 2026-06-01 to 2030-06-01): through: '2028-12-01'",
    ]);
    expect(
      said(
        secret('a', { cadence: monthly('1') }),
        freeze('long', { from: '2026-06-01', through: '2028-12-01' }),
      ),
    ).toEqual([]);
  });

  it('that each year shut the whole of it are refused, also where a window would open', () => {
    const halves = [
      freeze('first', { from: '01-01', through: '06-30' }),
      freeze('second', { from: '07-01', through: '12-31' }),
    ];
    const declared = [secret('a', { cadence: monthly('1'), windows: nights }), ...halves];
    expect(said(...declared)).toEqual([expect.stringMatching(/its windows and freezes leave no time/)]);
    expect(nexts(...declared)).toEqual([expect.stringContaining('prod/first, 01-01 to 06-30')]);
  });

  it('are asked of whom they hold only: these secrets, this stack, and what has dates', () => {
    const long = { from: '2026-06-01', through: '2030-06-01' };
    const dated = { cadence: monthly('1') };
    expect(said(secret('a', dated), secret('b'), freeze('long', { ...long, secrets: [at('b')] }))).toEqual(
      [],
    );
    expect(said(secret('a', dated), freeze('long', long, 'staging'))).toEqual([]);
  });
});

describe('secrets that are declared together', () => {
  const dated = { cadence: monthly('1') };
  const night = [{ days: WEEKDAYS, from: '22:00', until: '02:00', timeZone: 'UTC' }];
  const noon = [{ days: WEEKDAYS, from: '12:00', until: '13:00', timeZone: 'UTC' }];
  const saturday = [{ days: ['saturday' as const], from: '01:00', until: '04:00', timeZone: 'UTC' }];

  it('are refused where their windows are never open at once, because none of them would ever rotate', () => {
    const declared = [
      secret('a', { ...dated, windows: night }),
      secret('b', { together: [at('a')] }),
      secret('c', { windows: noon, together: [at('b')] }),
    ];
    expect(said(...declared)).toEqual([
      'prod/c: it rotates together with prod/a and prod/b, and their windows are never open at once: no date would rotate them',
    ]);
    expect(nexts(...declared)).toEqual(['give them windows that meet, or leave them out of all but one']);
  });

  it('are taken where these meet, where one has none, and where nothing of them has dates', () => {
    const together = [at('a')];
    const a = secret('a', { ...dated, windows: night });
    expect(said(a, secret('b', { windows: saturday, together }))).toEqual([]);
    expect(said(a, secret('b', { ...dated, together }))).toEqual([]);
    expect(said(a, secret('b', { windows: noon }))).toEqual([]);
    expect(said(secret('a', { windows: night }), secret('b', { windows: noon, together }))).toEqual([]);
  });
});
