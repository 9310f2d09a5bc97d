import { CronExpressionParser } from 'cron-parser';
import { DateTime } from 'luxon';
import * as rrule from 'rrule';
import type { Options } from 'rrule';
import { describe, expect, it } from 'vitest';
import { nextDue } from '../../src/calendar/calendar.ts';
import type { Cadence } from '../../src/model/declared.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';
import { cron } from './dates.ts';

/**
 * The calendar beside libraries that share no code with it, 20,000 dates of 500 cadences: rrule says what the wall
 * clock shows, luxon when a zone's clock shows that, cron-parser what a cron expression means.
 *
 * Where a time comes twice, luxon promises neither of the two; both are asked for, and the first is ours. A time that
 * is skipped luxon moves on by the jump, as we do. cron-parser runs a `*` in minutes or hours in both hours of an
 * overlap and otherwise has our rule, so expressions with a fixed hour are compared in the zone itself, and those of
 * each hour by what the clock shows.
 */
const ZONES = ['Europe/Berlin', 'America/New_York', 'Pacific/Apia'];
/** 00:30 to 03:30 lie around each change of these zones' clocks: skipped and doubled hours among them. */
const TIMES = ['00:00', '01:30', '02:00', '02:30', '03:00', '12:00', '23:45'];
const FROM = Date.UTC(2026, 0, 1);
const UNTIL = Date.UTC(2031, 0, 1);
const DAY = 86_400_000;
const { RRule } = rrule;
const { MONTHLY, YEARLY, DAILY, WEEKLY, HOURLY } = rrule.Frequency;
const NTHS = ['first', 'second', 'third', 'fourth', 'last'] as const;

/** Ours, in the years 2026 to 2030 of UTC. */
function ours(cadence: Cadence): string[] {
  const found: string[] = [];
  let at = nextDue(cadence, new Date(FROM - 1).toISOString());
  for (; at !== null && Date.parse(at) < UNTIL; at = nextDue(cadence, at)) found.push(at);
  return found;
}

const shown = new Map<string, Date[]>();

/** What the wall clock shows, as if it were UTC, a while beyond the years on both sides; alike in each zone. */
function shownBy(options: Partial<Options>): Date[] {
  const key = JSON.stringify(options);
  const dtstart = options.dtstart ?? new Date(Date.UTC(2024, 0, 1));
  const dates =
    shown.get(key) ??
    new RRule({ ...options, dtstart }).between(new Date(FROM - 800 * DAY), new Date(UNTIL + 3 * DAY), true);
  shown.set(key, dates);
  return dates;
}

function onClockOf(zone: string, shown: readonly Date[], at: string, offset = 0): string[] {
  const [hour = 0, minute = 0] = at.split(':').map(Number);
  const instants = shown.map((date) => {
    const day = new Date(date.getTime() + offset * DAY);
    const [year, month, dayOfMonth] = [day.getUTCFullYear(), day.getUTCMonth() + 1, day.getUTCDate()];
    const local = DateTime.fromObject({ year, month, day: dayOfMonth, hour, minute }, { zone });
    return Math.min(...local.getPossibleOffsets().map((each) => each.toMillis()));
  });
  return texts(instants);
}

function texts(instants: readonly number[]): string[] {
  return [...new Set(instants)]
    .sort((a, b) => a - b)
    .filter((instant) => instant >= FROM && instant < UNTIL)
    .map((instant) => new Date(instant).toISOString().replace('.000Z', 'Z'));
}

function agree(cadence: Cadence, theirs: readonly string[]): void {
  expect(theirs).not.toEqual([]);
  expect(ours(cadence), JSON.stringify(cadence)).toEqual(theirs);
}

/** The days of a month up to this one, the last of them: the 31st is the 30th in April. */
function upTo(day: number): Partial<Options> {
  const least = Math.min(day, 28);
  return { bymonthday: Array.from({ length: day - least + 1 }, (_, index) => least + index), bysetpos: -1 };
}

function weekday(nth: (typeof NTHS)[number], index: number): Partial<Options> {
  const number = nth === 'last' ? -1 : NTHS.indexOf(nth) + 1;
  return { byweekday: new rrule.Weekday(index, number) };
}

const RULES: { readonly on: string; readonly isLast: boolean; readonly shown: Partial<Options> }[] = [
  ...NTHS.flatMap((nth) =>
    WEEKDAYS.map((name, index) => ({
      on: `${nth} ${name}`,
      isLast: nth === 'last',
      shown: weekday(nth, index),
    })),
  ),
  ...[1, 15, 28, 29, 30, 31].map((day) => ({ on: String(day), isLast: false, shown: upTo(day) })),
];

describe.each(ZONES)('in %s, 2026 to 2030', (timeZone) => {
  it.each(RULES)(
    '$on of the month, the quarter and the year is that of rrule and luxon',
    ({ on, isLast, shown }) => {
      // rrule knows no quarter: three months from January on, or from March where it is the quarter's last.
      const quarters = { freq: MONTHLY, interval: 3, dtstart: new Date(Date.UTC(2023, isLast ? 2 : 0, 1)) };
      const months = shownBy({ freq: MONTHLY, ...shown });
      const quarterly = shownBy({ ...quarters, ...shown });
      const year = { freq: YEARLY, bymonth: 2, dtstart: new Date(Date.UTC(2020, 0, 1)) };
      const at = TIMES[RULES.findIndex((rule) => rule.on === on) % TIMES.length] ?? '';
      agree(
        { kind: 'calendar', each: 'month', on, month: null, at, timeZone },
        onClockOf(timeZone, months, at),
      );
      agree(
        { kind: 'calendar', each: 'quarter', on, month: null, at, timeZone },
        onClockOf(timeZone, quarterly, at),
      );
      // Day 30 and 31 of February are refused: they would be its last in each year.
      if (/^3[01]$/.test(on)) return;
      const yearly = onClockOf(timeZone, shownBy({ ...year, ...shown }), at);
      agree({ kind: 'calendar', each: 'year', on, month: 2, at, timeZone }, yearly);
    },
  );

  it.each([
    ['month', 'first monday', 1],
    ['month', '31', 27],
    ['month', 'last friday', 10],
    ['quarter', 'first monday', 14],
    ['quarter', 'last sunday', 89],
    ['year', 'last sunday', 7],
    ['year', '29', 364],
  ] as const)('an offset behind each %s, %s, is %s days on the wall clock', (each, on, days) => {
    const rule = RULES.find((known) => known.on === on);
    const start = each === 'quarter' && rule?.isLast === true ? Date.UTC(2023, 2, 1) : Date.UTC(2022, 0, 1);
    const freq = { month: MONTHLY, quarter: MONTHLY, year: YEARLY }[each];
    const more = each === 'quarter' ? { interval: 3 } : each === 'year' ? { bymonth: 3 } : {};
    const shown = shownBy({ freq, ...more, ...rule?.shown, dtstart: new Date(start) });
    for (const at of ['02:30', '23:45']) {
      const month = each === 'year' ? 3 : null;
      agree(
        { kind: 'calendar', each, on, month, at, timeZone, offset: `P${days}D` },
        onClockOf(timeZone, shown, at, days),
      );
    }
  });

  it.each(['00:00', '01:30', '02:30', '23:45'])(
    'every so many days, weeks and months at %s is counted from the anchor',
    (at) => {
      const anchors = ['2024-01-31', '2025-10-26', '2026-03-08', '2027-02-28'];
      const periods: [string, Partial<Options>][] = [
        ['P45D', { freq: DAILY, interval: 45 }],
        ['P90D', { freq: DAILY, interval: 90 }],
        ['P5W', { freq: WEEKLY, interval: 5 }],
        ['P13W', { freq: WEEKLY, interval: 13 }],
        ['P1M', { freq: MONTHLY }],
        ['P3M', { freq: MONTHLY, interval: 3 }],
        ['P6M', { freq: MONTHLY, interval: 6 }],
      ];
      for (const [index, [period, options]] of periods.entries()) {
        const anchor = anchors[(index + Number(at.slice(0, 2))) % anchors.length] ?? '';
        const day = Number(anchor.slice(8));
        const clipped = options.freq === MONTHLY ? upTo(day) : {};
        const shown = shownBy({ ...options, ...clipped, dtstart: new Date(`${anchor}T00:00:00Z`) });
        agree({ kind: 'every', period, anchor, at, timeZone }, onClockOf(timeZone, shown, at));
      }
    },
  );

  it.each([100, 1000])('every %i hours is that many real hours from the anchor', (hours) => {
    const anchor = '2025-12-30';
    const first = DateTime.fromISO(`${anchor}T02:30`, { zone: timeZone }).toJSDate();
    const shown = shownBy({ freq: HOURLY, interval: hours, dtstart: first });
    agree(
      { kind: 'every', period: `PT${hours}H`, anchor, at: '02:30', timeZone },
      texts(shown.map((date) => date.getTime())),
    );
  });

  it.each([
    '30 2 * 3,10 0',
    '30 1 1-7 11 *',
    '0 0 1 3,4 *',
    '45 23 L 2,3 *',
    '0 3 * 1,4,7,10 1#1',
    '15 2 * 3,10 5L',
    '0 3 13 1-4 FRI',
    '0,30 2 29 3 *',
    '0 2,14 */10 3,4,10,11 *',
    '30 2 8-14,25-31 3 *',
  ])('cron %s is that of cron-parser in that zone', (expression) => {
    agree(cron(expression, timeZone), cronParser(expression, timeZone));
  });

  it.each(['30 * 8,29 3 *', '0 */2 1,25 11,10 *', '*/20 1-3 * 3,11 SUN'])(
    'cron %s is what the clock shows to cron-parser, and when luxon says that it does',
    (expression) => {
      const shown = cronParser(expression, 'UTC', 2).map((text) => new Date(text));
      const theirs = shown.flatMap((date) => {
        const at = date.toISOString().slice(11, 16);
        return onClockOf(timeZone, [date], at);
      });
      agree(cron(expression, timeZone), texts(theirs.map((text) => Date.parse(text))));
    },
  );
});

/** The times that each zone's clock skips and shows twice in these years, found by luxon alone. */
describe.each(['Europe/Berlin', 'America/New_York'])('where the clock of %s changes', (timeZone) => {
  const changes = changesOf(timeZone);

  it('does so twice a year', () => expect(changes).toHaveLength(10));

  it.each(changes)('$date is judged by the written rule: later by the jump, the first of two', (change) => {
    for (const minutes of [0, 1, 15, 30, 59]) {
      const shown = DateTime.fromISO(change.date, { zone: 'utc' }).plus({ hours: change.hour, minutes });
      const at = shown.toFormat('HH:mm');
      const before = DateTime.fromISO(change.date, { zone: timeZone }).minus({ days: 1 }).toJSDate();
      // As the clock would show it had it not changed: the offset of the day before.
      const unchanged = shown.toMillis() - change.offsetBefore * 60_000;
      const expected = new Date(unchanged).toISOString().replace('.000Z', 'Z');
      const local = DateTime.fromMillis(unchanged, { zone: timeZone });
      expect(local.toFormat('HH:mm') === at).toBe(!change.isSkipped);
      if (!change.isSkipped) {
        const both = local.getPossibleOffsets().map((each) => each.toMillis());
        expect(both).toHaveLength(2);
        expect(Math.min(...both)).toBe(unchanged);
      }
      const anchor = change.date;
      for (const cadence of [
        { kind: 'every', period: 'P1Y', anchor, at, timeZone },
        { kind: 'calendar', each: 'month', on: String(Number(anchor.slice(8))), month: null, at, timeZone },
        cron(`${Number(at.slice(3))} ${Number(at.slice(0, 2))} * * *`, timeZone),
      ] as const) {
        const after = cadence.kind === 'cron' ? new Date(unchanged - 3 * 3_600_000) : before;
        expect(nextDue(cadence, after.toISOString())).toBe(expected);
      }
    }
  });
});

interface Change {
  readonly date: string;
  /** The first hour that is skipped or comes twice. */
  readonly hour: number;
  readonly isSkipped: boolean;
  /** Minutes. */
  readonly offsetBefore: number;
}

function changesOf(zone: string): Change[] {
  const found: Change[] = [];
  const offsetAt = (ms: number): number => DateTime.fromMillis(ms, { zone }).offset;
  for (let ms = FROM; ms < UNTIL; ms += 3_600_000) {
    // Nothing changes on most days.
    if (ms % DAY === 0 && offsetAt(ms - 3_600_000) === offsetAt(ms + DAY)) ms += DAY - 3_600_000;
    const [before, after] = [ms - 3_600_000, ms].map((each) => DateTime.fromMillis(each, { zone }));
    if (before === undefined || after === undefined || before.offset === after.offset) continue;
    const isSkipped = after.offset > before.offset;
    const date = after.toISODate() ?? '';
    found.push({
      date,
      hour: isSkipped ? before.hour + 1 : after.hour,
      isSkipped,
      offsetBefore: before.offset,
    });
  }
  return found;
}

function cronParser(expression: string, tz: string, daysMore = 0): string[] {
  const start = FROM - daysMore * DAY;
  const times = CronExpressionParser.parse(expression, { tz, currentDate: new Date(start - 1) });
  const found: string[] = [];
  for (;;) {
    const at = times.next().toDate();
    if (at.getTime() >= UNTIL + daysMore * DAY) return found;
    found.push(at.toISOString().replace('.000Z', 'Z'));
  }
}
