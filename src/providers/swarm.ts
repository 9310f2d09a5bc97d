import { setTimeout as pause } from 'node:timers/promises';
import { consumerAddress } from '../model/address.ts';
import { Fault } from '../model/fault.ts';
import type { LiveTask, ObservedService, SeenPlatform } from '../model/observed.ts';
import { serviceFingerprint } from '../model/observed.ts';
import type { CopyOrder, Platform, RemoveOrder } from '../model/platform.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { turn } from '../model/turn.ts';
import { connectEngine } from './swarm-connection.ts';
import type { Engine } from './swarm-connection.ts';
import type { SwarmEndpoint } from './swarm-dial.ts';
import { hasStatus, isPassing, platformFault } from './swarm-faults.ts';
import { runProbe, sweep } from './swarm-probe.ts';
import { patiently } from './swarm-patience.ts';
import { Sightings } from './swarm-sightings.ts';
import { flip, settle } from './swarm-update.ts';
import { REAL_CLOCK, verify } from './swarm-verify.ts';
import type { Clock } from './swarm-verify.ts';
import { failureActionOf, isHomeless, isLive, isPlaced, modeOf, referencesOf } from './swarm-wire.ts';
import type { WireNode, WireSecret, WireService, WireTask } from './swarm-wire.ts';

export interface SwarmOptions extends SwarmEndpoint {
  readonly name: string;
  /** Stands on the probe services that this run makes. */
  readonly stack: string;
  readonly clock?: Clock;
}

const ATTEMPTS = 6;

/**
 * A Docker Swarm as a platform, through a manager's engine. Nothing is opened before the first call. The contract
 * of each method is Platform's; docs/SWARM.md says how a flip is verified.
 */
export function connectSwarm(options: SwarmOptions): Platform {
  const engine = connectEngine(options);
  const clock = options.clock ?? REAL_CLOCK;
  const sightings = new Sightings(engine, clock);
  const { name, environment, stack } = options;

  async function guarded<T>(
    where: string,
    signal: AbortSignal | undefined,
    act: () => Promise<T>,
  ): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw platformFault(error, { platform: name, endpoint: engine.endpoint, where, signal });
    }
  }
  const consumer = (service: string) => consumerAddress(name, service);

  return {
    name,
    kind: 'swarm',
    observe: (signal) => guarded(name, signal, () => observe(engine, signal)),
    stage: (copy, value, signal) => guarded(name, signal, () => stage(engine, name, copy, value, signal)),
    remove: (copy, signal) => guarded(name, signal, () => remove(engine, name, copy, signal)),
    flip: (order, signal) => {
      const where = consumer(order.service);
      return guarded(where, signal, () => flip(engine, where, order, signal));
    },
    verify: (order, progress, signal) => {
      const where = consumer(order.service);
      const room = { engine, environment, stack, where, clock };
      return guarded(where, signal, async () => {
        // A crash may have left one behind, and this verification may fail before it probes.
        if (order.probe.kind === 'http' || order.probe.kind === 'tcp')
          await sweep(room, order.service, signal);
        const probe = (call: Parameters<typeof runProbe>[2]) => runProbe(room, order, call, signal);
        return verify({ engine, sightings }, where, order, probe, progress, signal, clock);
      });
    },
    settle: (service, originals, signal) => {
      const where = consumer(service);
      return guarded(where, signal, () => settle(engine, where, service, originals, signal));
    },
    close: () => engine.close(),
  };
}

/** So many services are read through at once: half a millisecond. */
const AT_ONCE = 20;

async function observe(engine: Engine, signal?: AbortSignal): Promise<SeenPlatform> {
  const [secrets, services, tasks, clusterId] = await Promise.all([
    engine.secrets({}, signal),
    engine.services({}, signal),
    engine.tasks({}, signal),
    // A read-only proxy may keep this from a planner; nothing is compared with it.
    engine.clusterId(signal).catch((error: unknown) => {
      if (hasStatus(error, 403)) return null;
      throw error;
    }),
  ]);
  const tasksOf = new Map<string, WireTask[]>();
  for (const task of tasks) tasksOf.set(task.ServiceID, [...(tasksOf.get(task.ServiceID) ?? []), task]);
  await turn();
  const lingers = services.some((service) => hasLingering(service, tasksOf.get(service.ID) ?? []));
  const nodes = lingers ? await nodesSeen(engine, signal) : null;
  const seen: Record<string, ObservedService> = {};
  for (const [at, service] of services.entries()) {
    // A vault is listed meanwhile, and its next page is to be asked for as soon as the one before is there.
    if (at % AT_ONCE === 0) await turn();
    seen[service.Spec.Name] = observed(service, tasksOf.get(service.ID) ?? [], nodes);
  }
  return {
    clusterId: clusterId ?? 'not shown',
    copies: secrets.map(({ ID, Spec }) => ({ id: ID, name: Spec.Name, labels: Spec.Labels ?? {} })),
    services: seen,
  };
}

/**
 * Whether a task goes on that shall not: it reads what the spec no longer names, or swarm wants it ended, as it
 * does with each one on a node that it lost. Only then does it matter where it runs.
 */
function hasLingering({ Spec }: WireService, tasks: readonly WireTask[]): boolean {
  const named = new Set(referencesOf(Spec.TaskTemplate).map(({ copyId }) => copyId));
  const isUnwanted = ({ DesiredState }: WireTask) => DesiredState === 'shutdown' || DesiredState === 'remove';
  const holds = (task: WireTask) => referencesOf(task.Spec).some(({ copyId }) => !named.has(copyId));
  return tasks.some((task) => isLive(task) && (isUnwanted(task) || holds(task)));
}

/** By id; null where a proxy keeps them from the planner: then no task counts as lost, and each keeps its hold. */
async function nodesSeen(
  engine: Engine,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, WireNode> | null> {
  try {
    return new Map((await engine.nodes(signal)).map((node) => [node.ID, node]));
  } catch (error) {
    if (!hasStatus(error, 403)) throw error;
    return null;
  }
}

function liveTask(task: WireTask, service: string, nodes: ReadonlyMap<string, WireNode> | null): LiveTask {
  const { NodeID = '' } = task;
  const node = nodes?.get(NodeID);
  return {
    name: `${service}.${task.Slot ?? NodeID}`,
    node: node?.Description?.Hostname ?? (NodeID === '' ? null : NodeID),
    isLost: nodes !== null && isPlaced(task) && node?.Status.State !== 'ready',
    copyIds: referencesOf(task.Spec).map(({ copyId }) => copyId),
  };
}

function observed(
  service: WireService,
  tasks: readonly WireTask[],
  nodes: ReadonlyMap<string, WireNode> | null,
): ObservedService {
  const { ID: id, Spec, PreviousSpec } = service;
  const mode = modeOf(Spec);
  const references = referencesOf(Spec.TaskTemplate);
  const check = Spec.TaskTemplate.ContainerSpec?.Healthcheck?.Test ?? [];
  return {
    id,
    name: Spec.Name,
    mode,
    tasks:
      mode === 'replicated'
        ? (Spec.Mode?.Replicated?.Replicas ?? 1)
        : (service.ServiceStatus?.DesiredTasks ?? 0),
    references,
    previousReferences: PreviousSpec ? referencesOf(PreviousSpec.TaskTemplate) : null,
    liveTasks: tasks.filter((task) => isLive(task)).map((task) => liveTask(task, Spec.Name, nodes)),
    homeless: tasks.find((task) => isHomeless(task))?.Status.Err ?? null,
    updateState: service.UpdateStatus?.State || null,
    order: Spec.UpdateConfig?.Order === 'start-first' ? 'start-first' : 'stop-first',
    healthCheck: check.length > 0 && check[0] !== 'NONE',
    updateFailureAction: failureActionOf(Spec.UpdateConfig),
    rollbackFailureAction: failureActionOf(Spec.RollbackConfig),
    fingerprint: serviceFingerprint({ id, mode, references }),
  };
}

async function secretNamed(engine: Engine, name: string, signal?: AbortSignal): Promise<WireSecret | null> {
  const found = await patiently(signal, () => engine.secrets({ names: [name] }, signal));
  return found.find(({ Spec }) => Spec.Name === name) ?? null;
}

async function stage(
  engine: Engine,
  platform: string,
  copy: CopyOrder,
  value: SecretValue,
  signal?: AbortSignal,
): Promise<{ readonly id: string }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const data = Buffer.from(value.reveal(), 'utf8').toString('base64');
      return { id: await engine.createSecret(copy.name, copy.labels, data, signal) };
    } catch (error) {
      if (!hasStatus(error, 409) && !isPassing(error)) throw error;
      // The name is the key: whoever made it, labels tell whether it is the copy that is wanted.
      const found = await secretNamed(engine, copy.name, signal);
      if (found !== null) {
        refuseForeign(found, copy, platform);
        return { id: found.ID };
      }
      if (attempt >= ATTEMPTS) throw error;
      await pause(200 * attempt, undefined, signal === undefined ? {} : { signal });
    }
  }
}

async function remove(
  engine: Engine,
  platform: string,
  copy: RemoveOrder,
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const found = await secretNamed(engine, copy.name, signal);
    if (found === null) return;
    if (copy.taken?.includes(found.ID) !== true) refuseForeign(found, copy, platform);
    try {
      await engine.removeSecret(found.ID, signal);
    } catch (error) {
      if (hasStatus(error, 400)) throw await inUse(engine, platform, found, error, signal);
      if (!hasStatus(error, 404) && (!isPassing(error) || attempt >= ATTEMPTS)) throw error;
    }
    if (attempt > ATTEMPTS) throw new Error(`secret "${copy.name}" is there again after each removal`);
  }
}

function refuseForeign(found: WireSecret, copy: CopyOrder, platform: string): void {
  const labels = found.Spec.Labels ?? {};
  const different = Object.entries(copy.labels).filter(([key, wanted]) => labels[key] !== wanted);
  if (different.length === 0) return;
  throw new Fault({
    code: 'not-ours',
    what: `the swarm's secret "${copy.name}" was not made for this version`,
    where: platform,
    live: 'it stays as it is',
    next: 'rename one of the two, or remove it if nothing uses it: docker secret inspect shows its labels',
    problems: different.map(([key, wanted]) => ({
      what: `label ${key} is ${labels[key] === undefined ? 'absent' : `"${labels[key]}"`}, not "${wanted}"`,
      where: copy.name,
    })),
  });
}

async function inUse(
  engine: Engine,
  platform: string,
  secret: WireSecret,
  cause: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  const services = await engine.services({}, signal);
  const users = services
    .filter(({ Spec }) => referencesOf(Spec.TaskTemplate).some(({ copyId }) => copyId === secret.ID))
    .map(({ Spec }) => Spec.Name);
  if (users.length === 0) return cause;
  return new Fault({
    code: 'platform-refused',
    what: `"${secret.Spec.Name}" is still read by ${users.map((user) => `"${user}"`).join(', ')}`,
    where: platform,
    live: 'the secret stays',
    next: 'declare what reads it, or let it read a newer version, then apply again',
    cause,
  });
}
