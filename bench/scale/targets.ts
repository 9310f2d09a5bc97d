import type { Applied } from '../apply/measure.ts';
import type { Row } from './rows.ts';
import { exponentOf, requestsOf } from './rows.ts';

/** What was promised, and what was measured. */
export interface Target {
  readonly what: string;
  /** At most this much, or at least where `atLeast` says so. */
  readonly limit: number;
  readonly measured: number;
  readonly atLeast?: true;
}

const LARGE = 10_000;
const IDLE = 'plan, nothing to do';

/** What is promised of what was measured; of what was not, nothing. */
export function targetsOf(rows: readonly Row[], apply: Applied): Target[] {
  return [
    ...ofLargePlan(rows),
    ...ofGrowth(rows),
    ...ofOwnStacks(rows),
    ...ofStartUp(rows),
    ...ofApply(apply),
  ];
}

export function isMet({ limit, measured, atLeast }: Target): boolean {
  return atLeast === true ? measured >= limit : measured <= limit;
}

/** A line each. */
export function renderTargets(targets: readonly Target[]): string {
  const digits = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(2));
  const lines = targets.map((target) => [
    target.what,
    digits(target.measured),
    `${target.atLeast === true ? 'at least' : 'at most'} ${digits(target.limit)}`,
    isMet(target) ? 'met' : 'NOT MET',
  ]);
  const widths = [0, 1, 2].map((at) => Math.max(0, ...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => (at === 1 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

function ofLargePlan(rows: readonly Row[]): Target[] {
  const own = rows.filter(({ what, secrets }) => what === IDLE && secrets === LARGE);
  const terraform = rows.find(({ what, secrets }) => what.startsWith('terraform') && secrets === LARGE);
  return own.flatMap((row): Target[] => {
    const of = `plan of ${LARGE}, nothing to do, ${row.latencyMs} ms`;
    const wall = (floorMs: number, name: string, limit: number): Target[] => [
      { what: `${of}: wall beside ${name}`, measured: row.wallMs / floorMs, limit },
    ];
    if (row.latencyMs !== 0) return wall(row.floorMs ?? Number.NaN, 'the bare listing', 1.3);
    return [
      { what: `${of}: requests`, measured: requestsOf(row), limit: Math.ceil(LARGE / 25) + 5 },
      { what: `${of}: peak memory in MB`, measured: row.peakMb, limit: 300 },
      ...(terraform === undefined ? [] : wall(terraform.wallMs, 'terraform plan', 0.25)),
    ];
  });
}

function ofGrowth(rows: readonly Row[]): Target[] {
  const own = rows.filter(({ what, latencyMs }) => what === IDLE && latencyMs === 0);
  if (own.length < 2) return [];
  const exponent = (y: (row: Row) => number): number => exponentOf(own.map((row) => [row.secrets, y(row)]));
  return [
    { what: 'plan, nothing to do: exponent of requests', measured: exponent(requestsOf), limit: 1.05 },
    { what: 'plan, nothing to do: exponent of CPU', measured: exponent(({ cpuMs }) => cpuMs), limit: 1.05 },
  ];
}

function ofOwnStacks(rows: readonly Row[]): Target[] {
  const row = rows.find(({ what }) => what === 'plan, own stacks');
  if (row === undefined) return [];
  return [
    {
      what: 'plan of the own stacks: wall beside synth',
      measured: row.wallMs / (row.floorMs ?? Number.NaN),
      limit: 1.5,
    },
    {
      what: 'plan of the own stacks: CPU in s, app included',
      measured: (row.cpuMs + row.childrenMs) / 1_000,
      limit: 1,
    },
  ];
}

function ofStartUp(rows: readonly Row[]): Target[] {
  const of = (name: string, limit: number): Target[] => {
    const row = rows.find(({ what }) => what === name);
    return row === undefined
      ? []
      : [{ what: `${name}: CPU in s, without the app`, measured: row.cpuMs / 1_000, limit }];
  };
  return [...of('--help', 0.15), ...of('status', 0.7)];
}

function ofApply({ throttled, live }: Applied): Target[] {
  return [
    ...(throttled === undefined
      ? []
      : [
          {
            what: 'throttled mints: time beside what the limits allow',
            measured: throttled.spanMs / throttled.allowedMs,
            limit: 1.15,
          },
          { what: 'throttled mints: answers of 429', measured: throttled.refused, limit: 0 },
        ]),
    ...(live === undefined
      ? []
      : [
          {
            what: 'live services: apply beside a bare client',
            measured: live.wallMs / live.bareMs,
            limit: 1.15,
          },
          {
            what: "live services: the runbook's loop beside apply",
            measured: live.loopMs / live.wallMs,
            limit: 5,
            atLeast: true as const,
          },
        ]),
  ];
}
