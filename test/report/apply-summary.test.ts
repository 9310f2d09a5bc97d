import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { SecretAddress } from '../../src/model/address.ts';
import { renderApplySummary } from '../../src/report/apply-summary.ts';
import { page, rotation } from './fixture.ts';
import {
  before,
  failure,
  interrupted,
  pairPlan as plan,
  returned,
  rotated,
  stopped,
  success,
} from './record-fixture.ts';

const manual: ReadonlySet<SecretAddress> = new Set();

const cases = [
  { name: 'success', entry: success, recorded: rotated },
  { name: 'rollback', entry: failure, recorded: returned },
  { name: 'stop', entry: stopped, recorded: before },
  { name: 'interrupt', entry: interrupted, recorded: before },
] as const;

describe('the summary of an apply', () => {
  it.each(cases)('of a $name reads as its golden file', async ({ name, entry, recorded }) => {
    const text = renderApplySummary({ manual, ...page(80), plan, entry, recorded });
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/apply-${name}-80.txt`);
  });

  it.each(cases)('of a $name differs with colour in nothing but escape codes', ({ entry, recorded }) => {
    const coloured = renderApplySummary({ manual, ...page(80, true), plan, entry, recorded });
    expect(stripVTControlCharacters(coloured)).toBe(
      renderApplySummary({ manual, ...page(80), plan, entry, recorded }),
    );
  });

  it('does not take the record for the truth where the way back failed', () => {
    const text = renderApplySummary({ manual, ...page(200), plan, entry: stopped, recorded: before });
    expect(text).toContain(
      'by the record: reads db-writer v3, db-reader v3; not certain, undo-failed: flip 2 secrets',
    );
    expect(
      renderApplySummary({ manual, ...page(200), plan, entry: failure, recorded: returned }),
    ).not.toContain('not certain');
  });

  it('does not take the record for the truth where a part had no way back', () => {
    const left = { ...stopped, outcome: 'incomplete' as const };
    const text = renderApplySummary({ manual, ...page(200), plan, entry: left, recorded: before });
    expect(text).toContain('by the record: v3; done but not promoted: deliver');
  });

  it('lets a held secret go by a new value where a person brings it', () => {
    const held = Object.keys(returned.secrets) as SecretAddress[];
    const text = renderApplySummary({
      manual: new Set(held),
      ...page(200),
      plan,
      entry: failure,
      recorded: returned,
    });
    expect(text).toContain(`remove the cause, then \`keyturn apply --value ${held[0]}=-\``);
    expect(text).not.toContain('--rotate');
  });

  it('does not say what a service reads that somebody removed meanwhile', () => {
    const fault = { code: 'service-absent' as const, what: 'the service was removed while it was verified' };
    const steps = failure.steps.map((step) => (step.kind === 'verify' ? { ...step, fault } : step));
    const text = renderApplySummary({
      manual,
      ...page(200),
      plan,
      entry: { ...failure, steps },
      recorded: returned,
    });
    expect(text).toMatch(/by the record: reads .*; there is no such service any more/);
  });

  it('names the groups that went through although another failed', () => {
    const both = { ...rotation, blocked: [], notes: [] };
    const others = rotation.steps.filter((step) => step.group === 'g2');
    const done = others.map(({ id, kind, address, text }) => {
      return { id, kind, address, text, status: 'done' as const, elapsedMs: 10, fault: null, evidence: null };
    });
    const entry = { ...failure, steps: [...failure.steps, ...done] };
    const text = renderApplySummary({ manual, ...page(80), plan: both, entry, recorded: returned });
    expect(text.split('\n').slice(-2)).toEqual([
      'Apply failed and was rolled back: db-writer is at v3, db-reader is at v3.',
      'Group g2 went through and stays.',
    ]);
  });

  it('of a rollback calls it that, however it ended', () => {
    const back = { ...plan, kind: 'rollback' as const };
    for (const { entry, recorded } of cases) {
      const text = renderApplySummary({ manual, ...page(80), plan: back, entry, recorded });
      expect(text).toMatch(/^Rollback (complete|failed|stopped|interrupted)/m);
      expect(text).not.toMatch(/^Apply /m);
    }
    expect(
      renderApplySummary({ manual, ...page(80), plan: back, entry: success, recorded: rotated }),
    ).toMatch(/\nRollback complete! Resources: 4 added, 1 changed, 0 destroyed\.$/);
  });

  it('ends a success, and nothing else, with the line of Terraform', () => {
    const complete = 'Apply complete! Resources: 4 added, 1 changed, 0 destroyed.';
    for (const { entry, recorded } of cases) {
      const last = renderApplySummary({ manual, ...page(80), plan, entry, recorded })
        .split('\n')
        .at(-1);
      if (entry === success) expect(last).toBe(complete);
      else expect(last).not.toMatch(/Apply complete/);
    }
  });
});
