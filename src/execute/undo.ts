import type { LimitFunction } from 'p-limit';
import type { FaultRecord } from '../model/fault.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { FlipStep, Group, SettleStep, StageStep, Step, VerifyStep } from '../model/plan.ts';
import type { GroupEnd } from './group.ts';
import { perform, tellEnd } from './perform.ts';
import { isForGood, isStillNamed } from './still-named.ts';
import type { Node } from './walk.ts';
import { walk } from './walk.ts';
import type { Standing, Work } from './work.ts';

/**
 * Takes a group back: the inverses of what was begun, newest first, each consumer verified on its prior versions
 * and settled before anything that it read is removed. What cannot be undone stays as it is, and so does
 * everything that it needs. Rejects only when the journal cannot be written.
 */
export async function undoGroup(
  group: Group,
  because: FaultRecord,
  work: Work,
  atOnce: LimitFunction,
): Promise<GroupEnd> {
  const begun = work.standingsOf(group.id).filter(({ status }) => status === 'done' || status === 'failed');
  const hadDone = begun.some(({ status }) => status === 'done');
  // Once a version was disabled in the vault nothing may be pointed at it again: such a group only goes forward.
  if (begun.some(({ step }) => step.kind === 'restore' || step.kind === 'demote')) return 'stopped';
  const steps = begun.map(({ step }) => step);
  const toUndo: Standing[] = [];
  for (const standing of begun) {
    const { step } = standing;
    const stays = step.inverse === null || (step.kind === 'mint' && (await isStillNamed(step, steps, work)));
    if (!stays) toUndo.push(standing);
  }
  if (toUndo.length === 0) return hadDone ? 'incomplete' : 'failed';

  if (hadDone) work.tell({ type: 'rollback_start', group: group.id, because });
  let hasChanged = hadDone;
  const undone = await walk(
    undoNodes(toUndo, begun),
    ({ standing }) =>
      atOnce(async () => {
        const { isUndone, changed } = await undoStep(standing, work);
        hasChanged ||= changed;
        return isUndone;
      }),
    { isolated: true },
  );
  const isUndone = undone.size === toUndo.length;
  // An interrupt is nobody's fault: what was only cut off may be tried again by the schedule.
  if (isUndone && hasChanged && because.code !== 'interrupted') await hold(group, because, work);
  const isBack = isUndone && !steps.some(isForGood);
  if (hadDone) work.tell({ type: 'rollback_end', group: group.id, complete: isBack });
  if (!isUndone) return 'stopped';
  if (!hasChanged) return 'failed';
  return isBack ? 'rolled-back' : 'incomplete';
}

interface UndoNode extends Node {
  readonly standing: Standing;
}

/** The dependencies turned round: a step is undone after everything that was built on it. */
function undoNodes(toUndo: readonly Standing[], begun: readonly Standing[]): UndoNode[] {
  const builtOn = (id: string): string[] =>
    begun
      .filter(({ step }) => step.needs.includes(id))
      .flatMap(({ step }) => [...(step.inverse === null ? [] : [step.id]), ...builtOn(step.id)]);
  return toUndo.map((standing) => ({
    id: standing.step.id,
    needs: [...new Set(builtOn(standing.step.id))],
    standing,
  }));
}

async function undoStep(standing: Standing, work: Work): Promise<{ isUndone: boolean; changed: boolean }> {
  const hadFailed = standing.status === 'failed';
  let changed = false;
  for (const inverse of await inversesOf(standing.step, work)) {
    const performed = await perform(inverse, standing, work, true);
    // A service that is gone reads nothing any more: there is nothing to take back, and nothing to verify.
    if ('fault' in performed && inverse.kind === 'flip' && performed.fault.code === 'service-absent') {
      tellEnd(inverse, { ...standing, status: 'undone', fault: null }, work, true);
      break;
    }
    if ('fault' in performed) {
      standing.status = 'undo-failed';
      standing.fault = performed.fault;
      tellEnd(inverse, standing, work, true);
      return { isUndone: false, changed };
    }
    const { facts } = performed;
    changed ||= (facts.disabled?.length ?? 0) > 0 || facts.receipt?.already === false;
    // A flip that the platform refused left the consumer as it was: there is nothing to wait for.
    const wasNeverPosted = hadFailed && facts.receipt?.already === true && !(await wasThere(inverse, work));
    const evidence = facts.evidence ?? null;
    tellEnd(inverse, { ...standing, status: 'undone', fault: null, evidence }, work, true);
    if (wasNeverPosted) break;
  }
  if (!hadFailed) standing.status = 'undone';
  return { isUndone: true, changed };
}

/** Whether the flip that is undone was posted: an earlier way back, cut off behind its update, left it as the previous spec. */
async function wasThere(back: Step, work: Work): Promise<boolean> {
  if (back.kind !== 'flip') return false;
  const { services } = await work.look(back.platform);
  const before = services[back.service]?.previousReferences ?? [];
  const left = new Set(back.changes.map(({ from }) => from?.copy));
  return before.some(({ copyName }) => left.has(copyName));
}

/** A step's inverse; that of a flip is verified and settled, so that nothing names what is removed next. Files need no settling. */
async function inversesOf(step: Step, work: Work): Promise<Step[]> {
  if (step.inverse === null) return [];
  if (step.inverse.kind !== 'flip') return [step.inverse];
  const back = step.inverse;
  const settle: SettleStep = {
    ...placeOf(back),
    kind: 'settle',
    id: `${back.id}-settle`,
    needs: [],
    text: `put ${back.service}'s own update settings back and let its previous spec go`,
  };
  const verify = verifyBack(back, step.id, work);
  if (back.write !== undefined) return [back, verify];
  return [...(await redeliveries(back, work)), back, verify, settle];
}

/**
 * Copies that the way back names and that someone removed meanwhile: Swarm only protects what a spec names. One that was
 * delivered again by an apply that could not write that down is taken into the record.
 */
async function redeliveries(back: FlipStep, work: Work): Promise<StageStep[]> {
  const { group, cause, platform } = back;
  work.forgetLook(platform);
  const seen = await work.look(platform).catch(() => null);
  if (seen?.services[back.service] === undefined) return [];
  const there = new Map(seen.copies.map(({ name, id }) => [name, id]));
  return back.changes.flatMap(({ secret, to }, index): StageStep[] => {
    if (to === null || to.ordinal === null) return [];
    const { copy, ordinal } = to;
    const version = recordedVersion(work.journal.secret(secret), ordinal);
    const known = version?.copies.find((each) => each.platform === platform && each.name === copy)?.id;
    const found = there.get(copy);
    if (found !== undefined && (known === undefined || known === found)) return [];
    const place = { group, address: secret, needs: [], cause, secret, ordinal, platform, copy };
    const id = `${back.id}-stage-${index + 1}`;
    const text = `remove ${copy} from ${platform}`;
    const inverse = { ...place, kind: 'unstage' as const, id: `${id}:undo`, text, inverse: null };
    return [{ ...place, kind: 'stage', id, text: `deliver ${copy} to ${platform} again`, inverse }];
  });
}

function verifyBack(back: FlipStep, flip: string, work: Work): VerifyStep {
  const forth = work
    .standingsOf(back.group)
    .map(({ step }) => step)
    .find((step) => step.kind === 'verify' && step.needs.includes(flip));
  const { probe, settleTime, deadline } =
    forth?.kind === 'verify'
      ? forth
      : { probe: { kind: 'none' as const }, settleTime: 'PT5S', deadline: 'PT5M' };
  // Also that what was first mounted by the flip is gone again: until then old tasks hold its copy.
  const expected = back.changes.map(({ target, to }) => [target, to?.copy ?? null] as const);
  return {
    ...placeOf(back),
    kind: 'verify',
    id: `${back.id}-verify`,
    needs: [back.id],
    text: `verify ${back.service} on its prior versions`,
    expected: Object.fromEntries(expected),
    probe,
    settleTime,
    deadline,
    ...(back.write === undefined ? {} : { file: back.write.file }),
  };
}

function placeOf({
  group,
  address,
  cause,
  consumer,
  platform,
  service,
}: FlipStep): Omit<SettleStep, 'kind' | 'id' | 'needs' | 'text'> {
  return { group, address, cause, consumer, platform, service, inverse: null };
}

/** The schedule leaves what was rolled back alone until a person acts, instead of failing every night. */
async function hold(group: Group, because: FaultRecord, work: Work): Promise<void> {
  for (const { step } of work.standingsOf(group.id)) {
    if (step.kind !== 'mint') continue;
    const held = {
      since: work.outside.now(),
      reason: because.what,
      cause: step.cause,
      declaration: work.declarations.get(step.secret) ?? '',
    };
    await work.journal.append({ type: 'hold', secret: step.secret, held });
  }
}
