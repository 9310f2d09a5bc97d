import { scaled } from './swarm-agent.ts';
import type { Pace } from './swarm-agent.ts';
import { hasEnded, isWanted, rank } from './swarm-cluster.ts';
import type { ActiveSlot, Cluster, RollingUpdate, ServiceRecord, TaskRecord } from './swarm-cluster.ts';
import { createTask, isDirty, setDesired, updatableSlots } from './swarm-slots.ts';
import type { UpdateConfig } from './swarm-spec.ts';

const DEFAULTS: UpdateConfig = {
  Parallelism: 1,
  FailureAction: 'pause',
  MaxFailureRatio: 0,
  Order: 'stop-first',
};
const DEFAULT_MONITOR_NS = 5e9;

/**
 * Does what is due of a service's rolling update, and starts one where tasks do not run what the spec says.
 * UpdateStatus, pausing and rolling back follow the engine, its odd corners included. True where something
 * changed.
 */
export function stepUpdate(cluster: Cluster, service: ServiceRecord, pace: Pace, now: number): boolean {
  const rolling = service.rolling;
  if (rolling === null) return begin(cluster, service, now);
  const config = configOf(service);
  if (!rolling.stopped && actOnFailures(cluster, service, rolling, pace, now)) return true;
  let changed = false;
  for (const active of rolling.active) changed = follow(cluster, service, active, pace, now) || changed;
  const workers = config.Parallelism === 0 ? rolling.total : config.Parallelism;
  while (rolling.active.length < workers) {
    const slot = rolling.queue.shift();
    if (slot === undefined) break;
    take(cluster, service, slot, config, now);
    changed = true;
  }
  if (rolling.queue.length > 0 || rolling.active.length > 0) return changed;
  return finish(cluster, service, rolling, pace, now) || changed;
}

/** When the update itself must be looked at again; what its tasks do is told by them. */
export function updateDueAt(service: ServiceRecord, now: number): number | null {
  const rolling = service.rolling;
  if (rolling === null) return service.noticedAt > now ? service.noticedAt : null;
  const times = [...rolling.active.map((active) => active.until), rolling.monitorUntil];
  const due = times.filter((time) => time !== null);
  return due.length === 0 ? null : Math.min(...due);
}

const isRollback = (service: ServiceRecord) => service.updateStatus?.state.startsWith('rollback') ?? false;

function configOf(service: ServiceRecord): UpdateConfig {
  return (isRollback(service) ? service.spec.RollbackConfig : service.spec.UpdateConfig) ?? DEFAULTS;
}

/** A delay as long as the monitor would outlast it, so the engine then monitors one second longer than it. */
function monitorMs(config: UpdateConfig, pace: Pace): number {
  const monitor = scaled(pace, config.Monitor ?? DEFAULT_MONITOR_NS);
  const delay = scaled(pace, config.Delay ?? 0);
  return delay >= monitor ? delay + scaled(pace, 1e9) : monitor;
}

function begin(cluster: Cluster, service: ServiceRecord, now: number): boolean {
  if (service.noticedAt > now) return false;
  const state = service.updateStatus?.state;
  if (state === 'paused' || state === 'rollback_paused') return false;
  const dirty = [...updatableSlots(cluster, service)]
    .filter(([, tasks]) => tasks.length > 1 || tasks.some((task) => isDirty(cluster, service, task)))
    .map(([slot]) => slot);
  if (dirty.length === 0) {
    if (state !== 'updating' && state !== 'rollback_started') return false;
    complete(cluster, service, now);
    return true;
  }
  if (service.updateStatus === null) {
    service.updateStatus = {
      state: 'updating',
      startedAt: now,
      completedAt: null,
      message: 'update in progress',
    };
    cluster.touch(service, now);
  }
  service.rolling = {
    queue: dirty,
    active: [],
    total: dirty.length,
    made: {},
    failed: [],
    monitorUntil: null,
    stopped: false,
  };
  return true;
}

/** Replaces what is in a slot, or keeps a task in it that already runs what is wanted. */
function take(
  cluster: Cluster,
  service: ServiceRecord,
  slot: string,
  config: UpdateConfig,
  now: number,
): void {
  const rolling = service.rolling;
  const tasks = updatableSlots(cluster, service).get(slot);
  if (rolling === null || tasks === undefined) return;
  const clean = tasks.filter((task) => isWanted(task) && !isDirty(cluster, service, task));
  const existing = clean.find((task) => task.desired === 'running') ?? clean[0];
  if (existing !== undefined) {
    const old = stopOthers(cluster, tasks, existing, now);
    if (existing.desired !== 'running' && existing.gate === null)
      existing.gate = { after: old?.id ?? null, notBefore: now };
    rolling.active.push({ slot, taskId: null, until: now });
    return;
  }
  const old = config.Order === 'start-first' ? undefined : stopOthers(cluster, tasks, null, now);
  const made = createTask(cluster, service, now, {
    ...(service.spec.Mode.Global === undefined ? { slot: Number(slot) } : { nodeId: slot }),
    desired: 'ready',
    gate: { after: old?.id ?? null, notBefore: now },
  });
  rolling.made[made.id] = null;
  rolling.active.push({ slot, taskId: made.id, until: null });
}

function stopOthers(
  cluster: Cluster,
  tasks: readonly TaskRecord[],
  kept: TaskRecord | null,
  now: number,
): TaskRecord | undefined {
  const others = tasks.filter((task) => task !== kept && rank(task.desired) <= rank('running'));
  for (const task of others) setDesired(cluster, task, 'shutdown', now);
  return others.at(-1);
}

function follow(
  cluster: Cluster,
  service: ServiceRecord,
  active: ActiveSlot,
  pace: Pace,
  now: number,
): boolean {
  const rolling = service.rolling;
  if (rolling === null) return false;
  if (active.taskId === null) {
    if (active.until === null || active.until > now) return false;
    rolling.active = rolling.active.filter((each) => each !== active);
    return true;
  }
  const task = cluster.tasks.get(service.id)?.get(active.taskId);
  if (task !== undefined && rank(task.state) < rank('running')) return false;
  if (task !== undefined) rolling.made[task.id] = now;
  const config = configOf(service);
  if (task?.state === 'running' && config.Order === 'start-first')
    stopOthers(cluster, updatableSlots(cluster, service).get(active.slot) ?? [], task, now);
  active.taskId = null;
  active.until = now + scaled(pace, config.Delay ?? 0);
  return true;
}

/** True where a failure was more than the spec allows, and was acted on. */
function actOnFailures(
  cluster: Cluster,
  service: ServiceRecord,
  rolling: RollingUpdate,
  pace: Pace,
  now: number,
): boolean {
  const config = configOf(service);
  if (config.FailureAction === 'continue') return false;
  for (const [id, upAt] of Object.entries(rolling.made)) {
    const task = cluster.tasks.get(service.id)?.get(id);
    if (task === undefined || !hasEnded(task) || rolling.failed.includes(id)) continue;
    if (upAt !== null && now - upAt > monitorMs(config, pace)) continue;
    rolling.failed.push(id);
    if (rolling.failed.length / rolling.total <= config.MaxFailureRatio) continue;
    giveUp(cluster, service, rolling, config.FailureAction, id, now);
    return true;
  }
  return false;
}

function giveUp(
  cluster: Cluster,
  service: ServiceRecord,
  rolling: RollingUpdate,
  action: 'pause' | 'rollback',
  taskId: string,
  now: number,
): void {
  const why = `due to failure or early termination of task ${taskId}`;
  rolling.queue = [];
  if (action === 'pause') {
    rolling.stopped = true;
    pause(cluster, service, `update paused ${why}`, now);
  } else if (isRollback(service)) {
    // The engine pauses here and goes on monitoring, so that a rollback that failed ends as `completed`.
    if (service.updateStatus?.state === 'rollback_started')
      pause(cluster, service, `rollback paused ${why}`, now);
  } else {
    service.spec = service.previousSpec ?? service.spec;
    service.previousSpec = null;
    service.rolling = null;
    service.updateStatus = {
      state: 'rollback_started',
      startedAt: service.updateStatus?.startedAt ?? now,
      completedAt: null,
      message: `update rolled back ${why}`,
    };
    cluster.touch(service, now);
  }
}

function pause(cluster: Cluster, service: ServiceRecord, message: string, now: number): void {
  if (service.updateStatus === null) return;
  service.updateStatus.state = isRollback(service) ? 'rollback_paused' : 'paused';
  service.updateStatus.message = message;
  cluster.touch(service, now);
}

/** All slots are done: watches for failures for one monitor period, then the update is complete. */
function finish(
  cluster: Cluster,
  service: ServiceRecord,
  rolling: RollingUpdate,
  pace: Pace,
  now: number,
): boolean {
  if (rolling.stopped) {
    service.rolling = null;
    return true;
  }
  if (rolling.monitorUntil === null) {
    rolling.monitorUntil = now + monitorMs(configOf(service), pace);
    return true;
  }
  if (rolling.monitorUntil > now) return false;
  service.rolling = null;
  complete(cluster, service, now);
  return true;
}

function complete(cluster: Cluster, service: ServiceRecord, now: number): void {
  const status = service.updateStatus;
  if (status === null) return;
  const rolledBack = status.state === 'rollback_started';
  status.state = rolledBack ? 'rollback_completed' : 'completed';
  status.message = rolledBack ? 'rollback completed' : 'update completed';
  status.completedAt = now;
  cluster.touch(service, now);
}
