import { nameOf, spoken } from '../model/address.ts';
import type { ApplyEvent } from '../model/event.ts';
import type { FaultRecord } from '../model/fault.ts';
import type { Plan, PlanKind, RestoreStep, Step } from '../model/plan.ts';
import type { Evidence } from '../model/platform.ts';
import { countText, versionText } from './cause-text.ts';
import { faultFields } from './fault-text.ts';
import { elapsedText } from './moment.ts';
import type { Page } from './paint.ts';
import type { Look } from './table.ts';
import { hang } from './table.ts';

/** A page and, where it is at hand, the plan that runs: it gives steps and groups their names. */
export interface EventPage extends Page {
  readonly plan?: Plan;
}

const STARTS: Readonly<Record<PlanKind, string>> = {
  apply: 'applying',
  rollback: 'rolling back',
  compromise: 'emergency rotation of',
};

/** One event as JSON on one line, without the newline. Readers ignore types and fields they do not know. */
export function eventJson(event: ApplyEvent): string {
  return JSON.stringify(event);
}

/**
 * One event as progress for a person, or null where the text says nothing of it (the end of an apply is the
 * summary's). Addresses come first, so that lines of groups that run side by side can be told apart.
 */
export function renderEvent(event: ApplyEvent, page: EventPage): string | null {
  switch (event.type) {
    case 'apply_start':
      return line(
        `${page.plan === undefined ? 'applying' : STARTS[page.plan.kind]} ${event.stack}: ${countText(event.steps, 'step')}, apply ${event.apply}`,
        page,
      );
    case 'step_start':
      return line(
        `${event.step.address}: ${event.undo ? 'rolling back: ' : ''}${doing(event.step)}...`,
        page,
      );
    case 'step_progress':
      return line(`${event.address}: ${event.message}`, page);
    case 'step_end':
      return stepEnd(event, page);
    case 'rollback_start':
      return rollbackStart(event.group, event.because, page);
    case 'rollback_end':
      return rollbackEnd(event.group, event.complete, page);
    case 'notified':
    case 'apply_end':
      return null;
  }
}

function line(text: string, page: Page, look: Look = {}): string {
  return hang('', text, { ...page, width: page.width - 2 }, look)
    .map((each, index) => (index === 0 ? each : `  ${each}`))
    .join('\n');
}

type StepEnd = Extract<ApplyEvent, { type: 'step_end' }>;

function stepEnd(event: StepEnd, page: EventPage): string {
  const { step, undo } = event;
  const took = `after ${elapsedText(event.elapsedMs)}`;
  switch (event.status) {
    case 'failed':
    case 'undo-failed':
      return failure(step, undo || event.status === 'undo-failed', took, event.fault, page);
    case 'skipped':
      return line(`${step.address}: ${step.kind} skipped`, page);
    case 'waiting':
    case 'running':
      return line(`${step.address}: ${step.kind} ${event.status}`, page);
    case 'done':
    case 'undone':
      return line(
        `${step.address}: ${undo ? 'rolled back: ' : ''}${done(step)} ${took}${seen(event.evidence)}`,
        page,
      );
  }
}

function failure(step: Step, undo: boolean, took: string, fault: FaultRecord | null, page: Page): string {
  const head = `${step.address}: ${undo ? 'rolling back: ' : ''}${step.kind} failed ${took}: `;
  const what = fault === null ? 'no reason was given' : `${fault.what} (${fault.code})`;
  return [
    line(head + what, page, { text: 'red' }),
    ...(fault === null ? [] : faultFields(fault, page, 2)),
  ].join('\n');
}

function seen(evidence: Evidence | null): string {
  if (evidence === null) return '';
  const down = evidence.staleOnDownNodes;
  return ` (${[
    countText(evidence.tasks, 'task'),
    ...(evidence.probe === null ? [] : [evidence.probe]),
    ...(down === 0 ? [] : [`${countText(down, 'old task')} on nodes that are down could not be seen`]),
  ].join(', ')})`;
}

function rollbackStart(group: string, because: FaultRecord, page: EventPage): string {
  const returns = returning(group, page.plan);
  const head = `rolling back group ${group}${returns === '' ? '' : `: ${returns}`}`;
  return [
    ...hang('', head, page, { text: 'yellow' }),
    ...hang('  because  ', `${because.what} (${because.code})`, page, { lead: 'dim' }),
  ].join('\n');
}

function rollbackEnd(group: string, complete: boolean, page: EventPage): string {
  if (!complete) {
    const text = `group ${group} could not be rolled back completely: a person is needed`;
    return hang('', text, page, { text: 'red' }).join('\n');
  }
  return hang('', `group ${group} is rolled back and verified`, page, { text: 'yellow' }).join('\n');
}

/** `db-writer, db-reader return to v3`; secrets without a prior version are only taken back. */
function returning(group: string, plan: Plan | undefined): string {
  const promotions = (plan?.steps ?? []).flatMap((step) =>
    step.kind === 'promote' && step.group === group ? step.promotions : [],
  );
  const priors = [...new Set(promotions.map((promotion) => promotion.prior))];
  return priors
    .map((prior) => {
      const names = promotions.filter((each) => each.prior === prior).map((each) => nameOf(each.secret));
      const verb = names.length === 1 ? 'returns' : 'return';
      return `${names.join(', ')} ${prior === null ? `${verb} to no version` : `${verb} to ${versionText(prior)}`}`;
    })
    .join('; ');
}

function restoring({ failed, twins, to }: RestoreStep): string {
  if (to === null) return `disabling v${failed}`;
  return `restoring v${to} over ${twins === undefined ? '' : 'a twin of '}v${failed}`;
}

function doing(step: Step): string {
  switch (step.kind) {
    case 'mint':
      return `minting v${step.ordinal}`;
    case 'restore':
      return restoring(step);
    case 'stage':
      return `staging ${step.copy}`;
    case 'unstage':
      return `removing ${step.copy}`;
    case 'flip':
      if (step.write !== undefined)
        return `writing ${countText(step.changes.length, 'variable')} (${countText(step.tasks, 'restart')})`;
      return `flipping ${countText(step.changes.length, 'secret')} (${countText(step.tasks, 'task')})`;
    case 'verify':
      return 'verifying';
    case 'smoke':
      return `trying ${step.test.name}`;
    case 'promote':
      if (step.promotions.length === 0)
        return `recording ${step.consumers.map(({ consumer }) => `what ${spoken(consumer)} reads`).join(', ')}`;
      return `promoting ${step.promotions.map((each) => `${nameOf(each.secret)} v${each.ordinal}`).join(', ')}`;
    case 'demote':
      return `recording ${step.demotions.map((each) => `${nameOf(each.secret)} ${versionText(each.to)}`).join(', ')} as current`;
    case 'settle':
      return `settling ${nameOf(step.consumer)}`;
    case 'retire':
      return `retiring v${step.ordinal}`;
    case 'prune':
      return `pruning ${step.copy}`;
    case 'revoke':
      return `revoking v${step.ordinal} at its source`;
    case 'prove':
      return `proving that v${step.ordinal} is refused`;
    case 'effect':
      return `bringing about: ${step.effect.name}`;
  }
}

const DONE: Readonly<Record<Step['kind'], readonly [from: string, to: string]>> = {
  mint: ['minting', 'minted'],
  restore: ['restoring', 'restored'],
  stage: ['staging', 'staged'],
  unstage: ['removing', 'removed'],
  flip: ['flipping', 'flipped'],
  verify: ['verifying', 'verified'],
  smoke: ['trying', 'tried'],
  promote: ['promoting', 'promoted'],
  demote: ['recording', 'recorded'],
  settle: ['settling', 'settled'],
  retire: ['retiring', 'retired'],
  prune: ['pruning', 'pruned'],
  revoke: ['revoking', 'revoked'],
  prove: ['proving', 'proved'],
  effect: ['bringing about', 'brought about'],
};

function done(step: Step): string {
  const [from, to] = DONE[step.kind];
  return doing(step)
    .replace(from, to)
    .replace('writing', 'wrote')
    .replace('disabling', 'disabled')
    .replace(/^recording/, 'recorded');
}
