import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/model/canonical.ts';
import { countsOf } from '../../src/model/plan.ts';
import type { ResourceChange } from '../../src/report/plan-json.ts';
import { planJson } from '../../src/report/plan-json.ts';
import { api, dated, empty, rotation, writer } from './fixture.ts';

interface Shape {
  readonly format_version: string;
  readonly resource_changes: readonly ResourceChange[];
  readonly plan_digest: string;
  readonly applyable: boolean;
  readonly complete: boolean;
  readonly errored: boolean;
}

const shapeOf = (plan: typeof rotation): Shape => JSON.parse(JSON.stringify(planJson(plan))) as Shape;

describe('a plan as JSON', () => {
  it.each([rotation, dated, empty])('has as many actions as the Plan line counts', (plan) => {
    const changes = shapeOf(plan).resource_changes;
    const of = (action: string): number =>
      changes.filter(({ change }) => (change.actions as readonly string[]).includes(action)).length;
    expect({ add: of('create'), change: of('update'), destroy: of('delete') }).toEqual(countsOf(plan));
  });

  it('that is a what-if says so, and has nothing to approve or apply', () => {
    expect(planJson(rotation, true)).toMatchObject({ what_if: true, plan_digest: null, applyable: false });
    expect(planJson(rotation)).toMatchObject({
      what_if: false,
      plan_digest: digestOf(rotation),
      applyable: true,
    });
  });

  it('lets a policy for Terraform find every deletion, dated ones included', () => {
    const deletions = shapeOf(rotation).resource_changes.filter(({ change }) =>
      change.actions.some((a) => a === 'delete'),
    );
    expect(deletions).toHaveLength(4);
    expect(
      deletions.map(({ address, type, action_reason, not_before }) => [
        address,
        type,
        action_reason,
        not_before,
      ])[0],
    ).toEqual([writer, 'keyturn_secret_version', 'later', '2026-11-25T03:12:00Z']);
    expect(deletions[0]?.change).toMatchObject({ before: { secret: writer, version: 3 }, after: null });
  });

  it('gives a flip the names that each target has before and after', () => {
    const flip = shapeOf(rotation).resource_changes.find(({ address }) => address === api);
    expect(flip).toEqual({
      address: api,
      type: 'keyturn_consumer',
      name: 'busflow_api',
      action_reason: 'due',
      change: {
        actions: ['update'],
        before: {
          mounts: { busflow_db_writer: 'busflow_db_writer_v3', busflow_db_reader: 'busflow_db_reader_v3' },
        },
        after: {
          mounts: { busflow_db_writer: 'busflow_db_writer_v4', busflow_db_reader: 'busflow_db_reader_v4' },
        },
        after_unknown: {},
      },
    });
  });

  it('lists what is blocked as no-op with the reason', () => {
    const blocked = shapeOf(rotation).resource_changes.filter(({ change }) => change.actions[0] === 'no-op');
    expect(blocked.map(({ action_reason }) => action_reason)).toEqual([
      'blocked_awaiting_value',
      'blocked_unknown',
    ]);
  });

  it('says whether there is something to apply and whether anything was left out', () => {
    expect(shapeOf(rotation)).toMatchObject({
      format_version: '1.0',
      applyable: true,
      complete: false,
      errored: false,
    });
    expect(shapeOf(empty)).toMatchObject({ applyable: false, complete: true, resource_changes: [] });
  });

  it('keeps the steps in order with their inverses, and names the digest that approves them', () => {
    const json = shapeOf(rotation);
    expect(json).toMatchObject({
      steps: JSON.parse(JSON.stringify(rotation.steps)) as unknown,
      groups: rotation.groups,
    });
    expect(json.plan_digest).toBe(digestOf(rotation));
  });
});
