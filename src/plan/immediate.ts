import { durationMs } from '../calendar/calendar.ts';
import type { Address } from '../model/address.ts';
import { isOnHost } from '../model/address.ts';
import type { Blocked, Group, Note, Step } from '../model/plan.ts';
import { recordedVersion } from '../model/recorded.ts';
import { afterGroup, settleStep } from './dated.ts';
import type { Cluster } from './groups.ts';
import { pinned, retireAndPrune, stillUsed } from './retire.ts';
import type { Rotation } from './rotations.ts';
import { settlesAtOnce } from './steps.ts';
import type { Leaving } from './uses.ts';
import type { View } from './view.ts';

/** What follows a promotion in the same apply, because its soak is zero. */
export interface ImmediateWork {
  readonly groups: readonly Group[];
  readonly steps: readonly Step[];
  readonly blocked: readonly Blocked[];
  readonly notes: readonly Note[];
}

/** Whether a rotation's prior version is retired in the same apply: no soak, and no previous spec to wait for. */
export function retiresAtOnce(rotation: Rotation, cluster: Cluster, view: View): boolean {
  if (durationMs(rotation.secret.soak) > 0) return false;
  return settlesAtOnce(cluster, view) || !leavesPrior(rotation, cluster, view);
}

/** Whether a consumer moves off the rotation's prior version, so that its previous spec names it afterwards. */
export function leavesPrior({ secret, prior }: Rotation, cluster: Cluster, view: View): boolean {
  const copies = recordedVersion(view.recordOf(secret.address), prior)?.copies ?? [];
  const names = new Set(copies.map(({ platform, name }) => `${platform} ${name}`));
  return cluster.moves.some(({ consumer, changes }) =>
    changes.some(({ from }) => from !== null && names.has(`${consumer.platform} ${from.copy}`)),
  );
}

/**
 * Settle, retire and prune of a cluster whose soak is zero, in a group of their own after its promotion, so that
 * nothing without a way back stands in a group that rotates. A prior that is pinned, or that someone else still
 * refers to, is kept.
 */
export function immediateWork(cluster: Cluster, view: View): ImmediateWork {
  const id = afterGroup(cluster);
  const cause = { kind: 'soaked' as const, since: view.now };
  const moving = cluster.moves.filter(({ service, changes }) => service !== null && changes.length > 0);
  const settling = settlesAtOnce(cluster, view)
    ? moving.map(({ consumer }) => consumer).filter(({ address }) => !isOnHost(address))
    : [];
  const steps: Step[] = settling.map((consumer, index) =>
    settleStep(consumer, { id: `${id}.${index + 1}`, group: id, needs: [], cause }),
  );
  const settles = steps.map((step) => step.id);
  const leaving: Leaving = {
    settled: new Set<Address>(settling.map(({ address }) => address)),
    flipped: new Map(
      moving.map(({ consumer, changes }) => [consumer.address, new Set(changes.map(({ target }) => target))]),
    ),
  };
  const blocked: Blocked[] = [];
  const notes: Note[] = [];
  for (const rotation of cluster.rotations) {
    const record = view.recordOf(rotation.secret.address);
    const version = record?.versions.find(({ ordinal }) => ordinal === rotation.prior);
    if (record === undefined || version === undefined || !retiresAtOnce(rotation, cluster, view)) continue;
    const soaked = { address: rotation.secret.address, record, version };
    const note = pinned(soaked, view);
    const obstacle = note === null ? stillUsed(soaked, view, leaving) : null;
    if (note !== null) notes.push(note);
    else if (obstacle !== null) blocked.push(obstacle);
    else {
      const own = retireAndPrune(soaked, id, view, leaving);
      const idOf = (step: string): string => `${id}.${steps.length + Number(step.slice(id.length + 1))}`;
      const placed = own.steps.map((step) => ({
        ...step,
        id: idOf(step.id),
        needs: [...settles, ...step.needs.map(idOf)],
      }));
      steps.push(...placed);
      blocked.push(...own.blocked);
    }
  }
  const secrets = steps.flatMap((step) => (step.kind === 'retire' ? [step.secret] : []));
  const consumers = settling.map(({ address }) => address);
  const group = { id, needs: [cluster.id], secrets, consumers };
  return { groups: steps.length === 0 ? [] : [group], steps, blocked, notes };
}
