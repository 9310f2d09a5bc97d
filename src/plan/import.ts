import type { ConsumerAddress, Instant, Ordinal, SecretAddress } from '../model/address.ts';
import { copyName } from '../model/address.ts';
import type { Declared, DeclaredSecret } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import type { Adopted } from '../model/journal.ts';
import type { Observed } from '../model/observed.ts';
import type {
  Recorded,
  RecordedConsumer,
  RecordedCopy,
  RecordedSecret,
  RecordedVersion,
} from '../model/recorded.ts';
import { operationId } from './cause.ts';
import type { Doubt } from './doubts.ts';
import { serviceOf } from './evidence.ts';
import type { FoundRead, Readers } from './found-reads.ts';
import { currentOf, foundReads, problemsOfReads, readersOf } from './found-reads.ts';
import type { FoundValue } from './found-values.ts';
import { foundValue, itemOf, ownerProblem } from './found-values.ts';
import { View } from './view.ts';

export interface ImportInput {
  readonly declared: Declared;
  /** Everything seen, with the versions of every secret that is not on record listed. */
  readonly observed: Observed;
  readonly recorded: Recorded;
  readonly now: Instant;
  /** What to take over; null: every declared secret that is there and not on record. */
  readonly wanted: readonly SecretAddress[] | null;
  /** What the vault holds is another value than what is read: leave it out. */
  readonly platformOnly: boolean;
}

export interface Import {
  /** What goes on record; empty where something is refused. */
  readonly adopted: Adopted;
  /** What nobody can know, and was therefore assumed; what the next plan has to do. */
  readonly assumed: readonly Doubt[];
  /** Asked for and on record already. */
  readonly known: readonly SecretAddress[];
  /** Why nothing is taken over: all of it, each with what to do. */
  readonly refused: readonly Problem[];
}

/**
 * What taking over secrets that were there before keyturn puts on record. Nothing outside changes for it: neither
 * tag nor label is written, and what consumers read stays what they read.
 *
 * What mounts without a pin read is current, under the number and the name that it has; an older one that is pinned is a
 * version that is kept. The vault's newest enabled version is taken to be the current one, because nobody can compare
 * values without reading them; a version that is read and in no vault is only on its platform, and no value is invented
 * for it. A plan made from this record right after is empty, unless a declared mount is still missing.
 */
export function makeImport(input: ImportInput): Import {
  const view = new View(input);
  const wanted = view.declared.secrets.filter(
    ({ address }) => input.wanted === null || input.wanted.includes(address),
  );
  const known = wanted.filter(({ address }) => view.recordOf(address) !== undefined);
  const readers = readersOf(view);
  const found = wanted.flatMap((secret): Found[] => {
    if (known.includes(secret)) return [];
    const item = itemOf(secret, view);
    const reads = foundReads(secret.address, view);
    const isThere = item !== null || reads.length > 0;
    if (!isThere && input.wanted === null) return [];
    return [{ secret, reads, ...judged(secret, { reads, readers, platformOnly: input.platformOnly }, view) }];
  });
  const refused = found.flatMap(({ problems }) => problems);
  const taken = refused.length > 0 ? [] : found;
  const secrets = taken.map(({ secret, ...rest }) => [secret.address, recordOf({ secret, ...rest }, view)]);
  return {
    adopted: {
      lineage: input.recorded.lineage,
      secrets: Object.fromEntries(secrets) as Adopted['secrets'],
      consumers: consumersOf(taken, view),
    },
    assumed: taken.flatMap((each) =>
      assumptions(each, view, input.platformOnly).map((text) => ({ address: each.secret.address, text })),
    ),
    known: known.map(({ address }) => address),
    refused,
  };
}

interface Found {
  readonly secret: DeclaredSecret;
  readonly reads: readonly FoundRead[];
  /** Null: no vault has it, or what it has is left out. */
  readonly value: FoundValue | null;
  readonly problems: readonly Problem[];
}

function judged(
  secret: DeclaredSecret,
  {
    reads,
    readers,
    platformOnly,
  }: { readonly reads: readonly FoundRead[]; readonly readers: Readers; readonly platformOnly: boolean },
  view: View,
): Pick<Found, 'value' | 'problems'> {
  const { address, name, vault } = secret;
  const owner = ownerProblem(secret, view);
  const problems = [...(owner === null ? [] : [owner]), ...problemsOfReads(secret, reads, readers, view)];
  const item = itemOf(secret, view);
  if (reads.length === 0 && (item === null || platformOnly)) {
    const what =
      item === null
        ? `${name} is neither in ${vault} nor read by a declared consumer: there is nothing to take over`
        : `no declared consumer reads ${name}: on a platform there is nothing of it to take over`;
    const next =
      item === null ? `let keyturn make it: keyturn apply --rotate ${address}` : 'leave --platform-only out';
    return { value: null, problems: [...problems, { what, where: address, next }] };
  }
  if (item === null || platformOnly || owner !== null) return { value: null, problems };
  const value = foundValue(secret, item);
  return 'version' in value ? { value, problems } : { value: null, problems: [...problems, value] };
}

function recordOf(found: Found, view: View): RecordedSecret {
  const { secret, reads } = found;
  const current = currentOf(reads) ?? 1;
  const ordinals = [...new Set([...reads.map(({ ordinal }) => ordinal), current])].sort((a, b) => a - b);
  return {
    highest: Math.max(view.highestOrdinal(secret), ...ordinals),
    current,
    generation: secret.generation,
    versions: ordinals.map((ordinal) => versionRecord(ordinal, ordinal === current, found, view)),
    // Of what the vault holds, whether that is taken over or not: only what somebody does later is drift.
    fingerprint: itemOf(secret, view)?.fingerprint ?? null,
    held: null,
  };
}

function versionRecord(
  ordinal: Ordinal,
  isCurrent: boolean,
  { secret: { address }, reads, value }: Found,
  view: View,
): RecordedVersion {
  const stored = isCurrent ? (value?.version ?? null) : null;
  return {
    ordinal,
    role: isCurrent ? 'current' : 'prior',
    storeIds: stored === null ? [] : [stored.storeId],
    operation: operationId('import', view.recorded.lineage, address, ordinal),
    cause: { kind: 'adopted', at: view.now },
    mintedAt: stored === null ? view.now : instant(stored.created),
    promotedAt: view.now,
    promotion: null,
    soakUntil: null,
    approvedBy: null,
    retiredAt: null,
    retiredWhy: null,
    copies: copiesOf(reads.filter((read) => read.ordinal === ordinal)),
  };
}

/** Each copy once, with the bases of all mounts that read it. */
function copiesOf(reads: readonly FoundRead[]): RecordedCopy[] {
  const copies = new Map<string, RecordedCopy>();
  for (const { consumer, mount, copy } of reads) {
    const key = `${consumer.platform} ${copy.name}`;
    const bases = [...new Set([...(copies.get(key)?.bases ?? []), mount.base])].sort();
    copies.set(key, { platform: consumer.platform, name: copy.name, id: copy.id, bases });
  }
  return [...copies.keys()].sort().flatMap((key) => copies.get(key) ?? []);
}

/** What each consumer reads is added to what is on record of it. */
function consumersOf(taken: readonly Found[], view: View): Adopted['consumers'] {
  const consumers: Record<ConsumerAddress, RecordedConsumer> = {};
  for (const { consumer, mount, service, ordinal } of taken.flatMap(({ reads }) => reads)) {
    const { address } = consumer;
    const before = consumers[address] ??
      view.recordOfConsumer(address) ?? {
        mounts: {},
        originals: null,
        flippedAt: null,
        settleAfter: null,
        fingerprint: service.fingerprint,
      };
    const read = { secret: mount.secret, ordinal };
    consumers[address] = { ...before, mounts: { ...before.mounts, [mount.target]: read } };
  }
  return consumers;
}

function assumptions({ secret, reads, value }: Found, view: View, platformOnly: boolean): string[] {
  const { name, vault, address } = secret;
  const current = currentOf(reads) ?? 1;
  const own = reads.filter(({ ordinal }) => ordinal === current);
  const copies = [...new Set(own.map(({ copy }) => copy.name))];
  const texts: string[] = [];
  if (value !== null && copies.length > 0) {
    texts.push(
      `${copies.join(' and ')} ${copies.length === 1 ? 'is' : 'are'} taken to hold what the newest version of ${name} in ${vault} holds, of ${instant(value.version.created)}`,
    );
  } else if (value === null) {
    const inVault =
      itemOf(secret, view) === null
        ? `${vault} has no ${name}`
        : `what ${vault} holds as ${name} is left out`;
    const why = platformOnly ? 'as you say, ' : '';
    texts.push(
      `${why}${inVault}: ${copies.join(' and ')} ${copies.length === 1 ? 'is' : 'are'} all there is of v${current}, and what is only on a platform cannot be delivered again`,
    );
  }
  if (value === null && copies.length > 1)
    texts.push(`${copies.join(' and ')} are taken to hold the same value`);
  if (value?.isBehindDisabled === true)
    texts.push(`the newest version of ${name} in ${vault} is disabled: the newest that is enabled counts`);
  if (value !== null && value.others > 0) {
    const count = value.others === 1 ? '1 further version' : `${value.others} further versions`;
    texts.push(
      `${count} of ${name} in ${vault} ${value.others === 1 ? 'is' : 'are'} enabled and stay as they are, for ever`,
    );
  }
  for (const read of own.filter(({ isNumbered }) => !isNumbered)) {
    const next = copyName(read.mount.base, Math.max(view.highestOrdinal(secret), current) + 1);
    texts.push(
      `${read.copy.name}, which ${read.consumer.service} reads, is not called ${copyName(read.mount.base, 1)}: it counts as v1, and what follows it is delivered as ${next}`,
    );
  }
  for (const { ordinal, consumer } of reads.filter((read) => read.ordinal !== current)) {
    texts.push(`v${ordinal} of ${name}, which ${consumer.service} pins, is taken to be in no vault`);
  }
  return [...new Set([...texts, ...unmounted(address, view)])];
}

/** Declared mounts that their services lack: the next apply delivers to these. */
function unmounted(secret: SecretAddress, view: View): string[] {
  return view.consumersOf(secret).flatMap((consumer) => {
    const service = serviceOf(consumer, view);
    if (service === null) return [];
    return consumer.mounts
      .filter((mount) => mount.secret === secret)
      .filter(({ target }) => !service.references.some((reference) => reference.target === target))
      .map(
        ({ target }) =>
          `${consumer.service} mounts nothing at ${target} yet: the next plan delivers it there`,
      );
  });
}

function instant(seconds: number): Instant {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
