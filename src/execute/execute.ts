import type { LimitFunction } from 'p-limit';
import pLimit from 'p-limit';
import { homeOf } from '../model/address.ts';
import type { FaultRecord } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import type { Listen } from '../model/event.ts';
import type { Actor, ApplyOutcome, Commit, HistoryEntry, JournalLine, StepStatus } from '../model/journal.ts';
import type { Notify } from '../model/notice.ts';
import type { Group, Plan, Step } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { recordedVersion } from '../model/recorded.ts';
import type { Occasion } from './entry.ts';
import { historyEntry } from './entry.ts';
import { valueFor } from './acts.ts';
import { goForward, parkStuck } from './forward.ts';
import type { GroupEnd } from './group.ts';
import { goOn, runGroup } from './group.ts';
import { endIn, fateOf, lacksOnlyRecord, standAsJournaled } from './journaled.ts';
import { lookAgain } from './look-again.ts';
import { sealHead } from './seal.ts';
import { stillStands } from './stands.ts';
import { Telling, withDeliveries } from './telling.ts';
import { undoGroup } from './undo.ts';
import { walk } from './walk.ts';
import type { JournalSink, Outside } from './work.ts';
import { Work } from './work.ts';

/** The record's side of an apply, as the executor uses it; the lease on it must be held. */
export interface RecordSink {
  begin(entry: BeginEntry, now: () => string): Promise<JournalOf>;
  resume(now: () => string): Promise<JournalOf | null>;
  finish(journal: JournalOf, entry: HistoryEntry): Promise<Recorded>;
  digestAt(entry: number): Promise<string | null>;
}

interface JournalOf extends JournalSink {
  readonly base: Recorded;
  readonly lines: readonly JournalLine[];
}

type BeginEntry = Omit<Extract<JournalLine, { type: 'begin' }>, 'seq' | 'at'>;

export interface ExecuteInput {
  readonly plan: Plan;
  readonly planDigest: string;
  readonly outside: Outside;
  readonly listen: Listen;
  readonly signal: AbortSignal;
  /** Steps under way at once. */
  readonly parallelism: number;
  /** Names this apply; unique. */
  readonly apply: string;
  readonly actor: Actor;
  readonly reason: string | null;
  readonly ticket: string | null;
  /** Absent: it is not known. */
  readonly commit?: Commit | null | undefined;
  /** Absent: nobody is told. */
  readonly notify?: Notify | undefined;
}

export interface Executed {
  readonly outcome: ApplyOutcome;
  readonly entry: HistoryEntry;
  readonly recorded: Recorded;
  /** Why a vault does not witness the entry; empty: all do. */
  readonly unsealed: readonly FaultRecord[];
}

/**
 * Executes a plan that was found fresh, under the lease. Holds afterwards: each group is done, or back on its
 * prior versions, or its end is told by the outcome; the journal is folded into the record and one history entry
 * is written. Before the first intent it throws (a missing value, a record that cannot be written) and nothing
 * has changed; later faults of steps are outcomes, and only a record that cannot be written rejects.
 */
export async function execute(input: ExecuteInput, record: RecordSink): Promise<Executed> {
  const { plan, outside, actor, reason, ticket, planDigest, apply, commit = null } = input;
  for (const step of plan.steps) if (needsValue(step)) valueFor(step, { outside });
  const { lineage, serial } = plan.basis;
  const journal = await record.begin(
    { type: 'begin', format: 1, apply, lineage, serial, planDigest, plan, actor, reason, ticket, commit },
    outside.now,
  );
  const work = new Work(plan, outside, journal, input.listen, input.signal);
  const startedAt = outside.now();
  const telling = new Telling(input.notify);
  work.tell({ type: 'apply_start', apply, stack: plan.stack, steps: plan.steps.length });
  telling.begin(work, apply);
  if (plan.kind === 'compromise') await parkStuck(work);
  const ended = [...(await runGroups(plan, work, input.parallelism)).values()];
  ended.push(...leftBy(plan, ended));
  const occasion = { apply, startedAt, planDigest, actor, reason, ticket, commit, continued: [], telling };
  if (ended.includes('stopped')) return leaveOpen(work, journal, occasion);
  await holdReturned(work, ended);
  return close(work, journal, outcomeOf(ended, work.signal.aborted), record, occasion);
}

/**
 * Ends an apply that was interrupted or stopped, from its journal: each group as `fateOf` says, by the same steps
 * and inverses, deciding from what vault and platform really hold. What cannot be
 * taken back a second time is recorded as it stands, so that plan and apply go on from there. Null where there
 * is nothing to end.
 */
export async function resume(
  input: Pick<ExecuteInput, 'outside' | 'listen' | 'parallelism' | 'notify'>,
  record: RecordSink,
): Promise<Executed | null> {
  const journal = await record.resume(input.outside.now);
  const begin = journal?.lines[0];
  if (journal === null || begin?.type !== 'begin') return null;
  const work = new Work(begin.plan, input.outside, journal, input.listen, new AbortController().signal);
  standAsJournaled(work.standings, journal.lines);
  const { apply, planDigest, actor, reason, ticket, commit = null } = begin;
  const continued = journal.lines.flatMap((line) =>
    line.type === 'fence' ? [{ at: line.at, why: line.why, by: line.by }] : [],
  );
  const telling = new Telling(input.notify);
  const occasion = {
    apply,
    startedAt: begin.at,
    planDigest,
    actor,
    reason,
    ticket,
    commit,
    continued,
    telling,
  };
  const end = endIn(journal.lines);
  if (end !== undefined) return close(work, journal, end.outcome, record, occasion);
  assertConnected(work);
  work.tell({ type: 'apply_start', apply, stack: begin.plan.stack, steps: begin.plan.steps.length });
  const because = {
    code: 'interrupted' as const,
    what: `the apply that began at ${begin.at} was interrupted`,
  };
  const atOnce = pLimit(Math.max(1, input.parallelism));
  const ends: GroupEnd[] = [];
  const { groups, kind } = begin.plan;
  if (kind === 'compromise') await parkStuck(work);
  const inTurn = kind === 'compromise' ? groups : groups.toReversed();
  for (const group of inTurn) ends.push(await endGroup(group, because, work, atOnce));
  ends.push(...leftBy(begin.plan, ends));
  if (isHalfBack(work)) return leaveOpen(work, journal, occasion);
  await holdReturned(work, ends);
  return close(work, journal, outcomeOfResume(ends), record, occasion);
}

/** Throws while something that a group must still change is not connected: it would be left as it is for good. */
function assertConnected(work: Work): void {
  for (const { id } of work.plan.groups) {
    const standings = work.standingsOf(id);
    if (!['finished', 'taken-back'].includes(fateOf(standings, work.plan.kind))) continue;
    for (const { step } of standings) {
      const vault = 'secret' in step ? homeOf(step.secret) : null;
      const platform = 'platform' in step ? step.platform : null;
      if (vault !== null && !work.outside.vaults.has(vault)) throw undeclared(`vault '${vault}'`, step, work);
      if (platform !== null && !work.outside.platforms.has(platform))
        throw undeclared(`platform '${platform}'`, step, work);
    }
  }
}

function undeclared(what: string, step: Step, { plan }: Work): Fault {
  return new Fault({
    code: 'unfinished',
    what: `an apply that did not end changed ${step.address}, and ${plan.stack} no longer declares ${what}`,
    where: step.address,
    live: 'what it did stands in its journal: keyturn plan shows it',
    next: `declare ${what} again, run keyturn apply, which ends that one, and take it out then`,
  });
}

/**
 * Whether versions that were promoted are disabled by a way back that is not recorded yet. The record still calls
 * them current, so no plan may be made from it: only this journal knows the way.
 */
function isHalfBack(work: Work): boolean {
  return work.plan.groups.some(({ id }) => {
    const standings = work.standingsOf(id);
    const isBegun = standings.some(
      ({ step, status }) => step.kind === 'restore' && status !== 'skipped' && status !== 'waiting',
    );
    return isBegun && standings.some(({ step, status }) => step.kind === 'demote' && status !== 'done');
  });
}

function outcomeOfResume(ends: readonly GroupEnd[]): ApplyOutcome {
  if (ends.includes('stopped')) return 'stopped';
  if (ends.includes('incomplete')) return 'incomplete';
  if (ends.includes('rolled-back') || ends.includes('failed')) return 'rolled-back';
  return ends.every((end) => end === 'done') ? 'done' : 'interrupted';
}

/** What a person took back by hand the schedule must not rotate forward again the same night. */
async function holdReturned(work: Work, ended: readonly GroupEnd[]): Promise<void> {
  if (work.plan.kind !== 'rollback' || ended.some((end) => end !== 'done')) return;
  for (const step of work.plan.steps) {
    if (step.kind !== 'demote' || step.cause.kind !== 'rollback') continue;
    const reason =
      step.cause.reason === null ? 'rolled back by hand' : `rolled back by hand: ${step.cause.reason}`;
    for (const { secret, ordinal } of step.demotions) {
      const version = recordedVersion(work.journal.secret(secret), ordinal);
      await work.journal.append({
        type: 'hold',
        secret,
        held: {
          since: work.outside.now(),
          reason,
          cause: version?.cause ?? step.cause,
          declaration: work.declarations.get(secret) ?? '',
        },
      });
    }
  }
}

async function endGroup(
  group: Group,
  because: FaultRecord,
  work: Work,
  atOnce: LimitFunction,
): Promise<GroupEnd> {
  const standings = work.standingsOf(group.id);
  switch (fateOf(standings, work.plan.kind)) {
    case 'kept':
      return 'done';
    case 'untouched':
      return 'not-begun';
    case 'finished':
      if (work.plan.kind === 'compromise') return goForward(group, work, atOnce);
      // What only lacked its record may have been taken back by a person meanwhile.
      if (!lacksOnlyRecord(standings) || (await stillStands(group, work))) return goOn(group, work, atOnce);
      break;
    case 'taken-back':
      break;
  }
  // A step that failed on its merits is held for that, whatever cut its way back off.
  const failed = standings.find(({ fault }) => fault !== null && fault.code !== 'interrupted')?.fault;
  return undoGroup(group, failed ?? because, work, atOnce);
}

function needsValue(step: Step): step is Extract<Step, { kind: 'mint' }> {
  return step.kind === 'mint' && step.source.kind === 'manual' && step.taken === undefined;
}

async function runGroups(
  { groups, kind }: Plan,
  work: Work,
  parallelism: number,
): Promise<Map<string, GroupEnd>> {
  const atOnce = pLimit(Math.max(1, parallelism));
  const ends = new Map<string, GroupEnd>();
  const unmet = (group: Group): boolean =>
    group.needs.some((need) => ends.has(need) && ends.get(need) !== 'done');
  const nodes = groups.map((group) => ({
    id: group.id,
    needs: [...group.needs, ...(group.after ?? [])],
    group,
  }));
  await walk(nodes, async ({ group }) => {
    const run = kind === 'compromise' ? goForward : runGroup;
    ends.set(group.id, unmet(group) ? 'not-begun' : await run(group, work, atOnce));
    return true;
  });
  return ends;
}

async function close(
  work: Work,
  journal: JournalOf,
  outcome: ApplyOutcome,
  record: RecordSink,
  { telling, ...occasion }: ToldOccasion,
): Promise<Executed> {
  skipWaiting(work);
  if (endIn(journal.lines) === undefined) {
    await journal.append({ type: 'seen', fingerprints: await lookAgain(work) });
    await journal.append({ type: 'end', outcome });
  }
  const closing = historyEntry(work, journal, outcome, occasion);
  // The end stands before anybody is told of it: whoever is told may take his time, and this process may not live.
  await telling.end(work, journal, closing);
  const entry = withDeliveries(closing, journal.lines);
  const recorded = await record.finish(journal, entry);
  const unsealed = await sealHead(work, recorded, (number) => record.digestAt(number));
  work.tell({ type: 'apply_end', outcome, counts: countsBy(work) });
  return { outcome, entry, recorded, unsealed };
}

interface ToldOccasion extends Occasion {
  readonly telling: Telling;
}

/** A journal without its end: the next apply takes back what could not be finished here. */
async function leaveOpen(
  work: Work,
  journal: JournalOf,
  { telling, ...occasion }: ToldOccasion,
): Promise<Executed> {
  skipWaiting(work);
  const stopped = historyEntry(work, journal, 'stopped', occasion);
  // Who took the lease from us tells, too; and a journal that cannot be written changes nothing any more.
  if (!work.lost.aborted) await telling.end(work, journal, stopped).catch(() => undefined);
  const entry = withDeliveries(stopped, journal.lines);
  work.tell({ type: 'apply_end', outcome: 'stopped', counts: countsBy(work) });
  return { outcome: 'stopped', entry, recorded: journal.recorded, unsealed: [] };
}

function skipWaiting(work: Work): void {
  for (const standing of work.standings.values())
    if (standing.status === 'waiting') standing.status = 'skipped';
}

/** An emergency that left something is not done; one that was interrupted is gone on with whole, once it has begun. */
function leftBy({ kind, blocked }: Plan, ends: readonly GroupEnd[]): GroupEnd[] {
  if (kind !== 'compromise') return [];
  const hasBegun = ends.some((end) => end !== 'not-begun');
  return [
    ...(hasBegun && ends.includes('not-begun') ? ['stopped' as const] : []),
    ...(hasBegun && blocked.length > 0 ? ['incomplete' as const] : []),
  ];
}

/** The worst wins: stopped, incomplete, rolled back, failed, interrupted. */
function outcomeOf(ends: readonly GroupEnd[], isInterrupted: boolean): ApplyOutcome {
  if (ends.includes('stopped')) return 'stopped';
  if (ends.includes('incomplete')) return 'incomplete';
  if (ends.includes('rolled-back')) return 'rolled-back';
  if (ends.includes('failed')) return ends.includes('done') ? 'stopped' : 'failed';
  return isInterrupted && ends.includes('not-begun') ? 'interrupted' : 'done';
}

function countsBy(work: Work): Record<StepStatus, number> {
  const counts = {
    'waiting': 0,
    'running': 0,
    'done': 0,
    'failed': 0,
    'undone': 0,
    'undo-failed': 0,
    'skipped': 0,
  };
  for (const { status } of work.standings.values()) counts[status] += 1;
  return counts;
}
