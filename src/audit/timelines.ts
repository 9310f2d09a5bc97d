import type { Instant, Ordinal, SecretAddress } from '../model/address.ts';
import type { Timeline, VersionSpan } from '../model/report.ts';
import type { Life } from './lives.ts';
import type { VersionFacts } from './told.ts';

/** A time during which one version was current. */
interface Period {
  readonly ordinal: Ordinal;
  readonly from: Instant;
  readonly until: Instant | null;
}

/**
 * The life of each version: one span a version, and one more each time that a way back made it current again. The
 * times in which versions are current do not overlap.
 */
export function timelineOf(secret: SecretAddress, life: Life): Timeline {
  const periods = periodsOf(life);
  const spans = [...life.versions].flatMap(([ordinal, facts]) => {
    const own = periods.filter((period) => period.ordinal === ordinal);
    if (own.length === 0)
      return facts.mintedAt === null ? [] : [neverCurrent(ordinal, facts, facts.mintedAt)];
    return own.map((period, place) => spanOf(period, own[place + 1] ?? null, facts));
  });
  return { secret, spans: spans.sort(byBeginning) };
}

function periodsOf({ turns }: Life): Period[] {
  return turns.flatMap(({ at, ordinal }, place) =>
    ordinal === null ? [] : [{ ordinal, from: at, until: turns[place + 1]?.at ?? null }],
  );
}

function neverCurrent(ordinal: Ordinal, facts: VersionFacts, mintedAt: Instant): VersionSpan {
  return {
    ordinal,
    mintedAt,
    currentFrom: null,
    currentUntil: null,
    soakUntil: null,
    retiredAt: facts.retiredAt,
    end: facts.end,
    proof: proofOf(facts),
  };
}

/** `again`: the next time that the same version is current. Until then it was the way back, and lived. */
function spanOf({ ordinal, from, until }: Period, again: Period | null, facts: VersionFacts): VersionSpan {
  return {
    ordinal,
    mintedAt: facts.mintedAt ?? from,
    currentFrom: from,
    currentUntil: until,
    soakUntil: again?.from ?? soakEnd(until, facts),
    retiredAt: again === null ? facts.retiredAt : null,
    end: again === null ? facts.end : null,
    proof: again === null ? proofOf(facts) : null,
  };
}

/** A soak of no length is none, and one that an emergency cut short ended with the version. */
function soakEnd(until: Instant | null, { soakUntil, retiredAt }: VersionFacts): Instant | null {
  if (soakUntil === null || until === null) return null;
  const end = retiredAt !== null && retiredAt < soakUntil ? retiredAt : soakUntil;
  return end > until ? end : null;
}

function proofOf({ proofs }: VersionFacts): string | null {
  return proofs.length === 0 ? null : [...new Set(proofs)].join('; ');
}

function byBeginning(a: VersionSpan, b: VersionSpan): number {
  const [one, other] = [a.currentFrom ?? a.mintedAt, b.currentFrom ?? b.mintedAt];
  return one < other ? -1 : one > other ? 1 : a.ordinal - b.ordinal;
}
