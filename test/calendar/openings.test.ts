import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freezeProblems, windowProblems } from '../../src/calendar/opening-rules.ts';
import type { Openings } from '../../src/calendar/openings.ts';
import {
  describeFreeze,
  describeWindow,
  freezeAt,
  isOpen,
  nextOpening,
  overdueAt,
} from '../../src/calendar/openings.ts';
import type { Freeze, Weekday, Window } from '../../src/model/openings.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';

const BERLIN = 'Europe/Berlin';

function window(from: string, until: string, days: readonly Weekday[] = WEEKDAYS, timeZone = BERLIN): Window {
  return { days, from, until, timeZone };
}

function freeze(from: string, through: string, props: Partial<Freeze> = {}): Freeze {
  return { path: 's/f', position: null, from, through, timeZone: 'UTC', reason: null, secrets: [], ...props };
}

function when(windows: readonly Window[], freezes: readonly Freeze[] = []): Openings {
  return { windows, freezes };
}

describe('a window', () => {
  const night = when([window('02:00', '05:00', ['tuesday'])]);

  it('opens on its day and closes, on the clock of the zone', () => {
    expect(nextOpening(night, '2026-01-05T02:00:00Z')).toEqual({
      opens: '2026-01-06T01:00:00Z',
      closes: '2026-01-06T04:00:00Z',
    });
  });

  it('that is open is open at once, and not any more when it closes', () => {
    expect(nextOpening(night, '2026-01-06T02:30:00Z')?.opens).toBe('2026-01-06T02:30:00Z');
    expect(isOpen(night, '2026-01-06T03:59:59Z')).toBe(true);
    expect(isOpen(night, '2026-01-06T04:00:00Z')).toBe(false);
    expect(nextOpening(night, '2026-01-06T04:00:00Z')?.opens).toBe('2026-01-13T01:00:00Z');
  });

  it('may end on the next day, where its hours still belong to the day on which it opened', () => {
    const late = when([window('22:00', '02:00', ['friday'], 'UTC')]);
    expect(isOpen(late, '2026-01-10T01:59:00Z')).toBe(true); // saturday
    expect(isOpen(late, '2026-01-10T22:30:00Z')).toBe(false);
    expect(nextOpening(late, '2026-01-09T00:00:00Z')).toEqual({
      opens: '2026-01-09T22:00:00Z',
      closes: '2026-01-10T02:00:00Z',
    });
  });

  it('that another takes over closes when the last of them does', () => {
    const touching = when([
      window('23:00', '01:00', ['monday'], 'UTC'),
      window('01:00', '03:00', ['tuesday'], 'UTC'),
      window('02:00', '04:00', ['tuesday'], 'UTC'),
      window('06:00', '07:00', ['tuesday'], 'UTC'),
    ]);
    expect(nextOpening(touching, '2026-01-05T00:00:00Z')).toEqual({
      opens: '2026-01-05T23:00:00Z',
      closes: '2026-01-06T04:00:00Z',
    });
  });

  it('never closes where windows cover the whole week', () => {
    const always = when([window('06:00', '18:00'), window('18:00', '06:00')]);
    expect(nextOpening(always, '2026-01-05T09:00:00Z')).toEqual({
      opens: '2026-01-05T09:00:00Z',
      closes: null,
    });
    expect(overdueAt(always, '2026-01-05T09:00:00Z', 'PT24H')).toBe('2026-01-06T09:00:00Z');
  });

  it('whose hours the clock skips does not open on that day', () => {
    const skipped = when([window('02:00', '03:00', ['sunday'])]);
    expect(nextOpening(skipped, '2026-03-23T00:00:00Z')?.opens).toBe('2026-04-05T00:00:00Z');
    expect(nextOpening(when([window('02:10', '02:50')]), '2026-03-28T12:00:00Z')).toEqual({
      opens: '2026-03-29T01:10:00Z', // 03:10 to 03:50 summer time, as long as on other days
      closes: '2026-03-29T01:50:00Z',
    });
  });

  it('whose hours come twice is open through both where it begins before them and ends behind them', () => {
    const doubled = when([window('01:30', '03:30', ['sunday'])]);
    expect(nextOpening(doubled, '2026-10-24T00:00:00Z')).toEqual({
      opens: '2026-10-24T23:30:00Z',
      closes: '2026-10-25T02:30:00Z',
    });
    expect(nextOpening(when([window('02:10', '02:50')]), '2026-10-24T12:00:00Z')).toEqual({
      opens: '2026-10-25T00:10:00Z',
      closes: '2026-10-25T00:50:00Z',
    });
  });
});

describe('windows', () => {
  it('that open late and last for days close all the same', () => {
    const days = window('00:00', '23:59', ['monday'], 'UTC');
    const week = (['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const).flatMap(
      (day) => [window('00:00', '12:00', [day], 'UTC'), window('12:00', '00:00', [day], 'UTC')],
    );
    expect(nextOpening(when([...week, days]), '2026-01-11T00:00:00Z')).toEqual({
      opens: '2026-01-12T00:00:00Z',
      closes: '2026-01-18T00:00:00Z',
    });
  });
});

describe('a freeze', () => {
  it('of one year holds through its last day, on the clock of its zone', () => {
    const year = when([], [freeze('2026-12-18', '2027-01-03', { timeZone: BERLIN })]);
    expect(isOpen(year, '2026-12-17T22:59:59Z')).toBe(true);
    expect(nextOpening(year, '2026-12-17T23:00:00Z')).toEqual({
      opens: '2027-01-03T23:00:00Z',
      closes: null,
    });
    expect(isOpen(year, '2027-12-24T00:00:00Z')).toBe(true);
  });

  it('of each year comes again, over new year too', () => {
    const yearly = when([], [freeze('12-18', '01-03')]);
    for (const year of [2026, 2027, 2031]) {
      expect(nextOpening(yearly, `${year}-12-24T00:00:00Z`)?.opens).toBe(`${year + 1}-01-04T00:00:00Z`);
      expect(nextOpening(yearly, `${year}-01-02T12:00:00Z`)?.opens).toBe(`${year}-01-04T00:00:00Z`);
      expect(isOpen(yearly, `${year}-01-04T00:00:00Z`)).toBe(true);
    }
  });

  it('on 29 February is one on the last day of February in the other years', () => {
    const leap = when([], [freeze('02-29', '02-29')]);
    expect(nextOpening(leap, '2028-02-29T05:00:00Z')?.opens).toBe('2028-03-01T00:00:00Z');
    expect(isOpen(leap, '2028-02-28T05:00:00Z')).toBe(true);
    expect(nextOpening(leap, '2027-02-28T05:00:00Z')?.opens).toBe('2027-03-01T00:00:00Z');
  });

  it('and those that follow it hold together, and the one that ends last is named', () => {
    const freezes = [freeze('2026-12-18', '2026-12-31'), freeze('01-01', '01-10', { reason: 'new year' })];
    expect(nextOpening(when([], freezes), '2026-12-20T00:00:00Z')?.opens).toBe('2027-01-11T00:00:00Z');
    const both = [...freezes, freeze('12-20', '12-24')];
    expect(freezeAt(both, '2026-12-22T00:00:00Z')).toEqual({ freeze: both[0], ends: '2027-01-01T00:00:00Z' });
    expect(freezeAt(both, '2026-12-17T23:59:59Z')).toBeNull();
  });

  it('makes the next window the one behind it, and closes the one that it begins in', () => {
    const both = when([window('20:00', '04:00', ['monday'], 'UTC')], [freeze('2026-01-06', '2026-01-11')]);
    expect(nextOpening(both, '2026-01-05T21:00:00Z')).toEqual({
      opens: '2026-01-05T21:00:00Z',
      closes: '2026-01-06T00:00:00Z',
    });
    expect(nextOpening(both, '2026-01-06T00:00:00Z')?.opens).toBe('2026-01-12T20:00:00Z');
    // Frozen to midnight: of the window of sunday, the hours of monday are left.
    const rest = when([window('20:00', '04:00', ['sunday'], 'UTC')], [freeze('2026-01-06', '2026-01-11')]);
    expect(nextOpening(rest, '2026-01-11T21:00:00Z')).toEqual({
      opens: '2026-01-12T00:00:00Z',
      closes: '2026-01-12T04:00:00Z',
    });
  });

  it('that never ends leaves no opening', () => {
    const halves = [freeze('01-01', '06-30'), freeze('07-01', '12-31')];
    expect(nextOpening(when([], halves), '2026-02-01T00:00:00Z')).toBeNull();
    expect(nextOpening(when([], [freeze('2026-01-01', '2040-01-01')]), '2026-02-01T00:00:00Z')).toBeNull();
  });
});

describe('overdue', () => {
  it('is grace after the date, where there are no windows', () => {
    expect(overdueAt(when([]), '2026-01-05T02:00:00Z', 'PT24H')).toBe('2026-01-06T02:00:00Z');
  });

  it('is grace after the first window behind the date has closed', () => {
    const night = when([window('02:00', '05:00', ['tuesday'], 'UTC')]);
    expect(overdueAt(night, '2026-01-05T02:00:00Z', 'PT24H')).toBe('2026-01-07T05:00:00Z');
    // Due within a window: that one is its first.
    expect(overdueAt(night, '2026-01-06T04:00:00Z', 'P1D')).toBe('2026-01-07T05:00:00Z');
  });

  it('waits for a freeze to end', () => {
    const frozen = when([], [freeze('2026-01-01', '2026-01-10')]);
    expect(overdueAt(frozen, '2026-01-05T02:00:00Z', 'PT24H')).toBe('2026-01-12T00:00:00Z');
  });

  it('is grace after the date where nothing ever opens', () => {
    const never = when([], [freeze('2026-01-01', '2040-01-01')]);
    expect(overdueAt(never, '2026-01-05T02:00:00Z', 'PT24H')).toBe('2026-01-06T02:00:00Z');
  });
});

const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '10', '30', '45'))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`);
const zone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
);
const someWindow: fc.Arbitrary<Window> = fc
  .record({
    days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
    from: time,
    until: time,
    timeZone: zone,
  })
  .filter(({ from, until }) => from !== until);
const monthDay = fc
  .date({ min: new Date('2028-01-01'), max: new Date('2028-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(5, 10));
const someFreeze: fc.Arbitrary<Freeze> = fc
  .record({ first: monthDay, second: monthDay, year: fc.constantFrom('', '2027-', '2028-'), timeZone: zone })
  .map(({ first, second, year, timeZone }): Freeze => {
    const [from = '', through = ''] = year === '' ? [first, second] : [first, second].sort();
    const real = (day: string): string => (year === '2027-' && day === '02-29' ? '02-28' : day);
    return freeze(year + real(from), year + real(through), { timeZone });
  })
  .filter((each) => freezeProblems(each).length === 0);
const openings = fc.record({
  windows: fc.array(someWindow, { maxLength: 3 }),
  freezes: fc.array(someFreeze, { maxLength: 2 }),
});
const instant = fc
  .integer({ min: Date.parse('2026-06-01') / 60_000, max: Date.parse('2029-06-01') / 60_000 })
  .map((minutes) => new Date(minutes * 60_000).toISOString());
const later = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString();

describe('every next opening', () => {
  it('is not before the time asked for, in no freeze, and open itself', () => {
    fc.assert(
      fc.property(openings, instant, (given, at) => {
        const next = nextOpening(given, at);
        if (next === null) return;
        expect(Date.parse(next.opens)).toBeGreaterThanOrEqual(Date.parse(at));
        expect(freezeAt(given.freezes, next.opens)).toBeNull();
        expect(nextOpening(given, next.opens)).toEqual(next);
        expect(isOpen(given, next.opens)).toBe(true);
      }),
    );
  });

  it('has nothing open before it and nothing shut until it closes', () => {
    fc.assert(
      fc.property(openings, instant, fc.double({ min: 0, max: 0.999, noNaN: true }), (given, at, part) => {
        const next = nextOpening(given, at);
        if (next === null) return;
        const wait = Date.parse(next.opens) - Date.parse(at);
        if (wait > 0) {
          const between = later(at, Math.floor(wait * part));
          expect(isOpen(given, between)).toBe(false);
          expect(nextOpening(given, between)).toEqual(next);
        }
        if (next.closes === null) return;
        const open = Date.parse(next.closes) - Date.parse(next.opens);
        expect(isOpen(given, later(next.opens, Math.floor(open * part)))).toBe(true);
        expect(isOpen(given, next.closes)).toBe(false);
      }),
    );
  });

  it('comes before what is due there counts as overdue', () => {
    fc.assert(
      fc.property(openings, instant, (given, at) => {
        const opens = nextOpening(given, at)?.opens ?? at;
        expect(Date.parse(overdueAt(given, at, 'PT1H'))).toBeGreaterThan(Date.parse(opens));
      }),
    );
  });
});

describe('what is wrong with a window', () => {
  it.each<[string, Window, RegExp, string]>([
    ['on no day', window('02:00', '05:00', []), /on no day never opens/, "['monday', 'tuesday']"],
    ['of no length', window('02:00', '02:00'), /from 02:00 until 02:00 never opens/, "until: '03:00'"],
    ['until 24:00', window('22:00', '24:00'), /"24:00" is no time of day/, 'write 00:00'],
    ['from a time in short', window('2', '05:00'), /"2" is no time of day/, 'write 02:00'],
    ['on the moon', window('02:00', '05:00', WEEKDAYS, 'Moon/Sea'), /zone "Moon\/Sea" is not known/, 'UTC'],
    ['on a day nobody knows', window('02:00', '05:00', ['Monday' as Weekday]), /"Monday" is no/, 'monday'],
  ])('finds one %s', (_, given, what, next) => {
    const problems = windowProblems(given);
    expect(problems.map((problem) => problem.what)).toEqual([expect.stringMatching(what)]);
    expect(problems[0]?.next).toContain(next);
  });
});

describe('what is wrong with a freeze', () => {
  it.each<[string, Freeze, RegExp, string]>([
    ['on 30 February', freeze('2026-02-30', '2026-03-02'), /"2026-02-30" is no day/, '2026-02-28'],
    ['on 29 February of a common year', freeze('2026-02-29', '2026-03-02'), /is no day/, '2026-02-28'],
    ['in month 13', freeze('13-01', '13-02'), /"13-01" is no day/, 'MM-DD'],
    ['with a year on one side', freeze('2026-12-18', '01-03'), /in a year on one side only/, 'MM-DD'],
    ['that ends first', freeze('2026-12-18', '2026-12-01'), /ends before it begins/, "from: '2026-12-01'"],
    ['of each whole year', freeze('01-01', '12-31'), /never ends/, "through: '12-30'"],
    ['over new year that leaves no day', freeze('07-01', '06-30'), /never ends/, "through: '06-29'"],
    ['that leaves 29 February only', freeze('03-01', '02-28'), /never ends/, "through: '02-27'"],
    ['from 29 February to the 28th', freeze('02-29', '02-28'), /never ends/, "through: '02-26'"],
    ['in no zone', freeze('01-01', '01-02', { timeZone: 'Mars' }), /zone "Mars" is not known/, 'UTC'],
  ])('finds one %s', (_, given, what, next) => {
    const problems = freezeProblems(given);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]?.what).toMatch(what);
    expect(problems[0]?.next).toContain(next);
  });

  it('is not that it leaves one day of the year', () => {
    for (const [from, through] of [
      ['01-01', '12-30'],
      ['02-01', '01-30'],
      ['01-02', '12-31'],
    ] as const) {
      expect(freezeProblems(freeze(from, through))).toEqual([]);
    }
  });
});

describe('words for people', () => {
  it('describe windows and freezes', () => {
    expect(describeWindow(window('02:00', '05:00'))).toBe('daily 02:00-05:00 Europe/Berlin');
    expect(describeWindow(window('02:00', '05:00', ['monday', 'tuesday']))).toBe(
      'mon tue 02:00-05:00 Europe/Berlin',
    );
    expect(describeFreeze(freeze('12-18', '01-03'))).toBe('12-18 to 01-03');
    expect(describeFreeze(freeze('12-18', '01-03', { reason: 'year end' }))).toBe(
      '12-18 to 01-03 (year end)',
    );
  });
});
