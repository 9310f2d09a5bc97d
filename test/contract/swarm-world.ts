import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type Dockerode from 'dockerode';

/** What the contract reads of the Engine API's answers. */
export interface SeenReference {
  readonly File: { readonly Name: string; readonly UID: string; readonly GID: string; readonly Mode: number };
  readonly SecretID: string;
  readonly SecretName: string;
}

export interface SeenSpec {
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly TaskTemplate: {
    readonly ContainerSpec: { readonly Image: string; readonly Secrets?: readonly SeenReference[] };
    readonly Placement?: object;
  };
  readonly Mode: object;
  readonly UpdateConfig?: object;
  readonly RollbackConfig?: object;
}

export interface SeenService {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: SeenSpec;
  readonly PreviousSpec?: SeenSpec;
  readonly UpdateStatus?: { readonly State: string; readonly Message: string; readonly CompletedAt?: string };
  readonly ServiceStatus?: { readonly RunningTasks: number; readonly DesiredTasks: number };
  readonly JobStatus?: { readonly JobIteration: { readonly Index?: number } };
}

export interface SeenTask {
  readonly ID: string;
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Spec: SeenSpec['TaskTemplate'];
  readonly Status: {
    /** When it came into its state. */
    readonly Timestamp: string;
    readonly State: string;
    readonly Message: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ExitCode: number };
  };
  readonly NetworksAttachments?: readonly { readonly Addresses: readonly string[] }[];
}

export interface SeenSecret {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: Readonly<Record<string, unknown>>;
}

export interface MadeSecret {
  readonly id: string;
  readonly name: string;
}

export interface Refused {
  readonly status: number;
  readonly message: string;
}

/** The service and its tasks at one moment, and what was seen of them since the watch began. */
export interface Sight {
  readonly service: SeenService;
  readonly tasks: readonly SeenTask[];
  /** Each task that was ever seen, as it was seen last. */
  readonly everSeen: readonly SeenTask[];
  /** UpdateStatus.State, each change once; `absent` where there is none. */
  readonly updateStates: readonly string[];
  readonly fewestRunning: number;
}

export interface ServiceWish {
  readonly replicas?: number;
  readonly mode?: object;
  readonly image?: string;
  readonly env?: readonly string[];
  readonly command?: readonly string[];
  readonly isUnchecked?: boolean;
  readonly networks?: readonly string[];
  readonly update?: object | null;
  readonly rollback?: object;
  readonly restart?: object;
}

/**
 * dockerode as it is: its types name neither `_query` nor `_body`, without which a body goes into the URL too,
 * and leave out filters and fields that the engine has.
 */
export interface UntypedDocker {
  createSecret(options: object): Promise<{ id: string }>;
  createService(options: object): Promise<{ id: string }>;
  createNetwork(options: object): Promise<{ id: string }>;
  listSecrets(options: object): Promise<SeenSecret[]>;
  listServices(options: object): Promise<SeenService[]>;
  listTasks(options: object): Promise<SeenTask[]>;
  getSecret(id: string): {
    inspect(): Promise<SeenSecret>;
    update(options: object): Promise<unknown>;
    remove(): Promise<unknown>;
  };
  getService(id: string): {
    inspect(): Promise<SeenService>;
    update(options: object): Promise<unknown>;
    remove(): Promise<unknown>;
    logs(options: object): Promise<unknown>;
  };
  getNetwork(id: string): { remove(): Promise<unknown> };
}

const POLL_MS = 25;
const PATIENCE_MS = 40_000;

/** The id or the text of a refusal as dockerode hands them on; throws where the call was accepted. */
export async function refusal(call: Promise<unknown>): Promise<Refused> {
  try {
    await call;
  } catch (error) {
    const { statusCode, json } = error as { statusCode?: number; json?: { message?: string } };
    if (statusCode === undefined) throw error;
    return { status: statusCode, message: json?.message ?? '' };
  }
  throw new Error('the engine accepted what it should refuse');
}

export const referenceTo = (secret: MadeSecret, target: string): SeenReference => ({
  File: { Name: target, UID: '0', GID: '0', Mode: 0o444 },
  SecretID: secret.id,
  SecretName: secret.name,
});

export const secretNames = (spec: SeenSpec | SeenSpec['TaskTemplate'] | undefined): string[] => {
  const template = spec !== undefined && 'TaskTemplate' in spec ? spec.TaskTemplate : spec;
  return (template?.ContainerSpec.Secrets ?? []).map((reference) => reference.SecretName);
};

/** A spec with these references instead, everything else as it was. */
export function withSecrets(spec: SeenSpec, references: readonly SeenReference[]): SeenSpec {
  const { TaskTemplate } = spec;
  const ContainerSpec = { ...TaskTemplate.ContainerSpec, Secrets: references };
  return { ...spec, TaskTemplate: { ...TaskTemplate, ContainerSpec } };
}

/** What one contract case makes on an engine, under names of its own, and takes away again. */
export class World {
  readonly docker: UntypedDocker;
  readonly #prefix = `ktc-${randomBytes(4).toString('hex')}`;
  readonly #services: string[] = [];
  readonly #networks: string[] = [];
  readonly #secrets: string[] = [];

  constructor(docker: Dockerode) {
    this.docker = docker as unknown as UntypedDocker;
  }

  name(suffix: string): string {
    return `${this.#prefix}-${suffix}`;
  }

  async post(method: 'createSecret' | 'createService' | 'createNetwork', body: object): Promise<string> {
    const made = await this.docker[method]({ _query: {}, _body: body });
    const list = {
      createSecret: this.#secrets,
      createService: this.#services,
      createNetwork: this.#networks,
    };
    list[method].push(made.id);
    return made.id;
  }

  async secret(
    suffix: string,
    value: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<MadeSecret> {
    const name = this.name(suffix);
    const Data = Buffer.from(value).toString('base64');
    return { name, id: await this.post('createSecret', { Name: name, Labels: labels, Data }) };
  }

  async listSecrets(filters: Readonly<Record<string, readonly string[]>>): Promise<SeenSecret[]> {
    return this.docker.listSecrets({ filters });
  }

  async network(suffix: string): Promise<string> {
    const name = this.name(suffix);
    await this.post('createNetwork', { Name: name, Driver: 'overlay' });
    return name;
  }

  specOf(suffix: string, references: readonly unknown[], wish: ServiceWish = {}): object {
    const isJob = wish.mode !== undefined && Object.keys(wish.mode).some((mode) => mode.endsWith('Job'));
    const update = { Parallelism: 0, Monitor: 5e8, FailureAction: 'pause', Order: 'start-first' };
    return {
      Name: this.name(suffix),
      TaskTemplate: {
        ContainerSpec: {
          Image: wish.image ?? 'lab/app:1',
          ...(wish.command === undefined ? {} : { Command: wish.command }),
          ...(wish.env === undefined ? {} : { Env: wish.env }),
          ...(wish.isUnchecked === true
            ? {}
            : { Healthcheck: { Test: ['CMD', '/hc'], Interval: 3e8, Timeout: 4e9, Retries: 4 } }),
          StopGracePeriod: 4e9,
          Secrets: references,
        },
        RestartPolicy: wish.restart ?? { Condition: 'any', Delay: 3e8 },
        Networks: (wish.networks ?? []).map((Target) => ({ Target })),
      },
      Mode: wish.mode ?? { Replicated: { Replicas: wish.replicas ?? 2 } },
      ...(isJob || wish.update === null ? {} : { UpdateConfig: { ...update, ...wish.update } }),
      ...(wish.rollback === undefined ? {} : { RollbackConfig: wish.rollback }),
    };
  }

  async service(suffix: string, references: readonly SeenReference[], wish?: ServiceWish): Promise<string> {
    return this.post('createService', this.specOf(suffix, references, wish));
  }

  /** A service that runs. */
  async started(suffix: string, references: readonly SeenReference[], wish?: ServiceWish): Promise<Sight> {
    const id = await this.service(suffix, references, wish);
    return this.until(id, 'it runs', ({ tasks }) => {
      const wanted = tasks.filter((task) => task.DesiredState === 'running');
      const isUp = wanted.every((task) => task.Status.State === 'running');
      return (
        isUp && wanted.length > 0 && wanted.length >= (wish?.mode === undefined ? (wish?.replicas ?? 2) : 3)
      );
    });
  }

  async inspect(id: string): Promise<SeenService> {
    return this.docker.getService(id).inspect();
  }

  async tasks(id: string): Promise<SeenTask[]> {
    return this.docker.listTasks({ filters: { service: [id] } });
  }

  async postUpdate(id: string, version: unknown, spec: object, query: object = {}): Promise<void> {
    const options = { _query: { version, registryAuthFrom: 'spec', ...query }, _body: spec };
    await this.docker.getService(id).update(options);
  }

  /** Posts a changed spec at the version that is there now. */
  async update(id: string, change: (spec: SeenSpec) => object, query: object = {}): Promise<void> {
    const service = await this.inspect(id);
    await this.postUpdate(id, service.Version.Index, change(service.Spec), query);
  }

  /** Watches until it is as wanted; fails with what was seen where that takes too long. */
  async until(id: string, what: string, isSo: (sight: Sight) => boolean): Promise<Sight> {
    const everSeen = new Map<string, SeenTask>();
    const updateStates: string[] = [];
    let fewestRunning = Number.POSITIVE_INFINITY;
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const [service, tasks] = await Promise.all([this.inspect(id), this.tasks(id)]);
      for (const task of tasks) everSeen.set(task.ID, task);
      const state = service.UpdateStatus?.State ?? 'absent';
      if (updateStates.at(-1) !== state) updateStates.push(state);
      fewestRunning = Math.min(fewestRunning, tasks.filter((task) => task.Status.State === 'running').length);
      const sight = { service, tasks, everSeen: [...everSeen.values()], updateStates, fewestRunning };
      if (isSo(sight)) return sight;
      if (Date.now() > deadline) {
        const seen = sight.everSeen.map(({ Status, DesiredState }) => [
          Status.State,
          DesiredState,
          Status.Err,
        ]);
        throw new Error(`not so in time: ${what}; ${JSON.stringify({ updateStates, seen })}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Until UpdateStatus says this. */
  untilState(id: string, state: string): Promise<Sight> {
    return this.until(id, `UpdateStatus ${state}`, ({ service }) => service.UpdateStatus?.State === state);
  }

  /** What a quiet service looks like some moments later. */
  async afterAWhile(id: string): Promise<Sight> {
    const end = Date.now() + 700;
    return this.until(id, 'a moment passed', () => Date.now() > end);
  }

  /** Removes everything this world made; what is gone already is no problem. */
  async clear(): Promise<void> {
    for (const id of this.#services) await gone(() => this.docker.getService(id).remove());
    for (const id of this.#secrets) await gone(() => this.docker.getSecret(id).remove());
    for (const id of this.#networks) await gone(() => this.docker.getNetwork(id).remove());
  }
}

async function gone(remove: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await remove();
      return;
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return;
      // A network is in use until the last task has left it.
      await sleep(100);
    }
  }
}

/** Registers one case under its title; it gets a world of its own. */
export type On = (title: string, run: (world: World) => Promise<void>) => void;

/** A refusal of what the request says. */
export const invalid = (text: string) => ({
  status: 400,
  message: `rpc error: code = InvalidArgument desc = ${text}`,
});
export const idsOf = (tasks: readonly SeenTask[]) => tasks.map((task) => task.ID).sort();
export const running = (tasks: readonly SeenTask[]) =>
  tasks.filter((task) => task.DesiredState === 'running' && task.Status.State === 'running');
