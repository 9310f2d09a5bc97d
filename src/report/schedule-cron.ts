import { cronTimes, dependsOnTimeZone, everyText, requireEven } from './schedule-interval.ts';
import type { LocalOrder, Schedule } from './schedule-order.ts';
import { applyWords, placeIn, shellWord } from './schedule-order.ts';
import { searchPath } from './schedule-systemd.ts';

export interface CronOrder extends LocalOrder {
  /** Absolute; null: `.keyturn/<name>.log` in the project. */
  readonly log: string | null;
}

/**
 * A line for a crontab. Cron tells nobody an exit code, so a run that ends otherwise than with 0 prints a line,
 * which cron mails; what the run said is in the log.
 */
export function renderCron(order: CronOrder): Schedule {
  requireEven(order.interval, 60, 'cron');
  const file = `${order.name}.crontab`;
  const zoned = dependsOnTimeZone(order.interval);
  const text = [
    `# ${file}: what is due, ${everyText(order.interval)}.`,
    '# Runs may overlap: the lease lets one work, the others say so and end with 0.',
    '# A run that does not end with 0 prints a line, which cron mails (MAILTO):',
    '#   1 failed, nothing changed; 10 a step failed and was rolled back;',
    '#   11 stopped part-way, the next run looks after it. What it said: the log.',
    ...(zoned ? [...ZONE, `CRON_TZ=${order.timeZone}`] : []),
    `${cronTimes(order.interval)} ${escapePercent(commandOf(order))}`,
    '',
  ].join('\n');
  return {
    files: [{ path: file, text }],
    warnings: [],
    next: [
      { what: `try it once, as the user who owns the project`, run: applyLine(order) },
      {
        what: 'add the lines to the crontab of that user',
        run: order.out === null ? 'crontab -e' : `(crontab -l; cat ${placeIn(order, file)}) | crontab -`,
      },
    ],
  };
}

const ZONE = [
  "# CRON_TZ is cronie's and holds for all lines below it, so keep this last.",
  "# Other crons take the system's time zone.",
];

function commandOf(order: CronOrder): string {
  const { directory } = order;
  const log = order.log ?? `${directory}/.keyturn/${order.name}.log`;
  const folder = order.log === null ? ' && mkdir -p .keyturn' : '';
  const said = `echo "keyturn apply ended with $?, see "${shellWord(log)}`;
  return `cd ${shellWord(directory)}${folder} && { PATH=${shellWord(searchPath(order.node))} ${applyLine(order)} >>${shellWord(log)} 2>&1 || ${said}; }`;
}

function applyLine(order: LocalOrder): string {
  return [shellWord(order.node), shellWord(order.programPath), ...applyWords(order)].join(' ');
}

/** Cron takes a bare percent sign for the end of the line, and takes the backslash away before sh sees it. */
function escapePercent(command: string): string {
  return command.replaceAll('%', '\\%');
}
