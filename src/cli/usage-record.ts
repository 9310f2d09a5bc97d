import type { Argv, Options } from 'yargs';
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

const FILTER = 'Only entries:';
const TIME = '2026-11-22, 2026-11-22T03:00+01:00, or how long ago: 30d';

const filters = {
  secret: {
    type: 'string',
    requiresArg: true,
    group: FILTER,
    describe: 'that name this secret: address, vault/name or name',
  },
  consumer: {
    type: 'string',
    requiresArg: true,
    group: FILTER,
    describe: 'that name this consumer: address, swarm/name or name',
  },
  actor: {
    type: 'string',
    requiresArg: true,
    group: FILTER,
    describe: 'of somebody whose name holds this; case does not matter',
  },
  outcome: {
    choices: ['done', 'failed', 'rolled-back', 'stopped', 'interrupted', 'incomplete'] as const,
    requiresArg: true,
    group: FILTER,
    describe: 'that ended so',
  },
  kind: {
    choices: [
      'apply',
      'rollback',
      'compromise',
      'rebuild',
      'migrate',
      'import',
      'unlock',
      'refused',
      'seal',
    ] as const,
    requiresArg: true,
    group: FILTER,
    describe: 'of this kind',
  },
  ticket: {
    type: 'string',
    requiresArg: true,
    group: FILTER,
    describe: 'that were asked for by this ticket',
  },
  limit: {
    type: 'number',
    requiresArg: true,
    default: 50,
    group: FILTER,
    describe: 'at most so many of a stack, the newest',
  },
} as const satisfies Record<string, Options>;

const withPeriod = <T>(yargs: Argv<T>) =>
  yargs.options({
    since: {
      type: 'string',
      requiresArg: true,
      group: FILTER,
      describe: `that ended then or later: ${TIME}`,
    },
    until: {
      type: 'string',
      requiresArg: true,
      group: FILTER,
      describe: 'that ended before; the same forms',
    },
  });

export function history(yargs: Argv, ended: Ended): Argv {
  return yargs.command('history', 'The state history: who changed what, when and why', (y) =>
    y
      .command(
        ['list [stack..]', '$0'],
        'One line an apply, newest first',
        (z) =>
          withPeriod(withRecords(withStacks(withFormat(z))))
            .options(filters)
            .example('$0 history list', 'every stack that has a record')
            .example(
              '$0 history list --secret db-writer --outcome rolled-back',
              'what went wrong with one secret',
            )
            .example('$0 history list --actor ada --since 2026-10-01', 'who did what since then')
            .example('$0 history list busflow --format json', 'for a program'),
        async (argv) => ended(await (await import('./commands/history.ts')).list(argv)),
      )
      .command(
        'show [entry] [stack]',
        'One apply in full, or with --secret the life of one secret',
        (z) =>
          withRecords(withFormat(z))
            .positional('entry', { type: 'string', describe: 'its number in the list; not with --secret' })
            .positional('stack', { type: 'string', describe: 'needed where several stacks have a record' })
            .options({
              secret: {
                type: 'string',
                requiresArg: true,
                describe:
                  'address, vault/name or name: minted, delivered, soaked, retired, with who and when',
              },
            })
            .example('$0 history show 12 busflow', 'what apply 12 did: steps, evidence, versions')
            .example('$0 history show --secret db-writer busflow', 'everything that ever happened to it'),
        async (argv) => ended(await (await import('./commands/history.ts')).show(argv)),
      )
      .command(
        'verify [stack..]',
        'Whether a history was edited, cut or rewritten, and what its vaults have sealed',
        (z) =>
          withRecords(withStacks(withFormat(z)))
            .options({
              'audit-log': {
                type: 'string',
                requiresArg: true,
                describe: 'compare with this exported audit log of Key Vault (JSON lines or a JSON list)',
              },
              'chain-only': { type: 'boolean', default: false, describe: 'ask no vault' },
            })
            .example('$0 history verify', 'every stack; exit 1 where anything is wrong')
            .example('$0 history verify shop --audit-log insights.json', "also against the vault's own log"),
        async (argv) => ended(await (await import('./commands/history-verify.ts')).run(argv)),
      )
      .command(
        'seal [stack]',
        'Let the vaults witness this history in the place of what they had sealed',
        (z) =>
          withRecordChange(withRecords(withFormat(z)))
            .positional('stack', { type: 'string', describe: 'needed where several stacks have a record' })
            .example(
              '$0 history seal shop --ticket OPS-7',
              'after a lost record was begun anew: shows both, asks',
            ),
        async (argv) => ended(await (await import('./commands/history-seal.ts')).run(argv)),
      )
      .command(
        'diff <from> <to> [stack]',
        'What differs between two points of the history, and who made it so',
        (z) =>
          withRecords(withFormat(z))
            .positional('from', {
              type: 'string',
              demandOption: true,
              describe: 'number of an entry, 0: before the first, now, or a time: what had ended by then',
            })
            .positional('to', {
              type: 'string',
              demandOption: true,
              describe: 'the later point, the same forms',
            })
            .positional('stack', { type: 'string', describe: 'needed where several stacks have a record' })
            .example('$0 history diff 11 now busflow', 'what changed since entry 11')
            .example('$0 history diff 2026-07-01 2026-10-01', 'what a quarter changed'),
        async (argv) => ended(await (await import('./commands/history-diff.ts')).run(argv)),
      )
      .command(
        'export [stack..]',
        'The entries as they were written, for an auditor: JSON with digests, or CSV with a row a step',
        (z) =>
          withPeriod(withRecords(withStacks(withGeneral(z))))
            .options({
              'format': {
                choices: ['json', 'csv'] as const,
                default: 'json' as const,
                requiresArg: true,
                describe: 'what can be verified, or what a spreadsheet reads',
              },
              'out': {
                type: 'string',
                requiresArg: true,
                describe: 'write it into this new file; one that exists is not replaced',
              },
              'without-personal-data': {
                type: 'boolean',
                default: false,
                describe: 'person 1, host 1 in the place of names; digests can no longer be recomputed then',
              },
            })
            .example('$0 history export busflow --out busflow-2026.json', 'what an auditor can verify')
            .example('$0 history export --format csv --since 2026-07-01 --until 2026-10-01', 'a quarter')
            .example('$0 history export --without-personal-data', 'to hand out'),
        async (argv) => ended(await (await import('./commands/history-export.ts')).run(argv)),
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
