import type { ConsumerAddress, Ordinal, SecretAddress } from '../model/address.ts';
import { isConsumerAddress, isSecretAddress, nameOf } from '../model/address.ts';
import type { LifeEvent, LifeEventKind } from '../model/history.ts';
import type { HistoryEntry, HistoryStep } from '../model/journal.ts';

const KINDS: Readonly<Record<HistoryStep['kind'], LifeEventKind>> = {
  mint: 'minted',
  restore: 'disabled',
  stage: 'delivered',
  unstage: 'removed',
  flip: 'moved',
  verify: 'verified',
  smoke: 'verified',
  promote: 'promoted',
  demote: 'returned',
  settle: 'settled',
  revoke: 'revoked',
  prove: 'proved',
  retire: 'retired',
  prune: 'removed',
  effect: 'effect',
};

/** The consumers that were moved to a version of the secret and are not settled yet. */
export class Readers {
  readonly #unsettled = new Map<ConsumerAddress, Ordinal | null>();

  isIn({ steps }: HistoryEntry): boolean {
    return steps.some(({ kind, address }) => kind === 'settle' && this.has(address));
  }

  has(address: string): boolean {
    return isConsumerAddress(address) && this.#unsettled.has(address);
  }

  moved(consumer: ConsumerAddress): void {
    this.#unsettled.set(consumer, null);
  }

  settled(consumer: ConsumerAddress): void {
    this.#unsettled.delete(consumer);
  }
}

/** What the steps of an entry did to one secret and to those who read it; `readers` is kept up to date. */
export function eventsOfSteps(secret: SecretAddress, entry: HistoryEntry, readers: Readers): LifeEvent[] {
  return entry.steps.flatMap((step): LifeEvent[] => {
    if (step.status === 'skipped' || step.status === 'waiting' || step.status === 'running') return [];
    const about = isConsumerAddress(step.address)
      ? aboutConsumer(secret, step, step.address, entry, readers)
      : aboutSecret(secret, step, entry);
    return about === null ? [] : [{ ...eventOf(step, entry), ...about }];
  });
}

function eventOf(step: HistoryStep, entry: HistoryEntry): LifeEvent {
  const proof = step.proof ?? step.evidence?.probe ?? null;
  return {
    entry: entry.entry,
    at: step.endedAt ?? entry.endedAt,
    isExact: step.endedAt !== undefined,
    who: entry.actor.name,
    knownBy: entry.actor.knownBy,
    what: KINDS[step.kind],
    ordinal: ordinalOf(step),
    text: step.text,
    ...(step.cause === undefined ? {} : { cause: step.cause }),
    ...(proof === null ? {} : { proof }),
    ...(step.fault === null ? {} : { fault: step.fault.what }),
    ...(step.status === 'done' ? {} : { end: endOf(step) }),
  };
}

function endOf({ status }: HistoryStep): NonNullable<LifeEvent['end']> {
  return status === 'undone' || status === 'undo-failed' ? status : 'failed';
}

type About = Partial<Pick<LifeEvent, 'ordinal' | 'consumer' | 'isOfGroup'>>;

function aboutSecret(secret: SecretAddress, step: HistoryStep, entry: HistoryEntry): About | null {
  if (step.kind !== 'promote' && step.kind !== 'demote') return step.address === secret ? {} : null;
  const ordinal = namedIn(step.text, secret);
  if (ordinal === null || entry.versions[secret] === undefined) return null;
  return { ordinal };
}

/** Of `record db-writer v4, db-reader v2 as current`. */
function namedIn(text: string, secret: SecretAddress): Ordinal | null {
  const words = text.split(/[ ,]+/);
  const at = words.findIndex(
    (word, index) => word === nameOf(secret) && /^v\d+$/.test(words[index + 1] ?? ''),
  );
  return at === -1 ? null : Number(words[at + 1]?.slice(1));
}

function aboutConsumer(
  secret: SecretAddress,
  step: HistoryStep,
  consumer: ConsumerAddress,
  entry: HistoryEntry,
  readers: Readers,
): About | null {
  if (step.kind === 'settle' && readers.has(consumer)) {
    if (step.status === 'done') readers.settled(consumer);
    return { consumer };
  }
  if (step.kind !== 'flip' && step.kind !== 'verify') return null;
  const about = aboutMove(secret, step, consumer, entry);
  if (about !== null && step.kind === 'flip' && step.status === 'done') readers.moved(consumer);
  return about;
}

/**
 * Whether a flip or a verification is about a secret. Entries of before it was kept, and those whose moves were taken
 * back, tell it of the whole group only.
 */
function aboutMove(
  secret: SecretAddress,
  step: HistoryStep,
  consumer: ConsumerAddress,
  entry: HistoryEntry,
): About | null {
  const moves = Object.values(entry.consumers?.[consumer] ?? {});
  const own = moves.find((move) => move.secret === secret);
  if (own !== undefined) return { consumer, ordinal: own.after };
  if (step.secret !== undefined) return step.secret === secret ? { consumer } : null;
  if (moves.length > 0) return null;
  const group = entry.steps.filter((each) => groupOf(each) === groupOf(step));
  const secrets = new Set(group.map(({ address }) => address).filter(isSecretAddress));
  if (!secrets.has(secret)) return null;
  return secrets.size === 1 ? { consumer } : { consumer, isOfGroup: true };
}

/** `g1` of `g1.4`. */
export function groupOf({ id }: HistoryStep): string {
  return id.slice(0, id.lastIndexOf('.'));
}

/** The version that a step is about; of before it was kept, by its words. */
export function ordinalOf({ kind, ordinal, text }: HistoryStep): Ordinal | null {
  if (ordinal !== undefined) return ordinal;
  const found = PATTERNS[kind]?.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

const OF_COPY = /_v([1-9]\d*) (?:to|from) /;
const OF_VERSION = / v([1-9]\d*)\b/;
const PATTERNS: Readonly<Partial<Record<HistoryStep['kind'], RegExp>>> = {
  mint: OF_VERSION,
  restore: /\bdisable v([1-9]\d*)\b/,
  stage: OF_COPY,
  unstage: OF_COPY,
  revoke: OF_VERSION,
  prove: OF_VERSION,
  retire: OF_VERSION,
  prune: OF_COPY,
};
