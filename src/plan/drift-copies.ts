import { nameOf } from '../model/address.ts';
import type { ComposeFile } from '../model/compose.ts';
import type { Finding } from '../model/finding.ts';
import { TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type { Drift } from './mends.ts';
import { rotation } from './mends.ts';
import type { Owner, Owners } from './orphans.ts';
import { isLie, labelledOwner, namedOwner, orphansOf, recordedOwners } from './orphans.ts';
import { usesOf } from './uses.ts';
import type { View } from './view.ts';

/** Copies that nothing needs, and copies whose labels say what is not so. */
export function copyDrift(view: View): Drift[] {
  return [...orphans(view), ...lyingLabels(view)];
}

function orphans(view: View): Drift[] {
  const { stack } = view.declared;
  return orphansOf(view).map(({ secret, copy, platform, isOurs, isOnlyThere, isPassing, why }): Drift => {
    const orphan = { rule: 'orphan' as const, address: secret, subject: copy };
    if (!isOurs) {
      const text = `${copy} on ${platform} is called like a version of ${nameOf(secret)}, and keyturn did not make it: ${why}`;
      return { ...orphan, level: 'warning', text, next: `docker secret rm ${copy}` };
    }
    const text = `${copy} is left on ${platform}: ${why}`;
    if (!isOnlyThere && isPassing) {
      const later = `${text}; the next retirement removes it`;
      return { ...orphan, level: 'note', text: later, next: `keyturn prune ${stack}` };
    }
    if (!isOnlyThere) return { ...orphan, level: 'warning', text, next: `keyturn prune ${stack}` };
    const next = `keyturn prune ${stack} --prune-platform-only`;
    return { ...orphan, level: 'note', text: `${text}; no vault has its value`, next };
  });
}

function lyingLabels(view: View): Drift[] {
  const owners = recordedOwners(view);
  return Object.entries(view.observed.platforms).flatMap(([platform, seen]) =>
    (seen.status === 'seen' ? seen.copies : []).flatMap((copy): Drift[] => {
      const { id, name, labels } = copy;
      const recorded = owners.get(`${platform} ${id}`) ?? null;
      const labelled = labelledOwner(copy, view);
      const isOfNobody = labels[TAG_STACK] === undefined && labels[TAG_VERSION] === undefined;
      // Of another stack's copy nobody here knows what is true, unless this stack delivered it.
      if (isOfNobody || (labelled === null && recorded === null)) return [];
      const truth = recorded ?? namedOwner(platform, name, view);
      const lies = labelled === null || isLie(platform, name, labelled, recorded, view);
      if (!lies || truth === null) return [];
      const secret = view.secret(truth.secret);
      const isUsed = usesOf([{ platform, name, id }], view).length > 0;
      const says = `${labels[TAG_STACK] ?? 'no stack'} v${labels[TAG_VERSION] ?? '?'}`;
      const text = `labels of ${name} on ${platform} say ${says}, and it is ${nameOf(truth.secret)} v${truth.ordinal} of ${view.declared.stack}`;
      const mend =
        isUsed && secret !== undefined ? rotation(secret, view) : { next: `docker secret rm ${name}` };
      return [{ rule: 'mislabelled', level: 'warning', address: truth.secret, subject: name, text, ...mend }];
    }),
  );
}

/** Names in compose files, of versions of this stack, that a deploy would miss or put back. */
export function composeDrift(files: readonly ComposeFile[], view: View): Omit<Finding, 'stack'>[] {
  const platforms = Object.entries(view.observed.platforms).flatMap(([name, { status }]) =>
    status === 'seen' ? [name] : [],
  );
  const owners = recordedOwners(view);
  return files.flatMap(({ secrets }) =>
    secrets.flatMap(({ external, place }) =>
      external === null
        ? []
        : platforms.flatMap((platform): Omit<Finding, 'stack'>[] => {
            const owner = namedOwner(platform, external, view) ?? takenOver(platform, external, owners, view);
            const current = owner === null ? null : (view.recordOf(owner.secret)?.current ?? null);
            if (owner === null) return [];
            const found = { address: owner.secret, subject: external, place, next: namesOf(view) };
            if (view.copy(platform, external) === undefined) {
              const text = `a compose file names ${external}, which ${platform} does not have: a deploy of it fails`;
              return [{ ...found, rule: 'missing', level: 'error', text }];
            }
            if (current === null || owner.ordinal >= current) return [];
            const text = `a compose file names ${external}, and v${current} is current: a deploy of it puts the older version back`;
            return [{ ...found, rule: 'superseded', level: 'warning', text }];
          }),
    ),
  );
}

/** The version that a copy was recorded as whose name says none. */
function takenOver(platform: string, name: string, owners: Owners, view: View): Owner | null {
  const id = view.copy(platform, name)?.id;
  return id === undefined ? null : (owners.get(`${platform} ${id}`) ?? null);
}

const namesOf = ({ declared }: View): string => `keyturn output ${declared.stack} --format compose`;
