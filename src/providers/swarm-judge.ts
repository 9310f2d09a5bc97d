import type { Instant } from '../model/address.ts';
import type { Problem } from '../model/fault.ts';
import { guarded } from '../model/guard.ts';
import { isHomeless, isLive, isMoving, isPaused, isPlaced, modeOf, referencesOf } from './swarm-wire.ts';
import type { WireNode, WireService, WireTask } from './swarm-wire.ts';

/**
 * The rule of docs/SWARM.md on plain data: the spec and the tasks are the truth, UpdateStatus only ever speaks
 * against a flip. Pure: what it must remember between two sightings is handed in and out.
 */
export interface Sighting {
  readonly service: WireService;
  /** All tasks of the service, ended ones included. */
  readonly tasks: readonly WireTask[];
  readonly nodes: readonly WireNode[];
  /** ms of a clock that never jumps. */
  readonly at: number;
}

export interface Expectation {
  /** target → the copy's name; null: it is not mounted. */
  readonly expected: Readonly<Record<string, string | null>>;
  /** The platform's clock at the flip; null: none went before. */
  readonly since: Instant | null;
  readonly settleMs: number;
}

/** What one sighting leaves for the next. */
export interface Memory {
  /** Tasks that had ended when verification began and are not this flip's; null before the first sighting. */
  readonly history: ReadonlySet<string> | null;
  /** Ids of the good tasks, and since when they are the same ones. */
  readonly steady: { readonly tasks: string; readonly from: number } | null;
  /** Since when a task finds no node. */
  readonly homelessFrom: number | null;
  /** Since when the update stands still without a task that says why. */
  readonly haltedFrom: number | null;
}

export const NOTHING_SEEN: Memory = {
  history: null,
  steady: null,
  homelessFrom: null,
  haltedFrom: null,
};

export type Verdict =
  | {
      readonly kind: 'good';
      readonly good: readonly WireTask[];
      readonly staleOnDownNodes: number;
      readonly updateState: string | null;
    }
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'failed'; readonly what: string; readonly problems: readonly Problem[] };

/** Longer than an old task's usual grace period, which may be what keeps the node's place. */
const HOMELESS_MS = 20_000;
/** Swarm may write `paused` a moment before the task's end can be read; some never say more, and history is short. */
const HALTED_MS = 2_000;
const NANOSECONDS = 1e6;
const DEFAULT_MONITOR_MS = 5_000;
const DEFAULT_HEALTH = { intervalMs: 30_000, retries: 3 };

export function judge(
  sighting: Sighting,
  expectation: Expectation,
  memory: Memory,
): { readonly verdict: Verdict; readonly memory: Memory } {
  const { service, tasks } = sighting;
  const mine = tasks.filter((task) => names(task.Spec, expectation));
  const history = memory.history ?? new Set(tasks.filter((task) => hasFailed(task)).map((task) => task.ID));
  const failures = mine.filter((task) => hasFailed(task) && isOfThisFlip(task, expectation, history));
  const unsteady: Memory = { ...NOTHING_SEEN, history };

  const refusal = refusedBySpec(sighting, expectation) ?? refusedByTasks(failures, sighting);
  if (refusal !== null) return { verdict: refusal, memory: unsteady };
  const halted = haltedUpdate(sighting, expectation);
  if (halted !== null) {
    const haltedFrom = memory.haltedFrom ?? sighting.at;
    const why = 'swarm gave up, waiting for a task that says why';
    const verdict: Verdict = sighting.at - haltedFrom < HALTED_MS ? { kind: 'waiting', why } : halted;
    return { verdict, memory: { ...unsteady, haltedFrom } };
  }

  const homeless = mine.filter((task) => isHomeless(task));
  const homelessFrom = homeless.length === 0 ? null : (memory.homelessFrom ?? sighting.at);
  if (homelessFrom !== null && sighting.at - homelessFrom >= HOMELESS_MS) {
    const what = `no node takes ${countOf(homeless.length, 'task')} of "${service.Spec.Name}"`;
    return { verdict: failed(what, homeless, sighting), memory: { ...unsteady, homelessFrom } };
  }

  const census = count(sighting, mine);
  const why = missing(census);
  if (why !== null) return { verdict: { kind: 'waiting', why }, memory: { ...unsteady, homelessFrom } };

  const ids = census.good
    .map((task) => task.ID)
    .sort()
    .join();
  const steady = memory.steady?.tasks === ids ? memory.steady : { tasks: ids, from: sighting.at };
  const remaining = census.need === 0 ? 0 : stableMs(service, expectation) - (sighting.at - steady.from);
  const next: Memory = { ...unsteady, steady, homelessFrom };
  if (remaining > 0) {
    const seconds = Math.ceil(remaining / 1_000);
    const why = `${countOf(census.good.length, 'task')} healthy, watched for ${seconds} s more`;
    return { verdict: { kind: 'waiting', why }, memory: next };
  }
  // Its own watch began when ours did, and may be the longer one: an update has a delay between its tasks, too.
  if (isMoving(service))
    return { verdict: { kind: 'waiting', why: 'swarm watches the new tasks' }, memory: next };
  const { good, stale } = census;
  const updateState = service.UpdateStatus?.State ?? null;
  return { verdict: { kind: 'good', good, staleOnDownNodes: stale, updateState }, memory: next };
}

/** How long the same tasks must stay: what is declared, and never less than Swarm itself would look. */
export function stableMs(service: WireService, expectation: Pick<Expectation, 'settleMs'>): number {
  const monitor = service.Spec.UpdateConfig?.Monitor ?? 0;
  const monitorMs = monitor === 0 ? DEFAULT_MONITOR_MS : monitor / NANOSECONDS;
  const check = service.Spec.TaskTemplate.ContainerSpec?.Healthcheck;
  const checked = check !== undefined && (check.Test?.length ?? 0) > 0 && check.Test?.[0] !== 'NONE';
  const interval =
    (check?.Interval ?? 0) === 0 ? DEFAULT_HEALTH.intervalMs : (check?.Interval ?? 0) / NANOSECONDS;
  const retries = (check?.Retries ?? 0) === 0 ? DEFAULT_HEALTH.retries : (check?.Retries ?? 0);
  return Math.max(expectation.settleMs, monitorMs, checked ? interval * retries : 0);
}

function names(template: WireTask['Spec'], { expected }: Expectation): boolean {
  const now = new Map(referencesOf(template).map(({ target, copyName }) => [target, copyName]));
  return Object.entries(expected).every(([target, copy]) => (now.get(target) ?? null) === copy);
}

function refusedBySpec(sighting: Sighting, expectation: Expectation): Verdict | null {
  const { service } = sighting;
  const name = service.Spec.Name;
  if (modeOf(service.Spec) === 'job') return failed(`"${name}" is a job`, [], sighting);
  if (names(service.Spec.TaskTemplate, expectation)) return null;
  const what = (service.UpdateStatus?.State ?? '').startsWith('rollback')
    ? `swarm rolled "${name}" back: ${service.UpdateStatus?.Message ?? ''}`
    : `someone else changed what "${name}" reads`;
  return failed(what, [], sighting);
}

function haltedUpdate(sighting: Sighting, expectation: Expectation): Verdict | null {
  const { service } = sighting;
  const { State = '', Message = '' } = service.UpdateStatus ?? {};
  // A rollback that ended before we came has no say in what the tasks do now.
  const rolledBack = State.startsWith('rollback') && expectation.since !== null;
  if (!isPaused(service) && !rolledBack) return null;
  return failed(`the update of "${service.Spec.Name}" is ${State}: ${Message}`, [], sighting);
}

function refusedByTasks(failures: readonly WireTask[], sighting: Sighting): Verdict | null {
  if (failures.length === 0) return null;
  const what = `${countOf(failures.length, 'task')} of "${sighting.service.Spec.Name}" failed on the expected secrets`;
  return failed(what, failures, sighting);
}

interface Census {
  readonly need: number;
  readonly have: number;
  readonly good: readonly WireTask[];
  /** Tasks with other references on nodes that are up: swarm ends them, or has not come to them yet. */
  readonly ending: number;
  readonly untouched: number;
  readonly stale: number;
}

function count({ service, tasks, nodes }: Sighting, mine: readonly WireTask[]): Census {
  const ready = new Set(nodes.filter((node) => node.Status.State === 'ready').map((node) => node.ID));
  const isUp = (task: WireTask) => ready.has(task.NodeID ?? '');
  const wanted = tasks.filter((task) => task.DesiredState === 'running' || task.DesiredState === 'ready');
  const good = mine.filter(
    (task) => task.DesiredState === 'running' && task.Status.State === 'running' && isUp(task),
  );
  const others = tasks.filter((task) => !mine.includes(task) && isLive(task) && isPlaced(task));
  const seen = others.filter((task) => isUp(task));
  const untouched = seen.filter((task) => wanted.includes(task)).length;
  const old = { ending: seen.length - untouched, untouched, stale: others.length - seen.length };
  if (modeOf(service.Spec) === 'global') {
    const places = new Set(wanted.filter((task) => isUp(task)).map((task) => task.NodeID));
    return { need: places.size, have: new Set(good.map((task) => task.NodeID)).size, good, ...old };
  }
  const need = service.Spec.Mode?.Replicated?.Replicas ?? 1;
  return { need, have: new Set(good.map((task) => task.Slot)).size, good, ...old };
}

function missing({ need, have, ending, untouched }: Census): string | null {
  if (have < need) return `${have} of ${countOf(need, 'task')} run on the expected secrets`;
  if (untouched > 0) {
    return `${countOf(untouched, 'task')} still ${untouched === 1 ? 'runs' : 'run'} on other secrets`;
  }
  if (ending > 0)
    return `${countOf(ending, 'task')} with other secrets still ${ending === 1 ? 'stops' : 'stop'}`;
  return null;
}

/** A health check that fails may end a task as `complete` with exit 0; a service's task is not meant to end. */
function hasFailed(task: WireTask): boolean {
  return ['failed', 'rejected', 'complete'].includes(task.Status.State);
}

function isOfThisFlip(task: WireTask, { since }: Expectation, history: ReadonlySet<string>): boolean {
  return since === null ? !history.has(task.ID) : Date.parse(task.CreatedAt) >= Date.parse(since);
}

function failed(what: string, tasks: readonly WireTask[], { service, nodes }: Sighting): Verdict {
  const hosts = new Map(nodes.map((node) => [node.ID, node.Description?.Hostname ?? node.ID]));
  const problems = tasks.map((task) => {
    const place = task.Slot ?? task.NodeID ?? task.ID;
    const host = hosts.get(task.NodeID ?? '');
    return {
      what: reasonOf(task),
      where: `task ${service.Spec.Name}.${place}${host === undefined ? '' : ` on node ${host}`}`,
    };
  });
  return { kind: 'failed', what, problems };
}

function reasonOf(task: WireTask): string {
  const said = guarded(task.Status.Err ?? '')
    .trim()
    .slice(0, 300);
  if (said !== '') return said;
  const exit = task.Status.ContainerStatus?.ExitCode ?? 0;
  return exit === 0
    ? 'it ended with exit 0, as it does when a failing health check stops it'
    : `it ended with exit ${exit}`;
}

function countOf(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
