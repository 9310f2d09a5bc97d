import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { ComposeFile } from '../../model/compose.ts';
import type { Declared } from '../../model/declared.ts';
import type { Discovery, FoundSwarm } from '../../model/discovery.ts';
import { Fault } from '../../model/fault.ts';
import type { ObservedSecret } from '../../model/observed.ts';
import { discover } from '../../plan/discover.ts';
import type { Wiring } from '../../report/compose-wiring.ts';
import { wiringOf } from '../../report/compose-wiring.ts';
import { renderDiscovery } from '../../report/discovery-text.ts';
import { renderStack } from '../../report/stack-source.ts';
import type { World, WorldArgs } from '../connect.ts';
import { openWorld } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXIT } from '../exit-code.ts';
import { watchInterrupts } from '../interrupt.ts';
import { present, writeNew } from '../new-files.ts';
import type { GeneralArgs, Terminal } from '../terminal.ts';
import { openTerminal } from '../terminal.ts';

export interface DiscoverArgs extends GeneralArgs, WorldArgs {
  readonly vault: string | undefined;
  readonly swarm: string | undefined;
  readonly swarmName: string;
  readonly compose: readonly string[];
  readonly stack: string;
  readonly namespace: string | undefined;
  readonly out: string | undefined;
  readonly dryRun: boolean;
}

/**
 * Reads a swarm, a vault and compose files, and writes a first stack that declares what is there. Needs the right to
 * list, changes nothing outside, and never writes over a file. With `dryRun` the stack goes to standard output.
 */
export async function run(argv: DiscoverArgs): Promise<ExitCode> {
  const terminal = openTerminal(argv);
  const root = resolve(argv.directory);
  refuseStackName(argv.stack);
  const path = placeIn(root, argv.out ?? `stacks/${argv.stack}.ts`);
  if (!argv.dryRun && (await present(root, [path])).length > 0) throw alreadyThere(path);
  const files = await composeFiles(root, argv.compose);
  const interrupt = watchInterrupts(terminal);
  const stub = stubOf(argv);
  const world = await openWorld({ ...argv, sandboxEmpty: true }, [stub], 'planner', terminal);
  try {
    const [items, found] = await Promise.all([
      itemsIn(world, stub, argv.vault, interrupt.signal),
      swarmFound(world, argv, interrupt.signal),
    ]);
    const discovery = discover({
      stack: argv.stack,
      vault: argv.vault === undefined ? null : { name: argv.vault, items },
      swarm: { name: argv.swarmName, endpoint: argv.swarm ?? null },
      found,
      namespace: argv.namespace ?? null,
    });
    const wiring = wiringOf(files, discovery, found);
    if (discovery.secrets.length === 0) throw nothingThere(discovery);
    const text = renderStack(discovery);
    if (!argv.dryRun) await writeNew(root, { path, text });
    tell(discovery, wiring, argv.dryRun ? null : path, text, terminal);
    return EXIT.done;
  } finally {
    await world.close();
    interrupt.stop();
  }
}

function tell(
  discovery: Discovery,
  wiring: Wiring,
  path: string | null,
  text: string,
  terminal: Terminal,
): void {
  if (terminal.json) {
    terminal.printJson({ format: 1, ...discovery, compose: wiring, written: path, source: text });
  } else if (path === null) {
    terminal.print(text.trimEnd());
    terminal.say(`\n${renderDiscovery(discovery, wiring, null, terminal.errorPage)}`);
  } else terminal.print(renderDiscovery(discovery, wiring, path, terminal.page));
}

async function composeFiles(folder: string, files: readonly string[]): Promise<ComposeFile[]> {
  if (files.length === 0) return [];
  return (await import('../../providers/compose.ts')).readComposeFiles({ folder, files });
}

async function itemsIn(
  world: World,
  stub: Declared,
  vault: string | undefined,
  signal: AbortSignal,
): Promise<readonly ObservedSecret[]> {
  if (vault === undefined) return [];
  return (await world.vaultsOf(stub)).get(vault)?.list(signal) ?? [];
}

async function swarmFound(world: World, argv: DiscoverArgs, signal: AbortSignal): Promise<FoundSwarm> {
  const { findSwarm } = await import('../../providers/swarm-found.ts');
  const embedded = world.sandbox?.swarms.get(argv.swarmName);
  const endpoint = embedded ?? argv.swarm ?? null;
  return findSwarm({ name: argv.swarmName, endpoint, environment: process.env }, signal);
}

/** What is connected to; nothing is declared yet. */
function stubOf({ stack, vault, swarm, swarmName }: DiscoverArgs): Declared {
  const vaults =
    vault === undefined
      ? []
      : [
          {
            name: vault,
            path: vault,
            uri: `https://${vault.toLowerCase()}.vault.azure.net`,
            auth: 'default' as const,
            tenantId: null,
          },
        ];
  const platform = { kind: 'swarm' as const, name: swarmName, path: swarmName, restarts: null };
  const platforms = [{ ...platform, endpoint: swarm ?? null }];
  return { format: 1, stack, vaults, platforms, secrets: [], consumers: [], freezes: [] };
}

/** With forward slashes, as an import has them. */
function placeIn(root: string, out: string): string {
  const path = relative(root, isAbsolute(out) ? out : resolve(root, out)).replaceAll(sep, '/');
  if (path.endsWith('.ts') && !path.startsWith('../')) return path;
  throw badUsage(
    `"${out}" is no TypeScript file of this project`,
    'name one such as stacks/shop.ts with --out',
  );
}

function refuseStackName(stack: string): void {
  if (/^[a-zA-Z][0-9a-zA-Z_-]{0,62}$/.test(stack)) return;
  throw badUsage(`"${stack}" is no name of a stack`, 'use letters, digits, - and _, a letter first');
}

function alreadyThere(path: string): Fault {
  return badUsage(`${path} exists, and is not written over`, 'name another file with --out');
}

function nothingThere({ swarm, vault, said }: Discovery): Fault {
  const where = vault === null ? swarm.name : `${swarm.name} and ${vault}`;
  return new Fault({
    code: 'bad-usage',
    what: 'no secret was found that is not of keyturn already',
    where,
    live: 'nothing was written',
    next: 'name the swarm with --swarm and the vault with --vault',
    problems: said.map((what) => ({ what, where })),
  });
}

function badUsage(what: string, next: string): Fault {
  return new Fault({ code: 'bad-usage', what, where: 'command line', live: 'nothing was written', next });
}
