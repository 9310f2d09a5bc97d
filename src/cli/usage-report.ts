import type { Argv } from 'yargs';
import type { ExitCode } from './exit-code.ts';
import { MANIFEST, withGeneral, withSandbox, withStacks } from './options.ts';

/* The command for auditors; as usage.ts, this is on the `--help` path. */

const PERIOD = 'Period:';

export function report(yargs: Argv, ended: (code: ExitCode) => void): Argv {
  return yargs.command(
    'report [stack..]',
    'For auditors: inventory, compliance, timelines, access and evidence of a period',
    (y) =>
      withSandbox(withStacks(withGeneral(y)))
        .options({
          'format': {
            choices: ['html', 'csv', 'json'] as const,
            default: 'html' as const,
            requiresArg: true,
            describe: 'one page for people, one table for a spreadsheet, or all of it for programs',
          },
          'table': {
            choices: [
              'inventory',
              'compliance',
              'emergencies',
              'timeline',
              'access',
              'entries',
              'evidence',
            ] as const,
            requiresArg: true,
            describe: 'which table a CSV is; default: inventory',
          },
          'out': {
            type: 'string',
            requiresArg: true,
            describe: 'write it into this new file instead of printing it',
          },
          'without-personal-data': {
            type: 'boolean',
            default: false,
            describe: 'person 1, host 1 in the place of names',
          },
          'manifest': MANIFEST,
          'from': {
            type: 'string',
            requiresArg: true,
            group: PERIOD,
            describe: 'its first moment: 2026-07-01, 2026-07-01T00:00[Europe/Berlin], 90d (that long ago)',
          },
          'to': {
            type: 'string',
            requiresArg: true,
            group: PERIOD,
            describe: 'the moment that ends it, not part of it; default: now',
          },
          'period': {
            choices: ['quarter', 'year'] as const,
            requiresArg: true,
            group: PERIOD,
            describe: 'how long it is, up to its end; default: quarter, three months',
          },
        })
        .example('$0 report --out 2026-q3.html', 'the last three months, every stack')
        .example('$0 report --from 2026-07-01 --to 2026-10-01 > q3.html', 'the third quarter, in UTC')
        .example('$0 report busflow --format csv --table access', 'for the quarterly access review')
        .example('$0 report --manifest keyturn.json --format json', 'runs no code of the project'),
    async (argv) => ended(await (await import('./commands/report.ts')).run(argv)),
  );
}
