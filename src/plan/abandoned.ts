import type { Address, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Cause, Group, Note, RestoreStep, SettleStep, Step } from '../model/plan.ts';
import { isPlatformOnly, recordedVersion } from '../model/recorded.ts';
import { settleStep } from './dated.ts';
import { restoreStep } from './mint.ts';
import { obstacleToFlip } from './obstacles.ts';
import type { Rotation } from './rotations.ts';
import { unstageStep } from './steps.ts';
import type { Stray } from './strays.ts';
import { beyondRecord, strayVersions } from './strays.ts';
import type { Twins } from './twins.ts';
import { twinVersions } from './twins.ts';
import { placesOf, unreadable, usesOf } from './uses.ts';
import type { View } from './view.ts';

/**
 * Versions that were minted and neither promoted nor taken back, because their way back failed twice or because
 * they arrived after it: their copies are removed, and the current version becomes the newest in the vault again.
 * One that this plan goes on with is left alone, and so is one that a consumer still names: that consumer is
 * flipped back first. Twins of versions on record, which nobody reads, are disabled in the same way.
 */
export function abandonedWork(
  view: View,
  rotations: ReadonlyMap<SecretAddress, Rotation>,
): { readonly groups: readonly Group[]; readonly steps: readonly Step[]; readonly notes: readonly Note[] } {
  const groups: Group[] = [];
  const steps: Step[] = [];
  const notes: Note[] = [];
  for (const secret of view.declared.secrets) {
    if (beyondRecord(secret, view) !== null && !rotations.has(secret.address)) continue;
    const pending = view.recordOf(secret.address)?.versions.filter(({ role }) => role === 'pending') ?? [];
    const late = strayVersions(secret, view);
    for (const version of [...pending, ...late]) {
      if (rotations.get(secret.address)?.ordinal === version.ordinal) continue;
      if (isKeptForReaders(secret, version.ordinal, view)) continue;
      const id = `a${groups.length + 1}`;
      const settles = settlesFor(version, id, view);
      const obstacle = inTheWay(secret, version, settles, view);
      if (obstacle !== null) {
        notes.push({ kind: 'limit', address: secret.address, text: obstacle });
        continue;
      }
      const consumers = settles.map(({ consumer }) => consumer);
      groups.push({ id, needs: [], secrets: [secret.address], consumers });
      const why = pending.some(({ ordinal }) => ordinal === version.ordinal)
        ? 'an earlier apply could not take it back'
        : 'it arrived after its apply had given up on it';
      steps.push(...settles, ...stepsBack(secret, version, settles, why, id, view));
    }
    for (const twins of twinVersions(secret, view)) {
      const id = `a${groups.length + 1}`;
      groups.push({ id, needs: [], secrets: [secret.address], consumers: [] });
      steps.push(twinsBack(secret, twins, id, view));
    }
  }
  return { groups, steps, notes };
}

/** A version that a rollback left enabled, because what it returned to is in no vault and somebody reads there. */
function isKeptForReaders({ address, readers }: DeclaredSecret, ordinal: number, view: View): boolean {
  const record = view.recordOf(address);
  const current = recordedVersion(record, record?.current ?? null);
  const wasPromoted = recordedVersion(record, ordinal)?.promotedAt != null;
  return readers === 'latest' && wasPromoted && current !== null && isPlatformOnly(current);
}

/**
 * Settles of services whose previous spec alone still names the version: a way back that was cut off behind its
 * update leaves it so, and nothing else would move it on.
 */
function settlesFor({ copies, ordinal }: Stray, group: string, view: View): SettleStep[] {
  const uses = usesOf(copies, view);
  const others = new Set(uses.filter(({ by }) => by !== 'previous spec').map(({ service }) => service));
  const services = new Set(uses.map(({ service }) => service).filter((service) => !others.has(service)));
  const consumers = [...services].flatMap((service) => view.consumer(service) ?? []);
  return consumers
    .filter((consumer) => obstacleToFlip(consumer, view) === null)
    .map((consumer, index) => {
      const cause: Cause = { kind: 'rollback', reason: `its previous spec still names v${ordinal}` };
      return settleStep(consumer, { id: `${group}.${index + 1}`, group, needs: [], cause });
    });
}

function inTheWay(
  secret: DeclaredSecret,
  version: Stray,
  settles: readonly SettleStep[],
  view: View,
): string | null {
  const name = `${nameOf(secret.address)} v${version.ordinal} was never promoted and is taken back`;
  if (unreadable(secret.address, version.ordinal, view) === 'unknown')
    return `${name} once its vault can be observed`;
  const places = placesOf(secret.address, version, view);
  if (places.some(({ platform }) => 'unknown' in view.platform(platform))) {
    return `${name} once its platform can be observed`;
  }
  const settled = new Set<Address>(settles.map(({ consumer }) => consumer));
  const [use] = usesOf(places, view, { settled, flipped: new Map() });
  return use === undefined ? null : `${name} once ${nameOf(use.service)} lets go of ${use.copy}`;
}

function stepsBack(
  secret: DeclaredSecret,
  version: Stray,
  settles: readonly SettleStep[],
  reason: string,
  group: string,
  view: View,
): Step[] {
  const { ordinal, copies, operation } = version;
  const cause: Cause = { kind: 'rollback', reason };
  const base = { group, address: secret.address, cause, secret: secret.address };
  const unstages = copies.map(({ platform, name }, index) =>
    unstageStep({
      ...base,
      id: `${group}.${settles.length + index + 1}`,
      needs: settles.map(({ id }) => id),
      ordinal,
      platform,
      copy: name,
    }),
  );
  const to = view.recordOf(secret.address)?.current ?? null;
  const current = recordedVersion(view.recordOf(secret.address), to);
  const isThere = current !== null && !isPlatformOnly(current);
  const readable = to !== null && isThere && unreadable(secret.address, to, view) === null ? to : null;
  // What arrives once more must be followed by a write of its own to be no longer the newest.
  const given = {
    secret,
    ordinal,
    cause,
    operation: [operation, 'abandoned', ...version.storeIds].join(' '),
    undoes: operation,
  };
  const last = `${group}.${settles.length + unstages.length + 1}`;
  const restore = restoreStep(given, last, group, readable, view);
  return [...unstages, { ...restore, needs: unstages.map(({ id }) => id) }];
}

function twinsBack(secret: DeclaredSecret, twins: Twins, group: string, view: View): RestoreStep {
  const { ordinal, operation, storeIds, to } = twins;
  const cause: Cause = {
    kind: 'rollback',
    reason: `v${ordinal} was written once more under the same operation id`,
  };
  const given = {
    secret,
    ordinal,
    cause,
    // Another twin must be followed by a write of its own to be no longer the newest.
    operation: [operation, 'twins', ...storeIds].join(' '),
    undoes: operation,
    twins: storeIds,
  };
  return restoreStep(given, `${group}.1`, group, to, view);
}
