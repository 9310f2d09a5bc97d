import { TAG_OPERATION, TAG_VERSION } from '../../src/model/observed.ts';
import type { JournalLine } from '../../src/model/journal.ts';
import type { FlipStep, Step } from '../../src/model/plan.ts';
import { ANCHOR } from '../../src/model/seal.ts';
import type { AdminView, Use } from './admin-view.ts';
import type { Incarnation } from './incarnation.ts';
import type { Violation } from './violation.ts';
import type { Exchange } from './wire.ts';

/** Who may change anything: the holder of the claim that stands (I11). */
export function checkHolder(incarnation: Incarnation, what: string, admin: AdminView): Violation[] {
  const holder = admin.holder();
  if (holder?.id === incarnation.name && !holder.isFenced) return [];
  const who = holder === null ? 'nobody' : `${holder.id}${holder.isFenced ? ' (fenced)' : ''}`;
  return [{ invariant: 'I11', text: `${incarnation.name}: ${what}, but the lease is held by ${who}` }];
}

/** Each change has its intent on the platter before it is sent, and no outcome yet (I10). */
export function checkIntent(exchange: Exchange, admin: AdminView): Violation[] {
  const isMeant = intentFor(exchange, admin);
  return isMeant === null ? [] : checkOpen(exchange.text, isMeant, admin);
}

/** As much for anything else that changes the outside. */
export function checkOpen(text: string, isMeant: (step: Step) => boolean, admin: AdminView): Violation[] {
  let isOpen = false;
  const open = new Set<string>();
  for (const line of admin.journal('durable')) {
    if (line.type === 'intent' && isMeant(line.step)) open.add(line.step.id);
    if (line.type === 'outcome') open.delete(line.step);
    isOpen = open.size > 0;
  }
  if (isOpen) return [];
  return [{ invariant: 'I10', text: `${text} is sent without an open intent on the disk` }];
}

/** Which steps mean this change; null: a change that needs no step. */
function intentFor(exchange: Exchange, admin: AdminView): ((step: Step) => boolean) | null {
  const { operation, path = '', body = '' } = exchange.arrived ?? {};
  const subject = decodeURIComponent(path.split('?')[0]?.split('/')[2] ?? '');
  // The seal names an entry that is written already: it comes behind the journal, and no step means it.
  if (subject === ANCHOR) return null;
  switch (operation) {
    case 'SecretSet': {
      const { tags = {} } = JSON.parse(body) as { tags?: Record<string, string> };
      // A prior that is put back once more, behind a failed write that came late, has an operation id of its own.
      const isMeant = (step: Step): boolean =>
        (step.kind === 'mint' && step.operation === tags[TAG_OPERATION]) ||
        (step.kind === 'restore' && tags[TAG_VERSION] === (step.to === null ? undefined : String(step.to)));
      return (step) => 'secret' in step && step.secret.endsWith(`/${subject}`) && isMeant(step);
    }
    case 'SecretUpdate': {
      const storeId = path.split('?')[0]?.split('/')[3];
      return (step) =>
        (step.kind === 'retire' ||
          step.kind === 'restore' ||
          (step.kind === 'mint' && step.taken === storeId)) &&
        step.secret.endsWith(`/${subject}`);
    }
    case 'SecretCreate': {
      const { Name } = JSON.parse(body) as { Name: string };
      return (step) => step.kind === 'stage' && step.copy === Name;
    }
    case 'SecretRemove': {
      const name = admin.copies().find(({ id }) => id === subject)?.name;
      // A stale list may show once more what was removed: to remove nothing changes nothing.
      if (name === undefined) return null;
      return (step) => (step.kind === 'unstage' || step.kind === 'prune') && step.copy === name;
    }
    case 'ServiceUpdate': {
      const service = admin.nameOfService(subject) ?? subject;
      return (step) => (step.kind === 'flip' || step.kind === 'settle') && step.service === service;
    }
    default:
      return null;
  }
}

/** An update moves all that the plan changes for this service, in one go (I4). */
export function checkWhole(
  service: string,
  before: readonly Use[],
  after: readonly Use[],
  lines: readonly JournalLine[],
): Violation[] {
  const changed = changedTargets(before, after);
  if (changed.length === 0) return [];
  const [begin] = lines;
  const plan = begin?.type === 'begin' ? begin.plan : null;
  const flips = (plan?.steps ?? []).flatMap((step): FlipStep[] =>
    step.kind !== 'flip' || step.service !== service
      ? []
      : [step, ...(step.inverse === null ? [] : [step.inverse])],
  );
  const names = new Map(after.map(({ target, copyName }) => [target, copyName]));
  const isWhole = (flip: FlipStep): boolean =>
    flip.changes.every(({ target, to }) => (names.get(target) ?? null) === (to?.copy ?? null)) &&
    changed.every((target) => flip.changes.some((change) => change.target === target));
  const forth = plan?.steps.filter((step) => step.kind === 'flip' && step.service === service) ?? [];
  if (forth.length > 1)
    return [{ invariant: 'I4', text: `the plan flips ${service} in ${forth.length} updates` }];
  if (flips.some(isWhole)) return [];
  const wanted = flips.map(({ id, changes }) => `${id}: ${changes.map(({ target }) => target).join(', ')}`);
  const text = `an update of ${service} moved ${changed.join(', ')} alone; the plan's flips: ${wanted.join('; ')}`;
  return [{ invariant: 'I4', text }];
}

function changedTargets(before: readonly Use[], after: readonly Use[]): string[] {
  const was = new Map(before.map(({ target, copyId }) => [target, copyId]));
  const is = new Map(after.map(({ target, copyId }) => [target, copyId]));
  return [...new Set([...was.keys(), ...is.keys()])].filter((target) => was.get(target) !== is.get(target));
}
