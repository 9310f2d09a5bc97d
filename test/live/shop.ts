import { expect } from 'vitest';
import { sandboxedProject } from '../support/project.ts';
import type { Call, Project, Run } from '../support/project.ts';
import { NO_CHANGES } from './evidence.ts';
import type { Lab } from './swarm-lab.ts';

/** A service that reads one manual secret, `key`, and the project that declares both: what a fault happens to. */
export interface Shop {
  readonly service: string;
  readonly project: Project;
  /** The name of this version's copy. */
  copy(version: number): string;
  /** `keyturn apply --auto-approve`, with a value for the secret where one is given. */
  apply(value?: string, call?: Call): Promise<Run>;
  /** The copy that the spec names; null: none. */
  reads(): Promise<string | null>;
  /** The copies that the swarm holds, whether a service names them or not. */
  copies(): Promise<string[]>;
  /** The vault's versions, as `v1 enabled`. */
  vault(): Promise<string[]>;
  /** Of the service's spec and update, what the tests ask about. */
  inspect(): Promise<ShopService>;
  tasks(): Promise<ShopTask[]>;
  /** Makes the service anew, as whoever deploys it would: it reads no secret yet. */
  deploy(): Promise<void>;
}

export interface ShopService {
  readonly Spec: {
    readonly Mode: { readonly Replicated: { readonly Replicas: number } };
    readonly UpdateConfig: { readonly FailureAction: string };
    readonly TaskTemplate: ContainerOwner;
  };
  readonly UpdateStatus?: { readonly State: string };
}

export interface ShopTask {
  readonly ID: string;
  readonly Slot: number;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string };
  readonly Spec: ContainerOwner;
}

interface ContainerOwner {
  readonly ContainerSpec: { readonly Secrets?: readonly { readonly SecretName: string }[] };
}

export interface ShopWish {
  /** Flags of `docker service create`, beyond those of a quick one. */
  readonly args?: readonly string[];
  readonly image?: string;
  readonly soak?: string;
  readonly settle?: string;
  /** Where keyturn finds the engine; the lab's endpoint unless said. */
  readonly endpoint?: string;
}

const QUICK =
  '--replicas 2 --update-order start-first --update-monitor 500ms --update-failure-action rollback'.split(
    ' ',
  );

/** Deploys the service and declares it; keyturn has not run yet. */
export async function openShop(lab: Lab, name: string, wish: ShopWish = {}): Promise<Shop> {
  const { args = [], image = 'lab/app:1', soak = 'Duration.hours(1)', settle = 'Duration.seconds(1)' } = wish;
  const create = () => lab.service(name, [...QUICK, ...args, image]);
  const service = await create();
  const target = `${service}_key`;
  const body = `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'lab' });
    const key = new Secret(this, 'key', {
      vault, source: Source.manual(), cadence: Cadence.onRequest(), soak: ${soak},
    });
    new SwarmService(this, 'api', {
      swarm, service: '${service}', mounts: [key.at('${target}')], probe: Probe.none(),
      settle: ${settle}, deadline: Duration.minutes(2),
    });`;
  const project = await sandboxedProject(body, wish.endpoint ?? lab.endpoint);
  const inspect = () => lab.engine<ShopService>('GET', `/services/${service}`);
  return {
    service,
    project,
    inspect,
    copy: (version) => `${target}_v${version}`,
    apply: (value, call = {}) =>
      project.keyturn(
        ['apply', '--auto-approve', ...(value === undefined ? [] : ['--value', 'key=-'])],
        value === undefined ? call : { ...call, stdin: value },
      ),
    reads: async () => copyOf((await inspect()).Spec.TaskTemplate),
    copies: async () => {
      const all = await lab.engine<{ Spec: { Name: string } }[]>('GET', '/secrets');
      const names = all.map(({ Spec }) => Spec.Name);
      return names.filter((each) => each.startsWith(`${service}_`)).sort();
    },
    vault: async () => {
      const versions = await project.versions('key');
      return versions.map(({ ordinal, enabled }) => `v${ordinal ?? '?'} ${enabled ? 'enabled' : 'disabled'}`);
    },
    tasks: async () => (await lab.tasks(service)) as unknown as ShopTask[],
    deploy: async () => {
      await create();
    },
  };
}

/** All that a run printed, on one line: where a line breaks depends on the names in it. */
export function said({ out, err }: Run): string {
  return `${out} ${err}`.replaceAll(/\s+/g, ' ');
}

export function copyOf({ ContainerSpec }: ContainerOwner): string | null {
  return ContainerSpec.Secrets?.[0]?.SecretName ?? null;
}

interface Status {
  readonly secrets: readonly { readonly current: number | null; readonly prior: number | null }[];
}

/**
 * What must hold after any fault, asked from outside: one more `keyturn apply` with no flag has nothing to do and
 * a plan is empty (I9); spec and tasks read the current version, which the vault has enabled (I3); the swarm holds
 * the copies of the current version and of the one that soaks, and the vault has just these enabled (I5, I6); no
 * update is left half-way.
 */
export async function expectConverged(shop: Shop, current: number, tasks = 2): Promise<void> {
  const apply = await shop.apply();
  expect(apply.code, apply.out + apply.err).toBe(0);
  const plan = await shop.project.keyturn(['plan', '--detailed-exitcode']);
  expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(NO_CHANGES) as string });

  const { out } = await shop.project.keyturn(['status', '--format', 'json']);
  const [status] = (JSON.parse(out) as Status).secrets;
  expect(status?.current).toBe(current);
  const usable = [current, status?.prior ?? current];
  expect(await shop.reads()).toBe(shop.copy(current));
  expect(await shop.copies()).toEqual([...new Set(usable)].map((version) => shop.copy(version)).sort());
  const enabled = (await shop.vault()).filter((version) => version.endsWith(' enabled'));
  expect(new Set(enabled)).toEqual(new Set(usable.map((version) => `v${version} enabled`)));
  const running = (await shop.tasks()).filter(
    (task) => task.DesiredState === 'running' && task.Status.State === 'running',
  );
  expect(running.map((task) => copyOf(task.Spec))).toEqual(Array(tasks).fill(shop.copy(current)));
  expect([undefined, 'completed']).toContain((await shop.inspect()).UpdateStatus?.State);
}

/** The first version, which everything starts from. */
export async function openRotated(lab: Lab, name: string, wish: ShopWish = {}): Promise<Shop> {
  const shop = await openShop(lab, name, wish);
  const first = await shop.apply('good-1');
  expect(first.code, first.out + first.err).toBe(0);
  return shop;
}
