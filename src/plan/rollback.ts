import type { Address, Instant, IsoDuration, Ordinal, SecretAddress } from '../model/address.ts';
import { copyName, homeOf, nameOf, ordinalOfCopy } from '../model/address.ts';
import type { Declared, DeclaredSecret } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { Observed, ObservedService } from '../model/observed.ts';
import type { Arrival, Cause, DemoteStep, FlipChange, Plan, Step } from '../model/plan.ts';
import type { Recorded, RecordedVersion } from '../model/recorded.ts';
import { priorVersion, recordedVersion } from '../model/recorded.ts';
import type { Move } from './flips.ts';
import { settleStep } from './dated.ts';
import { inOrder } from './graph.ts';
import { obstacleToFlip } from './obstacles.ts';
import { basisOf } from './plan.ts';
import { flipStep, restoreStep, unstageStep, verifyStep } from './steps.ts';
import { beyondRecord, recordIsOlder } from './strays.ts';
import type { Use } from './uses.ts';
import { pinnedTo, usesOf } from './uses.ts';
import { View } from './view.ts';

export interface RollbackInput {
  readonly declared: Declared;
  readonly observed: Observed;
  readonly recorded: Recorded;
  readonly now: Instant;
  readonly address: SecretAddress;
  readonly reason: string | null;
}

/** One secret that goes back, and what it goes back to. */
interface Return {
  readonly secret: DeclaredSecret;
  readonly current: RecordedVersion;
  readonly prior: RecordedVersion;
}

const GROUP = 'g1';
const SETTLE_AT_ONCE: IsoDuration = 'PT0S';

/**
 * The way back after success: everything that was promoted with `address` and is still current returns to its
 * prior version, consumers in reverse order, verified by the same probes and settled; then the prior values
 * become the newest in the vault again and the copies that nothing uses are removed. Throws a fault where there is no way back, naming what is gone.
 */
export function makeRollbackPlan(input: RollbackInput): Plan {
  const view = new View(input);
  const returns = returnsOf(input.address, view);
  assertWayBack(returns, view);
  const cause: Cause = { kind: 'rollback', reason: input.reason };
  const moves = movesBack(returns, cause, view);
  const left = copiesLeft(returns, moves, view);
  const steps = stepsBack(returns, moves, left, cause, view);
  return {
    format: 1,
    stack: input.declared.stack,
    kind: 'rollback',
    createdAt: input.now,
    basis: {
      lineage: input.recorded.lineage,
      serial: input.recorded.serial,
      ...basisOf(steps, view, input.recorded),
    },
    groups: [
      {
        id: GROUP,
        needs: [],
        secrets: returns.map(({ secret }) => secret.address),
        consumers: moves.map(({ consumer }) => consumer.address),
      },
    ],
    steps,
    later: [],
    blocked: [],
    notes: left.map(({ use, address }) => {
      const text = `${use.copy} is not removed: ${nameOf(use.service)} on ${homeOf(use.service)} still refers to it`;
      return { kind: 'limit', address, text };
    }),
  };
}

function returnsOf(address: SecretAddress, view: View): Return[] {
  const record = view.recordOf(address);
  const current = recordedVersion(record, record?.current ?? null);
  if (current === null) throw noWayBack(address, `${nameOf(address)} has no version that was promoted`);
  return view.declared.secrets.flatMap((secret) => {
    const own = view.recordOf(secret.address);
    const version = recordedVersion(own, own?.current ?? null);
    const together =
      version !== null && version.promotion !== null && version.promotion === current.promotion;
    if (!together && secret.address !== address) return [];
    const beyond = beyondRecord(secret, view);
    if (beyond !== null) throw new Fault(recordIsOlder(secret, beyond.ordinal, view));
    const prior = priorVersion(own);
    if (version === null || prior === null) {
      const retired = own?.versions.findLast(
        ({ role, ordinal }) => role === 'retired' && ordinal < (version?.ordinal ?? 0),
      );
      const why =
        retired === undefined
          ? `${secret.name} v${version?.ordinal ?? '?'} is its first version`
          : `${secret.name} v${retired.ordinal} was retired at ${retired.retiredAt}, and a retired version never returns`;
      throw noWayBack(secret.address, why);
    }
    const [pin] = pinnedTo(secret.address, version.ordinal, view);
    if (pin !== undefined) {
      const why = `${secret.name} v${version.ordinal} would be disabled, and ${pin} is pinned to it`;
      throw noWayBack(secret.address, why, 'take the pin out of the stack, then roll back');
    }
    return [{ secret, current: version, prior }];
  });
}

/** The prior must be readable in the vault and still on every platform, or nothing is begun. */
function assertWayBack(returns: readonly Return[], view: View): void {
  for (const { secret, prior } of returns) {
    const item = view.vaultItem(secret);
    if ('unknown' in item) throw new Fault(item.unknown);
    const versions = item.seen?.versions ?? null;
    const enabled =
      versions?.some(({ storeId, enabled: on }) => on && prior.storeIds.includes(storeId)) ?? false;
    if (!enabled) {
      throw noWayBack(
        secret.address,
        `the way back is gone: no enabled copy of v${prior.ordinal} is in the vault`,
      );
    }
    for (const { platform, name } of prior.copies) {
      const sight = view.platform(platform);
      if ('unknown' in sight) throw new Fault(sight.unknown);
      if (view.copy(platform, name) === undefined) {
        throw noWayBack(secret.address, `the way back is gone: ${name} was removed from ${platform}`);
      }
    }
  }
}

function noWayBack(
  address: SecretAddress,
  what: string,
  next = `to move forward instead: keyturn apply --rotate ${address}`,
): Fault {
  return new Fault({ code: 'bad-usage', what, where: address, live: 'nothing was changed', next });
}

function movesBack(returns: readonly Return[], cause: Cause, view: View): Move[] {
  const consumers = new Map(
    returns
      .flatMap(({ secret }) => view.consumersOf(secret.address))
      .map((consumer) => [consumer.address, consumer]),
  );
  const needs = new Map([...consumers.values()].map(({ address, dependsOn }) => [address, dependsOn]));
  const reversed = inOrder([...consumers.keys()], needs).reverse();
  return reversed.flatMap((address) => {
    const consumer = [...consumers.values()].find((candidate) => candidate.address === address);
    if (consumer === undefined) return [];
    const obstacle = obstacleToFlip(consumer, view);
    if (obstacle !== null && obstacle.why !== 'busy')
      throw new Fault(obstacle.fault ?? { code: 'unexpected', what: obstacle.text });
    const sight = view.service(consumer);
    const service = 'seen' in sight ? sight.seen : null;
    if (service === null) return [];
    const { changes, mounts } = changesBack(consumer, service, returns, view);
    if (changes.length === 0) return [];
    return [
      { consumer, service, changes, cause, arrival: { consumer: consumer.address, mounts }, missing: [] },
    ];
  });
}

function changesBack(
  consumer: Move['consumer'],
  service: ObservedService,
  returns: readonly Return[],
  view: View,
): { changes: FlipChange[]; mounts: Arrival['mounts'] } {
  const changes: FlipChange[] = [];
  const mounts: Record<string, { secret: SecretAddress; ordinal: Ordinal }> = {
    ...view.recordOfConsumer(consumer.address)?.mounts,
  };
  for (const mount of consumer.mounts) {
    const back = returns.find(({ secret }) => secret.address === mount.secret);
    if (back === undefined || (mount.version !== null && mount.version !== back.prior.ordinal)) continue;
    const { target, secret, base, uid, gid, mode } = mount;
    const reference = service.references.find((candidate) => candidate.target === target);
    const copy = copyName(base, back.prior.ordinal);
    mounts[target] = { secret, ordinal: back.prior.ordinal };
    if (reference === undefined || reference.copyName === copy) continue;
    if (view.copy(consumer.platform, copy) === undefined) {
      const why = `the way back is gone: ${consumer.service} reads ${reference.copyName}, and there is no ${copy} on ${consumer.platform}`;
      throw noWayBack(secret, why);
    }
    const from = { copy: reference.copyName, ordinal: ordinalOfCopy(base, reference.copyName) };
    changes.push({ target, secret, from, to: { copy, ordinal: back.prior.ordinal }, uid, gid, mode });
  }
  return { changes, mounts };
}

/** A copy of what goes back that someone else refers to: then all copies of its version stay on their platforms. */
interface Left {
  readonly address: SecretAddress;
  readonly use: Use;
}

function copiesLeft(returns: readonly Return[], moves: readonly Move[], view: View): Left[] {
  const flipped = new Map<Address, Set<string>>(
    moves.map(({ consumer, changes }) => [consumer.address, new Set(changes.map(({ target }) => target))]),
  );
  const leaving = { settled: new Set(flipped.keys()), flipped };
  return returns.flatMap(({ secret: { address }, current }) =>
    usesOf(current.copies, view, leaving).map((use) => ({ address, use })),
  );
}

function stepsBack(
  returns: readonly Return[],
  moves: readonly Move[],
  left: readonly Left[],
  cause: Cause,
  view: View,
): Step[] {
  const steps: Step[] = [];
  const next = (): string => `${GROUP}.${steps.length + 1}`;
  let before: string[] = [];
  for (const move of moves) {
    const flip = flipStep(move, move.changes, next(), GROUP, before);
    steps.push(flip);
    const verify = verifyStep(move, flip, next(), GROUP);
    steps.push(verify);
    before = [verify.id];
  }
  const verified = steps.filter(({ kind }) => kind === 'verify').map(({ id }) => id);
  for (const { consumer } of moves) {
    steps.push(settleStep(consumer, { id: next(), group: GROUP, needs: verified, cause }));
  }
  const settled = steps.filter(({ kind }) => kind === 'settle').map(({ id }) => id);
  const restored: string[] = [];
  for (const { secret, current, prior } of returns) {
    const failed = {
      secret,
      ordinal: current.ordinal,
      cause,
      operation: `${current.operation} after promotion`,
    };
    const restore = restoreStep(failed, next(), GROUP, prior.ordinal, view);
    steps.push({ ...restore, needs: verified });
    restored.push(restore.id);
  }
  steps.push(demoteStep(returns, moves, cause, next(), restored));
  const demoted = [steps.at(-1)?.id ?? ''];
  for (const { secret, current } of returns) {
    for (const { platform, name } of current.copies) {
      if (left.some(({ address }) => address === secret.address)) continue;
      const base = { group: GROUP, address: secret.address, cause, secret: secret.address };
      const copy = { ordinal: current.ordinal, platform, copy: name };
      steps.push(unstageStep({ ...base, ...copy, id: next(), needs: [...demoted, ...settled] }));
    }
  }
  return steps;
}

function demoteStep(
  returns: readonly Return[],
  moves: readonly Move[],
  cause: Cause,
  id: string,
  needs: readonly string[],
): DemoteStep {
  const names = returns.map(({ secret, prior }) => `${secret.name} v${prior.ordinal}`);
  return {
    kind: 'demote',
    id,
    group: GROUP,
    address: returns[0]?.secret.address ?? 'vault:///',
    needs,
    cause,
    text: `record ${names.join(', ')} as current again`,
    demotions: returns.map(({ secret, current, prior }) => ({
      secret: secret.address,
      ordinal: current.ordinal,
      to: prior.ordinal,
    })),
    consumers: moves.map(({ arrival }) => ({ ...arrival, settleAfter: SETTLE_AT_ONCE })),
    inverse: null,
  };
}
