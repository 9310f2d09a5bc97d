import type { Ordinal, SecretAddress } from '../model/address.ts';
import { copyName, ordinalOfCopy } from '../model/address.ts';
import type { DeclaredConsumer, Mount } from '../model/declared.ts';
import type { ObservedService } from '../model/observed.ts';
import { LABEL_SECRET } from '../model/observed.ts';
import type { Arrival, Blocked, Cause, FlipChange } from '../model/plan.ts';
import { recordedVersion } from '../model/recorded.ts';
import { obstacleToFlip, refuse } from './obstacles.ts';
import type { Rotation } from './rotations.ts';
import type { View } from './view.ts';

/** A consumer that must move: the references that change, and what it reads afterwards. */
export interface Move {
  readonly consumer: DeclaredConsumer;
  /** Null: the service does not exist yet, its secrets are only staged. */
  readonly service: ObservedService | null;
  readonly changes: readonly FlipChange[];
  readonly cause: Cause;
  readonly arrival: Omit<Arrival, 'settleAfter'>;
  /** Copies that the platform lacks. */
  readonly missing: readonly MissingCopy[];
}

export interface MissingCopy {
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly platform: string;
  readonly copy: string;
}

/** Compares what each consumer should read with what it names now. Consumers in step are left out. */
export function decideMoves(
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): { readonly moves: readonly Move[]; readonly blocked: readonly Blocked[] } {
  const moves: Move[] = [];
  const blocked: Blocked[] = [];
  for (const consumer of view.declared.consumers) {
    const move = moveOf(consumer, view, rotations);
    const obstacle = obstacleToFlip(consumer, view) ?? (move === null ? null : takenName(move, view));
    if (obstacle !== null && !(obstacle.why === 'busy' && move === null)) blocked.push(obstacle);
    else if (move !== null) moves.push(move);
  }
  return { moves, blocked };
}

function moveOf(
  consumer: DeclaredConsumer,
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): Move | null {
  const sight = view.service(consumer);
  const service = 'seen' in sight ? sight.seen : null;
  const changes: FlipChange[] = [];
  const missing: MissingCopy[] = [];
  const mounts: Record<string, { secret: SecretAddress; ordinal: Ordinal }> = {};
  for (const mount of consumer.mounts) {
    const ordinal = wantedOrdinal(mount, view, rotations);
    if (ordinal === null) continue;
    mounts[mount.target] = { secret: mount.secret, ordinal };
    const copy = copyName(mount.base, ordinal);
    if (view.copy(consumer.platform, copy) === undefined) {
      missing.push({ secret: mount.secret, ordinal, platform: consumer.platform, copy });
    }
    const change = service === null ? null : changeOf(mount, copy, ordinal, service);
    if (change !== null) changes.push(change);
  }
  const moves = service === null ? missing.length > 0 : changes.length > 0;
  if (!moves) return null;
  const cause = causeOfMove(consumer, changes, view, rotations);
  return { consumer, service, changes, cause, arrival: { consumer: consumer.address, mounts }, missing };
}

/** The ordinal that a mount should read: its pin, the version of this plan, or the current one. */
function wantedOrdinal(
  mount: Mount,
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): Ordinal | null {
  const record = view.recordOf(mount.secret);
  if (mount.version !== null) {
    const pinned = recordedVersion(record, mount.version);
    return pinned === null || pinned.role === 'retired' || pinned.role === 'pending' ? null : mount.version;
  }
  return rotations.get(mount.secret)?.ordinal ?? record?.current ?? null;
}

function changeOf(mount: Mount, copy: string, ordinal: Ordinal, service: ObservedService): FlipChange | null {
  const reference = service.references.find(({ target }) => target === mount.target);
  if (reference?.copyName === copy) return null;
  const from =
    reference === undefined
      ? null
      : { copy: reference.copyName, ordinal: ordinalOfCopy(mount.base, reference.copyName) };
  const { target, secret, uid, gid, mode } = mount;
  return { target, secret, from, to: { copy, ordinal }, uid, gid, mode };
}

function causeOfMove(
  consumer: DeclaredConsumer,
  changes: readonly FlipChange[],
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): Cause {
  const rotation = consumer.mounts
    .map(({ secret }) => rotations.get(secret))
    .find((found) => found !== undefined);
  if (rotation !== undefined) return rotation.cause;
  const recorded = view.recordOfConsumer(consumer.address);
  const moved = changes.find(({ target, from }) => {
    const before = recorded?.mounts[target];
    return before !== undefined && from?.ordinal !== before.ordinal;
  });
  const why =
    moved === undefined
      ? 'declared to read it'
      : `someone else pointed it at ${moved.from?.copy ?? 'nothing'} since the last apply`;
  return { kind: 'mount', why };
}

/** A wanted copy's name that something else holds: delivering under it would hand out a foreign value. */
function takenName(move: Move, view: View): Blocked | null {
  for (const change of move.changes) {
    const copy = change.to === null ? undefined : view.copy(move.consumer.platform, change.to.copy);
    if (copy === undefined || copy.labels[LABEL_SECRET] === change.secret) continue;
    return refuse(move.consumer, 'not-ours', {
      code: 'not-ours',
      what: `secret '${copy.name}' exists on ${move.consumer.platform} but is not labelled as ${change.secret}`,
      where: move.consumer.address,
      live: 'the service keeps what it reads',
      next: `remove it if nothing uses it (docker secret rm ${copy.name}), or choose another base name`,
    });
  }
  return null;
}
