import { afterEach, describe, expect, it } from 'vitest';
import { stackReport } from '../../src/audit/report.ts';
import type { Timeline } from '../../src/model/report.ts';
import { emptyRecord } from '../../src/model/recorded.ts';
import { QUARTERLY } from '../plan/declare.ts';
import { declare, secret, service, World } from '../support/world.ts';
import { inputOf, reportOn } from './story.ts';

let world: World;

afterEach(() => world.close());

const A = 'vault://prod-vault/a';
const JANUARY = '2027-01-04T03:00:00Z';
const APRIL = '2027-04-05T03:00:00Z';

/** The clock of the world goes to this time. */
function go(at: string): void {
  world.later((Date.parse(at) - Date.parse(world.now)) / 3_600_000);
}

/** v1 in November; v2 by the date of January, an hour behind it. */
async function rotated(): Promise<void> {
  world = await World.open(declare([secret('a', { cadence: QUARTERLY })], [service('api', ['a'])]));
  await world.apply();
  go('2027-01-04T04:00:00Z');
  await world.apply();
}

/** The soak of v1 over and v1 retired; v3 three days late in April, taken back, and v4 in its place. */
async function troubled(): Promise<void> {
  await rotated();
  go('2027-01-08T00:00:00Z');
  await world.apply();
  go('2027-04-08T03:00:00Z');
  await world.apply();
  go('2027-04-08T09:00:00Z');
  await world.rollback('a');
  go('2027-04-09T00:00:00Z');
  await world.apply({ rotate: [A] });
}

function lines({ spans }: Timeline): string[] {
  return spans.map(({ ordinal, currentFrom, currentUntil, soakUntil, retiredAt, end }) =>
    `v${ordinal} ${currentFrom ?? 'never'} to ${currentUntil ?? 'now'}, soaks ${soakUntil ?? 'not'}, ${end ?? 'lives'} ${retiredAt ?? ''}`.trimEnd(),
  );
}

describe('the timeline of a secret', () => {
  it('shows each version from its mint to its end, with the proof, and the way back as a time of its own', async () => {
    await troubled();
    const { timelines } = await reportOn(world);
    expect(timelines.flatMap(lines)).toEqual([
      'v1 2026-11-22T03:00:00Z to 2027-01-04T04:00:00Z, soaks 2027-01-07T04:00:00Z, soaked 2027-01-08T00:00:00Z',
      'v2 2027-01-04T04:00:00Z to 2027-04-08T03:00:00Z, soaks 2027-04-08T09:00:00Z, lives',
      'v3 2027-04-08T03:00:00Z to 2027-04-08T09:00:00Z, soaks not, undone 2027-04-08T09:00:00Z',
      'v2 2027-04-08T09:00:00Z to 2027-04-09T00:00:00Z, soaks 2027-04-12T00:00:00Z, lives',
      'v4 2027-04-09T00:00:00Z to now, soaks not, lives',
    ]);
    expect(timelines[0]?.spans.map(({ proof }) => proof)).toEqual([
      'no spec, task or previous spec on prod names it; the vault lists it as disabled',
      null,
      null,
      null,
      null,
    ]);
  });

  it('is told by the history alone where the record was lost', async () => {
    await troubled();
    const input = await inputOf(world);
    const recorded = emptyRecord(input.recorded.stack, input.recorded.lineage);
    const [told] = stackReport({ ...input, recorded }).timelines;
    const [known] = stackReport(input).timelines;
    const ends = (timeline: Timeline | undefined) =>
      timeline?.spans.map(({ soakUntil: _soak, ...span }) => span);
    expect(ends(told)).toEqual(ends(known));
  });

  it('shows what never became current as undone', async () => {
    world = await World.open(
      declare([secret('a', { source: { kind: 'manual', instructions: null } })], [service('api', ['a'])]),
    );
    await world.apply({}, { a: 'good-1' });
    world.later(80);
    await world.apply();
    const failed = await world.apply({}, { a: 'bad-2' });
    expect(failed.outcome).toBe('rolled-back');
    const { timelines, compliance, entries } = await reportOn(world);
    const recorded = emptyRecord(world.declared.stack, 'lost');
    for (const told of [timelines, (await reportOn(world, { recorded })).timelines]) {
      expect(told.flatMap(lines)).toEqual([
        'v1 2026-11-22T03:00:00Z to now, soaks not, lives',
        `v2 never to now, soaks not, undone ${world.now}`,
      ]);
    }
    expect(compliance).toMatchObject({ failures: 1, rotations: 0 });
    const verified = entries.at(-1)?.evidence.find(({ status }) => status === 'failed');
    expect(verified?.text).toContain('api');
  });
});

describe('compliance', () => {
  it('counts what was due in the period, and what of it was done before it was overdue', async () => {
    await rotated();
    const { compliance } = await reportOn(world);
    expect(compliance).toEqual({
      due: 1,
      onTime: 1,
      rotations: 1,
      longestOverdue: null,
      failures: 0,
      emergencies: [],
    });
  });

  it('says how long the longest took, from its date to the rotation that stayed', async () => {
    await troubled();
    const { compliance } = await reportOn(world);
    expect(compliance).toMatchObject({ due: 2, onTime: 1, rotations: 2, failures: 1 });
    const doneAt = '2027-04-09T00:00:00Z';
    const ms = Date.parse(doneAt) - Date.parse(APRIL);
    expect(compliance.longestOverdue).toEqual({ secret: A, due: APRIL, doneAt, ms });
  });

  it('leaves open what is due and not overdue yet, and counts what is missing as late', async () => {
    await rotated();
    go('2027-04-05T12:00:00Z');
    expect((await reportOn(world)).compliance).toMatchObject({ due: 1, onTime: 1 });
    go('2027-04-07T03:00:00Z');
    expect((await reportOn(world)).compliance).toMatchObject({
      due: 2,
      onTime: 1,
      longestOverdue: { due: APRIL, doneAt: null, ms: 48 * 3_600_000 },
    });
  });

  it('tells of a period what was known at its end, and what was overdue when it began', async () => {
    await troubled();
    const of = async (from: string, to: string) =>
      (await reportOn(world, { period: { from, to, now: world.now } })).compliance;
    // Done a day later: missing at the end of this period.
    expect(await of('2027-04-01T00:00:00Z', '2027-04-08T00:00:00Z')).toMatchObject({
      due: 1,
      onTime: 0,
      rotations: 0,
      longestOverdue: { due: APRIL, doneAt: null },
    });
    // Its date lies before this one, and it was done in it.
    expect(await of('2027-04-08T00:00:00Z', '2027-05-01T00:00:00Z')).toMatchObject({
      due: 0,
      onTime: 0,
      rotations: 1,
      longestOverdue: { due: APRIL, doneAt: '2027-04-09T00:00:00Z' },
    });
    expect(await of(JANUARY, APRIL)).toMatchObject({ due: 1, onTime: 1, rotations: 1, failures: 0 });
  });

  it('waits for windows and freezes, as status does', async () => {
    await rotated();
    go('2027-04-07T03:00:00Z');
    const input = await inputOf(world);
    const freeze = {
      path: 'shop/fair',
      position: null,
      from: '2027-04-01',
      through: '2027-04-10',
      timeZone: 'UTC',
      reason: null,
      secrets: [],
    };
    const frozen = stackReport({ ...input, declared: { ...input.declared, freezes: [freeze] } });
    expect(frozen.compliance).toMatchObject({ due: 1, onTime: 1, longestOverdue: null });
  });

  it('measures an emergency from its discovery until the last version is dead', async () => {
    await troubled();
    world.later(0.5);
    const plan = await world.planCompromise(['a']);
    world.later(0.2);
    expect((await world.perform(plan)).outcome).toBe('done');
    const { compliance, timelines } = await reportOn(world);
    expect(compliance.emergencies).toEqual([
      {
        entry: 7,
        incident: 'INC-7',
        discoveredAt: '2027-04-09T00:30:00Z',
        secrets: [A],
        deadAt: '2027-04-09T00:42:00Z',
        ms: 720_000,
      },
    ]);
    expect(timelines.flatMap(lines).slice(-3)).toEqual([
      // Its soak was cut short.
      'v2 2027-04-08T09:00:00Z to 2027-04-09T00:00:00Z, soaks 2027-04-09T00:42:00Z, compromised 2027-04-09T00:42:00Z',
      'v4 2027-04-09T00:00:00Z to 2027-04-09T00:42:00Z, soaks not, compromised 2027-04-09T00:42:00Z',
      'v5 2027-04-09T00:42:00Z to now, soaks not, lives',
    ]);
  });

  it('says of an emergency that is not over that it is not', async () => {
    const manual = { kind: 'manual', instructions: null } as const;
    world = await World.open(
      declare([secret('a', { source: manual }), secret('b')], [service('api', ['a', 'b'])]),
    );
    await world.apply({}, { a: 'good-1' });
    await world.compromise(['b']);
    expect((await reportOn(world)).compliance.emergencies).toMatchObject([{ deadAt: null, ms: null }]);
    world.later(1);
    expect((await world.compromise(['b'], {}, { a: 'good-2' })).outcome).toBe('done');
    expect((await reportOn(world)).compliance.emergencies).toMatchObject([
      { entry: 2, deadAt: world.now, ms: 3_600_000 },
    ]);
  });
});

describe('the entries of a report', () => {
  it('are those of the period, with who, why, what moved, and how each step ended', async () => {
    await rotated();
    const period = { from: JANUARY, to: APRIL, now: world.now };
    const { entries } = await reportOn(world, { period });
    expect(entries).toMatchObject([
      {
        entry: 2,
        kind: 'apply',
        outcome: 'done',
        who: 'tester',
        knownBy: 'os-user',
        host: 'here',
        incident: null,
        moves: [{ secret: A, before: 1, after: 2 }],
        consumers: ['swarm://prod/api'],
      },
    ]);
    const verified = entries[0]?.evidence.find(
      ({ text }) => text.startsWith('verify') || text.includes('healthy'),
    );
    expect(verified?.proof).toContain('2 tasks run on it');
    expect(entries[0]?.evidence.every(({ status }) => status === 'done')).toBe(true);
  });

  it('take who it was from what is hardest to forge, and the causes in full where they are kept', async () => {
    await rotated();
    const input = await inputOf(world);
    const entries = input.entries.map((entry) => ({
      ...entry,
      actor: {
        ...entry.actor,
        identities: [{ knownBy: 'oidc', name: 'repo:shop/infra' } as const],
      },
      commit: { id: 'c0ffee', isDirty: true },
      steps: entry.steps.map((step) => ({ ...step, cause: { kind: 'due', due: JANUARY } as const })),
    }));
    expect(stackReport({ ...input, entries }).entries.at(-1)).toMatchObject({
      who: 'repo:shop/infra',
      knownBy: 'oidc',
      commit: 'c0ffee-dirty',
      causes: [
        { address: 'swarm://prod/api', cause: `due ${JANUARY}` },
        { address: A, cause: `due ${JANUARY}` },
      ],
    });
  });
});
