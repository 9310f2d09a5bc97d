import type { Instant } from '../../src/model/address.ts';
import type { Report, ReportedEntry, StackReport, Timeline, VersionSpan } from '../../src/model/report.ts';
import { aReport } from '../report/a-report.ts';

const DAY = 86_400_000;
/** Quarterly for ten years. */
const VERSIONS = 40;
const LIFE = (3652 / VERSIONS) * DAY;
const TO = '2036-01-01T00:00:00Z';

/**
 * A report of ten years: forty versions of each secret, one in a hundred ended by an emergency or taken back. The
 * period is `years`, and for every rotation and retirement in it there is an entry with its evidence.
 */
export function aDecade(secrets: number, years: number): Report {
  const from = instant(Date.parse(TO) - years * 365.25 * DAY);
  const report = aReport({ secrets, from: '2035-10-01T00:00:00Z', to: TO });
  return { ...report, from, stacks: report.stacks.map((stack) => stretched(stack, from)) };
}

function stretched(stack: StackReport, from: Instant): StackReport {
  const timelines = stack.timelines.map(({ secret }, at): Timeline => ({ secret, spans: spansOf(at) }));
  return { ...stack, timelines, entries: [...entriesOf(stack, timelines, from)] };
}

function spansOf(at: number): VersionSpan[] {
  const end = Date.parse(TO) - (at % 80) * DAY;
  return Array.from({ length: VERSIONS }, (_, place): VersionSpan => {
    const from = end - (VERSIONS - place) * LIFE;
    const isLast = place === VERSIONS - 1;
    const ending = (at * VERSIONS + place) % 100 === 3 ? 'compromised' : 'soaked';
    const soak = ending === 'soaked' ? 3 * DAY : 0;
    return {
      ordinal: place + 1,
      mintedAt: instant(from - 120_000),
      currentFrom: instant(from),
      currentUntil: isLast ? null : instant(from + LIFE),
      soakUntil: isLast || soak === 0 ? null : instant(from + LIFE + soak),
      retiredAt: isLast ? null : instant(from + LIFE + soak + 600_000),
      end: isLast ? null : ending,
      proof: isLast ? null : 'the old value was refused with 401 and the current one accepted with 200',
    };
  });
}

function* entriesOf(
  stack: StackReport,
  timelines: readonly Timeline[],
  from: Instant,
): Generator<ReportedEntry> {
  const [pattern] = stack.entries.filter(({ moves }) => moves.length > 0);
  if (pattern === undefined) return;
  // Two secrets an entry: few applies are about one alone.
  const days = new Map<string, { secret: Timeline['secret']; ordinal: number; at: Instant }[]>();
  for (const { secret, spans } of timelines) {
    for (const { ordinal, currentFrom } of spans) {
      if (currentFrom === null || currentFrom < from) continue;
      const day = currentFrom.slice(0, 10);
      days.set(day, [...(days.get(day) ?? []), { secret, ordinal, at: currentFrom }]);
    }
  }
  let entry = 0;
  for (const [, turns] of [...days].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const at = turns[0]?.at ?? from;
    entry += 1;
    yield {
      ...pattern,
      entry,
      startedAt: at,
      endedAt: instant(Date.parse(at) + 140_000),
      causes: turns.map(({ secret }) => ({ address: secret, cause: `due ${at}` })),
      moves: turns.map(({ secret, ordinal }) => ({ secret, before: ordinal - 1, after: ordinal })),
      evidence: turns.flatMap(() => pattern.evidence),
    };
  }
}

function instant(ms: number): Instant {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
