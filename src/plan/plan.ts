import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import type { Basis, Blocked, Group, Plan, Step } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { recordedDigest } from '../model/recorded.ts';
import { abandonedWork } from './abandoned.ts';
import { About } from './about.ts';
import { datedWork, waitingNotes } from './dated.ts';
import type { Move } from './flips.ts';
import { decideMoves, follows } from './flips.ts';
import type { Cluster } from './groups.ts';
import { clusters, targeted } from './groups.ts';
import { immediateWork } from './immediate.ts';
import { laterWork } from './later.ts';
import { notesOf } from './notes.ts';
import { orphanWork } from './orphans.ts';
import { parkedWork } from './parked.ts';
import type { Rotation } from './rotations.ts';
import { decideRotations } from './rotations.ts';
import { stepsOf } from './steps.ts';
import type { PlanInput, PlanOptions } from './view.ts';
import { View } from './view.ts';
import { lanesOf } from './waves.ts';

const NO_WORK: ReturnType<typeof abandonedWork> = { groups: [], steps: [], notes: [] };

/**
 * (declared, observed, recorded, now) → Plan. Pure and deterministic: no clock, no I/O, inputs untouched, and
 * the same four inputs give the same plan to the byte.
 *
 * First what is due to be settled, retired and pruned, then the groups that rotate or move, in the order of
 * their dependencies. Steps without a way back never stand in a group that rotates.
 */
export function makePlan(input: PlanInput): Plan {
  const view = new View(input);
  const { options } = input;
  const { rotations, moves, blocked } = decide(view, options);
  const chosen = targeted(clusters(view, rotations, moves), options.target);
  const dated = datedWork(view, chosen);
  const abandoned = options.target.length === 0 ? abandonedWork(view, rotations) : NO_WORK;
  const wanted = new Set(targetedGroups([...dated.groups, ...dated.released], options.target));
  const datedGroups = dated.groups.filter((group) => wanted.has(group));
  const released = dated.released.filter((group) => wanted.has(group));
  const stepsIn = (list: readonly Group[]): Step[] => {
    const ids = new Set(list.map(({ id }) => id));
    return dated.steps.filter(({ group }) => ids.has(group));
  };
  const parked = parkedWork(view, moves, options.target);
  const after = chosen.map((cluster) => laterWork(cluster, view));
  const atOnce = chosen.map((cluster) => immediateWork(cluster, view));

  const orphaned = options.pruneOrphans === true ? orphanWork(view, dated.steps) : NO_WORK;

  const lanes = lanesOf(chosen, view);
  const followed = new Set([...lanes.values()].flat());

  const before = { taken: groupsAbout(abandoned.groups), dated: groupsAbout(datedGroups), lanes };
  const groups = [
    ...abandoned.groups,
    ...datedGroups,
    ...chosen.map((cluster) => groupOf(cluster, before)),
    ...atOnce.flatMap((work) => work.groups),
    ...parked.groups,
    ...released,
    ...orphaned.groups,
  ];
  const steps = [
    ...abandoned.steps,
    ...stepsIn(datedGroups),
    ...chosen.flatMap((cluster) => stepsOf(cluster, view, followed.has(cluster.id))),
    ...atOnce.flatMap((work) => work.steps),
    ...parked.steps,
    ...stepsIn(released),
    ...orphaned.steps,
  ];
  const still = [...blocked, ...dated.blocked, ...atOnce.flatMap((work) => work.blocked)];
  return {
    ...headOf(input, steps, view),
    groups,
    steps,
    later: after.flatMap((work) => work.later),
    blocked: inTargetOnly(unique(still), options.target, view),
    notes: [
      ...notesOf(view, chosen),
      ...[abandoned, dated, parked, ...after, ...atOnce].flatMap((work) => work.notes),
      ...waitingNotes(view, chosen),
    ],
  };
}

/** What a plan of an apply begins with: what it is of, and what it was made from. */
export function headOf(
  { declared, recorded, now }: PlanInput,
  steps: readonly Step[],
  view: View,
): Pick<Plan, 'format' | 'stack' | 'kind' | 'createdAt' | 'basis'> {
  const { lineage, serial } = recorded;
  return {
    format: 1,
    stack: declared.stack,
    kind: 'apply',
    createdAt: now,
    basis: { lineage, serial, ...basisOf(steps, view, recorded) },
  };
}

/**
 * Which secrets rotate and which consumers move. A secret does not rotate while a consumer that must follow it
 * may not move: what that holds back is decided anew until nothing more is held back.
 */
function decide(
  view: View,
  options: PlanOptions,
): {
  readonly rotations: ReadonlyMap<SecretAddress, Rotation>;
  readonly moves: readonly Move[];
  readonly blocked: readonly Blocked[];
} {
  const stuck = new Map<ConsumerAddress, Blocked>();
  for (;;) {
    const { rotations, blocked } = decideRotations(view, options, stuck);
    const decided = decideMoves(view, rotations);
    const held = decided.stuck.filter(({ consumer }) => !stuck.has(consumer.address));
    const isBehind = held.some(({ consumer }) => consumer.mounts.some(({ secret }) => rotations.has(secret)));
    if (isBehind) for (const { consumer, obstacle } of held) stuck.set(consumer.address, obstacle);
    else {
      const moves = options.dueOnly ? onlyRotating(decided.moves, rotations) : decided.moves;
      const moving = new Set<Address>(moves.map(({ consumer }) => consumer.address));
      // What only waits for a way back that is part of this plan stands still no longer.
      const still = [...stuck.values()].filter(
        ({ address, fault }) => fault !== null || !moving.has(address),
      );
      return { rotations, moves, blocked: [...blocked, ...still, ...decided.blocked] };
    }
  }
}

/**
 * A scheduled run moves consumers for a rotation that is due, and back from a version that was never promoted;
 * other changes wait for a person's apply.
 */
function onlyRotating(
  moves: readonly Move[],
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): readonly Move[] {
  return moves.filter(
    ({ consumer, cause }) =>
      cause.kind === 'rollback' || consumer.mounts.some((mount) => follows(mount, rotations)),
  );
}

interface Before {
  /** What takes an earlier mint back. */
  readonly taken: About<Group>;
  /** What settles, retires and prunes. */
  readonly dated: About<Group>;
  readonly lanes: ReadonlyMap<string, readonly string[]>;
}

function groupsAbout(groups: readonly Group[]): About<Group> {
  return new About(groups, ({ secrets, consumers }) => [...secrets, ...consumers]);
}

/**
 * It waits for what settles its consumers, and for what takes its own versions back. Of what retires its older versions
 * it only comes behind: one that cannot be shown to be dead must not keep its secret from rotating.
 */
function groupOf(cluster: Cluster, { taken, dated, lanes }: Before): Group {
  const secrets = cluster.rotations.map(({ secret }) => secret.address);
  const consumers = cluster.moves.map(({ consumer }) => consumer.address);
  const own = [...secrets, ...consumers];
  const settles = dated.of(own).filter((group) => group.consumers.length > 0);
  const ends = dated.of(own).filter((group) => group.consumers.length === 0);
  const needs = [...[...taken.of(own), ...settles].map(({ id }) => id), ...cluster.needs];
  const behind = [...ends.map(({ id }) => id), ...(lanes.get(cluster.id) ?? [])];
  const after = behind.filter((id) => !needs.includes(id));
  return { id: cluster.id, needs, ...(after.length === 0 ? {} : { after }), secrets, consumers };
}

/** The groups that hold a target, and those that they need. */
function targetedGroups(groups: readonly Group[], target: readonly Address[]): readonly Group[] {
  if (target.length === 0) return groups;
  const kept = groups.filter(({ secrets, consumers }) =>
    [...secrets, ...consumers].some((address) => target.includes(address)),
  );
  const needed = new Set(kept.flatMap(({ needs }) => needs));
  return groups.filter((group) => kept.includes(group) || needed.has(group.id));
}

/** What stands in the way of a target: its own obstacles, and those of the consumers that read it. */
function inTargetOnly(
  blocked: readonly Blocked[],
  target: readonly Address[],
  view: View,
): readonly Blocked[] {
  if (target.length === 0) return blocked;
  const readers = new Set<Address>(
    target.flatMap((address) =>
      view.consumersOf(address as SecretAddress).map((consumer) => consumer.address),
    ),
  );
  return blocked.filter(({ address }) => target.includes(address) || readers.has(address));
}

function unique(blocked: readonly Blocked[]): Blocked[] {
  const byText = new Map(blocked.map((entry) => [`${entry.address} ${entry.text}`, entry]));
  return [...byText.values()].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/** What is observed and recorded of every address that the steps touch: what makes a saved plan stale, and nothing else. */
export function basisOf(
  steps: readonly Step[],
  view: View,
  recorded: Recorded,
): Pick<Basis, 'fingerprints' | 'recorded'> {
  const addresses = new Set<Address>();
  for (const step of steps) {
    addresses.add(step.address);
    if (step.kind !== 'promote' && step.kind !== 'demote') continue;
    const moved = step.kind === 'promote' ? step.promotions : step.demotions;
    for (const { secret } of moved) addresses.add(secret);
  }
  const sorted = [...addresses].sort();
  const of = (what: (address: Address) => string): Record<Address, string> =>
    Object.fromEntries(sorted.map((address) => [address, what(address)]));
  return {
    fingerprints: of((address) => view.fingerprint(address)),
    recorded: of((address) => recordedDigest(recorded, address)),
  };
}
