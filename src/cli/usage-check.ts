import type { Argv } from 'yargs';
import type { ExitCode } from './exit-code.ts';
import { MANIFEST, withGeneral, withSandbox, withStacks } from './options.ts';

/* The command for pull requests and CI; as usage.ts, this is on the `--help` path. */

export function check(yargs: Argv, ended: (code: ExitCode) => void): Argv {
  return yargs.command(
    'check [stack..]',
    'For CI: declarations and their policies, secrets that a vault lacks, compose files, plaintext in the tree',
    (y) =>
      withSandbox(withStacks(withGeneral(y)))
        .options({
          format: {
            choices: ['text', 'json', 'sarif'] as const,
            default: 'text' as const,
            requiresArg: true,
            group: 'General:',
            describe: 'for people, for programs, or for code scanning',
          },
          compose: {
            type: 'string',
            array: true,
            nargs: 1,
            default: [] as string[],
            requiresArg: true,
            describe: 'a compose file that must agree with what is declared; may be repeated',
          },
          offline: {
            type: 'boolean',
            default: false,
            describe: 'ask no vault: for a job without credentials',
          },
          strict: { type: 'boolean', default: false, describe: 'warnings fail the check too' },
          sarif: {
            type: 'string',
            requiresArg: true,
            describe: 'also write SARIF into this file, which is replaced',
          },
          manifest: MANIFEST,
        })
        .example('$0 check', 'everything, the vaults included')
        .example('$0 check --offline --sarif check.sarif', 'in a pull request: needs no credential')
        .example(
          '$0 check --compose docker/compose.app.yml',
          'what it mounts must be declared, and the other way',
        ),
    async (argv) => ended(await (await import('./commands/check.ts')).run(argv)),
  );
}
