import type { Argv } from 'yargs';
import type { ExitCode } from './exit-code.ts';
import {
  EVENTS,
  MANIFEST,
  NO_GITHUB,
  VALUE,
  withApproval,
  withDryRun,
  withFormat,
  withGeneral,
  withSandbox,
  withSelect,
  withStacks,
} from './options.ts';
import { check } from './usage-check.ts';
import { drift } from './usage-drift.ts';
import { imports } from './usage-import.ts';
import { history, state } from './usage-record.ts';
import { report } from './usage-report.ts';
import { schedule } from './usage-schedule.ts';

/**
 * Every command, with its options and examples. This file is on the `--help` path: what a command does is
 * imported when it runs and not before (test/cli/load.test.ts lists what may be loaded).
 *
 * `ended` is told the exit code of the command that ran.
 */
export function withCommands(yargs: Argv, ended: (code: ExitCode) => void): Argv {
  const all = [project, changes, imports, questions, drift, check, history, report, state, schedule, sandbox];
  return all.reduce((so, add) => add(so, ended), yargs);
}

type Ended = (code: ExitCode) => void;

function project(yargs: Argv, ended: Ended): Argv {
  return yargs
    .command(
      'init',
      'Scaffold cdktf.json, main.ts and a first stack in an empty folder',
      (y) =>
        withFormat(y)
          .example('$0 init', 'in the current folder; overwrites nothing')
          .example('$0 init -C secrets', 'in another folder, which is made if need be'),
      async (argv) => ended(await (await import('./commands/init.ts')).run(argv)),
    )
    .command(
      'synth',
      'Run the app and write cdk.tf.json and keyturn.json for each stack',
      (y) => withFormat(y).example('$0 synth', 'writes cdktf.out/stacks/<stack>/'),
      async (argv) => ended(await (await import('./commands/synth.ts')).run(argv)),
    );
}

function changes(yargs: Argv, ended: Ended): Argv {
  return yargs
    .command(
      'plan [stack..]',
      'Show the ordered plan; changes nothing',
      (y) =>
        withSelect(withSandbox(withStacks(withGeneral(y))))
          .options({
            'out': { type: 'string', requiresArg: true, describe: 'save the plan of one stack for apply' },
            'manifest': MANIFEST,
            'detailed-exitcode': {
              type: 'boolean',
              default: false,
              describe: 'exit 2 when changes are pending',
            },
            'at': {
              type: 'string',
              requiresArg: true,
              describe:
                'a what-if: the plan of another time, 2027-01-04, 2027-01-04T03:00[Europe/Berlin], +90d',
            },
            'format': {
              choices: ['text', 'json', 'markdown'] as const,
              default: 'text' as const,
              requiresArg: true,
              group: 'General:',
              describe: 'for people, for programs, or as a comment for a pull request',
            },
            'no-github': NO_GITHUB,
          })
          .example('$0 plan', 'every stack of this project')
          .example('$0 plan busflow --out busflow.plan.json', 'save one for review and apply')
          .example('$0 plan --rotate db-writer', 'what rotating it now would do')
          .example('$0 plan --at +90d', 'what it would be in 90 days, if everything stayed as it is')
          .example('$0 plan --manifest keyturn.json', 'in a job that runs no code of the pull request')
          .example(
            '$0 plan --format markdown >comment.md',
            'for the pull request; never longer than a comment',
          ),
      async (argv) => ended(await (await import('./commands/plan.ts')).run(argv)),
    )
    .command(
      'apply [plan-or-stack..]',
      'Execute a plan: a saved one, or a fresh one after asking',
      (y) =>
        withApproval(withSelect(withSandbox(withFormat(y))))
          .positional('plan-or-stack', {
            type: 'string',
            array: true,
            default: [] as string[],
            describe: 'a saved plan file, or stacks; default: every stack',
          })
          .options({
            'approved-digest': {
              type: 'string',
              requiresArg: true,
              describe: 'refuse a plan file whose digest is not this SHA-256',
            },
            'approvals': {
              type: 'string',
              requiresArg: true,
              describe: "for the history: who approved, as GitHub's API says it of this run (a file of it)",
            },
            'value': VALUE,
            'events': EVENTS,
            'no-github': NO_GITHUB,
          })
          .example('$0 apply', 'plan every stack, ask for what is missing and for a yes, execute')
          .example('$0 apply busflow.plan.json', 'exactly what was reviewed, or nothing')
          .example('$0 apply --due --auto-approve', 'what a schedule runs')
          .example('$0 apply --value stripe-key=-', 'reads the value from standard input'),
      async (argv) => ended(await (await import('./commands/apply.ts')).run(argv)),
    )
    .command(
      'rollback <address>',
      'During the soak: return the group that was promoted with it to the prior version',
      (y) =>
        withApproval(withSandbox(withFormat(y)))
          .positional('address', { type: 'string', demandOption: true, describe: 'a secret, or a consumer' })
          .example('$0 rollback db-writer --reason "login errors"', 'asks, then goes back and verifies'),
      async (argv) => ended(await (await import('./commands/rollback.ts')).run(argv)),
    )
    .command(
      'compromise <address..>',
      'The emergency: new versions of all within the blast radius, every old one dead, no soak',
      (y) =>
        withDryRun(withApproval(withSandbox(withFormat(y))))
          .positional('address', {
            type: 'string',
            array: true,
            demandOption: true,
            describe: 'secrets that others have, or consumers whose secrets they have',
          })
          .options({
            'incident': {
              type: 'string',
              requiresArg: true,
              demandOption: true,
              describe: 'what the incident is called; the same again goes on with what is left',
            },
            'only': {
              type: 'boolean',
              default: false,
              describe: 'just these, not the whole blast radius; says what that leaves exposed',
            },
            'revoke-first': {
              type: 'boolean',
              default: false,
              describe: 'disable the old before the new is there, also where that is an outage',
            },
            'discovered': {
              type: 'string',
              requiresArg: true,
              describe:
                'when it was found out, or how long ago (20min): the time counts from there; default: now, or what the incident began with',
            },
            'deadline': {
              type: 'string',
              requiresArg: true,
              describe: 'how long after that everything should be dead; default: 1h',
            },
            'out': { type: 'string', requiresArg: true, describe: 'save the plan of one stack for apply' },
            'value': VALUE,
            'events': EVENTS,
          })
          .default('parallelism', 64)
          .example('$0 compromise db-writer --incident INC-42', 'shows the radius and the plan, then asks')
          .example(
            '$0 compromise db-writer --incident DRILL-7 --sandbox --auto-approve',
            'a drill, nothing real',
          )
          .example(
            '$0 compromise busflow_api --incident INC-42 --dry-run',
            'all that a service reads, only shown',
          ),
      async (argv) => ended(await (await import('./commands/compromise.ts')).run(argv)),
    );
}

function questions(yargs: Argv, ended: Ended): Argv {
  return yargs
    .command(
      'status [stack..]',
      'One row a secret, what needs attention first; with --due 30d what is coming by date',
      (y) =>
        withSandbox(withStacks(withGeneral(y)))
          .options({
            due: {
              type: 'string',
              describe:
                'only what is due or needs a person; with a time (30d, 2w, 12h, P30D): what happens by date until then',
            },
            format: {
              choices: ['text', 'json', 'prometheus'] as const,
              default: 'text' as const,
              requiresArg: true,
              group: 'General:',
              describe: 'for people, for programs, or as metrics in the text format of Prometheus',
            },
            textfile: {
              type: 'string',
              requiresArg: true,
              describe: "write the metrics to this file instead, for node_exporter's textfile collector",
            },
          })
          .check(metricsAreOfAll)
          .example('$0 status', 'every stack')
          .example('$0 status --due 30d', 'rotations, settles, retirements and freezes of the next 30 days')
          .example('$0 status --format json', 'for a program')
          .example('$0 status --textfile /var/lib/node_exporter/keyturn.prom', 'metrics, from a timer'),
      async (argv) => ended(await (await import('./commands/status.ts')).run(argv)),
    )
    .command(
      'output [stack..]',
      'The current external names, never values, for docker stack deploy and compose files',
      (y) =>
        withSandbox(withStacks(withGeneral(y)))
          .options({
            format: {
              choices: ['env', 'compose', 'json'] as const,
              default: 'env' as const,
              requiresArg: true,
              describe: 'shell variables, a compose fragment, or JSON',
            },
            platform: { type: 'string', requiresArg: true, describe: "only this platform's names" },
          })
          .example(
            '$0 output busflow > names.env',
            "then: env $(grep -v '^#' names.env) docker stack deploy …",
          )
          .example('$0 output busflow --format compose', 'the secrets: part of a compose file'),
      async (argv) => ended(await (await import('./commands/output.ts')).run(argv)),
    );
}

/** Metrics that come and go with a filter would look like secrets that come and go. */
function metricsAreOfAll(argv: Readonly<Record<string, unknown>>): true {
  const isFile = argv['textfile'] !== undefined;
  if (isFile && argv['format'] === 'json') throw new Error('--textfile writes --format prometheus, not json');
  if ((isFile || argv['format'] === 'prometheus') && argv['due'] !== undefined)
    throw new Error('--due filters, and metrics are of every secret');
  return true;
}

function sandbox(yargs: Argv, ended: Ended): Argv {
  return yargs.command('sandbox', 'The embedded Key Vault and Swarm', (y) =>
    y
      .command(
        'serve [stack..]',
        'Serve the embedded vaults and swarms on loopback for other clients, until Ctrl-C',
        (z) =>
          withStacks(withFormat(z))
            .options({
              'port': {
                type: 'number',
                requiresArg: true,
                default: 0,
                describe: 'first port; each further server takes the next; 0: any that is free',
              },
              'sandbox-empty': {
                type: 'boolean',
                default: false,
                describe: 'start without the declared services',
              },
            })
            .example('$0 sandbox serve', 'prints their addresses and how to use them')
            .example('DOCKER_HOST=… docker service ls', 'the docker program on the embedded swarm'),
        async (argv) => ended(await (await import('./commands/sandbox.ts')).serve(argv)),
      )
      .demandCommand(1, 'name what to do: serve')
      .strict(),
  );
}

/** Ends `keyturn --help`; docs/EXIT-CODES.md has the long form. */
export const EXIT_CODES = `Exit codes:
  0    done, converged or nothing to do
  1    failed, nothing changed
  2    changes pending (plan --detailed-exitcode); drift or check found something
  10   a step failed and its group was rolled back
  11   stopped part-way, a person is needed
  12   the plan is stale
  13   the lease is held
  130  interrupted with nothing half-done`;
