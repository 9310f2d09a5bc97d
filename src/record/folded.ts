import { addDuration } from '../calendar/calendar.ts';
import type { ConsumerAddress, Instant, SecretAddress } from '../model/address.ts';
import type { DoneFacts, Fingerprints } from '../model/journal.ts';
import type {
  Arrival,
  DemoteStep,
  MintStep,
  PromoteStep,
  RestoreStep,
  RetireStep,
  Step,
} from '../model/plan.ts';
import type { Originals, RecordedVersion } from '../model/recorded.ts';
import { lowestGivenOut, recordedVersion } from '../model/recorded.ts';
import type { Draft } from './draft.ts';

/** What a step's outcome is folded with, beside the step. */
export interface FoldContext {
  readonly at: Instant;
  readonly apply: string;
  readonly planDigest: string | null;
}

/** Writes down that one step was done. */
export function fold(draft: Draft, step: Step, facts: DoneFacts, context: FoldContext): void {
  switch (step.kind) {
    case 'mint':
      return minted(draft, step, facts.storeId ?? '', context.at);
    case 'restore':
      return restored(draft, step, facts.storeId ?? null, context.at);
    case 'stage':
      return draft.changeVersion(step.secret, step.ordinal, (version) => {
        const others = version.copies.filter(
          ({ platform, name }) => platform !== step.platform || name !== step.copy,
        );
        const bases = version.copies.find((copy) => !others.includes(copy))?.bases;
        const place = { platform: step.platform, name: step.copy, id: facts.copyId ?? '' };
        const copy = bases === undefined ? place : { ...place, bases };
        return { ...version, copies: [...others, copy] };
      });
    case 'unstage':
    case 'prune':
      return draft.changeVersion(step.secret, step.ordinal, (version) => ({
        ...version,
        copies: version.copies.filter(
          ({ platform, name }) => platform !== step.platform || name !== step.copy,
        ),
      }));
    case 'flip':
      return draft.changeConsumer(step.consumer, (consumer) => ({
        ...consumer,
        originals: newerOriginals(consumer.originals, facts.receipt?.originals ?? null),
        flippedAt: context.at,
      }));
    case 'verify':
    case 'smoke':
      return;
    case 'promote':
      return promoted(draft, step, context);
    case 'demote':
      return demoted(draft, step, context.at);
    case 'settle':
      return draft.changeConsumer(step.consumer, (consumer) => ({
        ...consumer,
        originals: null,
        settleAfter: null,
      }));
    case 'revoke':
      return draft.changeVersion(step.secret, step.ordinal, (version) => ({
        ...version,
        revokedAt: context.at,
      }));
    case 'prove':
      // Without `until` it stands before the retirement, which alone ends the version.
      return draft.changeVersion(step.secret, step.ordinal, ({ unproved: _unproved, ...version }) =>
        step.until === null
          ? { ...version, provedAt: context.at }
          : ended(version, context.at, 'compromised'),
      );
    case 'retire':
      return draft.changeVersion(step.secret, step.ordinal, (version) => retired(version, step, context.at));
    case 'effect':
      return draft.changeVersion(step.secret, step.now ?? 0, (version) => ({
        ...version,
        effects: [...new Set([...(version.effects ?? []), step.effect.name])].sort(),
      }));
  }
}

/** From its first step on a retirement has no way back, whatever becomes of that step. */
export function intended(draft: Draft, step: Step): void {
  switch (step.kind) {
    case 'mint':
      return reserve(draft, step);
    case 'revoke':
    case 'prove':
    case 'retire':
      return draft.changeVersion(step.secret, step.ordinal, (version) =>
        version.role === 'prior' || version.role === 'pending' ? { ...version, role: 'retiring' } : version,
      );
    default:
      return;
  }
}

/** Writes down that a step failed: what a retirement could not show is kept with the reason. */
export function failed(draft: Draft, step: Step, unproved: string): void {
  if (step.kind !== 'revoke' && step.kind !== 'prove' && step.kind !== 'retire') return;
  draft.changeVersion(step.secret, step.ordinal, (version) =>
    version.role === 'retiring' ? { ...version, unproved } : version,
  );
}

function retired(
  { unproved: _unproved, ...version }: RecordedVersion,
  { emergency, unproved }: RetireStep,
  at: Instant,
): RecordedVersion {
  if (unproved !== undefined) return { ...version, disabledAt: at, retiredWhy: 'soaked', unproved };
  if (emergency === undefined) return ended(version, at, 'soaked');
  if (emergency.isProvedNext) return { ...version, disabledAt: at, retiredWhy: 'compromised' };
  // What has no successor yet keeps its role until that one is promoted.
  if (version.role === 'current') return { ...version, retiredAt: at, retiredWhy: 'compromised' };
  return ended(version, at, 'compromised');
}

function ended(
  version: RecordedVersion,
  at: Instant,
  why: NonNullable<RecordedVersion['retiredWhy']>,
): RecordedVersion {
  return { ...version, role: 'retired', retiredAt: at, retiredWhy: why };
}

/** A service that was deployed anew between two flips has new settings: `pause` alone may be what we wrote. */
function newerOriginals(before: Originals | null, now: Originals | null): Originals | null {
  if (before === null || now === null) return now ?? before;
  const newer = (mine: string, theirs: string): string => (theirs === 'pause' ? mine : theirs);
  return { update: newer(before.update, now.update), rollback: newer(before.rollback, now.rollback) };
}

function reserve(draft: Draft, step: MintStep): void {
  draft.changeSecret(step.secret, (secret) => ({
    ...secret,
    highest: Math.max(secret.highest, step.ordinal),
    lowest: lowestGivenOut(secret) ?? step.ordinal,
  }));
}

/** Puts down a version that was made, or taken up, and that nobody counts on yet. */
export function minted(
  draft: Draft,
  step: Pick<MintStep, 'secret' | 'ordinal' | 'operation' | 'cause'>,
  storeId: string,
  at: Instant,
): void {
  // One that an earlier apply could not take back is taken up again, with what it had delivered.
  const before = recordedVersion(draft.secret(step.secret), step.ordinal);
  const version: RecordedVersion = {
    ordinal: step.ordinal,
    role: 'pending',
    storeIds: [...(before?.storeIds.filter((id) => id !== storeId) ?? []), storeId],
    operation: step.operation,
    cause: step.cause,
    mintedAt: at,
    promotedAt: null,
    promotion: null,
    soakUntil: null,
    approvedBy: null,
    retiredAt: null,
    retiredWhy: null,
    copies: before?.copies ?? [],
  };
  draft.changeSecret(step.secret, (secret) => ({
    ...secret,
    highest: Math.max(secret.highest, step.ordinal),
    versions: [...secret.versions.filter(({ ordinal }) => ordinal !== step.ordinal), version],
  }));
}

function restored(draft: Draft, step: RestoreStep, storeId: string | null, at: Instant): void {
  draft.changeSecret(step.secret, (secret) => ({
    ...secret,
    versions: secret.versions.map((version) => {
      if (version.ordinal === step.failed && step.twins === undefined) {
        return { ...version, role: 'retired' as const, retiredAt: at, retiredWhy: 'undone' as const };
      }
      if (version.ordinal !== step.to || storeId === null || version.storeIds.includes(storeId))
        return version;
      return { ...version, storeIds: [...version.storeIds, storeId] };
    }),
  }));
}

function promoted(draft: Draft, step: PromoteStep, context: FoldContext): void {
  const { at } = context;
  for (const { secret: address, ordinal, prior, soak, generation } of step.promotions) {
    draft.changeSecret(address, (secret) => ({
      ...secret,
      current: ordinal,
      generation,
      held: null,
      versions: secret.versions.map((version) => {
        if (version.ordinal === ordinal) {
          return { ...version, role: 'current', promotedAt: at, promotion: `${context.apply}/${step.group}` };
        }
        if (version.ordinal !== prior) return version;
        return {
          ...version,
          role: roleBehind(version),
          soakUntil: addDuration(at, soak),
          approvedBy: context.planDigest,
        };
      }),
    }));
  }
  arrived(draft, step.consumers, at);
}

/** What its successor makes of a version: the way back, unless an emergency had ended it before. */
function roleBehind({ retiredAt, disabledAt, revokedAt }: RecordedVersion): RecordedVersion['role'] {
  if (retiredAt !== null) return 'retired';
  return disabledAt === undefined && revokedAt === undefined ? 'prior' : 'retiring';
}

function demoted(draft: Draft, step: DemoteStep, at: Instant): void {
  for (const { secret: address, ordinal, to, staysEnabled } of step.demotions) {
    draft.changeSecret(address, (secret) => ({
      ...secret,
      current: to,
      versions: secret.versions.map((version) => {
        if (version.ordinal === to) return { ...version, role: 'current', soakUntil: null, approvedBy: null };
        if (version.ordinal !== ordinal) return version;
        if (staysEnabled === true) return { ...version, role: 'pending' };
        return { ...version, role: 'retired', retiredAt: version.retiredAt ?? at, retiredWhy: 'undone' };
      }),
    }));
  }
  for (const { consumer, mounts } of step.consumers) {
    draft.changeConsumer(consumer, (before) => ({ ...before, mounts }));
  }
}

function arrived(draft: Draft, arrivals: readonly Arrival[], at: Instant): void {
  for (const { consumer, mounts, settleAfter } of arrivals) {
    const date = settleAfter === null ? null : addDuration(at, settleAfter);
    const isParked = Object.values(mounts).some(({ secret, ordinal }) =>
      isOver(recordedVersion(draft.secret(secret), ordinal)),
    );
    draft.changeConsumer(consumer, ({ parked, ...before }) => ({
      ...before,
      ...(isParked && parked !== undefined ? { parked } : {}),
      mounts,
      settleAfter: laterOf(before.settleAfter, date),
    }));
  }
}

/** Null: there is nothing to settle. */
function laterOf(before: Instant | null, date: Instant | null): Instant | null {
  if (before === null || date === null) return date;
  return before > date ? before : date;
}

/** Whether who reads it is still left behind: an emergency ended it, and what takes its place is not there yet. */
function isOver(version: RecordedVersion | null): boolean {
  return version !== null && version.retiredAt !== null;
}

/** Writes down how vault items and services looked after the last act. */
export function seen(draft: Draft, fingerprints: Fingerprints): void {
  for (const [address, fingerprint] of Object.entries(fingerprints)) {
    if (address.startsWith('vault://')) {
      draft.changeSecret(address as SecretAddress, (secret) => ({ ...secret, fingerprint }));
    } else {
      draft.changeConsumer(address as ConsumerAddress, (consumer) => ({ ...consumer, fingerprint }));
    }
  }
}
