import { stripVTControlCharacters } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cause, Plan } from '../../src/model/plan.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import { renderPlan, renderWhatIf } from '../../src/report/plan-text.ts';
import { dated, empty, http, laterOf, page, rotation, turnGroup, writer } from './fixture.ts';

/** As Atlantis reads them (runatlantis/atlantis, server/events/models/models.go). */
const ATLANTIS_CHANGES =
  /Plan: (?:(\d+) to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy(?:, (\d+) to forget)?\./;
const ATLANTIS_NO_CHANGES =
  /No changes. (Infrastructure is up-to-date|Your infrastructure matches the configuration)./;
const ROTATION =
  /^(Rotation: \d+ to rotate|Rollback: \d+ to return), \d+ consumers? to flip \(\d+ tasks? restarts?\)(, \d+ to retire now)?(, \d+ to retire after \d{4}-\d\d-\d\d)?\.$/;

const soaking: Plan['notes'][number] = {
  kind: 'later',
  address: writer,
  text: 'db-writer v3 soaks, is the way back, and is retired after 2026-11-25T03:12:00Z',
};

describe('a plan as text', () => {
  it.each([80, 120])('reads as its golden file at %i columns', async (width) => {
    await expect(`${renderPlan(rotation, page(width))}\n`).toMatchFileSnapshot(`golden/plan-${width}.txt`);
  });

  it.each([80, 120])(
    'shows the dated steps that are due as their golden file at %i columns',
    async (width) => {
      await expect(`${renderPlan(dated, page(width))}\n`).toMatchFileSnapshot(`golden/plan-due-${width}.txt`);
    },
  );

  it('differs with colour in nothing but escape codes', () => {
    const coloured = renderPlan(rotation, page(80, true));
    expect(coloured).toContain('\u001b[');
    expect(stripVTControlCharacters(coloured)).toBe(renderPlan(rotation, page(80)));
  });

  it('of another time says of when, and not that it is refused when something moves', () => {
    const then = { ...page(100), now: '2027-02-20T03:12:00Z' };
    expect(renderWhatIf('2026-11-22T03:12:00Z', then)).toMatch(/^What-if at 2027-02-20 03:12Z \(in 90 d\), /);
    const text = renderPlan({ ...rotation, createdAt: then.now }, { ...then, whatIf: true });
    expect(text).toMatch(/^as of 2027-02-20 03:12Z from record 41 .* 5 observed addresses$/m);
    expect(text).toContain('due 2026-10-05 03:00Z (138 d ago)');
    expect(text).not.toMatch(/refused when|approved with/);
  });

  it('is exactly the line of Terraform when nothing is to do', () => {
    expect(renderPlan(empty, page(80))).toBe('No changes. Your infrastructure matches the configuration.');
  });

  it('lists dated steps after the line when nothing is to do yet', () => {
    const lines = renderPlan({ ...empty, notes: [soaking] }, page(80)).split('\n');
    expect(lines[0]).toMatch(ATLANTIS_NO_CHANGES);
    expect(lines.slice(1).join(' ')).toContain('* vault://busflow-prod/db-writer: db-writer v3 soaks');
  });

  it('says no changes while a secret that is due still soaks', () => {
    const blocked: Plan['blocked'] = [
      { address: writer, why: 'soaking', text: 'v3 soaks until 2026-11-25 03:12Z', next: null, fault: null },
    ];
    expect(renderPlan({ ...empty, blocked }, page(80))).toMatch(ATLANTIS_NO_CHANGES);
  });

  it('gives zeros instead of no changes while something is held', () => {
    const blocked: Plan['blocked'] = [
      { address: writer, why: 'held', text: 'held since a rollback', next: null, fault: null },
    ];
    const text = renderPlan({ ...empty, blocked }, page(80));
    expect(text).toContain('Plan: 0 to add, 0 to change, 0 to destroy.');
    expect(text).not.toMatch(ATLANTIS_NO_CHANGES);
    expect(text).toContain('held since a rollback');
  });

  it('ends with lines that Atlantis and scripts can parse', () => {
    const lines = renderPlan(rotation, page(80)).split('\n');
    expect(lines.at(-2)).toMatch(ATLANTIS_CHANGES);
    expect(lines.at(-1)).toBe(
      'Rotation: 3 to rotate, 2 consumers to flip (4 tasks restart), 2 to retire after 2026-11-25.',
    );
    expect(lines.at(-1)).toMatch(ROTATION);
  });

  it('shows a rollback in its own words, as its golden file', async () => {
    const forth = rotation.steps.filter((step) => step.group === 'g1');
    const steps = forth.toReversed().flatMap((step) => (step.inverse === null ? [] : [step.inverse]));
    const plan: Plan = { ...empty, kind: 'rollback', groups: rotation.groups.slice(0, 1), steps };
    const text = renderPlan(plan, page(80));
    await expect(`${text}\n`).toMatchFileSnapshot('golden/plan-rollback-80.txt');
    expect(text.split('\n').at(-1)).toMatch(ROTATION);
  });

  it.each([rotation, dated])('says the point of no return once', (plan) => {
    expect(renderPlan(plan, page(80)).split('point of no return')).toHaveLength(2);
  });

  it('explains only the symbols that occur', () => {
    const symbols = renderPlan(dated, page(120))
      .split('\n')
      .find((line) => line.startsWith('Symbols:'));
    expect(symbols).toBe('Symbols: - retire, prune | = settle');
  });

  it('lets no control sequence of an observed name reach the terminal', () => {
    const notes: Plan['notes'] = [
      { kind: 'drift', address: null, text: 'busflow\u001b[2J\u0007 \u202emoved' },
    ];
    expect(renderPlan({ ...rotation, notes }, page(80))).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  });
});

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,15}$/);
const cause: fc.Arbitrary<Cause> = fc.oneof(
  fc.constant<Cause>({ kind: 'first' }),
  fc.record({ kind: fc.constant('generation' as const), generation: fc.nat(99) }),
  fc.record({
    kind: fc.constant('request' as const),
    at: fc.constant('2026-11-22T03:00:00Z'),
    reason: fc.option(fc.array(name, { maxLength: 12 }).map((words) => words.join(' '))),
  }),
);
const group = fc.record({
  secrets: fc.array(fc.record({ name, to: fc.integer({ min: 1, max: 99 }), cause }), {
    minLength: 1,
    maxLength: 3,
  }),
  service: name,
  tasks: fc.nat(20),
});

function planOf(
  groups: readonly {
    secrets: readonly { name: string; to: number; cause: Cause }[];
    service: string;
    tasks: number;
  }[],
): Plan {
  const all = groups.map((each, index) => ({
    id: `g${index + 1}`,
    turns: each.secrets.map((secret) => ({ ...secret, secret: secretAddress('kv', secret.name) })),
    consumer: consumerAddress('prod', each.service),
    tasks: each.tasks,
  }));
  return {
    ...empty,
    groups: all.map(({ id, turns, consumer }) => ({
      id,
      needs: [],
      secrets: turns.map(({ secret }) => secret),
      consumers: [consumer],
    })),
    steps: all.flatMap(({ id, turns, consumer, tasks }) => turnGroup(id, turns, consumer, tasks, http)),
    later: all.flatMap(({ turns, consumer }) => laterOf(turns, consumer)),
  };
}

describe('any plan as text', () => {
  it('never exceeds the page, but for the lines that scripts parse', () => {
    fc.assert(
      fc.property(fc.array(group, { maxLength: 4 }), fc.integer({ min: 70, max: 140 }), (groups, width) => {
        const lines = renderPlan(planOf(groups), page(width)).split('\n');
        const tooLong = lines.filter((line) => line.length > width && !/^(Plan|Rotation): /.test(line));
        expect(tooLong).toEqual([]);
        expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('names every step and every way back', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 3 }), (groups) => {
        const plan = planOf(groups);
        const text = renderPlan(plan, page(1000));
        for (const step of plan.steps) {
          expect(text).toContain(step.text);
          if (step.inverse !== null) expect(text).toContain(`way back: ${step.inverse.text}`);
        }
      }),
      { numRuns: 30 },
    );
  });
});
