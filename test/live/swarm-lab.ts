import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { promisify } from 'node:util';
import { liveDockerHost } from './live.ts';

const run = promisify(execFile);

/** What the tests of one file make on the lab; `clear` removes all of it and nothing else. */
export interface Lab {
  readonly endpoint: string;
  /** Begins the name of everything that this file makes. */
  readonly prefix: string;
  network(): Promise<string>;
  secret(name: string, value: string): Promise<string>;
  service(name: string, args: readonly string[]): Promise<string>;
  docker(...args: string[]): Promise<string>;
  /** A plain call of the engine, past our own provider. */
  engine<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Ids of the tasks that shall run. */
  tasks(service: string): Promise<LabTask[]>;
  /** Waits until as many tasks of the service run. */
  running(service: string, count: number): Promise<void>;
  /** Removes a stack that was deployed. Its network is in use until the last task has left it. */
  removeStack(stack: string): Promise<void>;
  clear(): Promise<void>;
}

export interface LabTask {
  readonly ID: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string };
}

/** Through this engine of the lab; through the first one unless said. */
export function openLab(endpoint = liveDockerHost() ?? ''): Lab {
  const prefix = `t${randomBytes(3).toString('hex')}`;
  const socketPath = endpoint.slice('unix://'.length);
  const made = { services: [] as string[], secrets: [] as string[], networks: [] as string[] };

  const docker = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('docker', ['-H', endpoint, ...args]);
    return stdout.trim();
  };

  const engine = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const call = request({ socketPath, method, path, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if ((answer.statusCode ?? 500) >= 300) reject(new Error(`${answer.statusCode}: ${text}`));
          else resolve((text === '' ? null : JSON.parse(text)) as T);
        });
      });
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });

  const tasks = (service: string): Promise<LabTask[]> =>
    engine('GET', `/tasks?filters=${encodeURIComponent(JSON.stringify({ service: [service] }))}`);

  return {
    endpoint,
    prefix,
    docker,
    engine,
    tasks,
    network: async () => {
      const name = `${prefix}_net${made.networks.length}`;
      await docker('network', 'create', '-d', 'overlay', name);
      made.networks.push(name);
      return name;
    },
    secret: async (name, value) => {
      const full = `${prefix}_${name}`;
      const Data = Buffer.from(value).toString('base64');
      await engine('POST', '/secrets/create', { Name: full, Labels: {}, Data });
      made.secrets.push(full);
      return full;
    },
    service: async (name, args) => {
      const full = `${prefix}_${name}`;
      made.services.push(full);
      await docker('service', 'create', '-q', '-d', '--name', full, ...args);
      return full;
    },
    running: async (service, count) => {
      for (;;) {
        const now = (await tasks(service)).filter(
          (task) => task.DesiredState === 'running' && task.Status.State === 'running',
        );
        if (now.length === count) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    removeStack: (stack) => untilDone(() => docker('stack', 'rm', stack)),
    clear: async () => {
      if (made.services.length > 0) await docker('service', 'rm', ...made.services).catch(() => '');
      const secrets = await engine<{ Spec: { Name: string } }[]>('GET', '/secrets');
      const ours = secrets.map(({ Spec }) => Spec.Name).filter((name) => name.startsWith(`${prefix}_`));
      if (ours.length > 0) await docker('secret', 'rm', ...ours);
      for (const name of made.networks) await untilDone(() => docker('network', 'rm', name));
    },
  };
}

/** What is refused as long as tasks are on their way out. Gives up in silence: what is left stands in nobody's way. */
async function untilDone(remove: () => Promise<unknown>): Promise<void> {
  for (let left = 50; left > 0; left -= 1) {
    try {
      await remove();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
