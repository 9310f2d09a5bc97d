import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDuration } from '../../src/calendar/calendar.ts';
import type { Instant } from '../../src/model/address.ts';
import type { Cadence, DeclaredSecret } from '../../src/model/declared.ts';
import type { Freeze, Window } from '../../src/model/openings.ts';
import { WEEKDAYS } from '../../src/model/openings.ts';
import type { Blocked, Cause, Plan } from '../../src/model/plan.ts';
import type { RecordedSecret, RecordedVersion } from '../../src/model/recorded.ts';
import type { AgendaEntry } from '../../src/model/agenda.ts';
import { makeAgenda } from '../../src/plan/agenda.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { PlanInput } from '../../src/plan/view.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { secretAt } from './declare.ts';
import { expand } from './scenario.ts';
import type { Scenario } from './scenario.ts';

const NOW: Instant = '2026-08-20T09:00:00Z';
const END: Instant = '2026-11-30T00:00:00Z';
const NAMES = ['ada', 'bob', 'cyd'] as const;

const CADENCES: readonly Cadence[] = [
  { kind: 'every', period: 'P7D', anchor: '2026-01-05', at: '03:00', timeZone: 'UTC' },
  { kind: 'every', period: 'P30D', anchor: '2026-01-01', at: '09:00', timeZone: 'UTC' },
  {
    kind: 'calendar',
    each: 'month',
    on: 'first monday',
    month: null,
    at: '02:30',
    timeZone: 'Europe/Berlin',
  },
  { kind: 'cron', expression: '0 4 * * TUE,FRI', timeZone: 'America/New_York' },
  { kind: 'onRequest' },
];
const WINDOWS: readonly (readonly Window[])[] = [
  [],
  [{ days: ['saturday'], from: '00:00', until: '04:00', timeZone: 'UTC' }],
  [{ days: WEEKDAYS, from: '22:00', until: '03:00', timeZone: 'Europe/Berlin' }],
  [
    { days: ['tuesday', 'wednesday'], from: '22:00', until: '04:00', timeZone: 'Europe/Berlin' },
    { days: WEEKDAYS, from: '00:30', until: '00:55', timeZone: 'UTC' },
  ],
];
const FREEZES: readonly Pick<Freeze, 'from' | 'through'>[] = [
  { from: '08-18', through: '08-25' },
  { from: '2026-08-22', through: '2026-09-10' },
  { from: '12-18', through: '01-03' },
];
const CAUSES: readonly Cause[] = [
  { kind: 'first' },
  { kind: 'due', due: '2026-08-01T00:00:00Z' },
  { kind: 'request', at: '2026-08-01T00:00:00Z', reason: null },
  { kind: 'together', secret: secretAt('eve'), of: { kind: 'first' } },
];

const hours = fc.constantFrom(0, 3, 24, 30, 24 * 6, 24 * 20, 24 * 50);
const other = fc.constantFrom(null, null, null, 0, 1, 2);

const soaked = fc.constantFrom(-30, -5, 2, 60, 24 * 9);

const shape = fc.record({
  cadence: fc.constantFrom(...CADENCES),
  windows: fc.constantFrom(...WINDOWS),
  soak: fc.constantFrom('PT0S', 'PT24H', 'PT72H', 'P10D'),
  promotedBefore: hours,
  soaksFor: fc.constantFrom(null, null, -5, 2, 60, 24 * 9),
  cause: fc.constantFrom(...CAUSES),
  together: other,
  dependsOn: other,
  apart: fc.tuple(other, fc.constantFrom('PT0S', 'P7D', 'P30D')),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

const freeze = fc.record({ days: fc.constantFrom(...FREEZES), holds: other });

function inputOf(
  shapes: readonly Shape[],
  freezes: readonly { days: Pick<Freeze, 'from' | 'through'>; holds: number | null }[],
  settleFor?: readonly number[],
): PlanInput {
  const names = NAMES.slice(0, shapes.length);
  const { input } = expand({
    says: '',
    now: NOW,
    secrets: Object.fromEntries(
      names.map((name) => [name, { versions: { v1: `prior until ${NOW}`, v2: `current since ${NOW}` } }]),
    ),
    services: settleFor === undefined ? {} : servicesOf(names, settleFor),
  });
  const named = (from: number, to: number | null): DeclaredSecret['dependsOn'] =>
    to === null || to === from || to >= names.length ? [] : [secretAt(NAMES[to] ?? '')];
  const declared = {
    ...input.declared,
    secrets: input.declared.secrets.map((secret) => {
      const index = NAMES.findIndex((name) => name === secret.name);
      const own = shapes[index];
      if (own === undefined) return secret;
      const [apart, by] = own.apart;
      const { cadence, windows, soak } = own;
      return {
        ...secret,
        cadence,
        windows,
        soak,
        together: named(index, own.together),
        // No cycles.
        dependsOn: own.dependsOn !== null && own.dependsOn < index ? named(index, own.dependsOn) : [],
        apart: named(index, apart).map((address) => ({ secret: address, by })),
      };
    }),
    freezes: freezes.map(({ days, holds }, index): Freeze => ({
      ...days,
      path: `shop/freeze-${index}`,
      position: null,
      timeZone: 'Europe/Berlin',
      reason: null,
      secrets: holds === null || holds >= names.length ? [] : [secretAt(NAMES[holds] ?? '')],
    })),
  };
  const secrets = Object.fromEntries(
    names.map((name, index) => {
      const own = shapes[index];
      const record = input.recorded.secrets[secretAt(name)];
      if (own === undefined || record === undefined) throw new Error(name);
      return [secretAt(name), pastOf(own, record)];
    }),
  );
  const recorded = { ...input.recorded, secrets };
  return { ...input, declared, recorded, options: { ...NO_OPTIONS, dueOnly: true } };
}

function pastOf({ promotedBefore, soaksFor, cause }: Shape, record: RecordedSecret): RecordedSecret {
  const at = addDuration(NOW, `-PT${promotedBefore}H`);
  return {
    ...record,
    versions: record.versions.flatMap((version): RecordedVersion[] => {
      if (version.role === 'current') return [{ ...version, promotedAt: at, mintedAt: at, cause }];
      if (soaksFor === null) return [];
      const until = addDuration(NOW, soaksFor < 0 ? `-PT${-soaksFor}H` : `PT${soaksFor}H`);
      return [{ ...version, soakUntil: until }];
    }),
  };
}

function rotates(plan: Plan, name: string): boolean {
  return plan.steps.some((step) => step.kind === 'mint' && step.secret === secretAt(name));
}

/** That it waits for its turn behind one that is apart from it no agenda says: only a plan knows who goes. */
function waitsItsTurn(blocked: readonly Blocked[]): boolean {
  return blocked.some(({ why, text }) => why === 'apart' && text.includes('in this plan'));
}

/** `api` reads all of them and was flipped to what it reads; `old` as well, and left the stack since. */
function servicesOf(names: readonly string[], settleFor: readonly number[]): Scenario['services'] {
  const previous = names.map((name) => `${name}_v1`);
  const dates = settleFor.map((hours) => addDuration(NOW, hours < 0 ? `-PT${-hours}H` : `PT${hours}H`));
  const [one = NOW, other = NOW] = dates;
  return {
    api: { mounts: names.slice(0, 2), previous: previous.slice(0, 2), settleAfter: one },
    old: {
      mounts: names.slice(-1),
      previous: previous.slice(-1),
      settleAfter: other,
      undeclared: 'recorded',
    },
  };
}

describe('the agenda and the plan of a schedule', () => {
  it('agree on when each secret rotates next', () => {
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 1, maxLength: 3 }),
        fc.array(freeze, { maxLength: 2 }),
        fc.nat({ max: 1_000_000 }),
        (shapes, freezes, random) => {
          const input = inputOf(shapes, freezes);
          const { options: _, ...states } = input;
          const agenda = makeAgenda(states, END);
          for (const { name, address } of input.declared.secrets) {
            const [next] = agenda.filter((entry) => entry.kind === 'rotate' && entry.address === address);
            const at = next === undefined ? END : (next.opens ?? (next.at > NOW ? next.at : NOW));
            const before = (minutes: number): Instant => addDuration(at, `-PT${minutes}M`);
            const length = Math.floor((Date.parse(at) - Date.parse(NOW)) / 60_000);
            if (length > 0) {
              expect([name, rotates(makePlan({ ...input, now: before(1) }), name)]).toEqual([name, false]);
              const some = before(1 + (random % length));
              expect([name, some, rotates(makePlan({ ...input, now: some }), name)]).toEqual([
                name,
                some,
                false,
              ]);
            }
            if (next === undefined) continue;
            const plan = makePlan({ ...input, now: at });
            if (waitsItsTurn(plan.blocked)) continue;
            expect([name, at, rotates(plan, name), plan.blocked.map(({ text }) => text)]).toEqual([
              name,
              at,
              true,
              expect.anything(),
            ]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('agree on when each consumer is settled and each prior retired', () => {
    const settleFor = fc.tuple(soaked, soaked);
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 1, maxLength: 3 }),
        fc.array(freeze, { maxLength: 2 }),
        settleFor,
        (shapes, freezes, dates) => {
          const still = shapes.map((each) => ({ ...each, cadence: { kind: 'onRequest' as const } }));
          const input = inputOf(still, freezes, dates);
          const { options: _, ...states } = input;
          const startOf = ({ at, opens }: AgendaEntry): Instant => opens ?? (at > NOW ? at : NOW);
          const entries = makeAgenda(states, END).filter(
            ({ kind }) => kind === 'settle' || kind === 'retire',
          );
          for (const entry of entries) {
            const { kind, address } = entry;
            const then = startOf(entry);
            // What is settled before is settled then; the plan of then knows nothing of it.
            if (kind === 'retire' && entries.some((each) => each.kind === 'settle' && startOf(each) < then))
              continue;
            const isDone = (now: Instant): boolean =>
              makePlan({ ...input, now }).steps.some(
                (step) => step.kind === kind && step.address === address,
              );
            expect([kind, address, then, isDone(then)]).toEqual([kind, address, then, true]);
            if (then > NOW)
              expect([kind, address, isDone(addDuration(then, '-PT1M'))]).toEqual([kind, address, false]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
