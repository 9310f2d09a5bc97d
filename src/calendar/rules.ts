import { Temporal } from 'temporal-polyfill';
import type { IsoDuration } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';
import { nearest } from '../model/nearest.ts';
import { WEEKDAYS } from '../model/openings.ts';
import { cronProblems } from './cron-rules.ts';
import { NTHS, parseDayRule } from './dates.ts';

/** What is wrong with a cadence or a duration, and what to write instead. Without a place: the caller knows it. */
export interface CalendarProblem {
  readonly what: string;
  readonly next: string;
}

export const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
] as const;
const LONGEST_PERIOD_YEARS = 100;
/** What the reader of a manifest takes: Temporal also reads `pt72h`, `PT1.5H` and `PT1,5S`. */
const DURATION_FORM =
  /^[-+]?P(\d{1,6}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?(T(\d{1,6}H)?(\d{1,6}M)?(\d{1,6}(\.\d{1,3})?S)?)?$/;
/** The shortest month, quarter and year; an offset must end before the next period's date. */
export const SHORTEST_DAYS = { month: 28, quarter: 90, year: 365 };

const DAY_RULES = [...NTHS.keys()].flatMap((nth) => WEEKDAYS.map((weekday) => `${nth} ${weekday}`));

/** Everything that is wrong with a cadence, in the order of its fields; empty: every later instant has a next due date. */
export function cadenceProblems(cadence: Cadence): CalendarProblem[] {
  switch (cadence.kind) {
    case 'onRequest':
    case 'onCompromise':
    case 'userManaged':
      return [];
    case 'every':
      return [
        ...periodProblems(cadence.period),
        ...anchorProblems(cadence.anchor),
        ...clockProblems(cadence),
      ];
    case 'calendar':
      return [...dayProblems(cadence), ...offsetProblems(cadence), ...clockProblems(cadence)];
    case 'cron':
      return [...cronProblems(cadence.expression), ...zoneProblems(cadence.timeZone)];
  }
}

/**
 * What is wrong with a duration that must not be negative, or null.
 *
 * `fixed` refuses years and months too, whose length depends on where they start.
 */
export function durationProblem(text: IsoDuration, fixed: boolean): CalendarProblem | null {
  const duration = readDuration(text);
  if (duration === null) {
    const [, count = '', unit = ''] = /^(\d+) ?([shdw])$/i.exec(text) ?? [];
    const meant = `P${'sh'.includes(unit.toLowerCase()) ? 'T' : ''}${count}${unit.toUpperCase()}`;
    const next =
      count === ''
        ? 'write Duration.hours(72), or an ISO-8601 text such as PT72H'
        : `write ${meant}, as ISO 8601 has it`;
    return { what: `"${text}" is no duration`, next };
  }
  if (duration.sign < 0) return { what: `"${text}" is negative`, next: 'give zero or more' };
  if (!DURATION_FORM.test(text)) {
    const written = duration.toString();
    const next = DURATION_FORM.test(written) ? `write ${written}` : 'count it in a larger unit';
    return { what: `"${text}" is not written as it is kept`, next };
  }
  if (fixed && (duration.years !== 0 || duration.months !== 0)) {
    return {
      what: `"${text}" has no fixed length`,
      next: 'count it in weeks, days, hours, minutes or seconds',
    };
  }
  return null;
}

function readDuration(text: IsoDuration): Temporal.Duration | null {
  try {
    return Temporal.Duration.from(text);
  } catch {
    return null;
  }
}

function periodProblems(period: IsoDuration): CalendarProblem[] {
  const problem = durationProblem(period, false);
  if (problem !== null) return [{ what: `period ${problem.what}`, next: problem.next }];
  const duration = Temporal.Duration.from(period);
  if (duration.sign === 0)
    return [{ what: `period "${period}" never moves on`, next: 'give a period above zero' }];
  if (duration.milliseconds !== 0) {
    const whole = duration.round({ smallestUnit: 'seconds', roundingMode: 'ceil' }).toString();
    return [{ what: `period "${period}" is not counted in whole seconds`, next: `write ${whole}` }];
  }
  const years = duration.years + duration.months / 12 + duration.weeks / 52 + duration.days / 365;
  const hours = duration.hours + duration.minutes / 60 + duration.seconds / 3600;
  if (years + hours / 8760 <= LONGEST_PERIOD_YEARS) return [];
  return [
    {
      what: `period "${period}" has no date within ${LONGEST_PERIOD_YEARS} years`,
      next: 'give a shorter period, or Cadence.onRequest()',
    },
  ];
}

function anchorProblems(anchor: string): CalendarProblem[] {
  if (
    /^\d{4}-\d{2}-\d{2}$/.test(anchor) &&
    isReal(() => Temporal.PlainDate.from(anchor, { overflow: 'reject' }))
  ) {
    return [];
  }
  return [{ what: `"${anchor}" is no date`, next: 'write the first date as YYYY-MM-DD' }];
}

/** What is wrong with a time of day and the zone whose clock shows it. */
export function clockProblems(clock: { readonly at: string; readonly timeZone: string }): CalendarProblem[] {
  return [...timeProblems(clock.at), ...zoneProblems(clock.timeZone)];
}

export function timeProblems(at: string): CalendarProblem[] {
  if (/^([01][0-9]|2[0-3]):[0-5][0-9]$/.test(at)) return [];
  const [, hours = '', minutes = ''] = /^(\d{1,2})[:.h]?(\d{2})?$/.exec(at) ?? [];
  const meant = `${hours === '24' ? '00' : hours.padStart(2, '0')}:${minutes.padEnd(2, '0')}`;
  const isTime = /^([01][0-9]|2[0-3]):[0-5][0-9]$/.test(meant) && hours !== '';
  const next = isTime ? `write ${meant}` : 'write it as hh:mm, 00:00 to 23:59';
  return [{ what: `"${at}" is no time of day`, next }];
}

/** A name is wanted: Temporal also reads `+01:00` and whole dates, whose clock knows no daylight saving. */
export function zoneProblems(timeZone: string): CalendarProblem[] {
  const isName = /^[A-Za-z][A-Za-z0-9+_/-]*$/.test(timeZone);
  if (isName && isReal(() => Temporal.PlainDate.from('2000-01-01').toZonedDateTime(timeZone))) return [];
  const near = nearest(timeZone, ['UTC', ...Intl.supportedValuesOf('timeZone')], 2);
  return [
    {
      what: `time zone "${timeZone}" is not known`,
      next: `${near.length > 0 ? `did you mean ${near.join(' or ')}? ` : ''}use a name of the IANA database such as Europe/Berlin, or UTC`,
    },
  ];
}

function offsetProblems({ each, offset }: Extract<Cadence, { kind: 'calendar' }>): CalendarProblem[] {
  if (offset === undefined) return [];
  const problem = durationProblem(offset, true);
  if (problem !== null) return [{ what: `offset ${problem.what}`, next: problem.next }];
  const length = Temporal.Duration.from(offset);
  const isWhole = length.with({ weeks: 0, days: 0 }).sign === 0;
  const most = SHORTEST_DAYS[each] - 1;
  if (isWhole && 7 * length.weeks + length.days <= most) return [];
  const what = isWhole ? `is not shorter than the shortest ${each}` : 'is not counted in days';
  return [
    {
      what: `offset "${offset}" ${what}`,
      next: `give 0 to ${most} days, at most P${most}D, or another day as \`on\``,
    },
  ];
}

function dayProblems(cadence: Extract<Cadence, { kind: 'calendar' }>): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  const rule = parseDayRule(cadence.on);
  if (rule === null) {
    const near = nearest(cadence.on, DAY_RULES, 1).map((rule) => `did you mean "${rule}"? `);
    problems.push({
      what: `"${cadence.on}" names no day`,
      next:
        near.join('') +
        'write first, second, third, fourth or last and a weekday in lower case ("first monday"), or a day 1 to 31',
    });
  }
  if (cadence.each !== 'year') return problems;
  if (cadence.month === null || !Number.isInteger(cadence.month) || cadence.month < 1 || cadence.month > 12) {
    return [...problems, { what: `"${String(cadence.month)}" is no month`, next: 'give a month 1 to 12' }];
  }
  // A leap year, so that 29 February is a date (and means the last day of February in the other years).
  const longest = Temporal.PlainYearMonth.from({ year: 2000, month: cadence.month }).daysInMonth;
  if (rule !== null && 'day' in rule && rule.day > longest) {
    const name = MONTHS[cadence.month - 1] ?? '';
    problems.push({
      what: `day ${rule.day} of ${name} never comes: a cadence with no future date`,
      next: `${name} has at most ${longest} days; day ${longest} means its last`,
    });
  }
  return problems;
}

function isReal(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
