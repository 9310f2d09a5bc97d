import type { ConsumerAddress, Ordinal, SecretAddress } from '../model/address.ts';
import { copyName, isSecretAddress, ordinalOfCopy } from '../model/address.ts';
import type { DeclaredConsumer, DeclaredSecret, Mount } from '../model/declared.ts';
import type { ObservedCopy, ObservedService, ObservedVersion, Reference } from '../model/observed.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type { RecordedConsumer, RecordedCopy } from '../model/recorded.ts';
import type { View } from './view.ts';

/** What the vault holds of one ordinal of ours: several ids where it was restored. */
export interface Stored {
  readonly ordinal: Ordinal;
  /** Oldest first; those of one second by id, because the vault counts in seconds. */
  readonly ids: readonly ObservedVersion[];
  readonly isEnabled: boolean;
}

/** Versions that carry this stack's tags, by ordinal, lowest first. */
export function storedVersions(secret: DeclaredSecret, view: View): Stored[] {
  const item = view.vaultItem(secret);
  const listed = ('seen' in item ? item.seen?.versions : null) ?? [];
  const byOrdinal = new Map<Ordinal, ObservedVersion[]>();
  for (const version of listed) {
    if (version.ordinal === null || version.stack !== view.declared.stack) continue;
    byOrdinal.set(version.ordinal, [...(byOrdinal.get(version.ordinal) ?? []), version]);
  }
  return [...byOrdinal]
    .map(([ordinal, ids]) => ({
      ordinal,
      ids: ids.sort((a, b) => a.created - b.created || (a.storeId < b.storeId ? -1 : 1)),
      isEnabled: ids.some(({ enabled }) => enabled),
    }))
    .sort((a, b) => a.ordinal - b.ordinal);
}

/** An operation id is of one write: where two versions carry it, one of them came late, or somebody copied tags. */
export function hasCopiedTags({ ids }: Stored): boolean {
  return new Set(ids.map(({ operation }) => operation)).size < ids.length;
}

/** What a declared mount names: our ordinal, or null for nothing and for what is not ours. */
export interface Reading {
  readonly consumer: ConsumerAddress;
  readonly secret: SecretAddress;
  readonly isPinned: boolean;
  readonly now: Ordinal | null;
  /** By the previous spec; `same` where that names just what the spec names, or where there is none. */
  readonly before: Ordinal | null | 'same';
}

/** What every declared mount of a service that exists names now and named before its last update. */
export function readings(view: View): Reading[] {
  return view.declared.consumers.flatMap((consumer) => {
    const service = serviceOf(consumer, view);
    if (service === null) return [];
    return consumer.mounts.map((mount): Reading => {
      const named = service.references.find(({ target }) => target === mount.target);
      const previous = service.previousReferences?.find(({ target }) => target === mount.target);
      const isSame = service.previousReferences === null || previous?.copyId === named?.copyId;
      return {
        consumer: consumer.address,
        secret: mount.secret,
        isPinned: mount.version !== null,
        now: named === undefined ? null : ordinalNamed(named, mount, consumer.platform, view),
        // A previous spec does not protect what it names: the copy may be gone, and then its name has to do.
        before: isSame
          ? 'same'
          : previous === undefined
            ? null
            : (ordinalNamed(previous, mount, consumer.platform, view) ??
              ordinalOfCopy(mount.base, previous.copyName)),
      };
    });
  });
}

function ordinalNamed(reference: Reference, mount: Mount, platform: string, view: View): Ordinal | null {
  // A host's marker is written by us alone, and keeps no copy whose labels could tell.
  if (view.isHost(platform)) return ordinalOfCopy(mount.base, reference.copyName);
  const copy = copyOf(reference, platform, view);
  const ours = copy === null ? null : labelled(copy, view);
  return ours?.secret === mount.secret ? ours.ordinal : null;
}

/** The version that a reference of a consumer names; null where it is none of ours. */
export function versionNamed(
  reference: Reference,
  { platform, mounts }: DeclaredConsumer,
  view: View,
): RecordedConsumer['mounts'][string] | null {
  if (!view.isHost(platform)) {
    const copy = copyOf(reference, platform, view);
    return copy === null ? null : labelled(copy, view);
  }
  const mount = mounts.find(({ target }) => target === reference.target);
  const ordinal = mount === undefined ? null : ordinalOfCopy(mount.base, reference.copyName);
  return mount === undefined || ordinal === null ? null : { secret: mount.secret, ordinal };
}

/** A service as it was seen; null where it does not exist or its platform is unknown. */
export function serviceOf(consumer: DeclaredConsumer, view: View): ObservedService | null {
  const sight = view.service(consumer);
  return 'seen' in sight ? sight.seen : null;
}

/** The copy that a reference names. */
export function copyOf({ copyId }: Reference, platform: string, view: View): ObservedCopy | null {
  const sight = view.platform(platform);
  return ('seen' in sight ? sight.seen?.copies : null)?.find(({ id }) => id === copyId) ?? null;
}

/** The version of a secret that a copy's labels name; null where they are not this stack's. */
export function labelled(
  { labels, name }: Pick<ObservedCopy, 'labels' | 'name'>,
  view: View,
): { readonly secret: SecretAddress; readonly ordinal: Ordinal } | null {
  const secret = labels[LABEL_SECRET] ?? '';
  const ordinal = labels[TAG_VERSION] ?? '';
  if (labels[TAG_STACK] !== view.declared.stack || !isSecretAddress(secret)) return null;
  const isNamedSo = /^[1-9][0-9]{0,8}$/.test(ordinal) && name.endsWith(copyName('', Number(ordinal)));
  return isNamedSo ? { secret, ordinal: Number(ordinal) } : null;
}

/** Our copies of every version, by label: also those that nobody reads and those of secrets that left the stack. */
export function labelledCopies(
  view: View,
): { readonly secret: SecretAddress; readonly ordinal: Ordinal; readonly copy: RecordedCopy }[] {
  return Object.keys(view.observed.platforms)
    .sort()
    .flatMap((platform) => {
      const sight = view.platform(platform);
      const copies = ('seen' in sight ? sight.seen?.copies : null) ?? [];
      return copies.flatMap((copy) => {
        const ours = labelled(copy, view);
        return ours === null ? [] : [{ ...ours, copy: { platform, name: copy.name, id: copy.id } }];
      });
    });
}
