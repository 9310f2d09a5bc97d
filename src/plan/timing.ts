import { addDuration, compareInstants } from '../calendar/calendar.ts';
import { openingsOf } from '../calendar/declared-openings.ts';
import { describeFreeze, describeWindow, freezeAt, nextOpening } from '../calendar/openings.ts';
import type { Instant, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import { digestOf } from '../model/canonical.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import type { Blocked, BlockedWhy, Cause } from '../model/plan.ts';
import { rootCause } from '../model/plan.ts';
import type { Held } from '../model/recorded.ts';
import { priorVersion, recordedVersion } from '../model/recorded.ts';
import type { PlanOptions, View } from './view.ts';
import { beneath } from './when.ts';

/**
 * Digest of what a person declares about a secret: when it changes, a held secret is let go. When it may rotate is
 * no part of it: another window mends nothing.
 */
export function declarationDigest(secret: DeclaredSecret): string {
  const {
    path: _path,
    position: _position,
    windows: _windows,
    grace: _grace,
    apart: _apart,
    ...declaration
  } = secret;
  return digestOf(declaration);
}

/**
 * Why a secret that has a cause may not rotate at this time, or null. Windows and freezes bind only what the
 * calendar asks for; a running soak, its own or that of what it depends on or stands in for, binds everybody.
 */
export function untimely(
  secret: DeclaredSecret,
  cause: Cause,
  view: View,
  options: PlanOptions,
): Blocked | null {
  return (
    soaking(secret, view) ??
    heldBack(secret, cause, view, options) ??
    (cause.kind === 'first' ? null : (beneathSoaks(secret, view) ?? tooClose(secret, view))) ??
    (rootCause(cause).kind === 'due' ? closed(secret, view) : null)
  );
}

/**
 * Of secrets that are declared apart and would rotate in one plan the one that was due first goes first, with all
 * that is declared together with it; why the other one waits, by address.
 */
export function outOfTurn(
  candidates: readonly { readonly secret: DeclaredSecret; readonly cause: Cause }[],
  companionsOf: (address: SecretAddress) => readonly SecretAddress[],
  view: View,
): Blocked[] {
  const dueAt = (cause: Cause): Instant => {
    const root = rootCause(cause);
    return root.kind === 'due' ? root.due : view.now;
  };
  const inTurn = candidates
    .filter(({ cause }) => cause.kind !== 'first')
    .toSorted((a, b) => compareInstants(dueAt(a.cause), dueAt(b.cause)) || byAddress(a.secret, b.secret));
  const places = new Map(inTurn.map((each, place) => [each.secret.address, place]));
  const going = new Set<SecretAddress>();
  const waiting = new Map<SecretAddress, Blocked>();
  for (const { secret } of inTurn) {
    if (going.has(secret.address) || waiting.has(secret.address)) continue;
    const own = companionsOf(secret.address).flatMap((address) => places.get(address) ?? []);
    const together = [...new Set(own)].sort((a, b) => a - b).flatMap((place) => inTurn[place] ?? []);
    const late = together.flatMap(({ secret: each }) => {
      const first = view.apartFrom(each.address).find((other) => going.has(other.secret));
      if (first === undefined) return [];
      const text = `rotates apart from ${nameOf(first.secret)}, which rotates in this plan`;
      return [later(each, 'apart', text, 'plan again once that one has soaked')];
    });
    for (const each of late) waiting.set(each.address as SecretAddress, each);
    if (late.length === 0) for (const each of together) going.add(each.secret.address);
  }
  return [...waiting.values()];
}

/** Whether the calendar alone would not rotate it now; why, for a person who orders it all the same. Null: it would. */
export function closedNow(secret: DeclaredSecret, view: View): string | null {
  const openings = openingsOf(secret, view.declared);
  const frozen = freezeAt(openings.freezes, view.now);
  if (frozen !== null) return `it is frozen from ${describeFreeze(frozen.freeze)}`;
  const opening = nextOpening(openings, view.now);
  if (opening !== null && compareInstants(opening.opens, view.now) <= 0) return null;
  return `its window is ${openings.windows.map(describeWindow).join(', ')}`;
}

function soaking(secret: DeclaredSecret, view: View): Blocked | null {
  const record = view.recordOf(secret.address);
  const until = soakEnd(secret.address, view);
  if (until === null) return null;
  const prior = priorVersion(record)?.ordinal ?? '?';
  const text = `v${prior} soaks until ${until}; it is the way back from v${record?.current ?? '?'}`;
  return later(secret, 'soaking', text, `plan again after ${until}`);
}

function heldBack(secret: DeclaredSecret, cause: Cause, view: View, options: PlanOptions): Blocked | null {
  const held = view.recordOf(secret.address)?.held;
  if (held == null || isAskedAnew(cause, held)) return null;
  if (options.rotate.includes(secret.address) || held.declaration !== declarationDigest(secret)) return null;
  const text = `held since ${held.since}: ${held.reason}`;
  return later(secret, 'held', text, `when the reason is mended: ${letGo(secret)}`);
}

/** What a person runs to let a held secret go. */
export function letGo({ source, address }: DeclaredSecret): string {
  return `keyturn apply ${source.kind === 'manual' ? `--value ${address}=-` : `--rotate ${address}`}`;
}

/** Whether a person asked for this rotation after the one that failed. */
function isAskedAnew(cause: Cause, held: Held): boolean {
  const root = rootCause(cause);
  if (root.kind !== 'generation' && root.kind !== 'found') return root.kind === 'request';
  return digestOf(root) !== digestOf(rootCause(held.cause));
}

/** Something that it depends on may still go back to its prior: then this one would have to as well. */
function beneathSoaks(secret: DeclaredSecret, view: View): Blocked | null {
  for (const address of beneath(secret, view)) {
    const until = soakEnd(address, view);
    if (until === null) continue;
    const text = `${nameOf(address)}, which it depends on, soaks until ${until}`;
    return later(secret, 'soaking', text, `plan again after ${until}`);
  }
  return null;
}

/** Its stand-in soaks, or was rotated a short while ago. What that one was before its first rotation counts for nothing. */
function tooClose(secret: DeclaredSecret, view: View): Blocked | null {
  for (const { secret: other, by } of view.apartFrom(secret.address)) {
    const record = view.recordOf(other);
    const current = recordedVersion(record, record?.current ?? null);
    const isFirst = current === null || current.cause.kind === 'first';
    const apart = isFirst || current.promotedAt === null ? null : addDuration(current.promotedAt, by);
    const until = latest(soakEnd(other, view), apart);
    if (until === null || compareInstants(until, view.now) <= 0) continue;
    const text = `rotates apart from ${nameOf(other)}, which was rotated at ${current?.promotedAt ?? '?'}: not before ${until}`;
    return later(secret, 'apart', text, `plan again after ${until}`);
  }
  return null;
}

/** Due, and no window is open or a freeze holds. */
function closed(secret: DeclaredSecret, view: View): Blocked | null {
  const openings = openingsOf(secret, view.declared);
  if (openings.windows.length + openings.freezes.length === 0) return null;
  const opening = nextOpening(openings, view.now);
  if (opening !== null && compareInstants(opening.opens, view.now) <= 0) return null;
  const order = `to rotate it all the same: keyturn apply --rotate ${secret.address}`;
  const opens = opening === null ? 'no window opens within two years' : `rotates from ${opening.opens} on`;
  const frozen = freezeAt(openings.freezes, view.now);
  if (frozen !== null) {
    const text = `is due, and frozen from ${describeFreeze(frozen.freeze)}; ${opens}`;
    return later(secret, 'frozen', text, order);
  }
  const text = `is due, and waits for its window (${openings.windows.map(describeWindow).join(', ')}); ${opens}`;
  return later(secret, 'window', text, order);
}

/** When the soak of a secret's prior version ends; null: none runs. */
function soakEnd(address: SecretAddress, view: View): Instant | null {
  const until = priorVersion(view.recordOf(address))?.soakUntil ?? null;
  return until !== null && until > view.now ? until : null;
}

function latest(a: Instant | null, b: Instant | null): Instant | null {
  if (a === null || b === null) return a ?? b;
  return compareInstants(a, b) > 0 ? a : b;
}

function byAddress(a: DeclaredSecret, b: DeclaredSecret): number {
  return a.address < b.address ? -1 : 1;
}

function later(secret: DeclaredSecret, why: BlockedWhy, text: string, next: string): Blocked {
  return { address: secret.address, why, text, next, fault: null };
}
