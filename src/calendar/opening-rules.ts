import { Temporal } from 'temporal-polyfill';
import { nearest } from '../model/nearest.ts';
import type { Freeze, Window } from '../model/openings.ts';
import { WEEKDAYS } from '../model/openings.ts';
import { dayOf } from './openings.ts';
import type { CalendarProblem } from './rules.ts';
import { timeProblems, zoneProblems } from './rules.ts';

/** Everything that is wrong with a window, in the order of its fields; empty: it opens each week. */
export function windowProblems({ days, from, until, timeZone }: Window): CalendarProblem[] {
  const problems = days
    .filter((day) => !WEEKDAYS.includes(day))
    .map((day): CalendarProblem => {
      const near = nearest(day, WEEKDAYS, 1).map((name) => `did you mean ${name}? `);
      return { what: `window: "${day}" is no weekday`, next: `${near.join('')}write it in lower case` };
    });
  if (days.length === 0) {
    problems.push({
      what: 'a window on no day never opens',
      next: "name days in lower case: ['monday', 'tuesday'], or use Window.daily",
    });
  }
  const times = [...timeProblems(from), ...timeProblems(until)];
  problems.push(...times.map(({ what, next }) => ({ what: `window: ${what}`, next })));
  if (times.length === 0 && from === until) {
    problems.push({
      what: `a window from ${from} until ${until} never opens`,
      next: `write until: '${anHourLater(from)}', or leave the window out: then it is always open`,
    });
  }
  return [...problems, ...zoneProblems(timeZone)];
}

/** Everything that is wrong with a freeze, in the order of its fields. */
export function freezeProblems({ from, through, timeZone }: Freeze): CalendarProblem[] {
  const dates = [from, through].flatMap(dateProblems);
  if (dates.length === 0 && from.length !== through.length) {
    dates.push({
      what: `a freeze from ${from} through ${through} is in a year on one side only`,
      next: 'write both as YYYY-MM-DD, or both as MM-DD for each year',
    });
  } else if (dates.length === 0 && from.length > 5 && through < from) {
    dates.push({
      what: `a freeze through ${through} ends before it begins on ${from}`,
      next: `exchange them: from: '${through}', through: '${from}'`,
    });
  } else if (dates.length === 0 && from.length === 5 && isWholeYear(from, through)) {
    dates.push({
      what: `a freeze from ${from} through ${through} of each year never ends: nothing would rotate any more`,
      next: `leave a day of the year out of it, through: '${twoDaysBefore(from)}' for instance`,
    });
  }
  return [...dates, ...zoneProblems(timeZone)];
}

function dateProblems(date: string): CalendarProblem[] {
  // A leap year, so that 29 February is a day.
  const full = /^\d{2}-\d{2}$/.test(date) ? `2000-${date}` : date;
  const isWritten = /^\d{4}-\d{2}-\d{2}$/.test(full);
  if (isWritten && isDate(full)) return [];
  const isNear = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[1-9]\d)$/.test(full);
  const near = isNear
    ? dayOf(full.slice(5), Number(full.slice(0, 4)))
        .toString()
        .slice(-date.length)
    : null;
  const next = 'YYYY-MM-DD, or MM-DD for each year';
  return [
    {
      what: `"${date}" is no day of a freeze`,
      next: `write ${near === null ? next : `${near}; it is ${next}`}`,
    },
  ];
}

/** Whether no day of a common or of a leap year is left; 29 February is the 28th in a common one. */
function isWholeYear(from: string, through: string): boolean {
  return [2000, 2001].some((year) => {
    const [first, last] = [from, through].map((day) => dayOf(day, year));
    const behind = last?.add({ days: 1 });
    return first?.month === behind?.month && first?.day === behind?.day;
  });
}

function twoDaysBefore(day: string): string {
  return dayOf(day, 2001).subtract({ days: 2 }).toString().slice(5);
}

function isDate(text: string): boolean {
  try {
    return Temporal.PlainDate.from(text, { overflow: 'reject' }).day > 0;
  } catch {
    return false;
  }
}

function anHourLater(time: string): string {
  return Temporal.PlainTime.from(time).add({ hours: 1 }).toString({ smallestUnit: 'minute' });
}
