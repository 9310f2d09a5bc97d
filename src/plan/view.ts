import type { Address, ConsumerAddress, Instant, Ordinal, SecretAddress } from '../model/address.ts';
import { copyName, homeOf, isSecretAddress, nameOf, splitCopyName } from '../model/address.ts';
import type {
  Apart,
  Declared,
  DeclaredConsumer,
  DeclaredSecret,
  Mount,
  Restarts,
} from '../model/declared.ts';
import type { FaultRecord } from '../model/fault.ts';
import type {
  Observed,
  ObservedCopy,
  ObservedSecret,
  ObservedService,
  Reference,
  SeenPlatform,
} from '../model/observed.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type { Recorded, RecordedConsumer, RecordedCopy, RecordedSecret } from '../model/recorded.ts';
import { copyFor, ordinalNamed, recordedVersion } from '../model/recorded.ts';
import { Mentions } from './mentions.ts';

/** What a caller may ask of a plan beyond what is due. */
export interface PlanOptions {
  /** Rotate these though they are not due. */
  readonly rotate: readonly SecretAddress[];
  /** Only these and what shares a group with them; empty: everything. */
  readonly target: readonly Address[];
  /** Only what the calendar asks for: due rotations and dated steps. */
  readonly dueOnly: boolean;
  readonly reason: string | null;
  /** Manual secrets that a person gave a value for. */
  readonly values: readonly SecretAddress[];
  /** Remove copies whose value is nowhere else: of retired versions that no vault has. */
  readonly prunePlatformOnly: boolean;
  /** Remove copies of ours that nothing declares, reads or keeps. Absent: they stay. */
  readonly pruneOrphans?: boolean;
}

export interface PlanInput {
  readonly declared: Declared;
  readonly observed: Observed;
  readonly recorded: Recorded;
  readonly now: Instant;
  readonly options: PlanOptions;
}

export const NO_OPTIONS: PlanOptions = {
  rotate: [],
  target: [],
  dueOnly: false,
  reason: null,
  values: [],
  prunePlatformOnly: false,
};

/** A copy that says of itself which version it is. */
export type LabelledCopy = RecordedCopy & { readonly ordinal: Ordinal };

/** What was seen of something, or why it could not be seen. */
export type Sight<T> = { readonly seen: T | null } | { readonly unknown: FaultRecord };

/**
 * The three states side by side, by address. Questions only: nothing here has an effect. `declared` and
 * `recorded` are in one order, whatever order they came in; versions by ordinal.
 */
export class View {
  readonly declared: Declared;
  readonly observed: Observed;
  readonly recorded: Recorded;
  readonly now: Instant;
  /** Whether copies whose value is nowhere else may be removed. */
  readonly prunesPlatformOnly: boolean;
  readonly #secrets: ReadonlyMap<SecretAddress, DeclaredSecret>;
  readonly #consumers: ReadonlyMap<ConsumerAddress, DeclaredConsumer>;
  readonly #mountedBy: ReadonlyMap<SecretAddress, readonly DeclaredConsumer[]>;
  readonly #apart: ReadonlyMap<SecretAddress, readonly Apart[]>;
  readonly #mentions = new Map<string, Mentions>();
  readonly #copies = new Map<string, ReadonlyMap<string, ObservedCopy>>();
  /** Platform and base → the highest ordinal in a copy's name. Null: nobody asked yet, as in a plan of nothing to do. */
  #highest: ReadonlyMap<string, Ordinal> | null = null;
  readonly #labelled = new Map<string, LabelledCopy[]>();
  /** What is recorded of secrets, declared or not, by address. */
  readonly recordsByAddress: readonly (readonly [SecretAddress, RecordedSecret])[];

  constructor(input: Omit<PlanInput, 'options'> & Partial<Pick<PlanInput, 'options'>>) {
    this.declared = sortedDeclaration(input.declared);
    this.observed = input.observed;
    this.recorded = sortedRecord(input.recorded);
    const records = Object.entries(this.recorded.secrets) as [SecretAddress, RecordedSecret][];
    this.recordsByAddress = ordered(records, ([address]) => address);
    this.now = input.now;
    this.prunesPlatformOnly = input.options?.prunePlatformOnly ?? false;
    this.#secrets = new Map(this.declared.secrets.map((secret) => [secret.address, secret]));
    this.#consumers = new Map(this.declared.consumers.map((consumer) => [consumer.address, consumer]));
    const mountedBy = new Map<SecretAddress, DeclaredConsumer[]>();
    for (const consumer of this.declared.consumers) {
      for (const address of new Set(consumer.mounts.map((mount) => mount.secret))) {
        const list = mountedBy.get(address) ?? [];
        list.push(consumer);
        mountedBy.set(address, list);
      }
    }
    this.#mountedBy = mountedBy;
    this.#apart = apartBothWays(this.declared.secrets);
    for (const [name, platform] of Object.entries(input.observed.platforms))
      if (platform.status === 'seen') this.#index(name, platform.copies);
  }

  secret(address: SecretAddress): DeclaredSecret | undefined {
    return this.#secrets.get(address);
  }

  consumer(address: ConsumerAddress): DeclaredConsumer | undefined {
    return this.#consumers.get(address);
  }

  consumersOf(address: SecretAddress): readonly DeclaredConsumer[] {
    return this.#mountedBy.get(address) ?? [];
  }

  /** What a secret must not rotate close to, whoever of the two says so; sorted. */
  apartFrom(address: SecretAddress): readonly Apart[] {
    return this.#apart.get(address) ?? [];
  }

  /** How many consumers of a platform, or of a fleet, may restart at once; null: any number. */
  restartsOf(fleet: string): Restarts | null {
    return this.declared.platforms.find(({ name }) => this.fleetOf(name) === fleet)?.restarts ?? null;
  }

  isHost(platform: string): boolean {
    return this.declared.platforms.some(({ name, kind }) => name === platform && kind === 'host');
  }

  /** What a platform counts its restarts with: `fleet web` of a host in one, else itself. */
  fleetOf(platform: string): string {
    const host = this.declared.platforms.find(({ name }) => name === platform);
    return host?.kind === 'host' && host.fleet !== null ? `fleet ${host.fleet}` : platform;
  }

  recordOf(address: SecretAddress): RecordedSecret | undefined {
    return this.recorded.secrets[address];
  }

  recordOfConsumer(address: ConsumerAddress): RecordedConsumer | undefined {
    return this.recorded.consumers[address];
  }

  vaultItem(secret: Pick<DeclaredSecret, 'vault' | 'name'>): Sight<ObservedSecret> {
    const vault = this.observed.vaults[secret.vault];
    if (vault === undefined) return { unknown: notAsked(`vault ${secret.vault}`) };
    return vault.status === 'unknown'
      ? { unknown: vault.fault }
      : { seen: vault.secrets[secret.name] ?? null };
  }

  platform(name: string): Sight<SeenPlatform> {
    const platform = this.observed.platforms[name];
    if (platform === undefined) return { unknown: notAsked(`platform ${name}`) };
    return platform.status === 'unknown' ? { unknown: platform.fault } : { seen: platform };
  }

  service(consumer: Pick<DeclaredConsumer, 'platform' | 'service'>): Sight<ObservedService> {
    const platform = this.platform(consumer.platform);
    if ('unknown' in platform) return platform;
    return { seen: platform.seen?.services[consumer.service] ?? null };
  }

  /** Names of the services that may refer to a copy of this id, sorted; a platform that is unknown has none here. */
  mentioning(platform: string, id: string): readonly string[] {
    const sight = this.platform(platform);
    const seen = 'seen' in sight ? sight.seen : null;
    const mentions = this.#mentions.get(platform) ?? new Mentions(platform, seen ?? { services: {} });
    this.#mentions.set(platform, mentions);
    return mentions.of(id);
  }

  copy(platform: string, name: string): ObservedCopy | undefined {
    return this.#copies.get(platform)?.get(name);
  }

  /** What a version's copy for this mount is called: as it was taken over or delivered, or as it would be delivered. */
  nameFor({ secret, base }: Pick<Mount, 'secret' | 'base'>, platform: string, ordinal: Ordinal): string {
    const version = recordedVersion(this.recordOf(secret), ordinal);
    return copyFor(version, platform, base)?.name ?? copyName(base, ordinal);
  }

  /** The ordinal that a reference of this mount names: of a copy that was taken over, or by its name; null: none of ours. */
  ordinalNamed(
    { secret, base }: Pick<Mount, 'secret' | 'base'>,
    platform: string,
    reference: Pick<Reference, 'copyId' | 'copyName'>,
  ): Ordinal | null {
    return ordinalNamed(this.recordOf(secret), { platform, base }, reference);
  }

  /** Whether a copy is one that the record knows as of this secret, whatever its labels say. */
  isRecordedCopy(secret: SecretAddress, platform: string, id: string): boolean {
    const versions = this.recordOf(secret)?.versions ?? [];
    return versions.some(({ copies }) => copies.some((copy) => copy.platform === platform && copy.id === id));
  }

  /** Copies whose labels say that they are of this secret, of this stack and of an ordinal. */
  labelledCopies(address: SecretAddress): readonly LabelledCopy[] {
    return this.#labelled.get(address) ?? [];
  }

  /** The highest ordinal that record, tags, the names of copies, or files on hosts know; 0 where there is none. */
  highestOrdinal(secret: DeclaredSecret): Ordinal {
    const item = this.vaultItem(secret);
    const seen = 'seen' in item ? item.seen : null;
    const ordinals = [
      this.recordOf(secret.address)?.highest ?? 0,
      seen?.ordinal ?? 0,
      ...(seen?.versions ?? []).map((version) => version.ordinal ?? 0),
    ];
    this.#highest ??= highestIn(this.declared, this.observed);
    for (const { platform, base } of this.basesOf(secret.address))
      ordinals.push(this.#highest.get(`${platform}/${base}`) ?? 0);
    return Math.max(...ordinals);
  }

  /** Every platform and base name under which this secret's versions are delivered. */
  basesOf(address: SecretAddress): { platform: string; base: string }[] {
    const found = new Map<string, { platform: string; base: string }>();
    for (const consumer of this.consumersOf(address)) {
      for (const mount of consumer.mounts) {
        if (mount.secret !== address) continue;
        found.set(copyName(`${consumer.platform}/${mount.base}`, 1), {
          platform: consumer.platform,
          base: mount.base,
        });
      }
    }
    return [...found.values()];
  }

  /** Once for all secrets: asking each copy for each of them would take the square of their number. */
  #index(platform: string, copies: readonly ObservedCopy[]): void {
    this.#copies.set(platform, new Map(copies.map((copy) => [copy.name, copy])));
    for (const { id, name, labels } of copies) {
      const ordinal = Number(labels[TAG_VERSION]);
      if (labels[TAG_STACK] !== this.declared.stack || !Number.isSafeInteger(ordinal) || ordinal <= 0)
        continue;
      const address = labels[LABEL_SECRET] ?? '';
      const list = this.#labelled.get(address) ?? [];
      list.push({ platform, name, id, ordinal });
      this.#labelled.set(address, list);
    }
  }

  /** The fingerprint that a basis holds for an address, declared or not. */
  fingerprint(address: Address): string {
    const place = { vault: homeOf(address), name: nameOf(address) };
    const sight = isSecretAddress(address)
      ? this.vaultItem(place)
      : this.service({ platform: place.vault, service: place.name });
    return 'seen' in sight ? (sight.seen?.fingerprint ?? 'absent') : 'unknown';
  }
}

function apartBothWays(secrets: readonly DeclaredSecret[]): Map<SecretAddress, Apart[]> {
  const all = new Map<SecretAddress, Apart[]>();
  const add = (address: SecretAddress, apart: Apart): void => {
    all.set(address, [...(all.get(address) ?? []), apart].sort(by(({ secret }) => secret)));
  };
  for (const { address, apart } of secrets) {
    for (const each of apart) {
      add(address, each);
      add(each.secret, { secret: address, by: each.by });
    }
  }
  return all;
}

/** One order of everything, so that the order of a file says nothing. */
function sortedDeclaration(declared: Declared): Declared {
  return {
    ...declared,
    secrets: ordered(declared.secrets, ({ address }) => address),
    consumers: ordered(declared.consumers.map(withOrderedMounts), ({ address }) => address),
  };
}

function withOrderedMounts(consumer: DeclaredConsumer): DeclaredConsumer {
  const mounts = ordered(consumer.mounts, ({ target }) => target);
  return mounts === consumer.mounts ? consumer : { ...consumer, mounts };
}

/** The same list where it is in order already, as what keyturn wrote is. */
function ordered<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  let last = '';
  for (const item of items) {
    const key = keyOf(item);
    if (key < last) return [...items].sort(by(keyOf));
    last = key;
  }
  return items;
}

function sortedRecord(recorded: Recorded): Recorded {
  const secrets = Object.entries(recorded.secrets);
  if (secrets.every(([, record]) => isSorted(record))) return recorded;
  const sorted = secrets.map(([address, record]) => [address, sortedVersions(record)] as const);
  return { ...recorded, secrets: Object.fromEntries(sorted) };
}

/** One version with one copy, as most have. */
function isSorted({ versions }: RecordedSecret): boolean {
  return versions.length < 2 && (versions[0]?.copies.length ?? 0) < 2;
}

function sortedVersions(record: RecordedSecret): RecordedSecret {
  if (isSorted(record)) return record;
  const versions = record.versions.map((version) => ({
    ...version,
    copies: [...version.copies].sort(by(({ platform, name }) => `${platform} ${name}`)),
  }));
  return { ...record, versions: versions.sort((a, b) => a.ordinal - b.ordinal) };
}

/** Platform and base → the highest ordinal that is named there. */
function highestIn({ platforms: declared }: Declared, { platforms }: Observed): ReadonlyMap<string, Ordinal> {
  const hosts = new Set(declared.flatMap(({ kind, name }) => (kind === 'host' ? [name] : [])));
  const highest = new Map<string, Ordinal>();
  for (const [platform, seen] of Object.entries(platforms)) {
    if (seen.status !== 'seen') continue;
    // Hosts keep no copies: which versions there are is said by who reads them.
    const readers = hosts.has(platform) ? Object.values(seen.services) : [];
    const references = readers.flatMap((reader) => reader.references.map(({ copyName }) => copyName));
    for (const copy of [...seen.copies.map(({ name }) => name), ...references]) {
      const named = splitCopyName(copy);
      if (named === null) continue;
      const key = `${platform}/${named.base}`;
      highest.set(key, Math.max(named.ordinal, highest.get(key) ?? 0));
    }
  }
  return highest;
}

function by<T>(keyOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0);
}

function notAsked(where: string): FaultRecord {
  return { code: 'unexpected', what: `${where} was not observed`, where };
}
