import type { Instant } from '../model/address.ts';
import type { VersionSpan } from '../model/report.ts';

const DAY = 86_400_000;

/** What was seen when the versions of one secret ended, as far as it is the same of several and so written once. */
export interface Proofs {
  readonly shared: readonly string[];
  /** The one in `shared` holds of every version that ended: no line has to name it. */
  readonly holdsForAll: boolean;
}

export function proofsOf(spans: readonly VersionSpan[]): Proofs {
  const ended = spans.filter(({ end }) => end !== null);
  const times = new Map<string, number>();
  for (const { proof } of ended) if (proof !== null) times.set(proof, (times.get(proof) ?? 0) + 1);
  const shared = [...times].flatMap(([proof, count]) => (count > 1 ? [proof] : []));
  return { shared, holdsForAll: shared.length === 1 && times.get(shared[0] ?? '') === ended.length };
}

/**
 * A version that a way back made current again has a span for each time. Those of before are in here: what became of the
 * version is said by the last one.
 */
export function comingBack(spans: readonly VersionSpan[]): ReadonlySet<VersionSpan> {
  const last = new Map(spans.map((span) => [span.ordinal, span]));
  return new Set(spans.filter((span) => last.get(span.ordinal) !== span));
}

/**
 * One version in one line: `v3 2026-01-05 to 2026-04-06, soaked, retired 2026-04-09, proof 1`. The number is that of its
 * proof among the shared ones; one that is not among them stands in the line. A soak whose end is not told ended on
 * the day of the retirement.
 */
export function lifeLine(span: VersionSpan, proofs: Proofs, comesBack = false): string {
  if (comesBack) return `v${span.ordinal} ${currencyText(span)}, current again later`;
  return `v${span.ordinal} ${currencyText(span)}${soakText(span)}${endText(span)}${proofText(span, proofs)}`;
}

function proofText({ proof }: VersionSpan, { shared, holdsForAll }: Proofs): string {
  if (proof === null || holdsForAll) return '';
  const place = shared.indexOf(proof);
  return place === -1 ? `, proof: ${proof}` : `, proof ${place + 1}`;
}

/** A date without its time. */
function day(instant: Instant): string {
  return instant.slice(0, 10);
}

function currencyText({ mintedAt, currentFrom, currentUntil }: VersionSpan): string {
  if (currentFrom === null) return `minted ${day(mintedAt)}, never current`;
  const early = Date.parse(currentFrom) - Date.parse(mintedAt) < DAY ? '' : `minted ${day(mintedAt)}, `;
  return `${early}${day(currentFrom)} to ${currentUntil === null ? 'now' : day(currentUntil)}`;
}

function soakText({ soakUntil, retiredAt, currentUntil, end }: VersionSpan): string {
  if (soakUntil === null) return currentUntil === null ? '' : ', no soak';
  if (end !== 'soaked') return `, soak to ${day(soakUntil)}`;
  return retiredAt !== null && day(retiredAt) === day(soakUntil)
    ? ', soaked'
    : `, soaked to ${day(soakUntil)}`;
}

function endText({ end, retiredAt, currentUntil }: VersionSpan): string {
  const on = retiredAt === null ? '' : ` ${day(retiredAt)}`;
  switch (end) {
    case 'soaked':
      return `, retired${on}`;
    case 'undone':
      return `, taken back${on}`;
    case 'compromised':
      return `, compromised, dead${on}`;
    case null:
      return currentUntil === null ? '' : ', still usable';
  }
}
