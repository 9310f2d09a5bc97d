import { isDeepStrictEqual } from 'node:util';
import type { Pace } from './swarm-agent.ts';
import { newId } from './swarm-cluster.ts';
import type { Cluster, SecretRecord, ServiceRecord } from './swarm-cluster.ts';
import { advanceService } from './swarm-orchestrator.ts';
import { setDesired } from './swarm-slots.ts';
import { Refusal, checkNewSecret, checkService, invalid, outOfSequence } from './swarm-spec.ts';
import type { SecretSpec, ServiceSpec } from './swarm-spec.ts';

export interface EngineOptions {
  readonly pace: Pace;
  readonly historyLimit: number;
  readonly clock: () => number;
}

const SAVE_DELAY_MS = 100;

/** The control API and the event loop of one cluster. Every method brings the cluster up to the present first. */
export class Engine {
  readonly cluster: Cluster;
  readonly #options: EngineOptions;
  readonly #dues = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #saveTimer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(cluster: Cluster, options: EngineOptions) {
    this.cluster = cluster;
    this.#options = options;
    for (const id of cluster.services.keys()) this.#dues.set(id, 0);
    this.advance();
  }

  get now(): number {
    return this.#options.clock();
  }

  /** Does all that is due by now, in the order in which it fell due. */
  advance(): void {
    if (this.#isStopped) return;
    const now = this.now;
    const before = this.cluster.index;
    // A long pause is caught up event by event, but a crash loop of days is not.
    for (let steps = 0; steps < 5000; steps += 1) {
      const due = [...this.#dues].filter(([, at]) => at <= now);
      if (due.length === 0) break;
      const [id, at] = due.reduce((first, each) => (each[1] < first[1] ? each : first));
      this.#advanceOne(id, steps < 4000 ? Math.min(now, at === 0 ? now : at) : now);
    }
    if (this.cluster.index !== before) this.#saveSoon();
    this.#wake();
  }

  /** Looks at a service again, or at all of them, at the next `advance`. */
  poke(id?: string): void {
    for (const each of id === undefined ? this.cluster.services.keys() : [id]) this.#dues.set(each, 0);
  }

  createSecret(spec: SecretSpec): SecretRecord {
    checkNewSecret(spec);
    if ([...this.cluster.secrets.values()].some((secret) => secret.name === spec.Name))
      throw new Refusal(409, `rpc error: code = AlreadyExists desc = secret ${spec.Name} already exists`);
    const { Name: name, Labels: labels, Data: data } = spec;
    const secret = { id: newId(), name, labels, data, ...this.cluster.stamp(this.now) };
    this.cluster.secrets.set(secret.id, secret);
    return secret;
  }

  updateSecret(secret: SecretRecord, version: number, spec: SecretSpec): void {
    if (spec.Name !== secret.name || (spec.Data !== '' && spec.Data !== secret.data))
      throw invalid('only updates to Labels are allowed');
    if (version !== secret.version) throw outOfSequence();
    secret.labels = spec.Labels;
    this.cluster.touch(secret, this.now);
  }

  /** Only current specs protect a secret: neither a task nor a previous spec does. */
  removeSecret(secret: SecretRecord): void {
    const users = this.listServices()
      .filter((service) =>
        (service.spec.TaskTemplate.ContainerSpec.Secrets ?? []).some((each) => each.SecretID === secret.id),
      )
      .map((service) => service.spec.Name);
    if (users.length > 0) {
      const who = `service${users.length > 1 ? 's' : ''}: ${users.join(', ')}`;
      throw invalid(`secret '${secret.name}' is in use by the following ${who}`);
    }
    this.cluster.forget(this.cluster.secrets, secret.id);
  }

  listServices(): ServiceRecord[] {
    return [...this.cluster.services.values()]
      .filter((service) => !service.removed)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  createService(posted: ServiceSpec): ServiceRecord {
    const id = newId();
    const spec = posted.Name === '' ? { ...posted, Name: `service_${id.slice(0, 8)}` } : posted;
    checkService(spec);
    this.#checkSecrets(spec);
    if (this.listServices().some((service) => service.spec.Name === spec.Name))
      throw new Refusal(
        409,
        `rpc error: code = AlreadyExists desc = name conflicts with an existing object: service ${spec.Name} already exists`,
      );
    const isJob = spec.Mode.ReplicatedJob !== undefined || spec.Mode.GlobalJob !== undefined;
    const service: ServiceRecord = {
      id,
      spec,
      previousSpec: null,
      updateStatus: null,
      rolling: null,
      noticedAt: 0,
      iteration: 0,
      lastExecution: isJob ? this.now : null,
      removed: false,
      virtualIps: this.cluster.addressesIn(spec.TaskTemplate.Networks),
      ...this.cluster.stamp(this.now),
    };
    this.cluster.services.set(id, service);
    this.poke(id);
    return service;
  }

  updateService(service: ServiceRecord, version: number, spec: ServiceSpec, rollback: boolean): void {
    checkService(spec);
    this.#checkSecrets(spec);
    const kind = (each: ServiceSpec) => Object.keys(each.Mode).join();
    if (kind(spec) !== kind(service.spec)) throw unimplemented('service mode change is not allowed');
    if (spec.Name !== service.spec.Name) throw unimplemented('renaming services is not supported');
    if (rollback && service.previousSpec === null)
      throw new Refusal(
        400,
        `rpc error: code = FailedPrecondition desc = service ${service.id} does not have a previous spec`,
      );
    if (version !== service.version) throw outOfSequence();
    const current = service.spec;
    service.spec = rollback ? (service.previousSpec ?? current) : spec;
    service.previousSpec = current;
    service.updateStatus = rollback
      ? {
          state: 'rollback_started',
          startedAt: this.now,
          completedAt: null,
          message: 'manually requested rollback',
        }
      : null;
    // An update with the same spec lets the rolling one go on.
    if (!isDeepStrictEqual(service.spec, current)) service.rolling = null;
    service.noticedAt = this.now + this.#options.pace.startMs / 5;
    if (service.lastExecution !== null) {
      service.iteration += 1;
      service.lastExecution = this.now;
    }
    this.cluster.touch(service, this.now);
    this.poke(service.id);
  }

  removeService(service: ServiceRecord): void {
    service.removed = true;
    service.rolling = null;
    for (const task of this.cluster.tasksOf(service.id)) setDesired(this.cluster, task, 'remove', this.now);
    this.cluster.touch(service, this.now);
    this.poke(service.id);
  }

  /** Takes a node away, or brings it back; its tasks freeze meanwhile, as with a node that cannot be reached. */
  setNode(id: string, state: 'ready' | 'down'): void {
    const node = this.cluster.nodes.get(id);
    if (node === undefined) throw new Refusal(404, `node ${id} not found`);
    node.state = state;
    this.cluster.touch(node, this.now);
    this.poke();
    this.advance();
  }

  /** Stops the clockwork and writes what is not written yet. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.cluster.save();
  }

  #checkSecrets(spec: ServiceSpec): void {
    const missing = (spec.TaskTemplate.ContainerSpec.Secrets ?? [])
      .filter((each) => this.cluster.secrets.get(each.SecretID)?.name !== each.SecretName)
      .map((each) => each.SecretName);
    if (missing.length > 0)
      throw invalid(`secret${missing.length > 1 ? 's' : ''} not found: ${missing.join(', ')}`);
  }

  #advanceOne(id: string, now: number): void {
    const service = this.cluster.services.get(id);
    if (service === undefined) {
      this.#dues.delete(id);
      return;
    }
    const { pace, historyLimit } = this.#options;
    const due = advanceService(this.cluster, service, pace, historyLimit, now);
    if (due === null) this.#dues.delete(id);
    else this.#dues.set(id, Math.max(due, now + 1));
    if (!service.removed || this.cluster.tasksOf(id).length > 0) return;
    this.cluster.forget(this.cluster.services, id);
    this.cluster.tasks.delete(id);
    this.#dues.delete(id);
  }

  #wake(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#dues.size === 0) return;
    const wait = Math.min(...this.#dues.values()) - this.now;
    this.#timer = setTimeout(() => this.advance(), Math.min(Math.max(wait, 1), 60_000));
    this.#timer.unref();
  }

  #saveSoon(): void {
    if (this.#saveTimer !== null) return;
    this.#saveTimer = setTimeout(() => {
      this.#saveTimer = null;
      this.cluster.save();
    }, SAVE_DELAY_MS);
    this.#saveTimer.unref();
  }
}

const unimplemented = (text: string) => new Refusal(501, `rpc error: code = Unimplemented desc = ${text}`);
