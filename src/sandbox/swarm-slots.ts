import { isDeepStrictEqual } from 'node:util';
import { meetsConstraints } from './swarm-agent.ts';
import { hasEnded, isWanted, newId, rank } from './swarm-cluster.ts';
import type { Cluster, ServiceRecord, TaskRecord, TaskState } from './swarm-cluster.ts';
import type { TaskTemplate } from './swarm-spec.ts';

export const isJob = (service: ServiceRecord) =>
  service.spec.Mode.ReplicatedJob !== undefined || service.spec.Mode.GlobalJob !== undefined;

export const isGlobal = (service: ServiceRecord) =>
  service.spec.Mode.Global !== undefined || service.spec.Mode.GlobalJob !== undefined;

export function setDesired(cluster: Cluster, task: TaskRecord, desired: TaskState, now: number): void {
  task.desired = desired;
  if (rank(desired) > rank('running') && desired !== 'complete') task.gate = null;
  cluster.touch(task, now);
}

export function createTask(
  cluster: Cluster,
  service: ServiceRecord,
  now: number,
  given: Partial<Pick<TaskRecord, 'slot' | 'nodeId' | 'desired' | 'gate' | 'restarts'>>,
): TaskRecord {
  const { Runtime: _runtime, ...spec } = service.spec.TaskTemplate;
  const task: TaskRecord = {
    id: newId(),
    serviceId: service.id,
    slot: given.slot ?? 0,
    nodeId: given.nodeId ?? null,
    spec,
    state: 'new',
    message: 'created',
    err: null,
    exitCode: null,
    stampedAt: now,
    desired: given.desired ?? 'running',
    dueAt: now,
    ending: null,
    gate: given.gate ?? null,
    stopping: false,
    containerId: null,
    addresses: cluster.addressesIn(spec.Networks),
    iteration: isJob(service) ? service.iteration : null,
    restarts: given.restarts ?? 0,
    log: [],
    ...cluster.stamp(now),
  };
  cluster.addTask(task);
  return task;
}

/** The task does not run what the spec says. A changed placement alone does not count where its node still fits. */
export function isDirty(cluster: Cluster, service: ServiceRecord, task: TaskRecord): boolean {
  const { Runtime: _runtime, ...wanted } = service.spec.TaskTemplate;
  if (isDeepStrictEqual(wanted, task.spec)) return false;
  const node = task.nodeId === null ? undefined : cluster.nodes.get(task.nodeId);
  if (node === undefined || !meetsConstraints(node, wanted)) return true;
  return !isDeepStrictEqual({ ...wanted, Placement: null }, { ...task.spec, Placement: null });
}

const condition = (template: TaskTemplate) => template.RestartPolicy?.Condition ?? 'any';

/** A task that ended is started again, by its restart policy. */
export function isRestarted(task: TaskRecord): boolean {
  const policy = condition(task.spec);
  if (policy === 'none' || (policy === 'on-failure' && task.state === 'complete')) return false;
  const most = task.spec.RestartPolicy?.MaxAttempts ?? 0;
  return most === 0 || task.restarts < most;
}

/** A slot's key: the number of a replica, or the node of a global task. */
export const slotOf = (service: ServiceRecord, task: TaskRecord) =>
  isGlobal(service) ? (task.nodeId ?? '') : String(task.slot);

/**
 * The slots that count as filled, with the tasks in them that an update may replace: those that are wanted, or
 * the newest one where it has ended and is not to be started again.
 */
export function updatableSlots(cluster: Cluster, service: ServiceRecord): Map<string, TaskRecord[]> {
  const slots = new Map<string, TaskRecord[]>();
  for (const task of cluster.tasksOf(service.id)) {
    const key = slotOf(service, task);
    slots.set(key, [...(slots.get(key) ?? []), task]);
  }
  for (const [key, tasks] of slots) {
    const wanted = tasks.filter(isWanted);
    const newest = tasks.at(-1);
    const isOver =
      newest !== undefined && hasEnded(newest) && !isRestarted(newest) && newest.desired !== 'remove';
    if (wanted.length > 0) slots.set(key, wanted);
    else if (isOver && service.updateStatus?.state !== 'rollback_started') slots.set(key, [newest]);
    else slots.delete(key);
  }
  return slots;
}
