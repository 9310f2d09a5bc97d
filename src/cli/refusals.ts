import { randomUUID } from 'node:crypto';
import type { Declared } from '../model/declared.ts';
import type { Fault } from '../model/fault.ts';
import { asFault } from '../model/fault.ts';
import type { Actor } from '../model/journal.ts';
import type { Aside } from '../record/aside.ts';
import type { WorldArgs } from './connect.ts';
import { commitOf } from './git.ts';
import { openRecord } from './records.ts';
import type { Terminal } from './terminal.ts';
import { now, remark } from './terminal.ts';

/** What is refused because of what somebody else did or approved: an auditor asks for these. */
const REFUSALS: readonly Fault['code'][] = ['plan-stale', 'plan-used', 'lease-held'];

/** Who tried what, and why. */
export interface Attempt {
  readonly actor: Actor;
  /** `apply`, `apply of plan 1234…`, `rollback of …`. */
  readonly tried: string;
  readonly planDigest: string | null;
  readonly reason: string | null;
  readonly ticket: string | null;
}

/**
 * Leaves word of an attempt that was refused in the record, for the next apply to take into the history. A record
 * that cannot be written keeps nothing and is said in a remark: the refusal itself stands.
 */
export async function leaveRefusal(
  fault: Fault,
  declared: Declared,
  attempt: Attempt,
  argv: WorldArgs,
  terminal: Terminal,
): Promise<void> {
  if (!REFUSALS.includes(fault.code)) return;
  const { tried, ...who } = attempt;
  const commit = await commitOf(process.env, argv.directory);
  const aside: Aside = {
    kind: 'refused',
    id: randomUUID(),
    at: now(),
    ...who,
    commit,
    notes: [],
    refusal: { tried, fault: fault.toJSON() },
  };
  try {
    const record = await openRecord(argv, declared);
    // Where nothing was applied yet there is no history that it could become part of.
    if ((await record.existing()).length > 0) await record.leave(aside);
  } catch (thrown) {
    remark(terminal, `this refused attempt could not be left in the record: ${asFault(thrown).message}`);
  }
}
