import type { Instant, Ordinal, SecretAddress } from '../model/address.ts';
import { isSecretAddress } from '../model/address.ts';
import type { HistoryEntry, HistoryStep } from '../model/journal.ts';
import { rootCause } from '../model/plan.ts';
import type { VersionSpan } from '../model/report.ts';

/** What is known of one version. */
export interface VersionFacts {
  mintedAt: Instant | null;
  soakUntil: Instant | null;
  retiredAt: Instant | null;
  end: VersionSpan['end'];
  /** The date that it was made for; null: none, or it is not known. */
  due: Instant | null;
  /** What was seen to be so when it was ended, in order. */
  readonly proofs: string[];
}

/** A step of an entry that is about one version. */
interface Told {
  readonly step: HistoryStep;
  readonly secret: SecretAddress;
  readonly ordinal: Ordinal;
  /** When it ended, as closely as the entry knows. */
  readonly at: Instant;
}

/** Writes down what an entry's steps tell of versions: minted, taken back, made invalid, shown to be refused, retired. */
export function noteSteps(
  entry: HistoryEntry,
  factsOf: (secret: SecretAddress, ordinal: Ordinal) => VersionFacts,
): void {
  const told = entry.steps.flatMap((step) => toldBy(step, entry));
  for (const each of told) {
    const { step, secret, ordinal } = each;
    if (step.kind === 'mint') noteMint(each, entry, factsOf);
    if (step.status !== 'done') continue;
    if (step.kind === 'revoke' || step.kind === 'prove' || step.kind === 'retire') {
      if (step.proof !== undefined) factsOf(secret, ordinal).proofs.push(step.proof);
    }
    if (step.kind === 'retire') noteRetirement(each, entry, told, factsOf(secret, ordinal));
  }
}

function noteMint(
  { step, secret, ordinal, at }: Told,
  entry: HistoryEntry,
  factsOf: (secret: SecretAddress, ordinal: Ordinal) => VersionFacts,
): void {
  const isMade = step.status === 'done' || step.status === 'undone' || step.status === 'undo-failed';
  if (!isMade) return;
  const facts = factsOf(secret, ordinal);
  facts.mintedAt ??= at;
  const root = step.cause === undefined ? null : rootCause(step.cause);
  if (root?.kind === 'due') facts.due = root.due;
  if (step.status === 'undone') Object.assign(facts, { retiredAt: entry.endedAt, end: 'undone' });
}

/** A version that is to be shown to be refused is dead when that is shown, not when it is disabled. */
function noteRetirement(
  { step, secret, ordinal, at }: Told,
  entry: HistoryEntry,
  told: readonly Told[],
  facts: VersionFacts,
): void {
  if (step.cause?.kind === 'soaked') facts.soakUntil = step.cause.since;
  const proof = told.find(
    (other) => other.step.kind === 'prove' && other.secret === secret && other.ordinal === ordinal,
  );
  if (proof !== undefined && proof.step.status !== 'done') return;
  const provedAt = proof?.at ?? at;
  facts.retiredAt = provedAt > at ? provedAt : at;
  facts.end = entry.kind === 'compromise' ? 'compromised' : 'soaked';
}

/** Older entries do not name secret and version of a step; its address and text do. */
function toldBy(step: HistoryStep, entry: HistoryEntry): Told[] {
  const secret = step.secret ?? (isSecretAddress(step.address) ? step.address : null);
  const ordinal = step.ordinal ?? Number(/ v(\d+)\b/.exec(step.text)?.[1] ?? 0);
  if (secret === null || ordinal < 1) return [];
  return [{ step, secret, ordinal, at: step.endedAt ?? entry.endedAt }];
}
