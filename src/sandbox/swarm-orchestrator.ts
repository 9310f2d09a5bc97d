import { isEligible, scaled, stepTask } from './swarm-agent.ts';
import type { Pace } from './swarm-agent.ts';
import { hasEnded, isWanted, rank } from './swarm-cluster.ts';
import type { Cluster, ServiceRecord, TaskRecord } from './swarm-cluster.ts';
import {
  createTask,
  isGlobal,
  isJob,
  isRestarted,
  setDesired,
  slotOf,
  updatableSlots,
} from './swarm-slots.ts';
import { stepUpdate, updateDueAt } from './swarm-updater.ts';

const DEFAULT_RESTART_DELAY_NS = 5e9;
/** The engine prunes tasks in batches, so one that ended is seen for at least this long. */
const REAP_DELAY_MS = 250;

/**
 * Brings one service to where its spec and the time say it should be: its tasks' lives, restarts, the number of
 * slots, its rolling update, its history. Returns when it must be looked at again; null: not before something
 * outside of it changes.
 */
export function advanceService(
  cluster: Cluster,
  service: ServiceRecord,
  pace: Pace,
  historyLimit: number,
  now: number,
): number | null {
  let changed = true;
  // Bounded, so that a rule that undoes another one is an error here and not a server that hangs.
  for (let pass = 0; changed && pass < 200; pass += 1) {
    changed = openGates(cluster, service, now);
    for (const task of cluster.tasksOf(service.id)) changed = stepTask(cluster, task, pace, now) || changed;
    changed = restart(cluster, service, pace, now) || changed;
    if (!service.removed) changed = fillSlots(cluster, service, now) || changed;
    if (!service.removed && !isJob(service)) changed = stepUpdate(cluster, service, pace, now) || changed;
    changed = reap(cluster, service, historyLimit, now) || changed;
  }
  return nextDue(cluster, service, historyLimit, now);
}

function nextDue(cluster: Cluster, service: ServiceRecord, historyLimit: number, now: number): number | null {
  const dues = [updateDueAt(service, now)];
  for (const task of surplus(cluster, service, historyLimit)) dues.push(task.updatedAt + REAP_DELAY_MS);
  for (const task of cluster.tasksOf(service.id)) {
    const frozen = task.nodeId !== null && cluster.nodes.get(task.nodeId)?.state === 'down';
    if (!hasEnded(task) && !frozen) dues.push(task.dueAt);
    if (task.gate !== null && task.gate.notBefore > now) dues.push(task.gate.notBefore);
  }
  const times = dues.filter((due) => due !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** Lets tasks start whose predecessor has ended (or is lost with its node) and whose delay is over. */
function openGates(cluster: Cluster, service: ServiceRecord, now: number): boolean {
  let changed = false;
  for (const task of cluster.tasksOf(service.id)) {
    if (task.gate === null || task.gate.notBefore > now) continue;
    const before = task.gate.after === null ? undefined : cluster.tasks.get(service.id)?.get(task.gate.after);
    if (before !== undefined && !hasEnded(before) && !isOnLostNode(cluster, before)) continue;
    task.gate = null;
    if (rank(task.desired) < rank('running')) setDesired(cluster, task, 'running', now);
    changed = true;
  }
  return changed;
}

const isOnLostNode = (cluster: Cluster, task: TaskRecord) =>
  task.nodeId !== null && cluster.nodes.get(task.nodeId)?.state === 'down';

/** Marks tasks that ended by themselves, or are lost with their node, and puts a new one in their slot. */
function restart(cluster: Cluster, service: ServiceRecord, pace: Pace, now: number): boolean {
  let changed = false;
  for (const task of cluster.tasksOf(service.id)) {
    const lost = isOnLostNode(cluster, task) && !hasEnded(task);
    if (!(hasEnded(task) || lost) || rank(task.desired) > rank('running')) continue;
    setDesired(cluster, task, service.removed ? 'remove' : 'shutdown', now);
    changed = true;
    if (service.removed || isJob(service) || !isRestarted(task)) continue;
    if (isGlobal(service) && lost) continue;
    const delay = scaled(pace, task.spec.RestartPolicy?.Delay ?? DEFAULT_RESTART_DELAY_NS);
    createTask(cluster, service, now, {
      slot: task.slot,
      nodeId: isGlobal(service) ? task.nodeId : null,
      desired: 'ready',
      gate: { after: null, notBefore: now + delay },
      restarts: task.restarts + 1,
    });
  }
  return changed;
}

function fillSlots(cluster: Cluster, service: ServiceRecord, now: number): boolean {
  if (isJob(service)) return fillJob(cluster, service, now);
  if (isGlobal(service)) return fillNodes(cluster, service, now);
  const wanted = service.spec.Mode.Replicated?.Replicas ?? 0;
  const slots = updatableSlots(cluster, service);
  if (slots.size > wanted) {
    // Slots that run nothing go first, then the highest numbers.
    const runs = (slot: string) => (slots.get(slot) ?? []).some((task) => task.state === 'running');
    const order = [...slots.keys()].sort(
      (a, b) => Number(runs(b)) - Number(runs(a)) || Number(a) - Number(b),
    );
    for (const slot of order.slice(wanted))
      for (const task of slots.get(slot) ?? []) setDesired(cluster, task, 'remove', now);
    return true;
  }
  let missing = wanted - slots.size;
  const changed = missing > 0;
  for (let slot = 1; missing > 0; slot += 1) {
    if (slots.has(String(slot))) continue;
    createTask(cluster, service, now, { slot });
    missing -= 1;
  }
  return changed;
}

function fillNodes(cluster: Cluster, service: ServiceRecord, now: number): boolean {
  let changed = false;
  const slots = updatableSlots(cluster, service);
  for (const node of cluster.nodes.values()) {
    const fits = isEligible(node, service.spec.TaskTemplate);
    const tasks = slots.get(node.id) ?? [];
    if (fits && tasks.length === 0) createTask(cluster, service, now, { nodeId: node.id });
    else if (!fits && tasks.some(isWanted))
      for (const task of tasks) setDesired(cluster, task, 'shutdown', now);
    else continue;
    changed = true;
  }
  return changed;
}

function fillJob(cluster: Cluster, service: ServiceRecord, now: number): boolean {
  const tasks = cluster.tasksOf(service.id);
  let changed = false;
  for (const task of tasks)
    if (task.iteration !== service.iteration && isWanted(task)) {
      setDesired(cluster, task, 'remove', now);
      changed = true;
    }
  const own = tasks.filter((task) => task.iteration === service.iteration);
  const active = own.filter((task) => !hasEnded(task));
  const done = own.filter((task) => task.state === 'complete');
  const failed = own.filter((task) => task.state === 'failed' || task.state === 'rejected');
  if (failed.some((task) => !isRestarted(task))) return changed;
  const job = service.spec.Mode.ReplicatedJob;
  if (job !== undefined) {
    const room = Math.min(
      job.MaxConcurrent - active.length,
      job.TotalCompletions - done.length - active.length,
    );
    for (let n = 0; n < room; n += 1) createTask(cluster, service, now, { desired: 'complete' });
    return changed || room > 0;
  }
  for (const node of cluster.nodes.values()) {
    const has = [...active, ...done].some((task) => task.nodeId === node.id);
    if (has || !isEligible(node, service.spec.TaskTemplate)) continue;
    createTask(cluster, service, now, { nodeId: node.id, desired: 'complete' });
    changed = true;
  }
  return changed;
}

/** Tasks that are to be removed and have ended, and per slot the oldest ended ones over the limit. */
function surplus(cluster: Cluster, service: ServiceRecord, limit: number): TaskRecord[] {
  const slots = new Map<string, TaskRecord[]>();
  const found: TaskRecord[] = [];
  for (const task of cluster.tasksOf(service.id)) {
    if (task.desired === 'remove') {
      if (hasEnded(task)) found.push(task);
      continue;
    }
    const key = slotOf(service, task);
    slots.set(key, [...(slots.get(key) ?? []), task]);
  }
  for (const tasks of isJob(service) ? [] : slots.values()) {
    const ended = tasks.filter((task) => hasEnded(task) && rank(task.desired) > rank('running'));
    found.push(...ended.slice(0, Math.max(0, tasks.length - limit)));
  }
  return found;
}

function reap(cluster: Cluster, service: ServiceRecord, limit: number, now: number): boolean {
  const own = cluster.tasks.get(service.id);
  const gone = surplus(cluster, service, limit).filter((task) => task.updatedAt + REAP_DELAY_MS <= now);
  if (own !== undefined) for (const task of gone) cluster.forget(own, task.id);
  return gone.length > 0;
}
