import { hasEnded, isWanted, mountedValues, newId, rank } from './swarm-cluster.ts';
import type { Cluster, NodeRecord, ServiceRecord, TaskRecord, TaskState } from './swarm-cluster.ts';
import type { ContainerSpec, TaskTemplate } from './swarm-spec.ts';

/** How long simulated containers take. `timeScale` shrinks the durations that specs and containers ask for. */
export interface Pace {
  readonly startMs: number;
  readonly stopMs: number;
  readonly healthMs: number;
  readonly timeScale: number;
}

/** Nanoseconds of a spec in simulated milliseconds. */
export const scaled = (pace: Pace, nanoseconds: number) => (nanoseconds / 1e6) * pace.timeScale;

const LATE_SECONDS = 3;

/**
 * Takes one step of a task's life where one is due, as scheduler and node would: pending, assigned, preparing,
 * ready, starting, running, and how its container ends. True where something changed.
 *
 * A container behaves by the values it mounts, like the test image of the live suite: `crash` exits 7 at its
 * start, `bad` never becomes healthy, `late` exits 9 after a while, anything else runs.
 */
export function stepTask(cluster: Cluster, task: TaskRecord, pace: Pace, now: number): boolean {
  if (hasEnded(task)) return false;
  const node = task.nodeId === null ? undefined : cluster.nodes.get(task.nodeId);
  if (node?.state === 'down') return false;
  if (!isWanted(task)) return stepDown(cluster, task, pace, now);
  if (task.state === 'pending') return schedule(cluster, task, pace, now);
  if (task.dueAt === null || task.dueAt > now) {
    const mayStart = task.desired === 'running' || task.desired === 'complete';
    return task.state === 'ready' && mayStart ? start(cluster, task, pace, now) : false;
  }
  stepUp(cluster, task, pace, now);
  return true;
}

function stepUp(cluster: Cluster, task: TaskRecord, pace: Pace, now: number): void {
  const step = pace.startMs / 5;
  if (task.state === 'new') {
    move(cluster, task, now, { state: 'pending', message: 'pending task scheduling', dueAt: now + step });
  } else if (task.state === 'assigned') {
    move(cluster, task, now, { state: 'preparing', message: 'preparing', dueAt: now + step });
  } else if (task.state === 'preparing') {
    prepare(cluster, task, now);
  } else if (task.ending !== null) {
    move(cluster, task, now, { ...task.ending, dueAt: null });
  } else if (task.state === 'starting') {
    run(cluster, task, pace, now);
  } else {
    endOneShot(cluster, task, now);
  }
}

function prepare(cluster: Cluster, task: TaskRecord, now: number): void {
  const image = task.spec.ContainerSpec.Image;
  if (!image.startsWith('missing/')) {
    move(cluster, task, now, { state: 'ready', message: 'prepared', dueAt: null });
    return;
  }
  const err = `No such image: ${image}`;
  move(cluster, task, now, { state: 'rejected', message: 'preparing', err, exitCode: 0, dueAt: null });
}

function start(cluster: Cluster, task: TaskRecord, pace: Pace, now: number): boolean {
  task.containerId = newId() + newId();
  const container = task.spec.ContainerSpec;
  const { values, gone } = mountedValues(cluster, container.Secrets ?? []);
  const checked = hasHealthCheck(container);
  let wait = pace.startMs * 0.4 + (checked ? pace.healthMs : 0);
  task.ending = null;
  if (gone !== null) {
    const err = `starting container failed: unable to get secret from secret store: secret ${gone} not found`;
    task.ending = { state: 'failed', message: 'starting', err, exitCode: 128 };
  } else if (says(values, 'crash') && checked) {
    task.log.push({ stream: 2, text: 'bad credential' });
    task.ending = { state: 'failed', message: 'starting', err: 'task: non-zero exit (7)', exitCode: 7 };
    wait = pace.startMs * 0.4;
  } else if (checked && isRefused(container, values)) {
    task.ending = unhealthy(container);
    wait += stopTime(container, pace);
  }
  move(cluster, task, now, { state: 'starting', message: 'starting', exitCode: 0, dueAt: now + wait });
  return true;
}

/** A value is the word, or begins with it and a dash: a random value must not hit one by chance. */
const says = (values: readonly string[], word: string) =>
  values.some((value) => value.startsWith(`${word}-`) || value.trimEnd() === word);

/** The health command refuses `bad`; with PICKY set, whatever does not begin with `good`. */
const isRefused = (container: ContainerSpec, values: readonly string[]) =>
  says(values, 'bad') ||
  (Boolean(env(container, 'PICKY')) && values.some((value) => !value.startsWith('good')));

function unhealthy(container: ContainerSpec): NonNullable<TaskRecord['ending']> {
  if (stopsCleanly(container)) return { state: 'complete', message: 'finished', err: null, exitCode: 0 };
  const err = 'task: non-zero exit (137): dockerexec: unhealthy container';
  return { state: 'failed', message: 'starting', err, exitCode: 137 };
}

function run(cluster: Cluster, task: TaskRecord, pace: Pace, now: number): void {
  const container = task.spec.ContainerSpec;
  const { values } = mountedValues(cluster, container.Secrets ?? []);
  let dueAt: number | null = null;
  if (oneShot(cluster, task) !== null) dueAt = now + pace.startMs * 0.2;
  else if (says(values, 'crash')) {
    task.ending = { state: 'failed', message: 'started', err: 'task: non-zero exit (7)', exitCode: 7 };
    dueAt = now + pace.startMs * 0.2;
  } else if (says(values, 'late')) {
    task.ending = { state: 'failed', message: 'started', err: 'task: non-zero exit (9)', exitCode: 9 };
    dueAt = now + Number(env(container, 'LATE') ?? LATE_SECONDS) * 1000 * pace.timeScale;
  }
  move(cluster, task, now, { state: 'running', message: 'started', dueAt });
}

/** A container that ends by itself: a probe of keyturn, or `sh -c "…exit N"`. Null: it runs until it is stopped. */
function oneShot(cluster: Cluster, task: TaskRecord): { exit: number; lines: TaskRecord['log'] } | null {
  const service = cluster.services.get(task.serviceId);
  const container = task.spec.ContainerSpec;
  const target = service === undefined ? undefined : probeTarget(service);
  if (target !== undefined) return probe(cluster, target);
  const script = [...(container.Command ?? []), ...(container.Args ?? [])].at(-1) ?? '';
  const exit = /\bexit ([0-9]+)\s*$/.exec(script)?.[1];
  if (exit === undefined) return null;
  const lines = [...script.matchAll(/echo ([^;&|>]+?)\s*(>&2)?\s*[;&]/g)].map((match) => ({
    stream: match[2] === undefined ? (1 as const) : (2 as const),
    text: match[1] ?? '',
  }));
  return { exit: Number(exit), lines };
}

function probeTarget(service: ServiceRecord): string | undefined {
  const labels = { ...service.spec.TaskTemplate.ContainerSpec.Labels, ...service.spec.Labels };
  return labels['keyturn.probe.service'];
}

/** Asks each running task of a service, as a client inside its network would; says who did not answer as it should. */
function probe(cluster: Cluster, target: string): { exit: number; lines: TaskRecord['log'] } {
  const service = [...cluster.services.values()].find((each) => !each.removed && each.spec.Name === target);
  const asked = service === undefined ? [] : cluster.tasksOf(service.id).filter(isRunning);
  const refusing = asked.filter((task) => {
    const { values, gone } = mountedValues(cluster, task.spec.ContainerSpec.Secrets ?? []);
    return gone !== null || says(values, 'probefail');
  });
  const lines = refusing.map((task) => {
    const host = task.addresses[0]?.address.replace(/\/.*$/, '') ?? task.id;
    return { stream: 1 as const, text: `keyturn: ${host}: 503` };
  });
  if (asked.length === 0) return { exit: 1, lines: [{ stream: 1, text: `keyturn: ${target}: no answer` }] };
  const text = `${asked.length} tasks of ${target} answered`;
  return lines.length === 0 ? { exit: 0, lines: [{ stream: 1, text }] } : { exit: 1, lines };
}

const isRunning = (task: TaskRecord) => task.state === 'running' && isWanted(task);

function endOneShot(cluster: Cluster, task: TaskRecord, now: number): void {
  const result = oneShot(cluster, task);
  task.dueAt = null;
  if (result === null) return;
  const { exit: exitCode, lines } = result;
  task.log.push(...lines);
  if (exitCode === 0) move(cluster, task, now, { state: 'complete', message: 'finished', exitCode });
  else move(cluster, task, now, { state: 'failed', err: `task: non-zero exit (${exitCode})`, exitCode });
}

/** A task that is no longer wanted: its container, if there is one, gets TERM, and KILL after its grace. */
function stepDown(cluster: Cluster, task: TaskRecord, pace: Pace, now: number): boolean {
  const container = task.spec.ContainerSpec;
  const hasContainer = task.containerId !== null;
  if (!task.stopping) {
    task.stopping = true;
    task.dueAt = now + (hasContainer ? stopTime(container, pace) : pace.stopMs / 4);
  }
  if (task.dueAt === null || task.dueAt > now) return false;
  const exitCode = hasContainer && !stopsCleanly(container) ? 137 : 0;
  move(cluster, task, now, { state: 'shutdown', message: 'shutdown', exitCode, dueAt: null });
  return true;
}

const env = (container: ContainerSpec, name: string) =>
  container.Env?.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
const stopsCleanly = (container: ContainerSpec) => env(container, 'TERMMODE') !== 'ignore';
const stopTime = (container: ContainerSpec, pace: Pace) =>
  stopsCleanly(container)
    ? pace.stopMs
    : Math.max(pace.stopMs, scaled(pace, container.StopGracePeriod ?? 10e9));

function hasHealthCheck(container: ContainerSpec): boolean {
  const first = container.Healthcheck?.Test?.[0];
  return first !== undefined && first !== 'NONE';
}

function schedule(cluster: Cluster, task: TaskRecord, pace: Pace, now: number): boolean {
  if (task.dueAt !== null && task.dueAt > now) return false;
  const preassigned = task.nodeId === null ? undefined : cluster.nodes.get(task.nodeId);
  const node = preassigned ?? emptiest(cluster, task);
  if (node === undefined) {
    const err = noSuitableNode(cluster, task.spec);
    if (task.err === err) return false;
    move(cluster, task, now, { err, dueAt: null });
    return true;
  }
  task.nodeId = node.id;
  const message = preassigned
    ? 'scheduler confirmed task can run on preassigned node'
    : 'scheduler assigned task to node';
  move(cluster, task, now, { state: 'assigned', message, err: null, dueAt: now + pace.startMs / 5 });
  return true;
}

/** The node with the fewest tasks of the service, then the fewest at all. */
function emptiest(cluster: Cluster, task: TaskRecord): NodeRecord | undefined {
  const load = new Map<string, number>();
  for (const [serviceId, own] of cluster.tasks)
    for (const other of own.values())
      if (other.nodeId !== null && !hasEnded(other) && isWanted(other))
        load.set(other.nodeId, (load.get(other.nodeId) ?? 0) + (serviceId === task.serviceId ? 1e6 : 1));
  return [...cluster.nodes.values()]
    .filter((node) => isEligible(node, task.spec))
    .sort((a, b) => (load.get(a.id) ?? 0) - (load.get(b.id) ?? 0))[0];
}

export const isEligible = (node: NodeRecord, template: TaskTemplate) =>
  node.state === 'ready' && meetsConstraints(node, template);

/** Constraints on id, role and platform; node labels are empty here, so one that asks for a label is not met. */
export function meetsConstraints(node: NodeRecord, template: TaskTemplate): boolean {
  const facts: Readonly<Record<string, string>> = {
    'node.id': node.id,
    'node.hostname': 'sandbox',
    'node.role': 'manager',
    'node.platform.os': 'linux',
    'node.platform.arch': 'x86_64',
  };
  return (template.Placement?.Constraints ?? []).every((constraint) => {
    const [, key = '', sign, wanted = ''] = /^\s*([^=!\s]+)\s*(==|!=)\s*(.*?)\s*$/.exec(constraint) ?? [];
    return ((facts[key] ?? '') === wanted) === (sign === '==');
  });
}

function noSuitableNode(cluster: Cluster, template: TaskTemplate): string {
  const nodes = [...cluster.nodes.values()];
  const down = nodes.filter((node) => node.state === 'down').length;
  const unfit = nodes.filter((node) => node.state === 'ready' && !meetsConstraints(node, template)).length;
  const of = (n: number) => `${n} node${n === 1 ? '' : 's'}`;
  const reasons = [
    ...(down > 0 ? [`${of(down)} not available for new tasks`] : []),
    ...(unfit > 0 ? [`scheduling constraints not satisfied on ${of(unfit)}`] : []),
  ];
  return `no suitable node (${reasons.join('; ')})`;
}

type Move = Partial<Pick<TaskRecord, 'message' | 'err' | 'exitCode' | 'dueAt'>> & {
  readonly state?: TaskState;
};

function move(cluster: Cluster, task: TaskRecord, now: number, to: Move): void {
  if (to.state !== undefined && rank(to.state) !== rank(task.state)) task.stampedAt = now;
  Object.assign(task, to);
  if (hasEnded(task)) task.gate = null;
  cluster.touch(task, now);
}
