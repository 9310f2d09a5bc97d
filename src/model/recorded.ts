import type { Address, ConsumerAddress, Instant, Ordinal, SecretAddress } from './address.ts';
import { digestOf } from './canonical.ts';
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

export type Role = 'pending' | 'current' | 'prior' | 'retired';

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
  /** Why it was retired: `soaked` after its soak, `undone` after a rollback. */
  readonly retiredWhy: 'soaked' | 'undone' | null;
  readonly copies: readonly RecordedCopy[];
}

/** A version's copy on a platform. */
export interface RecordedCopy {
  readonly platform: string;
  readonly name: string;
  readonly id: string;
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

export function recordedVersion(
  secret: RecordedSecret | undefined,
  ordinal: Ordinal | null,
): RecordedVersion | null {
  if (secret === undefined || ordinal === null) return null;
  return secret.versions.find((version) => version.ordinal === ordinal) ?? null;
}

/** The newest version with the role prior, the way back during a soak; null where there is none. */
export function priorVersion(secret: RecordedSecret | undefined): RecordedVersion | null {
  return secret?.versions.findLast((version) => version.role === 'prior') ?? null;
}
