import type { Address, ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';
import { copyName, ordinalOfCopy } from './address.ts';
import { digestOf } from './canonical.ts';
import type { ObservedVersion, Reference } from './observed.ts';
import type { Cause } from './plan.ts';

/** What we last wrote down: state.json. Identities, dates and roles; never a value. docs/FORMATS.md draws it. */
export interface Recorded {
  readonly format: 1;
  readonly stack: string;
  /** Born once with the record; a plan or a record of another lineage is refused. */
  readonly lineage: string;
  /** Counts the writes of this file. */
  readonly serial: number;
  readonly secrets: Readonly<Record<SecretAddress, RecordedSecret>>;
  readonly consumers: Readonly<Record<ConsumerAddress, RecordedConsumer>>;
  /** Digests of saved plans that were applied, newest last, at most 100: a plan is used once. */
  readonly usedPlans: readonly string[];
  /** The newest history entry; null before the first. */
  readonly head: { readonly entry: number; readonly digest: string } | null;
}

export const STATE_FORMAT = 1;

export interface RecordedSecret {
  /** The highest ordinal that was ever given out, failed ones included. */
  readonly highest: Ordinal;
  /** The lowest that this record gave out, whatever became of it; absent: see `lowestGivenOut`. */
  readonly lowest?: Ordinal;
  readonly current: Ordinal | null;
  readonly generation: number;
  readonly versions: readonly RecordedVersion[];
  /** The vault item's fingerprint after our last act; null where it was not seen. */
  readonly fingerprint: string | null;
  /** The schedule leaves it alone until a person acts; null: not held. */
  readonly held: Held | null;
}

export interface Held {
  readonly since: Instant;
  readonly reason: string;
  /** What caused the rotation that failed. */
  readonly cause: Cause;
  /** Digest of the secret's declaration then: a changed declaration lets it go. */
  readonly declaration: string;
}

/** `retiring`: its retirement began and is not proved yet; it is no way back any more. */
export type Role = 'pending' | 'current' | 'prior' | 'retiring' | 'retired';

export interface RecordedVersion {
  readonly ordinal: Ordinal;
  readonly role: Role;
  /** The vault's ids of this version, oldest first: more than one after a restore. */
  readonly storeIds: readonly string[];
  /** The operation id of the mint. */
  readonly operation: string;
  readonly cause: Cause;
  readonly mintedAt: Instant;
  readonly promotedAt: Instant | null;
  /** Names the group that was promoted together; null before. */
  readonly promotion: string | null;
  /** Set when the version becomes prior: until then it is the way back. */
  readonly soakUntil: Instant | null;
  /** Digest of the plan whose approval covers settle, retire and prune of this version; null: none. */
  readonly approvedBy: string | null;
  readonly retiredAt: Instant | null;
  /** Why it was retired: `soaked` after its soak, `undone` after a rollback, `compromised` in an emergency. */
  readonly retiredWhy: 'soaked' | 'undone' | 'compromised' | null;
  /** When it was made invalid at its source; absent: it was not, as far as we know. */
  readonly revokedAt?: Instant;
  /** When it was shown to be refused where it is checked, before it was disabled; absent: it was not, as far as we know. */
  readonly provedAt?: Instant;
  /** When the vault had it disabled before its death was proved. Absent: not so. */
  readonly disabledAt?: Instant;
  /** Names of the effects of the emergency that made it, as far as they were brought about. */
  readonly effects?: readonly string[];
  /** Why it is still `retiring`; absent: it is not, or nothing went wrong yet. */
  readonly unproved?: string;
  readonly copies: readonly RecordedCopy[];
}

/** A version's copy on a platform. */
export interface RecordedCopy {
  readonly platform: string;
  readonly name: string;
  readonly id: string;
  /**
   * Of a copy that was taken over: bases of the mounts that read it. Its name need not be made of one of them, and it
   * carries no labels. Absent: keyturn delivered it, as `<base>_v<ordinal>`.
   */
  readonly bases?: readonly string[];
}

export interface RecordedConsumer {
  /** target → what it reads, as we last verified it. */
  readonly mounts: Readonly<Record<string, { readonly secret: SecretAddress; readonly ordinal: Ordinal }>>;
  /** The consumer's own settings that a flip replaced and settle puts back; null: settled. */
  readonly originals: Originals | null;
  readonly flippedAt: Instant | null;
  /** From then on settle may put the settings back and move the previous spec on; null: settled. */
  readonly settleAfter: Instant | null;
  readonly fingerprint: string | null;
  /** An emergency could not move it; absent: not so. Ends when it is next verified on what it should read. */
  readonly parked?: Parked;
}

/** A consumer that an emergency left behind: what it reads may be dead. */
export interface Parked {
  readonly since: Instant;
  readonly incident: string;
  readonly reason: string;
}

/** Swarm's FailureActions as they were before our flip. */
export interface Originals {
  readonly update: string;
  readonly rollback: string;
}

/** An empty record of a new lineage. */
export function emptyRecord(stack: string, lineage: string): Recorded {
  return { format: 1, stack, lineage, serial: 0, secrets: {}, consumers: {}, usedPlans: [], head: null };
}

/** Digest of all that is recorded of an address, whatever the order of its lists; `none` where nothing is. */
export function recordedDigest(recorded: Recorded, address: Address): string {
  const secret = recorded.secrets[address as SecretAddress];
  const entry = secret === undefined ? recorded.consumers[address as ConsumerAddress] : inOrder(secret);
  return entry === undefined ? 'none' : digestOf(entry).slice(0, 24);
}

function inOrder(secret: RecordedSecret): RecordedSecret {
  const keyOf = ({ platform, name }: RecordedCopy): string => `${platform} ${name}`;
  const versions = secret.versions.map((version) => ({
    ...version,
    copies: version.copies.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  }));
  return { ...secret, versions: versions.sort((a, b) => a.ordinal - b.ordinal) };
}

/**
 * The lowest ordinal that this record gave out; null: none. What the vault holds below it is of an earlier record,
 * what it holds from there on this record has made, known or not. Records of before `lowest` know only what is left.
 */
export function lowestGivenOut({ lowest, highest, versions }: RecordedSecret): Ordinal | null {
  if (lowest !== undefined) return lowest;
  return highest === 0 ? null : Math.min(highest, ...versions.map(({ ordinal }) => ordinal));
}

/**
 * Whether the vault gives out a version of this stack that its record does not count on: one that it gave out and
 * does not know, or knows as retired. Only a write that took effect after its apply had given up on it is so.
 * Versions of an earlier record are not, because they may be all that there is, and neither is one whose tags name
 * a version in use: anyone who may write can copy tags. Of these `isTwin` says which are ours.
 */
export function isStray(version: ObservedVersion, record: RecordedSecret, stack: string): boolean {
  const { ordinal, enabled, storeId } = version;
  if (!enabled || version.stack !== stack || ordinal === null) return false;
  if (record.versions.some(({ storeIds }) => storeIds.includes(storeId))) return false;
  const role = recordedVersion(record, ordinal)?.role ?? null;
  if (role !== null) return role === 'retired';
  return ordinal <= record.highest && ordinal >= (lowestGivenOut(record) ?? Infinity);
}

/** How far apart the vault's clock can put two writes of one mint: nothing is on its way for longer. */
const TWINS_WITHIN_S = 24 * 60 * 60;

/**
 * Whether a version, enabled or not, is a second one of a mint that is on record: it carries the operation id of a
 * version in use, is none of its storeIds, and was written within a day of the one of them that does. So is a write that
 * took effect after its mint had been done again; nobody is given its value, because only recorded storeIds are read. A
 * version that came later than a day was written by somebody who copied the tags, and so was one of another operation.
 */
export function isTwin(
  version: ObservedVersion,
  listed: readonly ObservedVersion[],
  record: RecordedSecret,
  stack: string,
): boolean {
  const { storeId, ordinal, operation, created } = version;
  const own = recordedVersion(record, ordinal);
  if (own === null || version.stack !== stack || operation !== own.operation) return false;
  if (own.role === 'pending' || own.role === 'retired') return false;
  if (record.versions.some(({ storeIds }) => storeIds.includes(storeId))) return false;
  const minted = listed.find((each) => each.operation === operation && own.storeIds.includes(each.storeId));
  return minted !== undefined && Math.abs(created - minted.created) <= TWINS_WITHIN_S;
}

export function recordedVersion(
  secret: RecordedSecret | undefined,
  ordinal: Ordinal | null,
): RecordedVersion | null {
  if (secret === undefined || ordinal === null) return null;
  return secret.versions.find((version) => version.ordinal === ordinal) ?? null;
}

/** A version's copy that mounts of this base read on a platform; null: none is recorded. */
export function copyFor(
  version: RecordedVersion | null,
  platform: string,
  base: string,
): RecordedCopy | null {
  if (version === null) return null;
  const name = copyName(base, version.ordinal);
  const own = version.copies.filter((copy) => copy.platform === platform);
  return (
    own.find(({ bases }) => bases?.includes(base) === true) ?? own.find((copy) => copy.name === name) ?? null
  );
}

/** The ordinal that a reference names: of a copy that was taken over, or by its name; null: none of this secret's. */
export function ordinalNamed(
  secret: RecordedSecret | undefined,
  { platform, base }: { readonly platform: string; readonly base: string },
  { copyId, copyName: name }: Pick<Reference, 'copyId' | 'copyName'>,
): Ordinal | null {
  const taken = secret?.versions.find(({ copies }) =>
    copies.some((copy) => copy.bases !== undefined && copy.platform === platform && copy.id === copyId),
  );
  return taken?.ordinal ?? ordinalOfCopy(base, name);
}

/** Whether a version was taken over from the platform: its copies there are all that there is, and no vault has its value. */
export function isPlatformOnly({ storeIds, copies }: Pick<RecordedVersion, 'storeIds' | 'copies'>): boolean {
  return storeIds.length === 0 && copies.length > 0;
}

/** Whether the version never returns: it is retired, or its retirement began. */
export function isEnding({ role }: RecordedVersion): boolean {
  return role === 'retiring' || role === 'retired';
}

/** Whether the vault still gives the version out although another one is current: as the way back, or until it is dead. */
export function isLeaving({ role, disabledAt }: RecordedVersion): boolean {
  return role === 'prior' || (role === 'retiring' && disabledAt === undefined);
}

/** Whether nobody can have the version any more but who mounts a copy of it: retired, or disabled without a proof. */
export function isDead({ role, disabledAt }: RecordedVersion): boolean {
  return role === 'retired' || (role === 'retiring' && disabledAt !== undefined);
}

/** The newest version with the role prior, the way back during a soak; null where there is none. */
export function priorVersion(secret: RecordedSecret | undefined): RecordedVersion | null {
  return secret?.versions.findLast((version) => version.role === 'prior') ?? null;
}
