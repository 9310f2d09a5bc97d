import { addDuration, durationMs } from '../calendar/calendar.ts';
import type { ConsumerAddress, Instant, IsoDuration, Ordinal, SecretAddress } from '../model/address.ts';
import type { Declared, DeclaredConsumer, DeclaredSecret } from '../model/declared.ts';
import type { Observed } from '../model/observed.ts';
import type {
  Held,
  Recorded,
  RecordedConsumer,
  RecordedCopy,
  RecordedSecret,
  RecordedVersion,
  Role,
} from '../model/recorded.ts';
import { emptyRecord } from '../model/recorded.ts';
import type { Doubt } from './doubts.ts';
import { doubtsOf } from './doubts.ts';
import type { Reading, Stored } from './evidence.ts';
import { hasCopiedTags, serviceOf, versionNamed } from './evidence.ts';
import { declarationDigest } from './timing.ts';
import { Unions } from './graph.ts';
import type { Scene } from './scene.ts';
import { sceneOf } from './scene.ts';
import { View } from './view.ts';

export interface RebuildInput {
  readonly declared: Declared;
  /** Everything seen, with the versions of every declared secret listed: as observed beside an empty record. */
  readonly observed: Observed;
  readonly now: Instant;
  /** Of the new record: the lost one's is not in any tag. */
  readonly lineage: string;
}

export interface Rebuilt {
  readonly recorded: Recorded;
  /** What tags and labels do not tell, and what was therefore assumed. */
  readonly unknown: readonly Doubt[];
}

/**
 * A lost record from what the vault's tags, the platform's labels and the consumers' specs say. Reads no value and
 * guesses past no disagreement: what consumers read is current; a newer version that is enabled is pending, so that
 * the next plan takes it back; an older one that is enabled is the way back for its whole soak; a disabled one is
 * retired. One whose copies are all that there is of it is never pending: taking it back would lose it. What is not
 * this stack's is left out.
 */
export function rebuildRecord(input: RebuildInput): Rebuilt {
  const empty = emptyRecord(input.declared.stack, input.lineage);
  const view = new View({ ...input, recorded: empty });
  const scene = sceneOf(view);
  const secrets: Record<SecretAddress, RecordedSecret> = {};
  for (const secret of view.declared.secrets) {
    const record = secretRecord(secret, scene);
    if (record !== null) secrets[secret.address] = record;
  }
  const consumers: Record<ConsumerAddress, RecordedConsumer> = {};
  for (const consumer of view.declared.consumers) {
    const record = consumerRecord(consumer, secrets, scene);
    if (record !== null) consumers[consumer.address] = record;
  }
  const recorded = { ...empty, secrets, consumers };
  return { recorded, unknown: doubtsOf(recorded, scene) };
}

function secretRecord(secret: DeclaredSecret, scene: Scene): RecordedSecret | null {
  const { address } = secret;
  const { view } = scene;
  const stored = scene.stores.get(address);
  if (stored === undefined) return null;
  const current = scene.current.get(address) ?? null;
  const known = withPlatformOnly(stored, current, secret, scene);
  const judged = known.map((stored): Judged => ({
    ...stored,
    ...judge(stored, { secret, known, current, scene }),
  }));
  const versions = judged.map((one) => versionRecord(one, judged, secret, scene));
  const item = view.vaultItem(secret);
  const newest = 'seen' in item ? item.seen : null;
  const labels = scene.copies.flatMap((copy) => (copy.secret === address ? [copy.ordinal] : []));
  const isInStep =
    newest?.stack === view.declared.stack &&
    newest.ordinal === current &&
    newest.enabled &&
    !stored.some(hasCopiedTags);
  return {
    highest: Math.max(view.highestOrdinal(secret), current ?? 0, ...labels),
    current,
    generation: secret.generation,
    versions,
    // A fingerprint of what somebody else did would hide it.
    fingerprint: isInStep ? newest.fingerprint : null,
    held: heldBecause(secret, known, current),
  };
}

/** What the vault holds, and the versions that it does not list and a consumer reads or a copy is labelled with. */
function withPlatformOnly(
  stored: readonly Stored[],
  current: Ordinal | null,
  { address }: DeclaredSecret,
  { copies }: Scene,
): readonly Stored[] {
  const delivered = copies.flatMap((copy) => (copy.secret === address ? [copy.ordinal] : []));
  const ordinals = new Set([...delivered, ...(current === null ? [] : [current])]);
  const absent = [...ordinals].filter((ordinal) => stored.every((one) => one.ordinal !== ordinal));
  const added = absent.map((ordinal) => ({ ordinal, ids: [], isEnabled: false }));
  return [...stored, ...added].sort((a, b) => a.ordinal - b.ordinal);
}

/** A version with the role that it had, as far as can be told. */
interface Judged extends Stored {
  readonly role: Role;
  readonly isUndone: boolean;
  readonly copies: readonly RecordedCopy[];
}

interface Case {
  readonly secret: DeclaredSecret;
  readonly known: readonly Stored[];
  readonly current: Ordinal | null;
  readonly scene: Scene;
}

function judge({ ordinal, isEnabled, ids }: Stored, at: Case): Pick<Judged, 'role' | 'isUndone' | 'copies'> {
  const { secret, known, current, scene } = at;
  const copies = scene.copies.flatMap((one) =>
    one.secret === secret.address && one.ordinal === ordinal ? [one.copy] : [],
  );
  if (ordinal === current) return { role: 'current', isUndone: false, copies };
  if (ids.length === 0) {
    const isWayBack = current !== null && ordinal < current && ordinal === flippedFrom(at);
    return { role: isWayBack ? 'prior' : 'retired', isUndone: false, copies };
  }
  if (isEnabled) {
    const wasNeverRead = current === null || ordinal > current || ordinal > flippedFrom(at);
    return { role: wasNeverRead ? 'pending' : 'prior', isUndone: false, copies };
  }
  // A version that is taken back leaves the value of before as a further id of an older one.
  const wasReplaced = known.some(
    (one) =>
      one.ordinal < ordinal && one.ids.slice(1).some(({ created }) => created >= (ids[0]?.created ?? 0)),
  );
  const isUndone = ordinal > (current ?? 0) || (wasReplaced && copies.length === 0);
  return { role: 'retired', isUndone, copies };
}

/** The newest version from which a consumer came to the current one: what lies between was never theirs. */
function flippedFrom({ secret, current, scene }: Case): Ordinal {
  const before = scene.readings.flatMap((one) =>
    one.secret === secret.address && !one.isPinned && one.now === current && typeof one.before === 'number'
      ? [one.before]
      : [],
  );
  return before.length === 0 ? Infinity : Math.max(...before);
}

function versionRecord(
  version: Judged,
  all: readonly Judged[],
  secret: DeclaredSecret,
  { view, promotions }: Scene,
): RecordedVersion {
  const { ordinal, ids, role, isUndone, copies } = version;
  const mintedAt = mintOf(version, view);
  const next = all.find((one) => one.ordinal > ordinal && wasPromoted(one));
  const soakUntil = next === undefined ? null : addDuration(promotedBy(secret, next, view), secret.soak);
  return {
    ordinal,
    role,
    storeIds: ids.map(({ storeId }) => storeId),
    operation: ids[0]?.operation ?? '',
    cause:
      ordinal === 1 ? { kind: 'first' } : { kind: 'request', at: mintedAt, reason: 'not known any more' },
    mintedAt,
    promotedAt: wasPromoted(version) ? mintedAt : null,
    promotion: role === 'current' ? (promotions.get(secret.address) ?? null) : null,
    soakUntil: role === 'prior' ? soakUntil : null,
    approvedBy: null,
    retiredAt: role === 'retired' ? lastTouched(ids, view) : null,
    retiredWhy: role === 'retired' ? (isUndone ? 'undone' : 'soaked') : null,
    copies,
  };
}

function lastTouched(ids: Stored['ids'], view: View): Instant {
  return ids.length === 0 ? view.now : instant(Math.max(...ids.map(({ updated }) => updated)));
}

function wasPromoted({ role, isUndone }: Judged): boolean {
  return role !== 'pending' && !isUndone;
}

function mintOf({ ids }: Stored, view: View): Instant {
  const [oldest] = ids;
  return oldest === undefined ? view.now : instant(oldest.created);
}

/** The latest that a version's promotion can have been where all went well: its consumers' deadlines after the mint. */
function promotedBy(secret: DeclaredSecret, minted: Stored, view: View): Instant {
  const deadlines = view.consumersOf(secret.address).map(({ deadline }) => durationMs(deadline));
  const seconds = Math.ceil(deadlines.reduce((sum, ms) => sum + ms, 0) / 1000);
  return addDuration(mintOf(minted, view), `PT${seconds}S`);
}

/** Only a version that was taken back stands above the current one and is disabled: then a hold is likely. */
function heldBecause(secret: DeclaredSecret, known: readonly Stored[], current: Ordinal | null): Held | null {
  const undone = known.findLast(
    ({ ordinal, isEnabled, ids }) => !isEnabled && ids.length > 0 && ordinal > (current ?? 0),
  );
  if (undone === undefined) return null;
  return {
    since: instant(Math.max(...undone.ids.map(({ updated }) => updated))),
    reason: `v${undone.ordinal} was taken back; why is not known any more, the record was rebuilt`,
    cause: { kind: 'rollback', reason: null },
    declaration: declarationDigest(secret),
  };
}

function consumerRecord(
  consumer: DeclaredConsumer,
  secrets: Readonly<Record<SecretAddress, RecordedSecret>>,
  scene: Scene,
): RecordedConsumer | null {
  const { view, readings: all, current } = scene;
  const service = serviceOf(consumer, view);
  if (service === null) return null;
  const mounts = service.references.flatMap((reference) => {
    const ours = versionNamed(reference, consumer, view);
    return ours === null ? [] : [[reference.target, ours] as const];
  });
  if (mounts.length === 0) return null;
  const own = all.filter((one) => one.consumer === consumer.address && one.now !== null);
  const moved = own.filter(({ before }) => before !== 'same');
  const isInStep = own.every(
    ({ isPinned, now, secret }) => isPinned || now === (secrets[secret]?.current ?? current.get(secret)),
  );
  return {
    mounts: Object.fromEntries(mounts),
    originals: null,
    flippedAt: latestMint(moved.length > 0 ? moved : own, scene),
    // When it was flipped is in no tag: it keeps its previous spec for a whole soak from now.
    settleAfter: moved.length === 0 ? null : addDuration(view.now, longestSoak(moved, scene)),
    fingerprint: isInStep ? service.fingerprint : null,
  };
}

/** Of what moved and of everything that was, or may have been, promoted with it. */
function longestSoak(moved: readonly Reading[], { view, promotions }: Scene): IsoDuration {
  const own = deliveredWith(new Set(moved.map(({ secret }) => secret)), view);
  const shared = new Set(moved.flatMap(({ secret }) => promotions.get(secret) ?? []));
  return view.declared.secrets
    .filter(({ address }) => own.has(address) || shared.has(promotions.get(address) ?? ''))
    .reduce<IsoDuration>((a, { soak }) => (durationMs(soak) > durationMs(a) ? soak : a), 'PT0S');
}

/**
 * With everything that may have been in one group with these (src/plan/groups.ts): declared together, read by one
 * consumer, or needed by one another, which no tag and no spec tells.
 */
function deliveredWith(secrets: ReadonlySet<SecretAddress>, view: View): ReadonlySet<SecretAddress> {
  const unions = new Unions();
  for (const { address, together, dependsOn, derivedFrom } of view.declared.secrets) {
    unions.add(address);
    for (const other of [...together, ...dependsOn, ...derivedFrom]) unions.join(address, other);
  }
  for (const { address, mounts, dependsOn } of view.declared.consumers) {
    unions.add(address);
    for (const other of [...mounts.map(({ secret }) => secret), ...dependsOn]) unions.join(address, other);
  }
  const roots = new Set([...secrets].map((address) => unions.rootOf(address)));
  const all = view.declared.secrets.map(({ address }) => address);
  return new Set(all.filter((address) => roots.has(unions.rootOf(address))));
}

/** No flip came before the mint of what it brought. */
function latestMint(own: readonly Reading[], { stores, view }: Scene): Instant | null {
  const mints = own.flatMap(({ secret, now }) => {
    const stored = stores.get(secret)?.find(({ ordinal }) => ordinal === now);
    return stored === undefined ? [] : [mintOf(stored, view)];
  });
  return mints.reduce<Instant | null>((last, at) => (last === null || at > last ? at : last), null);
}

function instant(seconds: number): Instant {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
