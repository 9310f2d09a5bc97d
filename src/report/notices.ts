import type { Address, ConsumerAddress, SecretAddress } from '../model/address.ts';
import { isSecretAddress, nameOf } from '../model/address.ts';
import type { HistoryEntry, HistoryStep } from '../model/journal.ts';
import type { NoticeKind } from '../model/declared.ts';
import type { Notice, Occurrence } from '../model/notice.ts';
import type { Emergency } from '../model/emergency.ts';
import type { Group, Plan } from '../model/plan.ts';
import type { Recorded } from '../model/recorded.ts';
import { priorVersion } from '../model/recorded.ts';
import { countText, moveText, versionText } from './cause-text.ts';
import { elapsedText, momentText } from './moment.ts';

type Ended = Extract<Occurrence, { type: 'ended' }>;

/** A notice before it has what all notices of one apply have in common. */
interface Draft {
  readonly event: NoticeKind;
  readonly about: readonly Address[];
  readonly title: string;
  readonly lines: readonly string[];
}

/**
 * What there is to tell of an apply: at most one notice an event, about all that it concerns. `manual` are the secrets
 * that take a person's value. A failure that changed nothing is told by nobody: what it leaves undone is overdue one day.
 */
export function noticesOf(occurrence: Occurrence, manual: ReadonlySet<SecretAddress>): Notice[] {
  const { plan } = occurrence;
  const drafts =
    occurrence.type === 'begun'
      ? started(plan.emergency)
      : [
          ...(plan.emergency === undefined ? moved(occurrence) : finished(plan.emergency, occurrence)),
          ...held(occurrence, manual),
          ...parked(occurrence),
        ];
  return drafts.map(({ event, about, title, lines }) => ({
    event,
    stack: plan.stack,
    about: about.length === 1 ? (about[0] ?? null) : null,
    at: occurrence.type === 'begun' ? occurrence.at : occurrence.entry.endedAt,
    title,
    lines,
    ...markOf(event, occurrence),
  }));
}

/** What makes it a notice of its own. A schedule may fail at the same step every few minutes: that is one a day. */
function markOf(event: NoticeKind, occurrence: Occurrence): Pick<Notice, 'key' | 'stands'> {
  const key = `${event} ${occurrence.plan.stack}`;
  if (occurrence.type === 'begun') return { key: `${key} ${occurrence.apply}`, stands: false };
  const { apply, outcome, endedAt, steps } = occurrence.entry;
  const stands = outcome === 'stopped' || (outcome === 'incomplete' && event === 'rolled-back');
  if (!stands) return { key: `${key} ${apply}`, stands };
  const wrong = steps.filter(({ fault }) => fault !== null);
  const where = wrong.map(({ kind, address, fault }) => `${kind} ${address} ${fault?.code ?? ''}`).sort();
  return { key: [key, outcome, endedAt.slice(0, 10), ...where].join(' '), stands };
}

function moved(ended: Ended): Draft[] {
  const { plan, entry } = ended;
  const isBack = plan.kind === 'rollback' && entry.outcome === 'done';
  return [...(isBack ? wentBack(ended) : rotated(ended)), ...rolledBack(ended)];
}

interface Move {
  readonly address: SecretAddress;
  readonly before: number | null;
  readonly after: number | null;
}

function movesOf({ versions }: HistoryEntry): Move[] {
  return Object.entries(versions).flatMap(([address, { before, after }]) =>
    before !== after && isSecretAddress(address) ? [{ address, before, after }] : [],
  );
}

function moveLine({ address, before, after }: Move): string {
  return `${address}: ${moveText(before, after)}`;
}

function rotated({ plan, entry, after }: Ended): Draft[] {
  const moves = movesOf(entry).filter((move) => (move.after ?? 0) > (move.before ?? 0));
  if (moves.length === 0) return [];
  const groups = groupsOf(plan, moves);
  const about = moves.map(({ address }) => address);
  const lines = moves.flatMap((move) => [moveLine(move), `  ${wayBack(move, after)}`]);
  return [
    { event: 'rotated', about, title: `${namesText(about)} rotated`, lines: [...lines, ...readBy(groups)] },
  ];
}

function wayBack({ address, before }: Move, after: Recorded): string {
  const prior = priorVersion(after.secrets[address]);
  if (prior?.soakUntil == null)
    return `no way back: ${before === null ? 'nothing was there before' : 'it has no soak'}`;
  return `way back to ${versionText(prior.ordinal)} until ${momentText(prior.soakUntil)}: keyturn rollback ${address}`;
}

function wentBack({ plan, entry }: Ended): Draft[] {
  const moves = movesOf(entry);
  const about = moves.map(({ address }) => address);
  const lines = [...moves.map(moveLine), ...readBy(plan.groups)];
  return [{ event: 'rolled-back', about, title: `${namesText(about)} went back, as a person asked`, lines }];
}

const ENDS = {
  'failed': 'failed and was rolled back',
  'cut-off': 'was cut off and was taken back',
  'stopped': 'stopped part-way: a person is needed',
  'incomplete': 'did what could be done: a person is needed for the rest',
} as const;

/** The groups that did not come through, after which something is not as it was planned. */
function rolledBack({ plan, entry, after }: Ended): Draft[] {
  const { outcome } = entry;
  if (outcome !== 'rolled-back' && outcome !== 'stopped' && outcome !== 'incomplete') return [];
  const wrong = entry.steps.filter(({ status }) => ['failed', 'undone', 'undo-failed'].includes(status));
  const groupOf = new Map(plan.steps.map(({ id, group }) => [id, group]));
  const ids = new Set(wrong.map(({ id }) => groupOf.get(id)));
  const groups = plan.groups.filter(({ id }) => ids.has(id));
  const about = [...new Set(groups.flatMap(({ secrets }) => secrets))].sort();
  const faults = wrong.filter(({ status }) => status !== 'undone');
  const isCutOff = faults.every(({ fault }) => fault?.code === 'interrupted');
  const end = outcome !== 'rolled-back' ? outcome : isCutOff ? 'cut-off' : 'failed';
  const what = plan.kind === 'rollback' ? 'the rollback of' : 'the apply of';
  const now = about.map(
    (address) => `${address} is at ${versionText(after.secrets[address]?.current ?? null)}`,
  );
  const title = `${what} ${namesText(about)} ${ENDS[end]}`;
  const lines = [...faults.map(faultLine), ...now, more(plan, entry)];
  return [{ event: 'rolled-back', about, title, lines }];
}

/** The fault's text may quote what a platform said: the code and the step must do. */
function faultLine({ kind, address, fault, status }: HistoryStep): string {
  const undoing = status === 'undo-failed' ? 'taking back the ' : '';
  return `${undoing}${kind} of ${address} failed${fault === null ? '' : ` (${fault.code})`}`;
}

function held({ before, after }: Ended, manual: ReadonlySet<SecretAddress>): Draft[] {
  const about = (Object.keys(after.secrets) as SecretAddress[])
    .filter((address) => {
      const now = after.secrets[address]?.held ?? null;
      return now !== null && now.since !== before.secrets[address]?.held?.since;
    })
    .sort();
  if (about.length === 0) return [];
  const lines = about.flatMap((address) => [
    `${address}: the schedule leaves it alone since ${momentText(after.secrets[address]?.held?.since ?? '')}`,
    `  when the cause is mended: keyturn apply ${manual.has(address) ? `--value ${address}=-` : `--rotate ${address}`}`,
  ]);
  return [
    { event: 'held', about, title: `${namesText(about)} ${isOrAre(about)} held until a person acts`, lines },
  ];
}

function parked({ plan, entry, before, after }: Ended): Draft[] {
  const about = (Object.keys(after.consumers) as ConsumerAddress[])
    .filter((address) => {
      const now = after.consumers[address]?.parked;
      return now !== undefined && now.since !== before.consumers[address]?.parked?.since;
    })
    .sort();
  if (about.length === 0) return [];
  const lines = about.map((address) => `${address}: what it reads may be dead`);
  const title = `${namesText(about)} could not be moved and ${isOrAre(about)} parked`;
  return [{ event: 'parked', about, title, lines: [...lines, more(plan, entry)] }];
}

function started(emergency: Emergency | undefined): Draft[] {
  if (emergency === undefined) return [];
  const { incident, radius, discoveredAt, deadline } = emergency;
  const about = radius.map(({ secret }) => secret);
  const lines = [
    ...radius.map(({ secret, current, left }) =>
      left === null ? `${secret}: ${versionText(current)} is replaced` : `${secret}: not rotated (${left})`,
    ),
    `discovered ${momentText(discoveredAt)}, to be done by ${momentText(deadline)}`,
  ];
  return [{ event: 'compromise-started', about, title: `emergency rotation for ${incident} began`, lines }];
}

function finished(emergency: Emergency, { plan, entry }: Ended): Draft[] {
  const { incident, radius, exposed, discoveredAt, deadline } = emergency;
  const took = elapsedText(Date.parse(entry.endedAt) - Date.parse(discoveredAt));
  const kept = entry.endedAt <= deadline ? 'within' : 'after';
  const open = [...new Set(exposed.map(({ address }) => address))].sort();
  const lines = [
    ...movesOf(entry).map(moveLine),
    ...entry.steps.filter(({ fault }) => fault !== null).map(faultLine),
    `${took} since it was discovered, ${kept} its deadline of ${momentText(deadline)}`,
    ...(open.length === 0 ? [] : [`left exposed: ${open.join(', ')}`]),
    more(plan, entry),
  ];
  const title = `emergency rotation for ${incident} ${FINISHED[entry.outcome]}`;
  return [{ event: 'compromise-finished', about: radius.map(({ secret }) => secret), title, lines }];
}

const FINISHED: Readonly<Record<HistoryEntry['outcome'], string>> = {
  'done': 'is done',
  'incomplete': 'did what could be done: a person is needed for the rest',
  'failed': 'failed: nothing was changed',
  'rolled-back': 'failed',
  'stopped': 'stopped part-way: a person is needed',
  'interrupted': 'was interrupted: not all of it was begun',
};

/** Where the rest stands: what others said of it is not told, and what an open journal holds is in no history yet. */
function more({ stack }: Plan, { entry, outcome }: HistoryEntry): string {
  return outcome === 'stopped'
    ? `what is half-done: keyturn plan ${stack}; keyturn apply ends it`
    : `all of it: keyturn history show ${entry} ${stack}`;
}

function groupsOf({ groups }: Plan, moves: readonly Move[]): Group[] {
  return groups.filter(({ secrets }) => moves.some(({ address }) => secrets.includes(address)));
}

function readBy(groups: readonly Group[]): string[] {
  const consumers = [...new Set(groups.flatMap((group) => group.consumers))].sort();
  return consumers.length === 0 ? [] : [`read by ${consumers.join(', ')}`];
}

/** `db-writer`, `db-writer and db-reader`, `db-writer and 6 others`. */
function namesText(addresses: readonly Address[]): string {
  const [first, second, ...others] = addresses.map(nameOf);
  if (first === undefined) return 'the stack';
  if (second === undefined) return first;
  return others.length === 0
    ? `${first} and ${second}`
    : `${first} and ${countText(others.length + 1, 'other')}`;
}

function isOrAre({ length }: readonly unknown[]): string {
  return length === 1 ? 'is' : 'are';
}
