import { describe, expect, it } from 'vitest';
import { MASKS } from '../../src/model/guard.ts';
import { guardedEntry, guardedLine, guardedPlan } from '../../src/model/guarded.ts';
import type { HistoryEntry, JournalLine } from '../../src/model/journal.ts';
import type { Plan } from '../../src/model/plan.ts';
import { SecretValue } from '../../src/model/secret-value.ts';

const TEXT = 'value-of-a-secret';
const owner = new SecretValue(TEXT);

/** Places of a document whose text holds the value, and those where it is masked. */
function places(document: unknown, at = ''): { kept: string[]; masked: string[] } {
  if (typeof document === 'string')
    return { kept: document.includes(TEXT) ? [at] : [], masked: document.includes(MASKS.value) ? [at] : [] };
  if (typeof document !== 'object' || document === null) return { kept: [], masked: [] };
  const inner = Object.entries(document).map(([name, each]) =>
    places(each, at === '' ? name : `${at}.${name}`),
  );
  return { kept: inner.flatMap(({ kept }) => kept), masked: inner.flatMap(({ masked }) => masked) };
}

const fault = {
  code: 'vault-refused',
  what: TEXT,
  where: `vault://${TEXT}/x`,
  live: TEXT,
  next: TEXT,
  problems: [{ what: TEXT, where: `line of ${TEXT}`, next: TEXT }],
};
const FAULT = ['what', 'live', 'next', 'problems.0.what', 'problems.0.where', 'problems.0.next'];
const cause = { kind: 'request', at: '2026-11-22T03:00:00Z', reason: TEXT };
const step = {
  id: `mint/${TEXT}`,
  kind: 'mint',
  group: TEXT,
  address: `vault://prod/${TEXT}`,
  secret: `vault://prod/${TEXT}`,
  needs: [TEXT],
  cause: { kind: 'together', secret: `vault://prod/${TEXT}`, of: cause },
  text: TEXT,
  operation: TEXT,
  tags: { contact: TEXT },
  inverse: {
    id: TEXT,
    kind: 'restore',
    text: TEXT,
    cause: { kind: 'rollback', reason: TEXT },
    tags: { contact: TEXT },
    inverse: null,
  },
};
const STEP = ['cause.of.reason', 'text', 'inverse.text', 'inverse.cause.reason'];
const under = (prefix: string, names: readonly string[]): string[] =>
  names.map((name) => `${prefix}.${name}`);

describe('what is read again', () => {
  it('is masked in the free text of a plan, and in nothing that an apply goes by', () => {
    const plan = {
      stack: TEXT,
      steps: [step],
      later: [{ kind: 'retire', address: `vault://prod/${TEXT}`, text: TEXT }],
      blocked: [{ address: `vault://prod/${TEXT}`, why: 'unknown', text: TEXT, next: TEXT, fault }],
      notes: [{ kind: 'drift', address: null, text: TEXT }],
      emergency: { incident: TEXT, exposed: [{ address: `vault://prod/${TEXT}`, text: TEXT, next: TEXT }] },
    };
    const { kept, masked } = places(guardedPlan(plan as unknown as Plan));
    expect(masked.sort()).toEqual(
      [
        ...under('steps.0', STEP),
        'later.0.text',
        'blocked.0.text',
        'blocked.0.next',
        ...under('blocked.0.fault', FAULT),
        'notes.0.text',
        'emergency.exposed.0.text',
        'emergency.exposed.0.next',
      ].sort(),
    );
    expect(kept).toEqual(
      expect.arrayContaining([
        'stack',
        'steps.0.tags.contact',
        'steps.0.inverse.tags.contact',
        'emergency.incident',
      ]),
    );
  });

  it.each<[string, unknown, string[]]>([
    [
      'begin',
      { plan: { steps: [step], later: [], blocked: [], notes: [] }, apply: TEXT, reason: TEXT, ticket: TEXT },
      [...under('plan.steps.0', STEP), 'reason', 'ticket'],
    ],
    ['intent', { step }, under('step', STEP)],
    ['outcome', { step: TEXT, result: { status: 'failed', fault } }, under('result.fault', FAULT)],
    [
      'outcome',
      { step: TEXT, result: { status: 'done', storeId: TEXT, evidence: { probe: TEXT }, proof: TEXT } },
      ['result.evidence.probe', 'result.proof'],
    ],
    [
      'hold',
      { secret: `vault://prod/${TEXT}`, held: { reason: TEXT, cause, declaration: TEXT } },
      ['held.reason', 'held.cause.reason'],
    ],
    [
      'park',
      { consumer: `swarm://prod/${TEXT}`, parked: { incident: TEXT, reason: TEXT } },
      ['parked.reason'],
    ],
    [
      'notified',
      { delivery: { to: TEXT, about: `vault://prod/${TEXT}`, failure: TEXT } },
      ['delivery.failure'],
    ],
  ])('is masked in the free text of a journal line, %s', (type, line, expected) => {
    const { masked, kept } = places(guardedLine({ type, ...(line as object) } as unknown as JournalLine));
    expect(masked.sort()).toEqual(expected.sort());
    expect(kept.every((place) => !expected.includes(place))).toBe(true);
  });

  it('is masked in the free text of a history entry', () => {
    const entry = {
      apply: TEXT,
      actor: { name: TEXT },
      reason: TEXT,
      ticket: TEXT,
      versions: { [`vault://prod/${TEXT}`]: { before: 1, after: 2 } },
      notes: [TEXT],
      notified: [{ to: TEXT, failure: TEXT }],
      refusal: { tried: TEXT, fault },
      emergency: { incident: TEXT, exposed: [] },
      steps: [
        {
          id: TEXT,
          address: `vault://prod/${TEXT}`,
          text: TEXT,
          cause,
          fault,
          evidence: { probe: TEXT },
          proof: TEXT,
        },
      ],
    };
    const { masked, kept } = places(guardedEntry(entry as unknown as HistoryEntry));
    expect(masked.sort()).toEqual(
      [
        'reason',
        'ticket',
        'notes.0',
        'notified.0.failure',
        'refusal.tried',
        ...under('refusal.fault', FAULT),
        ...under('steps.0', ['text', 'cause.reason', 'evidence.probe', 'proof', ...under('fault', FAULT)]),
      ].sort(),
    );
    expect(kept).toEqual(expect.arrayContaining(['apply', 'steps.0.address', 'emergency.incident']));
    expect(String(owner)).toBe(MASKS.value);
  });
});
