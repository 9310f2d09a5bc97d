import type { Address, ConsumerAddress, Instant, IsoDuration, SecretAddress } from '../model/address.ts';
import { isOnHost, nameOf, spoken } from '../model/address.ts';
import type { DeclaredConsumer } from '../model/declared.ts';
import type { Cause, Group, MintStep, PromoteStep, Step } from '../model/plan.ts';
import type { RecordedVersion } from '../model/recorded.ts';
import { isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import { operationId } from './cause.ts';
import { settleStep } from './dated.ts';
import type { Move } from './flips.ts';
import type { Cluster } from './groups.ts';
import { settleAfter } from './hosts.ts';
import { mintStep } from './mint.ts';
import type { Rotation } from './rotations.ts';
import { flipStep, mintsWritten, stageSteps, verifyStep } from './steps.ts';
import { strayCopies } from './strays.ts';
import { twinVersions } from './twins.ts';
import type { View } from './view.ts';

export interface EmergencyOrder {
  readonly incident: string;
  readonly cause: Cause;
  /** Disable before there is a successor. */
  readonly revokeFirst: boolean;
  readonly deadline: Instant;
  /** What gets a new version, or got it for this incident before. */
  readonly moving: ReadonlySet<SecretAddress>;
}

const AT_ONCE: IsoDuration = 'PT0S';

/**
 * One group a cluster: revoke where that can be done, mint, stage, flip side by side, verify, record, settle, then
 * disable every older version, prove, remove its copies, and bring about what else is declared. No step has a way
 * back. What fails keeps only that from being done which cannot be done without it (`needs`); all the rest merely
 * waits for its end (`after`). Groups wait for what they depend on in the same way.
 */
export function emergencyWork(
  all: readonly Cluster[],
  order: EmergencyOrder,
  view: View,
): { readonly groups: readonly Group[]; readonly steps: readonly Step[] } {
  const grouped = new Set(all.flatMap(({ rotations }) => rotations.map(({ secret }) => secret.address)));
  // What was rotated for this incident before may still have versions that are not dead.
  const rest = [...order.moving].filter((address) => !grouped.has(address)).sort();
  const homes = new Map<SecretAddress, string>();
  for (const { id, moves } of all)
    for (const { consumer } of moves)
      for (const { secret } of consumer.mounts)
        if (rest.includes(secret)) homes.set(secret, homes.get(secret) ?? id);
  const alone = rest.filter((address) => !homes.has(address));
  const works = [
    ...all.map((cluster) => {
      const own = cluster.rotations.map(({ secret }) => secret.address);
      return groupWork(
        cluster,
        [...own, ...rest.filter((address) => homes.get(address) === cluster.id)],
        order,
        view,
      );
    }),
    ...alone.map((address, index) => {
      const cluster = { id: `g${all.length + index + 1}`, needs: [], rotations: [], moves: [] };
      return groupWork(cluster, [address], order, view);
    }),
  ].filter(({ steps }) => steps.length > 0);
  const ids = new Set(works.map(({ group }) => group.id));
  return {
    groups: works.map(({ group }) => withAfter(group, ids)),
    steps: works.flatMap(({ steps }) => steps),
  };
}

function withAfter(group: Group, ids: ReadonlySet<string>): Group {
  const { after, ...rest } = group;
  const there = after?.filter((id) => ids.has(id)) ?? [];
  return there.length === 0 ? rest : { ...rest, after: there };
}

function groupWork(
  cluster: Cluster,
  secrets: readonly SecretAddress[],
  order: EmergencyOrder,
  view: View,
): { readonly group: Group; readonly steps: readonly Step[] } {
  const work = new EmergencyGroup(cluster, order, view);
  for (const secret of secrets) work.revoke(secret);
  if (order.revokeFirst) for (const secret of secrets) work.retire(secret);
  for (const rotation of cluster.rotations) work.mint(rotation);
  work.stage();
  for (const move of cluster.moves) work.move(move);
  for (const rotation of cluster.rotations) work.promote(rotation);
  for (const { consumer } of cluster.moves) work.settle(consumer);
  if (!order.revokeFirst) for (const secret of secrets) work.retire(secret);
  for (const secret of secrets) work.finish(secret);
  const group = {
    id: cluster.id,
    needs: [],
    after: cluster.needs,
    secrets,
    consumers: cluster.moves.map(({ consumer }) => consumer.address),
  };
  return { group, steps: work.steps };
}

/** The steps of one group while they are written, with the ids that later ones wait for. */
class EmergencyGroup {
  readonly steps: Step[] = [];
  readonly #cluster: Cluster;
  readonly #order: EmergencyOrder;
  readonly #view: View;
  readonly #revokes = new Map<SecretAddress, string[]>();
  readonly #mints = new Map<SecretAddress, MintStep>();
  readonly #arrivals = new Map<ConsumerAddress, string>();
  readonly #moved = new Map<ConsumerAddress, string[]>();
  readonly #promotions = new Map<SecretAddress, string>();
  readonly #settles = new Map<ConsumerAddress, string>();
  readonly #retires = new Map<string, string>();

  constructor(cluster: Cluster, order: EmergencyOrder, view: View) {
    this.#cluster = cluster;
    this.#order = order;
    this.#view = view;
  }

  /** At the source first, where that can be done: all versions that are not revoked yet. */
  revoke(address: SecretAddress): void {
    const revocation = this.#view.secret(address)?.revoke;
    if (revocation === undefined) return;
    for (const version of this.#living(address)) {
      const { ordinal, revokedAt } = version;
      // What no vault has cannot be read.
      if (revokedAt !== undefined || isPlatformOnly(version)) continue;
      const text = `revoke ${nameOf(address)} v${ordinal} at its source`;
      const id = this.#add(address, {
        kind: 'revoke',
        text,
        secret: address,
        ordinal,
        revocation,
        inverse: null,
      });
      this.#revokes.set(address, [...(this.#revokes.get(address) ?? []), id]);
    }
  }

  mint(rotation: Rotation): void {
    const { address } = rotation.secret;
    const first = [...rotation.secret.dependsOn, ...rotation.secret.derivedFrom];
    const needs = [...new Set(first.flatMap((other) => this.#mints.get(other)?.id ?? []))];
    const after = [...(this.#revokes.get(address) ?? []), ...this.#retiresOf(address)];
    const minted = mintStep(rotation, this.#next(), this.#cluster.id, [], this.#view);
    const step = { ...minted, inverse: null, ...afterOf([...needs, ...after]) };
    this.#mints.set(address, step);
    this.steps.push(step);
  }

  stage(): void {
    let number = this.steps.length;
    const numbering = (): string => `${this.#cluster.id}.${(number += 1)}`;
    const stages = stageSteps(this.#cluster, this.#mints, numbering);
    this.steps.push(...stages.map((stage) => ({ ...stage, inverse: null })));
  }

  /** Flip and verify beside all others, and what the consumer reads on record as soon as it is verified. */
  move(move: Move): void {
    const { consumer, changes, service, arrival } = move;
    if (service === null || changes.length === 0) return;
    const staged = this.steps.flatMap((step) =>
      step.kind === 'stage' &&
      step.platform === consumer.platform &&
      changes.some(({ to }) => to?.copy === step.copy)
        ? [step.id]
        : [],
    );
    const group = this.#cluster.id;
    const needs = [...staged, ...mintsWritten(move, this.#mints)];
    const flip = { ...flipStep(move, changes, this.#next(), group, needs), inverse: null };
    this.steps.push(flip);
    const verify = verifyStep(move, flip, this.#next(), group);
    this.steps.push(verify);
    const text = `record what ${spoken(consumer.address)} reads`;
    const consumers = [{ ...arrival, settleAfter: settleAfter(consumer.address, AT_ONCE) }];
    const step = {
      kind: 'promote' as const,
      text,
      needs: [verify.id],
      promotions: [],
      consumers,
      inverse: null,
    };
    this.#arrivals.set(consumer.address, this.#add(consumer.address, step));
    this.#moved.set(consumer.address, [flip.id, verify.id]);
  }

  /** The new version is the current one once its consumers had their turn, also where that went wrong. */
  promote({ secret, ordinal, prior }: Rotation): void {
    const { address, generation } = secret;
    const readers = this.#view
      .consumersOf(address)
      .flatMap((consumer) => this.#moved.get(consumer.address) ?? []);
    const step: Omit<PromoteStep, 'id' | 'group' | 'address' | 'cause'> = {
      kind: 'promote',
      text: `record ${secret.name} v${ordinal} as current`,
      needs: [this.#mints.get(address)?.id ?? ''],
      ...afterOf(readers),
      promotions: [{ secret: address, ordinal, prior, soak: AT_ONCE, generation }],
      consumers: [],
      inverse: null,
    };
    this.#promotions.set(address, this.#add(address, step));
  }

  settle(consumer: DeclaredConsumer): void {
    const arrival = this.#arrivals.get(consumer.address);
    if (arrival === undefined || isOnHost(consumer.address)) return;
    const place = { id: this.#next(), group: this.#cluster.id, needs: [arrival], cause: this.#order.cause };
    const step = settleStep(consumer, place);
    this.#settles.set(consumer.address, step.id);
    this.steps.push(step);
  }

  /** Every older version, pinned or not; with the first of them what the vault gives out that is none of ours. */
  retire(address: SecretAddress): void {
    const secret = this.#view.secret(address);
    const promotion = this.#promotions.get(address);
    const settles = this.#view.consumersOf(address).flatMap((each) => this.#settles.get(each.address) ?? []);
    for (const [index, version] of this.#living(address).entries()) {
      const { ordinal } = version;
      const others = index === 0 ? this.#strangers(address) : [];
      const and = others.length === 0 ? '' : ` and ${others.length} that somebody else wrote`;
      const id = this.#add(address, {
        kind: 'retire',
        text: `disable ${nameOf(address)} v${ordinal}${and} in the vault, at once`,
        needs: promotion === undefined ? [] : [promotion],
        ...afterOf([...settles, ...(this.#revokes.get(address) ?? [])]),
        secret: address,
        ordinal,
        approvedBy: null,
        emergency: {
          isProvedNext: secret?.refused !== undefined && !isPlatformOnly(version),
          strangers: others,
        },
        inverse: null,
      });
      this.#retires.set(`${address} ${ordinal}`, id);
    }
  }

  /** Proof, removal of the copies, and what else is declared to be brought about. */
  finish(address: SecretAddress): void {
    for (const version of this.#older(address)) {
      this.#prune(address, version);
      this.#prove(address, version);
    }
    // What was delivered by an apply that had given up on it is as old as the rest.
    for (const { copy, ordinal } of strayCopies(address, this.#view))
      this.#prune(address, { ordinal, copies: [copy] });
    this.#effects(address);
  }

  #prove(address: SecretAddress, version: RecordedVersion): void {
    const { ordinal } = version;
    const probe = this.#view.secret(address)?.refused;
    const retire = this.#retires.get(`${address} ${ordinal}`);
    if (probe === undefined || retire === undefined || isPlatformOnly(version)) return;
    const text = `show that ${nameOf(address)} v${ordinal} is refused`;
    const until = this.#order.deadline;
    const promotion = this.#promotions.get(address);
    const needs = [retire, ...(promotion === undefined ? [] : [promotion])];
    this.#add(address, { kind: 'prove', text, needs, secret: address, ordinal, probe, until, inverse: null });
  }

  /** Also of versions that were dead before: `keep` keeps no copy of what others may have. */
  #prune(address: SecretAddress, { ordinal, copies }: Pick<RecordedVersion, 'ordinal' | 'copies'>): void {
    const promotion = this.#promotions.get(address);
    const retire = this.#retires.get(`${address} ${ordinal}`);
    const needs = [retire, promotion].filter((id) => id !== undefined);
    const moved = this.#view.consumersOf(address).map((each) => each.address);
    const after = afterOf(moved.flatMap((each) => this.#settles.get(each) ?? this.#moved.get(each) ?? []));
    for (const { platform, name: copy } of copies) {
      const text = `remove ${copy} from ${platform}`;
      this.#add(address, {
        kind: 'prune',
        text,
        needs,
        ...after,
        secret: address,
        ordinal,
        platform,
        copy,
        inverse: null,
      });
    }
  }

  /** In their order; one that fails does not keep the next from its turn. */
  #effects(address: SecretAddress): void {
    const { incident } = this.#order;
    const record = this.#view.recordOf(address);
    const rotation = this.#cluster.rotations.find(({ secret }) => secret.address === address);
    const now = rotation?.ordinal ?? record?.current ?? null;
    const done = rotation === undefined ? (recordedVersion(record, now)?.effects ?? []) : [];
    const promotion = this.#promotions.get(address);
    let last: string[] = [];
    for (const effect of this.#view.secret(address)?.onCompromise ?? []) {
      if (done.includes(effect.name)) continue;
      const key = operationId('effect', this.#view.recorded.lineage, address, incident, effect.name);
      const id = this.#add(address, {
        kind: 'effect',
        text: `${effect.name} (${nameOf(address)})`,
        needs: promotion === undefined ? [] : [promotion],
        ...afterOf(last),
        secret: address,
        effect,
        incident,
        before: rotation?.prior ?? null,
        now,
        idempotencyKey: key,
        inverse: null,
      });
      last = [id];
    }
  }

  /** Versions that are not dead yet, but for the one that stays. */
  #living(address: SecretAddress): RecordedVersion[] {
    return this.#older(address).filter(
      ({ role, disabledAt }) => role !== 'retired' && disabledAt === undefined,
    );
  }

  /** Every version before the one that stays, also one that was never promoted and that nobody could take back. */
  #older(address: SecretAddress): RecordedVersion[] {
    const record = this.#view.recordOf(address);
    const rotation = this.#cluster.rotations.find(({ secret }) => secret.address === address);
    const stays = rotation?.ordinal ?? record?.current ?? 0;
    return (record?.versions ?? []).filter(
      ({ role, ordinal }) => ordinal !== stays && (role !== 'pending' || ordinal < stays),
    );
  }

  #strangers(address: SecretAddress): string[] {
    const secret = this.#view.secret(address);
    const item = secret === undefined ? null : this.#view.vaultItem(secret);
    const seen = item !== null && 'seen' in item ? (item.seen?.versions ?? []) : [];
    const known = new Set(this.#view.recordOf(address)?.versions.flatMap(({ storeIds }) => storeIds));
    const rotation = this.#cluster.rotations.find((each) => each.secret.address === address);
    // Where nothing is written before them here, twins of what stays are disabled by an apply, which puts that before them.
    const stays = rotation === undefined ? (this.#view.recordOf(address)?.current ?? null) : null;
    const left = secret === undefined ? [] : twinVersions(secret, this.#view);
    const kept = left.filter(({ ordinal }) => ordinal === stays).flatMap(({ storeIds }) => storeIds);
    const spared = new Set([...known, ...kept, rotation?.taken]);
    return seen
      .filter(({ storeId, enabled }) => enabled && !spared.has(storeId))
      .map(({ storeId }) => storeId)
      .sort();
  }

  #retiresOf(address: SecretAddress): string[] {
    return [...this.#retires].flatMap(([key, id]) => (key.startsWith(`${address} `) ? [id] : []));
  }

  #next(): string {
    return `${this.#cluster.id}.${this.steps.length + 1}`;
  }

  #add(address: Address, step: Partial<Pick<Step, 'needs'>> & Written): string {
    const id = this.#next();
    const { cause } = this.#order;
    this.steps.push({ needs: [], ...step, id, group: this.#cluster.id, address, cause });
    return id;
  }
}

/** A step before it has its place. */
type Written = Step extends infer Each
  ? Each extends Step
    ? Omit<Each, 'id' | 'group' | 'address' | 'cause' | 'needs'>
    : never
  : never;

function afterOf(ids: readonly string[]): { readonly after?: readonly string[] } {
  return ids.length === 0 ? {} : { after: [...new Set(ids)] };
}
