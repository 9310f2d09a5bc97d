import type { Cost } from './commands.ts';
import type { Counts, Size } from './served.ts';

/** One line of the table: medians over the rounds; requests of the last one, which are exact. */
export interface Row {
  readonly what: string;
  readonly secrets: number;
  readonly services: number;
  /** Null: nothing was asked. */
  readonly latencyMs: number | null;
  readonly wallMs: number;
  /** NaN: not known. */
  readonly cpuMs: number;
  /** Of the project's app, which it ran; 0: it ran none, NaN: not known. */
  readonly childrenMs: number;
  readonly peakMb: number;
  readonly counts: Counts;
  /** The same by a bare client in the same rounds; null: there is none. */
  readonly floorMs: number | null;
}

/** The medians of some runs; of no size where nothing is in it but the program itself. */
export function rowOf(
  what: string,
  size: Size | null,
  costs: readonly Cost[],
  seen: Partial<Pick<Row, 'latencyMs' | 'counts' | 'floorMs'>> = {},
): Row {
  const of = (key: 'wallMs' | 'cpuMs' | 'childrenMs' | 'peakMb'): number =>
    median(costs.map((cost) => cost[key]));
  return {
    what,
    secrets: size?.secrets ?? 0,
    services: size?.services ?? 0,
    latencyMs: null,
    counts: {},
    floorMs: null,
    ...seen,
    wallMs: of('wallMs'),
    cpuMs: of('cpuMs'),
    childrenMs: of('childrenMs'),
    peakMb: of('peakMb'),
  };
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** The slope of log y over log x by least squares: 1 is linear. NaN with less than two points. */
export function exponentOf(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 2) return Number.NaN;
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (at: 0 | 1): number => logs.reduce((sum, point) => sum + point[at], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const over = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return over / logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}

export function requestsOf({ counts }: Row): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

const COLUMNS = [
  'what',
  'secrets',
  'latency',
  'wall',
  'floor',
  'ratio',
  'CPU',
  'app',
  'peak',
  'requests',
] as const;

/** As text, a line a row. */
export function renderRows(rows: readonly Row[]): string {
  const lines = rows.map((row): string[] => [
    row.what,
    row.secrets === 0 ? '-' : String(row.secrets),
    row.latencyMs === null ? '-' : `${row.latencyMs} ms`,
    seconds(row.wallMs),
    row.floorMs === null ? '-' : seconds(row.floorMs),
    row.floorMs === null ? '-' : (row.wallMs / row.floorMs).toFixed(2),
    seconds(row.cpuMs),
    row.childrenMs === 0 ? '-' : seconds(row.childrenMs),
    Number.isNaN(row.peakMb) ? '-' : `${row.peakMb.toFixed(0)} MB`,
    requestsOf(row) === 0 ? '-' : String(requestsOf(row)),
  ]);
  const widths = COLUMNS.map((name, at) =>
    Math.max(name.length, ...lines.map((line) => line[at]?.length ?? 0)),
  );
  const render = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ');
  return [COLUMNS, ...lines].map(render).join('\n');
}

function seconds(ms: number): string {
  return Number.isNaN(ms) ? '-' : `${(ms / 1000).toFixed(2)} s`;
}

/** How CPU time and requests of each plan grow with the number of secrets, without latency. */
export function renderGrowth(rows: readonly Row[]): string {
  const sized = rows.filter(({ secrets, latencyMs }) => secrets > 0 && latencyMs === 0);
  return [...new Set(sized.map(({ what }) => what))]
    .map((kind) => {
      const own = sized.filter(({ what }) => what === kind);
      const of = (y: (row: Row) => number): string =>
        exponentOf(own.map((row) => [row.secrets, y(row)])).toFixed(2);
      return `${kind}: grows with size to the power of ${of(({ cpuMs }) => cpuMs)} (CPU), ${of(requestsOf)} (requests)`;
    })
    .join('\n');
}
