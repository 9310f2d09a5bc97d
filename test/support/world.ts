import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import type { Executed } from '../../src/execute/execute.ts';
import { execute, resume } from '../../src/execute/execute.ts';
import type { Outside } from '../../src/execute/work.ts';
import type { SecretAddress } from '../../src/model/address.ts';
import { consumerAddress, secretAddress } from '../../src/model/address.ts';
import { digestOf } from '../../src/model/canonical.ts';
import type {
  Declared,
  DeclaredConsumer,
  DeclaredService,
  DeclaredSecret,
  Source,
} from '../../src/model/declared.ts';
import type { ApplyEvent } from '../../src/model/event.ts';
import type { Fence } from '../../src/model/fence.ts';
import type { Hooks } from '../../src/model/hooks.ts';
import type { Observed, ObservedService } from '../../src/model/observed.ts';
import { LABEL_SECRET, TAG_STACK, TAG_VERSION } from '../../src/model/observed.ts';
import type { Notify } from '../../src/model/notice.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Platform } from '../../src/model/platform.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import type { Vault } from '../../src/model/vault.ts';
import { observe } from '../../src/observe/observe.ts';
import { addDuration } from '../../src/calendar/calendar.ts';
import type { CompromiseInput } from '../../src/plan/compromise.ts';
import { makeCompromisePlan } from '../../src/plan/compromise.ts';
import { withinRadius } from '../../src/plan/radius.ts';
import { makeRollbackPlan } from '../../src/plan/rollback.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { declarationDigest } from '../../src/plan/timing.ts';
import type { PlanOptions } from '../../src/plan/view.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { connectHooks } from '../../src/providers/hooks.ts';
import { generateValue } from '../../src/providers/sources.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import type { HeldRecord } from '../../src/record/held-record.ts';
import type { StackRecord } from '../../src/record/record.ts';
import { openRecord } from '../../src/record/record.ts';
import type { RunningSwarm } from '../../src/sandbox/swarm.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { RunningVault, VaultOptions } from '../../src/sandbox/vault.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import { secret as plainSecret } from '../plan/declare.ts';
import { claimed, OPEN } from './lease.ts';

export const VAULT = 'prod-vault';
export const SWARM = 'prod';
export const STACK = 'shop';

/** A secret with everything that a test does not care about filled in. */
export function secret(name: string, more: Partial<DeclaredSecret> = {}): DeclaredSecret {
  return plainSecret(name, { vault: VAULT, cadence: { kind: 'onRequest' }, owner: 'platform', ...more });
}

/** A service that mounts these secrets under their own names. */
export function service(
  name: string,
  secrets: readonly string[],
  more: Partial<DeclaredService> = {},
): DeclaredConsumer {
  return {
    kind: 'swarm-service',
    address: consumerAddress(SWARM, name),
    platform: SWARM,
    service: name,
    path: `${STACK}/${name}`,
    position: null,
    mounts: secrets.map((each) => ({
      secret: secretAddress(VAULT, each),
      target: each,
      base: each,
      version: null,
      uid: '0',
      gid: '0',
      mode: 0o444,
    })),
    probe: { kind: 'none' },
    settleTime: 'PT0.05S',
    deadline: 'PT20S',
    dependsOn: [],
    optional: false,
    canary: false,
    ...more,
  };
}

export function declare(
  secrets: readonly DeclaredSecret[],
  consumers: readonly DeclaredConsumer[],
): Declared {
  const hosts = new Set(consumers.flatMap((each) => (each.kind === 'env-file' ? [each.platform] : [])));
  return {
    format: 1,
    stack: STACK,
    vaults: [
      {
        name: VAULT,
        path: `${STACK}/vault`,
        uri: `https://${VAULT}.vault.azure.net`,
        auth: 'cli',
        tenantId: null,
      },
    ],
    platforms: [
      { kind: 'swarm', name: SWARM, path: `${STACK}/swarm`, endpoint: null, restarts: null },
      ...[...hosts].map((name) => ({
        kind: 'host' as const,
        name,
        path: `${STACK}/${name}`,
        endpoint: null,
        restarts: null,
        sudo: false,
        fleet: null,
      })),
    ],
    secrets,
    consumers,
    freezes: [],
  };
}

export interface Applied extends Executed {
  readonly plan: Plan;
  readonly events: readonly ApplyEvent[];
}

/**
 * One embedded vault and one embedded Swarm over the wire, a record in a temporary directory, and a clock that
 * tests move by hand. Stop it with `close`.
 */
export class World {
  declared: Declared;
  readonly vault: RunningVault;
  readonly swarm: RunningSwarm;
  readonly record: StackRecord;
  readonly directory: string;
  /** Makes the values that need no person. */
  generate: (source: Source) => SecretValue = generateValue;
  /** Does what a secret declares to be done outside. */
  hooks: Hooks = connectHooks({ environment: { PATH: process.env['PATH'] } });
  /** Who is told what applies and resumes come to; undefined: nobody. */
  notify: Notify | undefined = undefined;
  /** Hosts that stand beside the Swarm, by name. */
  readonly hosts = new Map<string, Platform>();
  readonly #keyVault: Vault;
  readonly #platform: Platform;
  #now = Date.parse('2026-11-22T03:00:00Z');

  private constructor(declared: Declared, vault: RunningVault, swarm: RunningSwarm, directory: string) {
    this.declared = declared;
    this.vault = vault;
    this.swarm = swarm;
    this.directory = directory;
    this.record = openRecord({ directory: join(directory, 'state'), stack: STACK });
    this.#keyVault = connectKeyVault({
      name: VAULT,
      uri: vault.url,
      auth: 'cli',
      tenantId: null,
      sandboxToken: 'applier',
      // Whatever is late here is so by milliseconds.
      pace: { backoffMs: 20, lateMs: 1_000 },
    });
    this.#platform = connectSwarm({ name: SWARM, endpoint: swarm.endpoint, environment: {}, stack: STACK });
  }

  /** `vaultOptions`: what the embedded vault does beyond its own. */
  static async open(
    declared: Declared,
    replicas = 2,
    vaultOptions: Pick<VaultOptions, 'intercept' | 'clock'> = {},
  ): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'keyturn-world-'));
    const vault = await startVault({ name: VAULT, directory: join(directory, 'vault'), ...vaultOptions });
    const swarm = await startSwarm({
      name: SWARM,
      directory: null,
      listen: { socketPath: join(directory, 'swarm.sock') },
      timeScale: 0.01,
    });
    for (const { kind, service: name } of declared.consumers) {
      if (kind !== 'swarm-service') continue;
      swarm.createService({
        name,
        replicas,
        order: 'start-first',
        healthCheck: true,
        healthIntervalMs: 20,
        failureAction: 'rollback',
        monitorMs: 20,
        networks: ['net'],
      });
    }
    return new World(declared, vault, swarm, directory);
  }

  get now(): string {
    return new Date(this.#now).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  /** Moves the clock. */
  later(hours: number): void {
    this.#now += hours * 3_600_000;
  }

  outside(values: Readonly<Record<string, string>> = {}, fence: Fence = OPEN): Outside {
    const given = Object.entries(values).map(
      ([name, text]) => [secretAddress(VAULT, name), new SecretValue(text)] as [SecretAddress, SecretValue],
    );
    return {
      vaults: new Map([[VAULT, this.#keyVault]]),
      platforms: new Map([[SWARM, this.#platform], ...this.hosts]),
      values: new Map(given),
      generate: this.generate,
      hooks: this.hooks,
      fence,
      declarations: new Map(this.declared.secrets.map((each) => [each.address, declarationDigest(each)])),
      now: () => this.now,
      ticks: () => performance.now(),
    };
  }

  async observe(listed: ReadonlySet<SecretAddress> = new Set()): Promise<Observed> {
    const recorded = await this.record.read();
    const { vaults, platforms } = this.outside();
    return observe({ declared: this.declared, recorded, vaults, platforms, now: () => this.now, listed });
  }

  async plan(options: Partial<PlanOptions> = {}): Promise<Plan> {
    const recorded = await this.record.read();
    const observed = await this.observe();
    return makePlan({
      declared: this.declared,
      observed,
      recorded,
      now: this.now,
      options: { ...NO_OPTIONS, ...options },
    });
  }

  /** Plans and applies. `values` are a person's values of manual secrets, by name. */
  async apply(
    options: Partial<PlanOptions> = {},
    values: Readonly<Record<string, string>> = {},
  ): Promise<Applied> {
    const given = Object.keys(values).map((name) => secretAddress(VAULT, name));
    return this.perform(await this.plan({ values: given, ...options }), values);
  }

  /** Applies this very plan. */
  async perform(
    plan: Plan,
    values: Readonly<Record<string, string>> = {},
    signal: AbortSignal = new AbortController().signal,
    listen: (event: ApplyEvent) => void = () => {},
  ): Promise<Applied> {
    const events: ApplyEvent[] = [];
    const executed = await this.underLease((held) =>
      execute(
        {
          plan,
          planDigest: digestOf(plan),
          outside: this.outside(values, held.fence),
          listen: (event) => {
            events.push(event);
            listen(event);
          },
          signal,
          parallelism: 8,
          apply: randomUUID(),
          actor: { name: 'tester', knownBy: 'os-user', host: 'here', run: null },
          reason: null,
          ticket: null,
          notify: this.notify,
        },
        held,
      ),
    );
    return { ...executed, plan, events };
  }

  /** Plans and applies the way back of the group that was promoted with this secret. */
  async rollback(name: string, reason: string | null = null): Promise<Applied> {
    return this.perform(await this.planRollback(name, reason));
  }

  async planRollback(name: string, reason: string | null = null): Promise<Plan> {
    const recorded = await this.record.read();
    const observed = await this.observe();
    const address = secretAddress(VAULT, name);
    const { declared, now } = this;
    return makeRollbackPlan({ declared, observed, recorded, now, address, reason });
  }

  /** The plan of the emergency `INC-7`, found out now, with an hour to go. */
  async planCompromise(
    names: readonly string[],
    order: Partial<Pick<CompromiseInput, 'only' | 'revokeFirst' | 'values' | 'incident'>> = {},
  ): Promise<Plan> {
    const recorded = await this.record.read();
    const { declared, now } = this;
    const addresses = names.map((name) => secretAddress(VAULT, name));
    const observed = await this.observe(withinRadius(addresses, declared));
    const how = { incident: 'INC-7', only: false, revokeFirst: false, values: [], ...order };
    const dates = { discoveredAt: now, deadline: addDuration(now, 'PT1H') };
    return makeCompromisePlan({ declared, observed, recorded, now, addresses, ...how, ...dates });
  }

  /** Plans that emergency and carries it out. `values` are a person's values of manual secrets, by name. */
  async compromise(
    names: readonly string[],
    order: Parameters<World['planCompromise']>[1] = {},
    values: Readonly<Record<string, string>> = {},
  ): Promise<Applied> {
    const given = Object.keys(values).map((name) => secretAddress(VAULT, name));
    return this.perform(await this.planCompromise(names, { values: given, ...order }), values);
  }

  /** Writes a version that keyturn knows nothing of, as someone with the portal would; with tags, if need be. */
  async writeByHand(name: string, text: string, tags: Readonly<Record<string, string>> = {}): Promise<void> {
    const response = await fetch(`${this.vault.url}/secrets/${name}?api-version=7.5`, {
      method: 'PUT',
      headers: { 'authorization': 'Bearer admin', 'content-type': 'application/json' },
      body: JSON.stringify({ value: text, tags }),
    });
    if (!response.ok) throw new Error(`the vault answered ${response.status}`);
  }

  async disableByHand(name: string, storeId: string): Promise<void> {
    const response = await fetch(`${this.vault.url}/secrets/${name}/${storeId}?api-version=7.5`, {
      method: 'PATCH',
      headers: { 'authorization': 'Bearer admin', 'content-type': 'application/json' },
      body: JSON.stringify({ attributes: { enabled: false } }),
    });
    if (!response.ok) throw new Error(`the vault answered ${response.status}`);
  }

  /** Tasks that run on a copy: the slot of each and its node. */
  async running(copy: string): Promise<{ readonly slot: number; readonly node: string }[]> {
    const socketPath = this.swarm.endpoint.slice('unix://'.length);
    const tasks = (await new Docker({ socketPath }).listTasks()) as {
      Slot: number;
      NodeID: string;
      Status: { State: string };
      Spec: { ContainerSpec: { Secrets?: { SecretName: string }[] } };
    }[];
    return tasks
      .filter(({ Status, Spec }) => {
        const mounted = Spec.ContainerSpec.Secrets?.map(({ SecretName }) => SecretName) ?? [];
        return Status.State === 'running' && mounted.includes(copy);
      })
      .map(({ Slot, NodeID }) => ({ slot: Slot, node: NodeID }));
  }

  /** Removes a copy that no spec names, as someone who tidies up would. */
  async removeCopyByHand(name: string): Promise<void> {
    const socketPath = this.swarm.endpoint.slice('unix://'.length);
    await new Docker({ socketPath }).getSecret(name).remove();
  }

  /** Updates a service with another failure action, as someone who deploys it would. */
  async redeploy(name: string, failureAction: 'continue' | 'pause' | 'rollback'): Promise<void> {
    const socketPath = this.swarm.endpoint.slice('unix://'.length);
    const service = new Docker({ socketPath }).getService(name);
    const { Version, Spec } = (await service.inspect()) as Docker.Service;
    const UpdateConfig = { ...Spec?.UpdateConfig, FailureAction: failureAction };
    await service.update({ ...Spec, UpdateConfig, version: Version?.Index });
  }

  /** Puts a service's previous spec back, as `docker service rollback` does. */
  pointBack(name: string): Promise<void> {
    return this.#updateByHand(name, ({ Spec, PreviousSpec }) => ({ ...Spec, ...PreviousSpec }));
  }

  /** Lets a service's one secret name this copy, as somebody with the docker client would. */
  async pointTo(name: string, copy: string): Promise<void> {
    const copies = await new Docker({ socketPath: this.#socketPath }).listSecrets();
    const id = copies.find((each) => each.Spec?.Name === copy)?.ID;
    await this.#updateByHand(name, ({ Spec }) => {
      const text = JSON.stringify(Spec, (key, value: unknown) =>
        key === 'SecretName' ? copy : key === 'SecretID' ? id : value,
      );
      return JSON.parse(text) as Docker.ServiceSpec;
    });
  }

  /** A copy with the labels of ours, as a request that takes effect late leaves it. */
  async deliverByHand(
    copy: string,
    { secret: address, ordinal }: { readonly secret: SecretAddress; readonly ordinal: number },
    value = 'late',
  ): Promise<void> {
    const labels = { [TAG_STACK]: STACK, [TAG_VERSION]: String(ordinal), [LABEL_SECRET]: address };
    const Data = Buffer.from(value).toString('base64');
    // As the provider does: a body given alone would stand in the address as well.
    const order = { _query: {}, _body: { Name: copy, Labels: labels, Data } };
    await new Docker({ socketPath: this.#socketPath }).createSecret(order);
  }

  get #socketPath(): string {
    return this.swarm.endpoint.slice('unix://'.length);
  }

  /** An update of before may still be under way and move the service on between our read and our write. */
  async #updateByHand(
    name: string,
    changed: (
      found: Docker.Service & { readonly PreviousSpec?: Docker.ServiceSpec | undefined },
    ) => Docker.ServiceSpec,
  ): Promise<void> {
    const service = new Docker({ socketPath: this.#socketPath }).getService(name);
    const found = (await service.inspect()) as Docker.Service;
    try {
      await service.update({ ...changed(found), version: found.Version?.Index });
    } catch (thrown) {
      if (!/update out of sequence/.test(String(thrown))) throw thrown;
      await this.#updateByHand(name, changed);
    }
  }

  /** What a reader without a version gets: the value, or the status that refuses it. */
  async newest(name: string): Promise<string> {
    const response = await fetch(`${this.vault.url}/secrets/${name}?api-version=7.5`, {
      headers: { authorization: 'Bearer admin' },
    });
    const body = (await response.json()) as { value?: string };
    return body.value ?? String(response.status);
  }

  resume(): Promise<Executed | null> {
    return this.underLease((held) =>
      resume(
        { outside: this.outside({}, held.fence), listen: () => {}, parallelism: 8, notify: this.notify },
        held,
      ),
    );
  }

  /** Claims the record as this process, which holds it until `act` has ended. */
  async underLease<T>(act: (held: HeldRecord) => Promise<T>): Promise<T> {
    const held = await claimed(this.record);
    try {
      return await act(held);
    } finally {
      await held.release();
    }
  }

  /** A service as it is on the platform now. */
  async service(name: string): Promise<ObservedService> {
    const { services } = await this.#platform.observe();
    const found = services[name];
    if (found === undefined) throw new Error(`there is no service '${name}'`);
    return found;
  }

  /** What a service's targets name now. */
  async reads(name: string): Promise<Record<string, string>> {
    const { services } = await this.#platform.observe();
    const references = services[name]?.references ?? [];
    return Object.fromEntries(references.map(({ target, copyName }) => [target, copyName]));
  }

  /** Names of the platform's copies, sorted. */
  async copies(): Promise<string[]> {
    const { copies } = await this.#platform.observe();
    return copies.map(({ name }) => name).sort();
  }

  /** The vault's versions of a secret as `v1 enabled`, sorted. */
  async versions(name: string): Promise<string[]> {
    const versions = await this.#keyVault.versions(name);
    return versions
      .map(({ ordinal, enabled }) => `v${ordinal ?? '?'} ${enabled ? 'enabled' : 'disabled'}`)
      .sort();
  }

  async close(): Promise<void> {
    await this.#platform.close();
    await this.swarm.close();
    await this.vault.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
