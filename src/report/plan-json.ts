import { digestOf } from '../model/canonical.ts';
import type { Address, SecretAddress } from '../model/address.ts';
import { isConsumerAddress, nameOf } from '../model/address.ts';
import type { Blocked, FlipChange, LaterStep, Plan, Step } from '../model/plan.ts';
import { countsOf, isEmpty } from '../model/plan.ts';

/** Minor: additive, ignore what you do not know. Major: refuse. */
export const PLAN_JSON_VERSION = '1.0';

export interface ResourceChange {
  readonly address: Address;
  readonly type: 'keyturn_secret_version' | 'keyturn_copy' | 'keyturn_consumer' | 'keyturn_secret';
  readonly name: string;
  readonly change: {
    readonly actions: readonly ['create' | 'update' | 'delete' | 'no-op'];
    readonly before: Readonly<Record<string, unknown>> | null;
    readonly after: Readonly<Record<string, unknown>> | null;
    readonly after_unknown: Readonly<Record<string, true>>;
  };
  /** The cause's kind, `later` for a dated step, `blocked_<why>` for what may not move. */
  readonly action_reason: string;
  /** Dated steps only: when it is due. */
  readonly not_before?: string;
}

/**
 * A plan as JSON for policies and pipelines, value-free like the plan.
 *
 * `resource_changes[].change.actions` is Terraform's, so rules written for it work: the created, updated and
 * deleted entries are as many as the `Plan:` line counts, dated ones included, and a scan for `delete` finds
 * every retirement. Blocked addresses are `no-op`. Verify, promote and settle change no resource: they stand in
 * `steps`, which is the plan's own list in execution order, with causes and inverses.
 *
 * A what-if is a plan of another time than now: it has no digest to approve, and is not applyable.
 */
export function planJson(plan: Plan, whatIf = false): object {
  return {
    format_version: PLAN_JSON_VERSION,
    stack: plan.stack,
    kind: plan.kind,
    timestamp: plan.createdAt,
    what_if: whatIf,
    plan_digest: whatIf ? null : digestOf(plan),
    resource_changes: [
      ...plan.steps.flatMap((step) => changeOf(step)),
      ...plan.later.flatMap((step) => laterChange(step, plan)),
      ...plan.blocked.map(blockedChange),
    ],
    groups: plan.groups,
    steps: plan.steps,
    later: plan.later,
    blocked: plan.blocked,
    notes: plan.notes,
    basis: plan.basis,
    ...(plan.emergency === undefined ? {} : { emergency: plan.emergency }),
    counts: countsOf(plan),
    applyable: !whatIf && !isEmpty(plan),
    complete: plan.blocked.length === 0,
    errored: false,
  };
}

type Values = Readonly<Record<string, unknown>>;

function changeOf(step: Step): ResourceChange[] {
  const reason = step.cause.kind;
  switch (step.kind) {
    case 'mint':
      return [
        created(
          'keyturn_secret_version',
          step.address,
          reason,
          version(step.secret, step.ordinal),
          'store_id',
        ),
      ];
    case 'stage':
      return [created('keyturn_copy', step.address, reason, copy(step), 'id')];
    case 'flip':
      return [
        updated('keyturn_consumer', step.address, reason, {
          before: { mounts: mounts(step.changes, 'from') },
          after: { mounts: mounts(step.changes, 'to') },
        }),
      ];
    case 'restore':
      return [
        updated('keyturn_secret_version', step.address, reason, {
          before: version(step.secret, step.failed),
          after: step.to === null ? null : version(step.secret, step.to),
        }),
      ];
    case 'retire':
      return [deleted('keyturn_secret_version', step.address, reason, version(step.secret, step.ordinal))];
    case 'unstage':
    case 'prune':
      return [deleted('keyturn_copy', step.address, reason, copy(step))];
    case 'revoke':
    case 'prove':
    case 'effect':
    case 'verify':
    case 'smoke':
    case 'promote':
    case 'demote':
    case 'settle':
      return [];
  }
}

function laterChange(step: LaterStep, plan: Plan): ResourceChange[] {
  if (step.kind !== 'retire' && step.kind !== 'prune') return [];
  const promotion = plan.steps
    .flatMap((each) => (each.kind === 'promote' ? each.promotions : []))
    .find((promotion) => promotion.secret === step.address);
  const prior = promotion?.prior ?? null;
  const before = prior === null ? { text: step.text } : { ...version(step.address, prior), text: step.text };
  const type = step.kind === 'retire' ? 'keyturn_secret_version' : 'keyturn_copy';
  return [{ ...deleted(type, step.address, 'later', before), not_before: step.notBefore }];
}

function blockedChange(entry: Blocked): ResourceChange {
  return {
    address: entry.address,
    type: isConsumerAddress(entry.address) ? 'keyturn_consumer' : 'keyturn_secret',
    name: nameOf(entry.address),
    change: { actions: ['no-op'], before: null, after: null, after_unknown: {} },
    action_reason: `blocked_${entry.why.replaceAll('-', '_')}`,
  };
}

function version(secret: Address, ordinal: number): Values {
  return { secret, version: ordinal };
}

function copy(step: { secret: SecretAddress; ordinal: number; platform: string; copy: string }): Values {
  return { ...version(step.secret, step.ordinal), platform: step.platform, name: step.copy };
}

function mounts(changes: readonly FlipChange[], side: 'from' | 'to'): Values {
  return Object.fromEntries(changes.map((change) => [change.target, change[side]?.copy ?? null]));
}

type Type = ResourceChange['type'];

function created(
  type: Type,
  address: Address,
  reason: string,
  after: Values,
  unknown: string,
): ResourceChange {
  const change = { actions: ['create'], before: null, after, after_unknown: { [unknown]: true } } as const;
  return { address, type, name: nameOf(address), change, action_reason: reason };
}

function updated(
  type: Type,
  address: Address,
  reason: string,
  values: { before: Values; after: Values | null },
): ResourceChange {
  const change = { actions: ['update'], ...values, after_unknown: {} } as const;
  return { address, type, name: nameOf(address), change, action_reason: reason };
}

function deleted(type: Type, address: Address, reason: string, before: Values): ResourceChange {
  const change = { actions: ['delete'], before, after: null, after_unknown: {} } as const;
  return { address, type, name: nameOf(address), change, action_reason: reason };
}
