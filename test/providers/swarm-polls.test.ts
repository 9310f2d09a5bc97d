import { expect, it } from 'vitest';
import { restOfPoll } from '../../src/providers/swarm-verify.ts';

it('all who verify look at the same moments, whenever they began, and each of them soon', () => {
  const begun = Array.from({ length: 997 }, (_, index) => 10_000 + index * 0.4);
  const moments = new Set(begun.map((ticks) => Math.round(ticks + restOfPoll(ticks))));
  expect([...moments].sort((a, b) => a - b)).toEqual([10_400, 10_800]);
  for (const ticks of begun) {
    expect(restOfPoll(ticks)).toBeGreaterThanOrEqual(100);
    expect(restOfPoll(ticks)).toBeLessThanOrEqual(500);
  }
});
