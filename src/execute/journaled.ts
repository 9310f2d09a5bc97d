import type { JournalLine } from '../model/journal.ts';
import type { Plan, PlanKind } from '../model/plan.ts';
import type { Fate, Unfinished, UnfinishedGroup } from '../model/unfinished.ts';
import type { Standing } from './work.ts';
import { byGroup, standingsAtStart } from './work.ts';

/** The end of the apply, if it was written; only who went on with the journal may stand behind it. */
export function endIn(lines: readonly JournalLine[]): Extract<JournalLine, { type: 'end' }> | undefined {
  return lines.find((line) => line.type === 'end');
}

/**
 * How each step stands by the journal. An intent without an outcome counts as failed: it may have happened. A step
 * whose way back was done counts as undone only where the apply had ended; before, it is taken back once more.
 */
export function standAsJournaled(
  standings: ReadonlyMap<string, Standing>,
  lines: readonly JournalLine[],
): void {
  const hasEnded = endIn(lines) !== undefined;
  for (const line of lines) {
    if (line.type === 'intent') {
      const standing = standings.get(line.step.id);
      if (standing === undefined) continue;
      standing.status = 'failed';
      standing.isCutOff = true;
      standing.fault = { code: 'interrupted', what: 'interrupted before its outcome was known' };
    }
    if (line.type !== 'outcome') continue;
    const { result } = line;
    const standing = standings.get(line.step);
    if (standing === undefined) {
      const undone = standings.get(line.step.replace(/:undo.*$/, ''));
      if (hasEnded && undone?.status === 'done' && result.status === 'done') undone.status = 'undone';
      continue;
    }
    standing.status = result.status;
    standing.isCutOff = false;
    standing.elapsedMs = result.elapsedMs;
    standing.endedAt = line.at;
    standing.fault = result.status === 'failed' ? result.fault : null;
    standing.evidence = result.status === 'done' ? (result.evidence ?? null) : null;
    standing.proof = result.status === 'done' ? (result.proof ?? null) : null;
    standing.output = result.status === 'done' ? (result.output ?? null) : null;
  }
}

/**
 * What becomes of a group that was cut off. Once its consumers are verified only the record is missing; once a
 * version was restored or demoted it only goes forward, because what it came from is disabled. Anything else that
 * was begun is taken back: the values that it made are gone with the process that made them. An emergency only goes
 * forward, also with what it had not begun.
 */
export function fateOf(standings: readonly Pick<Standing, 'step' | 'status'>[], kind: PlanKind): Fate {
  if (standings.every(({ status }) => status === 'done')) return 'kept';
  const begun = standings.filter(({ status }) => status !== 'waiting');
  if (kind === 'compromise') return 'finished';
  if (begun.some(({ step }) => step.kind === 'restore' || step.kind === 'demote')) return 'finished';
  if (!begun.some(({ step }) => step.inverse !== null)) return 'untouched';
  return lacksOnlyRecord(standings) ? 'finished' : 'taken-back';
}

/** Whether all that a group still has to do is to record what it did. */
export function lacksOnlyRecord(standings: readonly Pick<Standing, 'step' | 'status'>[]): boolean {
  return standings.every(({ step, status }) => status === 'done' || step.kind === 'promote');
}

/** An apply that did not end, from its journal; null where the lines hold none, or one that only lacks its entry. */
export function unfinishedIn(lines: readonly JournalLine[]): Unfinished | null {
  const [begin] = lines;
  if (begin?.type !== 'begin' || endIn(lines) !== undefined) return null;
  const standings = standingsAtStart(begin.plan);
  standAsJournaled(standings, lines);
  const { apply, at: startedAt, actor, plan } = begin;
  const own = byGroup(standings);
  const groups = plan.groups.map((group) => groupOf(group, own.get(group.id) ?? [], plan.kind));
  return { apply, kind: plan.kind, startedAt, by: actor.name, groups };
}

function groupOf(
  { id, secrets, consumers }: Plan['groups'][number],
  own: readonly Standing[],
  kind: PlanKind,
): UnfinishedGroup {
  const texts = (which: (standing: Standing) => boolean): string[] =>
    own.filter(which).map(({ step }) => step.text);
  return {
    id,
    fate: fateOf(own, kind),
    secrets,
    consumers,
    done: texts(({ status }) => status === 'done'),
    cutOff: texts(({ isCutOff }) => isCutOff),
    failed: texts(({ status, isCutOff }) => status === 'failed' && !isCutOff),
  };
}
