import { homeOf } from '../../src/model/address.ts';
import { Fault } from '../../src/model/fault.ts';
import type { AdminView } from './admin-view.ts';
import type { Ended } from './apply.ts';
import { Stopped } from './apply.ts';
import { HOST } from './hosted-stack.ts';
import type { Violation } from './violation.ts';

/** After an apply that came to its end each consumer reads what its step says (I7). */
export function checkGroups(
  ended: Ended,
  admin: AdminView,
  isExcused: (service: string) => boolean,
): Violation[] {
  const { plan, executed } = ended;
  if (executed === null || executed.outcome === 'stopped') return [];
  const statuses = new Map(executed.entry.steps.map(({ id, status }) => [id, status]));
  const violations: Violation[] = [];
  for (const step of plan.steps) {
    if (step.kind !== 'flip' || isExcused(step.service)) continue;
    const names = new Map(admin.service(step.service)?.references.map((use) => [use.target, use.copyName]));
    if (names.size === 0 && admin.service(step.service) === null) continue;
    const isForth = statuses.get(step.id) === 'done';
    // What nobody takes back may have been posted all the same: in an emergency, and where the way back is dead.
    const isForGood = plan.kind === 'compromise' || step.inverse === null;
    const isOpen = isForGood && statuses.get(step.id) === 'failed';
    const isBack = statuses.get(step.id) === 'undone';
    for (const { target, from, to, back } of step.changes) {
      // What is dead never returns: the way back leads to another one.
      const before = isBack && back !== undefined ? back : from;
      const wanted = (isForth ? to : before)?.copy ?? null;
      const found = names.get(target) ?? null;
      if (found === wanted || (isOpen && found === to?.copy)) continue;
      // What failed may have been done, and is then taken back.
      if (!isForth && !isBack && back !== undefined && found === (back?.copy ?? null)) continue;
      const text = `flip ${step.id} is ${statuses.get(step.id) ?? '?'} in an apply that ended ${executed.outcome}, but ${step.service} names ${found ?? 'nothing'} at ${target}, not ${wanted ?? 'nothing'}`;
      violations.push({ invariant: 'I7', text });
    }
  }
  return [...violations, ...checkOthers(ended)];
}

/** A group whose needs are met and in which no step failed is done, whatever became of the others (I7). */
function checkOthers({ plan, executed }: Ended): Violation[] {
  if (executed === null || executed.outcome === 'interrupted') return [];
  const statuses = new Map(executed.entry.steps.map(({ id, status }) => [id, status]));
  const isDone = (group: string): boolean =>
    plan.steps.every((step) => step.group !== group || statuses.get(step.id) === 'done');
  return plan.groups.flatMap((group): Violation[] => {
    const own = plan.steps.filter((step) => step.group === group.id).map(({ id }) => statuses.get(id));
    const hasFailed = own.some((status) => status !== 'done' && status !== 'skipped');
    if (isDone(group.id) || hasFailed || !group.needs.every(isDone)) return [];
    const text = `group ${group.id} was not finished although none of its steps failed`;
    return [{ invariant: 'I7', text }];
  });
}

/** What could not be observed when the plan was made keeps everything still that depends on it (I13). */
export function checkUnknown({ plan }: Ended, silent: ReadonlySet<string>): Violation[] {
  const isSilent = (place: string): boolean => [...silent].some((what) => what.startsWith(place));
  const isEmergency = plan.kind === 'compromise';
  // In an emergency nothing is minted, disabled or recorded either, but other secrets' consumers move.
  const ofVault = isEmergency
    ? ['mint', 'retire', 'revoke', 'prove']
    : ['mint', 'restore', 'retire', 'revoke', 'prove', 'stage', 'flip', 'promote'];
  // There it also removes what is dead, by name: the act looks again.
  const ofPlatforms = ['stage', 'unstage', 'flip', 'verify', 'settle', ...(isEmergency ? [] : ['prune'])];
  const kinds = isSilent('vault') ? ofVault : [];
  const isUnseen = (platform: string): boolean => isSilent(platform === HOST ? 'host' : 'swarm');
  // An emergency mints although a consumer cannot be seen: that one is parked.
  const waits = (id: string): boolean => {
    const consumers = plan.groups.find((group) => group.id === id)?.consumers ?? [];
    return !isEmergency && consumers.some((consumer) => isUnseen(homeOf(consumer)));
  };
  const found = plan.steps.filter((step) => {
    if (kinds.includes(step.kind)) return true;
    if (ofPlatforms.includes(step.kind) && 'platform' in step && isUnseen(step.platform)) return true;
    return step.kind === 'mint' && waits(step.group);
  });
  return found.map(({ text }) => ({ invariant: 'I13', text: `planned beside something unknown: ${text}` }));
}

/** Errors are faults, or what the operating system says of a file. */
export function checkThrown(thrown: unknown): Violation[] {
  if (thrown instanceof Stopped) return [];
  const isOfTheSystem = thrown instanceof Error && 'code' in thrown && /^E[A-Z]+$/.test(String(thrown.code));
  if (isOfTheSystem || (thrown instanceof Fault && thrown.code !== 'unexpected')) return [];
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return [{ invariant: 'errors', text: `an apply threw what is no fault: ${text}` }];
}
