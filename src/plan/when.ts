import { addDuration } from '../calendar/calendar.ts';
import { alwaysBut } from '../calendar/declared-openings.ts';
import type { Frozen, Openings } from '../calendar/openings.ts';
import { describeWindow, freezeAt, nextOpening } from '../calendar/openings.ts';
import type { ConsumerAddress, Instant, SecretAddress } from '../model/address.ts';
import { nameOf } from '../model/address.ts';
import type { DeclaredSecret } from '../model/declared.ts';
import { priorVersion, recordedVersion } from '../model/recorded.ts';
import type { View } from './view.ts';

/** The same of a consumer: of every secret that it is declared to read, or read when it was last verified. */
export function openingsOfConsumer(address: ConsumerAddress, view: View): Openings {
  const declared = view.consumer(address)?.mounts ?? [];
  const recorded = Object.values(view.recordOfConsumer(address)?.mounts ?? {});
  return alwaysBut(
    [...declared, ...recorded].map(({ secret }) => secret),
    view.declared,
  );
}

/** The freeze that holds a consumer now, or null. */
export function frozenConsumer(address: ConsumerAddress, view: View): Frozen | null {
  return freezeAt(openingsOfConsumer(address, view).freezes, view.now);
}

/** The first time from `at` on. Where there is none within two years: the end of the freeze that holds. */
export function opensAfter(openings: Openings, at: Instant): Instant {
  return nextOpening(openings, at)?.opens ?? freezeAt(openings.freezes, at)?.ends ?? at;
}

/** Something that keeps a secret from rotating until a date, whoever asks for it. */
export interface Bar {
  readonly why: string;
  readonly until: Instant;
}

/**
 * The soaks that a secret waits for by what is recorded, its own first: of what it depends on, and of what it is
 * declared apart from, which it also follows with the distance that is declared. Those that are over are included.
 */
export function barsOf(secret: DeclaredSecret, view: View): Bar[] {
  const soak = (address: SecretAddress, why: string): Bar[] => {
    const until = priorVersion(view.recordOf(address))?.soakUntil ?? null;
    return until === null ? [] : [{ why, until }];
  };
  return [
    ...soak(secret.address, 'soak'),
    ...beneath(secret, view).flatMap((address) => soak(address, `soak of ${nameOf(address)}`)),
    ...view.apartFrom(secret.address).flatMap(({ secret: address, by }) => {
      const record = view.recordOf(address);
      const current = recordedVersion(record, record?.current ?? null);
      const why = `apart from ${nameOf(address)}`;
      const isFirst = current === null || current.cause.kind === 'first' || current.promotedAt === null;
      const distance = isFirst ? [] : [{ why, until: addDuration(current.promotedAt ?? view.now, by) }];
      return [...soak(address, why), ...distance];
    }),
  ];
}

/** Everything that a secret depends on or is derived from, at any depth. */
export function beneath(secret: DeclaredSecret, view: View): SecretAddress[] {
  const found = new Set<SecretAddress>();
  const next = [secret];
  for (const { dependsOn, derivedFrom } of next) {
    for (const address of [...dependsOn, ...derivedFrom]) {
      const below = view.secret(address);
      if (found.has(address) || below === undefined) continue;
      found.add(address);
      next.push(below);
    }
  }
  return [...found];
}

/** Why something that could be done from `at` on may not before `opens`; null: it may at once. */
export function whyNotBefore(
  opens: Instant,
  { windows, freezes }: Openings,
  at: Instant,
  bars: readonly Bar[] = [],
): string | null {
  if (opens <= at) return null;
  const barred = bars.filter(({ until }) => until > at);
  const after = laterOf(at, ...barred.map(({ until }) => until));
  const frost = freezeAt(freezes, at) ?? freezeAt(freezes, after);
  const reason = frost?.freeze.reason ?? null;
  const isShut = opens > laterOf(after, frost?.ends);
  const which = windows.length === 0 ? '' : ` (${windows.map(describeWindow).join(', ')})`;
  return [
    ...new Set(barred.map(({ why }) => why)),
    ...(frost === null ? [] : [reason === null ? 'freeze' : `freeze (${reason})`]),
    ...(isShut ? [`window${which}`] : []),
  ].join(', ');
}

/** The last of these instants. */
export function laterOf(first: Instant, ...others: readonly (Instant | null | undefined)[]): Instant {
  return others.reduce<Instant>((last, at) => (at != null && at > last ? at : last), first);
}
