import type { Argv } from 'yargs';
import type { ExitCode } from './exit-code.ts';
import { MANIFEST, withDryRun, withFormat, withRecordChange, withSandbox } from './options.ts';

/* As usage.ts, this is on the `--help` path. */

const DISCOVER = 'Discover:';

export function imports(yargs: Argv, ended: (code: ExitCode) => void): Argv {
  return yargs.command(
    'import [address..]',
    'Take over secrets that were there before keyturn, without changing one of them',
    (y) =>
      withDryRun(withRecordChange(withSandbox(withFormat(y))))
        .positional('address', {
          type: 'string',
          array: true,
          default: [] as string[],
          describe: 'declared secrets that exist; or --all, or --discover',
        })
        .options({
          'all': {
            type: 'boolean',
            default: false,
            describe: 'every declared secret that exists and is not on record',
          },
          'platform-only': {
            type: 'boolean',
            default: false,
            describe: 'what the vault holds is another value than what is read: leave it out',
          },
          'manifest': MANIFEST,
          'discover': {
            type: 'boolean',
            default: false,
            group: DISCOVER,
            describe: 'read a swarm, a vault and compose files, and write a first stack in TypeScript',
          },
          'vault': {
            type: 'string',
            requiresArg: true,
            group: DISCOVER,
            describe: 'name of the key vault; without it no vault is asked',
          },
          'swarm': {
            type: 'string',
            requiresArg: true,
            group: DISCOVER,
            describe: 'unix:///…, ssh://user@host or tcp://…; default: DOCKER_HOST, else the local socket',
          },
          'swarm-name': {
            type: 'string',
            requiresArg: true,
            default: 'swarm',
            group: DISCOVER,
            describe: 'what the stack calls the swarm',
          },
          'namespace': {
            type: 'string',
            requiresArg: true,
            group: DISCOVER,
            describe: 'only the services that docker stack deploy deployed under this name',
          },
          'compose': {
            type: 'string',
            array: true,
            nargs: 1,
            default: [] as string[],
            requiresArg: true,
            group: DISCOVER,
            describe: 'a compose file that was deployed there; may be repeated',
          },
          'stack': {
            type: 'string',
            requiresArg: true,
            default: 'imported',
            group: DISCOVER,
            describe: 'name of the stack that is written',
          },
          'out': {
            type: 'string',
            requiresArg: true,
            group: DISCOVER,
            describe: 'file that is written, never one that exists; default: stacks/<stack>.ts',
          },
        })
        .check(asksForOne)
        .example('$0 import db-writer', 'shows what goes on record, asks, and changes nothing outside')
        .example('$0 import --all --dry-run', 'what there is to take over, and what is assumed')
        .example('$0 import stripe-key --platform-only', 'the vault holds another value: leave it out')
        .example(
          '$0 import --discover --vault shop-prod --swarm ssh://deploy@manager-1 --compose docker-compose.yml',
          'writes stacks/imported.ts',
        ),
    async (argv) => {
      ended(
        argv.discover
          ? await (await import('./commands/import-discover.ts')).run(argv)
          : await (await import('./commands/import.ts')).run(argv),
      );
    },
  );
}

/** Addresses, all, or a discovery: one of them. */
function asksForOne(argv: Readonly<Record<string, unknown>>): true {
  const addresses = argv['address'];
  const named = Array.isArray(addresses) && addresses.length > 0;
  const asked = [named, argv['all'] === true, argv['discover'] === true].filter((each) => each).length;
  if (asked !== 1) throw new Error('name secrets to import, or --all, or --discover: one of them');
  return true;
}
