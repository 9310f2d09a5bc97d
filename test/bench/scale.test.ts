import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measurePlans } from '../../bench/scale/plans.ts';
import type { Row } from '../../bench/scale/rows.ts';
import { exponentOf, median, renderGrowth, renderRows, requestsOf } from '../../bench/scale/rows.ts';
import { renderTargets, targetsOf } from '../../bench/scale/targets.ts';
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

describe('the promises', () => {
  const row = (what: string, more: Partial<Row>): Row => ({
    what,
    secrets: 0,
    services: 0,
    latencyMs: null,
    wallMs: 0,
    cpuMs: 0,
    childrenMs: 0,
    peakMb: 0,
    counts: {},
    floorMs: null,
    ...more,
  });

  it('are held against what was measured of them, and nothing is said of the rest', () => {
    const idle = { secrets: 10_000, counts: { 'vault SecretList': 400 }, peakMb: 301, floorMs: 100 };
    const rows = [
      row('status', { cpuMs: 690, childrenMs: 900 }),
      row('plan, nothing to do', { ...idle, latencyMs: 0, wallMs: 250 }),
      row('plan, nothing to do', { ...idle, latencyMs: 20, wallMs: 131 }),
      row('terraform plan, nothing to do', { secrets: 10_000, wallMs: 1_000 }),
    ];
    const live = { wallMs: 12, flipsMs: 11, bareMs: 11, loopMs: 59 };
    const lines = renderTargets(targetsOf(rows, { live })).split('\n');
    expect(lines.map((line) => line.replace(/ {2,}/g, '  '))).toEqual([
      'plan of 10000, nothing to do, 0 ms: requests  400  at most 405  met',
      'plan of 10000, nothing to do, 0 ms: peak memory in MB  301  at most 300  NOT MET',
      'plan of 10000, nothing to do, 0 ms: wall beside terraform plan  0.25  at most 0.25  met',
      'plan of 10000, nothing to do, 20 ms: wall beside the bare listing  1.31  at most 1.30  NOT MET',
      'status: CPU in s, without the app  0.69  at most 0.70  met',
      'live services: apply beside a bare client  1.09  at most 1.15  met',
      "live services: the runbook's loop beside apply  4.92  at least 5  NOT MET",
    ]);
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
