import { Gate } from '../../src/cli/lease.ts';
import type { Declared, Source } from '../../src/model/declared.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import type { ApplyEvent } from '../../src/model/event.ts';
import type { JournalLine } from '../../src/model/journal.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Platform } from '../../src/model/platform.ts';
import { connectHost } from '../../src/providers/host.ts';
import { connectKeyVault } from '../../src/providers/key-vault.ts';
import { generateValue } from '../../src/providers/sources.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import { StackRecord } from '../../src/record/record.ts';
import type { RunningSwarm } from '../../src/sandbox/swarm.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { RunningVault } from '../../src/sandbox/vault.ts';
import { startVault } from '../../src/sandbox/vault.ts';
import { STACK, SWARM, VAULT } from '../support/world.ts';
import type { Ended, Errand, Tools } from './apply.ts';
import { runErrand } from './apply.ts';
import type { ApplyOrder, Case } from './case.ts';
import { Checker } from './checker.ts';
import { Console } from './console.ts';
import { Disk } from './disk.ts';
import type { Death } from './incarnation.ts';
import { Incarnation } from './incarnation.ts';
import { HOST } from './hosted-stack.ts';
import { drive } from './loop.ts';
import { Machine } from './machine.ts';
import type { Plant } from './plant.ts';
import { Random } from './random.ts';
import { installSeededCrypto } from './seeded-crypto.ts';
import { Service } from './service.ts';
import { Shells } from './shells.ts';
import { Sources } from './sources.ts';
import { quietFiles, simulatedFiles } from './simulated-files.ts';
import type { Owner } from './timeline.ts';
import { Timeline } from './timeline.ts';
import type { Happening, Trouble } from './weather.ts';
import { Weather } from './weather.ts';
import { Wire } from './wire.ts';

/** Whoever makes a plan and saves it. */
const LOOKER: Owner = { state: 'running' };
const EPOCH = Date.UTC(2026, 10, 22, 3);
export const RECORDS = '/state';

/** What became of one incarnation. */
export type Fate =
  | { readonly kind: 'ended'; readonly ended: Ended }
  | { readonly kind: 'threw'; readonly thrown: unknown }
  | { readonly kind: 'died'; readonly why: string };

/** The simulated world of one case: servers, disk, time, and whoever applies. */
export class Ordeal {
  readonly timeline: Timeline;
  readonly wire: Wire;
  readonly shells: Shells;
  /** The host of the stack's files; null: it has none. */
  readonly machine: Machine | null;
  readonly console: Console | null;
  readonly disk = new Disk();
  readonly checker: Checker;
  readonly vault: RunningVault;
  readonly swarm: RunningSwarm;
  readonly service: Service;
  readonly sources: Sources;
  readonly random: Random;
  /** A bug that the checker must find; null: none. */
  readonly plant: Plant | null;
  /** What happened, in words, newest last. */
  readonly trace: string[] = [];
  readonly counts = { applies: 0, crashes: 0, requests: 0, files: 0, hooks: 0, scripts: 0 };
  declared: Declared;
  weather: Weather;
  /** Called at each happening of the incarnation that an operation began with. */
  onHappening: (event: number) => void = () => {};
  readonly #uninstall: (() => void)[];
  readonly #living: Incarnation[] = [];
  #pids = 100;
  #values = 0;

  private constructor(given: Case, plant: Plant | null, parts: Parts) {
    this.plant = plant;
    this.declared = given.declared;
    this.timeline = parts.timeline;
    this.wire = parts.wire;
    this.shells = parts.shells;
    this.machine = parts.machine;
    this.console = parts.machine === null ? null : new Console(this, parts.machine);
    this.vault = parts.vault;
    this.swarm = parts.swarm;
    this.random = parts.random;
    this.#uninstall = parts.uninstall;
    this.weather = new Weather(0, { kind: 'calm' }, null, this.random);
    this.checker = new Checker(this);
    this.sources = new Sources(this);
    this.service = new Service(this, given.slowestMs, this.random.fork('service'));
  }

  static async open(given: Case, plant: Plant | null = null): Promise<Ordeal> {
    const timeline = new Timeline(EPOCH);
    const random = new Random(`seed ${given.seed}`);
    const wire = new Wire(timeline);
    const shells = new Shells(timeline);
    const uninstall = [
      timeline.install(),
      wire.install(),
      shells.install(),
      installSeededCrypto(random.fork('crypto')),
    ];
    const vault = await startVault({
      name: VAULT,
      directory: null,
      clock: () => timeline.world,
      intercept: wire.intercept('vault'),
    });
    const swarm = await startSwarm({
      name: SWARM,
      directory: null,
      listen: { port: 0 },
      clock: () => EPOCH + timeline.ticks,
      intercept: wire.intercept('swarm'),
    });
    for (const name of given.deployed) deploy(swarm, name, given.replicas);
    const machine = await startMachine(given);
    return new Ordeal(given, plant, { timeline, wire, shells, machine, vault, swarm, random, uninstall });
  }

  /** Runs one errand in a process of its own, to its end or its death. */
  async run(errand: Errand, options: { readonly host: string; readonly patienceMs?: number }): Promise<Fate> {
    const incarnation = new Incarnation((this.#pids += 1), options.host, this.timeline);
    return this.runAs(incarnation, errand, options.patienceMs ?? 0);
  }

  incarnate(host: string): Incarnation {
    return new Incarnation((this.#pids += 1), host, this.timeline);
  }

  async runAs(incarnation: Incarnation, errand: Errand, patienceMs: number): Promise<Fate> {
    this.counts.applies += 1;
    const hadJournal = this.checker.admin.journal('written').length > 0;
    this.#living.push(incarnation);
    this.tell(`${incarnation.name}: ${errand.kind}`);
    const work = this.timeline.as(incarnation, () => {
      const tools = this.#toolsOf(incarnation, errand, patienceMs);
      return runErrand(incarnation, errand, tools);
    });
    const fate = await Promise.race([work, incarnation.death]).then(
      (ended): Fate => ({ kind: 'ended', ended }),
      (thrown: unknown): Fate =>
        incarnation.state === 'dead'
          ? { kind: 'died', why: (thrown as Death).message }
          : { kind: 'threw', thrown },
    );
    work.catch(() => undefined);
    if (fate.kind === 'died') await this.#bury(incarnation);
    else incarnation.state = 'dead';
    this.#living.splice(this.#living.indexOf(incarnation), 1);
    this.tell(`${incarnation.name}: ${describe(fate)}`);
    this.checker.ended(incarnation, errand, fate, hadJournal);
    return fate;
  }

  /** Moves the simulated world on until this is done. */
  drive<T>(work: Promise<T>): Promise<T> {
    return drive(work, this.timeline, {
      wire: this.wire,
      decide: (exchange) => this.service.decide(exchange),
      shells: this.shells,
      decideScript: (shell) => this.console?.decide(shell),
    });
  }

  strike(incarnation: Incarnation, at: Happening['at'], text: string): Trouble | null {
    if (at === 'file') this.counts.files += 1;
    else if (at === 'hook') this.counts.hooks += 1;
    else if (at === 'look' || at === 'run') this.counts.scripts += 1;
    else this.counts.requests += 1;
    const trouble = this.weather.next({ at, text });
    this.tell(`${incarnation.name}: ${text}${trouble === null ? '' : `  << ${trouble.kind}`}`);
    this.onHappening(this.weather.events);
    if (trouble?.kind === 'clock jump') this.timeline.epoch += (trouble.amount - 0.5) * 8 * 3_600_000;
    return trouble;
  }

  /** Every process ends, and the disk keeps what it must. */
  cutPower(incarnation: Incarnation, why: string): Death {
    this.disk.cutPower(this.random.fork(`power ${this.timeline.ticks} ${this.weather.events}`));
    for (const other of this.#living) if (other !== incarnation && other.state !== 'dead') other.die(why);
    return incarnation.die(why);
  }

  /** The record as it lies on the disk. */
  quietRecord(): StackRecord {
    return recordOn(quietFiles(this.disk));
  }

  /** The time by the machine that applies, in whole seconds. */
  get now(): string {
    return new Date(this.timeline.wall).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  tell(line: string): void {
    if (process.env['LIVE'] !== undefined) process.stderr.write(`${line}\n`);
    this.trace.push(`${(this.timeline.ticks / 1000).toFixed(3).padStart(9)} ${line}`);
  }

  async close(): Promise<void> {
    for (const incarnation of this.#living) incarnation.die('the end');
    await Promise.all([this.vault.close(), this.swarm.close()]);
    this.machine?.close();
    for (const undo of this.#uninstall.reverse()) undo();
  }

  async #bury(incarnation: Incarnation): Promise<void> {
    this.counts.crashes += 1;
    this.service.bury(incarnation);
    await this.checker.crashed();
  }

  #toolsOf(incarnation: Incarnation, errand: Errand, patienceMs: number): Tools {
    const gate = new Gate();
    const plain = simulatedFiles(incarnation, this.disk, {
      strike: (own, text) => this.strike(own, 'file', text),
      cutPower: (own, why) => this.cutPower(own, why),
      wrote: (own, path, text) => {
        if (path.endsWith('/journal.jsonl')) this.tell(`  journal: ${lineInWords(text)}`);
        this.checker.wrote(own, path, text);
      },
      named: (own, path) => this.checker.named(own, path),
    });
    const files = this.plant?.files?.(plain) ?? plain;
    const bad = errand.kind === 'apply' || errand.kind === 'compromise' ? errand.order.bad : {};
    const hooks = this.sources.hooksOf(incarnation);
    return {
      plant: this.plant,
      declared: this.declared,
      record: recordOn(files),
      gate,
      ...this.#connected('applier', gate),
      hooks: this.plant?.hooks?.(hooks) ?? hooks,
      isAlive: (pid) => this.#living.some((other) => other.pid === pid && other.state !== 'dead'),
      valueOf: (address) => this.#value(bad[address.slice(address.lastIndexOf('/') + 1)]),
      generate: (source) => this.#generate(source, bad),
      listen: (event: ApplyEvent) => this.checker.heard(event),
      patienceMs,
    };
  }

  /** Connections of somebody who only looks. */
  connections(): Pick<Tools, 'vaults' | 'platforms'> {
    return this.#connected('planner', new Gate());
  }

  looking<T>(act: () => T): T {
    return this.timeline.as(LOOKER, act);
  }

  #connected(sandboxToken: string, fence: Gate): Pick<Tools, 'vaults' | 'platforms'> {
    const pace = { now: () => Date.now(), ticks: () => this.timeline.ticks, random: () => Math.random() };
    const uri = this.vault.url;
    const vault = connectKeyVault({
      name: VAULT,
      uri,
      auth: 'cli',
      tenantId: null,
      sandboxToken,
      fence,
      pace,
    });
    const { endpoint } = this.swarm;
    const swarm = connectSwarm({ name: SWARM, endpoint, environment: {}, stack: STACK, fence });
    const { plant } = this;
    const host = this.#host(fence);
    const platforms = [swarm, ...(host === null ? [] : [host])];
    return {
      vaults: new Map([[VAULT, plant?.vault?.(vault, uri) ?? vault]]),
      platforms: new Map(platforms.map((each) => [each.name, plant?.platform?.(each) ?? each])),
    };
  }

  #host(fence: Gate): Platform | null {
    if (this.machine === null) return null;
    const { consumers } = this.declared;
    return connectHost({
      name: HOST,
      // What it says where nobody answers is read as ssh's words.
      endpoint: `ssh://${HOST}`,
      sudo: false,
      files: consumers.flatMap((each) => (each.kind === 'env-file' ? [each.file] : [])),
      environment: { PATH: process.env['PATH'] },
      stack: STACK,
      embedded: this.machine.running,
      fence,
    });
  }

  #generate(source: Source, bad: ApplyOrder['bad']): SecretValue {
    if (source.kind === 'keyPair') {
      const value = generateValue(source);
      this.checker.made(value);
      return value;
    }
    const secret = this.declared.secrets.find(
      (each) =>
        each.source.kind === 'random' && source.kind === 'random' && each.source.bytes === source.bytes,
    );
    return this.#value(bad[secret?.name ?? '']);
  }

  #value(word = 'good'): SecretValue {
    this.#values += 1;
    const text = this.random.fork(`value ${this.#values}`).bytes(12).toString('hex');
    const value = new SecretValue(`${word}-${text}`);
    this.checker.made(value);
    return value;
  }

  /** A saved plan is read back as text. */
  saved(plan: Plan): Plan {
    return JSON.parse(JSON.stringify(plan)) as Plan;
  }
}

interface Parts {
  readonly timeline: Timeline;
  readonly wire: Wire;
  readonly shells: Shells;
  readonly machine: Machine | null;
  readonly vault: RunningVault;
  readonly swarm: RunningSwarm;
  readonly random: Random;
  readonly uninstall: (() => void)[];
}

async function startMachine({ declared, machine }: Case): Promise<Machine | null> {
  if (machine === undefined) return null;
  const files = declared.consumers.flatMap((each) => (each.kind === 'env-file' ? [each.file] : []));
  return Machine.start(HOST, files, machine);
}

export function recordOn(files: ConstructorParameters<typeof LocalStore>[2]): StackRecord {
  let lineages = 0;
  return new StackRecord(
    new LocalStore(`${RECORDS}/${STACK}`, `state/${STACK}`, files),
    STACK,
    () => `lineage ${Date.now()}.${(lineages += 1)}`,
  );
}

export function deploy(swarm: RunningSwarm, name: string, replicas: number): void {
  swarm.createService({
    name,
    replicas,
    order: 'start-first',
    healthCheck: true,
    healthIntervalMs: 50,
    failureAction: 'rollback',
    monitorMs: 100,
    networks: ['net'],
  });
}

function describe(fate: Fate): string {
  switch (fate.kind) {
    case 'died':
      return `died (${fate.why})`;
    case 'threw': {
      const { thrown } = fate;
      const code = thrown instanceof Error && 'code' in thrown ? `${String(thrown.code)}: ` : '';
      return `threw ${code}${thrown instanceof Error ? thrown.message : String(thrown)}`;
    }
    case 'ended': {
      const { executed, resumed, plan } = fate.ended;
      const before = resumed === null ? '' : `ended the one before (${resumed.outcome}), `;
      const held = plan.blocked.map(({ text }) => `; blocked: ${text}`).join('');
      return `${before}${executed === null ? 'nothing to do' : executed.outcome}, ${plan.steps.length} steps${held}`;
    }
  }
}

function lineInWords(text: string): string {
  const line = JSON.parse(text) as JournalLine;
  switch (line.type) {
    case 'intent':
      return `intent ${line.step.id}: ${line.step.text}`;
    case 'outcome': {
      const { result } = line;
      return `outcome ${line.step}: ${result.status === 'done' ? 'done' : `failed, ${result.fault.what}`}`;
    }
    case 'end':
      return `end: ${line.outcome}`;
    default:
      return line.type;
  }
}
