import { execFile } from 'node:child_process';
import { millisecondsOf } from '../model/duration.ts';
import { Fault } from '../model/fault.ts';
import type { Probe } from '../model/declared.ts';
import type { VerifyOrder } from '../model/platform.ts';
import type { Engine } from './swarm-connection.ts';
import type { SwarmEnvironment } from './swarm-dial.ts';
import { hasStatus } from './swarm-faults.ts';
import { PROBE_SCRIPT } from './swarm-probe-script.ts';
import { patiently } from './swarm-patience.ts';
import type { Clock } from './swarm-verify.ts';
import type { WireService, WireTask } from './swarm-wire.ts';

export interface ProbeCall {
  readonly service: WireService;
  /** The tasks to ask, each by its own address: a name may still lead to one that is gone. */
  readonly tasks: readonly WireTask[];
  readonly timeoutMs: number;
}

export interface ProbeRoom {
  readonly engine: Engine;
  readonly environment: SwarmEnvironment;
  readonly stack: string;
  readonly where: string;
  readonly clock: Clock;
}

type NetworkProbe = Extract<Probe, { kind: 'http' | 'tcp' }>;

const LABEL_PROBE = 'keyturn.probe';
const LABEL_PROBED = 'keyturn.probe.service';
const POLL_MS = 300;
const PROBE_TIMEOUT_MS = 120_000;

/**
 * Tries the tasks as the declaration says, and returns a line of evidence; null where no probe is declared.
 * Throws `verify-failed` where a task does not answer as it should. Leaves no probe service behind, and removes
 * one that an earlier run left.
 */
export async function runProbe(
  room: ProbeRoom,
  order: VerifyOrder,
  call: ProbeCall,
  signal?: AbortSignal,
): Promise<string | null> {
  const { probe } = order;
  if (probe.kind === 'none') return null;
  if (probe.kind === 'command') return runCommand(room, order, probe, signal);
  if (call.tasks.length === 0) return 'no task to ask';
  const places = addressesOf(call, room.where);
  await sweep(room, order.service, signal);
  try {
    const id = await start(room, order, probe, places, signal);
    return await outcome(room, order, probe, places.length, id, call.timeoutMs, signal);
  } finally {
    // Also after Ctrl-C: the service is ours and must go, so this asks without the caller's signal.
    await sweep(room, order.service).catch(() => undefined);
  }
}

/** Removes probe services of this service by their label, whichever run made them. */
export async function sweep(room: ProbeRoom, service: string, signal?: AbortSignal): Promise<void> {
  const label = [`${LABEL_PROBE}=true`, `${LABEL_PROBED}=${service}`];
  const found = await patiently(signal, () => room.engine.services({ label }, signal));
  for (const { ID } of found) {
    await patiently(signal, () => room.engine.removeService(ID, signal)).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  }
}

interface Place {
  readonly network: string;
  readonly address: string;
}

function addressesOf({ service, tasks }: ProbeCall, where: string): Place[] {
  const { Networks, TaskTemplate, Name } = service.Spec;
  const wanted = new Set(
    [...(TaskTemplate.Networks ?? []), ...(Networks ?? [])].map(({ Target }) => Target ?? ''),
  );
  const places = tasks.map((task) => {
    const attachment = (task.NetworksAttachments ?? []).find(
      ({ Network, Addresses }) =>
        (wanted.has(Network.ID) || wanted.has(Network.Spec?.Name ?? '')) &&
        Network.Spec?.Ingress !== true &&
        (Addresses ?? []).length > 0,
    );
    const address = attachment?.Addresses?.[0]?.replace(/\/\d+$/, '');
    return attachment === undefined || address === undefined
      ? null
      : { network: attachment.Network.ID, address };
  });
  if (places.every((place) => place !== null)) return places;
  throw new Fault({
    code: 'bad-declaration',
    what: `"${Name}" is on no overlay network, so its tasks cannot be probed`,
    where,
    next: 'give the service a health check and declare no probe, probe with a command, or attach it to an overlay network',
  });
}

async function start(
  room: ProbeRoom,
  order: VerifyOrder,
  probe: NetworkProbe,
  places: readonly Place[],
  signal?: AbortSignal,
): Promise<string> {
  const http = probe.kind === 'http' ? [probe.path, String(probe.status)] : ['-', '-'];
  const addresses = places.map(({ address }) => address);
  const spec = {
    Name: `keyturn-probe-${order.service}`.slice(0, 63).replace(/[^a-zA-Z0-9]+$/, ''),
    Labels: {
      ...order.labels,
      'keyturn-stack': room.stack,
      [LABEL_PROBE]: 'true',
      [LABEL_PROBED]: order.service,
    },
    TaskTemplate: {
      ContainerSpec: {
        Image: probe.image,
        Command: ['sh', '-c', PROBE_SCRIPT, 'probe', probe.kind, String(probe.port), ...http, ...addresses],
        StopGracePeriod: 0,
      },
      RestartPolicy: { Condition: 'none', MaxAttempts: 0 },
      Networks: [...new Set(places.map(({ network }) => network))].map((Target) => ({ Target })),
    },
    // Never a job: a change of leader may run a job twice, and one more time for each former leader.
    Mode: { Replicated: { Replicas: 1 } },
  };
  return patiently(signal, async () => {
    try {
      return await room.engine.createService(spec, signal);
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      // Ours: the answer to an earlier attempt was lost. A name of ours without our label is not touched.
      const label = [`${LABEL_PROBED}=${order.service}`];
      const [found] = await room.engine.services({ name: [spec.Name], label }, signal);
      if (found === undefined) throw error;
      return found.ID;
    }
  });
}

async function outcome(
  room: ProbeRoom,
  order: VerifyOrder,
  probe: NetworkProbe,
  asked: number,
  id: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string> {
  const { clock, engine, where } = room;
  const until = clock.ticks() + Math.min(timeoutMs, PROBE_TIMEOUT_MS);
  const name = probe.kind === 'http' ? `GET :${probe.port}${probe.path}` : `tcp :${probe.port}`;
  const refused = (what: string) =>
    new Fault({
      code: 'verify-failed',
      what: `the probe of "${order.service}" failed: ${what}`,
      where,
      next: `see what the tasks said: docker service logs ${order.service}`,
    });
  for (;;) {
    const tasks = await patiently(signal, () => engine.tasks({ service: [id] }, signal));
    const task = tasks.find(({ Status }) => ['complete', 'failed', 'rejected'].includes(Status.State));
    if (task?.Status.State === 'complete') {
      const answered = probe.kind === 'http' ? `answered ${probe.status}` : 'accepted';
      return `${name} ${answered} on ${asked} of ${asked} tasks`;
    }
    if (task !== undefined) {
      const log = await engine.serviceLog(id, signal).catch(() => '');
      const lines = log.split('\n').filter((line) => line.startsWith('keyturn: '));
      const reasons = lines.map((line) => line.slice('keyturn: '.length).trim()).join(', ');
      const exit = `${task.Status.Err ?? ''} (image "${probe.image}")`;
      throw refused(reasons === '' ? `${name}: ${exit}` : `${name}: ${reasons}`);
    }
    if (clock.ticks() >= until) {
      const state = tasks[0]?.Status;
      const why = state === undefined ? 'no task' : `${state.State}${state.Err ? `: ${state.Err}` : ''}`;
      throw refused(`the probe with image "${probe.image}" did not end (${why})`);
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** Runs without a shell. What it prints is not kept: it may print anything. */
function runCommand(
  room: ProbeRoom,
  order: VerifyOrder,
  probe: Extract<Probe, { kind: 'command' }>,
  signal?: AbortSignal,
): Promise<string> {
  const [command, ...args] = probe.argv;
  const { PATH, HOME } = room.environment;
  const env = {
    ...(PATH === undefined ? {} : { PATH }),
    ...(HOME === undefined ? {} : { HOME }),
    KEYTURN_SERVICE: order.service,
  };
  const refused = (what: string, cause?: unknown) =>
    new Fault({
      code: 'verify-failed',
      what: `the probe of "${order.service}" failed: "${command ?? ''}" ${what}`,
      where: room.where,
      next: `run it by hand with KEYTURN_SERVICE=${order.service} to see what it says`,
      cause,
    });
  return new Promise((resolve, reject) => {
    if (command === undefined) return reject(refused('is no command'));
    const options = {
      env,
      timeout: Math.max(millisecondsOf(probe.timeout), 1_000),
      ...(signal === undefined ? {} : { signal }),
    };
    execFile(command, args, options, (error) => {
      if (error === null) return resolve(`"${command}" exited with 0`);
      if (signal?.aborted === true) return reject(error);
      if (error.killed === true) return reject(refused(`did not end within ${probe.timeout}`));
      return reject(
        refused(typeof error.code === 'number' ? `exited with ${error.code}` : `did not run (${error.code})`),
      );
    });
  });
}
