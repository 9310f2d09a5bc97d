import { hostname } from 'node:os';
import { unfinishedIn } from '../execute/journaled.ts';
import type { Unfinished } from '../model/unfinished.ts';
import { describeHolder } from '../record/claim.ts';
import type { UnfinishedContext } from '../report/unfinished-text.ts';
import { isAlive } from './live-process.ts';
import type { Session } from './session.ts';

/** An apply of this stack that did not end, or still runs, with what a person must know of it; null: none. */
export async function lookForUnfinished({
  record,
  observed,
}: Session): Promise<{ readonly apply: Unfinished; readonly context: UnfinishedContext } | null> {
  const lines = await record.interrupted();
  const apply = lines === null ? null : unfinishedIn(lines);
  if (apply === null) return null;
  const holder = await record.holder();
  // Of a holder of another host nobody here knows whether it lives: it is named all the same.
  const isGone = holder === null || (holder.host === hostname() && !isAlive(holder));
  const recorded = await record.read();
  return { apply, context: { observed, recorded, runs: isGone ? null : describeHolder(holder) } };
}
