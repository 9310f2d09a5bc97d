import type { Argv } from 'yargs';
import type { ExitCode } from './exit-code.ts';
import {
  MANIFEST,
  withConsent,
  withDryRun,
  withFormat,
  withGeneral,
  withLease,
  withRecordChange,
  withRecords,
  withSandbox,
  withStacks,
} from './options.ts';

/* The commands about the record itself; as usage.ts, this is on the `--help` path. */

type Ended = (code: ExitCode) => void;

export function history(yargs: Argv, ended: Ended): Argv {
  return yargs.command('history', 'The state history: who changed what, when and why', (y) =>
    y
      .command(
        ['list [stack..]', '$0'],
        'One line an apply, newest first',
        (z) =>
          withRecords(withStacks(withFormat(z)))
            .options({
              limit: {
                type: 'number',
                requiresArg: true,
                default: 50,
                describe: 'at most so many of a stack',
              },
            })
            .example('$0 history list', 'every stack that has a record')
            .example('$0 history list busflow --format json', 'for a program'),
        async (argv) => ended(await (await import('./commands/history.ts')).list(argv)),
      )
      .command(
        'show <entry> [stack]',
        'One apply in full: its steps, evidence and versions',
        (z) =>
          withRecords(withFormat(z))
            .positional('entry', { type: 'number', demandOption: true, describe: 'its number in the list' })
            .positional('stack', { type: 'string', describe: 'needed where several stacks have a record' })
            .example('$0 history show 12 busflow', 'what apply 12 did'),
        async (argv) => ended(await (await import('./commands/history.ts')).show(argv)),
      )
      .strict(),
  );
}

export function state(yargs: Argv, ended: Ended): Argv {
  return yargs.command('state', 'The record itself: versions, roles and dates; never a value', (y) =>
    y
      .command(
        ['list [stack..]', '$0'],
        'The addresses that are recorded',
        (z) =>
          withRecords(withStacks(withFormat(z))).example('$0 state list', 'every stack that has a record'),
        async (argv) => ended(await (await import('./commands/state.ts')).list(argv)),
      )
      .command(
        'show [address]',
        'What is recorded of one address, or of everything',
        (z) =>
          withRecords(withFormat(z))
            .positional('address', { type: 'string', describe: 'address or short name; default: all' })
            .example('$0 state show db-writer', 'its versions, roles and dates'),
        async (argv) => ended(await (await import('./commands/state.ts')).show(argv)),
      )
      .command(
        'unlock [stack]',
        'Take the lease from whoever holds it: that run stops before its next act',
        (z) =>
          withConsent(withRecords(withFormat(z)))
            .positional('stack', { type: 'string', describe: 'needed where several leases are held' })
            .example('$0 state unlock', 'says who holds it, asks, and fences that run off'),
        async (argv) => ended(await (await import('./commands/state-unlock.ts')).run(argv)),
      )
      .command(
        'rebuild <stack>',
        "Make a lost record anew from the vault's tags and the platform's labels",
        (z) =>
          withDryRun(withRecordChange(withSandbox(withFormat(z))))
            .positional('stack', { type: 'string', demandOption: true, describe: 'whose record was lost' })
            .options({ manifest: MANIFEST })
            .example(
              '$0 state rebuild busflow --dry-run',
              'what it would hold, and what nobody knows any more',
            )
            .example('$0 state rebuild busflow', 'the same; asks, and writes it where there is none'),
        async (argv) => ended(await (await import('./commands/state-rebuild.ts')).run(argv)),
      )
      .command(
        'pull [stack]',
        'Print a whole record as one JSON document: state and history',
        (z) =>
          withRecords(withGeneral(z))
            .positional('stack', { type: 'string', describe: 'needed where several stacks have a record' })
            .example('$0 state pull busflow > busflow.record.json', 'a copy to keep, or to push elsewhere'),
        async (argv) => ended(await (await import('./commands/state-pull.ts')).run(argv)),
      )
      .command(
        'push <file> [stack]',
        'Write such a document into the record of its stack',
        (z) =>
          withDryRun(withLease(withSandbox(withFormat(z))))
            .positional('file', {
              type: 'string',
              demandOption: true,
              describe: 'what keyturn state pull printed',
            })
            .positional('stack', { type: 'string', describe: 'refuse a document of any other stack' })
            .options({ manifest: MANIFEST })
            .example('$0 state push busflow.record.json --dry-run', 'whether it may follow what is there')
            .example('$0 state push busflow.record.json', 'refuses another lineage or a lower serial'),
        async (argv) => ended(await (await import('./commands/state-push.ts')).run(argv)),
      )
      .command(
        'migrate [stack..]',
        'Move records from the local directory to where their stacks declare them, or back',
        (z) =>
          withDryRun(withRecordChange(withSandbox(withStacks(withFormat(z)))))
            .options({
              to: {
                choices: ['declared', 'local'] as const,
                default: 'declared' as const,
                requiresArg: true,
                describe: 'local: back into the local directory',
              },
              manifest: MANIFEST,
            })
            .example('$0 state migrate busflow', 'from state/busflow to its storage account')
            .example('$0 state migrate busflow --to local', 'before the stack stops declaring it'),
        async (argv) => ended(await (await import('./commands/state-migrate.ts')).run(argv)),
      )
      .strict(),
  );
}
