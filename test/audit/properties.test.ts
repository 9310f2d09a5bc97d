import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stackReport } from '../../src/audit/report.ts';
import { addDuration } from '../../src/calendar/calendar.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import type { StackReport, VersionSpan } from '../../src/model/report.ts';
import { histories } from './histories.ts';

/** Begins in the middle of things and ends around a date, before or after it counts as overdue. */
const periods = fc
  .integer({ min: 0, max: 96 })
  .map((hours) => ({ from: '2027-06-01T00:00:00Z', to: addDuration('2028-01-02T03:00:00Z', `PT${hours}H`) }));
const RUNS = { numRuns: 150 };

function currentSpans({ timelines }: StackReport): VersionSpan[][] {
  return timelines.map(({ spans }) => spans.filter(({ currentFrom }) => currentFrom !== null));
}

describe('of any history', () => {
  it('no two versions of a secret are current at once, and one follows the other without a gap', () => {
    fc.assert(
      fc.property(histories, (input) => {
        for (const spans of currentSpans(stackReport(input))) {
          for (const [place, span] of spans.entries()) {
            expect(span.currentUntil).toBe(spans[place + 1]?.currentFrom ?? null);
          }
        }
      }),
      RUNS,
    );
  });

  it('every version that was promoted is in the timeline of its secret, with and without the record', () => {
    fc.assert(
      fc.property(histories, (input) => {
        const promoted = input.entries.flatMap(({ versions }) =>
          Object.entries(versions).flatMap(([secret, { before, after }]) =>
            before === after || after === null ? [] : [`${secret} v${after}`],
          ),
        );
        const recorded = emptyRecord(input.recorded.stack, input.recorded.lineage);
        for (const report of [stackReport(input), stackReport({ ...input, recorded })]) {
          const told = report.timelines.flatMap(({ secret, spans }) =>
            spans.flatMap(({ currentFrom, ordinal }) =>
              currentFrom === null ? [] : [`${secret} v${ordinal}`],
            ),
          );
          expect(new Set(told)).toEqual(new Set(promoted));
        }
      }),
      RUNS,
    );
  });

  it('a version ends after it was minted, and what ended it is known', () => {
    fc.assert(
      fc.property(histories, (input) => {
        for (const { mintedAt, currentFrom, soakUntil, retiredAt, end } of stackReport(
          input,
        ).timelines.flatMap(({ spans }) => spans)) {
          expect((retiredAt ?? mintedAt) >= mintedAt).toBe(true);
          expect((currentFrom ?? mintedAt) >= mintedAt).toBe(true);
          expect(retiredAt === null).toBe(end === null);
          if (end === 'soaked') expect(soakUntil).not.toBeNull();
          if (soakUntil !== null && retiredAt !== null) expect(soakUntil <= retiredAt).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it('no more is on time than was due, and nothing is overdue where all is on time', () => {
    fc.assert(
      fc.property(histories, periods, ({ period, ...input }, part) => {
        for (const each of [period, { ...period, ...part }]) {
          const { due, onTime, longestOverdue } = stackReport({ ...input, period: each }).compliance;
          expect(onTime).toBeLessThanOrEqual(due);
          expect(onTime).toBeGreaterThanOrEqual(0);
          if (onTime < due) expect(longestOverdue).not.toBeNull();
          if (longestOverdue === null) expect(onTime).toBe(due);
        }
      }),
      RUNS,
    );
  });

  it('periods that follow each other count every date, rotation, failure and entry once', () => {
    fc.assert(
      fc.property(histories, fc.nat(30), ({ period, ...input }, place) => {
        // Where it is hardest: at the very second of an entry.
        const at = input.entries[place]?.endedAt ?? '2027-09-01T00:00:00Z';
        const whole = stackReport({ ...input, period });
        const [first, second] = [{ to: at }, { from: at }].map((part) =>
          stackReport({ ...input, period: { ...period, ...part } }),
        );
        for (const name of ['rotations', 'failures'] as const) {
          expect((first?.compliance[name] ?? 0) + (second?.compliance[name] ?? 0)).toBe(
            whole.compliance[name],
          );
        }
        expect([...(first?.entries ?? []), ...(second?.entries ?? [])]).toEqual(whole.entries);
        // What is open at the end of a period is decided in no later one.
        expect((first?.compliance.due ?? 0) + (second?.compliance.due ?? 0)).toBeLessThanOrEqual(
          whole.compliance.due,
        );
        expect(first?.timelines).toEqual(whole.timelines);
      }),
      RUNS,
    );
  });

  it('the report is the same twice, and leaves what it is made from as it was', () => {
    fc.assert(
      fc.property(histories, (input) => {
        const before = JSON.stringify(input);
        expect(stackReport(input)).toEqual(stackReport(input));
        expect(JSON.stringify(input)).toBe(before);
      }),
      { numRuns: 30 },
    );
  });
});
