import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measurePlans } from '../../bench/scale/plans.ts';
import type { Row } from '../../bench/scale/rows.ts';
import { exponentOf, median, renderGrowth, renderRows, requestsOf } from '../../bench/scale/rows.ts';
import { buildInto } from '../support/built.ts';

describe('the growth of a figure', () => {
  it('is the power of its size that fits it best', () => {
    expect(
      exponentOf([
        [10, 30],
        [100, 300],
        [1000, 3000],
      ]),
    ).toBeCloseTo(1);
    expect(
      exponentOf([
        [10, 5],
        [100, 500],
      ]),
    ).toBeCloseTo(2);
    expect(exponentOf([[10, 5]])).toBeNaN();
  });

  it('is told of what was asked without latency, and a median is one of its numbers', () => {
    const row = (secrets: number, latencyMs: number | null): Row => ({
      what: 'plan',
      secrets,
      services: 1,
      latencyMs,
      wallMs: 10 * secrets,
      cpuMs: secrets,
      peakMb: 100,
      counts: { 'vault SecretList': secrets / 10 },
      floorMs: latencyMs === null ? null : 5 * secrets,
    });
    const rows = [row(100, 0), row(1000, 0), row(1000, 20)];
    expect(renderGrowth(rows)).toBe('plan: grows with size to the power of 1.00 (CPU), 1.00 (requests)');
    expect(renderRows(rows).split('\n')[1]).toMatch(
      /^plan +100 +0 ms +1\.00 s +0\.50 s +2\.00 +0\.10 s +100 MB +10$/,
    );
    expect(median([3, 1, 2])).toBe(2);
  });
});

describe('a plan of the built package', () => {
  let built: string;
  beforeAll(async () => {
    built = await realpath(await mkdtemp(join(tmpdir(), 'keyturn-built-')));
    await buildInto(built);
  });
  afterAll(() => rm(built, { recursive: true, force: true }));

  it.each([
    [30, 3],
    [130, 13],
  ])(
    'asks for the pages of a bare listing and five lists more, whether all of %i secrets are due or none',
    { timeout: 120_000 },
    async (secrets, services) => {
      const rows = await measurePlans({ secrets, services }, { latencies: [0], rounds: 1, built });
      const plans = rows.filter(({ what }) => what.startsWith('plan, '));
      expect(plans).toHaveLength(2);
      for (const row of plans) {
        expect(row.counts['vault SecretList']).toBeLessThanOrEqual(Math.ceil(secrets / 25) + 1);
        expect(requestsOf(row)).toBeLessThanOrEqual(Math.ceil(secrets / 25) + 5);
      }
    },
  );
});
