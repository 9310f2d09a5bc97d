import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deployAgain } from './alchemy.ts';
import type { Cost } from './commands.ts';
import { keyturn, measured } from './commands.ts';
import { expectDone, makeProject, manifestOf } from './project.ts';
import type { Row } from './rows.ts';
import { median, rowOf } from './rows.ts';
import type { Counts, Size } from './served.ts';
import { Served } from './served.ts';
import { terraformPlan } from './terraform.ts';

export interface PlanOptions {
  readonly latencies: readonly number[];
  readonly rounds: number;
  /** The package as it is published. */
  readonly built: string;
  /** Where alchemy is installed; null: it is not. */
  readonly alchemy: string | null;
}

const FLOOR = fileURLToPath(new URL('floor.mjs', import.meta.url));

/** Synth, `plan` with nothing to do and with everything due, each beside its floor in the same round. */
export async function measurePlans(size: Size, options: PlanOptions): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-scale-'));
  const served = await Served.start(folder, size);
  try {
    const [, synth] = await makeProject(folder, size, served);
    const rows: Row[] = synth === undefined ? [] : [rowOf('synth', size, [synth])];
    for (const latency of options.latencies)
      rows.push(...(await atLatency(folder, size, latency, served, options)));
    const peer = await measureTerraform(folder, size, options.rounds);
    if (peer !== null) rows.push(peer);
    if (options.alchemy !== null) {
      const costs = await deployAgain(options.alchemy, size.secrets, options.rounds);
      rows.push(rowOf('alchemy deploy, nothing to do', size, costs));
    }
    return rows;
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
  const floorMs = median(floors);
  return kinds.map((kind, at) =>
    rowOf(kind, size, costs[at] ?? [], { latencyMs: latency, counts: counts[at] ?? {}, floorMs }),
  );
}

async function measureTerraform(folder: string, size: Size, rounds: number): Promise<Row | null> {
  const own = join(folder, 'terraform');
  await mkdir(own);
  const plan = await terraformPlan(own, size.secrets);
  if (plan === null) return null;
  const walls: number[] = [];
  for (let round = 0; round < rounds; round += 1) walls.push(await plan());
  const unknown = { cpuMs: Number.NaN, childrenMs: Number.NaN, peakMb: Number.NaN };
  return { ...rowOf('terraform plan, nothing to do', size, []), ...unknown, wallMs: median(walls) };
}
