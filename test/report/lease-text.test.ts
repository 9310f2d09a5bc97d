import { expect, it } from 'vitest';
import { heldQuestion, renderHeld } from '../../src/report/lease-text.ts';
import { makePaint } from '../../src/report/paint.ts';

const page = { paint: makePaint(false), width: 60, now: '2026-11-22T03:01:00Z' };
const held = {
  holder: 'Ada \u001b[2J<ada@example.org>',
  purpose: 'keyturn apply',
  host: 'runner-7',
  pid: 811,
  run: 'https://ci.example/runs/811',
  since: '2026-11-22T02:50:00Z',
  renewed: '2026-11-22T03:00:48.120Z',
  expires: '2026-11-22T03:01:48.120Z',
};

it('a lease says who holds it, until when, and what taking it means, on a narrow page and without control characters', () => {
  const text = renderHeld('shop', held, null, page);
  expect(text.split('\n').slice(0, 9)).toEqual([
    'The lease of shop is held',
    '  holder   Ada <ada@example.org>',
    '  purpose  keyturn apply',
    '  since    2026-11-22 02:50Z',
    '  renewed  2026-11-22 03:00:48Z, 12 s ago',
    '  expires  2026-11-22 03:01:48Z',
    '  where    pid 811 on runner-7',
    '  run      https://ci.example/runs/811',
    '  process  on another host: whether it still runs cannot be',
  ]);
  expect(text).toContain('stops before its next');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
  expect(text + heldQuestion(held.holder)).not.toContain('\u001b');
});

it('a lease that has run out, or whose process is dead, says so', () => {
  const over = { ...page, now: '2026-11-22T03:05:00Z' };
  expect(renderHeld('shop', held, false, over)).toMatch(
    /it has run out[^]*is dead: the next apply takes over/,
  );
  expect(renderHeld('shop', held, true, page)).toContain('still runs on this host');
  expect(renderHeld('shop', held, true, { ...page, now: '2026-11-22T02:59:00Z' })).toContain('ahead of ours');
});
