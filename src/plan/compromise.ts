import type { Address, ConsumerAddress, Instant, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { Declared, DeclaredSecret } from '../model/declared.ts';
import type { Observed } from '../model/observed.ts';
import type { Emergency, Exposure, RadiusMember } from '../model/emergency.ts';
import type { Blocked, Cause, Note, Plan } from '../model/plan.ts';
import { rootCause } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import { broughtVersion, untakable } from './brought.ts';
import { emergencyWork } from './emergency.ts';
import type { Stuck } from './flips.ts';
import { decideMoves } from './flips.ts';
import { clusters } from './groups.ts';
import { basisOf } from './plan.ts';
import { parkedWork } from './parked.ts';
import { radiusOf } from './radius.ts';
import type { Rotation } from './rotations.ts';
import { rotationOf } from './rotations.ts';
import { beyondRecord } from './strays.ts';
import { usesOf } from './uses.ts';
import { NO_OPTIONS, View } from './view.ts';

export interface CompromiseInput {
  readonly declared: Declared;
  readonly observed: Observed;
  readonly recorded: Recorded;
  readonly now: Instant;
  /** The secrets that others are known or thought to have. */
  readonly addresses: readonly SecretAddress[];
  readonly incident: string;
  /** Rotate these alone, and say what that leaves. */
  readonly only: boolean;
  /** Disable the old versions before there are new ones, also where nothing can be revoked at its source. */
  readonly revokeFirst: boolean;
  readonly discoveredAt: Instant;
  /** By then everything should be dead. */
  readonly deadline: Instant;
  /** Manual secrets that a person gave a value for. */
  readonly values: readonly SecretAddress[];
}

/**
 * The emergency plan: a second compile of the same declarations. Everything within the blast radius gets a new
 * version, every consumer goes to it side by side, and every older version is dead at the end: no soak, no window, no
 * freeze, no hold, no pin keeps it. It only goes forward. Planned again for the same incident it holds what is not
 * done yet. Pure, like makePlan.
 */
export function makeCompromisePlan(input: CompromiseInput): Plan {
  const asDeclared = new View(input);
  const reached = radiusOf(input.addresses, asDeclared);
  const members = reached.map((reach): RadiusMember => {
    const { secret } = reach;
    return {
      ...reach,
      current: asDeclared.recordOf(secret)?.current ?? null,
      consumers: asDeclared.consumersOf(secret).map(({ address }) => address),
      left: whyLeft(reach, input, asDeclared),
    };
  });
  const moving = new Set(members.filter(({ left }) => left === null).map(({ secret }) => secret));
  const view = new View({ ...input, declared: withoutPins(input.declared, moving) });
  const cause: Cause = { kind: 'compromise', incident: input.incident };
  const rotations = rotationsOf(moving, cause, input, view);
  const decided = decideMoves(view, rotations, true);
  const reads = ({ consumer }: Pick<Stuck, 'consumer'>): boolean =>
    consumer.mounts.some(({ secret }) => moving.has(secret));
  const moves = decided.moves.filter(reads).map((move) => ({ ...move, cause }));
  const readers = new Set(members.flatMap(({ consumers }) => consumers));
  const mended = parkedWork(view, moves, [...readers]);
  const stuck = [...decided.stuck.filter(reads), ...stillParked(mended.notes, readers, decided.stuck, view)];
  const order = { ...input, cause, moving };
  const work = emergencyWork(clusters(view, rotations, moves), order, view);
  const groups = [...work.groups, ...mended.groups];
  const steps = [...work.steps, ...mended.steps];
  const emergency: Emergency = {
    incident: input.incident,
    discoveredAt: input.discoveredAt,
    deadline: input.deadline,
    radius: members,
    exposed: [
      ...members.flatMap((member) => exposure(member, view)),
      ...[...moving].flatMap((secret) => unproved(secret, view)),
      ...parked(stuck),
      ...strangers(moving, view),
    ],
  };
  return {
    format: 1,
    stack: input.declared.stack,
    kind: 'compromise',
    createdAt: input.now,
    basis: {
      lineage: input.recorded.lineage,
      serial: input.recorded.serial,
      ...basisOf(steps, view, input.recorded),
    },
    groups,
    steps,
    later: [],
    blocked: [
      ...members.flatMap((member) => blocked(member, view)),
      ...stuck.map(({ obstacle }) => obstacle),
    ],
    notes: overriddenPins(input.declared, moving),
    emergency,
  };
}

/** Why a member is not rotated by this plan; null: it is, or was for this very incident. */
function whyLeft(
  { secret: address, why }: Pick<RadiusMember, 'secret' | 'why'>,
  { only, values, incident }: CompromiseInput,
  view: View,
): RadiusMember['left'] {
  const secret = view.secret(address);
  const record = view.recordOf(address);
  if (only && why !== 'named') return 'only';
  if (secret === undefined || record?.current == null) return 'not-minted';
  const item = view.vaultItem(secret);
  if ('unknown' in item) return 'unknown';
  if (item.seen === null || beyondRecord(secret, view) !== null) return 'not-ours';
  if (isRotatedFor(incident, address, view) || secret.source.kind !== 'manual' || values.includes(address))
    return null;
  return broughtVersion(secret, view) !== null && untakable(secret, view) === null ? null : 'awaiting-value';
}

function isRotatedFor(incident: string, address: SecretAddress, view: View): boolean {
  const record = view.recordOf(address);
  const current = recordedVersion(record, record?.current ?? null);
  const cause = current === null ? null : rootCause(current.cause);
  return cause?.kind === 'compromise' && cause.incident === incident;
}

function rotationsOf(
  moving: ReadonlySet<SecretAddress>,
  cause: Cause,
  { incident, values }: CompromiseInput,
  view: View,
): Map<SecretAddress, Rotation> {
  const rotations = new Map<SecretAddress, Rotation>();
  for (const secret of view.declared.secrets) {
    if (!moving.has(secret.address) || isRotatedFor(incident, secret.address, view)) continue;
    rotations.set(secret.address, rotationOf(secret, cause, view, { ...NO_OPTIONS, values }));
  }
  return rotations;
}

/** No pin keeps a consumer on a version that others have. */
function withoutPins(declared: Declared, moving: ReadonlySet<SecretAddress>): Declared {
  return {
    ...declared,
    consumers: declared.consumers.map((consumer) => ({
      ...consumer,
      mounts: consumer.mounts.map((mount) =>
        moving.has(mount.secret) ? { ...mount, version: null } : mount,
      ),
    })),
  };
}

function overriddenPins(declared: Declared, moving: ReadonlySet<SecretAddress>): Note[] {
  return declared.consumers.flatMap(({ address, service, mounts }) =>
    mounts
      .filter(({ secret, version }) => version !== null && moving.has(secret))
      .map(({ secret, version }): Note => {
        const text = `${service} is declared to stay on ${nameOf(secret)} v${version}, and moves all the same: take the pin out of the stack`;
        return { kind: 'pinned', address, text };
      }),
  );
}

const LEFT: Readonly<Record<NonNullable<RadiusMember['left']>, string>> = {
  'only': 'is within the radius and left out by --only',
  'awaiting-value': 'is manual, and no new value was brought',
  'unknown': 'could not be observed in its vault',
  'not-minted': 'has no version that was promoted',
  'not-ours': 'is not in the vault as it is recorded',
};

function exposure({ secret: address, current, left }: RadiusMember, view: View): Exposure[] {
  if (left === null || left === 'not-minted') return [];
  const text = `v${current ?? '?'} stays usable: it ${LEFT[left]}`;
  return [{ address, text, next: nextFor(left, address, view) }];
}

/** Versions that an earlier emergency disabled and could not show to be refused: nobody can read them any more. */
function unproved(secret: SecretAddress, view: View): Exposure[] {
  return (view.recordOf(secret)?.versions ?? []).flatMap(({ role, ordinal, disabledAt, unproved: why }) => {
    if (role !== 'retiring' || disabledAt === undefined) return [];
    const text = `v${ordinal} is disabled in the vault and not shown to be refused: ${why ?? 'its proof was cut off'}`;
    const next =
      'make sure at its source that it is revoked: a disabled value cannot be read to try it once more';
    return [{ address: secret, text, next }];
  });
}

function nextFor(left: NonNullable<RadiusMember['left']>, address: SecretAddress, view: View): string | null {
  const secret = view.secret(address);
  switch (left) {
    case 'only':
      return `take it along: leave --only out, or name ${nameOf(address)}`;
    case 'awaiting-value':
      return `${instructions(secret)}then run the same command with --value ${address}=-`;
    case 'unknown':
    case 'not-ours':
      return 'keyturn plan says what is wrong; mend that, then run the same command again';
    case 'not-minted':
      return null;
  }
}

function instructions(secret: DeclaredSecret | undefined): string {
  return secret?.source.kind === 'manual' && secret.source.instructions !== null
    ? `${secret.source.instructions}; `
    : '';
}

/** What waits for a person, in the plan's own words for it. */
function blocked({ secret: address, left }: RadiusMember, view: View): Blocked[] {
  if (left === null || left === 'only' || left === 'not-minted') return [];
  const item = view.secret(address);
  const sight = item === undefined ? null : view.vaultItem(item);
  const fault = sight !== null && 'unknown' in sight ? sight.unknown : null;
  return [{ address, why: left, text: LEFT[left], next: nextFor(left, address, view), fault }];
}

/** Consumers within the radius that an earlier emergency left behind, and that nothing here moves on. */
function stillParked(
  notes: readonly Note[],
  readers: ReadonlySet<Address>,
  stuck: readonly Stuck[],
  view: View,
): Stuck[] {
  return notes.flatMap(({ address }) => {
    const consumer = view.declared.consumers.find((each) => each.address === address);
    const parked = consumer === undefined ? undefined : view.recordOfConsumer(consumer.address)?.parked;
    if (consumer === undefined || parked === undefined || !readers.has(consumer.address)) return [];
    if (stuck.some((each) => each.consumer === consumer)) return [];
    const next = `see \`docker service ps ${consumer.service}\`, mend it and run the same command again; where a value was wrong, bring a good one for another incident`;
    const obstacle: Blocked = {
      address: consumer.address,
      why: 'busy',
      text: parked.reason,
      next,
      fault: null,
    };
    return [{ consumer, obstacle }];
  });
}

/** Consumers that cannot be moved now: what they read dies all the same. */
function parked(stuck: readonly Stuck[]): Exposure[] {
  return stuck.map(({ consumer: { address }, obstacle: { text, next } }) => ({
    address: address as Address,
    text: `is parked: ${text}`,
    next,
  }));
}

/** Services that read a copy and are not declared to do so: nobody moves them, and they keep it mounted. */
function strangers(moving: ReadonlySet<SecretAddress>, view: View): Exposure[] {
  return [...moving].flatMap((secret) => {
    const copies = view.recordOf(secret)?.versions.flatMap((version) => version.copies) ?? [];
    return usesOf(copies, view)
      .filter(({ service, by }) => by !== 'previous spec' && !mounts(service, secret, view))
      .map(({ service, copy }) => {
        const isDeclared = view.consumer(service) !== undefined;
        const text = isDeclared
          ? `reads ${copy} at a mount that is not declared: it keeps it until somebody moves it`
          : `reads ${copy} and is not declared here: it keeps it until somebody moves it`;
        const next = isDeclared
          ? 'take that mount out of the service by hand, or declare it and run the same command again'
          : 'point it at the new version by hand, or declare it and run the same command again';
        return { address: service, text, next };
      });
  });
}

function mounts(service: ConsumerAddress, secret: SecretAddress, view: View): boolean {
  return view.consumer(service)?.mounts.some((mount) => mount.secret === secret) === true;
}
