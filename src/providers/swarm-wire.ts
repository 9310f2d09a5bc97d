import type { Reference } from '../model/observed.ts';

/**
 * What the Docker Engine API sends, as far as we read it. A spec is posted back whole, so the objects that these
 * types describe keep every field they came with; nothing here names Env or Args, which may hold values.
 */
export interface WireReference {
  File?: { Name: string; UID: string; GID: string; Mode: number };
  SecretID: string;
  SecretName: string;
}

export interface WireUpdateConfig {
  FailureAction?: string;
  /** Nanoseconds. */
  Monitor?: number;
  Order?: string;
}

export interface WireHealthcheck {
  Test?: string[];
  /** Nanoseconds. */
  Interval?: number;
  Retries?: number;
}

export interface WireTaskSpec {
  ContainerSpec?: { Image?: string; Secrets?: WireReference[]; Healthcheck?: WireHealthcheck };
  Networks?: { Target?: string }[];
}

export interface WireServiceSpec {
  Name: string;
  Labels?: Record<string, string>;
  TaskTemplate: WireTaskSpec;
  Mode?: { Replicated?: { Replicas?: number }; Global?: object; ReplicatedJob?: object; GlobalJob?: object };
  UpdateConfig?: WireUpdateConfig;
  RollbackConfig?: WireUpdateConfig;
  Networks?: { Target?: string }[];
}

export interface WireService {
  ID: string;
  Version: { Index: number };
  UpdatedAt: string;
  Spec: WireServiceSpec;
  PreviousSpec?: WireServiceSpec | null;
  UpdateStatus?: { State?: string; StartedAt?: string; Message?: string };
  ServiceStatus?: { DesiredTasks?: number };
}

export interface WireTask {
  ID: string;
  CreatedAt: string;
  ServiceID: string;
  Slot?: number;
  NodeID?: string;
  DesiredState: string;
  Spec: WireTaskSpec;
  Status: { State: string; Err?: string; ContainerStatus?: { ExitCode?: number } };
  NetworksAttachments?: {
    Network: { ID: string; Spec?: { Name?: string; Ingress?: boolean } };
    Addresses?: string[];
  }[];
}

export interface WireNode {
  ID: string;
  Status: { State: string };
  Description?: { Hostname?: string };
}

export interface WireSecret {
  ID: string;
  Spec: { Name: string; Labels?: Record<string, string> | null };
}

/** States that a task never leaves. */
const ENDED = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned']);
/** States of a task that no node has taken on yet. */
const UNPLACED = new Set(['new', 'allocated', 'pending']);

/** Whether a container of this task runs or still may: only then does the task hold on to its secrets. */
export function isLive(task: WireTask): boolean {
  if (ENDED.has(task.Status.State)) return false;
  const unwanted = task.DesiredState === 'shutdown' || task.DesiredState === 'remove';
  return !(unwanted && UNPLACED.has(task.Status.State));
}

/** Whether the scheduler has looked for a node for it and found none. */
export function isHomeless(task: WireTask): boolean {
  return (
    task.Status.State === 'pending' &&
    (task.DesiredState === 'running' || task.DesiredState === 'ready') &&
    /no suitable node/.test(task.Status.Err ?? '')
  );
}

/** Whether a node was given the task. */
export function isPlaced(task: WireTask): boolean {
  return !UNPLACED.has(task.Status.State) && (task.NodeID ?? '') !== '';
}

export function modeOf(spec: WireServiceSpec): 'replicated' | 'global' | 'job' {
  const mode = spec.Mode ?? {};
  if (mode.ReplicatedJob !== undefined || mode.GlobalJob !== undefined) return 'job';
  return mode.Global === undefined ? 'replicated' : 'global';
}

/** The secret references of a spec, in its order, which matters: Swarm restarts tasks when it changes. */
export function referencesOf(template: WireTaskSpec): Reference[] {
  return (template.ContainerSpec?.Secrets ?? []).map((reference) => ({
    target: reference.File?.Name ?? reference.SecretName,
    copyId: reference.SecretID,
    copyName: reference.SecretName,
  }));
}

/** FailureAction with Swarm's default filled in. */
export function failureActionOf(config: WireUpdateConfig | undefined): string {
  return config?.FailureAction === undefined || config.FailureAction === '' ? 'pause' : config.FailureAction;
}

/** Whether an update or a rollback is going on. */
export function isMoving(service: WireService): boolean {
  const state = service.UpdateStatus?.State;
  return state === 'updating' || state === 'rollback_started';
}

/** Whether an update or a rollback failed and waits for a person. */
export function isPaused(service: WireService): boolean {
  const state = service.UpdateStatus?.State;
  return state === 'paused' || state === 'rollback_paused';
}
