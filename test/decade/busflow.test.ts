import { expect, it } from 'vitest';
import { BusflowStack } from '../../stacks/busflow.ts';
import { declaredBy } from './declared-by.ts';
import { reportOn } from './report-on.ts';
import { verdictOn } from './verdict.ts';
import { DAY } from './era.ts';
import { live } from './years.ts';

it('meets every due date of busflow once in ten years, with outages and people who come late', async () => {
  const decade = await live(declaredBy(BusflowStack, 'busflow'), 'busflow');
  try {
    const { wrong, met } = await verdictOn(decade);
    expect(wrong).toEqual([]);
    // Eight secrets, four times a year; the last dates may lie too close to the end.
    expect(met).toBeGreaterThan(8 * 38);
    expect(decade.counts.idle).toBeGreaterThan(2_000);
    expect(decade.counts.troubled).toBeGreaterThan(0);

    const { compliance, timelines, entries } = await reportOn(decade);
    // The last dates may still be open.
    expect(compliance.due).toBeGreaterThanOrEqual(met);
    expect(compliance.onTime).toBeGreaterThan(0);
    expect(compliance.onTime).toBeLessThan(compliance.due);
    // Whoever is late comes within days, and each date is met before the next one.
    expect(compliance.longestOverdue?.doneAt).not.toBeNull();
    expect(compliance.longestOverdue?.ms).toBeLessThan(90 * DAY);
    expect(entries.length).toBeGreaterThan(100);
    const { secrets } = await decade.era.record.read();
    const promoted = Object.values(secrets).flatMap(({ versions }) =>
      versions.filter(({ promotedAt }) => promotedAt !== null),
    );
    expect(timelines.flatMap(({ spans }) => spans)).toHaveLength(promoted.length);
  } finally {
    await decade.era.close();
  }
}, 600_000);
