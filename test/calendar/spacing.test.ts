import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextDue } from '../../src/calendar/calendar.ts';
import { closest, durationOf, longestGap, shortestGap } from '../../src/calendar/spacing.ts';
import type { Cadence } from '../../src/model/declared.ts';
import { cron } from './dates.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BERLIN = { at: '03:00', timeZone: 'Europe/Berlin' };
const UTC = { at: '03:00', timeZone: 'UTC' };

function every(period: string, anchor = '2026-01-05', clock = BERLIN): Cadence {
  return { kind: 'every', period, anchor, ...clock };
}

function calendar(each: 'month' | 'quarter' | 'year', on: string, clock = BERLIN, offset?: string): Cadence {
  const more = offset === undefined ? {} : { offset };
  return { kind: 'calendar', each, on, month: each === 'year' ? 2 : null, ...clock, ...more };
}

describe('the gaps between the dates of a cadence', () => {
  it.each<[string, Cadence, number, number]>([
    // The shortest really pass: an hour less where summer time begins between. The longest are as on the clock.
    ['a day of the month', calendar('month', '15'), 28 * DAY, 31 * DAY],
    ['the last of the month', calendar('month', '31', UTC), 28 * DAY, 31 * DAY],
    ['the first monday', calendar('month', 'first monday', UTC), 28 * DAY, 35 * DAY],
    ['the first monday of a quarter', calendar('quarter', 'first monday', UTC), 84 * DAY, 98 * DAY],
    ['29 February', calendar('year', '29', UTC), 365 * DAY, 366 * DAY],
    ['90 days', every('P90D'), 90 * DAY - HOUR, 90 * DAY],
    ['a day', every('P1D'), 23 * HOUR, DAY],
    ['13 hours, which no clock shortens', every('PT13H'), 13 * HOUR, 13 * HOUR],
    ['a day and an hour', every('P1DT1H', '2026-01-05', UTC), 25 * HOUR, 25 * HOUR],
    ['every second', every('PT1S'), 1000, 1000],
    ['30 years', every('P30Y', '2026-01-05', UTC), 10_957 * DAY, 10_958 * DAY],
    ['30 days from a far anchor', every('P30D', '2060-01-05', UTC), 30 * DAY, 30 * DAY],
    ['mondays', cron('0 3 * * MON'), 7 * DAY, 7 * DAY],
    ['each hour of the clock', cron('0 * * * *', 'Europe/Berlin'), HOUR, HOUR],
    ['each minute of a day of the year', cron('* * 1 1 *'), 60_000, 365 * DAY + 60_000],
    ['29 February that is a monday', cron('0 3 29 2 +MON'), 28 * 365.25 * DAY, 14_609 * DAY],
  ])('are known of %s', (_, cadence, shortest, longest) => {
    expect(shortestGap(cadence)).toBe(shortest);
    expect(longestGap(cadence)).toBe(longest);
  });

  it('are none where there are no dates', () => {
    for (const kind of ['onRequest', 'onCompromise', 'userManaged'] as const) {
      expect([longestGap({ kind }), shortestGap({ kind }), closest({ kind }, every('P1D'))]).toEqual([
        null,
        null,
        null,
      ]);
    }
  });

  it('are written as days and hours', () => {
    expect(durationOf(28 * DAY - HOUR)).toBe('P27DT23H');
    expect(durationOf(90 * DAY)).toBe('P90D');
    expect(durationOf(0)).toBe('PT0S');
  });
});

describe('where two cadences are closest', () => {
  it('is the earliest place of the smallest distance, with both dates', () => {
    expect(closest(calendar('month', '15', UTC), calendar('month', '17', UTC))).toEqual({
      ms: 2 * DAY,
      first: '2026-01-15T03:00:00Z',
      second: '2026-01-17T03:00:00Z',
    });
    // First mondays and the 1st meet where the 1st is a monday.
    const meeting = closest(calendar('month', 'first monday', UTC), calendar('month', '1', UTC));
    expect(meeting).toEqual({ ms: 0, first: '2026-06-01T03:00:00Z', second: '2026-06-01T03:00:00Z' });
  });

  it('is found where one has its dates long after the other began', () => {
    const far = every('P30Y', '2027-03-01', UTC);
    const meeting = closest(far, calendar('month', '3', UTC));
    expect(meeting).toEqual({ ms: 2 * DAY, first: '2027-03-01T03:00:00Z', second: '2027-03-03T03:00:00Z' });
    expect(closest(every('P7D', '2050-01-01', UTC), every('P7D', '2026-01-01', UTC))?.ms).toBe(2 * DAY);
  });

  it('is found between cadences of every minute', () => {
    expect(closest(cron('* * * * *'), cron('* * * * *', 'Asia/Kolkata'))?.ms).toBe(0);
  });
});

const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');
const hour = fc.integer({ min: 0, max: 23 });
const some: fc.Arbitrary<Cadence> = fc.oneof(
  fc
    .tuple(fc.constantFrom('P5D', 'P2W', 'P1M', 'P3M', 'P90D', 'P10DT7H', 'PT50H'), zone, hour)
    .map(([period, timeZone, at]): Cadence => ({
      kind: 'every',
      period,
      anchor: '2025-12-31',
      at: `${String(at).padStart(2, '0')}:30`,
      timeZone,
    })),
  fc
    .tuple(fc.constantFrom('1', '31', 'first monday', 'last friday'), zone, hour)
    .map(([on, timeZone, at]): Cadence =>
      calendar('month', on, { at: `${String(at).padStart(2, '0')}:30`, timeZone }, 'P3D'),
    ),
  fc
    .tuple(fc.constantFrom('0 2 * * MON', '30 2,14 1,15 * *', '15,45 2 * 3,10 *', '0 0 L * *'), zone)
    .map(([expression, timeZone]) => cron(expression, timeZone)),
);

/** The slow way: one date after the other, as the planner asks for them. */
function datesUntil(cadence: Cadence, end: string): number[] {
  const found: number[] = [];
  for (
    let at = nextDue(cadence, '2025-12-31T23:59:59.999Z');
    at !== null && at < end;
    at = nextDue(cadence, at)
  ) {
    found.push(Date.parse(at));
  }
  return found;
}

describe('every two cadences', () => {
  it('are judged by the dates that they really have', () => {
    fc.assert(
      fc.property(some, some, (a, b) => {
        const [first, second] = [datesUntil(a, '2027-06-01'), datesUntil(b, '2027-06-01')];
        const gaps = first.slice(1).map((date, index) => date - (first[index] ?? 0));
        expect(shortestGap(a)).toBeLessThanOrEqual(Math.min(...gaps));
        expect(longestGap(a)).toBeGreaterThanOrEqual(Math.max(...gaps) - HOUR);
        const near = Math.min(...first.flatMap((x) => second.map((y) => Math.abs(x - y))));
        const meeting = closest(a, b);
        expect(meeting?.ms).toBeLessThanOrEqual(near);
        for (const [cadence, at] of [
          [a, meeting?.first ?? ''],
          [b, meeting?.second ?? ''],
        ] as const) {
          const before = new Date(Date.parse(at) - 1).toISOString();
          expect(nextDue(cadence, before)).toBe(at);
        }
        expect(closest(b, a)?.ms).toBe(meeting?.ms);
      }),
      { numRuns: 15 },
    );
  });
});
