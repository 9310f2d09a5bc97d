import { expect, it } from 'vitest';
import { TrackerStack } from '../../stacks/tracker.ts';
import { declaredBy } from './declared-by.ts';
import { verdictOn } from './verdict.ts';
import { live } from './years.ts';

it('meets every due date of tracker once in ten years, with outages and people who come late', async () => {
  const decade = await live(declaredBy(TrackerStack, 'tracker'), 'tracker');
  try {
    const { wrong, met } = await verdictOn(decade);
    expect(wrong).toEqual([]);
    // Four of its secrets have dates, four times a year.
    expect(met).toBeGreaterThan(4 * 38);
    expect(decade.counts.idle).toBeGreaterThan(2_000);
    expect(decade.counts.troubled).toBeGreaterThan(0);
  } finally {
    await decade.era.close();
  }
}, 600_000);
