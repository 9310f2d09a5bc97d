import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Declared, DeclaredHost, DeclaredSwarm, DeclaredVault } from '../model/declared.ts';
import type { Fence } from '../model/fence.ts';
import type { Hooks } from '../model/hooks.ts';
import type { Platform } from '../model/platform.ts';
import type { Vault } from '../model/vault.ts';
import { wrap } from '../report/table.ts';
import type { Clock } from '../providers/swarm-verify.ts';
import { azureIdentity } from './azure-environment.ts';
import { Gate } from './lease.ts';
import type { SandboxParts } from './options.ts';
import type { Sandbox } from './sandbox.ts';
import { filesOn } from './sandbox-hosts.ts';
import type { Terminal } from './terminal.ts';
import { remark } from './terminal.ts';

export interface WorldArgs {
  readonly directory: string;
  readonly sandbox?: SandboxParts | undefined;
  readonly sandboxEmpty?: boolean;
  readonly sandboxOutside?: boolean;
}

/** Who asks: the planner has no right to read a value, the applier has. Only the embedded vault tells them apart by us. */
export type Identity = 'planner' | 'applier';

/** Everything outside that the chosen stacks talk to. */
export interface World {
  /** What the command was asked: it says where records are. */
  readonly argv: WorldArgs;
  /** Every change of these connections passes it. */
  readonly gate: Gate;
  /** The embedded servers; null where none is used. */
  readonly sandbox: Sandbox | null;
  of(declared: Declared): Promise<Connections>;
  /** Its vaults alone. */
  vaultsOf(declared: Declared): Promise<ReadonlyMap<string, Vault>>;
  /** Closes every connection that was made, then the embedded servers. */
  close(): Promise<void>;
}

export interface Connections {
  readonly vaults: ReadonlyMap<string, Vault>;
  readonly platforms: ReadonlyMap<string, Platform>;
  /** What the stack declares to be done outside of them. */
  readonly hooks: Hooks;
}

/**
 * Opens what these stacks declare: the real vaults and platforms, or the embedded ones. Nothing is connected
 * before `of` is called for a stack; no SDK is loaded for what a stack does not have. `wholes` is asked only where more
 * than the heads of `stacks` is needed: for embedded servers that this process starts.
 */
export async function openWorld(
  argv: WorldArgs,
  stacks: readonly Declared[],
  identity: Identity,
  terminal: Terminal,
  wholes = () => Promise.resolve(stacks),
): Promise<World> {
  const sandbox = await openSandboxFor(argv, stacks, wholes, terminal);
  const opened: Platform[] = [];
  const gate = new Gate();
  const vaultsOf = async ({ vaults: declared }: Declared): Promise<Map<string, Vault>> => {
    const vaults = new Map<string, Vault>();
    for (const vault of declared) vaults.set(vault.name, await connectVault(vault, sandbox, identity, gate));
    return vaults;
  };
  return {
    gate,
    argv,
    sandbox,
    vaultsOf,
    of: async (declared) => {
      const vaults = await vaultsOf(declared);
      const platforms = new Map<string, Platform>();
      for (const platform of declared.platforms) {
        const connected =
          platform.kind === 'swarm'
            ? await connectSwarm(platform, declared.stack, argv, sandbox, identity, gate)
            : await connectHost(platform, declared, sandbox, identity, gate);
        opened.push(connected);
        platforms.set(platform.name, connected);
      }
      return { vaults, platforms, hooks: await connectOutside(argv) };
    },
    close: async () => {
      await Promise.allSettled(opened.map((platform) => platform.close()));
      await sandbox?.close();
    },
  };
}

async function openSandboxFor(
  argv: WorldArgs,
  stacks: readonly Declared[],
  wholes: () => Promise<readonly Declared[]>,
  terminal: Terminal,
): Promise<Sandbox | null> {
  if (argv.sandbox === undefined) return null;
  const { openSandbox } = await import('./sandbox.ts');
  const sandbox = await openSandbox({
    directory: resolve(argv.directory),
    parts: argv.sandbox,
    stacks,
    wholes,
    isEmpty: argv.sandboxEmpty ?? false,
  });
  remark(terminal, wrap(sandbox.text, terminal.errorPage.width).join('\n'));
  return sandbox;
}

/** A sandbox runs none of a stack's programs and asks none of its addresses unless it is told to. */
async function connectOutside({ sandbox, sandboxOutside = false }: WorldArgs): Promise<Hooks> {
  if (sandbox !== undefined && !sandboxOutside) return (await import('../sandbox/hooks.ts')).sandboxHooks();
  return (await import('../providers/hooks.ts')).connectHooks({ environment: process.env });
}

async function connectVault(
  vault: DeclaredVault,
  sandbox: Sandbox | null,
  identity: Identity,
  fence: Fence,
): Promise<Vault> {
  const { connectKeyVault, loadSdk } = await import('../providers/key-vault.ts');
  // It is asked next: what is loaded later would share the processor with the check of the record.
  await loadSdk();
  const { name, uri, auth, tenantId } = vault;
  const embedded = sandbox?.vaults.get(name);
  return embedded === undefined
    ? connectKeyVault({ name, uri, auth, tenantId, ...azureIdentity(process.env), fence })
    : connectKeyVault({ name, uri: embedded, auth, tenantId, sandboxToken: identity, fence });
}

async function connectSwarm(
  platform: DeclaredSwarm,
  stack: string,
  argv: WorldArgs,
  sandbox: Sandbox | null,
  identity: Identity,
  fence: Fence,
): Promise<Platform> {
  const { connectSwarm: connect } = await import('../providers/swarm.ts');
  const options = {
    name: platform.name,
    environment: process.env,
    stack,
    readsOnly: identity === 'planner',
    fence,
  };
  const embedded = sandbox?.swarms.get(platform.name);
  if (embedded !== undefined) return connect({ ...options, endpoint: embedded, clock: quickClock() });
  // `--sandbox=vault` means the engine of this machine: what the stack declares may be production.
  return connect({ ...options, endpoint: argv.sandbox === undefined ? platform.endpoint : null });
}

async function connectHost(
  { name, endpoint, sudo }: DeclaredHost,
  { stack, consumers }: Declared,
  sandbox: Sandbox | null,
  identity: Identity,
  fence: Fence,
): Promise<Platform> {
  const { connectHost: connect } = await import('../providers/host.ts');
  const files = filesOn(name, consumers);
  const readsOnly = identity === 'planner';
  const options = { name, endpoint, sudo, files, environment: process.env, stack, readsOnly, fence };
  const embedded = sandbox?.hosts.get(name);
  return embedded === undefined
    ? connect(options)
    : connect({ ...options, sudo: false, embedded, clock: quickClock() });
}

/** How much faster time passes for whoever waits on the embedded swarm. */
const HASTE = 5;

/** The embedded swarm's tasks start in no time: settle times and deadlines that are meant for real ones shrink. */
function quickClock(): Clock {
  return {
    ticks: () => performance.now() * HASTE,
    sleep: async (ms, signal) => {
      await wait(ms / HASTE, undefined, signal === undefined ? {} : { signal });
    },
  };
}
