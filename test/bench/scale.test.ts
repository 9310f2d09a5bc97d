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
      childrenMs: 10 * secrets,
      peakMb: 100,
      counts: { 'vault SecretList': secrets / 10 },
      floorMs: latencyMs === null ? null : 5 * secrets,
    });
    const rows = [row(100, 0), row(1000, 0), row(1000, 20)];
    expect(renderGrowth(rows)).toBe('plan: grows with size to the power of 1.00 (CPU), 1.00 (requests)');
    expect(renderRows(rows).split('\n')[1]).toMatch(
      /^plan +100 +0 ms +1\.00 s +0\.50 s +2\.00 +0\.10 s +1\.00 s +100 MB +10$/,
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

  /** Sizes of whole pages, so that the slope of the requests is that of the pages. */
  const SIZES = [
    { secrets: 25, services: 3 },
    { secrets: 200, services: 20 },
  ];

  it(
    'asks for the pages of a bare listing and five lists more, whether all secrets are due or none, and no faster than linearly',
    { timeout: 240_000 },
    async () => {
      const rows: Row[] = [];
      for (const size of SIZES)
        rows.push(...(await measurePlans(size, { latencies: [0], rounds: 1, built, alchemy: null })));
      const plans = rows.filter(({ what }) => what.startsWith('plan, '));
      expect(plans).toHaveLength(2 * SIZES.length);
      for (const row of plans) {
        expect(row.counts['vault SecretList']).toBeLessThanOrEqual(Math.ceil(row.secrets / 25) + 1);
        expect(requestsOf(row)).toBeLessThanOrEqual(Math.ceil(row.secrets / 25) + 5);
      }
      for (const kind of new Set(plans.map(({ what }) => what))) {
        const own = plans.filter(({ what }) => what === kind);
        expect(exponentOf(own.map((row) => [row.secrets, requestsOf(row)]))).toBeLessThanOrEqual(1.05);
      }
    },
  );
});
