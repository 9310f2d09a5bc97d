import type { Instant, Ordinal } from './address.ts';
import { digestOf } from './canonical.ts';
import type { FaultRecord } from './fault.ts';

/** What the vaults and platforms hold now. Metadata only; never a value. */
export interface Observed {
  readonly at: Instant;
  readonly vaults: Readonly<Record<string, ObservedVault>>;
  readonly platforms: Readonly<Record<string, ObservedPlatform>>;
}

/** `unknown` is an answer: no plan guesses past it (invariant I13). */
export type ObservedVault =
  | { readonly status: 'seen'; readonly secrets: Readonly<Record<string, ObservedSecret>> }
  | { readonly status: 'unknown'; readonly fault: FaultRecord };

export type ObservedPlatform =
  ({ readonly status: 'seen' } & SeenPlatform) | { readonly status: 'unknown'; readonly fault: FaultRecord };

/** Tags that keyturn writes on each vault version, and labels on each platform copy. */
export const TAG_VERSION = 'keyturn-version';
export const TAG_OPERATION = 'keyturn-op';
export const TAG_STACK = 'keyturn-stack';
/** On platform copies only: the secret's address. */
export const LABEL_SECRET = 'keyturn-secret';

/** The vault's item for a secret: attributes and tags of its newest version. */
export interface ObservedSecret {
  readonly name: string;
  readonly enabled: boolean;
  /** Unix seconds; never used to infer order (one-second resolution). */
  readonly created: number;
  readonly updated: number;
  readonly tags: Readonly<Record<string, string>>;
  /** Digest of tags, enabled, created and updated; compared for inequality only. */
  readonly fingerprint: string;
  /** The ordinal in the newest version's tags; null where it is not ours. */
  readonly ordinal: Ordinal | null;
  readonly operation: string | null;
  readonly stack: string | null;
  /** Listed only where the fingerprint disagrees with the record, or the secret soaks. */
  readonly versions: readonly ObservedVersion[] | null;
}

/** The fingerprint of a vault item; the same for the plain list and for a list of versions. */
export function itemFingerprint(
  item: Pick<ObservedSecret, 'tags' | 'enabled' | 'created' | 'updated'>,
): string {
  const { tags, enabled, created, updated } = item;
  return digestOf({ tags, enabled, created, updated }).slice(0, 24);
}

export interface ObservedVersion {
  readonly storeId: string;
  readonly enabled: boolean;
  readonly created: number;
  readonly updated: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly ordinal: Ordinal | null;
  readonly operation: string | null;
  readonly stack: string | null;
}

export interface SeenPlatform {
  /** Swarm's cluster id. */
  readonly clusterId: string;
  readonly copies: readonly ObservedCopy[];
  readonly services: Readonly<Record<string, ObservedService>>;
}

/** A secret on the platform. */
export interface ObservedCopy {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Reference {
  readonly target: string;
  readonly copyId: string;
  readonly copyName: string;
}

/** A task that has not ended: until it has, its container may run and hold on to its copies. */
export interface LiveTask {
  /** As `docker service ps` names it, for instance `api.2`. */
  readonly name: string;
  /** The node's name; null: no node has it, or which one is not known. */
  readonly node: string | null;
  /** Its node is not ready: whether the container still runs cannot be seen. */
  readonly isLost: boolean;
  readonly copyIds: readonly string[];
}

export interface ObservedService {
  readonly id: string;
  readonly name: string;
  readonly mode: 'replicated' | 'global' | 'job';
  /** Wanted tasks: replicas, or for a global service the tasks that should run. */
  readonly tasks: number;
  readonly references: readonly Reference[];
  /** References of PreviousSpec; null where the service has none. */
  readonly previousReferences: readonly Reference[] | null;
  /** Tasks that have not ended, the ones on nodes that are lost included. */
  readonly liveTasks: readonly LiveTask[];
  /** What the platform says of a task that no node takes; null: there is none. */
  readonly homeless: string | null;
  /** Swarm's UpdateStatus.State; null where absent. */
  readonly updateState: string | null;
  readonly order: 'start-first' | 'stop-first';
  readonly healthCheck: boolean;
  readonly updateFailureAction: string;
  readonly rollbackFailureAction: string;
  /** See `serviceFingerprint`. */
  readonly fingerprint: string;
  /** Of a file of variables; absent: it is none. */
  readonly file?: ObservedFile;
}

/** What is seen of a file of variables beside what its marker names. */
export interface ObservedFile {
  /** False: keyturn makes it. */
  readonly isThere: boolean;
  /** Somebody else wrote it since keyturn last did: what it holds of ours is only known by its marker. */
  readonly isEdited: boolean;
  /** Null where it is not there. */
  readonly mode: number | null;
  /** What is declared to read it and does not run. */
  readonly down: readonly string[];
  /** What is declared to read it and has not read what it holds now. */
  readonly stale: readonly string[];
}

/** The fingerprint of a service: a digest of what it is and reads; never of Env, Args or the version index. */
export function serviceFingerprint({
  id,
  mode,
  references,
}: Pick<ObservedService, 'id' | 'mode' | 'references'>): string {
  return digestOf({ id, mode, references }).slice(0, 24);
}
