import { durationMs } from '../calendar/calendar.ts';
import type { Address } from '../model/address.ts';
import type { Blocked, Group, Plan, Step } from '../model/plan.ts';
import { datedWork, immediateWork, waitingNotes } from './dated.ts';
import { decideMoves } from './flips.ts';
import type { Cluster } from './groups.ts';
import { clusters, targeted } from './groups.ts';
import { notesOf } from './notes.ts';
import { decideRotations } from './rotations.ts';
import { laterStepsOf, stepsOf } from './steps.ts';
import type { PlanInput } from './view.ts';
import { View } from './view.ts';

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
  const { rotations, blocked: still } = decideRotations(view, options);
  const { moves, blocked: stuck } = options.dueOnly
    ? onlyRotating(decideMoves(view, rotations), rotations)
    : decideMoves(view, rotations);
  const chosen = targeted(clusters(view, rotations, moves), options.target);
  const dated = datedWork(view);
  const datedGroups = dated.groups.filter((group) => inTarget(group, options.target));
  const datedIds = new Set(datedGroups.map(({ id }) => id));
  const later = chosen
    .filter((cluster) => !isImmediate(cluster))
    .flatMap((cluster) => laterStepsOf(cluster, view));
  const immediate = chosen.filter(isImmediate).flatMap((cluster) => immediateWork(cluster, view) ?? []);

  const groups = [
    ...datedGroups,
    ...chosen.map((cluster) => groupOf(cluster, datedGroups)),
    ...immediate.map(({ group }) => group),
  ];
  const steps = [
    ...dated.steps.filter(({ group }) => datedIds.has(group)),
    ...chosen.flatMap((cluster) => stepsOf(cluster, view)),
    ...immediate.flatMap((work) => work.steps),
  ];
  return {
    format: 1,
    stack: input.declared.stack,
    kind: 'apply',
    createdAt: input.now,
    basis: {
      lineage: input.recorded.lineage,
      serial: input.recorded.serial,
      fingerprints: fingerprintsOf(steps, view),
    },
    groups,
    steps,
    later,
    blocked: inTargetOnly(unique([...still, ...stuck, ...dated.blocked]), options.target),
    notes: [...notesOf(view, chosen), ...dated.notes, ...waitingNotes(view)],
  };
}

/** A scheduled run moves consumers only for a rotation that is due; other changes wait for a person's apply. */
function onlyRotating(
  decided: ReturnType<typeof decideMoves>,
  rotations: ReturnType<typeof decideRotations>['rotations'],
): ReturnType<typeof decideMoves> {
  const moves = decided.moves.filter(({ consumer }) =>
    consumer.mounts.some(({ secret, version }) => version === null && rotations.has(secret)),
  );
  return { moves, blocked: decided.blocked };
}

function isImmediate(cluster: Cluster): boolean {
  return (
    cluster.rotations.length > 0 && cluster.rotations.every(({ secret }) => durationMs(secret.soak) === 0)
  );
}

function groupOf(cluster: Cluster, dated: readonly Group[]): Group {
  const secrets = cluster.rotations.map(({ secret }) => secret.address);
  const consumers = cluster.moves.map(({ consumer }) => consumer.address);
  const first = dated.filter(
    (group) =>
      group.secrets.some((address) => secrets.includes(address)) ||
      group.consumers.some((address) => consumers.includes(address)),
  );
  return { id: cluster.id, needs: [...first.map(({ id }) => id), ...cluster.needs], secrets, consumers };
}

function inTarget(group: Group, target: readonly Address[]): boolean {
  return (
    target.length === 0 || [...group.secrets, ...group.consumers].some((address) => target.includes(address))
  );
}

function inTargetOnly(blocked: readonly Blocked[], target: readonly Address[]): readonly Blocked[] {
  return target.length === 0 ? blocked : blocked.filter(({ address }) => target.includes(address));
}

function unique(blocked: readonly Blocked[]): Blocked[] {
  const byText = new Map(blocked.map((entry) => [`${entry.address} ${entry.text}`, entry]));
  return [...byText.values()].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/** Fingerprints of every address that the steps touch: what makes a saved plan stale, and nothing else. */
export function fingerprintsOf(steps: readonly Step[], view: View): Record<Address, string> {
  const addresses = new Set<Address>();
  for (const step of steps) {
    addresses.add(step.address);
    if (step.kind !== 'promote' && step.kind !== 'demote') continue;
    const moved = step.kind === 'promote' ? step.promotions : step.demotions;
    for (const { secret } of moved) addresses.add(secret);
  }
  return Object.fromEntries([...addresses].sort().map((address) => [address, view.fingerprint(address)]));
}
