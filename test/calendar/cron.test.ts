import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareInstants, nextDue } from '../../src/calendar/calendar.ts';
import { cadenceProblems } from '../../src/calendar/rules.ts';
import { cron, dates } from './dates.ts';

describe('a cron cadence', () => {
  it('says what the clock of the zone shows, summer and winter', () => {
    expect(dates(cron('0 3 1 * *', 'Europe/Berlin'), '2026-02-15T00:00:00Z', 3)).toEqual([
      '2026-03-01T02:00:00Z',
      '2026-04-01T01:00:00Z',
      '2026-05-01T01:00:00Z',
    ]);
  });

  it('is later by the jump where the clock skips its time', () => {
    expect(dates(cron('30 2 * * *', 'Europe/Berlin'), '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:30:00Z', // 03:30 summer time: 02:30 does not exist
      '2026-03-30T00:30:00Z',
    ]);
  });

  it('takes the first of a time that comes twice, also from within the second', () => {
    const cadence = cron('30 2 * * *', 'Europe/Berlin');
    expect(dates(cadence, '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ]);
    expect(nextDue(cadence, '2026-10-25T01:15:00Z')).toBe('2026-10-26T01:30:00Z');
  });

  it('each hour skips the hour that comes twice and has one date where two fall together', () => {
    const cadence = cron('0 * * * *', 'Europe/Berlin');
    expect(dates(cadence, '2026-03-28T23:30:00Z', 4)).toEqual([
      '2026-03-29T00:00:00Z',
      '2026-03-29T01:00:00Z', // 02:00, which is skipped, and 03:00
      '2026-03-29T02:00:00Z',
      '2026-03-29T03:00:00Z',
    ]);
    expect(dates(cadence, '2026-10-24T23:30:00Z', 3)).toEqual([
      '2026-10-25T00:00:00Z', // the first 02:00
      '2026-10-25T02:00:00Z', // 03:00
      '2026-10-25T03:00:00Z',
    ]);
  });

  it('loses no date behind a skipped one that comes later than it', () => {
    // Lord Howe Island skips 02:00 to 02:30: 02:20 becomes 02:50, behind 02:35 and 02:45.
    expect(dates(cron('20,35,45 2 * * *', 'Australia/Lord_Howe'), '2026-10-03T15:00:00Z', 3)).toEqual([
      '2026-10-03T15:35:00Z',
      '2026-10-03T15:45:00Z',
      '2026-10-03T15:50:00Z',
    ]);
  });

  it('goes on behind a day that a zone left out', () => {
    expect(dates(cron('0 3 30 * *', 'Pacific/Apia'), '2011-12-01T00:00:00Z', 2)).toEqual([
      '2011-12-30T13:00:00Z', // 31 December 03:00: there was no 30 December
      '2012-01-29T13:00:00Z',
    ]);
  });

  it.each([
    ['0 3 L * *', ['2026-01-31', '2026-02-28', '2026-03-31']],
    ['0 3 * * MON#1', ['2026-01-05', '2026-02-02', '2026-03-02']],
    ['0 3 * * FRI#L', ['2026-01-30', '2026-02-27', '2026-03-27']],
    ['0 3 * JAN,APR,JUL,OCT MON#1', ['2026-01-05', '2026-04-06', '2026-07-06']],
    ['0 3 29 2 *', ['2028-02-29', '2032-02-29', '2036-02-29']],
    ['0 3 13 * FRI', ['2026-01-02', '2026-01-09', '2026-01-13']], // either of them, as cron has it
  ])('reads %s', (expression, days) => {
    const expected = days.map((day) => `${day}T03:00:00Z`);
    expect(dates(cron(expression), '2026-01-01T12:00:00Z', 3)).toEqual(expected);
  });

  it('names an instant strictly after the one it is asked for, and none between is left out', () => {
    const number = (min: number, max: number) => fc.integer({ min, max }).map(String);
    const list = (min: number, max: number) =>
      fc.array(number(min, max), { minLength: 1, maxLength: 4 }).map((all) => all.join(','));
    const expression = fc
      .tuple(list(0, 59), list(0, 5), fc.oneof(fc.constant('*'), list(1, 28)), fc.constantFrom('*', '3,4,10'))
      .map(([minute, hour, day, month]) => `${minute} ${hour} ${day} ${month} *`);
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');
    // Around the days on which the clocks change, where the order of the clock and that of time differ.
    const after = fc
      .tuple(
        fc.constantFrom('2026-03-29', '2026-10-25', '2026-03-08', '2026-11-01', '2026-04-05', '2026-10-04'),
        fc.integer({ min: -36 * 60, max: 36 * 60 }),
      )
      .map(([day, minutes]) => new Date(Date.parse(day) + minutes * 60_000).toISOString());
    fc.assert(
      fc.property(expression, zone, after, (text, timeZone, at) => {
        const cadence = cron(text, timeZone);
        const due = nextDue(cadence, at) ?? '';
        expect(compareInstants(due, at)).toBeGreaterThan(0);
        const minutes = (Date.parse(due) - Date.parse(at)) / 60_000;
        for (let minute = 1; minute < Math.min(minutes, 300); minute += 7) {
          const between = new Date(Date.parse(at) + minute * 60_000).toISOString();
          if (compareInstants(between, due) < 0) expect(nextDue(cadence, between)).toBe(due);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('what is wrong with a cron expression', () => {
  it.each([
    ['0 3 31 2 *', /no day that ever comes/, '0 3 L 2 *'],
    ['0 3 30 2 +MON', /no day that ever comes/, '0 3 L 2 +MON'],
    ['0 25 * * *', /no cron expression: invalid value for hour: 25/, '0 23 * * *'],
    ['61 3 * * *', /invalid value for minute: 61/, '59 3 * * *'],
    ['0 3 0 * *', /invalid value for day: 0/, '0 3 1 * *'],
    ['0 3 * 13 *', /invalid value for month: 13/, '0 3 * 12 *'],
    ['0 3 * * MOM', /is no cron expression/, '0 3 * * MON'],
    ['0 3 * JUM *', /is no cron expression/, '0 3 * JUL *'],
    ['0 3 * * MONDAY', /is no cron expression/, '0 3 * * MON'],
    ['0 3 * * MON#6', /nth weekday out of range/, '0 3 * * MON#5'],
    ['0 0 3 * * MON', /no cron expression of five fields/, '0 3 * * MON'],
    ['15 3 1 1 * 2027', /no cron expression of five fields/, '15 3 1 1 *'],
    ['0 15 3 ? * MON 2027', /no cron expression of five fields/, '15 3 * * MON'],
    ['@monthly', /no cron expression of five fields/, '0 0 1 * *'],
    ['0 3 ? * MON', /no cron expression of five fields/, '0 3 * * MON'],
    ['*/70 * * * *', /steps cannot be greater/, '0 3 * JAN,APR,JUL,OCT MON#1'],
    ['every monday', /no cron expression of five fields/, '0 3 * JAN,APR,JUL,OCT MON#1'],
    ['', /no cron expression of five fields/, '0 3 * JAN,APR,JUL,OCT MON#1'],
  ])('finds "%s", and names an expression that is near', (expression, what, near) => {
    const problems = cadenceProblems(cron(expression));
    expect(problems.map((problem) => problem.what)).toEqual([expect.stringMatching(what)]);
    expect(problems[0]?.next).toContain(near);
    expect(cadenceProblems(cron(near))).toEqual([]);
  });

  it('takes no offset for a time zone, which knows no daylight saving', () => {
    for (const zone of ['+01:00', '2020-01-01T00:00[Europe/Berlin]', 'Z', '']) {
      expect(cadenceProblems(cron('0 3 * * *', zone))).toHaveLength(1);
    }
    expect(cadenceProblems(cron('0 3 * * *', 'Europe/Berlim'))[0]?.next).toContain(
      'did you mean Europe/Berlin or',
    );
  });
});
