import type { Ordinal, SecretAddress } from '../model/address.ts';
import { isOnHost, nameOf } from '../model/address.ts';
import type { DeclaredConsumer, Mount } from '../model/declared.ts';
import type { ObservedService } from '../model/observed.ts';
import { LABEL_SECRET } from '../model/observed.ts';
import type { Arrival, Blocked, Cause, FlipChange } from '../model/plan.ts';
import { isEnding, isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import { isStill } from './hosts.ts';
import { obstacleToFlip, refuse } from './obstacles.ts';
import { unreadSince } from './rereads.ts';
import type { Rotation } from './rotations.ts';
import { beyondRecord, recordIsOlder } from './strays.ts';
import { unreadable } from './uses.ts';
import type { View } from './view.ts';

/** A consumer that must move: the references that change, and what it reads afterwards. */
export interface Move {
  readonly consumer: DeclaredConsumer;
  /** Null: the service does not exist yet, its secrets are only staged. */
  readonly service: ObservedService | null;
  readonly changes: readonly FlipChange[];
  readonly cause: Cause;
  readonly arrival: Omit<Arrival, 'settleAfter'>;
  /** Copies that the platform or the record lacks, or that are of a version that this plan makes; of a host what is written. */
  readonly missing: readonly MissingCopy[];
}

export interface MissingCopy {
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  readonly platform: string;
  readonly copy: string;
}

/** A consumer that may not move, and why. */
export interface Stuck {
  readonly consumer: DeclaredConsumer;
  readonly obstacle: Blocked;
}

/**
 * Compares what each consumer should read with what it names now. Consumers in step are left out; `stuck` are
 * those that should move and may not, and `blocked` says all that stands in a consumer's way. `takesOver`: an update
 * that is under way stands in nobody's.
 */
export function decideMoves(
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
  takesOver = false,
): {
  readonly moves: readonly Move[];
  readonly stuck: readonly Stuck[];
  readonly blocked: readonly Blocked[];
} {
  const moves: Move[] = [];
  const stuck: Stuck[] = [];
  const blocked: Blocked[] = [];
  for (const consumer of view.declared.consumers) {
    const move = moveOf(consumer, view, rotations);
    const obstacle =
      obstacleToFlip(consumer, view, move?.changes, takesOver) ??
      (move === null
        ? null
        : (takenName(move, view) ??
          valueless(move, view, rotations) ??
          misled(move, view, rotations) ??
          deadEnd(move, view, rotations)));
    blocked.push(...lostPins(consumer, view, rotations));
    if (obstacle === null) {
      if (move !== null) moves.push(move);
      continue;
    }
    if (obstacle.why === 'busy' && move === null) continue;
    blocked.push(obstacle);
    stuck.push({ consumer, obstacle });
  }
  return { moves, stuck, blocked };
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
    const known = view.recordOfConsumer(consumer.address)?.mounts[mount.target];
    if (ordinal === null && known !== undefined) mounts[mount.target] = known;
    if (ordinal === null) continue;
    mounts[mount.target] = { secret: mount.secret, ordinal };
    const copy = view.nameFor(mount, consumer.platform, ordinal);
    const change =
      service === null
        ? null
        : changeOf(
            mount,
            consumer.platform,
            { copy, ordinal },
            service,
            wayBack(mount, consumer.platform, view, rotations),
            view,
          );
    if (change !== null) changes.push(change);
    const lacks = isOnHost(consumer.address)
      ? change !== null
      : // A version that this plan makes, or takes up again, is delivered in any case: its flips come behind its mint.
        follows(mount, rotations) || !isDelivered(mount.secret, ordinal, consumer.platform, copy, view);
    if (lacks) missing.push({ secret: mount.secret, ordinal, platform: consumer.platform, copy });
  }
  if (service !== null && changes.length === 0 && unreadSince(consumer, service, view).length > 0)
    changes.push(...othersOf(consumer, changes, mounts, view));
  const moves = service === null ? missing.length > 0 : changes.length > 0;
  if (!moves) return null;
  // Of a file that somebody edited only what is written now is known: all of it is written.
  if (service?.file?.isEdited === true) changes.push(...othersOf(consumer, changes, mounts, view));
  const cause = causeOfMove(consumer, changes, view, rotations);
  return { consumer, service, changes, cause, arrival: { consumer: consumer.address, mounts }, missing };
}

/** The variables that do not change, as changes from what they are to what they are. */
function othersOf(
  consumer: DeclaredConsumer,
  changes: readonly FlipChange[],
  mounts: Move['arrival']['mounts'],
  view: View,
): FlipChange[] {
  return consumer.mounts.flatMap((mount) => {
    const { target, secret, uid, gid, mode } = mount;
    const ordinal = mounts[target]?.ordinal;
    if (ordinal === undefined || changes.some((change) => change.target === target)) return [];
    const named = { copy: view.nameFor(mount, consumer.platform, ordinal), ordinal };
    return [{ target, secret, from: named, to: named, uid, gid, mode }];
  });
}

/**
 * Whether a copy is there and on record. One of ours that only an apply that was cut off knew of is delivered once
 * more, which puts it on record: nobody would see who uses it when its version retires.
 */
function isDelivered(
  secret: SecretAddress,
  ordinal: Ordinal,
  platform: string,
  copy: string,
  view: View,
): boolean {
  const there = view.copy(platform, copy);
  if (there === undefined || there.labels[LABEL_SECRET] !== secret) return there !== undefined;
  const listed = recordedVersion(view.recordOf(secret), ordinal)?.copies ?? [];
  return listed.some((each) => each.platform === platform && each.id === there.id);
}

/**
 * The ordinal that a mount should read: its pin, the version of this plan, or the current one. Null: none; an emergency
 * that had no value for the next version leaves the current one dead, and whoever moved on from it stays there.
 */
export function wantedOrdinal(
  mount: Mount,
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation> = new Map(),
): Ordinal | null {
  const record = view.recordOf(mount.secret);
  if (follows(mount, rotations)) return rotations.get(mount.secret)?.ordinal ?? null;
  if (mount.version === null) {
    const current = recordedVersion(record, record?.current ?? null);
    return current === null || current.retiredAt !== null ? null : current.ordinal;
  }
  const pinned = recordedVersion(record, mount.version);
  return pinned === null || isEnding(pinned) || pinned.role === 'pending' ? null : mount.version;
}

/** Whether a mount moves to the version that this plan makes: it is not pinned, or pinned to just that one. */
export function follows(
  { secret, version }: Mount,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): boolean {
  const rotation = rotations.get(secret);
  return rotation !== undefined && (version === null || version === rotation.ordinal);
}

/** Pins that cannot be followed: the version does not exist, or was retired and never returns (invariant I12). */
function lostPins(
  consumer: DeclaredConsumer,
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): Blocked[] {
  const sight = view.service(consumer);
  const service = 'seen' in sight ? sight.seen : null;
  if (service === null) return [];
  return consumer.mounts.flatMap((mount) => {
    const { version, secret, target } = mount;
    if (version === null || wantedOrdinal(mount, view, rotations) !== null) return [];
    const reference = service.references.find((candidate) => candidate.target === target);
    if (reference?.copyName === view.nameFor(mount, consumer.platform, version)) return [];
    const pinned = recordedVersion(view.recordOf(secret), version);
    const isRetired = pinned !== null && isEnding(pinned);
    const begun = pinned?.role === 'retiring' ? 'is being retired' : 'was retired';
    const state = isRetired ? `${begun} and never returns` : 'does not exist';
    const fault = {
      code: 'bad-declaration' as const,
      what: `it pins ${nameOf(secret)} v${version}, which ${state}`,
      where: consumer.path,
      live: `it reads ${reference?.copyName ?? 'nothing'} at ${target}`,
      next: 'take the pin out, or pin a version that `keyturn status` shows',
    };
    return [refuse(consumer, isRetired ? 'disabled' : 'absent', fault)];
  });
}

/**
 * What a mount that follows a rotation goes back to; undefined: it follows none. Needed where an apply that was
 * stopped left the consumer on the new copy already: it is verified all the same, and has the same way back.
 */
function wayBack(
  mount: Mount,
  platform: string,
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): FlipChange['from'] | undefined {
  if (!follows(mount, rotations)) return undefined;
  const prior = view.recordOf(mount.secret)?.current ?? null;
  if (prior === null) return null;
  const named = { copy: view.nameFor(mount, platform, prior), ordinal: prior };
  return isDead(mount.secret, named, view) ? null : named;
}

function changeOf(
  mount: Mount,
  platform: string,
  to: { readonly copy: string; readonly ordinal: Ordinal },
  service: ObservedService,
  back: FlipChange['from'] | undefined,
  view: View,
): FlipChange | null {
  const reference = service.references.find(({ target }) => target === mount.target);
  if (reference?.copyName === to.copy && back === undefined) return null;
  const named =
    reference === undefined
      ? null
      : { copy: reference.copyName, ordinal: view.ordinalNamed(mount, platform, reference) };
  const from = named?.copy === to.copy ? (back ?? null) : named;
  const { target, secret, uid, gid, mode } = mount;
  const change = { target, secret, from, to, uid, gid, mode };
  return isDead(secret, from, view) ? { ...change, back: back ?? null } : change;
}

/**
 * Whether what a mount names is a version that never returns: whoever still reads it only goes forward. An emergency that
 * could not make the next one leaves a dead one current.
 */
function isDead(secret: SecretAddress, named: FlipChange['from'], view: View): boolean {
  const version = recordedVersion(view.recordOf(secret), named?.ordinal ?? null);
  return version !== null && (isEnding(version) || version.retiredAt !== null);
}

function causeOfMove(
  consumer: DeclaredConsumer,
  changes: readonly FlipChange[],
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): Cause {
  const rotating = consumer.mounts.find((mount) => follows(mount, rotations));
  const rotation = rotating === undefined ? undefined : rotations.get(rotating.secret);
  if (rotation !== undefined) return rotation.cause;
  const [first] = changes;
  if (changes.length > 0 && changes.every(isStill))
    return { kind: 'rollback', reason: 'what reads it may still run on a version that was never promoted' };
  if (first !== undefined && changes.every((change) => isWayBack(change, view))) {
    const reason = `${first.from?.copy ?? 'nothing'} was never promoted`;
    return { kind: 'rollback', reason };
  }
  const recorded = view.recordOfConsumer(consumer.address);
  const moved = changes.find(({ target, from }) => {
    const before = recorded?.mounts[target];
    if (before === undefined) return false;
    const delivered = recordedVersion(view.recordOf(before.secret), before.ordinal)?.copies ?? [];
    return !delivered.some(({ name }) => name === from?.copy) && from?.ordinal !== before.ordinal;
  });
  const why =
    moved === undefined
      ? 'declared to read it'
      : `someone else pointed it at ${moved.from?.copy ?? 'nothing'} since the last apply`;
  return { kind: 'mount', why };
}

/** Whether a change leads away from a version that was never promoted: its apply gave it up. */
function isWayBack({ secret, from }: FlipChange, view: View): boolean {
  return recordedVersion(view.recordOf(secret), from?.ordinal ?? null)?.role === 'pending';
}

/** A copy that must be delivered, of a version that is not made in this plan and that the vault cannot give out. */
function valueless(move: Move, view: View, rotations: ReadonlyMap<SecretAddress, Rotation>): Blocked | null {
  for (const { secret, ordinal, copy } of move.missing) {
    const why = rotations.get(secret)?.ordinal === ordinal ? null : undeliverable(secret, ordinal, view);
    if (why === null) continue;
    const state = {
      unknown: 'could not be observed',
      absent: 'does not list it',
      disabled: 'has it disabled',
    };
    return refuse(move.consumer, why, {
      code: why === 'unknown' ? 'vault-unreachable' : 'vault-conflict',
      what: `${copy} cannot be delivered: ${nameOf(secret)} v${ordinal} is needed, and its vault ${state[why]}`,
      where: move.consumer.address,
      live: 'the service keeps what it reads',
      next:
        why === 'unknown'
          ? 'plan again'
          : `enable or recover it, or rotate: keyturn apply --rotate ${secret}`,
    });
  }
  return null;
}

/** As `unreadable`, and for what was taken over from a platform: no vault has it. */
function undeliverable(secret: SecretAddress, ordinal: Ordinal, view: View): ReturnType<typeof unreadable> {
  const version = recordedVersion(view.recordOf(secret), ordinal);
  return unreadable(secret, ordinal, view) ?? (version !== null && isPlatformOnly(version) ? 'absent' : null);
}

/** A consumer that would go back to what an older record calls current. */
function misled(move: Move, view: View, rotations: ReadonlyMap<SecretAddress, Rotation>): Blocked | null {
  for (const { secret: address } of move.changes) {
    const secret = rotations.has(address) ? undefined : view.secret(address);
    const beyond = secret === undefined ? null : beyondRecord(secret, view);
    if (secret === undefined || beyond === null) continue;
    return refuse(move.consumer, 'not-ours', recordIsOlder(secret, beyond.ordinal, view));
  }
  return null;
}

/**
 * A consumer that reads a version that works and would go to one that the vault has disabled, which this record does
 * not know of: the version may have been retired, and that never returns.
 */
function deadEnd(move: Move, view: View, rotations: ReadonlyMap<SecretAddress, Rotation>): Blocked | null {
  for (const { secret, from, to } of move.changes) {
    const versions = view.recordOf(secret);
    const wanted = recordedVersion(versions, to?.ordinal ?? null);
    const left = recordedVersion(versions, from?.ordinal ?? null);
    if (rotations.has(secret) || wanted === null || left === null || left.role === 'pending') continue;
    if (isPlatformOnly(wanted) || unreadable(secret, wanted.ordinal, view) !== 'disabled') continue;
    if (!isPlatformOnly(left) && unreadable(secret, left.ordinal, view) !== null) continue;
    return refuse(move.consumer, 'disabled', {
      code: 'vault-conflict',
      what: `it would go from ${nameOf(secret)} v${left.ordinal} to v${wanted.ordinal}, which the vault has disabled, and this record does not know why`,
      where: move.consumer.address,
      live: `it keeps reading v${left.ordinal}`,
      next: `if v${wanted.ordinal} was disabled by mistake, enable it; if keyturn left it or retired it, bring the record back that was written last`,
    });
  }
  return null;
}

/** A wanted copy's name that something else holds: delivering under it would hand out a foreign value. */
function takenName(move: Move, view: View): Blocked | null {
  for (const change of move.changes) {
    const copy = change.to === null ? undefined : view.copy(move.consumer.platform, change.to.copy);
    if (copy === undefined || copy.labels[LABEL_SECRET] === change.secret) continue;
    if (view.isRecordedCopy(change.secret, move.consumer.platform, copy.id)) continue;
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
