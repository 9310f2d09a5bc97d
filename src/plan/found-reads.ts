import type { Ordinal, SecretAddress } from '../model/address.ts';
import { isOnHost, nameOf, ordinalOfCopy } from '../model/address.ts';
import type { DeclaredConsumer, DeclaredSecret, Mount } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import type { ObservedService } from '../model/observed.ts';
import { LABEL_SECRET, TAG_STACK } from '../model/observed.ts';
import { serviceOf } from './evidence.ts';
import type { View } from './view.ts';

/** A copy that was there before keyturn, at a declared mount that reads it. */
export interface FoundRead {
  readonly consumer: DeclaredConsumer;
  readonly mount: Mount;
  readonly service: ObservedService;
  readonly copy: { readonly id: string; readonly name: string };
  /** As its name says behind the mount's base; 1 where that says none. */
  readonly ordinal: Ordinal;
  readonly isNumbered: boolean;
}

/** What every declared mount of a secret reads now, whoever made it; a mount that the service lacks is left out. */
export function foundReads(secret: SecretAddress, view: View): FoundRead[] {
  return view.consumersOf(secret).flatMap((consumer) => {
    const service = serviceOf(consumer, view);
    // A host keeps no copies that could be taken over.
    if (service === null || isOnHost(consumer.address)) return [];
    return consumer.mounts.flatMap((mount): FoundRead[] => {
      const reference =
        mount.secret === secret
          ? service.references.find(({ target }) => target === mount.target)
          : undefined;
      if (reference === undefined) return [];
      const named = ordinalOfCopy(mount.base, reference.copyName);
      const copy = { id: reference.copyId, name: reference.copyName };
      return [{ consumer, mount, service, copy, ordinal: named ?? 1, isNumbered: named !== null }];
    });
  });
}

/** Copy → the declared secrets that it is read as, on record or not. */
export type Readers = ReadonlyMap<string, readonly DeclaredSecret[]>;

/** Of all declared secrets, looked up once. */
export function readersOf(view: View): Readers {
  const readers = new Map<string, DeclaredSecret[]>();
  for (const secret of view.declared.secrets) {
    for (const place of new Set(foundReads(secret.address, view).map(placeOf)))
      readers.set(place, [...(readers.get(place) ?? []), secret]);
  }
  return readers;
}

function placeOf({ consumer, copy }: FoundRead): string {
  return `${consumer.platform} ${copy.id}`;
}

/** The version that counts as current: what mounts without a pin read, else the newest that is read; null: nobody reads. */
export function currentOf(reads: readonly FoundRead[]): Ordinal | null {
  const free = reads.filter(({ mount }) => mount.version === null);
  const counted = free.length > 0 ? free : reads;
  return counted.length === 0 ? null : Math.max(...counted.map(({ ordinal }) => ordinal));
}

/** Why what is read of a secret cannot be taken over as one current version and what is pinned; empty: it can. */
export function problemsOfReads(
  secret: DeclaredSecret,
  reads: readonly FoundRead[],
  readers: Readers,
  view: View,
): Problem[] {
  return [
    ...disagreements(secret, reads),
    ...wrongPins(secret, reads),
    ...twins(secret, reads),
    ...foreignCopies(secret, reads, readers, view),
    ...unsteady(secret, reads),
  ];
}

function disagreements({ address, name }: DeclaredSecret, reads: readonly FoundRead[]): Problem[] {
  const free = reads.filter(({ mount }) => mount.version === null);
  const ordinals = [...new Set(free.map(({ ordinal }) => ordinal))].sort((a, b) => a - b);
  const [oldest] = ordinals;
  if (ordinals.length < 2) return [];
  return [
    {
      what: `the consumers of ${name} do not read one version: ${free.map(readText).join(', ')}`,
      where: address,
      next: `deploy one version to all of them, or pin those that shall keep theirs for now: { version: ${oldest ?? 1} }`,
    },
  ];
}

function wrongPins({ address, name }: DeclaredSecret, reads: readonly FoundRead[]): Problem[] {
  const current = currentOf(reads) ?? 0;
  return reads.flatMap((read): Problem[] => {
    const { mount, ordinal, consumer } = read;
    if (mount.version === null) return [];
    if (mount.version !== ordinal) {
      const what = `${consumer.service} pins ${name} v${mount.version}, and ${readText(read)}, which counts as v${ordinal}`;
      return [{ what, where: address, next: `pin what it reads: { version: ${ordinal} }` }];
    }
    if (ordinal <= current) return [];
    const what = `${consumer.service} pins ${name} v${ordinal}, and others are still at v${current}: what is newer than the current version cannot be taken over`;
    return [{ what, where: address, next: `deploy v${ordinal} to all of them, or take over later` }];
  });
}

/** Two copies of one place that would count as the same version. */
function twins({ address, name }: DeclaredSecret, reads: readonly FoundRead[]): Problem[] {
  const nameOfPlace = ({ consumer, mount, ordinal }: FoundRead): string =>
    `${consumer.platform} ${mount.base} ${ordinal}`;
  return [...new Set(reads.map(nameOfPlace))].flatMap((place): Problem[] => {
    const same = reads.filter((read) => nameOfPlace(read) === place);
    const names = [...new Set(same.map(({ copy }) => copy.name))].sort();
    if (names.length < 2) return [];
    return [
      {
        what: `${names.join(' and ')} would both count as ${name} v${same[0]?.ordinal ?? 1}: ${same.map(readText).join(', ')}`,
        where: address,
        next: 'deploy one of them to all, or give the mounts different bases: { base: … }',
      },
    ];
  });
}

function foreignCopies(
  { address, name }: DeclaredSecret,
  reads: readonly FoundRead[],
  readers: Readers,
  view: View,
): Problem[] {
  const { stack } = view.declared;
  return reads.flatMap((read): Problem[] => {
    const { copy, consumer } = read;
    const labels = view.copy(consumer.platform, copy.name)?.labels ?? {};
    const owner = labels[TAG_STACK];
    const other = readers.get(placeOf(read))?.find((each) => each.address !== address);
    if (owner !== undefined && owner !== stack) {
      const what = `${copy.name} on ${consumer.platform}, which ${consumer.service} reads, belongs to stack '${owner}'`;
      return [{ what, where: address, next: 'declare it in one stack only' }];
    }
    if (owner !== undefined && labels[LABEL_SECRET] !== undefined) {
      const what = `${copy.name} on ${consumer.platform} was delivered by this stack, and the record does not know it`;
      return [{ what, where: address, next: lostRecord(stack) }];
    }
    if (other === undefined) return [];
    const what = `${copy.name} on ${consumer.platform} is read as ${name} and as ${other.name}`;
    return [{ what, where: address, next: 'declare one secret, and let both mounts read that' }];
  });
}

/** Where an update is under way or paused, what a service reads is not settled. */
function unsteady({ address }: DeclaredSecret, reads: readonly FoundRead[]): Problem[] {
  const services = new Map(reads.map(({ service, consumer }) => [consumer.address, service]));
  return [...services].flatMap(([consumer, { updateState }]): Problem[] => {
    if (updateState === null || updateState === 'completed' || updateState === 'rollback_completed')
      return [];
    const what = `service '${nameOf(consumer)}' has an update that is ${updateState}: its tasks may run on either spec`;
    return [{ what, where: address, next: 'wait until it has ended, or mend it, then import again' }];
  });
}

/** What to do where tags or labels say that this stack's record once knew something. */
export function lostRecord(stack: string): string {
  return `bring the record back that knows it, or where that is lost: keyturn state rebuild ${stack}`;
}

/** `api reads db_v7`. */
export function readText({ consumer, copy }: FoundRead): string {
  return `${consumer.service} reads ${copy.name}`;
}
