import type { Address, Instant, IsoDuration, Ordinal, SecretAddress } from '../model/address.ts';
import { homeOf, isOnHost, nameOf } from '../model/address.ts';
import type { Declared } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { Observed, ObservedService } from '../model/observed.ts';
import type { Arrival, Cause, DemoteStep, FlipChange, Note, Plan, StageStep, Step } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { isPlatformOnly } from '../model/recorded.ts';
import type { MissingCopy, Move } from './flips.ts';
import { settleStep } from './dated.ts';
import { inOrder } from './graph.ts';
import { settleAfter } from './hosts.ts';
import { restoreStep } from './mint.ts';
import { obstacleToFlip } from './obstacles.ts';
import { basisOf } from './plan.ts';
import type { Return } from './returns.ts';
import { noWayBack, returnsOf } from './returns.ts';
import { flipStep, smokeSteps, unstageStep, verifyStep } from './steps.ts';
import type { Use } from './uses.ts';
import { usesOf } from './uses.ts';
import { View } from './view.ts';

export interface RollbackInput {
  readonly declared: Declared;
  readonly observed: Observed;
  readonly recorded: Recorded;
  readonly now: Instant;
  readonly address: SecretAddress;
  readonly reason: string | null;
}

const GROUP = 'g1';
const SETTLE_AT_ONCE: IsoDuration = 'PT0S';

/**
 * The way back after success: everything that was promoted with `address` and is still current returns to its
 * prior version, consumers in reverse order, verified by the same probes and settled; then the prior values
 * become the newest in the vault again and the copies that nothing uses are removed. A prior's copy that somebody
 * removed is delivered again first. A consumer that somebody put back by hand is verified and settled all the same.
 *
 * A prior that is only on the platform becomes the newest nowhere: where somebody reads the vault without a version
 * the one that is left stays enabled for them. Throws a fault where there is no way back, naming what is gone.
 */
export function makeRollbackPlan(input: RollbackInput): Plan {
  const view = new View(input);
  const { returns, left: staying } = returnsOf(input.address, view);
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
    notes: [...staying, ...returns.flatMap(onlyOnPlatform), ...left.map(leftText)],
  };
}

/** A consumer on its way back: `changes` is empty where somebody put it back by hand. */
interface MoveBack extends Move {
  /** target → the prior's copy. */
  readonly expected: Readonly<Record<string, string>>;
}

function movesBack(returns: readonly Return[], cause: Cause, view: View): MoveBack[] {
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
    const back = changesBack(consumer, service, returns, view);
    const { changes, mounts, expected, missing } = back;
    if (changes.length === 0 && !back.wasPutBack) return [];
    const arrival = { consumer: consumer.address, mounts };
    return [{ consumer, service, changes, cause, arrival, missing, expected }];
  });
}

interface ChangesBack {
  readonly changes: readonly FlipChange[];
  readonly mounts: Arrival['mounts'];
  readonly expected: Readonly<Record<string, string>>;
  readonly missing: readonly MissingCopy[];
  /** It reads the prior already, which the record does not know, or its previous spec names what goes back. */
  readonly wasPutBack: boolean;
}

function changesBack(
  consumer: Move['consumer'],
  service: ObservedService,
  returns: readonly Return[],
  view: View,
): ChangesBack {
  const recorded = view.recordOfConsumer(consumer.address)?.mounts ?? {};
  const changes: FlipChange[] = [];
  const missing: MissingCopy[] = [];
  const expected: Record<string, string> = {};
  const mounts: Record<string, { secret: SecretAddress; ordinal: Ordinal }> = { ...recorded };
  let wasPutBack = false;
  for (const mount of consumer.mounts) {
    const back = returns.find(({ secret }) => secret.address === mount.secret);
    if (back === undefined || (mount.version !== null && mount.version !== back.prior.ordinal)) continue;
    const { target, secret, uid, gid, mode } = mount;
    const { ordinal } = back.prior;
    const reference = service.references.find((candidate) => candidate.target === target);
    const copy = view.nameFor(mount, consumer.platform, ordinal);
    if (reference === undefined) {
      mounts[target] = { secret, ordinal };
      // Somebody removed the file, and what still runs has read what goes back: it is written anew.
      if (isLost(consumer, recorded[target])) {
        expected[target] = copy;
        changes.push({ target, secret, from: null, to: { copy, ordinal }, uid, gid, mode });
      }
      continue;
    }
    wasPutBack ||= recorded[target]?.ordinal !== ordinal || isNamedBefore(back, service);
    mounts[target] = { secret, ordinal };
    expected[target] = copy;
    if (reference.copyName === copy) continue;
    if (!isOnHost(consumer.address) && view.copy(consumer.platform, copy) === undefined) {
      if (!back.prior.copies.some((known) => known.platform === consumer.platform && known.name === copy)) {
        const why = `the way back is gone: ${consumer.service} reads ${reference.copyName}, and there is no ${copy} on ${consumer.platform}`;
        throw noWayBack(secret, why);
      }
      missing.push({ secret, ordinal, platform: consumer.platform, copy });
    }
    const from = {
      copy: reference.copyName,
      ordinal: view.ordinalNamed(mount, consumer.platform, reference),
    };
    changes.push({ target, secret, from, to: { copy, ordinal }, uid, gid, mode });
  }
  if (changes.length > 0) changes.push(...lostBeside(consumer, service, changes, view));
  return { changes, mounts, expected, missing, wasPutBack };
}

/** Whether a variable is gone that keyturn wrote: with its file, or with the marker beside that. */
function isLost({ address }: Move['consumer'], known: Arrival['mounts'][string] | undefined): boolean {
  return isOnHost(address) && known !== undefined;
}

/** What else was in a file that is gone: written anew with what goes back. */
function lostBeside(
  consumer: Move['consumer'],
  { references }: ObservedService,
  changes: readonly FlipChange[],
  view: View,
): FlipChange[] {
  const recorded = view.recordOfConsumer(consumer.address)?.mounts ?? {};
  const named = new Set([...references, ...changes].map(({ target }) => target));
  return consumer.mounts.flatMap((mount) => {
    const { target, secret, uid, gid, mode } = mount;
    const known = recorded[target];
    if (known === undefined || named.has(target) || !isLost(consumer, known)) return [];
    const to = { copy: view.nameFor(mount, consumer.platform, known.ordinal), ordinal: known.ordinal };
    return [{ target, secret, from: null, to, uid, gid, mode }];
  });
}

function isNamedBefore({ current }: Return, { previousReferences }: ObservedService): boolean {
  const ids = new Set(current.copies.map(({ id }) => id));
  return previousReferences?.some(({ copyId }) => ids.has(copyId)) ?? false;
}

/** A copy of what goes back that someone else refers to: then all copies of its version stay on their platforms. */
interface Left {
  readonly address: SecretAddress;
  readonly use: Use;
}

function copiesLeft(returns: readonly Return[], moves: readonly Move[], view: View): Left[] {
  // Somebody's own way back restarts tasks as a flip does, and is verified before anything is removed.
  const flipped = new Map<Address, Set<string>>(
    moves.map(({ consumer, changes }) => [consumer.address, new Set(changes.map(({ target }) => target))]),
  );
  const leaving = { settled: new Set(flipped.keys()), flipped };
  return returns.flatMap(({ secret: { address }, current }) =>
    usesOf(current.copies, view, leaving).map((use) => ({ address, use })),
  );
}

function leftText({ use, address }: Left): Note {
  const text = `${use.copy} is not removed: ${nameOf(use.service)} on ${homeOf(use.service)} still refers to it`;
  return { kind: 'limit', address, text };
}

/** What a prior without a value in the vault means for who reads there. */
function onlyOnPlatform({ secret, current, prior }: Return): Note[] {
  if (!isPlatformOnly(prior)) return [];
  const { name, vault, address } = secret;
  const absent = `${name} v${prior.ordinal} is only on its platform, and cannot be made the newest in ${vault}`;
  const then = keepsReaders(secret, prior)
    ? `v${current.ordinal} stays enabled there for those who read it without a version, and is disabled once another version is promoted`
    : `v${current.ordinal} is disabled there, and nothing of it can be read until another version is minted`;
  return [{ kind: 'readers', address, text: `${absent}: ${then}` }];
}

function keepsReaders({ readers }: Return['secret'], prior: Return['prior']): boolean {
  return isPlatformOnly(prior) && readers === 'latest';
}

function stepsBack(
  returns: readonly Return[],
  moves: readonly MoveBack[],
  left: readonly Left[],
  cause: Cause,
  view: View,
): Step[] {
  const steps: Step[] = [];
  const next = (): string => `${GROUP}.${steps.length + 1}`;
  const stages = new Map<string, StageStep>();
  for (const copy of moves.flatMap(({ missing }) => missing)) {
    const key = `${copy.platform} ${copy.copy}`;
    if (stages.has(key)) continue;
    const stage = redelivery(copy, cause, next());
    stages.set(key, stage);
    steps.push(stage);
  }
  let before: string[] = [];
  for (const move of moves) {
    const staged = move.missing.flatMap(({ platform, copy }) => stages.get(`${platform} ${copy}`)?.id ?? []);
    const flip = flipStep(move, move.changes, next(), GROUP, [...staged, ...before]);
    const isThere = move.changes.length === 0;
    if (!isThere) steps.push(flip);
    const verify = verifyStep(move, flip, next(), GROUP);
    steps.push({ ...verify, expected: move.expected, needs: isThere ? before : verify.needs });
    before = [verify.id];
  }
  const verifies = new Map(
    steps.flatMap((step) => (step.kind === 'verify' ? [[step.consumer, step] as const] : [])),
  );
  steps.push(...smokeSteps({ id: GROUP, moves }, verifies, numberedFrom(steps.length), view));
  const verified = steps.filter(({ kind }) => kind === 'verify' || kind === 'smoke').map(({ id }) => id);
  for (const { consumer } of moves) {
    if (isOnHost(consumer.address)) continue;
    steps.push(settleStep(consumer, { id: next(), group: GROUP, needs: verified, cause }));
  }
  const settled = steps.filter(({ kind }) => kind === 'settle').map(({ id }) => id);
  const restored: string[] = [];
  for (const { secret, current, prior } of returns) {
    if (keepsReaders(secret, prior)) continue;
    const failed = {
      secret,
      ordinal: current.ordinal,
      cause,
      operation: `${current.operation} after promotion`,
    };
    const to = isPlatformOnly(prior) ? null : prior.ordinal;
    const restore = restoreStep(failed, next(), GROUP, to, view);
    steps.push({ ...restore, needs: verified });
    restored.push(restore.id);
  }
  steps.push(demoteStep(returns, moves, cause, next(), restored.length > 0 ? restored : verified));
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

function numberedFrom(count: number): () => string {
  let last = count;
  return () => `${GROUP}.${(last += 1)}`;
}

/** A copy that somebody removed meanwhile: Swarm only protects what a spec names. */
function redelivery({ secret, ordinal, platform, copy }: MissingCopy, cause: Cause, id: string): StageStep {
  const place = { group: GROUP, address: secret, needs: [], cause, secret, ordinal, platform, copy };
  return {
    ...place,
    kind: 'stage',
    id,
    text: `deliver ${copy} to ${platform} again, unused`,
    inverse: unstageStep({ ...place, id: `${id}:undo` }),
  };
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
      ...(keepsReaders(secret, prior) ? { staysEnabled: true as const } : {}),
    })),
    consumers: moves.map(({ arrival }) => ({
      ...arrival,
      settleAfter: settleAfter(arrival.consumer, SETTLE_AT_ONCE),
    })),
    inverse: null,
  };
}
