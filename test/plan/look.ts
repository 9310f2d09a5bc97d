import type { Instant } from '../../src/model/address.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type { Declared } from '../../src/model/declared.ts';
import type {
  LiveTask,
  Observed,
  ObservedPlatform,
  ObservedSecret,
  ObservedService,
  ObservedVault,
  ObservedVersion,
} from '../../src/model/observed.ts';
import { TAG_OPERATION, TAG_STACK, TAG_VERSION, itemFingerprint } from '../../src/model/observed.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { priorVersion } from '../../src/model/recorded.ts';
import type { World, WorldService } from './world.ts';

/** What a planner would see: versions are listed where the record disagrees or the secret soaks, as in observe. */
export function look(world: World, declared: Declared, recorded: Recorded, at: Instant): Observed {
  const vaults = declared.vaults.map(({ name }) => [name, seeVault(world, name, recorded)] as const);
  const platforms = declared.platforms.map(({ name }) => [name, seePlatform(world, name)] as const);
  return { at, vaults: Object.fromEntries(vaults), platforms: Object.fromEntries(platforms) };
}

function seeVault(world: World, name: string, recorded: Recorded): ObservedVault {
  if (world.unknown.has(name)) return { status: 'unknown', fault: unreachable('vault-unreachable', name) };
  const secrets = [...(world.vaults.get(name) ?? [])].flatMap(([secret, versions]): ObservedSecret[] => {
    const newest = versions.at(-1);
    if (newest === undefined) return [];
    const { enabled, created, updated, tags } = newest;
    const record = recorded.secrets[`vault://${name}/${secret}`];
    const fingerprint = itemFingerprint(newest);
    const isListed = record?.fingerprint !== fingerprint || priorVersion(record) !== null;
    return [
      {
        name: secret,
        enabled,
        created,
        updated,
        tags,
        fingerprint,
        ...factsOf(tags),
        versions: isListed
          ? versions.map((version): ObservedVersion => ({ ...version, ...factsOf(version.tags) }))
          : null,
      },
    ];
  });
  return { status: 'seen', secrets: Object.fromEntries(secrets.map((secret) => [secret.name, secret])) };
}

function seePlatform(world: World, name: string): ObservedPlatform {
  if (world.unknown.has(name)) return { status: 'unknown', fault: unreachable('platform-unreachable', name) };
  const services = [...(world.services.get(name) ?? [])].map(([service, seen]): [string, ObservedService] => {
    const { lingering, lost, previous, references, isEdited = false, isUnmarked = false, ...rest } = seen;
    const task = (number: number, copyIds: readonly string[], isLost = false): LiveTask[] =>
      copyIds.length === 0 ? [] : [{ name: `${service}.${number}`, node: `node-${number}`, isLost, copyIds }];
    const unmarked = { name: `${service}.1`, node: null, isLost: false, copyIds: [] };
    const liveTasks = isUnmarked
      ? [unmarked]
      : [
          ...task(
            1,
            references.map(({ copyId }) => copyId),
          ),
          ...task(2, lingering),
          ...task(3, lost, true),
        ];
    const fingerprint = serviceFingerprint(seen);
    return [
      service,
      {
        ...rest,
        name: service,
        references,
        previousReferences: previous,
        liveTasks,
        fingerprint,
        ...(world.hosts.has(name)
          ? { file: { ...FILE, isEdited, stale: isUnmarked ? [unmarked.name] : [] } }
          : {}),
      },
    ];
  });
  const copies = [...(world.copies.get(name) ?? [])].map(([copy, { id, labels }]) => ({
    id,
    name: copy,
    labels,
  }));
  return { status: 'seen', clusterId: `cluster-${name}`, copies, services: Object.fromEntries(services) };
}

const FILE = { isThere: true, isEdited: false, mode: 0o600, down: [], stale: [] };

export function serviceFingerprint({ id, mode, references }: WorldService): string {
  return digestOf({ id, mode, references }).slice(0, 24);
}

function factsOf(
  tags: Readonly<Record<string, string>>,
): Pick<ObservedVersion, 'ordinal' | 'operation' | 'stack'> {
  const ordinal = tags[TAG_VERSION];
  return {
    ordinal: ordinal === undefined ? null : Number(ordinal),
    operation: tags[TAG_OPERATION] ?? null,
    stack: tags[TAG_STACK] ?? null,
  };
}

function unreachable(
  code: 'vault-unreachable' | 'platform-unreachable',
  name: string,
): Extract<ObservedVault, { status: 'unknown' }>['fault'] {
  return { code, what: `${name} did not answer`, where: name, next: 'check the network, then plan again' };
}
