import type { LimitFunction } from 'p-limit';
import type { ConsumerAddress } from '../model/address.ts';
import { isConsumerAddress } from '../model/address.ts';
import type { Group } from '../model/plan.ts';
import type { GroupEnd } from './group.ts';
import { doStep, inTurn } from './group.ts';
import { walk } from './walk.ts';
import type { Work } from './work.ts';

/**
 * Runs a group of an emergency: forward only. Each step that is not done is done (again), beside all that it does not
 * need; one that fails keeps only what needs it from being done. Consumers that could not be moved are parked. An
 * interrupt lets running steps finish and leaves the group to the next apply. Rejects only when the journal cannot be
 * written.
 */
export async function goForward(group: Group, work: Work, atOnce: LimitFunction): Promise<GroupEnd> {
  if (work.signal.aborted) return 'not-begun';
  const open = work.standingsOf(group.id).filter(({ status }) => status !== 'done');
  const nodes = open.map((standing) => {
    const { id, needs, after } = standing.step;
    return { id, needs, after, standing };
  });
  const done = await walk(nodes, ({ standing }) => inTurn(standing, atOnce, () => doStep(standing, work)), {
    isolated: true,
    mayStart: () => !work.signal.aborted,
  });
  if (done.size === nodes.length) return 'done';
  if (work.signal.aborted && open.some(({ status }) => status === 'waiting')) return 'stopped';
  for (const consumer of group.consumers) await park(consumer, whyParked(consumer, group.id, work), work);
  return 'incomplete';
}

/** Consumers that the plan could not move at all are parked from the start. */
export async function parkStuck(work: Work): Promise<void> {
  const { blocked, emergency } = work.plan;
  const exposed = new Set(emergency?.exposed.map(({ address }) => address));
  for (const { address, text } of blocked) {
    if (!isConsumerAddress(address) || !exposed.has(address)) continue;
    // One that is parked for this incident already stays so since then.
    if (work.journal.consumer(address)?.parked?.incident === emergency?.incident) continue;
    await park(address, text, work);
  }
}

/** Why a consumer of a group was not moved and verified; null: it was. */
function whyParked(consumer: ConsumerAddress, group: string, work: Work): string | null {
  const own = work
    .standingsOf(group)
    .filter(({ step }) => step.address === consumer && (step.kind === 'flip' || step.kind === 'verify'));
  const open = own.filter(({ status }) => status !== 'done');
  if (open.length === 0) return null;
  return (
    open.find(({ fault }) => fault !== null)?.fault?.what ??
    'what it should read could not be made or delivered'
  );
}

async function park(consumer: ConsumerAddress, reason: string | null, work: Work): Promise<void> {
  if (reason === null) return;
  const incident = work.plan.emergency?.incident ?? '';
  await work.journal.append({
    type: 'park',
    consumer,
    parked: { since: work.outside.now(), incident, reason },
  });
}
