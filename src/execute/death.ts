import { setTimeout as pause } from 'node:timers/promises';
import { compareInstants } from '../calendar/calendar.ts';
import type { Instant, Ordinal, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import { Fault, asFault } from '../model/fault.ts';
import type { HookContext } from '../model/hooks.ts';
import type { DoneFacts } from '../model/journal.ts';
import type { ProveStep, RetireStep, RevokeStep } from '../model/plan.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { assertUnused, strangeNewest, usersOf } from './unused.ts';
import { disableAll, readVersion, storeIdsOf, versionsOf } from './versions.ts';
import type { Work } from './work.ts';

/** Between two tries of a value that is still accepted, or of which nothing could be told. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;

/** Reads the value and has it made invalid where it is checked, once nothing refers to it; in an emergency at once. */
export async function revoke(step: RevokeStep, work: Work): Promise<DoneFacts> {
  if (step.cause.kind !== 'compromise') await assertUnused(step.secret, step.ordinal, work);
  const value = await readVersion(step.secret, step.ordinal, work, 'its revocation');
  const { revocation, secret, ordinal } = step;
  const context = contextOf(secret, ordinal, work);
  // No connection of ours stands before it, and reading the value may have taken a night's sleep.
  work.outside.fence.pass();
  const proof = await work.outside.hooks.revoke(revocation, value, context, work.lost);
  work.forgetLooks();
  return { proof };
}

/** Tries the old value where it is checked, and the current one first; in an emergency until it is refused. */
export async function prove(step: ProveStep, work: Work): Promise<DoneFacts> {
  const value =
    step.until === null
      ? await readVersion(step.secret, step.ordinal, work, 'its proof')
      : keptFor(step, work);
  const control = step.probe.control ? await currentValue(step, work) : null;
  const context = contextOf(step.secret, step.ordinal, work);
  const signal = AbortSignal.any([work.lost, work.signal]);
  const isOver = deadline(step.until, work);
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
    try {
      const proof = await work.outside.hooks.prove(step.probe, value, control, context, signal);
      work.forgetLooks();
      return { proof };
    } catch (thrown) {
      const fault = asFault(thrown);
      if (step.until === null) throw fault;
      if (signal.aborted || isOver()) throw lastTry(fault, step);
      const message = `${fault.message}; tried again until ${step.until}`;
      work.tell({ type: 'step_progress', step: step.id, address: step.address, message });
      await pause(wait, undefined, { signal }).catch(() => {});
    }
  }
}

/**
 * Whether the tries have come to their end: by the wall clock, or by the time that was left of it when they began. One
 * that was set back gives them no more than the plan did.
 */
function deadline(until: Instant | null, { outside, plan }: Work): () => boolean {
  if (until === null) return () => true;
  const began = outside.ticks();
  const from = compareInstants(outside.now(), plan.createdAt) < 0 ? plan.createdAt : outside.now();
  const leftMs = Date.parse(until) - Date.parse(from);
  return () => outside.ticks() - began >= leftMs || compareInstants(outside.now(), until) >= 0;
}

/** Behind its disabling a value cannot be read again: whoever ends the tries ends them for good. */
function lastTry(fault: Fault, { ordinal }: ProveStep): Fault {
  return new Fault({
    ...fault.toJSON(),
    live: `v${ordinal} is disabled in the vault, so that its value can be tried no more; it stays on record as retiring`,
    next: 'revoke it at its source, and see there that it is refused',
    cause: fault,
  });
}

/** Disables every storeId of a version that nothing refers to any more; in an emergency whoever refers to it. */
export async function retire(step: RetireStep, work: Work): Promise<DoneFacts> {
  if (step.emergency !== undefined) return retireNow(step, step.emergency, work);
  await assertUnused(step.secret, step.ordinal, work);
  const versions = await versionsOf(step.secret, step.ordinal, work);
  const newest = await strangeNewest(step, versions, work);
  const storeIds = storeIdsOf(step.secret, step.ordinal, versions, work).filter((id) => id !== newest);
  const disabled = await disableAll(step.secret, storeIds, work);
  return { disabled, proof: `${unusedText(step, work)}; ${disabledText(disabled)}` };
}

async function retireNow(
  step: RetireStep,
  { isProvedNext, strangers }: NonNullable<RetireStep['emergency']>,
  work: Work,
): Promise<DoneFacts> {
  const { secret, ordinal } = step;
  const versions = await versionsOf(secret, ordinal, work);
  if (isProvedNext && work.minted(secret, ordinal) === undefined && versions.some(({ enabled }) => enabled)) {
    work.keepMinted(secret, ordinal, await readVersion(secret, ordinal, work, 'its proof'));
  }
  const storeIds = [...storeIdsOf(secret, ordinal, versions, work), ...strangers];
  const disabled = await disableAll(secret, storeIds, work);
  const users = await usersOf({ secret, ordinal }, work).catch(() => null);
  const mounted =
    users === null
      ? 'who mounts it could not be seen'
      : users.length === 0
        ? unusedText(step, work)
        : `still mounted: ${users.join(', ')}`;
  return { disabled, proof: `${mounted}; ${disabledText(disabled)}` };
}

function unusedText({ secret, ordinal }: { secret: SecretAddress; ordinal: Ordinal }, work: Work): string {
  const copies = recordedVersion(work.journal.secret(secret), ordinal)?.copies ?? [];
  const platforms = [...new Set(copies.map(({ platform }) => platform))].sort();
  if (platforms.length === 0) return 'it was delivered nowhere';
  return `no spec, task or previous spec on ${platforms.join(', ')} names it`;
}

function disabledText({ length }: readonly string[]): string {
  if (length === 0) return 'it is in no vault';
  return length === 1
    ? 'the vault lists it as disabled'
    : `the vault lists its ${length} storeIds as disabled`;
}

/** Read before the version was disabled, in this very apply: afterwards nobody can. */
function keptFor({ secret, ordinal }: ProveStep, work: Work): SecretValue {
  const kept = work.minted(secret, ordinal);
  if (kept !== undefined) return kept;
  throw new Fault({
    code: 'proof-failed',
    what: `v${ordinal} of ${nameOf(secret)} was disabled by an apply that was cut off, and its value can no longer be read to try it`,
    where: secret,
    live: 'it is disabled in the vault; whether it is still accepted where it is checked is not known',
    next: 'make sure at its source that it is revoked',
  });
}

/** The value of the version that took its place; null: none has yet, and it cannot vouch for itself. */
async function currentValue({ secret, ordinal }: ProveStep, work: Work): Promise<SecretValue | null> {
  const current = work.journal.secret(secret)?.current ?? null;
  if (current === null || current === ordinal) return null;
  return (
    work.minted(secret, current) ?? (await readVersion(secret, current, work, 'the proof of its predecessor'))
  );
}

function contextOf(secret: SecretAddress, before: Ordinal, work: Work): HookContext {
  const now = work.journal.secret(secret)?.current ?? null;
  const incident = work.plan.emergency?.incident ?? null;
  return { stack: work.plan.stack, secret, before, now: now === before ? null : now, incident };
}
