import type { Address } from '../model/address.ts';
import { isOnHost, spoken } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Recorded, RecordedSecret } from '../model/recorded.ts';
import { isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import type { Reading } from './evidence.ts';
import { hasCopiedTags, serviceOf } from './evidence.ts';
import type { Scene } from './scene.ts';

/** Something that a rebuilt record does not know, and what was assumed; null: of the record as a whole. */
export interface Doubt {
  readonly address: Address | null;
  readonly text: string;
}

const LOST: readonly string[] = [
  'whether the newest versions were verified and promoted: what consumers read counts as current',
  "when versions were promoted: the date of the mint counts, and a soak begins only after the consumers' deadlines",
  'when consumers were flipped: where the previous spec names another version, it is settled a whole soak from now',
  'why versions were made, who approved their retirement, and which saved plans were used',
  'generations that were declared and not applied yet: the declared ones count as applied',
  'changes by others since the last apply: what is there now counts as ours where it carries our tags and labels',
  'secrets and consumers that are no longer declared: they are not in this record',
  'what was taken over and carries no tags: keyturn import takes over once more what was not rotated since, and the version from before a first rotation is left alone',
];

/** What tags, labels and specs leave open: of everything, then of each secret and consumer. */
export function doubtsOf(recorded: Recorded, scene: Scene): Doubt[] {
  const { view } = scene;
  const secrets = view.declared.secrets.flatMap((secret) =>
    secretDoubts(secret, recorded.secrets[secret.address], scene).map((text) => ({
      address: secret.address,
      text,
    })),
  );
  return [
    ...LOST.map((text) => ({ address: null, text })),
    ...secrets,
    ...consumerDoubts(recorded, scene),
    ...strayCopies(recorded, scene),
  ];
}

function secretDoubts(secret: DeclaredSecret, record: RecordedSecret | undefined, scene: Scene): string[] {
  const { name, address } = secret;
  const item = scene.view.vaultItem(secret);
  const newest = 'seen' in item ? item.seen : null;
  const { stack } = scene.view.declared;
  if (record === undefined) {
    return newest === null
      ? []
      : [`${name} is in the vault and carries no version of this stack: it is left out`];
  }
  const { current, versions } = record;
  const texts: string[] = [];
  if (current === null) texts.push(`no version of ${name} is enabled in the vault: none counts as current`);
  texts.push(...readDoubts(secret, current, scene));
  const ids = versions.find(({ ordinal }) => ordinal === current)?.storeIds ?? [];
  const stored = scene.stores.get(address)?.find(({ ordinal }) => ordinal === current);
  if (current !== null && ids.length === 0) {
    texts.push(
      `${name} v${current} is read, and the vault does not list it: its copies are all there is of it`,
    );
  } else if (current !== null && stored?.isEnabled !== true) {
    texts.push(`${name} v${current} is read, and it is disabled in the vault`);
  }
  if (newest !== null && newest.stack !== stack) {
    const whose = newest.stack === null ? 'was not written by keyturn' : `belongs to stack '${newest.stack}'`;
    texts.push(`the newest version of ${name} in the vault ${whose}: it is left alone`);
  } else if (newest?.ordinal != null && newest.ordinal !== current && newest.enabled) {
    texts.push(`the newest version of ${name} in the vault is v${newest.ordinal}, not v${current ?? '?'}`);
  }
  for (const { ordinal, role } of versions) {
    if (role === 'pending')
      texts.push(`${name} v${ordinal} is enabled and not current: a later plan takes it back`);
  }
  if (record.held !== null) {
    texts.push(`${name} counts as held: ${record.held.reason}; let go with --rotate ${address}`);
  }
  return [...texts, ...copiedTags(secret, scene)];
}

/** Consumers that disagree, or that nobody could ask. */
function readDoubts(
  { name, address }: DeclaredSecret,
  current: number | null,
  { readings }: Scene,
): string[] {
  const free = readings.filter((one) => one.secret === address && !one.isPinned);
  const reads = free.filter(({ now }) => now !== null);
  const texts = free
    .filter(({ now }) => now === null)
    .map(({ consumer }) => `${spoken(consumer)} mounts ${name} and names no copy of ours there`);
  if (reads.length === 0 && current !== null) {
    texts.push(`nothing declared reads ${name}: v${current}, the vault's newest of ours, counts as current`);
  }
  if (new Set(reads.map(({ now }) => now)).size > 1) {
    texts.push(
      `consumers disagree on ${name}: ${reads.map(readText).join(', ')}; v${current ?? '?'} counts as current`,
    );
  } else if (reads.some(({ now }) => now !== current)) {
    texts.push(
      `${reads.map(readText).join(', ')} of ${name}, but another secret of the same update went no further: v${current ?? '?'} counts as current`,
    );
  }
  return texts;
}

function readText({ consumer, now }: Reading): string {
  return `${spoken(consumer)} reads v${now ?? '?'}`;
}

function copiedTags({ name, address }: DeclaredSecret, { stores }: Scene): string[] {
  return (stores.get(address) ?? []).flatMap((stored) => {
    if (!hasCopiedTags(stored)) return [];
    const { ordinal, ids } = stored;
    return [
      `${ids.length} versions in the vault say that they are ${name} v${ordinal}, and some by the same write: one of them came late, or somebody copied its tags`,
    ];
  });
}

function consumerDoubts(recorded: Recorded, { view }: Scene): Doubt[] {
  return view.declared.consumers.flatMap((consumer): Doubt[] => {
    const record = recorded.consumers[consumer.address];
    const service = serviceOf(consumer, view);
    if (record === undefined || service === null || isOnHost(consumer.address)) return [];
    const { updateFailureAction, rollbackFailureAction } = service;
    if (updateFailureAction !== 'pause' || rollbackFailureAction !== 'pause') return [];
    const text =
      record.settleAfter === null
        ? `both FailureActions of ${consumer.service} are pause: whether that is its own setting is not known`
        : `the FailureActions of ${consumer.service} before its last flip are not known: settle leaves them at pause`;
    return [{ address: consumer.address, text }];
  });
}

/** Copies that carry our labels and belong to no version of this record, or to one that is nowhere else. */
function strayCopies(recorded: Recorded, { copies }: Scene): Doubt[] {
  return copies.flatMap(({ secret, ordinal, copy }): Doubt[] => {
    const record = recorded.secrets[secret];
    const version = recordedVersion(record, ordinal);
    if (ordinal === record?.current || (version !== null && !isPlatformOnly(version))) return [];
    const why =
      version === null
        ? 'is of no secret in this record: it is left alone'
        : 'is of a version that the vault does not list, and all there is of it: it stays until a person says --prune-platform-only';
    return [{ address: null, text: `${copy.name} on ${copy.platform} ${why}` }];
  });
}
