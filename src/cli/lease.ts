import type { Actor } from '../model/journal.ts';
import type { StackRecord } from '../record/record.ts';
import { isAlive, thisProcess } from './live-process.ts';
import { now } from './terminal.ts';

/** One apply: its id, and who runs it. */
export interface Run {
  /** Unique. */
  readonly id: string;
  readonly actor: Actor;
  readonly purpose: 'apply' | 'rollback';
}

/**
 * Holds the lease on the record for as long as `act` runs. A `lease-held` fault says who has it; `act` has then
 * not begun.
 */
export async function underLease<T>(record: StackRecord, run: Run, act: () => Promise<T>): Promise<T> {
  const { pid, started } = thisProcess();
  const release = await record.lease(
    {
      format: 1,
      id: run.id,
      holder: run.actor.name,
      host: run.actor.host,
      pid,
      started: started ?? '',
      purpose: `keyturn ${run.purpose}`,
      run: run.actor.run,
      since: now(),
    },
    (holder) => isAlive({ pid: holder.pid, started: holder.started === '' ? null : holder.started }),
  );
  try {
    return await act();
  } finally {
    await release();
  }
}
