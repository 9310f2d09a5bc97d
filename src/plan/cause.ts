import { nextDue } from '../calendar/calendar.ts';
import { digestOf } from '../model/canonical.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Cause } from '../model/plan.ts';
import { rootCause } from '../model/plan.ts';
import { recordedVersion } from '../model/recorded.ts';
import { broughtVersion } from './brought.ts';
import type { PlanOptions, View } from './view.ts';

/**
 * Why this secret should get a new version now, or null. Says nothing about whether it may.
 *
 * Dates come from the calendar: a secret is due when a scheduled instant lies after its last promotion and not
 * after now, whatever day the last run was. A user-managed one is minted only when a person asks for it.
 */
export function causeToRotate(secret: DeclaredSecret, view: View, options: PlanOptions): Cause | null {
  const record = view.recordOf(secret.address);
  const current = recordedVersion(record, record?.current ?? null);
  const asked = options.rotate.includes(secret.address) || options.values.includes(secret.address);
  if (record === undefined || current === null) {
    const waits = options.dueOnly || (secret.cadence.kind === 'userManaged' && !asked);
    return waits ? null : { kind: 'first' };
  }
  if (asked) return { kind: 'request', at: view.now, reason: options.reason };
  if (!options.dueOnly && secret.generation > record.generation) {
    return { kind: 'generation', generation: secret.generation };
  }
  // A schedule takes it up only when the secret is due: until then a person may still be at work on it.
  const brought = options.dueOnly ? null : broughtVersion(secret, view);
  if (brought !== null) return { kind: 'found', storeId: brought };
  const due = nextDue(secret.cadence, current.promotedAt ?? current.mintedAt);
  return due !== null && due <= view.now ? { kind: 'due', due } : null;
}

/**
 * The operation id of a mint: a function of lineage, address, what caused it, and how many attempts for that
 * cause were undone before. The same rotation planned twice has one id, so a mint is never done twice; an id
 * whose version the vault holds disabled, or that was promoted or taken back before, is spent. A person's value
 * has an id of its own each time that one was begun with: an earlier one may still arrive.
 */
export function mintOperation(secret: DeclaredSecret, cause: Cause, view: View): string {
  const root = rootCause(cause);
  const versions = view.recordOf(secret.address)?.versions ?? [];
  const undone = versions.filter(
    (version) => version.retiredWhy === 'undone' && digestOf(rootCause(version.cause)) === digestOf(root),
  );
  const item = view.vaultItem(secret);
  const seen = 'seen' in item && item.seen !== null ? [item.seen, ...(item.seen.versions ?? [])] : [];
  const spent = new Set(
    [
      // A person's new value must not be answered with a version that holds an earlier one.
      ...seen.filter(({ enabled }) => !enabled || secret.source.kind === 'manual'),
      ...versions.filter(({ promotedAt, role }) => promotedAt !== null || role === 'retired'),
    ].map(({ operation }) => operation),
  );
  const turn = secret.source.kind === 'manual' ? [view.recordOf(secret.address)?.highest ?? 0] : [];
  for (let attempt = undone.length; ; attempt += 1) {
    const operation = operationId('mint', view.recorded.lineage, secret.address, root, attempt, ...turn);
    if (!spent.has(operation)) return operation;
  }
}

/** An operation id for any write to a vault. */
export function operationId(...parts: readonly unknown[]): string {
  return digestOf(parts).slice(0, 32);
}
