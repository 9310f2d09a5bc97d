import * as fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import {
  addDuration,
  compareInstants,
  describeCadence,
  durationMs,
  humanDuration,
  nextDue,
} from '../../src/calendar/calendar.ts';
import { cadenceProblems, durationProblem } from '../../src/calendar/rules.ts';
import type { Cadence } from '../../src/model/declared.ts';
import { cron, dates } from './dates.ts';

const BERLIN = { at: '03:00', timeZone: 'Europe/Berlin' };
const quarterly: Cadence = { kind: 'calendar', each: 'quarter', on: 'first monday', month: null, ...BERLIN };
const daily: Cadence = {
  kind: 'every',
  period: 'P1D',
  anchor: '2026-03-01',
  at: '02:30',
  timeZone: 'Europe/Berlin',
};

describe('the calendar', () => {
  it('takes the first monday of each quarter on the clock of the zone', () => {
    expect(dates(quarterly, '2026-11-22T00:00:00Z', 4)).toEqual([
      '2027-01-04T02:00:00Z',
      '2027-04-05T01:00:00Z',
      '2027-07-05T01:00:00Z',
      '2027-10-04T01:00:00Z',
    ]);
  });

  it('takes the last friday of a quarter in its third month', () => {
    const cadence: Cadence = { ...quarterly, on: 'last friday', timeZone: 'UTC' };
    expect(dates(cadence, '2026-01-01T00:00:00Z', 2)).toEqual([
      '2026-03-27T03:00:00Z',
      '2026-06-26T03:00:00Z',
    ]);
  });

  it('takes the last day of a month that lacks the day', () => {
    const cadence: Cadence = {
      kind: 'calendar',
      each: 'month',
      on: '31',
      month: null,
      at: '00:00',
      timeZone: 'UTC',
    };
    expect(dates(cadence, '2028-01-15T00:00:00Z', 4)).toEqual([
      '2028-01-31T00:00:00Z',
      '2028-02-29T00:00:00Z',
      '2028-03-31T00:00:00Z',
      '2028-04-30T00:00:00Z',
    ]);
  });

  it('counts months from the anchor, so that a short month shifts nothing', () => {
    const cadence: Cadence = {
      kind: 'every',
      period: 'P1M',
      anchor: '2026-01-31',
      at: '12:00',
      timeZone: 'UTC',
    };
    expect(dates(cadence, '2025-06-01T00:00:00Z', 4)).toEqual([
      '2026-01-31T12:00:00Z',
      '2026-02-28T12:00:00Z',
      '2026-03-31T12:00:00Z',
      '2026-04-30T12:00:00Z',
    ]);
  });

  it('moves a time that the clock skips by the length of the jump, on that day only', () => {
    expect(dates(daily, '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:30:00Z', // 03:30 summer time: 02:30 does not exist
      '2026-03-30T00:30:00Z',
    ]);
  });

  it('takes the first of a time that comes twice', () => {
    expect(dates(daily, '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z']);
  });

  it('goes on behind a day that a zone left out', () => {
    // Samoa had no 30 December 2011: what is due then falls on the 31st, together with that day's own.
    const cadence: Cadence = { ...daily, anchor: '2011-12-28', at: '03:00', timeZone: 'Pacific/Apia' };
    const found = dates(cadence, '2011-12-28T00:00:00Z', 4);
    expect(found).toEqual([...new Set(found)].sort());
  });

  it('is an offset of whole days behind the day of the calendar, over the end of the period too', () => {
    expect(dates({ ...quarterly, offset: 'P14D' }, '2026-11-22T00:00:00Z', 2)).toEqual([
      '2027-01-18T02:00:00Z',
      '2027-04-19T01:00:00Z',
    ]);
    const late: Cadence = { ...quarterly, on: 'last friday', offset: 'P5W', timeZone: 'UTC' };
    expect(dates(late, '2026-01-01T00:00:00Z', 3)).toEqual([
      '2026-01-30T03:00:00Z', // last friday of 2025 and five weeks
      '2026-05-01T03:00:00Z',
      '2026-07-31T03:00:00Z',
    ]);
  });

  it('counts hours from the anchor in real time, whatever the clock does', () => {
    const hourly: Cadence = { ...daily, period: 'PT12H', at: '00:30' };
    expect(dates(hourly, '2026-03-28T12:00:00Z', 3)).toEqual([
      '2026-03-28T23:30:00Z',
      '2026-03-29T11:30:00Z',
      '2026-03-29T23:30:00Z',
    ]);
  });

  it('has no dates for what is rotated on request, on compromise or by its users', () => {
    for (const kind of ['onRequest', 'onCompromise', 'userManaged'] as const) {
      expect(nextDue({ kind }, '2026-11-22T00:00:00Z')).toBeNull();
    }
  });
});

const zone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Kolkata',
);
const at = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
const anchor = fc
  .date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const instant = fc
  .date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const every: fc.Arbitrary<Extract<Cadence, { kind: 'every' }>> = fc.record({
  kind: fc.constant('every' as const),
  period: fc.oneof(
    fc.integer({ min: 1, max: 400 }).map((days) => `P${days}D`),
    fc.integer({ min: 1, max: 30 }).map((months) => `P${months}M`),
    fc.integer({ min: 1, max: 60 }).map((weeks) => `P${weeks}W`),
    fc.integer({ min: 1, max: 500 }).map((hours) => `PT${hours}H`),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 })).map(([y, d]) => `P${y}Y${d}D`),
  ),
  anchor,
  at,
  timeZone: zone,
});
const calendar: fc.Arbitrary<Cadence> = fc
  .record({
    kind: fc.constant('calendar' as const),
    each: fc.constantFrom('month' as const, 'quarter' as const, 'year' as const),
    on: fc.oneof(
      fc.integer({ min: 1, max: 28 }).map(String),
      fc.constantFrom('31', 'first monday', 'second tuesday', 'fourth sunday', 'last friday', 'last monday'),
    ),
    month: fc.integer({ min: 1, max: 12 }),
    at,
    timeZone: zone,
    offset: fc.oneof(
      fc.constant('P0D'),
      fc.integer({ min: 1, max: 364 }).map((days) => `P${days}D`),
    ),
  })
  .map((cadence): Cadence => ({ ...cadence, month: cadence.each === 'year' ? cadence.month : null }))
  .filter((cadence) => cadenceProblems(cadence).length === 0);

describe('every cadence', () => {
  it('names an instant strictly after the one it is asked for, and none between is left out', () => {
    fc.assert(
      fc.property(fc.oneof(every, calendar), instant, (cadence, after) => {
        const due = nextDue(cadence, after) ?? '';
        expect(compareInstants(due, after)).toBeGreaterThan(0);
        const justBefore = Temporal.Instant.from(due).subtract({ milliseconds: 1 }).toString();
        expect(nextDue(cadence, justBefore)).toBe(due);
      }),
    );
  });

  it('is strictly increasing, whatever instant between two dates it is asked from', () => {
    fc.assert(
      fc.property(
        fc.oneof(every, calendar),
        instant,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (cadence, after, part) => {
          const first = nextDue(cadence, after) ?? '';
          const second = nextDue(cadence, first) ?? '';
          const gap = Date.parse(second) - Date.parse(first);
          expect(gap).toBeGreaterThan(0);
          const between = new Date(Date.parse(first) + Math.floor(gap * part)).toISOString();
          expect(nextDue(cadence, between)).toBe(second);
        },
      ),
    );
  });

  it('never drifts: every date is a whole number of periods from the anchor, on the wall clock', () => {
    const byDate = every.filter(({ period }) => !period.startsWith('PT'));
    fc.assert(
      fc.property(byDate, instant, (cadence, after) => {
        const due = Temporal.Instant.from(nextDue(cadence, after) ?? '');
        const period = Temporal.Duration.from(cadence.period);
        const first = Temporal.PlainDate.from(cadence.anchor);
        const local = due.toZonedDateTimeISO(cadence.timeZone).toPlainDate();
        const days = first.until(local, { largestUnit: 'days' }).days;
        const length = period.years * 365.2425 + period.months * 30.436875 + period.weeks * 7 + period.days;
        const about = Math.round(days / length);
        const instants = [about - 1, about, about + 1]
          .filter((n) => n >= 0)
          .map((n) =>
            first
              .add({
                years: period.years * n,
                months: period.months * n,
                weeks: period.weeks * n,
                days: period.days * n,
              })
              .toZonedDateTime({ timeZone: cadence.timeZone, plainTime: cadence.at })
              .toInstant()
              .toString(),
          );
        expect(instants).toContain(due.toString());
      }),
    );
  });
});

describe('what is wrong with a cadence', () => {
  const clock = { at: '03:00', timeZone: 'UTC' };
  it.each<[string, Cadence, RegExp]>([
    ['a day that never comes', { ...quarterly, each: 'year', month: 2, on: '31' }, /no future date/],
    ['a weekday nobody knows', { ...quarterly, on: 'first moonday' }, /names no day/],
    ['a fifth weekday', { ...quarterly, on: 'fifth monday' }, /names no day/],
    ['capital letters', { ...quarterly, on: 'First Monday' }, /names no day/],
    ['day 0', { ...quarterly, on: '0' }, /names no day/],
    ['month 13', { ...quarterly, each: 'year', month: 13 }, /"13" is no month/],
    [
      'an unknown zone',
      { ...quarterly, timeZone: 'Europe/Busflow' },
      /time zone "Europe\/Busflow" is not known/,
    ],
    ['an hour 24', { ...quarterly, at: '24:00' }, /"24:00" is no time of day/],
    ['a period of zero', { kind: 'every', period: 'PT0S', anchor: '2026-01-01', ...clock }, /never moves on/],
    ['a negative period', { kind: 'every', period: '-P1D', anchor: '2026-01-01', ...clock }, /is negative/],
    ['words as a period', { kind: 'every', period: '90d', anchor: '2026-01-01', ...clock }, /is no duration/],
    [
      'a period of 3,000 years',
      { kind: 'every', period: 'P3000Y', anchor: '2026-01-01', ...clock },
      /no date/,
    ],
    ['half a second', { kind: 'every', period: 'PT0.5S', anchor: '2026-01-01', ...clock }, /whole seconds/],
    ['900,000 hours', { kind: 'every', period: 'PT900000H', anchor: '2026-01-01', ...clock }, /no date/],
    ['a period in small', { kind: 'every', period: 'p90d', anchor: '2026-01-01', ...clock }, /as it is kept/],
    ['an offset of hours', { ...quarterly, offset: 'PT12H' }, /"PT12H" is not counted in days/],
    ['an offset of half a second', { ...quarterly, offset: 'PT0.5S' }, /is not counted in days/],
    ['an offset of a month', { ...quarterly, offset: 'P1M' }, /has no fixed length/],
    ['a negative offset', { ...quarterly, offset: '-P1D' }, /is negative/],
    ['an offset of a quarter', { ...quarterly, offset: 'P90D' }, /not shorter than the shortest quarter/],
    ['an offset of four weeks a month', { ...quarterly, each: 'month', offset: 'P4W' }, /shortest month/],
    ['30 February', { kind: 'every', period: 'P1D', anchor: '2026-02-30', ...clock }, /is no date/],
  ])('finds %s', (_, cadence, expected) => {
    const problems = cadenceProblems(cadence);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.what).toMatch(expected);
    expect(problems[0]?.next).not.toBe('');
  });

  it('takes 29 February for the last day of February', () => {
    const cadence: Cadence = { ...quarterly, each: 'year', month: 2, on: '29', timeZone: 'UTC' };
    expect(cadenceProblems(cadence)).toEqual([]);
    expect(dates(cadence, '2026-01-01T00:00:00Z', 3)).toEqual([
      '2026-02-28T03:00:00Z',
      '2027-02-28T03:00:00Z',
      '2028-02-29T03:00:00Z',
    ]);
  });
});

describe('what is wrong with a duration', () => {
  it.each([
    ['PT1.5H', 'write PT1H30M'],
    ['pt72h', 'write PT72H'],
    ['90d', 'write P90D, as ISO 8601 has it'],
    ['72 h', 'write PT72H, as ISO 8601 has it'],
    ['PT1,5S', 'write PT1.5S'],
    ['PT1000000S', 'count it in a larger unit'],
  ])('is that %s is not what the reader of a manifest takes', (text, next) => {
    expect(durationProblem(text, true)).toMatchObject({ next });
  });

  it('is nothing for what is written as it is kept', () => {
    for (const text of ['PT72H', 'P90D', 'P1W', 'PT0S', 'P1DT12H', 'PT1.5S', 'P2W3DT4H5M6S']) {
      expect(durationProblem(text, true)).toBeNull();
    }
  });
});

describe('words for people', () => {
  it('describes cadences', () => {
    expect(describeCadence({ ...quarterly, offset: 'P14D' })).toBe(
      'quarterly, first monday + 14 d 03:00 Europe/Berlin',
    );
    expect(describeCadence(cron('0 3 L * *', 'UTC'))).toBe('cron 0 3 L * * UTC');
    expect(describeCadence(quarterly)).toBe('quarterly, first monday 03:00 Europe/Berlin');
    expect(describeCadence({ ...quarterly, each: 'month', on: '15' })).toBe(
      'monthly, day 15 03:00 Europe/Berlin',
    );
    expect(describeCadence({ ...quarterly, each: 'year', month: 3 })).toBe(
      'annually, first monday of march 03:00 Europe/Berlin',
    );
    expect(describeCadence({ ...daily, period: 'P90D' })).toBe(
      'every 90 d from 2026-03-01 02:30 Europe/Berlin',
    );
    expect(describeCadence({ kind: 'onCompromise' })).toBe('on compromise');
  });

  it.each([
    ['PT72H', '72 h'],
    ['P90D', '90 d'],
    ['PT5M', '5 min'],
    ['PT5S', '5 s'],
    ['P1DT12H', '1 d 12 h'],
    ['PT0S', '0 s'],
    ['PT1.5S', '1.5 s'],
    ['P3M', '3 mo'],
  ])('writes %s as %s', (iso, text) => expect(humanDuration(iso)).toBe(text));
});

describe('instants and durations', () => {
  it('adds days of 24 hours and months of the UTC calendar', () => {
    expect(addDuration('2026-03-28T12:00:00Z', 'P1D')).toBe('2026-03-29T12:00:00Z');
    expect(addDuration('2026-01-31T12:00:00Z', 'P1M')).toBe('2026-02-28T12:00:00Z');
    expect(addDuration('2026-11-22T03:00:00.5Z', 'PT72H')).toBe('2026-11-25T03:00:00.5Z');
  });

  it('measures what has a fixed length and refuses what has none', () => {
    expect(durationMs('PT72H')).toBe(259_200_000);
    expect(durationMs('P1W')).toBe(604_800_000);
    expect(() => durationMs('P1M')).toThrow(RangeError);
  });

  it('compares instants whatever they are written like', () => {
    expect(compareInstants('2026-11-22T03:00:00Z', '2026-11-22T04:00:00+01:00')).toBe(0);
    expect(compareInstants('2026-11-22T03:00:00Z', '2026-11-22T03:00:00.001Z')).toBeLessThan(0);
  });
});
