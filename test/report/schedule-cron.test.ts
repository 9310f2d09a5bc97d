import { Cron } from 'croner';
import { describe, expect, test } from 'vitest';
import { renderCron } from '../../src/report/schedule-cron.ts';
import { cronTimes, everyText, parseInterval, requireEven } from '../../src/report/schedule-interval.ts';
import { order } from './schedule-fixture.ts';

const EVEN = ['1m', '2m', '3m', '4m', '5m', '6m', '10m', '12m', '15m', '20m', '30m'].concat([
  '1h',
  '2h',
  '3h',
  '4h',
  '6h',
  '8h',
  '12h',
  '24h',
  '1d',
]);

describe('the times of a schedule', () => {
  test.each(EVEN)(
    'every %s are as far apart over two days as was asked, with and without an offset',
    (every) => {
      const interval = parseInterval(every);
      for (const minute of [0, 3]) {
        const cron = new Cron(cronTimes(interval, minute), { timezone: 'UTC' });
        const runs = cron.nextRuns(Math.ceil((2 * 86_400) / interval.seconds), '2026-03-28T23:59:59Z');
        const gaps = runs
          .slice(1)
          .map((run, index) => (run.getTime() - (runs[index]?.getTime() ?? 0)) / 1000);
        expect(new Set(gaps)).toEqual(new Set([interval.seconds]));
      }
    },
  );

  test.each([
    ['7m', '6m'],
    ['45m', '30m'],
    ['90m', '1h'],
    ['5h', '4h'],
    ['20s', '1m'],
  ])('%s is refused with the nearest that cron can say, %s', (asked, nearest) => {
    expect(() => requireEven(parseInterval(asked), 60, 'cron')).toThrow(
      expect.objectContaining({ next: expect.stringMatching(`--interval ${nearest}$`) as string }),
    );
  });

  test.each(['', '5', '0m', '-5m', '5 m', '25h', '2d', '1w'])('"%s" is no interval', (text) => {
    expect(() => parseInterval(text)).toThrow('--interval takes a time up to a day');
  });

  test('are said in words', () => {
    expect(['1m', '5m', '60m', '6h', '30s'].map((text) => everyText(parseInterval(text)))).toEqual([
      'every minute',
      'every 5 minutes',
      'every hour',
      'every 6 hours',
      'every 30 seconds',
    ]);
  });
});

describe('the cron line', () => {
  const lines = (...changes: Parameters<typeof order>) =>
    (renderCron({ ...order(...changes), log: null }).files[0]?.text ?? '').trimEnd().split('\n');

  test('is one line that a cron parser takes, in front of the command', () => {
    const line = lines({ stacks: ['shop', 'office'] }).at(-1) ?? '';
    const times = line.split(' ').slice(0, 5).join(' ');
    expect(new Cron(times).nextRun('2026-11-26T10:02:00Z')?.toISOString()).toBe('2026-11-26T10:05:00.000Z');
    expect(line).toContain('keyturn.js apply shop office --due --auto-approve >>');
  });

  test('names a time zone only where the hours matter, as cronie reads it', () => {
    expect(lines().some((line) => line.startsWith('CRON_TZ'))).toBe(false);
    const daily = lines({ every: '1d', timeZone: 'Europe/Berlin' });
    expect(daily.at(-2)).toBe('CRON_TZ=Europe/Berlin');
    expect(daily.at(-1)).toMatch(/^0 0 \* \* \* cd /);
  });

  test('has no bare percent sign, which cron takes for the end of the line', () => {
    const line = lines({ directory: '/srv/100% ours' }).at(-1) ?? '';
    expect(line).toContain("'/srv/100\\% ours'");
    expect(line).not.toMatch(/(?<!\\)%/);
  });
});
