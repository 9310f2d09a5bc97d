import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { components, inOrder, Unions } from './graph.ts';
import type { Move } from './flips.ts';
import { follows } from './flips.ts';
import type { Rotation } from './rotations.ts';
import type { View } from './view.ts';

/** What moves and rolls back as one, before it has steps. */
export interface Cluster {
  readonly id: string;
  readonly needs: readonly string[];
  readonly rotations: readonly Rotation[];
  /** In the order of the consumers' dependencies. */
  readonly moves: readonly Move[];
}

/**
 * Secrets that change and share a consumer that moves, and those declared together, are one group. Groups are
 * ordered by `dependsOn` and `derivedFrom` of their secrets and `dependsOn` of their consumers; groups that
 * need each other become one.
 */
export function clusters(
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
  moves: readonly Move[],
): Cluster[] {
  const unions = new Unions();
  for (const { secret } of rotations.values()) {
    unions.add(secret.address);
    for (const other of secret.together) if (rotations.has(other)) unions.join(secret.address, other);
  }
  for (const { consumer } of moves) {
    unions.add(consumer.address);
    for (const mount of consumer.mounts) {
      if (follows(mount, rotations)) unions.join(consumer.address, mount.secret);
    }
  }
  return numbered(mergeCycles(unions, needsOf(view, rotations, moves)), view, rotations, moves);
}

/** address → addresses that must be promoted before it. */
function needsOf(
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
  moves: readonly Move[],
): Map<string, readonly string[]> {
  const needs = new Map<string, readonly string[]>();
  for (const { secret } of rotations.values()) {
    needs.set(
      secret.address,
      [...secret.dependsOn, ...secret.derivedFrom].filter((need) => rotations.has(need)),
    );
  }
  const moving = new Set<string>(moves.map(({ consumer }) => consumer.address));
  for (const { consumer } of moves) {
    const secrets = consumer.mounts.flatMap(({ secret }) => view.secret(secret)?.dependsOn ?? []);
    needs.set(consumer.address, [
      ...consumer.dependsOn.filter((need) => moving.has(need)),
      ...secrets.filter((need) => rotations.has(need)),
    ]);
  }
  return needs;
}

function mergeCycles(unions: Unions, needs: ReadonlyMap<string, readonly string[]>): [string[], string[]][] {
  const lifted = (): Map<string, string[]> => {
    const between = new Map<string, string[]>();
    for (const set of unions.sets()) {
      const root = unions.rootOf(set[0] ?? '');
      const roots = set.flatMap((node) => needs.get(node) ?? []).map((need) => unions.rootOf(need));
      between.set(root, [...new Set(roots)].filter((other) => other !== root).sort());
    }
    return between;
  };
  const between = lifted();
  for (const cycle of components([...between.keys()], between)) {
    for (const other of cycle.slice(1)) unions.join(cycle[0] ?? other, other);
  }
  const merged = lifted();
  const sets = new Map(unions.sets().map((set) => [unions.rootOf(set[0] ?? ''), set]));
  return inOrder([...merged.keys()], merged).map((root) => [sets.get(root) ?? [], merged.get(root) ?? []]);
}

function numbered(
  sets: readonly (readonly [readonly string[], readonly string[]])[],
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
  moves: readonly Move[],
): Cluster[] {
  const byConsumer = new Map<string, Move>(moves.map((move) => [move.consumer.address, move]));
  const groupOf = new Map<string, string>();
  sets.forEach(([members], index) => {
    for (const member of members) groupOf.set(member, `g${index + 1}`);
  });
  return sets.map(([members, roots], index) => {
    const secretNeeds = new Map(
      members.map((member) => {
        const secret = view.secret(member as SecretAddress);
        return [member, [...(secret?.dependsOn ?? []), ...(secret?.derivedFrom ?? [])]] as const;
      }),
    );
    const consumerNeeds = new Map(
      members.map((member) => [member, view.consumer(member as ConsumerAddress)?.dependsOn ?? []] as const),
    );
    return {
      id: `g${index + 1}`,
      needs: [...new Set(roots.map((root) => groupOf.get(root) ?? ''))].filter((id) => id !== '').sort(),
      rotations: inOrder(members, secretNeeds).flatMap(
        (member) => rotations.get(member as SecretAddress) ?? [],
      ),
      moves: inOrder(members, consumerNeeds).flatMap((member) => byConsumer.get(member) ?? []),
    };
  });
}

/** Keeps the clusters that hold a target, and those that they need. */
export function targeted(all: readonly Cluster[], target: readonly Address[]): readonly Cluster[] {
  if (target.length === 0) return all;
  const wanted = new Set<string>(target);
  const kept = new Set<string>();
  const keep = (cluster: Cluster): void => {
    kept.add(cluster.id);
    for (const need of cluster.needs) {
      const needed = all.find(({ id }) => id === need);
      if (needed !== undefined && !kept.has(need)) keep(needed);
    }
  };
  for (const cluster of all) {
    const addresses = [
      ...cluster.rotations.map(({ secret }) => secret.address),
      ...cluster.moves.map(({ consumer }) => consumer.address),
    ];
    if (addresses.some((address) => wanted.has(address))) keep(cluster);
  }
  return all.filter(({ id }) => kept.has(id));
}
