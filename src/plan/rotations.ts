import type { ConsumerAddress, Ordinal, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Blocked, BlockedWhy, Cause } from '../model/plan.ts';
import { isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import type { FaultRecord } from '../model/fault.ts';
import { broughtVersion, untakable } from './brought.ts';
import { causeToRotate, mintOperation } from './cause.ts';
import { Unions } from './graph.ts';
import { beyondRecord, recordIsOlder } from './strays.ts';
import { outOfTurn, untimely } from './timing.ts';
import type { PlanOptions, View } from './view.ts';

/** A secret that gets a new version in this plan. */
export interface Rotation {
  readonly secret: DeclaredSecret;
  readonly cause: Cause;
  readonly ordinal: Ordinal;
  readonly prior: Ordinal | null;
  readonly operation: string;
  /** The vault's id of a version that a person put there and that becomes this one; null: it is minted. */
  readonly taken: string | null;
}

/**
 * Decides which secrets rotate. What should rotate and may not is listed with the reason; of secrets declared
 * `together` either all rotate or none. A secret whose consumer is `stuck` does not rotate.
 */
export function decideRotations(
  view: View,
  options: PlanOptions,
  stuck: ReadonlyMap<ConsumerAddress, Blocked>,
): { readonly rotations: ReadonlyMap<SecretAddress, Rotation>; readonly blocked: readonly Blocked[] } {
  const causes = causesWithCompanions(view, options);
  const obstacles = new Map<SecretAddress, Blocked>();
  for (const secret of view.declared.secrets) {
    const cause = causes.get(secret.address) ?? null;
    const obstacle =
      obstacleTo(secret, cause, view, options) ?? (cause === null ? null : stuckBehind(secret, view, stuck));
    if (obstacle !== null) obstacles.set(secret.address, obstacle);
  }
  spreadToCompanions(view, causes, obstacles);
  const free = view.declared.secrets.flatMap((secret) => {
    const cause = causes.get(secret.address);
    return cause === undefined || obstacles.has(secret.address) ? [] : [{ secret, cause }];
  });
  const sets = companions(view);
  const companionsOf = (address: SecretAddress): SecretAddress[] =>
    sets.find((set) => set.includes(address)) ?? [address];
  for (const obstacle of outOfTurn(free, companionsOf, view))
    obstacles.set(obstacle.address as SecretAddress, obstacle);
  spreadToCompanions(view, causes, obstacles);

  const rotations = new Map<SecretAddress, Rotation>();
  for (const secret of view.declared.secrets) {
    const cause = causes.get(secret.address);
    if (cause === undefined || obstacles.has(secret.address)) continue;
    rotations.set(secret.address, rotationOf(secret, cause, view, options));
  }
  return { rotations, blocked: [...obstacles.values()] };
}

/** What becomes of a secret that rotates for this cause. */
export function rotationOf(
  secret: DeclaredSecret,
  cause: Cause,
  view: View,
  { values }: PlanOptions,
): Rotation {
  const operation = mintOperation(secret, cause, view);
  const item = view.vaultItem(secret);
  const seen = 'seen' in item ? item.seen : null;
  const minted = [seen, ...(seen?.versions ?? [])].find((version) => version?.operation === operation);
  return {
    secret,
    cause,
    operation,
    ordinal: minted?.ordinal ?? view.highestOrdinal(secret) + 1,
    prior: view.recordOf(secret.address)?.current ?? null,
    taken: values.includes(secret.address) ? null : broughtVersion(secret, view),
  };
}

/** Every secret with a cause, and those declared together with one (in either direction). */
function causesWithCompanions(view: View, options: PlanOptions): Map<SecretAddress, Cause> {
  const causes = new Map<SecretAddress, Cause>();
  for (const secret of view.declared.secrets) {
    const cause = causeToRotate(secret, view, options);
    if (cause !== null) causes.set(secret.address, cause);
  }
  for (const set of companions(view)) {
    const leader = set.find((address) => causes.has(address));
    const of = leader === undefined ? undefined : causes.get(leader);
    if (leader === undefined || of === undefined) continue;
    for (const address of set) {
      if (!causes.has(address)) causes.set(address, { kind: 'together', secret: leader, of });
    }
  }
  return causes;
}

function companions(view: View): SecretAddress[][] {
  const unions = new Unions();
  for (const secret of view.declared.secrets) {
    for (const other of secret.together) unions.join(secret.address, other);
  }
  return unions.sets() as SecretAddress[][];
}

function spreadToCompanions(
  view: View,
  causes: ReadonlyMap<SecretAddress, Cause>,
  obstacles: Map<SecretAddress, Blocked>,
): void {
  for (const set of companions(view)) {
    const first = set.find((address) => causes.has(address) && obstacles.has(address));
    if (first === undefined) continue;
    for (const address of set) {
      if (obstacles.has(address) || !causes.has(address)) continue;
      obstacles.set(address, {
        address,
        why: 'blocked-by',
        text: `rotates together with ${nameOf(first)}, which may not rotate now`,
        next: obstacles.get(first)?.next ?? null,
        fault: null,
      });
    }
  }
}

/** Why a secret may not rotate, or null. A vault that is unknown is an obstacle even without a cause. */
function obstacleTo(
  secret: DeclaredSecret,
  cause: Cause | null,
  view: View,
  options: PlanOptions,
): Blocked | null {
  const item = view.vaultItem(secret);
  if ('unknown' in item) {
    return block(
      secret,
      'unknown',
      `could not be observed: ${item.unknown.what}`,
      item.unknown.next,
      item.unknown,
    );
  }
  const foreign = foreignness(secret, view) ?? olderRecord(secret, cause, view);
  if (foreign !== null) return foreign;
  if (cause === null) return null;
  return untimely(secret, cause, view, options) ?? awaiting(secret, options, view);
}

function foreignness(secret: DeclaredSecret, view: View): Blocked | null {
  const item = view.vaultItem(secret);
  const seen = 'seen' in item ? item.seen : null;
  const record = view.recordOf(secret.address);
  if (seen === null) {
    const current = recordedVersion(record, record?.current ?? null);
    if (record === undefined || current === null || isPlatformOnly(current)) return null;
    return faulty(secret, 'absent', {
      code: 'vault-conflict',
      what: `${secret.name} is recorded at v${record.current}, but the vault does not list it`,
      where: secret.address,
      live: 'consumers keep the copies that they have',
      next: `someone deleted it: recover it with \`az keyvault secret recover --vault-name ${secret.vault} --name ${secret.name}\` and plan again`,
    });
  }
  const stack = seen.stack;
  // A record without a current version may only hold an intent: what the vault lists need not be ours. Where a
  // version of ours waits there to be taken up or back, somebody wrote over it.
  const isBegun = record?.versions.some(({ role }) => role === 'pending') ?? false;
  if (record !== undefined && (record.current !== null || isBegun || stack === view.declared.stack))
    return null;
  if (stack !== null && stack !== view.declared.stack) {
    return faulty(secret, 'not-ours', {
      code: 'not-ours',
      what: `${secret.name} belongs to stack '${stack}'`,
      where: `${secret.address}, tag keyturn-stack`,
      next: 'declare it in one stack only',
    });
  }
  if (secret.adopt) return null;
  return faulty(secret, 'not-ours', {
    code: 'not-ours',
    what:
      stack === null
        ? `${secret.name} exists in the vault but was not made by keyturn`
        : `${secret.name} was made by this stack at v${seen.ordinal ?? '?'}, but the record does not know it`,
    where: secret.address,
    live: 'its newest version stays as it is',
    next:
      stack === null
        ? `take it over as it is: keyturn import ${secret.address}; or declare \`adopt: true\` to mint the next version over it`
        : `bring the record back (state/ of the commit that was applied last), or rebuild it: keyturn state rebuild ${view.declared.stack}`,
  });
}

/** The vault holds what this record never gave out, and not because this very rotation was cut off. */
function olderRecord(secret: DeclaredSecret, cause: Cause | null, view: View): Blocked | null {
  const beyond = beyondRecord(secret, view);
  if (beyond === null) return null;
  if (cause !== null && beyond.operation === mintOperation(secret, cause, view)) return null;
  return faulty(secret, 'not-ours', recordIsOlder(secret, beyond.ordinal, view));
}

/** A consumer that would have to follow and may not move; of one that is pinned, only that it is unknown counts. */
function stuckBehind(
  secret: DeclaredSecret,
  view: View,
  stuck: ReadonlyMap<ConsumerAddress, Blocked>,
): Blocked | null {
  for (const { address, mounts } of view.consumersOf(secret.address)) {
    const obstacle = stuck.get(address);
    if (obstacle === undefined) continue;
    const follows = mounts.some((mount) => mount.secret === secret.address && mount.version === null);
    if (!follows && obstacle.why !== 'unknown') continue;
    return block(secret, 'blocked-by', `${address}: ${obstacle.text}`, obstacle.next ?? undefined, null);
  }
  return null;
}

/** A manual secret whose value is not there yet, or not in a way that it can be taken up. */
function awaiting(secret: DeclaredSecret, options: PlanOptions, view: View): Blocked | null {
  if (secret.source.kind !== 'manual' || options.values.includes(secret.address)) return null;
  if (broughtVersion(secret, view) !== null) {
    const fault = untakable(secret, view);
    return fault === null ? null : faulty(secret, 'unsupported', fault);
  }
  const record = view.recordOf(secret.address);
  const current = recordedVersion(record, record?.current ?? null);
  const text = secret.source.instructions ?? 'a person must bring the new value';
  return block(
    secret,
    'awaiting-value',
    current === null ? `has no version yet; ${text}` : `is due, and awaits a value; ${text}`,
    `keyturn apply --value ${secret.address}=-`,
    null,
  );
}

function block(
  secret: DeclaredSecret,
  why: BlockedWhy,
  text: string,
  next: string | undefined,
  fault: FaultRecord | null,
): Blocked {
  return { address: secret.address, why, text, next: next ?? null, fault };
}

function faulty(secret: DeclaredSecret, why: BlockedWhy, fault: FaultRecord): Blocked {
  return { address: secret.address, why, text: fault.what, next: fault.next ?? null, fault };
}
