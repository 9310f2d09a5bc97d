import type { SecretAddress } from '../model/address.ts';
import { homeOf, isOnHost, nameOf } from '../model/address.ts';
import type { LiveTask } from '../model/observed.ts';
import type { Blocked, Note, ProveStep, PruneStep, RetireStep, RevokeStep } from '../model/plan.ts';
import type { RecordedCopy, RecordedSecret, RecordedVersion } from '../model/recorded.ts';
import { isDead, isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import { strayCopies } from './strays.ts';
import type { Leaving, Use } from './uses.ts';
import { pinnedTo, placesOf, unreadable, usesOf } from './uses.ts';
import type { View } from './view.ts';
import { frozenConsumer } from './when.ts';

/** A step that ends a version. */
export type EndStep = RevokeStep | ProveStep | RetireStep | PruneStep;

/** A prior version whose soak has ended, or ends with the promotion of what follows it. */
export interface Soaked {
  readonly address: SecretAddress;
  readonly record: RecordedSecret;
  readonly version: RecordedVersion;
}

/** Says who is pinned to a version that is therefore kept; null: nobody. */
export function pinned({ address, version }: Pick<Soaked, 'address' | 'version'>, view: View): Note | null {
  const pins = pinnedTo(address, version.ordinal, view);
  if (pins.length === 0) return null;
  const text = `${nameOf(address)} v${version.ordinal} is kept: pinned by ${pins.join(', ')}`;
  return { kind: 'pinned', address, text };
}

/** A version that only waits for consumers of ours to be settled, at their date or after a freeze: nobody need do anything. */
export function unsettled({ address, version }: Soaked, view: View, leaving: Leaving): Note | null {
  const uses = usesOf(placesOf(address, version, view), view, leaving);
  const dates = uses.flatMap(({ by, service }) => {
    const after = view.recordOfConsumer(service)?.settleAfter ?? null;
    if (by !== 'previous spec' || after === null) return [];
    return after > view.now ? [after] : (frozenConsumer(service, view)?.ends ?? []);
  });
  const [first] = dates;
  if (first === undefined || dates.length < uses.length) return null;
  const last = dates.reduce((latest, date) => (date > latest ? date : latest), first);
  const text = `${nameOf(address)} v${version.ordinal} is retired once its consumers are settled, after ${last}`;
  return { kind: 'later', address, text };
}

/** Why a soaked version may not be retired yet, by name; null: nothing refers to it. */
export function stillUsed({ address, version }: Soaked, view: View, leaving: Leaving): Blocked | null {
  const name = `${nameOf(address)} v${version.ordinal}`;
  const refuse = (text: string, next: string): Blocked => ({
    address,
    why: 'blocked-by',
    text: `${name} is not retired: ${text}`,
    next,
    fault: null,
  });
  const state = unreadable(address, version.ordinal, view);
  if (state === 'unknown') return refuse('its vault could not be observed', 'plan again');
  if (state === 'absent') return refuse('the vault does not list it', 'recover it, then plan again');
  const places = placesOf(address, version, view);
  for (const { platform } of places) {
    if ('unknown' in view.platform(platform))
      return refuse(`${platform} could not be observed`, 'plan again');
  }
  const [use] = usesOf(places, view, leaving);
  return use === undefined ? null : refuse(...wordsFor(use));
}

function wordsFor({ service, copy, by, tasks }: Use): [text: string, next: string] {
  const where = `${isOnHost(service) ? 'file' : 'service'} ${nameOf(service)} on ${homeOf(service)}`;
  switch (by) {
    case 'spec':
      return [`${where} still reads ${copy}`, 'point it at the current version, then plan again'];
    case 'task':
      if (isOnHost(service)) {
        const names = tasks.map(({ name }) => name).join(', ');
        return [
          `${names} runs since before ${where} was last written, and may hold ${copy}`,
          'restart it, then plan again',
        ];
      }
      return tasks.some(({ isLost }) => isLost)
        ? lostWords(where, copy, tasks)
        : [
            `${tasksText(tasks)} of ${where} still ${tasks.length === 1 ? 'runs' : 'run'} on ${copy}`,
            'wait until it has ended, then plan again',
          ];
    case 'previous spec':
      return [`the previous spec of ${where} still names ${copy}`, 'it is settled first, then plan again'];
  }
}

/** What a lost node runs nobody can see: a person must have it back, or say that it is gone for good. */
function lostWords(where: string, copy: string, tasks: readonly LiveTask[]): [text: string, next: string] {
  const lost = tasks.filter(({ isLost }) => isLost);
  const nodes = [...new Set(lost.map(({ node }) => node))].join(', ');
  return [
    `${tasksText(lost)} of ${where} may still run on ${copy}: swarm lost the node`,
    `bring ${nodes} back, or, once nothing runs there any more, take it out of the swarm (docker node demote, docker node rm --force), then plan again`,
  ];
}

/** `task api.2 on node-3`, one after the other. */
export function tasksText(tasks: readonly LiveTask[]): string {
  const names = tasks.map(({ name, node }) => (node === null ? name : `${name} on ${node}`)).sort();
  return `${names.length === 1 ? 'task' : 'tasks'} ${names.join(', ')}`;
}

/**
 * What ends a version: revoked at its source and shown to be refused there, where that is declared, disabled, and
 * the copies that go with it removed. Copies of older versions that are in use are left.
 */
export function retireAndPrune(
  soaked: Soaked,
  group: string,
  view: View,
  leaving: Leaving,
): { readonly steps: readonly EndStep[]; readonly blocked: readonly Blocked[] } {
  const { address, version } = soaked;
  const cause = { kind: 'soaked' as const, since: version.soakUntil ?? view.now };
  const base = { group, address, cause, secret: address, inverse: null };
  const before = deathBefore(soaked, base, view);
  const unproved = unprovable(soaked, view);
  const retire: RetireStep = {
    ...base,
    kind: 'retire',
    id: `${group}.${before.length + 1}`,
    needs: before.map(({ id }) => id),
    text: `${retireText(address, version)}${unproved === null ? '' : ', without a proof: nobody can try it any more'}`,
    ordinal: version.ordinal,
    approvedBy: version.approvedBy,
    ...(unproved === null ? {} : { unproved }),
  };
  const blocked: Blocked[] = [];
  const steps: EndStep[] = [...before, retire];
  for (const { copy, ordinal } of copiesToPrune(soaked, view)) {
    const kept = keptCopy(copy, soaked.record, ordinal, { address, view, leaving });
    if (kept !== null) blocked.push(kept);
    else {
      steps.push({
        ...base,
        kind: 'prune',
        id: `${group}.${steps.length + 1}`,
        needs: [retire.id],
        text: `remove ${copy.name} from ${copy.platform}`,
        ordinal,
        platform: copy.platform,
        copy: copy.name,
      });
    }
  }
  return { steps, blocked };
}

/**
 * Why the death of a version that the stack wants shown cannot be: the vault has it disabled already, and nobody can
 * read its value to revoke or to try it. Null: it was shown before, it still can be, or nothing is declared.
 */
function unprovable({ address, version }: Soaked, view: View): string | null {
  const { revoke, refused } = view.secret(address) ?? {};
  const isOpen =
    (revoke !== undefined && version.revokedAt === undefined) ||
    (refused !== undefined && version.provedAt === undefined);
  if (!isOpen || unreadable(address, version.ordinal, view) !== 'disabled') return null;
  return 'it was disabled in the vault before that, and its value can no longer be read to try it';
}

/** Where the stack declares it and the vault still gives it out: the revocation, unless it was done before, and the proof. */
function deathBefore(
  { address, version }: Soaked,
  base: Pick<RevokeStep, 'group' | 'address' | 'cause' | 'secret' | 'inverse'>,
  view: View,
): (RevokeStep | ProveStep)[] {
  const secret = view.secret(address);
  const { ordinal, revokedAt } = version;
  const steps: (RevokeStep | ProveStep)[] = [];
  // The platform gives no value out: there is nothing to revoke or to try with.
  if (isPlatformOnly(version) || unreadable(address, ordinal, view) === 'disabled') return steps;
  const place = (): Pick<RevokeStep, 'id' | 'needs'> => ({
    id: `${base.group}.${steps.length + 1}`,
    needs: steps.map(({ id }) => id),
  });
  if (secret?.revoke !== undefined && revokedAt === undefined) {
    const text = `revoke ${nameOf(address)} v${ordinal} at its source`;
    steps.push({ ...base, ...place(), kind: 'revoke', text, ordinal, revocation: secret.revoke });
  }
  if (secret?.refused !== undefined) {
    const text = `show that ${nameOf(address)} v${ordinal} is refused`;
    steps.push({ ...base, ...place(), kind: 'prove', text, ordinal, probe: secret.refused, until: null });
  }
  return steps;
}

/** Why a copy is not removed now: a copy of its version is in use, or its platform is unknown. Null: nothing refers to it. */
function keptCopy(
  copy: RecordedCopy,
  record: RecordedSecret,
  ordinal: number,
  { address, view, leaving }: { address: SecretAddress; view: View; leaving: Leaving },
): Blocked | null {
  const copies = [...(recordedVersion(record, ordinal)?.copies ?? []), copy];
  const unknown = copies.find(({ platform }) => 'unknown' in view.platform(platform));
  const [use] = usesOf(copies, view, leaving);
  if (unknown === undefined && use === undefined) return null;
  const [why, next] =
    use === undefined
      ? [`${unknown?.platform ?? copy.platform} could not be observed`, 'plan again']
      : wordsFor(use);
  return { address, why: 'blocked-by', text: `${copy.name} is not removed: ${why}`, next, fault: null };
}

/** The copies of a version that no vault has are removed only when a person says so. */
function isRemovable(version: RecordedVersion, view: View): boolean {
  return view.prunesPlatformOnly || !isPlatformOnly(version);
}

/** What retiring a version does. */
export function retireText(address: SecretAddress, version: RecordedVersion): string {
  const name = `${nameOf(address)} v${version.ordinal}`;
  return isPlatformOnly(version)
    ? `end ${name}, which is only on its platform: nothing to disable, revoke or try`
    : `disable ${name} in the vault`;
}

/** Copies of retired versions beyond the newest `keep`, this one included. */
export function copiesToPrune(
  { address, record, version }: Soaked,
  view: View,
): { copy: RecordedCopy; ordinal: number }[] {
  const keep = view.secret(address)?.keep ?? 0;
  const retired = record.versions
    .filter(
      ({ role, ordinal, retiredWhy }) =>
        ordinal === version.ordinal || (role === 'retired' && retiredWhy === 'soaked'),
    )
    .sort((a, b) => b.ordinal - a.ordinal);
  return retired
    .slice(keep)
    .filter((each) => isRemovable(each, view))
    .flatMap(({ copies, ordinal }) => copies.map((copy) => ({ copy, ordinal })));
}

/**
 * Removal of the copies of versions that were retired before: of those that were undone, and where none is kept of
 * those that soaked. Where some are kept, the next retirement removes what is beyond them. One that something still
 * refers to is left, and said.
 */
export function pruneRetired(
  address: SecretAddress,
  record: RecordedSecret,
  view: View,
  leaving: Leaving,
): {
  readonly address: SecretAddress;
  readonly prunes: readonly Omit<PruneStep, 'id' | 'group'>[];
  readonly notes: readonly Note[];
} {
  const retired = record.versions.filter((each) => isDead(each) && isRemovable(each, view));
  const keeps = (view.secret(address)?.keep ?? 0) > 0;
  const versions = retired.filter(({ retiredWhy }) => retiredWhy !== 'soaked' || !keeps);
  const prunes: Omit<PruneStep, 'id' | 'group'>[] = [];
  const notes: Note[] = [];
  const listed = versions.flatMap(({ ordinal, copies, retiredAt }) =>
    copies.map((copy) => ({ copy, ordinal, since: retiredAt })),
  );
  const strays = strayCopies(address, view).map((stray) => ({ ...stray, since: null }));
  for (const { copy, ordinal, since } of [...listed, ...strays]) {
    const kept = keptCopy(copy, record, ordinal, { address, view, leaving });
    if (kept !== null) notes.push({ kind: 'limit', address, text: kept.text });
    else {
      prunes.push({
        kind: 'prune',
        address,
        secret: address,
        ordinal,
        platform: copy.platform,
        copy: copy.name,
        needs: [],
        cause: { kind: 'soaked', since: since ?? view.now },
        text: `remove ${copy.name} from ${copy.platform}`,
        inverse: null,
      });
    }
  }
  return { address, prunes, notes };
}
