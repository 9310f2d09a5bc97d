import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Address, SecretAddress } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import { SecretValue } from '../model/secret-value.ts';
import type { startSwarm } from '../sandbox/swarm.ts';
import type { EmbeddedHost } from '../providers/host-shell.ts';
import { startVault } from '../sandbox/vault.ts';
import type { SandboxParts } from './options.ts';
import type { InUse } from './sandbox-claim.ts';
import { claim, publish } from './sandbox-claim.ts';
import { openHosts } from './sandbox-hosts.ts';

/**
 * The embedded vaults and swarms of a project, on loopback.
 *
 *     .keyturn/sandbox/vaults/<name>/   contents and request log of a vault
 *     .keyturn/sandbox/swarms/<name>/   contents of a swarm
 *     .keyturn/sandbox/hosts/<name>/    files and programs of a host
 *     .keyturn/sandbox/state/<stack>/   the record, kept apart from the real one
 *     .keyturn/sandbox/in-use.json      the process that serves them, and where
 *
 * Contents survive the process; only one process serves them at a time.
 */
export interface Sandbox {
  readonly vaults: ReadonlyMap<string, string>;
  readonly swarms: ReadonlyMap<string, string>;
  readonly hosts: ReadonlyMap<string, EmbeddedHost>;
  /** One line: that the sandbox is in use, and which parts of it. */
  readonly text: string;
  /** Generated values for those of `addresses` that are manual secrets; none for an empty sandbox. */
  placeholdersFor(declared: Declared, addresses: readonly Address[]): ReadonlyMap<SecretAddress, SecretValue>;
  /** Stops the servers that this process started; those of another are left alone. */
  close(): Promise<void>;
}

export interface SandboxOptions {
  readonly directory: string;
  readonly parts: SandboxParts;
  readonly stacks: readonly Declared[];
  /** All of them, where `stacks` may be their heads alone. */
  readonly wholes: () => Promise<readonly Declared[]>;
  readonly isEmpty: boolean;
  /** Serve for other clients too, at these ports on; other commands then use these servers. */
  readonly serve?: { readonly port: number };
}

/** A demo rotation takes seconds: a simulated task starts in this part of the time that a real one takes. */
const TIME_SCALE = 0.05;
const REPLICAS = 3;
/** Verification watches new tasks for at least this long. */
const MONITOR_MS = 500;

/** Loads what opening one would load first. */
export async function loadServers(): Promise<void> {
  await import('../sandbox/swarm.ts');
  await import('../sandbox/host.ts');
}

/** Starts the embedded servers that these stacks need, or uses those that `keyturn sandbox serve` runs. */
export async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  const root = join(options.directory, '.keyturn', 'sandbox');
  await mkdir(root, { recursive: true, mode: 0o700 });
  const other = await claim(join(root, 'in-use.json'), options.serve !== undefined);
  return other === null ? startOwn(root, options) : useOther(root, other, options);
}

async function startOwn(root: string, options: SandboxOptions): Promise<Sandbox> {
  const closers: (() => Promise<unknown>)[] = [() => rm(join(root, 'in-use.json'), { force: true })];
  const close = async (): Promise<void> => {
    // The claim goes last: nobody may open the contents while a server still writes them.
    for (const stop of closers.splice(0).reverse()) await stop();
  };
  try {
    const { vaults, swarms } = namesIn(options);
    const stacks = await options.wholes();
    // Once for all: jiti fails where one module is asked for twice at once.
    await loadServers();
    const { startSwarm } = await import('../sandbox/swarm.ts');
    let port = options.serve?.port ?? 0;
    const nextPort = (): number => (port === 0 ? 0 : port++);
    const startingVaults = vaults.map(async (name) => {
      const vault = await startVault({ name, directory: join(root, 'vaults', name), port: nextPort() });
      closers.push(() => vault.close());
      return [name, vault.url] as const;
    });
    const startingSwarms = swarms.map(async (name) => {
      const listen = `tcp://127.0.0.1:${nextPort()}`;
      const directory = join(root, 'swarms', name);
      const swarm = await startSwarm({ name, directory, listen, timeScale: TIME_SCALE });
      closers.push(() => swarm.close());
      if (!options.isEmpty) for (const service of servicesOn(name, stacks)) createIn(swarm, service);
      return [name, swarm.endpoint] as const;
    });
    const openingHosts = openHosts(root, options);
    // All of them: what started beside one that could not must be closed.
    await Promise.allSettled([...startingVaults, ...startingSwarms, openingHosts]);
    const vaultUrls = new Map(await Promise.all(startingVaults));
    const endpoints = new Map(await Promise.all(startingSwarms));
    const hosts = await openingHosts;
    if (options.serve !== undefined) await publish(join(root, 'in-use.json'), vaultUrls, endpoints);
    return asSandbox(options, { vaults: vaultUrls, swarms: endpoints, hosts }, close, 'in this process');
  } catch (error) {
    await close();
    throw error;
  }
}

type Swarm = Awaited<ReturnType<typeof startSwarm>>;

/** What a stack expects to find, as it would be deployed: no secret is mounted yet. */
function createIn(swarm: Swarm, name: string): void {
  swarm.createService({
    name,
    replicas: REPLICAS,
    order: 'start-first',
    healthCheck: true,
    networks: ['backend'],
    monitorMs: MONITOR_MS,
  });
}

async function useOther(root: string, other: InUse, options: SandboxOptions): Promise<Sandbox> {
  const { vaults, swarms } = namesIn(options);
  const missing = [
    ...vaults.filter((name) => other.vaults[name] === undefined),
    ...swarms.filter((name) => other.swarms[name] === undefined),
  ];
  if (missing.length > 0) {
    throw new Fault({
      code: 'bad-usage',
      what: `the sandbox that process ${other.pid} serves has no "${missing.join('", "')}"`,
      where: '.keyturn/sandbox',
      live: 'nothing was changed',
      next: 'stop keyturn sandbox serve and start it again: it serves what the stacks declare',
    });
  }
  const pick = (names: readonly string[], from: Readonly<Record<string, string>>): Map<string, string> =>
    new Map(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]] as const])));
  const nothing = (): Promise<void> => Promise.resolve();
  const served = { vaults: pick(vaults, other.vaults), swarms: pick(swarms, other.swarms) };
  const hosts = await openHosts(root, options);
  return asSandbox(options, { ...served, hosts }, nothing, `served by process ${other.pid}`);
}

function asSandbox(
  options: SandboxOptions,
  { vaults, swarms, hosts }: Pick<Sandbox, 'vaults' | 'swarms' | 'hosts'>,
  close: () => Promise<void>,
  who: string,
): Sandbox {
  const { vault, swarm } = options.parts;
  const isOnHosts = options.stacks.some(({ platforms }) => platforms.some(({ kind }) => kind === 'host'));
  const parts = [
    ...(vault ? ['vault'] : []),
    ...(swarm ? ['swarm'] : []),
    ...(hosts.size > 0 ? ['hosts'] : []),
  ];
  const where = relative(process.cwd(), join(options.directory, '.keyturn', 'sandbox')) || '.';
  const real = [
    ...(vault ? [] : ['the vault is the real one']),
    ...(swarm ? [] : ['the swarm is the real one']),
    ...(isOnHosts && hosts.size === 0 ? ['the hosts are the real ones'] : []),
  ];
  return {
    vaults,
    swarms,
    hosts,
    text: `sandbox: embedded ${listText(parts)} under ${where}, ${who}; ${real.length === 0 ? 'nothing real is touched' : real.join(', ')}`,
    placeholdersFor: (declared, addresses) =>
      options.isEmpty ? new Map() : placeholders(declared, addresses),
    close,
  };
}

/** `vault`, `vault and swarm`, `vault, swarm and hosts`. */
function listText(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function placeholders(declared: Declared, addresses: readonly Address[]): Map<SecretAddress, SecretValue> {
  const manual = declared.secrets.filter(
    ({ address, source }) => source.kind === 'manual' && addresses.includes(address),
  );
  const value = (): SecretValue => new SecretValue(`placeholder-${randomBytes(16).toString('base64url')}`);
  return new Map(manual.map(({ address }) => [address, value()]));
}

function namesIn({ stacks, parts }: SandboxOptions): { vaults: string[]; swarms: string[] } {
  const names = (of: readonly { readonly name: string }[]): string[] => [
    ...new Set(of.map(({ name }) => name)),
  ];
  return {
    vaults: parts.vault ? names(stacks.flatMap((stack) => stack.vaults)) : [],
    swarms: parts.swarm
      ? names(stacks.flatMap(({ platforms }) => platforms.filter(({ kind }) => kind === 'swarm')))
      : [],
  };
}

function servicesOn(swarm: string, stacks: readonly Declared[]): string[] {
  const consumers = stacks.flatMap((stack) => stack.consumers);
  return [...new Set(consumers.filter(({ platform }) => platform === swarm).map(({ service }) => service))];
}
