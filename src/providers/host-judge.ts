import type { Problem } from '../model/fault.ts';
import type { VerifyOrder } from '../model/platform.ts';
import type { FileSight, Process, Run } from './host-sight.ts';
import { beganSince, differing, isUnseen } from './host-sight.ts';

/** What earlier looks showed. */
export interface Memory {
  /** What was running, by name, id and restarts; and since when just that did. Null: nothing was good yet. */
  readonly steady: { readonly what: string; readonly since: number } | null;
  /** Restarts by name when it was first seen. */
  readonly restarts: ReadonlyMap<string, number>;
}

export const NOTHING_SEEN: Memory = { steady: null, restarts: new Map() };

export type Verdict =
  | { readonly kind: 'good'; readonly tasks: number; readonly seen: string }
  | { readonly kind: 'wait'; readonly why: string }
  | { readonly kind: 'failed'; readonly what: string; readonly problems: readonly Problem[] };

/** A process that came back by itself this often while it was watched does not stay. */
const MOST_RESTARTS = 3;

/**
 * Whether what reads a file runs on it: each unit and container is up, is the same one for `settleMs` (one that
 * systemd starts again and again is up whenever one looks), began since the file was written, and names no other
 * version in its environment.
 */
export function judge(
  sight: FileSight,
  order: Pick<VerifyOrder, 'expected' | 'settleMs'>,
  at: number,
  memory: Memory,
): { readonly verdict: Verdict; readonly memory: Memory } {
  const processes = sight.runs.flatMap((run) => run.processes);
  const restarts = new Map([
    ...processes.map((process): [string, number] => [keyOf(process), process.restarts]),
    ...memory.restarts,
  ]);
  const remembered = { steady: null, restarts };
  const failed = problemsOf(sight, order.expected, restarts);
  if (failed !== null) return { verdict: { kind: 'failed', ...failed }, memory: remembered };
  const wait = reasonToWait(sight);
  if (wait !== null) return { verdict: { kind: 'wait', why: wait }, memory: remembered };

  const what = processes.map((process) => `${process.name} ${process.id} ${process.restarts}`).join('\n');
  const since = memory.steady?.what === what ? memory.steady.since : at;
  const steady = { steady: { what, since }, restarts };
  const isSettled = processes.length === 0 || at - since >= order.settleMs;
  if (!isSettled) return { verdict: { kind: 'wait', why: settling(processes) }, memory: steady };
  const good = { kind: 'good', tasks: processes.length, seen: evidenceOf(sight) } as const;
  return { verdict: good, memory: steady };
}

/** A container keeps its id as it is started again, a unit its name. */
function keyOf({ name }: Process): string {
  return name;
}

function settling(processes: readonly Process[]): string {
  const names = processes.map(({ name }) => name);
  return `${names.join(', ')} ${names.length === 1 ? 'runs' : 'run'}, and ${names.length === 1 ? 'is' : 'are'} watched for a while`;
}

type Failure = { readonly what: string; readonly problems: readonly Problem[] };

function problemsOf(
  sight: FileSight,
  expected: VerifyOrder['expected'],
  restarts: ReadonlyMap<string, number>,
): Failure | null {
  const { path } = sight.file;
  if (sight.status !== 'there') return { what: `"${path}" is not there`, problems: [] };
  const other = Object.entries(expected).filter(
    ([target, copy]) => (sight.versions.get(target) ?? null) !== copy,
  );
  if (sight.isEdited || other.length > 0) {
    const problems = other.map(([target, copy]) => ({
      what: `"${target}" holds ${sight.versions.get(target) ?? 'nothing of ours'}, not ${copy ?? 'nothing'}`,
      where: path,
    }));
    return { what: `someone else wrote "${path}" while it was verified`, problems };
  }
  const problems = [
    ...sight.runs.flatMap((run) =>
      run.hasFailed ? [{ what: run.trouble ?? 'failed', where: run.name }] : [],
    ),
    ...sight.runs.flatMap(({ processes }) =>
      processes.flatMap((process) => {
        const came = process.restarts - (restarts.get(keyOf(process)) ?? 0);
        return came < MOST_RESTARTS
          ? []
          : [{ what: `it ended and was started again ${came} times`, where: process.name }];
      }),
    ),
  ];
  const [first] = problems;
  return first === undefined ? null : { what: `"${first.where}" does not stay up: ${first.what}`, problems };
}

function reasonToWait(sight: FileSight): string | null {
  const troubled = sight.runs.find(({ trouble }) => trouble !== null);
  if (troubled !== undefined) return `${troubled.name}: ${troubled.trouble ?? ''}`;
  for (const run of sight.runs) {
    if (isUnseen(run)) continue;
    if (run.processes.length === 0) return `${run.name} does not run`;
    for (const process of run.processes) {
      if (!beganSince(process, sight)) return `${process.name} began before the file was written`;
      const [target] = differing(process.versions ?? new Map(), sight.versions);
      if (target !== undefined)
        return `${process.name} reads ${process.versions?.get(target) ?? 'nothing'} as ${target}`;
    }
  }
  return null;
}

/** In words: what was seen of the environment, and what could not be. */
function evidenceOf(sight: FileSight): string {
  const seen = sight.runs.filter((run) => !isUnseen(run)).flatMap(({ processes }) => processes);
  const naming = seen.filter(({ versions }) =>
    [...(versions ?? [])].some(([target]) => sight.versions.has(target)),
  );
  const lines = [
    ...(naming.length === 0
      ? []
      : [`the environment of ${naming.length} of ${seen.length} names these versions`]),
    ...(seen.length === naming.length
      ? []
      : [`${seen.length - naming.length} of ${seen.length} began since the file was written`]),
    ...sight.runs.filter(isUnseen).map(unseen),
  ];
  return lines.join('; ');
}

function unseen({ restart, name }: Run): string {
  return restart.kind === 'command'
    ? `what "${name}" restarted is not seen`
    : `${name} was reloaded and keeps its processes, so that only a probe shows what they read`;
}
