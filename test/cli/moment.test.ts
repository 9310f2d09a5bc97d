import { expect, test } from 'vitest';
import { horizonGiven, momentGiven } from '../../src/cli/moment.ts';
import { Fault } from '../../src/model/fault.ts';

const NOW = '2026-11-26T14:30:00Z';

test('an agenda reaches from now for as long as is said, up to five years', () => {
  expect(horizonGiven('--due', '2w', NOW)).toBe('2026-12-10T14:30:00Z');
  expect(horizonGiven('--due', 'P5Y', NOW)).toBe('2031-11-26T14:30:00Z');
  // A length of more than six digits is none that synth or a manifest takes: it is refused in other words.
  expect(faultOf(() => horizonGiven('--due', 'P9999999Y', NOW))).toMatchObject({ code: 'bad-usage' });
  for (const text of ['1827d', 'P6Y', 'P9000Y']) {
    expect(faultOf(() => horizonGiven('--due', text, NOW))).toMatchObject({
      code: 'bad-usage',
      message: `--due: "${text}" is more than 5 years`,
      next: 'give a shorter time, such as 90d',
    });
  }
});

test('what is no time is refused by the name of its option, with how to write it', () => {
  expect(momentGiven('--at', '2027-01-04', NOW)).toBe('2027-01-04T00:00:00Z');
  expect(faultOf(() => momentGiven('--at', '90d', NOW))).toMatchObject({
    code: 'bad-usage',
    message: '--at: "90d" is no moment',
    live: 'nothing ran',
  });
  expect(faultOf(() => horizonGiven('--due', 'busflow', NOW)).message).toBe(
    '--due: "busflow" is no length of time',
  );
});

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}
