import type {
  DiscoveredConsumer,
  DiscoveredMount,
  DiscoveredSecret,
  Discovery,
  FoundMount,
  FoundSwarm,
} from '../model/discovery.ts';
import type { ObservedSecret } from '../model/observed.ts';
import { ANCHOR } from '../model/seal.ts';
import { nameInVault, pairNames } from './matching.ts';

export interface DiscoverInput {
  readonly stack: string;
  readonly vault: { readonly name: string; readonly items: readonly ObservedSecret[] } | null;
  readonly swarm: Discovery['swarm'];
  readonly found: FoundSwarm;
  /** Only what `docker stack deploy` deployed under this name; null: everything. */
  readonly namespace: string | null;
}

/** Docker takes 64 characters for a name; four digits and `_v` come behind a base. */
const MAX_BASE = 64 - '_v9999'.length;

/**
 * A first stack from what a vault lists and a swarm shows: every secret that a service reads with its consumers wired,
 * and what is in the vault alone. Names are matched by `pairNames`. What keyturn owns already, jobs, and services that
 * read no secret are left out, and what is left out is said. Pure; the same input gives the same stack.
 */
export function discover({ stack, vault, swarm, found, namespace }: DiscoverInput): Discovery {
  const said: string[] = [];
  const reads = readsOf(found, namespace, said);
  const items = itemsOf(vault, said);
  const namespaces = [...new Set([stack, ...found.services.flatMap((each) => each.namespace ?? [])])].sort();
  const bases = [...new Set(reads.map(({ base }) => base))].sort();
  const pairs = pairNames(bases, items, namespaces, said);
  const names = nameAll(bases, pairs, items, said);
  const secrets = [
    ...bases.map((base): DiscoveredSecret => {
      const own = reads.filter((read) => read.base === base);
      return {
        name: names.get(base) ?? base,
        found: pairs.has(base) ? 'both' : 'swarm',
        base,
        copies: [...new Set(own.map(({ mount }) => mount.copyName))].sort(),
      };
    }),
    ...items
      .filter((name) => ![...pairs.values()].includes(name))
      .map((name): DiscoveredSecret => ({ name, found: 'vault', base: null, copies: [] })),
  ];
  return {
    stack,
    vault: vault?.name ?? null,
    swarm,
    secrets: secrets.sort((a, b) => (a.name < b.name ? -1 : 1)),
    consumers: consumersOf(reads, names, said),
    said,
  };
}

/** One mount of a service, with what its copy's name is made of. */
interface Read {
  readonly service: string;
  readonly mount: FoundMount;
  readonly base: string;
  /** As the name says; 1 where it says none. */
  readonly ordinal: number;
}

function readsOf({ services, copies }: FoundSwarm, namespace: string | null, said: string[]): Read[] {
  const owners = new Map(copies.map(({ id, owner }) => [id, owner]));
  const reads: Read[] = [];
  const chosen = services.filter((each) => namespace === null || each.namespace === namespace);
  for (const { name, isJob, mounts } of chosen) {
    if (mounts.length === 0) continue;
    if (isJob) {
      said.push(`${name} is a job, which any update runs again: it is left out`);
      continue;
    }
    for (const mount of mounts) {
      const owner = owners.get(mount.copyId) ?? null;
      if (owner === null) reads.push({ service: name, mount, ...partsOf(mount.copyName) });
      else
        said.push(`${name} reads ${mount.copyName}, which belongs to stack '${owner}' of keyturn: left out`);
    }
  }
  const read = new Set(services.flatMap(({ mounts }) => mounts.map(({ copyId }) => copyId)));
  const idle = copies.filter(({ id, owner }) => owner === null && !read.has(id)).map(({ name }) => name);
  if (idle.length > 0 && namespace === null) said.push(`no service reads ${idle.join(', ')}: left out`);
  return reads;
}

/** `busflow_db_v7` is the 7th of `busflow_db`; a name that says no number is the first of itself. */
function partsOf(name: string): { readonly base: string; readonly ordinal: number } {
  const [, stem, digits] = /^(.+)_v([1-9][0-9]{0,8})$/.exec(name) ?? [];
  const base = (stem ?? name).slice(0, MAX_BASE);
  return { base, ordinal: stem === base ? Number(digits) : 1 };
}

/** The vault's secrets that nobody owns yet. */
function itemsOf(vault: DiscoverInput['vault'], said: string[]): string[] {
  return (vault?.items ?? [])
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, stack, enabled }) => {
      if (name.toLowerCase().startsWith(ANCHOR)) return [];
      if (stack !== null) {
        said.push(`${name} in ${vault?.name ?? ''} belongs to stack '${stack}' of keyturn: left out`);
        return [];
      }
      if (!enabled) said.push(`the newest version of ${name} in ${vault?.name ?? ''} is disabled`);
      return [name];
    });
}

/** base → the name of its secret: the vault's where one was found, else one that a vault takes, each once. */
function nameAll(
  bases: readonly string[],
  pairs: ReadonlyMap<string, string>,
  items: readonly string[],
  said: string[],
): ReadonlyMap<string, string> {
  const taken = new Set(items.map((name) => name.toLowerCase()));
  const names = new Map<string, string>();
  for (const base of bases) {
    const paired = pairs.get(base);
    const name = paired ?? unused(nameInVault(base), taken);
    taken.add(name.toLowerCase());
    names.set(base, name);
    if (paired === undefined && name !== base)
      said.push(`no vault takes the name ${base}: its secret is called ${name}`);
  }
  return names;
}

function unused(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name.toLowerCase())) return name;
  for (let count = 2; ; count += 1) {
    const next = `${name}-${count}`;
    if (!taken.has(next.toLowerCase())) return next;
  }
}

function consumersOf(
  reads: readonly Read[],
  names: ReadonlyMap<string, string>,
  said: string[],
): DiscoveredConsumer[] {
  const newest = new Map<string, number>();
  for (const { base, ordinal } of reads) newest.set(base, Math.max(newest.get(base) ?? 0, ordinal));
  const services = [...new Set(reads.map(({ service }) => service))].sort();
  return services.map((service) => ({
    service,
    mounts: reads
      .filter((read) => read.service === service)
      .map(({ mount, base, ordinal }): DiscoveredMount => {
        const current = newest.get(base) ?? ordinal;
        const isOlder = ordinal < current;
        if (isOlder)
          said.push(
            `${service} reads ${mount.copyName}, and others v${current} of it: it is pinned to v${ordinal}`,
          );
        const { target, uid, gid, mode } = mount;
        const secret = names.get(base) ?? base;
        return { secret, target, base, version: isOlder ? ordinal : null, uid, gid, mode };
      })
      .sort((a, b) => (a.target < b.target ? -1 : 1)),
  }));
}
