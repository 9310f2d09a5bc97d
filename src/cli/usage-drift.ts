import type { Argv } from 'yargs';
import type { ExitCode } from './exit-code.ts';
import {
  MANIFEST,
  withApproval,
  withDryRun,
  withFormat,
  withGeneral,
  withSandbox,
  withStacks,
} from './options.ts';

/** `drift` and `prune`. On the `--help` path, as `usage.ts` is: what they do is imported when they run. */
export function drift(yargs: Argv, ended: (code: ExitCode) => void): Argv {
  return yargs
    .command(
      'drift [stack..]',
      'What others changed: orphans, what is missing, moved, stuck, edited, disabled; exit 2 when any',
      (y) =>
        withSandbox(withStacks(withGeneral(y)))
          .options({
            format: {
              choices: ['text', 'json', 'sarif'] as const,
              default: 'text' as const,
              requiresArg: true,
              group: 'General:',
              describe: 'for people, for programs, or as SARIF 2.1.0 for code scanning',
            },
            manifest: MANIFEST,
            compose: {
              type: 'string',
              array: true,
              nargs: 1,
              default: [] as string[],
              requiresArg: true,
              describe: 'a compose file whose external names must be there and current; may be repeated',
            },
            fix: {
              type: 'boolean',
              default: false,
              describe: 'also show the plan that repairs it; changes nothing',
            },
            out: {
              type: 'string',
              requiresArg: true,
              describe: 'with --fix: save that plan of one stack for apply',
            },
          })
          .check(fixIsAPlan)
          .example('$0 drift', 'every stack; what to run stands under each finding')
          .example('$0 drift --compose docker/compose.prod.yml', 'and whether a deploy of it would work')
          .example('$0 drift --format sarif > drift.sarif', 'for code scanning')
          .example('$0 drift shop --fix --out fix.json', 'then: keyturn apply fix.json'),
      async (argv) => ended(await (await import('./commands/drift.ts')).run(argv)),
    )
    .command(
      'prune [stack..]',
      'Remove copies of ours that nothing declares, reads, pins, soaks or keeps, after asking',
      (y) =>
        withDryRun(withApproval(withSandbox(withStacks(withFormat(y)))))
          .options({
            'prune-platform-only': {
              type: 'boolean',
              default: false,
              describe: 'also those that are in no vault: the only ones in the world',
            },
          })
          .example('$0 prune --dry-run', 'shows what would be removed')
          .example('$0 prune shop --auto-approve', 'removes it without asking'),
      async (argv) => ended(await (await import('./commands/prune.ts')).run(argv)),
    );
}

function fixIsAPlan(argv: Readonly<Record<string, unknown>>): true {
  if (argv['out'] !== undefined && argv['fix'] !== true) throw new Error('--out saves the plan of --fix');
  if (argv['fix'] === true && argv['format'] === 'sarif')
    throw new Error('--fix shows a plan, and SARIF has no place for one');
  return true;
}
