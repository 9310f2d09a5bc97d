import { durationMs, humanDuration, plus } from '../calendar/calendar.ts';
import type { Address, IsoDuration, SecretAddress } from '../model/address.ts';
import { isOnHost, nameOf, spoken } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { Restart } from '../model/host.ts';
import type {
  Cause,
  DemoteStep,
  FlipChange,
  FlipStep,
  MintStep,
  PromoteStep,
  SmokeStep,
  StageStep,
  Step,
  UnstageStep,
  VerifyStep,
} from '../model/plan.ts';
import type { MissingCopy, Move } from './flips.ts';
import type { Cluster } from './groups.ts';
import { isStill, settleAfter, writeOf } from './hosts.ts';
import { mintStep } from './mint.ts';
import type { View } from './view.ts';
import { turnsOf } from './waves.ts';

const NO_WAIT: IsoDuration = 'PT0S';

/** mint → stage → flip → verify → promote for one group, each with its inverse. `isFollowed`: others wait for its end. */
export function stepsOf(cluster: Cluster, view: View, isFollowed: boolean): Step[] {
  const numbering = numbered(cluster.id);
  const mints = new Map<SecretAddress, MintStep>();
  for (const rotation of cluster.rotations) {
    const before = [...rotation.secret.dependsOn, ...rotation.secret.derivedFrom];
    const needs = [...new Set(before.flatMap((address) => mints.get(address)?.id ?? []))].sort();
    mints.set(rotation.secret.address, mintStep(rotation, numbering(), cluster.id, needs, view));
  }
  const stages = stageSteps(cluster, mints, numbering);
  const flips = new Map<Address, FlipStep>();
  const verifies = new Map<Address, VerifyStep>();
  for (const { move, after, watch } of turnsOf(cluster, view, isFollowed)) {
    const staged = stages.filter(({ platform }) => platform === move.consumer.platform);
    const used = staged.filter(({ copy }) => move.changes.some((change) => change.to?.copy === copy));
    const before = new Set<Address>([...move.consumer.dependsOn, ...after]);
    const first = [...before].flatMap((address) => verifies.get(address)?.id ?? []);
    const flip = flipStep(move, move.changes, numbering(), cluster.id, [
      ...used.map(({ id }) => id),
      ...mintsWritten(move, mints),
      ...first,
    ]);
    flips.set(move.consumer.address, flip);
    verifies.set(move.consumer.address, verifyStep(move, flip, numbering(), cluster.id, watch));
  }
  const smokes = smokeSteps(cluster, verifies, numbering, view);
  const leaves: Step[] = [...mints.values(), ...stages, ...verifies.values(), ...smokes];
  const promote = promoteStep(cluster, numbering(), leaves, view);
  const moves = [...flips.values()].flatMap((flip) =>
    [flip, verifies.get(flip.address)].filter((step) => !!step),
  );
  return [...mints.values(), ...stages, ...moves, ...smokes, promote];
}

/** The mints whose values a flip writes itself, because its platform keeps no copies that were delivered before. */
export function mintsWritten(
  { consumer, changes }: Pick<Move, 'consumer' | 'changes'>,
  mints: ReadonlyMap<SecretAddress, Pick<MintStep, 'id' | 'ordinal'>>,
): string[] {
  if (!isOnHost(consumer.address)) return [];
  return changes.flatMap(({ secret, to }) => {
    const mint = mints.get(secret);
    return mint === undefined || mint.ordinal !== to?.ordinal ? [] : [mint.id];
  });
}

/** The declared tests of what moves, once all of the group is verified. */
export function smokeSteps(
  { id: group, moves }: Pick<Cluster, 'id' | 'moves'>,
  verifies: ReadonlyMap<Address, Pick<VerifyStep, 'id' | 'cause'>>,
  numbering: () => string,
  view: View,
): SmokeStep[] {
  const moving = moves.map(({ consumer }) => consumer.address).filter((address) => verifies.has(address));
  return (view.declared.smokeTests ?? []).flatMap(({ name, argv, directory, timeout, consumers }) => {
    const address = consumers.find((each) => moving.includes(each));
    const cause = address === undefined ? undefined : verifies.get(address)?.cause;
    if (address === undefined || cause === undefined) return [];
    return {
      kind: 'smoke' as const,
      id: numbering(),
      group,
      address,
      needs: [...verifies.values()].map(({ id }) => id).sort(),
      cause,
      text: `smoke test ${name}`,
      test: { name, argv, directory, timeout },
      inverse: null,
    };
  });
}

/** How long a cluster's consumers keep their previous spec: the longest soak among the secrets that move. */
export function longestSoak(cluster: Cluster, view: View): IsoDuration {
  const moved = cluster.moves.flatMap(({ changes }) => changes.map(({ secret }) => view.secret(secret)));
  const soaks = [
    ...cluster.rotations.map(({ secret }) => secret.soak),
    ...moved.map((secret) => secret?.soak ?? NO_WAIT),
  ];
  return soaks.reduce((longest, soak) => (durationMs(soak) > durationMs(longest) ? soak : longest), NO_WAIT);
}

/** Whether the consumers that a cluster moves are settled in the same apply. */
export function settlesAtOnce(cluster: Cluster, view: View): boolean {
  return durationMs(longestSoak(cluster, view)) === 0;
}

function numbered(group: string): () => string {
  let count = 0;
  return () => `${group}.${(count += 1)}`;
}

/** Each copy that a cluster's moves lack, delivered once behind its mint, unused; hosts keep no copies. */
export function stageSteps(
  cluster: Cluster,
  mints: ReadonlyMap<SecretAddress, MintStep>,
  numbering: () => string,
): StageStep[] {
  const wanted = new Map<string, MissingCopy & { readonly cause: Cause }>();
  for (const move of cluster.moves) {
    if (isOnHost(move.consumer.address)) continue;
    for (const copy of move.missing)
      wanted.set(`${copy.platform} ${copy.copy}`, { ...copy, cause: move.cause });
  }
  return [...wanted.keys()].sort().flatMap((key) => {
    const copy = wanted.get(key);
    if (copy === undefined) return [];
    const mint = mints.get(copy.secret);
    const id = numbering();
    const base = {
      group: cluster.id,
      address: copy.secret,
      cause: mint?.cause ?? copy.cause,
      secret: copy.secret,
    };
    const { ordinal, platform, copy: name } = copy;
    return {
      ...base,
      kind: 'stage' as const,
      id,
      needs: mint === undefined ? [] : [mint.id],
      text: `deliver ${name} to ${platform}, unused`,
      ordinal,
      platform,
      copy: name,
      inverse: unstageStep({ ...base, id: `${id}:undo`, needs: [], ordinal, platform, copy: name }),
    };
  });
}

/** Removes a copy that nothing uses any more. */
export function unstageStep(step: Omit<UnstageStep, 'kind' | 'text' | 'inverse'>): UnstageStep {
  return { ...step, kind: 'unstage', text: `remove ${step.copy} from ${step.platform}`, inverse: null };
}

/** One update of one consumer, whose inverse names what it reads now; none where that never returns. */
export function flipStep(
  move: Pick<Move, 'consumer' | 'service' | 'cause' | 'arrival'>,
  changes: readonly FlipChange[],
  id: string,
  group: string,
  needs: readonly string[],
): FlipStep {
  const { consumer, cause } = move;
  const tasks = move.service?.tasks ?? 0;
  const forth = {
    kind: 'flip' as const,
    group,
    address: consumer.address,
    cause,
    consumer: consumer.address,
    platform: consumer.platform,
    service: consumer.service,
    tasks,
  };
  const hasWayBack = changes.every(({ back }) => back !== null);
  const back = changes.map(({ back: instead, ...change }) => ({
    ...change,
    from: change.to,
    to: instead ?? change.from,
  }));
  return {
    ...forth,
    id,
    needs: [...needs].sort(),
    text: flipText(consumer, changes, ''),
    changes,
    ...writeOf(consumer, changes, move.arrival.mounts),
    inverse: hasWayBack
      ? {
          ...forth,
          id: `${id}:undo`,
          needs: [],
          text: flipText(consumer, back, 'back '),
          changes: back,
          ...writeOf(consumer, back, move.arrival.mounts),
          inverse: null,
        }
      : null,
  };
}

function flipText(consumer: DeclaredConsumer, changes: readonly FlipChange[], back: '' | 'back '): string {
  const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
  if (consumer.kind === 'swarm-service')
    return `flip ${counted(changes.length, 'secret')} of ${consumer.service} ${back}in one update`;
  // What is baked into an image stands in no file, but the name of the image does.
  const builds = new Map(consumer.mounts.map(({ target, build }) => [target, build]));
  const written = new Set(changes.map(({ target }) => builds.get(target) ?? target));
  const restarts = consumer.file.restarts.map(restartText);
  const then = restarts.length === 0 ? 'nothing restarts' : restarts.join(', ');
  if (changes.every(isStill)) return `${then}, to have ${spoken(consumer.address)} read again`;
  return `write ${counted(written.size, 'variable')} ${back}into ${spoken(consumer.address)}, then ${then}`;
}

function restartText(restart: Restart): string {
  switch (restart.kind) {
    case 'systemd-unit':
      return `${restart.action} ${restart.unit}`;
    case 'compose-service':
      return `up ${restart.service}${restart.rolling ? ', one container at a time' : ''}`;
    case 'command':
      return `run \`${restart.argv.join(' ')}\``;
  }
}

/** Waits until the consumer runs on what the flip named, and tries it; watches it longer before others follow. */
export function verifyStep(
  move: Pick<Move, 'consumer' | 'cause'>,
  flip: Pick<FlipStep, 'id' | 'changes'>,
  id: string,
  group: string,
  watch: IsoDuration | null = null,
): VerifyStep {
  const { consumer, cause } = move;
  const longer = (time: IsoDuration): IsoDuration => (watch === null ? time : plus(time, watch));
  return {
    kind: 'verify',
    id,
    group,
    address: consumer.address,
    needs: [flip.id],
    cause,
    text: `verify ${spoken(consumer.address)}${watch === null ? '' : `, watched ${humanDuration(watch)} before the next`}`,
    consumer: consumer.address,
    platform: consumer.platform,
    service: consumer.service,
    expected: expectedAfter(flip),
    probe: consumer.probe,
    settleTime: longer(consumer.settleTime),
    deadline: longer(consumer.deadline),
    ...(consumer.kind === 'env-file' ? { file: consumer.file } : {}),
    inverse: null,
  };
}

/** target → copy that a flip leaves behind. */
export function expectedAfter(flip: Pick<FlipStep, 'changes'>): Record<string, string> {
  return Object.fromEntries(
    flip.changes.flatMap(({ target, to }) => (to === null ? [] : [[target, to.copy] as const])),
  );
}

function promoteStep(cluster: Cluster, id: string, leaves: readonly Step[], view: View): PromoteStep {
  const soak = longestSoak(cluster, view);
  const first = cluster.rotations[0];
  const cause = first?.cause ?? cluster.moves[0]?.cause ?? { kind: 'first' };
  const address =
    first?.secret.address ?? cluster.moves[0]?.consumer.address ?? view.declared.secrets[0]?.address;
  const arrivals = cluster.moves
    .filter(({ service }) => service !== null)
    .map(({ arrival }) => ({ ...arrival, settleAfter: settleAfter(arrival.consumer, soak) }));
  const promotions = cluster.rotations.map(({ secret, ordinal, prior }) => ({
    secret: secret.address,
    ordinal,
    prior,
    soak: secret.soak,
    generation: secret.generation,
  }));
  const names = promotions.map(({ secret, ordinal }) => `${nameOf(secret)} v${ordinal}`);
  const demote: DemoteStep = {
    kind: 'demote',
    id: `${id}:undo`,
    group: cluster.id,
    address: address ?? 'vault:///',
    needs: [],
    cause,
    text: 'record the prior versions as current again',
    demotions: promotions.map(({ secret, ordinal, prior }) => ({ secret, ordinal, to: prior })),
    consumers: [],
    inverse: null,
  };
  return {
    kind: 'promote',
    id,
    group: cluster.id,
    address: demote.address,
    needs: leaves.map((step) => step.id),
    cause,
    text: names.length > 0 ? `record ${names.join(', ')} as current` : 'record what the consumers read',
    promotions,
    consumers: arrivals,
    inverse: demote,
  };
}
