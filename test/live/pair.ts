import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './swarm-lab.ts';

/** A service of three replicas, on its network a client that asks it without a pause, and how they fare. */
export interface Pair {
  /** Its full name; the targets of its two secrets begin with it. */
  readonly service: string;
  /** A stack's constructor: two manual secrets, `writer` and `reader`, and the service that mounts them. */
  stack(soak: string): string;
  /** The copies that the spec names, by target in the order of the spec. */
  references(): Promise<Mounted>;
  previousReferences(): Promise<Mounted>;
  /** What both targets name when both secrets are at this version. */
  at(version: number): Mounted;
  /** The copies of both secrets that the swarm holds, whether a service names them or not. */
  copies(): Promise<string[]>;
  /** Of the tasks that shall run, sorted. */
  taskIds(): Promise<string[]>;
  /** What each task that was ever made mounts, once each. */
  everMounted(): Promise<string[]>;
  /** What the client counted, at a moment after this was called. */
  asked(): Promise<Asked>;
  /** How often the engine took an update of the service; null where its log does not say. */
  updates(): Promise<number | null>;
}

export type Mounted = Readonly<Record<string, string>>;

export interface Asked {
  readonly requests: number;
  readonly failed: number;
  /** The client's word on each failed request. */
  readonly failures: readonly string[];
}

interface ContainerSpec {
  readonly Secrets?: readonly { readonly SecretName: string; readonly File: { readonly Name: string } }[];
}
interface Spec {
  readonly TaskTemplate: { readonly ContainerSpec: ContainerSpec };
}
interface Service {
  readonly ID: string;
  readonly Spec: Spec;
  readonly PreviousSpec?: Spec;
}
interface Task {
  readonly Spec: { readonly ContainerSpec: ContainerSpec };
}

const words = (text: string) => text.split(' ');

/** Start-first, checked by its own health command, watched for half a second; its application stops gracefully. */
const SERVICE = words(
  '--replicas 3 --endpoint-mode dnsrr --update-order start-first --update-monitor 500ms' +
    ' --health-cmd /hc --health-interval 300ms --health-retries 2',
);

/** `parallelism` is how many tasks an update replaces at a time; 0: all. */
export async function startPair(lab: Lab, name: string, parallelism: number): Promise<Pair> {
  const network = await lab.network();
  const args = [...SERVICE, '--update-parallelism', String(parallelism), '--network', network];
  const service = await lab.service(name, [...args, 'lab/app:1']);
  await lab.running(service, 3);
  return watchPair(lab, service, network);
}

/** The same for a service that is there. */
export async function watchPair(lab: Lab, service: string, network: string): Promise<Pair> {
  const name = service.slice(lab.prefix.length + 1);
  const args = ['--network', network, 'lab/app:1', '/client', service];
  const client = await lab.service(`${name}-client`, args);
  await lab.running(client, 1);
  const inspect = () => lab.engine<Service>('GET', `/services/${service}`);

  const count = async (): Promise<Asked> => {
    const log = await lab.docker('service', 'logs', '--raw', client);
    const last = log.split('\n').findLast((line) => line.startsWith('requests '));
    const [, requests, failed] = /^requests (\d+) failed (\d+)/.exec(last ?? '') ?? [];
    const failures = log.split('\n').filter((line) => line.includes('failed: '));
    return { requests: Number(requests ?? 0), failed: Number(failed ?? 0), failures };
  };

  return {
    service,
    stack: (soak) => `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'lab' });
    const given = { vault, source: Source.manual(), cadence: Cadence.onRequest(), soak: ${soak} };
    const writer = new Secret(this, 'writer', given);
    const reader = new Secret(this, 'reader', given);
    new SwarmService(this, 'api', {
      swarm, service: '${service}',
      mounts: [writer.at('${service}_writer'), reader.at('${service}_reader')],
      probe: Probe.http({ path: '/healthz', port: 8080, image: 'lab/app:1' }),
      settle: Duration.seconds(1), deadline: Duration.minutes(2),
    });`,
    references: async () => mounted((await inspect()).Spec.TaskTemplate.ContainerSpec),
    previousReferences: async () => {
      const { PreviousSpec } = await inspect();
      return PreviousSpec === undefined ? {} : mounted(PreviousSpec.TaskTemplate.ContainerSpec);
    },
    at: (version) => {
      const bases = [`${service}_reader`, `${service}_writer`];
      return Object.fromEntries(bases.map((base) => [base, `${base}_v${version}`]));
    },
    copies: async () => {
      const all = await lab.engine<{ Spec: { Name: string } }[]>('GET', '/secrets');
      const names = all.map(({ Spec }) => Spec.Name);
      return names.filter((name) => name.startsWith(`${service}_`)).sort();
    },
    taskIds: async () => {
      const tasks = await lab.tasks(service);
      return tasks
        .filter(({ DesiredState }) => DesiredState === 'running')
        .map(({ ID }) => ID)
        .sort();
    },
    everMounted: async () => {
      const tasks = (await lab.tasks(service)) as unknown as Task[];
      return [
        ...new Set(tasks.map(({ Spec }) => Object.values(mounted(Spec.ContainerSpec)).sort().join(' '))),
      ];
    },
    asked: async () => {
      const before = await count();
      for (;;) {
        const now = await count();
        if (now.requests > before.requests) return now;
      }
    },
    updates: async () => {
      const path = `/services/(${(await inspect()).ID}|${service})/update`;
      const logs = await engineLogs();
      const count = (line: string) => logs.match(new RegExp(line, 'g'))?.length ?? 0;
      if (count('Calling POST ') === 0) return null;
      // One that comes after a change of the version is refused, changes nothing and is sent again.
      return (
        count(`Calling POST (/v[0-9.]+)?${path}`) -
        count(`Handler for POST (/v[0-9.]+)?${path} returned error`)
      );
    },
  };
}

function mounted(spec: ContainerSpec): Mounted {
  return Object.fromEntries((spec.Secrets ?? []).map(({ SecretName, File }) => [File.Name, SecretName]));
}

/** What all engines of the lab have logged. */
export async function engineLogs(): Promise<string> {
  const lab = process.env['KEYTURN_LAB'] ?? '';
  if (lab === '') return '';
  const nodes = (await readdir(lab)).filter((name) => /^n[0-9]+$/.test(name));
  const logs = await Promise.all(nodes.map((node) => readFile(join(lab, node, 'log'), 'latin1')));
  return logs.join('\n');
}
