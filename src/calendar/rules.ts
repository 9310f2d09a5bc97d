import { Temporal } from 'temporal-polyfill';
import type { IsoDuration } from '../model/address.ts';
import type { Cadence } from '../model/declared.ts';

/** What is wrong with a cadence or a duration, and what to write instead. Without a place: the caller knows it. */
export interface CalendarProblem {
  readonly what: string;
  readonly next: string;
}

/** `first monday` as `{ nth: 1, weekday: 1 }`, `last friday` as `{ nth: -1, weekday: 5 }`, `15` as `{ day: 15 }`. */
export type DayRule = { readonly nth: number; readonly weekday: number } | { readonly day: number };

const NTHS: ReadonlyMap<string, number> = new Map([
  ['first', 1],
  ['second', 2],
  ['third', 3],
  ['fourth', 4],
  ['last', -1],
]);
const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
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

/** The rule that `on` spells, or null where it spells none. Lower case only, one blank. */
export function parseDayRule(on: string): DayRule | null {
  if (/^([1-9]|[12][0-9]|3[01])$/.test(on)) return { day: Number(on) };
  const [word = '', name = '', ...rest] = on.split(' ');
  const nth = NTHS.get(word);
  const weekday = WEEKDAYS.indexOf(name) + 1;
  return nth === undefined || weekday === 0 || rest.length > 0 ? null : { nth, weekday };
}

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
      return [...dayProblems(cadence), ...clockProblems(cadence)];
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
    return {
      what: `"${text}" is no duration`,
      next: 'write Duration.hours(72), or an ISO-8601 text such as PT72H',
    };
  }
  if (duration.sign < 0) return { what: `"${text}" is negative`, next: 'give zero or more' };
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
  const years = duration.years + duration.months / 12 + duration.weeks / 52 + duration.days / 365;
  if (years + duration.hours / 8760 <= LONGEST_PERIOD_YEARS) return [];
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

function clockProblems(clock: { readonly at: string; readonly timeZone: string }): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  if (!/^([01][0-9]|2[0-3]):[0-5][0-9]$/.test(clock.at)) {
    problems.push({ what: `"${clock.at}" is no time of day`, next: 'write it as hh:mm, 00:00 to 23:59' });
  }
  if (!isReal(() => Temporal.PlainDate.from('2000-01-01').toZonedDateTime(clock.timeZone))) {
    problems.push({
      what: `time zone "${clock.timeZone}" is not known`,
      next: 'use a name of the IANA database such as Europe/Berlin, or UTC',
    });
  }
  return problems;
}

function dayProblems(cadence: Extract<Cadence, { kind: 'calendar' }>): CalendarProblem[] {
  const problems: CalendarProblem[] = [];
  const rule = parseDayRule(cadence.on);
  if (rule === null) {
    problems.push({
      what: `"${cadence.on}" names no day`,
      next: 'write first, second, third, fourth or last and a weekday in lower case ("first monday"), or a day 1 to 31',
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
