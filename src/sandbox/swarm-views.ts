import { hasEnded } from './swarm-cluster.ts';
import type {
  Cluster,
  NodeRecord,
  SecretRecord,
  ServiceRecord,
  TaskRecord,
  UpdateStatus,
} from './swarm-cluster.ts';
import { isJob } from './swarm-slots.ts';
import { Refusal, record } from './swarm-spec.ts';
import type { Labels } from './swarm-spec.ts';

/** What the Engine API answers about objects of the cluster. A secret's Data is in none of it. */

const time = (at: number) => new Date(at).toISOString();

const stamps = (object: { version: number; createdAt: number; updatedAt: number }) => ({
  Version: { Index: object.version },
  CreatedAt: time(object.createdAt),
  UpdatedAt: time(object.updatedAt),
});

export const secretView = (secret: SecretRecord) => ({
  ID: secret.id,
  ...stamps(secret),
  Spec: { Name: secret.name, Labels: secret.labels },
});

export const nodeView = (node: NodeRecord, leader: boolean) => ({
  ID: node.id,
  ...stamps(node),
  Spec: { Labels: {}, Role: 'manager', Availability: 'active' },
  Description: {
    Hostname: 'sandbox',
    Platform: { Architecture: 'x86_64', OS: 'linux' },
    Engine: { EngineVersion: ENGINE_VERSION },
  },
  Status: { State: node.state, Addr: node.address },
  ManagerStatus: {
    ...(leader ? { Leader: true } : {}),
    Reachability: node.state === 'ready' ? 'reachable' : 'unreachable',
    Addr: `${node.address}:2377`,
  },
});

export const ENGINE_VERSION = '20.10.24';
export const API_VERSION = '1.41';

export function clusterView(cluster: Cluster): object {
  return {
    ID: cluster.id,
    Version: { Index: 10 },
    CreatedAt: time(cluster.createdAt),
    UpdatedAt: time(cluster.createdAt),
    Spec: { Name: 'default', Labels: {}, Orchestration: { TaskHistoryRetentionLimit: 5 } },
  };
}

/** `/info`: this node is a manager, and the first one. */
export function infoView(cluster: Cluster, name: string): object {
  const nodes = [...cluster.nodes.values()];
  const first = nodes[0];
  return {
    ID: 'KEYTURN:SANDBOX',
    Name: name,
    ServerVersion: ENGINE_VERSION,
    OperatingSystem: 'keyturn sandbox',
    OSType: 'linux',
    Swarm: {
      NodeID: first?.id ?? '',
      NodeAddr: first?.address ?? '',
      LocalNodeState: 'active',
      ControlAvailable: true,
      Error: '',
      RemoteManagers: nodes.map((node) => ({ NodeID: node.id, Addr: `${node.address}:2377` })),
      Nodes: nodes.length,
      Managers: nodes.length,
      Cluster: clusterView(cluster),
    },
  };
}

export function serviceView(cluster: Cluster, service: ServiceRecord, withStatus: boolean): object {
  const job = isJob(service)
    ? {
        JobStatus: {
          JobIteration: iterationView(service.iteration),
          ...(service.lastExecution === null ? {} : { LastExecution: time(service.lastExecution) }),
        },
      }
    : {};
  const addresses = service.virtualIps.map((ip) => ({ NetworkID: ip.networkId, Addr: ip.address }));
  return {
    ID: service.id,
    ...stamps(service),
    Spec: service.spec,
    ...(service.previousSpec === null ? {} : { PreviousSpec: service.previousSpec }),
    Endpoint: { Spec: {}, ...(addresses.length === 0 ? {} : { VirtualIPs: addresses }) },
    ...(service.updateStatus === null ? {} : { UpdateStatus: updateView(service.updateStatus) }),
    ...(withStatus ? { ServiceStatus: statusView(cluster, service) } : {}),
    ...job,
  };
}

const iterationView = (iteration: number) => (iteration === 0 ? {} : { Index: iteration });

const updateView = (status: UpdateStatus) => ({
  State: status.state,
  StartedAt: time(status.startedAt),
  ...(status.completedAt === null ? {} : { CompletedAt: time(status.completedAt) }),
  Message: status.message,
});

function statusView(cluster: Cluster, service: ServiceRecord): object {
  const tasks = cluster.tasksOf(service.id);
  const { Replicated, ReplicatedJob } = service.spec.Mode;
  const own = tasks.filter((task) => task.iteration === null || task.iteration === service.iteration);
  const wanted = tasks.filter((task) => task.desired === 'running').length;
  return {
    RunningTasks: own.filter((task) => task.state === 'running').length,
    DesiredTasks: Replicated?.Replicas ?? ReplicatedJob?.MaxConcurrent ?? wanted,
    CompletedTasks: isJob(service) ? own.filter((task) => task.state === 'complete').length : 0,
  };
}

export function taskView(cluster: Cluster, task: TaskRecord): object {
  const container =
    task.exitCode === null
      ? {}
      : { ContainerStatus: { ContainerID: task.containerId ?? '', PID: 0, ExitCode: task.exitCode } };
  const networks = task.addresses.map(({ networkId, address }) => ({
    Network: { ID: networkId, Spec: { Name: cluster.networks.get(networkId)?.name ?? '', Scope: 'swarm' } },
    Addresses: [address],
  }));
  return {
    ID: task.id,
    ...stamps(task),
    Labels: {},
    Spec: task.spec,
    ServiceID: task.serviceId,
    ...(task.slot === 0 ? {} : { Slot: task.slot }),
    ...(task.nodeId === null ? {} : { NodeID: task.nodeId }),
    Status: {
      Timestamp: time(task.stampedAt),
      State: task.state,
      Message: task.message,
      ...(task.err === null ? {} : { Err: task.err }),
      ...container,
      PortStatus: {},
    },
    DesiredState: task.desired,
    ...(networks.length === 0 ? {} : { NetworksAttachments: networks }),
    ...(task.iteration === null ? {} : { JobIteration: iterationView(task.iteration) }),
  };
}

export type Filters = Readonly<Record<string, readonly string[]>>;

/** The `filters` of a list request: lists of words, or the older maps from word to true. */
export function parseFilters(query: URLSearchParams, allowed: readonly string[]): Filters {
  const text = query.get('filters') ?? '';
  if (text === '') return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refusal(
      500,
      `invalid character '${text.slice(1, 2)}' looking for beginning of object key string`,
    );
  }
  const filters: Record<string, readonly string[]> = {};
  for (const [key, words] of Object.entries(record(json))) {
    if (!allowed.includes(key)) throw new Refusal(400, `Invalid filter '${key}'`);
    filters[key] = Array.isArray(words) ? words.map(String) : Object.keys(record(words));
  }
  return filters;
}

/** Holds where the filter is not given. `name` and `id` of the engine match as prefixes. */
export const matches = (words: readonly string[] | undefined, test: (word: string) => boolean) =>
  words === undefined || words.length === 0 || words.some(test);

/** Several label words must all hold, unlike the words of other filters. */
export const hasLabels = (words: readonly string[] | undefined, labels: Labels) =>
  (words ?? []).every((word) => {
    const at = word.indexOf('=');
    return at < 0 ? word in labels : labels[word.slice(0, at)] === word.slice(at + 1);
  });

/** The multiplexed stream of a service's log: eight bytes of header before each line. */
export function logStream(cluster: Cluster, service: ServiceRecord, streams: ReadonlySet<number>): Buffer {
  const lines = cluster
    .tasksOf(service.id)
    .flatMap((task) => (hasEnded(task) || task.containerId ? task.log : []));
  return Buffer.concat(
    lines
      .filter((line) => streams.has(line.stream))
      .map((line) => {
        const text = Buffer.from(`${line.text}\n`);
        const head = Buffer.alloc(8);
        head[0] = line.stream;
        head.writeUInt32BE(text.length, 4);
        return Buffer.concat([head, text]);
      }),
  );
}
