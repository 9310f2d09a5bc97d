import { durationMs } from '../calendar/calendar.ts';
import type { Ordinal, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { DoneFacts } from '../model/journal.ts';
import type { ObservedVersion } from '../model/observed.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type {
  FlipStep,
  MintStep,
  PruneStep,
  RestoreStep,
  RetireStep,
  SettleStep,
  StageStep,
  Step,
  UnstageStep,
  VerifyStep,
} from '../model/plan.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { assertUnused, strangeNewest } from './unused.ts';
import type { Work } from './work.ts';

/**
 * Does one step: observe, ensure, confirm; twice equals once. Returns what the journal needs to fold it into
 * the record. Throws a Fault when the step's effect did not come about, or is not known to have.
 */
export async function act(step: Step, work: Work, isUndo: boolean): Promise<DoneFacts> {
  switch (step.kind) {
    case 'mint':
      return mint(step, work);
    case 'restore':
      return restore(step, work);
    case 'stage':
      return stage(step, work);
    case 'flip':
      return flip(step, work, isUndo);
    case 'verify':
      return verify(step, work);
    case 'promote':
    case 'demote':
      return {};
    case 'settle':
      return settle(step, work);
    case 'retire':
      return retire(step, work);
    case 'unstage':
    case 'prune':
      await assertUnused(step.secret, step.ordinal, work, step);
      return remove(step, work);
  }
}

async function mint(step: MintStep, work: Work): Promise<DoneFacts> {
  const vault = work.vaultOf(step.secret);
  const name = nameOf(step.secret);
  const there = await vault.find(name, step.operation, work.lost);
  if (there !== null && !there.enabled) throw spent(step);
  if (there !== null) return { storeId: there.storeId };
  const value = valueFor(step, work);
  const { ordinal, operation, contentType, tags } = step;
  const as = { ordinal, operation, stack: work.plan.stack, contentType, tags };
  const written = await vault.write(name, value, as, work.lost);
  work.keepMinted(step.secret, ordinal, value);
  return { storeId: written.storeId };
}

function spent(step: MintStep): Fault {
  return new Fault({
    code: 'vault-conflict',
    what: `v${step.ordinal} of ${nameOf(step.secret)} was minted before and is disabled`,
    where: step.secret,
    live: 'consumers keep what they read',
    next: 'plan again: the next plan takes a new ordinal',
  });
}

/** A person's value for a manual secret, a generated one otherwise; refused when the vault would refuse it. */
export function valueFor(step: MintStep, work: Pick<Work, 'outside'>): SecretValue {
  const given = work.outside.values.get(step.secret);
  if (given === undefined && step.source.kind === 'manual') {
    throw new Fault({
      code: 'value-missing',
      what: `${nameOf(step.secret)} needs a person's value`,
      where: step.secret,
      live: 'nothing was changed for it',
      next: `keyturn apply --value ${step.secret}=-`,
    });
  }
  const value = given ?? work.outside.generate(step.source);
  const problem = value.problem();
  if (problem === null) return value;
  throw new Fault({
    code: 'value-refused',
    what:
      problem === 'empty'
        ? 'the value is empty'
        : 'the value is larger than 25 KB, the most that a vault takes',
    where: step.secret,
    live: 'nothing was changed for it',
    next: 'give another value',
  });
}

async function stage(step: StageStep, work: Work): Promise<DoneFacts> {
  const value =
    work.minted(step.secret, step.ordinal) ?? (await readVersion(step.secret, step.ordinal, work, step.copy));
  const { id } = await work.platform(step.platform).stage(copyOrder(step, work), value, work.lost);
  work.forgetLook(step.platform);
  return { copyId: id };
}

async function readVersion(
  secret: SecretAddress,
  ordinal: Ordinal,
  work: Work,
  why: string,
): Promise<SecretValue> {
  const recorded = recordedVersion(work.journal.recorded.secrets[secret], ordinal)?.storeIds ?? [];
  const versions = await work.vaultOf(secret).versions(nameOf(secret), work.lost);
  // Only what we wrote ourselves: whoever may write can copy our tags onto another value.
  const readable = versions.find(({ storeId, enabled }) => enabled && recorded.includes(storeId));
  if (readable !== undefined) return work.vaultOf(secret).read(nameOf(secret), readable.storeId, work.lost);
  throw new Fault({
    code: 'vault-conflict',
    what: `${nameOf(secret)} v${ordinal} has no enabled version in the vault, and ${why} needs its value`,
    where: secret,
    next: `enable it in the vault, or rotate: keyturn apply --rotate ${secret}`,
  });
}

/** The vault's versions of one ordinal of ours, whichever storeIds they have. */
async function versionsOf(secret: SecretAddress, ordinal: Ordinal, work: Work): Promise<ObservedVersion[]> {
  const recorded = recordedVersion(work.journal.recorded.secrets[secret], ordinal)?.storeIds ?? [];
  const versions = await work.vaultOf(secret).versions(nameOf(secret), work.lost);
  return versions.filter(
    (version) =>
      recorded.includes(version.storeId) ||
      (version.ordinal === ordinal && version.stack === work.plan.stack),
  );
}

function copyOrder(
  step: StageStep | UnstageStep | PruneStep,
  work: Work,
): { name: string; labels: Record<string, string> } {
  const labels = {
    [TAG_STACK]: work.plan.stack,
    [TAG_VERSION]: String(step.ordinal),
    [LABEL_SECRET]: step.secret,
  };
  return { name: step.copy, labels };
}

async function remove(step: UnstageStep | PruneStep, work: Work): Promise<DoneFacts> {
  await work.platform(step.platform).remove(copyOrder(step, work), work.lost);
  work.forgetLook(step.platform);
  return {};
}

async function flip(step: FlipStep, work: Work, isUndo: boolean): Promise<DoneFacts> {
  const undo = isUndo || work.plan.kind === 'rollback';
  const receipt = await work
    .platform(step.platform)
    .flip({ service: step.service, changes: step.changes, undo }, work.lost);
  work.keepReceipt(step.id, receipt);
  work.forgetLook(step.platform);
  return { receipt };
}

async function verify(step: VerifyStep, work: Work): Promise<DoneFacts> {
  const receipt = step.needs.map((need) => work.receipt(need)).find((found) => found !== undefined);
  const evidence = await work.platform(step.platform).verify(
    {
      service: step.service,
      expected: step.expected,
      since: receipt?.since ?? null,
      probe: step.probe,
      settleMs: durationMs(step.settleTime),
      deadlineMs: durationMs(step.deadline),
      labels: { [TAG_STACK]: work.plan.stack },
    },
    (message) => work.tell({ type: 'step_progress', step: step.id, address: step.address, message }),
    work.lost,
  );
  return { evidence };
}

async function settle(step: SettleStep, work: Work): Promise<DoneFacts> {
  const originals = work.journal.recorded.consumers[step.consumer]?.originals ?? null;
  await work.platform(step.platform).settle(step.service, originals, work.lost);
  work.forgetLook(step.platform);
  return {};
}

async function retire(step: RetireStep, work: Work): Promise<DoneFacts> {
  await assertUnused(step.secret, step.ordinal, work);
  const versions = await versionsOf(step.secret, step.ordinal, work);
  const newest = await strangeNewest(step, versions, work);
  return { disabled: await disableAll(step.secret, step.ordinal, work, newest) };
}

async function disableAll(
  secret: SecretAddress,
  ordinal: Ordinal,
  work: Work,
  except: string | null = null,
): Promise<string[]> {
  const versions = (await versionsOf(secret, ordinal, work)).filter(({ storeId }) => storeId !== except);
  for (const version of versions.filter(({ enabled }) => enabled)) {
    await work.vaultOf(secret).disable(nameOf(secret), version.storeId, work.lost);
  }
  return versions.map(({ storeId }) => storeId).sort();
}

/**
 * The prior value becomes the newest again before the failed version is disabled: a disabled newest version
 * answers 403 to whoever reads without a version, with no fallback. Where nothing was minted nothing is written.
 */
async function restore(step: RestoreStep, work: Work): Promise<DoneFacts> {
  const failed = await failedVersions(step, work);
  if (failed.length === 0) return {};
  const storeId = await putBack(step, failed, work);
  const disabled = await disableAll(step.secret, step.failed, work);
  return storeId === undefined ? { disabled } : { storeId, disabled };
}

/** What a mint left; where it was cut off, only once it can no longer arrive does it count as nothing. */
async function failedVersions(step: RestoreStep, work: Work): Promise<ObservedVersion[]> {
  const { secret, failed: ordinal, address } = step;
  const found = await versionsOf(secret, ordinal, work);
  const cutOff = [...work.standings.values()].find(
    ({ step: mint, isCutOff }) =>
      isCutOff && mint.kind === 'mint' && mint.secret === secret && mint.ordinal === ordinal,
  );
  if (found.length > 0 || cutOff?.step.kind !== 'mint') return found;
  const message = `looking for v${ordinal}, whose write was cut off`;
  work.tell({ type: 'step_progress', step: step.id, address, message });
  const late = await work.vaultOf(secret).arrival(nameOf(secret), cutOff.step.operation, work.lost);
  return late === null ? [] : [late];
}

/** Makes the value that was the newest before the failed version the newest again; null where there was none. */
async function putBack(
  step: RestoreStep,
  failed: readonly ObservedVersion[],
  work: Work,
): Promise<string | undefined> {
  const vault = work.vaultOf(step.secret);
  const name = nameOf(step.secret);
  const { to: ordinal, operation, contentType, tags } = step;
  const there = await vault.find(name, operation, work.lost);
  if (there !== null) return there.storeId;
  const value =
    ordinal === null
      ? await readAdopted(step, failed, work)
      : await readVersion(step.secret, ordinal, work, 'the way back');
  if (value === null) return undefined;
  const as = { ordinal, operation, stack: work.plan.stack, contentType, tags };
  return (await vault.write(name, value, as, work.lost)).storeId;
}

/**
 * The newest of the versions that were there before the secret was adopted. Two of one second cannot be told
 * apart (the vault counts in seconds and lists by id), and then a person must say which one it was.
 */
async function readAdopted(
  step: RestoreStep,
  failed: readonly ObservedVersion[],
  work: Work,
): Promise<SecretValue | null> {
  const known = work.journal.recorded.secrets[step.secret]?.versions ?? [];
  // What was promoted once took the place of the value from before: that one must not come back.
  if (known.some(({ promotedAt }) => promotedAt !== null)) return null;
  const ours = new Set([
    ...failed.map(({ storeId }) => storeId),
    ...known.flatMap(({ storeIds }) => storeIds),
  ]);
  const versions = await work.vaultOf(step.secret).versions(nameOf(step.secret), work.lost);
  // With our tags: of a record that was lost.
  const foreign = versions.filter(
    ({ storeId, stack, enabled }) =>
      enabled && (stack === null || stack === work.plan.stack) && !ours.has(storeId),
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
