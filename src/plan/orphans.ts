import type { Ordinal, SecretAddress } from '../model/address.ts';
import { homeOf, isSecretAddress, nameOf, ordinalOfCopy } from '../model/address.ts';
import type { ObservedCopy } from '../model/observed.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type { Group, PruneStep, Step } from '../model/plan.ts';
import type { RecordedSecret } from '../model/recorded.ts';
import { isDead, isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import { beyondRecord } from './strays.ts';
import { usesOf } from './uses.ts';
import type { View } from './view.ts';

/** A copy on a platform that nothing declares, reads, pins, soaks or keeps. */
export interface Orphan {
  readonly platform: string;
  readonly copy: string;
  /** By the record, else by its labels, else by its name. */
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  /** It carries our labels or was taken over: else it is somebody else's, and keyturn never removes it. */
  readonly isOurs: boolean;
  /** No vault has its value: it is all that there is of it. */
  readonly isOnlyThere: boolean;
  /** The next retirement of its secret removes it: only so many are kept. */
  readonly isPassing: boolean;
  /** Why nothing needs it. */
  readonly why: string;
}

/** Whose a copy says that it is. */
export interface Owner {
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
}

/**
 * The orphans of this stack on the platforms that could be observed, by platform and name. A secret that is declared
 * and not recorded has none: its record may be lost, and then nothing tells what is needed.
 */
export function orphansOf(view: View): Orphan[] {
  const owners = recordedOwners(view);
  return Object.entries(view.observed.platforms).flatMap(([platform, seen]) =>
    seen.status === 'seen' ? seen.copies.flatMap((copy) => orphanOf(platform, copy, owners, view) ?? []) : [],
  );
}

function orphanOf(platform: string, copy: ObservedCopy, owners: Owners, view: View): Orphan | null {
  const { id, name, labels } = copy;
  const own = owners.get(`${platform} ${id}`) ?? null;
  const labelled = labelledOwner(copy, view);
  // What no label of ours is on may be one of an older time, from before keyturn.
  const isBare = labels[LABEL_SECRET] === undefined && labels[TAG_STACK] === undefined;
  const owner = own ?? labelled ?? (isBare ? namedOwner(platform, name, view) : null);
  if (owner === null || (labelled !== null && isLie(platform, name, labelled, own, view))) return null;
  if (usesOf([{ platform, name, id }], view).length > 0) return null;
  const why = whyUnneeded(platform, name, owner, view);
  if (why === null) return null;
  const version = recordedVersion(view.recordOf(owner.secret), owner.ordinal);
  const isTakenOver = version?.copies.some((each) => each.id === id && each.bases !== undefined) === true;
  const isOurs = labelled !== null || isTakenOver;
  const isOnlyThere = !isOurs || (version !== null && isPlatformOnly(version));
  const isPassing = (view.secret(owner.secret)?.keep ?? 0) > 0 && version?.retiredWhy === 'soaked';
  return { ...owner, platform, copy: name, isOurs, isOnlyThere, isPassing, why };
}

/** By platform and id, with a space between them: the version that a copy was recorded as. */
export type Owners = ReadonlyMap<string, Owner>;

/** Made once for all copies of a platform. */
export function recordedOwners({ recorded }: View): Owners {
  const secrets = Object.entries(recorded.secrets) as [SecretAddress, RecordedSecret][];
  return new Map(
    secrets.flatMap(([secret, { versions }]) =>
      versions.flatMap(({ ordinal, copies }) =>
        copies.map(({ platform, id }) => [`${platform} ${id}`, { secret, ordinal }] as const),
      ),
    ),
  );
}

/** The version that its labels name; null: they are not whole, or of another stack. */
export function labelledOwner({ labels }: ObservedCopy, view: View): Owner | null {
  const secret = labels[LABEL_SECRET] ?? '';
  const ordinal = Number(labels[TAG_VERSION]);
  if (labels[TAG_STACK] !== view.declared.stack || !isSecretAddress(secret)) return null;
  return Number.isSafeInteger(ordinal) && ordinal > 0 ? { secret, ordinal } : null;
}

/** The version that it is called like, under a base that is declared on this platform. */
export function namedOwner(platform: string, name: string, view: View): Owner | null {
  for (const consumer of view.declared.consumers) {
    for (const { secret, base } of consumer.platform === platform ? consumer.mounts : []) {
      const ordinal = ordinalOfCopy(base, name);
      if (ordinal !== null) return { secret, ordinal };
    }
  }
  return null;
}

/** Whether labels contradict the record, or a name under a declared base. */
export function isLie(
  platform: string,
  name: string,
  labelled: Owner,
  recorded: Owner | null,
  view: View,
): boolean {
  const truth = recorded ?? namedOwner(platform, name, view);
  return truth !== null && (truth.secret !== labelled.secret || truth.ordinal !== labelled.ordinal);
}

/** Null: something may still need it. */
function whyUnneeded(platform: string, name: string, { secret, ordinal }: Owner, view: View): string | null {
  const declared = view.secret(secret);
  const record = view.recordOf(secret);
  const of = `${nameOf(secret)} v${ordinal}`;
  // Of another vault it may be another project's, whose stack is called the same.
  if (declared === undefined && record === undefined && !isVaultOf(secret, view)) return null;
  if (declared === undefined) return `${nameOf(secret)} is not declared any more, and nothing reads it`;
  if (record === undefined || beyondRecord(declared, view) !== null) return null;
  const isMounted = view
    .basesOf(secret)
    .some(
      (each) => each.platform === platform && view.nameFor({ ...each, secret }, platform, ordinal) === name,
    );
  if (!isMounted) return `no consumer is declared to read ${nameOf(secret)} under that name`;
  const version = recordedVersion(record, ordinal);
  if (version === null) return `the record knows no ${of}`;
  if (!isDead(version) || isKept(record, ordinal, declared.keep) || isPinned(secret, ordinal, view))
    return null;
  return `${of} is retired, and nothing reads it`;
}

function isVaultOf(secret: SecretAddress, view: View): boolean {
  return view.declared.vaults.some(({ name }) => name === homeOf(secret));
}

/** Of the versions that have soaked the newest ones keep their copies. */
function isKept({ versions }: RecordedSecret, ordinal: Ordinal, keep: number): boolean {
  const soaked = versions.filter(({ role, retiredWhy }) => role === 'retired' && retiredWhy === 'soaked');
  const kept = soaked.toSorted((a, b) => b.ordinal - a.ordinal).slice(0, keep);
  return kept.some((version) => version.ordinal === ordinal);
}

function isPinned(secret: SecretAddress, ordinal: Ordinal, view: View): boolean {
  return view
    .consumersOf(secret)
    .some(({ mounts }) => mounts.some((mount) => mount.secret === secret && mount.version === ordinal));
}

/** Removes the orphans that carry our labels, but for those in `taken`; the only ones in the world only when asked for. */
export function orphanWork(
  view: View,
  taken: readonly Step[] = [],
): { readonly groups: readonly Group[]; readonly steps: readonly PruneStep[] } {
  const isTaken = ({ platform, copy }: Orphan): boolean =>
    taken.some((step) => step.kind === 'prune' && step.platform === platform && step.copy === copy);
  const orphans = orphansOf(view).filter(
    (orphan) => orphan.isOurs && (!orphan.isOnlyThere || view.prunesPlatformOnly) && !isTaken(orphan),
  );
  const secrets = [...new Set(orphans.map(({ secret }) => secret))].sort();
  const groups = secrets.map((secret, index) => ({
    id: `o${index + 1}`,
    needs: [],
    secrets: [secret],
    consumers: [],
  }));
  const steps = groups.flatMap(({ id, secrets: [address] }) =>
    orphans
      .filter(({ secret }) => secret === address)
      .map(({ secret, ordinal, platform, copy, why }, index): PruneStep => ({
        kind: 'prune',
        id: `${id}.${index + 1}`,
        group: id,
        address: secret,
        secret,
        ordinal,
        platform,
        copy,
        needs: [],
        cause: { kind: 'request', at: view.now, reason: why },
        text: `remove ${copy} from ${platform}`,
        inverse: null,
      })),
  );
  return { groups, steps };
}
