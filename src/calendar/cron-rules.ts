import { nearest } from '../model/nearest.ts';
import { readCron } from './cron.ts';
import type { CalendarProblem } from './rules.ts';

/** Five fields; what croner takes beyond them (seconds, years, nicknames, `?`) is refused. */
const FORM = /^[^\s?@]+( [^\s?@]+){4}$/;
const FIELDS = 'minute, hour, day, month, weekday';
const EXAMPLE = '0 3 * JAN,APR,JUL,OCT MON#1';
const RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'];
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@weekly', '0 0 * * SUN'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
]);

/** What is wrong with an expression; empty: it has five fields and names some date. */
export function cronProblems(expression: string): CalendarProblem[] {
  const what = problemOf(expression);
  if (what === null) return [];
  const near = nearestCron(expression);
  const instead =
    near === null ? `for instance "${EXAMPLE}" (${FIELDS})` : `"${near}" is the nearest (${FIELDS})`;
  const next = what.includes('no day')
    ? `name a day that its months have; L is their last: ${instead}`
    : instead;
  return [{ what, next }];
}

function problemOf(expression: string): string | null {
  if (!FORM.test(expression)) return `"${expression}" is no cron expression of five fields`;
  try {
    if (readCron(expression).nextRun('2000-01-01T00:00:00') !== null) return null;
  } catch (error) {
    const why = error instanceof Error ? reasonOf(error.message) : 'it cannot be read';
    return `"${expression}" is no cron expression: ${why}`;
  }
  return `"${expression}" names no day that ever comes: a cadence with no future date`;
}

/** croner's own words; it counts days and months from 0 in them. */
function reasonOf(message: string): string {
  const why = message
    .replace(/^CronPattern: /, '')
    .replace(/^(Invalid value for (?:day|month): )(-?\d+)$/, (_, words: string, number: string) => {
      return `${words}${Number(number) + 1}`;
    });
  return why.charAt(0).toLowerCase() + why.slice(1);
}

/** An expression that is right and near to a wrong one; null where none is found. */
function nearestCron(expression: string): string | null {
  const known = NICKNAMES.get(expression.toLowerCase());
  if (known !== undefined) return known;
  const all = expression.split(' ');
  // Quartz and Spring put seconds before the five fields; a year may stand behind them.
  const hasYear = /^\d{4}\b/.test(all.at(-1) ?? '');
  const first = all.length - 5 - (hasYear ? 1 : 0);
  const five = all.length > 5 ? all.slice(first, first + 5) : all;
  const mended = five.map((field, index) => mend(field.replaceAll('?', '*'), index));
  const [minute, hour, , month, weekday] = mended;
  const near = [mended, [minute, hour, 'L', month, weekday]].map((fields) => fields.join(' '));
  return near.find((candidate) => candidate !== expression && problemOf(candidate) === null) ?? null;
}

/** Numbers brought into the range of the field, names taken for the one they look like. */
function mend(field: string, index: number): string {
  const [least, most] = RANGES[index] ?? [0, 0];
  const names = index === 3 ? MONTHS : DAYS;
  return field
    .replace(/([/#]?)(\d+)/g, (_, sign: string, number: string) => {
      if (sign === '/') return `/${number}`;
      const [low, high] = sign === '#' ? [1, 5] : [least, most];
      return `${sign}${Math.min(high, Math.max(low, Number(number)))}`;
    })
    .replace(/[a-z]{3,}/gi, (name) => (index < 3 ? name : (nearest(name, names, 1)[0] ?? name)));
}
