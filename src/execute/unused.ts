import type { ConsumerAddress, Ordinal, SecretAddress } from '../model/address.ts';
import { consumerAddress, homeOf, nameOf } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { LiveTask, ObservedService, ObservedVersion } from '../model/observed.ts';
import { itemFingerprint } from '../model/observed.ts';
import { referenceTo } from '../model/host.ts';
import type { PruneStep, RetireStep, UnstageStep } from '../model/plan.ts';
import type { RecordedCopy } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { Work } from './work.ts';

/**
 * Throws while a spec, a live task or a previous spec names a copy of this version, or a file on a host does (invariant
 * I5). Looked at right before the act, because a plan may be hours old and Swarm itself only protects what a spec names.
 */
export async function assertUnused(secret: SecretAddress, ordinal: Ordinal, work: Work): Promise<void> {
  for (const used of await copiesInUse({ secret, ordinal }, work)) throw inUse({ secret, ordinal }, used);
}

type Copy = Pick<PruneStep, 'secret' | 'ordinal' | 'platform' | 'copy'>;

/** The same of one copy alone: its version may be in use under another name, on another platform, or on a host. */
export async function assertCopyUnused(step: UnstageStep | PruneStep, work: Work): Promise<void> {
  const { secret, ordinal, platform, copy } = step;
  const users = await copyUsers(step, work);
  if (users.length === 0) return;
  if (step.kind === 'unstage' || step.cause.kind !== 'request')
    throw inUse({ secret, ordinal }, { platform, name: copy, users });
  throw new Fault({
    code: 'service-busy',
    what: `${copy} on ${platform} is in use again: ${users.join(', ')}`,
    where: secret,
    live: 'it stays',
    next: 'run keyturn drift: it is no orphan any more',
  });
}

function inUse({ secret, ordinal }: Version, { platform, name, users }: InUse): Fault {
  return new Fault({
    code: 'service-busy',
    what: `${nameOf(secret)} v${ordinal} is still in use on ${platform} as ${name}: ${users.join(', ')}`,
    where: secret,
    live: `v${ordinal} stays enabled in the vault and on ${platform}`,
    next: 'plan again: it says what must move first',
  });
}

/** Who refers to one copy, in words, each once. It need not be on record. */
export async function copyUsers({ secret, ordinal, platform, copy }: Copy, work: Work): Promise<string[]> {
  const recorded = recordedVersion(work.journal.secret(secret), ordinal)?.copies ?? [];
  const { copies, services } = await work.look(platform);
  const isIt = (known: { readonly name: string }): boolean => known.name === copy;
  const here = recorded.filter((known) => known.platform === platform);
  const id = (here.find(isIt) ?? copies.find(isIt))?.id;
  if (id === undefined) return [];
  return [...new Set(Object.values(services).flatMap((service) => usesOf(service, id)))];
}

interface Version {
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
}

/** Who refers to a version, in words, each once. */
export async function usersOf(version: Version, work: Work): Promise<string[]> {
  return [...new Set((await copiesInUse(version, work)).flatMap(({ users }) => users))];
}

interface InUse {
  readonly platform: string;
  readonly name: string;
  readonly users: readonly string[];
}

async function copiesInUse({ secret, ordinal }: Version, work: Work): Promise<InUse[]> {
  const recorded = recordedVersion(work.journal.secret(secret), ordinal)?.copies ?? [];
  const copies = [...recorded, ...(await namesOnHosts(secret, ordinal, work))];
  const used: InUse[] = [];
  for (const { platform, name, id } of copies) {
    const { services } = await work.look(platform);
    const users = Object.values(services).flatMap((service) => [
      ...usesOf(service, id),
      ...unmarked(service, platform, secret, work),
    ]);
    if (users.length > 0) used.push({ platform, name, users });
  }
  return used;
}

/**
 * Hosts keep no copies: who refers to a version there refers to it by this name. One that cannot be looked at counts
 * where something of this secret is on record: it may still be read there.
 */
async function namesOnHosts(secret: SecretAddress, ordinal: Ordinal, work: Work): Promise<RecordedCopy[]> {
  const name = referenceTo(secret, ordinal);
  const isKnown = (platform: string): boolean =>
    Object.entries(work.journal.recorded.consumers).some(
      ([address, { mounts }]) =>
        homeOf(address as ConsumerAddress) === platform &&
        Object.values(mounts).some((mount) => mount.secret === secret),
    );
  const hosts = [...work.outside.platforms].flatMap(([platform, { kind }]) =>
    kind === 'host' ? [platform] : [],
  );
  const counted = await Promise.all(
    hosts.map(async (platform) => isKnown(platform) || (await isReachable(platform, work))),
  );
  return hosts.flatMap((platform, index) => (counted[index] === true ? [{ platform, name, id: name }] : []));
}

async function isReachable(platform: string, work: Work): Promise<boolean> {
  return work.look(platform).then(
    () => true,
    () => false,
  );
}

function usesOf(service: ObservedService, copyId: string): string[] {
  const uses: string[] = [];
  if (service.references.some((reference) => reference.copyId === copyId))
    uses.push(service.file === undefined ? `spec of ${service.name}` : service.name);
  for (const { name, node, isLost, copyIds } of service.liveTasks) {
    if (!copyIds.includes(copyId)) continue;
    const where = node === null ? '' : ` on ${node}`;
    uses.push(isLost ? `task ${name}${where}, a node that swarm lost` : `task ${name}${where}`);
  }
  if (service.previousReferences?.some((reference) => reference.copyId === copyId) === true) {
    uses.push(`previous spec of ${service.name}`);
  }
  return uses;
}

/** Processes of a host that carry no marker, and whose file was written since they began, or is gone: they may hold any version. */
function unmarked(
  { name, file, liveTasks }: ObservedService,
  platform: string,
  secret: SecretAddress,
  work: Work,
): string[] {
  const mounts = work.journal.consumer(consumerAddress(platform, name))?.mounts ?? {};
  const reads = file !== undefined && Object.values(mounts).some((mount) => mount.secret === secret);
  const isOpen = (task: LiveTask): boolean =>
    task.copyIds.length === 0 && (file?.isThere !== true || file.stale.includes(task.name));
  const open = reads ? liveTasks.filter(isOpen) : [];
  const since = file?.isThere === true ? `before ${name} was written` : `when ${name} was there`;
  return open.map((task) => `${task.name}, which runs since ${since}`);
}

/**
 * A newest version in the vault that has this version's tags and is none that we know. Disabled as it is it would
 * refuse whoever reads without a version: the next plan makes the current one the newest again first.
 */
export async function strangeNewest(
  { secret, ordinal }: RetireStep,
  versions: readonly ObservedVersion[],
  work: Work,
): Promise<string | null> {
  const known = recordedVersion(work.journal.secret(secret), ordinal)?.storeIds ?? [];
  const strange = versions.filter(({ storeId, enabled }) => enabled && !known.includes(storeId));
  if (strange.length === 0) return null;
  const items = await work.vaultOf(secret).list(work.lost);
  const item = items.find(({ name }) => name.toLowerCase() === nameOf(secret).toLowerCase());
  return strange.find((version) => itemFingerprint(version) === item?.fingerprint)?.storeId ?? null;
}
