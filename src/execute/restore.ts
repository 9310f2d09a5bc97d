import { nameOf } from '../model/address.ts';
import { digestOf } from '../model/canonical.ts';
import { Fault } from '../model/fault.ts';
import type { DoneFacts } from '../model/journal.ts';
import type { ObservedVersion } from '../model/observed.ts';
import type { RestoreStep } from '../model/plan.ts';
import { isPlatformOnly, isTwin, lowestGivenOut } from '../model/recorded.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { disableAll, isDisabled, readVersion, storeIdsOf, versionsOf } from './versions.ts';
import type { Work } from './work.ts';

/**
 * The prior value becomes the newest again before the failed version is disabled: a disabled newest version
 * answers 403 to whoever reads without a version, with no fallback. Where nothing was minted nothing is written.
 */
export async function restore(step: RestoreStep, work: Work): Promise<DoneFacts> {
  const failed = new Set(await failedStoreIds(step, work));
  if (failed.size === 0) return {};
  let storeId: string | undefined;
  const putBackHere = new Set<string>();
  // The same write may arrive once more meanwhile, and is then the newest: the prior must stand behind that as well.
  for (let known = 0; known < failed.size;) {
    known = failed.size;
    storeId = await putBack(step, [...failed], work);
    if (storeId !== undefined) putBackHere.add(storeId);
    for (const late of await written(step, work)) if (!putBackHere.has(late)) failed.add(late);
  }
  // Of a twin nobody knows the value: it is disabled only where it is not all that there is to read.
  if (storeId === undefined && step.twins !== undefined) return { disabled: [], proof: unreadableText(step) };
  const disabled = await disableAll(step.secret, [...failed], work);
  if (storeId !== undefined) return { storeId, disabled };
  return step.to === null ? { disabled } : { disabled, proof: unreadableText(step) };
}

function unreadableText({ to }: RestoreStep): string {
  return `v${to ?? '?'} is disabled in the vault, by someone else: no version of it was made the newest`;
}

/** What a restore disables, as far as it is listed now: all of the failed version, or its twins alone. */
async function written({ secret, failed, twins }: RestoreStep, work: Work): Promise<string[]> {
  const listed = await versionsOf(secret, failed, work);
  if (twins === undefined) return listed.map(({ storeId }) => storeId);
  const record = work.journal.secret(secret);
  const known = new Set(record?.versions.flatMap(({ storeIds }) => storeIds));
  const late = listed.filter(
    (version) => record !== undefined && isTwin(version, listed, record, work.plan.stack),
  );
  return [...twins, ...late.map(({ storeId }) => storeId)].filter((storeId) => !known.has(storeId));
}

/** Another one for each further version that failed: one that came later must not pass for taken back already. */
function operationOf({ operation, twins }: RestoreStep, failed: readonly string[]): string {
  return failed.length === (twins?.length ?? 1)
    ? operation
    : digestOf([operation, ...failed.toSorted()]).slice(0, 32);
}

/**
 * What a mint left. Where that is nothing, only a mint of this apply that was answered with a refusal is believed
 * at once: any other may still arrive, or was seen by the plan and is missing from an older list.
 */
async function failedStoreIds(step: RestoreStep, work: Work): Promise<string[]> {
  if (step.twins !== undefined) return written(step, work);
  const { secret, failed: ordinal, address } = step;
  const found = storeIdsOf(secret, ordinal, await versionsOf(secret, ordinal, work), work);
  const mint = [...work.standings.values()].find(
    ({ step: each }) => each.kind === 'mint' && each.secret === secret && each.ordinal === ordinal,
  );
  if (found.length > 0 || mint?.isCutOff === false) return found;
  const message = `looking for v${ordinal}, whose write may still arrive`;
  work.tell({ type: 'step_progress', step: step.id, address, message });
  const late = await work.vaultOf(secret).arrival(nameOf(secret), step.undoes, work.lost);
  return late === null ? [] : [late.storeId];
}

/**
 * Makes the value that was the newest before the failed version the newest again; undefined where there was none, and
 * where somebody disabled it since: to wait for that one to be enabled would keep every later apply from its work.
 */
async function putBack(
  step: RestoreStep,
  failed: readonly string[],
  work: Work,
): Promise<string | undefined> {
  const vault = work.vaultOf(step.secret);
  const name = nameOf(step.secret);
  const { to: ordinal, contentType, tags, expires } = step;
  const operation = operationOf(step, failed);
  const there = await vault.find(name, operation, work.lost);
  if (there !== null) return there.storeId;
  if (ordinal !== null && (await isDisabled(step.secret, ordinal, work))) return undefined;
  const value =
    ordinal === null
      ? await readAdopted(step, failed, work)
      : await readVersion(step.secret, ordinal, work, 'the way back');
  if (value === null) return undefined;
  const as = { ordinal, operation, stack: work.plan.stack, contentType, tags, expires };
  return (await vault.write(name, value, as, work.lost)).storeId;
}

/**
 * The newest of the versions that were there before the secret was adopted. Two of one second cannot be told
 * apart (the vault counts in seconds and lists by id), and then a person must say which one it was.
 */
async function readAdopted(
  step: RestoreStep,
  failed: readonly string[],
  work: Work,
): Promise<SecretValue | null> {
  const record = work.journal.secret(step.secret);
  const known = record?.versions ?? [];
  // What was promoted once took the place of the value from before: that one must not come back. What was taken over
  // from a platform alone took nothing's place in the vault.
  if (known.some((version) => version.promotedAt !== null && !isPlatformOnly(version))) return null;
  const ours = new Set([...failed, ...known.flatMap(({ storeIds }) => storeIds)]);
  const versions = await work.vaultOf(step.secret).versions(nameOf(step.secret), work.lost);
  const lowest = record === undefined ? null : lowestGivenOut(record);
  // With our tags: of a record that was lost, unless this one gave it out, gave it up, and it arrived after that.
  const isForeign = ({ stack, ordinal }: ObservedVersion): boolean =>
    stack === null || (stack === work.plan.stack && (ordinal ?? 0) < (lowest ?? Infinity));
  const foreign = versions.filter(
    (version) => version.enabled && !ours.has(version.storeId) && isForeign(version),
  );
  const newest = foreign.filter(({ created }) => foreign.every((other) => other.created <= created));
  const [only] = newest;
  if (only === undefined) return null;
  if (newest.length === 1)
    return work.vaultOf(step.secret).read(nameOf(step.secret), only.storeId, work.lost);
  throw new Fault({
    code: 'vault-conflict',
    what: `which version of ${nameOf(step.secret)} was the newest before v${step.failed} cannot be told`,
    where: step.secret,
    live: `v${step.failed}, which failed, is the newest in the vault`,
    next: 'write the right value again by hand, then disable the failed version',
  });
}
