import { describe, expect, it } from 'vitest';
import { freezesBetween, readMoment, readSpan } from '../../src/calendar/moments.ts';
import type { Freeze } from '../../src/model/openings.ts';

const NOW = '2026-11-26T14:30:00Z';

describe('a length of time that somebody types', () => {
  it.each([
    ['30d', 'P30D'],
    ['2w', 'P2W'],
    ['12h', 'PT12H'],
    ['P3M', 'P3M'],
    ['PT36H', 'PT36H'],
  ])('%s is %s', (text, iso) => {
    expect(readSpan(text)).toBe(iso);
  });

  it.each(['', '30', '30m', '30 d', '-3d', '-P3D', 'busflow', '1.5d', '123456d'])(
    'is not "%s", which is told how to be written',
    (text) => {
      expect(readSpan(text)).toMatchObject({
        what: `"${text}" is no length of time`,
        next: expect.stringContaining('30d, 2w, 12h') as string,
      });
    },
  );

  it('is more than nothing', () => {
    expect(readSpan('0d')).toMatchObject({ what: '"0d" is no time at all' });
  });
});

describe('a moment that somebody types', () => {
  it.each([
    ['2027-01-04', '2027-01-04T00:00:00Z'],
    ['2027-01-04T03:00', '2027-01-04T03:00:00Z'],
    ['2027-01-04 03:00Z', '2027-01-04T03:00:00Z'],
    ['2027-01-04T03:00:59.999Z', '2027-01-04T03:00:59Z'],
    ['2027-01-04T03:00+05:30', '2027-01-03T21:30:00Z'],
    ['2027-01-04[Europe/Berlin]', '2027-01-03T23:00:00Z'],
    ['2027-07-04T03:00[Europe/Berlin]', '2027-07-04T01:00:00Z'],
    ['2027-01-04T03:00+01:00[Europe/Berlin]', '2027-01-04T02:00:00Z'],
    // The clock skips this half hour, and comes by it an hour later.
    ['2027-03-28T02:30[Europe/Berlin]', '2027-03-28T01:30:00Z'],
    // It shows this one twice: the first.
    ['2027-10-31T02:30[Europe/Berlin]', '2027-10-31T00:30:00Z'],
    ['+90d', '2027-02-24T14:30:00Z'],
    ['+PT12H', '2026-11-27T02:30:00Z'],
    [NOW, NOW],
  ])('%s is %s', (text, instant) => {
    expect(readMoment(text, NOW)).toBe(instant);
  });

  it.each([
    ['tomorrow', '"tomorrow" is no moment'],
    ['90d', '"90d" is no moment'],
    ['+90', '"+90" is no moment'],
    ['2027-1-4', '"2027-1-4" is no moment'],
    ['2027-02-29', '"2027-02-29" is not on the calendar'],
    ['2027-01-04T24:30', '"2027-01-04T24:30" is not on the calendar'],
    [
      '2027-01-04T03:00+05:00[Europe/Berlin]',
      '"2027-01-04T03:00+05:00[Europe/Berlin]" is not on the calendar',
    ],
    ['2026-11-26T14:29:59Z', '"2026-11-26T14:29:59Z" is past'],
    ['2026-11-26', '"2026-11-26" is past'],
    ['9999-01-01', '"9999-01-01" is more than 100 years away'],
    ['+P9000Y', '"+P9000Y" is more than 100 years away'],
    ['+P999999Y', '"+P999999Y" is not on the calendar'],
  ])('is not %s: %s', (text, what) => {
    expect(readMoment(text, NOW)).toMatchObject({ what });
  });

  it('in a zone that is not known names the nearest', () => {
    expect(readMoment('2027-01-04[Europe/Berln]', NOW)).toMatchObject({
      what: 'time zone "Europe/Berln" is not known',
      next: expect.stringContaining('did you mean Europe/Berlin') as string,
    });
  });
});

describe('the freezes of a time', () => {
  const freeze: Freeze = {
    path: 'shop/year-end',
    position: null,
    from: '12-18',
    through: '01-03',
    timeZone: 'Europe/Berlin',
    reason: null,
    secrets: [],
  };
  const spans = (from: string, until: string, given: Partial<Freeze> = {}) =>
    freezesBetween({ ...freeze, ...given }, from, until).map(({ begins, ends }) => [begins, ends]);

  it('come each year, from the first moment of the first day to the last of the last', () => {
    expect(spans('2026-11-01T00:00:00Z', '2028-01-01T00:00:00Z')).toEqual([
      ['2026-12-17T23:00:00Z', '2027-01-03T23:00:00Z'],
      ['2027-12-17T23:00:00Z', '2028-01-03T23:00:00Z'],
    ]);
  });

  it('include the one that holds at the beginning, and none that is over or not begun', () => {
    const last = ['2026-12-17T23:00:00Z', '2027-01-03T23:00:00Z'];
    expect(spans('2027-01-02T00:00:00Z', '2027-02-01T00:00:00Z')).toEqual([last]);
    expect(spans('2027-01-03T23:00:00Z', '2027-12-17T22:59:59Z')).toEqual([]);
    expect(spans('2026-12-01T00:00:00Z', '2026-12-17T23:00:00Z')).toEqual([last]);
  });

  it('with a year come once', () => {
    const once = { from: '2027-03-01', through: '2027-03-01' };
    expect(spans('2026-11-01T00:00:00Z', '2029-01-01T00:00:00Z', once)).toEqual([
      ['2027-02-28T23:00:00Z', '2027-03-01T23:00:00Z'],
    ]);
  });
});
