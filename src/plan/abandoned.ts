import type { SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Cause, Group, Note, Step } from '../model/plan.ts';
import type { Rotation } from './rotations.ts';
import { restoreStep, unstageStep } from './steps.ts';
import type { Stray } from './strays.ts';
import { beyondRecord, strayVersions } from './strays.ts';
import { unreadable, usesOf } from './uses.ts';
import type { View } from './view.ts';

/**
 * Versions that were minted and neither promoted nor taken back, because their way back failed twice or because
 * they arrived after it: their copies are removed, and the current version becomes the newest in the vault again.
 * One that this plan goes on with is left alone, and so is one that a consumer still names: that consumer is
 * flipped back first.
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
      const obstacle = inTheWay(secret, version, view);
      if (obstacle !== null) {
        notes.push({ kind: 'limit', address: secret.address, text: obstacle });
        continue;
      }
      const group = `a${groups.length + 1}`;
      groups.push({ id: group, needs: [], secrets: [secret.address], consumers: [] });
      const why = pending.some(({ ordinal }) => ordinal === version.ordinal)
        ? 'an earlier apply could not take it back'
        : 'it arrived after its apply had given up on it';
      steps.push(...stepsBack(secret, version, group, why, view));
    }
  }
  return { groups, steps, notes };
}

function inTheWay(secret: DeclaredSecret, version: Stray, view: View): string | null {
  const name = `${nameOf(secret.address)} v${version.ordinal} was never promoted and is taken back`;
  if (unreadable(secret.address, version.ordinal, view) === 'unknown')
    return `${name} once its vault can be observed`;
  if (version.copies.some(({ platform }) => 'unknown' in view.platform(platform))) {
    return `${name} once its platform can be observed`;
  }
  const [use] = usesOf(version.copies, view);
  return use === undefined ? null : `${name} once ${nameOf(use.service)} lets go of ${use.copy}`;
}

function stepsBack(
  secret: DeclaredSecret,
  version: Stray,
  group: string,
  reason: string,
  view: View,
): Step[] {
  const { ordinal, copies, operation } = version;
  const cause: Cause = { kind: 'rollback', reason };
  const base = { group, address: secret.address, cause, secret: secret.address };
  const unstages = copies.map(({ platform, name }, index) =>
    unstageStep({ ...base, id: `${group}.${index + 1}`, needs: [], ordinal, platform, copy: name }),
  );
  const to = view.recordOf(secret.address)?.current ?? null;
  const readable = to !== null && unreadable(secret.address, to, view) === null ? to : null;
  // What arrives once more must be followed by a write of its own to be no longer the newest.
  const given = {
    secret,
    ordinal,
    cause,
    operation: [operation, 'abandoned', ...version.storeIds].join(' '),
    undoes: operation,
  };
  const restore = restoreStep(given, `${group}.${unstages.length + 1}`, group, readable, view);
  return [...unstages, { ...restore, needs: unstages.map(({ id }) => id) }];
}
