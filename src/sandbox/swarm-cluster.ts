import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../model/fault.ts';
import type { Labels, SecretReference, ServiceSpec, TaskTemplate } from './swarm-spec.ts';

/** States of a task in the order in which it runs through them; from `complete` on it has ended. */
export const TASK_STATES = [
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
  'remove',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** How far a state is along; bigger than that of `running` means ended, or that it should end. */
export const rank = (state: TaskState) => TASK_STATES.indexOf(state);
export const hasEnded = (task: TaskRecord) => rank(task.state) > rank('running');
/** Wanted: its desired state is `running` or before; a job's task is wanted until it completes. */
export const isWanted = (task: TaskRecord) =>
  rank(task.desired) <= rank('running') || (task.desired === 'complete' && !hasEnded(task));

/** Raft's stamps, on every object. `version` is the cluster's index at its last write. Times are Unix ms. */
interface Stamped {
  version: number;
  createdAt: number;
  updatedAt: number;
}

export interface SecretRecord extends Stamped {
  readonly id: string;
  readonly name: string;
  labels: Labels;
  /** Standard base64; leaves this process only into the state file. */
  readonly data: string;
}

export interface NodeRecord extends Stamped {
  readonly id: string;
  state: 'ready' | 'down';
  readonly address: string;
}

export interface NetworkRecord extends Stamped {
  readonly id: string;
  readonly name: string;
  /** The network is 10.0.<subnet>.0/24. */
  readonly subnet: number;
  nextHost: number;
}

export interface UpdateStatus {
  state: 'updating' | 'paused' | 'completed' | 'rollback_started' | 'rollback_paused' | 'rollback_completed';
  readonly startedAt: number;
  completedAt: number | null;
  message: string;
}

/** A slot that a rolling update works on: until its task is up (`taskId`), then until the delay is over. */
export interface ActiveSlot {
  readonly slot: string;
  taskId: string | null;
  until: number | null;
}

/** A rolling update, or rollback, on its way. */
export interface RollingUpdate {
  queue: string[];
  active: ActiveSlot[];
  readonly total: number;
  /** Tasks that this update made, with the time at which each came up, null before. */
  readonly made: Record<string, number | null>;
  failed: string[];
  monitorUntil: number | null;
  /** Paused: takes no further slot, ends when the active ones are up. */
  stopped: boolean;
}

export interface ServiceRecord extends Stamped {
  readonly id: string;
  spec: ServiceSpec;
  previousSpec: ServiceSpec | null;
  updateStatus: UpdateStatus | null;
  rolling: RollingUpdate | null;
  /** The updater notices an accepted update only then. */
  noticedAt: number;
  /** Jobs only. */
  iteration: number;
  lastExecution: number | null;
  /** Deleted; stays until its last task has ended. */
  removed: boolean;
  virtualIps: { readonly networkId: string; readonly address: string }[];
}

export interface TaskRecord extends Stamped {
  readonly id: string;
  readonly serviceId: string;
  /** 0 for tasks of global services and jobs. */
  readonly slot: number;
  nodeId: string | null;
  readonly spec: TaskTemplate;
  state: TaskState;
  message: string;
  err: string | null;
  /** Null before there is a container. */
  exitCode: number | null;
  stampedAt: number;
  desired: TaskState;
  /** When the agent acts next; null: when something else changes. */
  dueAt: number | null;
  /** What this agent step ends in where the container decides it: fixed when the container starts. */
  ending: {
    readonly state: TaskState;
    readonly message: string;
    readonly err: string | null;
    readonly exitCode: number;
  } | null;
  /** Becomes `running` by desire once that task has ended and that time is over. */
  gate: { readonly after: string | null; readonly notBefore: number } | null;
  stopping: boolean;
  containerId: string | null;
  readonly addresses: readonly { readonly networkId: string; readonly address: string }[];
  readonly iteration: number | null;
  readonly restarts: number;
  log: { readonly stream: 1 | 2; readonly text: string }[];
}

interface ClusterState {
  readonly format: 'keyturn-sandbox-swarm-1';
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  index: number;
  subnets: number;
  nodes: NodeRecord[];
  networks: NetworkRecord[];
  secrets: SecretRecord[];
  services: ServiceRecord[];
  tasks: TaskRecord[];
}

const FILE = 'swarm.json';

/** An identifier as the engine makes them: 25 of [0-9a-z]. */
export function newId(): string {
  return [...randomBytes(25)].map((byte) => (byte % 36).toString(36)).join('');
}

/**
 * What the cluster holds: the raft store. Whoever changes an object calls `touch`, which moves the one index of
 * the cluster on. With a directory, `save` writes everything to one file of mode 0600, whole or not at all.
 */
export class Cluster {
  readonly id: string;
  readonly createdAt: number;
  readonly nodes = new Map<string, NodeRecord>();
  readonly networks = new Map<string, NetworkRecord>();
  readonly secrets = new Map<string, SecretRecord>();
  readonly services = new Map<string, ServiceRecord>();
  readonly tasks = new Map<string, Map<string, TaskRecord>>();
  readonly #name: string;
  readonly #file: string | null;
  #index = 10;
  #subnets = 0;
  #unsaved = true;

  /** Throws a Fault where the directory holds something else. */
  constructor(name: string, directory: string | null, nodes: number, now: number) {
    this.#name = name;
    this.#file = directory === null ? null : join(directory, FILE);
    const kept = directory === null ? null : load(directory);
    this.id = kept?.id ?? newId();
    this.createdAt = kept?.createdAt ?? now;
    if (kept === null) {
      for (let n = 1; n <= nodes; n += 1) this.#addNode(n, now);
      return;
    }
    this.#index = kept.index;
    this.#subnets = kept.subnets;
    for (const node of kept.nodes) this.nodes.set(node.id, node);
    for (const network of kept.networks) this.networks.set(network.id, network);
    for (const secret of kept.secrets) this.secrets.set(secret.id, secret);
    for (const service of kept.services) this.services.set(service.id, service);
    for (const task of kept.tasks) this.addTask(task);
  }

  get index(): number {
    return this.#index;
  }

  /** Stamps a changed object with the next index. */
  touch(object: Stamped, now: number): void {
    this.#index += 1;
    object.version = this.#index;
    object.updatedAt = now;
    this.#unsaved = true;
  }

  /** Stamps of a new object. */
  stamp(now: number): Stamped {
    this.#index += 1;
    this.#unsaved = true;
    return { version: this.#index, createdAt: now, updatedAt: now };
  }

  forget(collection: Map<string, unknown>, id: string): void {
    collection.delete(id);
    this.#index += 1;
    this.#unsaved = true;
  }

  /** Tasks of a service, oldest first. */
  tasksOf(serviceId: string): TaskRecord[] {
    return [...(this.tasks.get(serviceId)?.values() ?? [])];
  }

  addTask(task: TaskRecord): void {
    const own = this.tasks.get(task.serviceId) ?? new Map<string, TaskRecord>();
    own.set(task.id, task);
    this.tasks.set(task.serviceId, own);
  }

  addNetwork(name: string, now: number): NetworkRecord {
    this.#subnets += 1;
    const network = { id: newId(), name, subnet: this.#subnets, nextHost: 2, ...this.stamp(now) };
    this.networks.set(network.id, network);
    return network;
  }

  /** The next free address of each network, for a task or a service. */
  addressesIn(networks: TaskTemplate['Networks']): { networkId: string; address: string }[] {
    return (networks ?? []).flatMap(({ Target }) => {
      const network = this.networks.get(Target);
      if (network === undefined) return [];
      const host = network.nextHost;
      network.nextHost = host >= 254 ? 2 : host + 1;
      return [{ networkId: network.id, address: `10.0.${network.subnet}.${host}/24` }];
    });
  }

  /** Does nothing where nothing changed since the last time. */
  save(): void {
    if (this.#file === null || !this.#unsaved) return;
    const state: ClusterState = {
      format: 'keyturn-sandbox-swarm-1',
      id: this.id,
      name: this.#name,
      createdAt: this.createdAt,
      index: this.#index,
      subnets: this.#subnets,
      nodes: [...this.nodes.values()],
      networks: [...this.networks.values()],
      secrets: [...this.secrets.values()],
      services: [...this.services.values()],
      tasks: [...this.tasks.values()].flatMap((own) => [...own.values()]),
    };
    writeWhole(this.#file, JSON.stringify(state));
    this.#unsaved = false;
  }

  #addNode(number: number, now: number): void {
    const node: NodeRecord = {
      id: newId(),
      state: 'ready',
      address: `10.99.0.${number}`,
      ...this.stamp(now),
    };
    this.nodes.set(node.id, node);
  }
}

function writeWhole(file: string, content: string): void {
  const temporary = `${file}.new`;
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}

function load(directory: string): ClusterState | null {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, FILE);
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw unreadable(file, error);
  }
  try {
    const state = JSON.parse(content) as ClusterState;
    if (state.format === 'keyturn-sandbox-swarm-1') return state;
  } catch (error) {
    throw unreadable(file, error);
  }
  throw unreadable(file, undefined);
}

function unreadable(file: string, cause: unknown): Fault {
  return new Fault({
    code: 'bad-file',
    what: 'the contents of the embedded swarm cannot be read',
    where: file,
    live: 'nothing was started',
    next: 'remove the file to begin with an empty swarm',
    // A parser's message may quote the file, which holds values.
    ...(cause instanceof SyntaxError ? {} : { cause }),
  });
}

/** What a task's container finds in its files under /run/secrets; or the id of a secret that is gone. */
export function mountedValues(
  cluster: Cluster,
  references: readonly SecretReference[],
): { readonly values: readonly string[]; readonly gone: string | null } {
  const values: string[] = [];
  for (const reference of references) {
    const secret = cluster.secrets.get(reference.SecretID);
    if (secret === undefined) return { values, gone: reference.SecretID };
    if (!reference.File.Name.startsWith('/') || reference.File.Name.startsWith('/run/secrets/'))
      values.push(Buffer.from(secret.data, 'base64').toString('latin1'));
  }
  return { values, gone: null };
}
