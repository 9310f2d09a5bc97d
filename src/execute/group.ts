import type { LimitFunction } from 'p-limit';
import type { Group } from '../model/plan.ts';
import { lacksOnlyRecord } from './journaled.ts';
import { perform, tellEnd } from './perform.ts';
import { undoGroup } from './undo.ts';
import { walk } from './walk.ts';
import type { Standing, Work } from './work.ts';

/**
 * How a group ended. `failed`: a step failed and nothing was changed. `stopped`: neither done nor undone, the
 * next apply goes on. `incomplete`: what was done stays and is recorded, there is no way back, and a later plan holds
 * the rest; so where all went back but a file that cannot. `not-begun`: an interrupt or a group that it needs came first.
 */
export type GroupEnd = 'done' | 'failed' | 'rolled-back' | 'stopped' | 'incomplete' | 'not-begun';

/**
 * Runs one group to its end: all its steps or, after the first failure, back to the prior versions, verified.
 * An interrupt lets running steps finish and starts no new ones. Rejects only when the journal cannot be written.
 */
export async function runGroup(group: Group, work: Work, atOnce: LimitFunction): Promise<GroupEnd> {
  if (work.signal.aborted) return 'not-begun';
  const standings = work.standingsOf(group.id);
  const nodes = standings.map((standing) => ({ id: standing.step.id, needs: standing.step.needs, standing }));
  const done = await walk(nodes, ({ standing }) => inTurn(standing, atOnce, () => doStep(standing, work)), {
    mayStart: () => !work.signal.aborted,
  });
  if (done.size === nodes.length) return 'done';
  const failed = standings.find(({ status }) => status === 'failed');
  // Stopped after the last act: what is only to be recorded is recorded.
  if (failed === undefined && lacksOnlyRecord(standings)) return goOn(group, work, atOnce);
  if (failed?.fault != null) return undoGroup(group, failed.fault, work, atOnce);
  return standings.some(({ status }) => status !== 'waiting') ? 'stopped' : 'not-begun';
}

/**
 * Goes on with a group that may only go forward: every step that is not done is done (again). Each act looks
 * first, so what was cut off is not done twice. What cannot be done leaves the group stopped.
 */
export async function goOn(group: Group, work: Work, atOnce: LimitFunction): Promise<GroupEnd> {
  const open = work.standingsOf(group.id).filter(({ status }) => status !== 'done');
  const nodes = open.map((standing) => ({ id: standing.step.id, needs: standing.step.needs, standing }));
  const act = ({ standing }: (typeof nodes)[number]) =>
    inTurn(standing, atOnce, () => doStep(standing, work));
  const done = await walk(nodes, act, { isolated: true });
  return done.size === nodes.length ? 'done' : 'stopped';
}

/**
 * As one of as many steps as may run side by side. A verification waits, and takes nobody's place: what may restart at once
 * a stack says, and those that are verified at one time share their looks.
 */
export function inTurn<T>(
  { step }: Pick<Standing, 'step'>,
  atOnce: LimitFunction,
  act: () => Promise<T>,
): Promise<T> {
  return step.kind === 'verify' ? act() : atOnce(act);
}

/** Does one step, and says whether it is done. */
export async function doStep(standing: Standing, work: Work): Promise<boolean> {
  standing.status = 'running';
  const performed = await perform(standing.step, standing, work, false);
  standing.fault = 'fault' in performed ? performed.fault : null;
  standing.status = standing.fault === null ? 'done' : 'failed';
  tellEnd(standing.step, standing, work, false);
  return standing.fault === null;
}
