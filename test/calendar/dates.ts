import { nextDue } from '../../src/calendar/calendar.ts';
import type { Instant } from '../../src/model/address.ts';
import type { Cadence } from '../../src/model/declared.ts';

/** The next `count` dates of a cadence, asked for one behind the other as the planner does. */
export function dates(cadence: Cadence, after: Instant, count: number): string[] {
  const found: string[] = [];
  for (let at = nextDue(cadence, after); at !== null && found.length < count; at = nextDue(cadence, at)) {
    found.push(at);
  }
  return found;
}

export function cron(expression: string, timeZone = 'UTC'): Extract<Cadence, { kind: 'cron' }> {
  return { kind: 'cron', expression, timeZone };
}
