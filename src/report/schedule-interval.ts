import { Fault } from '../model/fault.ts';

/** How often a schedule looks for what is due: whole seconds. */
export interface Interval {
  readonly seconds: number;
  /** As it was said: `5m`. */
  readonly text: string;
}

const MINUTE = 60;
const HOUR = 3_600;

/** What divides an hour or a day, so that a calendar can say it without a gap at the hour's or the day's end. */
const EVEN: readonly number[] = [
  ...[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12, 24].map((hours) => hours * HOUR),
];

/** `30s`, `5m`, `6h` or `1d`, at least a second and at most a day; anything else is `bad-usage`. */
export function parseInterval(text: string): Interval {
  const [, count, unit] = /^([1-9]\d{0,4})(s|m|h|d)$/.exec(text) ?? [];
  const seconds =
    Number(count) * (unit === 's' ? 1 : unit === 'm' ? MINUTE : unit === 'h' ? HOUR : 24 * HOUR);
  if (count === undefined || seconds > 24 * HOUR) {
    throw refusal(
      `--interval takes a time up to a day, such as 5m or 1h, not "${text}"`,
      'say --interval 5m',
    );
  }
  return { seconds, text };
}

/** Refuses what a calendar cannot say evenly, or what is under `least` seconds; names the nearest that works. */
export function requireEven({ seconds, text }: Interval, least: number, scheduler: string): void {
  const possible = EVEN.filter((each) => each >= least);
  if (possible.includes(seconds)) return;
  const distance = (each: number): number => Math.abs(each - seconds);
  const nearest = possible.reduce((best, each) => (distance(each) < distance(best) ? each : best));
  const what =
    seconds < least
      ? `${scheduler} runs nothing as often as every ${text}`
      : `${scheduler} cannot say "every ${text}": it divides neither an hour nor a day`;
  throw refusal(what, `the nearest that it can say is --interval ${shortText(nearest)}`);
}

/** Whether the hours of a time zone tell when it runs; up to an hour it is the same in all of them. */
export function dependsOnTimeZone({ seconds }: Interval): boolean {
  return seconds > HOUR;
}

/** The five fields of cron, `minute` minutes after each even one. Needs an even interval. */
export function cronTimes({ seconds }: Interval, minute = 0): string {
  if (seconds < HOUR) {
    const step = seconds / MINUTE;
    if (step === 1) return '* * * * *';
    return `${minute % step === 0 ? '*' : `${minute % step}-59`}/${step} * * * *`;
  }
  const hours = seconds / HOUR;
  return `${minute} ${hours === 1 ? '*' : hours === 24 ? '0' : `*/${hours}`} * * *`;
}

/** The same as a systemd calendar expression, without a time zone. */
export function calendarTimes({ seconds }: Interval): string {
  if (seconds < HOUR) return `*-*-* *:0/${seconds / MINUTE}:00`;
  const hours = seconds / HOUR;
  return `*-*-* ${hours === 1 ? '*' : hours === 24 ? '00' : `0/${hours}`}:00:00`;
}

/** `every 5 minutes`. */
export function everyText({ seconds }: Interval): string {
  const [count, unit] =
    seconds % HOUR === 0
      ? [seconds / HOUR, 'hour']
      : seconds % MINUTE === 0
        ? [seconds / MINUTE, 'minute']
        : [seconds, 'second'];
  return count === 1 ? `every ${unit}` : `every ${count} ${unit}s`;
}

/** As Go reads it, which knows no days: `5m`. */
export function shortText(seconds: number): string {
  if (seconds % HOUR === 0) return `${seconds / HOUR}h`;
  return seconds % MINUTE === 0 ? `${seconds / MINUTE}m` : `${seconds}s`;
}

function refusal(what: string, next: string): Fault {
  return new Fault({ code: 'bad-usage', what, where: 'command line', live: 'nothing was written', next });
}
