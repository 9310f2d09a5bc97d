import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cost } from './commands.ts';
import { keyturn, measured } from './commands.ts';
import { expectDone, makeProject, manifestOf } from './project.ts';
import type { Row } from './rows.ts';
import { median } from './rows.ts';
import type { Counts, Size } from './served.ts';
import { Served } from './served.ts';
import { terraformPlan } from './terraform.ts';

export interface PlanOptions {
  readonly latencies: readonly number[];
  readonly rounds: number;
  /** The package as it is published. */
  readonly built: string;
}

const FLOOR = fileURLToPath(new URL('floor.mjs', import.meta.url));

/** Synth, `plan` with nothing to do and with everything due, each beside its floor in the same round. */
export async function measurePlans(size: Size, options: PlanOptions): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-scale-'));
  const served = await Served.start(folder, size);
  try {
    const [, synth] = await makeProject(folder, size, served);
    const rows: Row[] = synth === undefined ? [] : [rowOf('synth', size, null, [synth], {}, null)];
    for (const latency of options.latencies)
      rows.push(...(await atLatency(folder, size, latency, served, options)));
    const peer = await measureTerraform(folder, size, options.rounds);
    return peer === null ? rows : [...rows, peer];
  } finally {
    await served.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function atLatency(
  folder: string,
  size: Size,
  latency: number,
  served: Served,
  { rounds, built }: PlanOptions,
): Promise<Row[]> {
  await served.setLatency(latency);
  const kinds = ['plan, nothing to do', 'plan, all due'] as const;
  const costs: Cost[][] = [[], []];
  const counts: Counts[] = [{}, {}];
  const floors: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { vault, swarm } = served.addresses;
    floors.push(expectDone(await measured([FLOOR, vault, swarm], folder)).wallMs);
    for (const [at] of kinds.entries()) {
      await served.takeCounts();
      const args = ['plan', '--sandbox', '--manifest', manifestOf(folder, at + 1)];
      costs[at]?.push(expectDone(await keyturn(args, folder, built)));
      counts[at] = await served.takeCounts();
    }
  }
  return kinds.map((kind, at) =>
    rowOf(kind, size, latency, costs[at] ?? [], counts[at] ?? {}, median(floors)),
  );
}

function rowOf(
  what: string,
  { secrets, services }: Size,
  latencyMs: number | null,
  costs: readonly Cost[],
  counts: Counts,
  floorMs: number | null,
): Row {
  const of = (key: 'wallMs' | 'cpuMs' | 'peakMb'): number => median(costs.map((cost) => cost[key]));
  return {
    what,
    secrets,
    services,
    latencyMs,
    wallMs: of('wallMs'),
    cpuMs: of('cpuMs'),
    peakMb: of('peakMb'),
    counts,
    floorMs,
  };
}

async function measureTerraform(
  folder: string,
  { secrets, services }: Size,
  rounds: number,
): Promise<Row | null> {
  const own = join(folder, 'terraform');
  await mkdir(own);
  const plan = await terraformPlan(own, secrets);
  if (plan === null) return null;
  const walls: number[] = [];
  for (let round = 0; round < rounds; round += 1) walls.push(await plan());
  return {
    what: 'terraform plan, nothing to do',
    secrets,
    services,
    latencyMs: null,
    wallMs: median(walls),
    cpuMs: Number.NaN,
    peakMb: Number.NaN,
    counts: {},
    floorMs: null,
  };
}
