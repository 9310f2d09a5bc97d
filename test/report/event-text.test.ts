import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { ApplyEvent } from '../../src/model/event.ts';
import type { Step, StepKind } from '../../src/model/plan.ts';
import { eventJson, renderEvent } from '../../src/report/event-text.ts';
import { NOW, dated, page } from './fixture.ts';
import { pairPlan, refused } from './record-fixture.ts';

function stepOf(kind: StepKind): Step {
  const step = [...pairPlan.steps, ...dated.steps].find((step) => step.kind === kind);
  if (step === undefined) throw new TypeError(kind);
  return step;
}

const at = { sequence: 1, at: NOW };
const flip = stepOf('flip');
const verify = stepOf('verify');
const evidence = {
  tasks: 3,
  elapsedMs: 31_000,
  updateState: null,
  staleOnDownNodes: 1,
  probe: 'GET :8080/healthz answered 200 on 3 of 3 tasks',
};
const ended = {
  ...at,
  type: 'step_end',
  undo: false,
  status: 'done',
  elapsedMs: 420,
  fault: null,
  evidence: null,
} as const;

/** A rotation that fails at its verification and is undone, as the terminal shows it. */
const story: ApplyEvent[] = [
  { ...at, type: 'apply_start', apply: 'a-20261122-031200', stack: 'busflow', steps: 7 },
  { ...at, type: 'step_start', step: stepOf('mint'), undo: false },
  { ...ended, step: stepOf('mint') },
  { ...at, type: 'step_start', step: stepOf('stage'), undo: false },
  { ...ended, step: stepOf('stage') },
  { ...at, type: 'step_start', step: flip, undo: false },
  { ...ended, step: flip, elapsedMs: 1_234 },
  { ...at, type: 'step_start', step: verify, undo: false },
  {
    ...at,
    type: 'step_progress',
    step: verify.id,
    address: verify.address,
    message: 'still verifying, 1 of 3 tasks on the new versions',
  },
  { ...ended, step: verify, status: 'failed', elapsedMs: 31_000, fault: refused },
  { ...at, type: 'rollback_start', group: 'g1', because: refused },
  { ...at, type: 'step_start', step: flip.inverse ?? flip, undo: true },
  { ...ended, step: flip.inverse ?? flip, undo: true, status: 'undone', elapsedMs: 75_000 },
  { ...at, type: 'rollback_end', group: 'g1', complete: true },
  { ...at, type: 'rollback_end', group: 'g1', complete: false },
  { ...ended, step: verify, elapsedMs: 31_000, evidence },
  { ...ended, step: stepOf('promote') },
  { ...ended, step: stepOf('promote'), status: 'skipped' },
  { ...ended, step: stepOf('settle') },
  { ...ended, step: stepOf('retire') },
  { ...ended, step: stepOf('prune') },
];

const told = (width: number, colour: boolean): string =>
  story.map((event) => renderEvent(event, { ...page(width, colour), plan: pairPlan })).join('\n');

describe('progress as text', () => {
  it.each([80, 120])('reads as its golden file at %i columns', async (width) => {
    await expect(`${told(width, false)}\n`).toMatchFileSnapshot(`golden/events-${width}.txt`);
  });

  it('differs with colour in nothing but escape codes', () => {
    expect(told(80, true)).toContain('\u001b[');
    expect(stripVTControlCharacters(told(80, true))).toBe(told(80, false));
  });

  it('begins a rollback as one', () => {
    const start = { ...at, type: 'apply_start', apply: 'a-1', stack: 'busflow', steps: 2 } as const;
    const plan = { ...pairPlan, kind: 'rollback' as const };
    expect(renderEvent(start, { ...page(80), plan })).toBe('rolling back busflow: 2 steps, apply a-1');
    expect(renderEvent(start, page(80))).toBe('applying busflow: 2 steps, apply a-1');
  });

  it('leaves the end of an apply to the summary', () => {
    const counts = {
      'waiting': 0,
      'running': 0,
      'done': 7,
      'failed': 0,
      'undone': 0,
      'undo-failed': 0,
      'skipped': 0,
    };
    expect(renderEvent({ ...at, type: 'apply_end', outcome: 'done', counts }, page(80))).toBeNull();
  });
});

describe('progress as JSON lines', () => {
  it('is one line an event and gives the event back', () => {
    for (const event of story) {
      const line = eventJson(event);
      expect(line).not.toContain('\n');
      expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(event)));
    }
  });
});
