import type { Declared } from '../../src/model/declared.ts';
import { TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import { nameOf } from '../../src/model/address.ts';
import type { StoredVersion } from '../../src/sandbox/vault-file.ts';
import type { AdminView, Use } from './admin-view.ts';
import type { ByHand, Violation } from './violation.ts';

/**
 * Every spec and every live task reads a version that the vault holds enabled (I3). Who reads what an emergency
 * killed is looked at when that has ended: until then nobody need be parked.
 */
export function checkUses(admin: AdminView, byHand: ByHand, killed: ReadonlySet<string>): Violation[] {
  const enabled = admin.enabledValues();
  return admin.uses().flatMap((use): Violation[] => {
    if (use.by === 'previous spec' || byHand.removed.has(use.copyId)) return [];
    const value = admin.valueOfCopy(use.copyId);
    // Nor does a task keep its copy, which it read when it began.
    if (use.by === 'task' && killed.has(value ?? '')) return [];
    if (!admin.hasCopy(use.copyId)) return [{ invariant: 'I3', text: `${wordsFor(use)}, which is removed` }];
    if (value === undefined || enabled.has(value)) return [];
    if (byHand.disabled.has(value) || killed.has(value) || isPut(use, value, byHand)) return [];
    return [{ invariant: 'I3', text: `${wordsFor(use)}, whose version is not enabled in the vault` }];
  });
}

/** Somebody else put it into a file, or whoever reads that file has it from there. */
function isPut({ service, target }: Use, value: string, { put }: ByHand): boolean {
  return put.has(`${service} ${target} ${value}`);
}

function wordsFor({ service, by, copyName }: Use): string {
  return `a ${by} of ${service} names ${copyName}`;
}

/** What a version was disabled, or revoked at its source, for must not be needed any more (I5). */
export function checkEnded(
  what: 'disabled' | 'revoked',
  secret: string,
  version: StoredVersion,
  declared: Declared,
  admin: AdminView,
  byHand: ByHand,
  now: string,
): Violation[] {
  const name = `${secret} v${version.tags?.[TAG_VERSION] ?? '?'}`;
  const isReturn = planKind(admin) === 'rollback';
  // On a way back the previous spec's copy stays until settle, and until then no update of Swarm's own leads there.
  const uses = usesOfValue(version.value, admin)
    .filter(({ by }) => !(isReturn && by === 'previous spec'))
    .filter((use) => !isPut(use, version.value, byHand));
  const violations = uses.map((use): Violation => {
    return { invariant: 'I5', text: `${name} was ${what} although ${wordsFor(use)}` };
  });
  const recorded = Object.entries(admin.recorded()?.secrets ?? {}).find(
    ([address]) => nameOf(address as `vault://${string}/${string}`) === secret,
  )?.[1];
  const own = recorded?.versions.find(({ storeIds }) => storeIds.includes(version.id));
  if (own === undefined || own.promotedAt === null) return violations;
  if (own.role === 'current' && !isReturn)
    violations.push({ invariant: 'I5', text: `${name} was ${what} while it is the current version` });
  if (own.role === 'prior' && own.soakUntil !== null && own.soakUntil > now)
    violations.push({ invariant: 'I5', text: `${name} was ${what} while it soaks until ${own.soakUntil}` });
  for (const { service, mounts } of declared.consumers)
    if (mounts.some((mount) => nameOf(mount.secret) === secret && mount.version === own.ordinal))
      violations.push({ invariant: 'I5', text: `${name} was ${what} although ${service} is pinned to it` });
  return violations;
}

/** A copy that is removed must not be named by anything (I5). */
export function checkRemoved(copyId: string, name: string, admin: AdminView): Violation[] {
  return admin
    .uses()
    .filter((use) => use.copyId === copyId)
    .map((use) => ({ invariant: 'I5', text: `the copy ${name} was removed although ${wordsFor(use)}` }));
}

function usesOfValue(value: string, admin: AdminView): Use[] {
  return admin.uses().filter(({ copyId }) => admin.valueOfCopy(copyId) === value);
}

function planKind(admin: AdminView): string | null {
  const [begin] = admin.journal('written');
  return begin?.type === 'begin' ? begin.plan.kind : null;
}

/** Whether a version is one of ours by its tags. */
export function isOurs(version: StoredVersion, stack: string): boolean {
  return version.tags?.[TAG_STACK] === stack;
}
