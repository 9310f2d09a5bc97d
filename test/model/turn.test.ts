import { setImmediate as iteration } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { turn } from '../../src/model/turn.ts';

test('who computes much goes on one at a time, in order, and an answer is read between any two of them', async () => {
  const events: string[] = [];
  const compute = async (who: string): Promise<void> => {
    for (const part of [1, 2]) {
      await turn();
      events.push(`${who}${part}`);
    }
  };
  let isOver = false;
  const answers = async (): Promise<void> => {
    for (;;) {
      await iteration();
      if (isOver) return;
      if (events.at(-1) !== 'answer') events.push('answer');
    }
  };
  const reading = answers();
  await Promise.all([compute('a'), compute('b')]);
  isOver = true;
  await reading;
  const computed = events.filter((event) => event !== 'answer');
  expect(computed).toEqual(['a1', 'b1', 'a2', 'b2']);
  const follows = events.slice(1).some((event, at) => event !== 'answer' && events[at] !== 'answer');
  expect(follows, events.join(' ')).toBe(false);
});
