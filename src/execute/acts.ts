import { durationMs } from '../calendar/calendar.ts';
import { nameOf } from '../model/address.ts';
import { Fault, asFault } from '../model/fault.ts';
import type { DoneFacts } from '../model/journal.ts';
import type { ObservedVersion } from '../model/observed.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../model/observed.ts';
import type {
  EffectStep,
  FlipStep,
  MintStep,
  PruneStep,
  SettleStep,
  StageStep,
  Step,
  UnstageStep,
  VerifyStep,
} from '../model/plan.ts';
import type { BuildRead } from '../model/host.ts';
import type { FlipOrder } from '../model/platform.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { prove, retire, revoke } from './death.ts';
import { restore } from './restore.ts';
import { assertCopyUnused, copyUsers } from './unused.ts';
import { readVersion, versionsOf } from './versions.ts';
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
    case 'smoke':
      work.outside.fence.pass();
      return work.outside.hooks.smoke(step.test, work.plan.stack, work.lost);
    case 'promote':
    case 'demote':
      return {};
    case 'settle':
      return settle(step, work);
    case 'revoke':
      return revoke(step, work);
    case 'prove':
      return prove(step, work);
    case 'retire':
      return retire(step, work);
    case 'unstage':
    case 'prune':
      if (step.cause.kind === 'compromise') return removeDead(step, work);
      await assertCopyUnused(step, work);
      return remove(step, work);
    case 'effect':
      return effect(step, work);
  }
}

async function mint(step: MintStep, work: Work): Promise<DoneFacts> {
  const vault = work.vaultOf(step.secret);
  const name = nameOf(step.secret);
  const there = await mintedBefore(step, work);
  if (there !== null && !there.enabled) throw spent(step);
  if (there !== null) return { storeId: there.storeId };
  const { ordinal, operation, contentType, tags, taken, expires } = step;
  const as = { ordinal, operation, stack: work.plan.stack, contentType, tags, expires };
  if (taken !== undefined) {
    await vault.mark(name, taken, as, work.lost);
    return { storeId: taken };
  }
  const value = valueFor(step, work);
  const written = await vault.write(name, value, as, work.lost);
  // What was found may be a late write of an earlier try, with a value that nobody knows any more: it is read when it is needed.
  if (!written.isFound) work.keepMinted(step.secret, ordinal, value);
  return { storeId: written.storeId };
}

/** What an earlier try of this mint left. One whose answer nobody heard may still arrive, and must not be followed by a twin. */
async function mintedBefore(step: MintStep, work: Work): Promise<ObservedVersion | null> {
  const vault = work.vaultOf(step.secret);
  const name = nameOf(step.secret);
  const known = await recordedOf(step, work);
  if (known !== null) return known;
  if (work.standings.get(step.id)?.isCutOff !== true) return vault.find(name, step.operation, work.lost);
  const message = `looking for v${step.ordinal}, whose write may still arrive`;
  work.tell({ type: 'step_progress', step: step.id, address: step.address, message });
  return vault.arrival(name, step.operation, work.lost);
}

/** The version on record that this mint made, where the vault gives it out: of twins it is the one. */
async function recordedOf(
  { secret, ordinal, operation }: MintStep,
  work: Work,
): Promise<ObservedVersion | null> {
  const recorded = recordedVersion(work.journal.secret(secret), ordinal);
  if (recorded?.operation !== operation) return null;
  const listed = await versionsOf(secret, ordinal, work);
  return listed.find(({ storeId, enabled }) => enabled && recorded.storeIds.includes(storeId)) ?? null;
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
  const minted = work.minted(step.secret, step.ordinal);
  const there = minted === undefined ? await delivered(step, work) : null;
  if (there !== null) return { copyId: there };
  const value = minted ?? (await readVersion(step.secret, step.ordinal, work, step.copy));
  const { id } = await work.platform(step.platform).stage(copyOrder(step, work), value, work.lost);
  work.forgetLook(step.platform);
  return { copyId: id };
}

/** The platform's id of the copy where an apply that was cut off has delivered it: its value need not be read again. */
async function delivered(step: StageStep, work: Work): Promise<string | null> {
  const seen = await work.look(step.platform).catch(() => null);
  const { name, labels } = copyOrder(step, work);
  const copy = seen?.copies.find((each) => each.name === name);
  const isOurs = Object.entries(labels).every(([key, wanted]) => copy?.labels[key] === wanted);
  return copy !== undefined && isOurs ? copy.id : null;
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

/** A copy whose version is dead: live tasks do not keep it, and what does is said. */
async function removeDead(step: UnstageStep | PruneStep, work: Work): Promise<DoneFacts> {
  const users = await copyUsers(step, work);
  try {
    await remove(step, work);
  } catch (thrown) {
    const fault = asFault(thrown);
    if (users.length === 0) throw fault;
    throw new Fault({
      code: 'service-busy',
      what: `dead, still mounted: ${step.copy} cannot be removed from ${step.platform}: ${users.join(', ')}`,
      where: step.secret,
      live: `v${step.ordinal} is disabled in the vault; who mounts its copy can still read it`,
      next: 'move or stop what mounts it, then run keyturn apply: it removes the copy',
      cause: fault,
    });
  }
  if (users.length === 0) return {};
  return { proof: `removed from ${step.platform}; ${users.join(', ')} held it until it ends` };
}

async function effect(step: EffectStep, work: Work): Promise<DoneFacts> {
  const { secret, before, now, incident, idempotencyKey } = step;
  const context = {
    stack: work.plan.stack,
    secret,
    before,
    now,
    incident,
    idempotencyKey,
    at: work.outside.now(),
  };
  // No connection of ours stands before it.
  work.outside.fence.pass();
  return { proof: await work.outside.hooks.effect(step.effect, context, work.lost) };
}

async function remove(step: UnstageStep | PruneStep, work: Work): Promise<DoneFacts> {
  const recorded = recordedVersion(work.journal.secret(step.secret), step.ordinal)?.copies ?? [];
  const taken = recorded.flatMap(({ platform, name, id, bases }) =>
    bases !== undefined && platform === step.platform && name === step.copy ? [id] : [],
  );
  const order = copyOrder(step, work);
  await work.platform(step.platform).remove(taken.length === 0 ? order : { ...order, taken }, work.lost);
  work.forgetLook(step.platform);
  return {};
}

async function flip(step: FlipStep, work: Work, isUndo: boolean): Promise<DoneFacts> {
  const undo = isUndo || step.cause.kind === 'rollback';
  // What an emergency left paused only another change mends.
  const isParked = work.journal.consumer(step.consumer)?.parked !== undefined;
  const takesOver = step.cause.kind === 'compromise' || isParked;
  const receipt = await work
    .platform(step.platform)
    .flip(
      { service: step.service, changes: step.changes, undo, takesOver, ...writeOrder(step, work) },
      work.lost,
    );
  work.keepReceipt(step.id, receipt);
  work.forgetLook(step.platform);
  return { receipt };
}

/** Of a host, which keeps no copies: what it writes comes from the memory of this apply, or from the vault once more. */
function writeOrder({ write, service }: FlipStep, work: Work): Pick<FlipOrder, 'write'> {
  if (write === undefined) return {};
  const valueOf = async ({ secret, ordinal }: Pick<BuildRead, 'secret' | 'ordinal'>): Promise<SecretValue> =>
    work.minted(secret, ordinal) ?? readVersion(secret, ordinal, work, service);
  return { write: { ...write, valueOf } };
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
      ...(step.file === undefined ? {} : { file: step.file }),
    },
    (message) => work.tell({ type: 'step_progress', step: step.id, address: step.address, message }),
    work.lost,
  );
  return { evidence };
}

async function settle(step: SettleStep, work: Work): Promise<DoneFacts> {
  const originals = work.journal.consumer(step.consumer)?.originals ?? null;
  await work.platform(step.platform).settle(step.service, originals, work.lost);
  work.forgetLook(step.platform);
  return {};
}
