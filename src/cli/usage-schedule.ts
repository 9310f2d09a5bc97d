import type { Argv } from 'yargs';
import type { ExitCode } from './exit-code.ts';
import { withFormat, withSandbox, withStacks } from './options.ts';

/* The commands that print a schedule; as usage.ts, this is on the `--help` path. */

type Ended = (code: ExitCode) => void;

export function schedule(yargs: Argv, ended: Ended): Argv {
  return yargs.command('schedule', 'Print what runs apply --due: cron, systemd, GitHub or Swarm', (y) =>
    [cron, systemd, github, swarm]
      .reduce((so, add) => add(so, ended), y)
      .demandCommand(1, 'name what shall run it: cron, systemd, github or swarm')
      .strict(),
  );
}

function cron(yargs: Argv, ended: Ended): Argv {
  return yargs.command(
    'cron [stack..]',
    'A line for the crontab of this machine',
    (y) =>
      withSchedule(y)
        .options({
          'time-zone': TIME_ZONE,
          'log': {
            type: 'string',
            group: SCHEDULE,
            requiresArg: true,
            describe: 'where its output goes; default: .keyturn/NAME.log in the project',
          },
        })
        .example('$0 schedule cron', 'every 5 minutes, every stack')
        .example('$0 schedule cron --log /var/log/keyturn.log', 'a log that logrotate knows'),
    async (argv) => ended(await (await import('./commands/schedule.ts')).cron(argv)),
  );
}

function systemd(yargs: Argv, ended: Ended): Argv {
  return yargs.command(
    'systemd [stack..]',
    'A hardened service and its timer for this machine',
    (y) =>
      withSchedule(y)
        .options({
          'time-zone': TIME_ZONE,
          'user': {
            type: 'string',
            group: SCHEDULE,
            requiresArg: true,
            default: 'keyturn',
            describe: 'runs it; owns the project',
          },
        })
        .example('$0 schedule systemd', 'prints both files')
        .example('$0 schedule systemd --out deploy', 'writes them into a folder'),
    async (argv) => ended(await (await import('./commands/schedule.ts')).systemd(argv)),
  );
}

function github(yargs: Argv, ended: Ended): Argv {
  return yargs.command(
    'github [stack..]',
    'A GitHub Actions workflow that signs in to Azure with the identity of its job',
    (y) =>
      withSchedule(y)
        .options({
          'runs-on': {
            type: 'string',
            group: SCHEDULE,
            requiresArg: true,
            default: 'ubuntu-latest',
            describe: 'the label of the runner; several with commas',
          },
        })
        .example('$0 schedule github --out .github/workflows', 'writes keyturn.yml there')
        .example('$0 schedule github --runs-on self-hosted,manager', 'a runner that reaches the swarm'),
    async (argv) => ended(await (await import('./commands/schedule.ts')).github(argv)),
  );
}

function swarm(yargs: Argv, ended: Ended): Argv {
  return yargs.command(
    'swarm [stack..]',
    'A Swarm service that ends after each run and is started again, and its image',
    (y) =>
      withSchedule(y)
        .options({
          image: {
            type: 'string',
            group: SCHEDULE,
            requiresArg: true,
            default: 'keyturn-schedule:1',
            describe: 'its name; with a registry, where the swarm has several nodes',
          },
          node: {
            type: 'string',
            group: SCHEDULE,
            requiresArg: true,
            describe: 'run it on this node only, by its hostname',
          },
          socket: {
            type: 'string',
            group: SCHEDULE,
            requiresArg: true,
            describe: "the engine's socket on the managers; default: the declared one",
          },
        })
        .example('$0 schedule swarm --out .', 'writes a stack file, a Dockerfile and its ignore file')
        .example('$0 schedule swarm --sandbox=vault --interval 1m', 'rehearse it with the embedded vault'),
    async (argv) => ended(await (await import('./commands/schedule.ts')).swarm(argv)),
  );
}

const SCHEDULE = 'Schedule:';

const TIME_ZONE = {
  type: 'string',
  requiresArg: true,
  group: SCHEDULE,
  describe: 'of an interval over an hour; default: UTC',
} as const;

const withSchedule = (yargs: Argv) =>
  withSandbox(withStacks(withFormat(yargs))).options({
    interval: {
      type: 'string',
      requiresArg: true,
      default: '5m',
      group: SCHEDULE,
      describe: 'how often it looks for what is due: 5m, 1h, 1d',
    },
    name: {
      type: 'string',
      requiresArg: true,
      default: 'keyturn',
      group: SCHEDULE,
      describe: 'begins the names of its files, units and services',
    },
    out: {
      type: 'string',
      requiresArg: true,
      group: SCHEDULE,
      describe: 'write the files into this folder instead of printing them',
    },
    force: {
      type: 'boolean',
      default: false,
      group: SCHEDULE,
      describe: 'replace files that exist there',
    },
  });
