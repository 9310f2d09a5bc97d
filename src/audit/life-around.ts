import type { Ordinal, SecretAddress } from '../model/address.ts';
import { isConsumerAddress } from '../model/address.ts';
import type { LifeEvent } from '../model/history.ts';
import type { HistoryEntry, HistoryStep } from '../model/journal.ts';
import { groupOf, ordinalOf } from './life-steps.ts';

type Happened = Pick<LifeEvent, 'what' | 'text'> & Partial<LifeEvent>;

/** What an entry says of a secret beside its steps: soaks, holds, who was parked and told, what stands in the place of an apply. */
export function aroundSteps(
  secret: SecretAddress,
  entry: HistoryEntry,
  soaks: ReadonlyMap<Ordinal, string>,
): LifeEvent[] {
  const happened = [
    ...origin(secret, entry),
    ...soaking(secret, entry, soaks),
    ...held(secret, entry),
    ...parked(secret, entry),
    ...told(secret, entry),
  ];
  return happened.map((each) => ({
    entry: entry.entry,
    at: entry.endedAt,
    isExact: false,
    who: entry.actor.name,
    knownBy: entry.actor.knownBy,
    ordinal: null,
    ...each,
  }));
}

function origin(secret: SecretAddress, { kind, versions, refusal, endedAt }: HistoryEntry): Happened[] {
  const ordinal = versions[secret]?.after ?? null;
  if (kind === 'rebuild') {
    const text = 'its record was lost and made anew';
    return [{ what: 'rebuilt', ordinal, text, at: endedAt, isExact: true }];
  }
  if (kind === 'import' && versions[secret] !== undefined) {
    const text = 'taken over as it was';
    return [{ what: 'adopted', ordinal, text, at: endedAt, isExact: true }];
  }
  if (refusal === undefined) return [];
  const fault = refusal.fault.what;
  return [{ what: 'refused', text: refusal.tried, fault, isExact: true }];
}

/** The version of before, from the promotion of its successor on. */
function soaking(
  secret: SecretAddress,
  { kind, versions, steps, endedAt }: HistoryEntry,
  soaks: ReadonlyMap<Ordinal, string>,
): Happened[] {
  const { before, after } = versions[secret] ?? { before: null, after: null };
  if (kind !== 'apply' || before === null || before === after) return [];
  const until = soaks.get(before);
  // A soak of no time at all ends in the same apply.
  if (until === undefined || until <= endedAt) return [];
  const promoted = steps.find((step) => step.kind === 'promote' && step.status === 'done');
  const at = promoted?.endedAt;
  return [
    {
      what: 'soaking',
      ordinal: before,
      until,
      text: 'stays usable as the way back',
      ...(at === undefined ? {} : { at, isExact: true }),
    },
  ];
}

/** As the executor holds: what was minted in a group that was taken back whole, and what a person took back. */
function held(secret: SecretAddress, { kind, outcome, steps, versions }: HistoryEntry): Happened[] {
  const text = 'the schedule leaves it alone until a person acts';
  const hold = (ordinal: Ordinal | null, fault?: string): Happened[] => [
    { what: 'held', ordinal, text, ...(fault === undefined ? {} : { fault }) },
  ];
  const move = versions[secret];
  if (kind === 'rollback' && outcome === 'done' && move !== undefined && move.before !== move.after) {
    return hold(move.after);
  }
  const mint = steps.find(({ kind: each, address }) => each === 'mint' && address === secret);
  if (kind !== 'apply' || mint?.status !== 'undone') return [];
  const group = steps.filter((step) => groupOf(step) === groupOf(mint));
  const fault = group.find(({ status }) => status === 'failed')?.fault ?? null;
  const isWhole = !group.some(({ status }) => status === 'undo-failed');
  return isWhole && fault !== null && fault.code !== 'interrupted'
    ? hold(move?.after ?? ordinalOf(mint), fault.what)
    : [];
}

/** Consumers that an emergency could not move. */
function parked(secret: SecretAddress, { emergency, steps, outcome }: HistoryEntry): Happened[] {
  const member = emergency?.radius.find((each) => each.secret === secret);
  if (emergency === undefined || member === undefined || outcome !== 'incomplete') return [];
  const text = 'stays on what it reads until a person has mended it';
  return member.consumers.flatMap((consumer): Happened[] => {
    const exposed = emergency.exposed.find(({ address }) => address === consumer);
    if (exposed !== undefined && isConsumerAddress(exposed.address)) {
      return [{ what: 'parked', consumer, text, fault: exposed.text.replace(/^is parked: /, '') }];
    }
    const open = steps.filter((step) => step.address === consumer && isMove(step) && step.status !== 'done');
    if (open.length === 0) return [];
    const fault = open.find((step) => step.fault !== null)?.fault?.what;
    return [{ what: 'parked', consumer, text, ...(fault === undefined ? {} : { fault }) }];
  });
}

function isMove({ kind }: HistoryStep): boolean {
  return kind === 'flip' || kind === 'verify';
}

/** What is about no secret alone was told of every one that the entry moved or acted on. */
function told(secret: SecretAddress, { notified = [], versions }: HistoryEntry): Happened[] {
  const isMeant = (about: string | null): boolean =>
    about === secret || (about === null && versions[secret] !== undefined);
  return notified
    .filter(({ about }) => isMeant(about))
    .map((delivery) => ({
      what: 'told',
      text: `${delivery.to} of ${delivery.event}`,
      at: delivery.at,
      isExact: true,
      delivery,
      ...(delivery.failure === null ? {} : { fault: delivery.failure, end: 'failed' as const }),
    }));
}
