import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { isConsumerAddress, isSecretAddress, nameOf } from '../model/address.ts';
import type { HistoryEntry, StepStatus } from '../model/journal.ts';
import type { Plan, StepKind } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { versionText } from './cause-text.ts';
import { deathLines, exposedLines, parkedNext, unprovedLines, usedLine } from './emergency-text.ts';
import { faultLines } from './fault-text.ts';
import { stepTable } from './history-text.ts';
import { elapsedText } from './moment.ts';
import type { Page } from './paint.ts';
import { consumerNow, secretNow } from './state-text.ts';
import { columns, fields, hang } from './table.ts';

export interface AppliedPage extends Page {
  readonly plan: Plan;
  readonly entry: HistoryEntry;
  /** The record after the apply. */
  readonly recorded: Recorded;
  /** Those that take a person's value: only a new one lets such a secret go. */
  readonly manual: ReadonlySet<SecretAddress>;
}

/**
 * How an apply ended, for a person: what failed, what every step came to, what is live now, what is held, and
 * what to run next. No newline at the end.
 *
 * After a success the last line is Terraform's `Apply complete! Resources: …` to the byte, of a rollback the same
 * with `Rollback`; no other outcome prints it.
 */
export function renderApplySummary(applied: AppliedPage): string {
  const sections = [
    failures(applied),
    unfinished(applied),
    counts(applied),
    untold(applied),
    live(applied),
    held(applied),
    parked(applied),
    emergency(applied),
  ];
  return [...sections.filter((lines) => lines.length > 0), verdict(applied)]
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/**
 * The faults, what started it first. After a rollback their `live` is left out: it tells of the moment of the
 * failure, and what is live now stands below.
 */
function failures(applied: AppliedPage): string[] {
  const { steps, outcome } = applied.entry;
  const told = (status: StepStatus, lead: string): string[] =>
    steps
      .filter((step) => step.status === status)
      .flatMap((step) => {
        if (step.fault === null)
          return hang(lead, `${step.text}: no reason was recorded`, applied, { lead: 'red' });
        const { live, ...fault } = step.fault;
        const told = outcome === 'rolled-back' || live === undefined ? fault : { ...fault, live };
        return faultLines(lead, told, applied);
      });
  return [...told('failed', 'error: '), ...told('undo-failed', 'error while rolling back: ')];
}

/** What did not simply succeed, step by step; a success needs no list. */
function unfinished(applied: AppliedPage): string[] {
  const { entry } = applied;
  return entry.outcome === 'done' ? [] : [applied.paint('bold', 'Steps'), ...stepTable(entry, applied)];
}

const ALWAYS: readonly StepStatus[] = ['done', 'failed', 'undone', 'skipped'];
const SELDOM: readonly StepStatus[] = ['undo-failed', 'running', 'waiting'];

function counts({ entry, ...page }: AppliedPage): string[] {
  const of = (status: StepStatus): number => entry.steps.filter((step) => step.status === status).length;
  const shown = [...ALWAYS, ...SELDOM.filter((status) => of(status) > 0)];
  const took = elapsedText(Date.parse(entry.endedAt) - Date.parse(entry.startedAt));
  const text = shown.map((status) => `${of(status)} ${status}`).join(', ');
  return hang(
    'Result: ',
    `${text}; ${took}, apply ${entry.apply}, ${entry.outcome === 'stopped' ? 'journal left open' : `history entry ${entry.entry}`}`,
    page,
  );
}

/** Whom nobody could tell: it changes nothing, and whoever waits for word should know. */
function untold({ entry: { notified = [] }, ...page }: AppliedPage): string[] {
  const failed = notified.filter(({ failure }) => failure !== null);
  if (failed.length === 0) return [];
  const each = failed.map(({ to, event, failure }) => `${to} of ${event} (${failure})`).join(', ');
  return hang('Not told: ', each, page, { lead: 'yellow' });
}

function touched(applied: AppliedPage): Address[] {
  const { plan, entry } = applied;
  const secrets = [
    ...plan.groups.flatMap((group) => group.secrets),
    ...Object.keys(entry.versions).filter(isSecretAddress),
  ];
  const consumers = plan.groups.flatMap((group) => group.consumers);
  const stepped = entry.steps.map((step) => step.address).filter(isConsumerAddress);
  return [...new Set<Address>([...secrets, ...consumers, ...stepped])];
}

function live(applied: AppliedPage): string[] {
  const { recorded } = applied;
  const doubts = doubtsOf(applied);
  const rows = touched(applied).map((address) => {
    const now = isConsumerAddress(address) ? consumerNow(recorded, address) : secretNow(recorded, address);
    const doubt = doubts.get(address);
    return [
      address,
      doubt === undefined ? now : { text: `by the record: ${now}; ${doubt}`, style: 'red' as const },
    ];
  });
  return rows.length === 0
    ? []
    : [applied.paint('bold', 'Live now'), ...columns(rows, applied, { indent: 2 })];
}

const CLOSING: readonly StepKind[] = ['promote', 'demote'];
const MOVING: readonly StepKind[] = ['mint', 'stage', 'flip', 'restore'];

/**
 * Why the record can't speak for an address, for each where it can't: its service is gone, it is parked, or the last step
 * that could not be undone or never ended; in an apply that stopped half-way, or left what has no way back, also one that
 * moved something of a group that was not promoted.
 */
function doubtsOf({ plan, entry, recorded }: AppliedPage): ReadonlyMap<string, string> {
  const statuses = new Map(entry.steps.map((step) => [step.id, step.status]));
  const closing = plan.steps.filter(
    (step) => CLOSING.includes(step.kind) && statuses.get(step.id) !== 'done',
  );
  const open = new Set(closing.map((step) => step.group));
  const { outcome } = entry;
  // An emergency that is incomplete parks whom it could not move.
  const isLeft = outcome === 'incomplete' && plan.kind !== 'compromise';
  const halfWay = outcome === 'stopped' || outcome === 'interrupted' || isLeft;
  const doubts = new Map<string, string>();
  for (const step of plan.steps) {
    const status = statuses.get(step.id) ?? 'skipped';
    const moved = MOVING.includes(step.kind) && (status === 'done' || status === 'failed');
    if (status === 'undo-failed' || status === 'running' || (halfWay && moved && open.has(step.group)))
      doubts.set(
        step.address,
        `${status === 'done' ? 'done but not promoted' : `not certain, ${status}`}: ${step.text}`,
      );
  }
  for (const [address, { parked }] of Object.entries(recorded.consumers))
    if (isConsumerAddress(address) && parked !== undefined)
      doubts.set(address, `parked${whereParked(address, plan, statuses)}`);
  for (const { address, fault } of entry.steps)
    if (fault?.code === 'service-absent') doubts.set(address, 'there is no such service any more');
  return doubts;
}

/** What the spec of a parked consumer names by now, where this apply came as far as that. */
function whereParked(
  address: ConsumerAddress,
  { steps }: Plan,
  statuses: ReadonlyMap<string, StepStatus>,
): string {
  const flip = steps.find((step) => step.kind === 'flip' && step.address === address);
  if (flip?.kind !== 'flip' || statuses.get(flip.id) !== 'done') return '';
  const named = flip.changes.flatMap(({ secret, to }) =>
    to === null ? [] : [`${nameOf(secret)} v${to.ordinal ?? '?'}`],
  );
  return `: its spec names ${named.join(', ')} now, and it was not healthy on that`;
}

function held(applied: AppliedPage): string[] {
  const rows = touched(applied).flatMap((address) => {
    const held = isSecretAddress(address) ? applied.recorded.secrets[address]?.held : null;
    if (held === null || held === undefined) return [];
    const isManual = isSecretAddress(address) && applied.manual.has(address);
    return [{ address, held, how: isManual ? `--value ${address}=-` : `--rotate ${address}` }];
  });
  if (rows.length === 0) return [];
  return [
    applied.paint('bold', 'Held: the schedule leaves these alone until a person acts'),
    ...rows.flatMap(({ address, held, how }) => [
      ...hang('  ', `${address}: ${held.reason}`, applied),
      ...fields([['next', `remove the cause, then \`keyturn apply ${how}\``]], applied, 4),
    ]),
  ];
}

/** Consumers that an emergency left behind, with what to do. */
function parked(applied: AppliedPage): string[] {
  const rows = touched(applied).flatMap((address) => {
    const parked = isConsumerAddress(address) ? applied.recorded.consumers[address]?.parked : undefined;
    return parked === undefined || !isConsumerAddress(address) ? [] : [{ address, parked }];
  });
  if (rows.length === 0) return [];
  return [
    applied.paint('bold', 'Parked: these could not be moved, and what they read may be dead'),
    ...rows.flatMap(({ address, parked }) => [
      ...hang('  ', `${address}: ${parked.reason}`, applied, { text: 'red' }),
      ...fields([['next', parkedNext(address)]], applied, 4),
    ]),
  ];
}

function emergency(applied: AppliedPage): string[] {
  const { emergency } = applied.plan;
  if (emergency === undefined) return [];
  const { text, isLate } = usedLine(emergency, applied.entry.endedAt);
  return [
    applied.paint('bold', `Incident ${emergency.incident}`),
    ...hang('  ', text, applied, isLate ? { text: 'red' } : {}),
    ...deathLines(applied.entry, applied),
    ...[unprovedLines(applied.plan, applied), exposedLines(emergency, applied)].flatMap((lines) =>
      lines.length === 0 ? [] : ['', ...lines],
    ),
  ];
}

const NOUNS: Readonly<Record<Plan['kind'], string>> = {
  apply: 'Apply',
  rollback: 'Rollback',
  compromise: 'Emergency rotation',
};

function verdict(applied: AppliedPage): string[] {
  const { entry, paint, plan } = applied;
  const noun = NOUNS[plan.kind];
  switch (entry.outcome) {
    case 'done':
      return [paint('bold', completeLine(noun, entry))];
    case 'failed':
      return hang('', `${noun} failed. Nothing was changed.`, applied, { text: 'red' });
    case 'rolled-back':
      return [
        ...hang(
          '',
          `${noun} failed and was ${plan.kind === 'rollback' ? 'taken' : 'rolled'} back: ${returned(applied)}.`,
          applied,
          { text: 'yellow' },
        ),
        ...elsewhere(applied),
      ];
    case 'stopped':
      return [
        ...hang(
          '',
          `${noun} stopped part-way: a person is needed. What is live, and what is not certain, stands above.`,
          applied,
          {
            text: 'red',
          },
        ),
        ...fields(
          [
            [
              'next',
              plan.kind === 'compromise'
                ? 'see the errors above, then run `keyturn apply`: before anything new it goes on with the emergency, which nothing takes back'
                : 'see the errors above, then run `keyturn apply`: before anything new it takes back what is half-done',
            ],
          ],
          applied,
        ),
      ];
    case 'incomplete':
      return hang(
        '',
        `${noun} did what could be done: a person is needed for the rest, which stands above.`,
        applied,
        {
          text: 'red',
        },
      );
    case 'interrupted':
      return [
        ...hang(
          '',
          `${noun} interrupted: every step that began was finished, no step is half-done.`,
          applied,
          {
            text: 'yellow',
          },
        ),
        ...fields([['next', goOn(plan)]], applied),
      ];
  }
}

function goOn({ kind, emergency }: Plan): string {
  return kind === 'compromise'
    ? `run the same command again: incident ${emergency?.incident ?? ''} goes on with what is left`
    : `run \`keyturn ${kind}\` to go on`;
}

/** Terraform's line to the byte. */
function completeLine(noun: string, entry: HistoryEntry): string {
  const of = (...kinds: StepKind[]): number =>
    entry.steps.filter((step) => step.status === 'done' && kinds.includes(step.kind)).length;
  const added = of('mint', 'stage');
  const changed = of('flip', 'restore');
  const destroyed = of('retire', 'prune', 'unstage');
  return `${noun} complete! Resources: ${added} added, ${changed} changed, ${destroyed} destroyed.`;
}

/** `db-writer is at v3, db-reader is at v3`, from the groups in which a step failed. */
function returned({ plan, entry, recorded }: AppliedPage): string {
  const failed = failedGroups(plan, entry);
  const secrets = plan.groups.filter((group) => failed.has(group.id)).flatMap((group) => group.secrets);
  if (secrets.length === 0) return 'what it had changed is as it was before';
  return [...new Set(secrets)]
    .map((secret) => {
      const current = recorded.secrets[secret]?.current ?? null;
      return `${nameOf(secret)} ${current === null ? 'has no version' : `is at ${versionText(current)}`}`;
    })
    .join(', ');
}

function failedGroups(plan: Plan, entry: HistoryEntry): ReadonlySet<string> {
  const failed = new Set(entry.steps.filter((step) => step.status === 'failed').map((step) => step.id));
  return new Set(plan.steps.filter((step) => failed.has(step.id)).map((step) => step.group));
}

/** The groups that went through although another failed. */
function elsewhere({ plan, entry, ...page }: AppliedPage): string[] {
  const open = new Set(entry.steps.filter((step) => step.status !== 'done').map((step) => step.id));
  const left = new Set(plan.steps.filter((step) => open.has(step.id)).map((step) => step.group));
  const through = plan.groups.map((group) => group.id).filter((id) => !left.has(id));
  if (through.length === 0) return [];
  const what = through.length === 1 ? `Group ${through[0]} went` : `Groups ${through.join(', ')} went`;
  return hang('', `${what} through and stays.`, page);
}
