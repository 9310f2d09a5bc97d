import http from 'node:http';
import { Gate } from '../../src/cli/lease.ts';
import type { Declared } from '../../src/model/declared.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Platform } from '../../src/model/platform.ts';
import { isEmpty } from '../../src/model/plan.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { observe } from '../../src/observe/observe.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { NO_OPTIONS } from '../../src/plan/view.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { generateValue } from '../../src/providers/sources.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import { StackRecord } from '../../src/record/record.ts';
import type { RunningSwarm } from '../../src/sandbox/swarm.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { RunningVault } from '../../src/sandbox/vault.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import type { Ended, Tools } from '../torture/apply.ts';
import { runErrand, Stopped } from '../torture/apply.ts';
import type { ApplyOrder } from '../torture/case.ts';
import { Disk } from '../torture/disk.ts';
import { Incarnation } from '../torture/incarnation.ts';
import { drive } from '../torture/loop.ts';
import type { Random } from '../torture/random.ts';
import { deploy } from '../torture/ordeal.ts';
import { quietFiles } from '../torture/simulated-files.ts';
import { Timeline } from '../torture/timeline.ts';
import type { Exchange } from '../torture/wire.ts';
import { Wire } from '../torture/wire.ts';
import type { Remembered } from './remembered-host.ts';
import { rememberedHost } from './remembered-host.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const START = Date.UTC(2026, 10, 26, 3);

/** Vault and swarm of one stack, and its record, in a time that is moved by hand. */
export class Era {
  readonly declared: Declared;
  readonly timeline: Timeline;
  readonly vault: RunningVault;
  readonly record: StackRecord;
  /** The chance that a request of the run under way is not served. */
  trouble = 0;
  runs = 0;
  readonly #swarm: RunningSwarm | null;
  /** What the files on each host hold. */
  readonly #hosts = new Map<string, Remembered>();
  readonly #wire: Wire;
  readonly #random: Random;
  readonly #uninstall: readonly (() => void)[];
  #values = 0;
  #looking: Tools | null = null;
  #recorded: Recorded | null = null;

  private constructor(declared: Declared, random: Random, parts: Parts) {
    this.declared = declared;
    this.timeline = parts.timeline;
    this.vault = parts.vault;
    this.#swarm = parts.swarm;
    this.#wire = parts.wire;
    this.#uninstall = parts.uninstall;
    this.#random = random;
    const files = quietFiles(new Disk());
    const { stack } = declared;
    this.record = new StackRecord(
      new LocalStore(`/state/${stack}`, `state/${stack}`, files),
      stack,
      () => `lineage of ${stack}`,
    );
  }

  static async open(declared: Declared, random: Random): Promise<Era> {
    const timeline = new Timeline(START);
    const wire = new Wire(timeline);
    const uninstall = [timeline.install(), wire.install()];
    const [vaultName] = declared.vaults.map(({ name }) => name);
    const [swarmName] = declared.platforms.flatMap(({ kind, name }) => (kind === 'swarm' ? [name] : []));
    const clock = (): number => timeline.world;
    const vault = await startVault({
      name: vaultName ?? '',
      directory: null,
      clock,
      intercept: wire.intercept('vault'),
    });
    let swarm: RunningSwarm | null = null;
    if (swarmName !== undefined) {
      swarm = await startSwarm({
        name: swarmName,
        directory: null,
        listen: { port: 0 },
        clock: () => START + timeline.ticks,
        intercept: wire.intercept('swarm'),
      });
      for (const { kind, service } of declared.consumers)
        if (kind === 'swarm-service') deploy(swarm, service, 1);
    }
    return new Era(declared, random, { timeline, wire, vault, swarm, uninstall });
  }

  /** Unix ms. */
  get time(): number {
    return this.timeline.world;
  }

  /** Moves the clock of everybody to this time; never back. */
  moveTo(time: number): void {
    const ms = Math.max(0, time - this.time);
    this.timeline.passed += ms;
    this.timeline.epoch += ms;
  }

  /** One run of the program, from its start to its end. Null: it could not come to one, as exit 1 or 11 says. */
  async apply(order: ApplyOrder): Promise<Ended | null> {
    this.runs += 1;
    this.#recorded = null;
    const incarnation = new Incarnation(100 + this.runs, 'here', this.timeline);
    const work = this.timeline.as(incarnation, () =>
      runErrand(incarnation, { kind: 'apply', order }, this.#tools()),
    );
    const ended = await this.#drive(
      work.catch((thrown: unknown) => {
        if (thrown instanceof Stopped || (thrown instanceof Error && 'code' in thrown)) return null;
        throw thrown;
      }),
    );
    incarnation.state = 'dead';
    return ended;
  }

  /**
   * The plan of a scheduled run that finds nothing to do, and takes no lease then, as the program does; null: there
   * is something.
   */
  async idle(): Promise<Plan | null> {
    const incarnation = new Incarnation(100 + this.runs, 'here', this.timeline);
    const { declared, record } = this;
    const { vaults, platforms } = (this.#looking ??= this.#tools());
    const now = (): string => new Date(this.timeline.wall).toISOString().replace(/\.\d+Z$/, 'Z');
    const work = this.timeline.as(incarnation, async () => {
      // Nobody else writes it: it is read anew after each run that may have.
      const recorded = (this.#recorded ??= await record.read());
      const observed = await observe({ declared, recorded, vaults, platforms, now });
      if ((await record.interrupted()) !== null) return null;
      const options = { ...NO_OPTIONS, dueOnly: true };
      const plan = makePlan({ declared, recorded, observed, now: now(), options });
      return isEmpty(plan) ? plan : null;
    });
    const plan = await this.#drive(work);
    incarnation.state = 'dead';
    return plan;
  }

  /** A person writes a new value in the portal. */
  async bring(secret: string): Promise<void> {
    const { hostname, port } = new URL(this.vault.url);
    const headers = { 'authorization': 'Bearer admin', 'content-type': 'application/json' };
    const path = `/secrets/${secret}?api-version=7.5`;
    const value = `good-by-hand-${(this.#values += 1)}`;
    await this.#drive(
      new Promise<void>((resolve, reject) => {
        const request = http.request({ method: 'PUT', hostname, port, path, headers }, (response) => {
          response.resume().once('end', resolve);
        });
        request.once('error', reject);
        request.end(JSON.stringify({ value, tags: {} }));
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.vault.close(), this.#swarm?.close()]);
    for (const undo of [...this.#uninstall].reverse()) undo();
  }

  #drive<T>(work: Promise<T>): Promise<T> {
    return drive(work, this.timeline, {
      wire: this.#wire,
      decide: (exchange) => this.#decide(exchange),
      shells: null,
      decideScript: () => {},
    });
  }

  #decide(exchange: Exchange): void {
    if (this.trouble > 0 && this.#random.chance(this.trouble)) {
      if (this.#random.chance(0.5)) exchange.arrived?.carryOut();
      exchange.answer(null);
      return;
    }
    exchange.answer(exchange.arrived?.carryOut() ?? null);
  }

  #host(name: string, gate: Gate): Platform {
    const files = this.declared.consumers.flatMap((each) =>
      each.kind === 'env-file' && each.platform === name ? [each] : [],
    );
    const held: Remembered = this.#hosts.get(name) ?? new Map();
    this.#hosts.set(name, held);
    return rememberedHost(name, files, held, gate);
  }

  #tools(): Tools {
    const { declared, timeline } = this;
    const gate = new Gate();
    const pace = { now: () => Date.now(), ticks: () => timeline.ticks };
    const vaults = declared.vaults.map(({ name }) => {
      const how = { uri: this.vault.url, auth: 'cli', tenantId: null, sandboxToken: 'applier' } as const;
      return [name, connectKeyVault({ name, ...how, fence: gate, pace })] as const;
    });
    const platforms = declared.platforms.map(({ kind, name }) => {
      if (kind === 'host') return [name, this.#host(name, gate)] as const;
      const endpoint = this.#swarm?.endpoint ?? '';
      return [
        name,
        connectSwarm({ name, endpoint, environment: {}, stack: declared.stack, fence: gate }),
      ] as const;
    });
    return {
      declared,
      record: this.record,
      gate,
      vaults: new Map(vaults),
      platforms: new Map(platforms),
      isAlive: () => false,
      valueOf: () => new SecretValue(`good-${(this.#values += 1)}`),
      // Key pairs take long to make and are random text like any other here.
      generate: (source) =>
        source.kind === 'random' ? generateValue(source) : new SecretValue(`good-${(this.#values += 1)}`),
      listen: () => {},
      // Its stack declares nothing to be done outside of vault and platform, but for what tries its consumers.
      hooks: {
        revoke: unasked,
        prove: unasked,
        effect: unasked,
        smoke: () => Promise.resolve({ proof: 'passed', output: '' }),
      },
      patienceMs: 0,
      plant: null,
    };
  }
}

interface Parts {
  readonly timeline: Timeline;
  readonly wire: Wire;
  readonly vault: RunningVault;
  readonly swarm: RunningSwarm | null;
  readonly uninstall: readonly (() => void)[];
}

function unasked(): Promise<never> {
  return Promise.reject(new Error('nothing is declared to be done there'));
}
