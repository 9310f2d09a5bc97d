import { expect, it } from 'vitest';
import { harbour } from './harbour.ts';
import { verdictOn } from './verdict.ts';
import { live } from './years.ts';

it('rotates stand-ins apart, inside of windows and outside of freezes, for two years and a month', async () => {
  const decade = await live(harbour(), 'harbour', 25 / 12);
  try {
    const { wrong, met } = await verdictOn(decade);
    expect(wrong).toEqual([]);
    expect(met).toBeGreaterThan(90);
  } finally {
    await decade.era.close();
  }
}, 600_000);
