import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

interface Service {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly UpdateStatus?: { readonly State?: string };
  readonly Spec: {
    readonly Name: string;
    readonly TaskTemplate: { readonly ContainerSpec: { readonly Secrets?: readonly object[] } };
  };
}
interface Task {
  readonly ID: string;
  readonly ServiceID: string;
  readonly Status: { readonly State: string };
  readonly Spec: { readonly ContainerSpec: { readonly Secrets?: readonly { readonly SecretID: string }[] } };
}

/** How often keyturn looks, and how long a service's new task must stay the same: the monitor of the services. */
const POLL_MS = 400;
const WATCH_MS = 5_000;

/** States of a task that has not ended. */
const ALIVE = new Set([
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
]);

/**
 * The least that moves services to a new secret each: makes the secrets, posts all updates at once, and waits by keyturn's
 * rule (docs/SWARM.md): the new task alone is left and stays the same for as long as swarm itself looks, whose own update
 * has ended by then. Plain requests, no package, no record. Returns how long it took.
 */
export async function updateAtOnce(
  host: string,
  names: readonly string[],
  targetOf: (name: string) => string,
): Promise<number> {
  const engine = engineAt(host);
  const began = performance.now();
  const services = (await engine<Service[]>('GET', '/services')).filter(({ Spec }) =>
    names.includes(Spec.Name),
  );
  const wanted = new Map<string, string>();
  await Promise.all(
    services.map(async ({ ID, Version, Spec }) => {
      const target = targetOf(Spec.Name);
      const name = `${target}_bare`;
      const data = randomBytes(32).toString('base64');
      const { ID: secret } = await engine<{ ID: string }>('POST', '/secrets/create', {
        Name: name,
        Data: data,
      });
      wanted.set(ID, secret);
      const { TaskTemplate } = Spec;
      const file = { Name: target, UID: '0', GID: '0', Mode: 0o444 };
      const ContainerSpec = {
        ...TaskTemplate.ContainerSpec,
        Secrets: [{ SecretID: secret, SecretName: name, File: file }],
      };
      const spec = { ...Spec, TaskTemplate: { ...TaskTemplate, ContainerSpec } };
      await engine('POST', `/services/${ID}/update?version=${Version.Index}`, spec);
    }),
  );
  const since = new Map<string, { readonly task: string; readonly at: number }>();
  const good = new Set<string>();
  while (good.size < wanted.size) {
    const [tasks, seen] = await Promise.all([
      engine<Task[]>('GET', '/tasks'),
      engine<Service[]>('GET', '/services'),
      engine<object[]>('GET', '/nodes'),
    ]);
    const updating = new Set(
      seen.flatMap(({ ID, UpdateStatus }) => (UpdateStatus?.State === 'updating' ? [ID] : [])),
    );
    const now = performance.now();
    for (const [service, secret] of wanted) {
      const alive = tasks.filter(({ ServiceID, Status }) => ServiceID === service && ALIVE.has(Status.State));
      const [task] = alive;
      const isNew = task?.Spec.ContainerSpec.Secrets?.[0]?.SecretID === secret;
      if (alive.length !== 1 || task?.Status.State !== 'running' || !isNew) since.delete(service);
      else if (since.get(service)?.task !== task.ID) since.set(service, { task: task.ID, at: now });
      else if (now - (since.get(service)?.at ?? now) >= WATCH_MS && !updating.has(service)) good.add(service);
    }
    await pause(POLL_MS);
  }
  return performance.now() - began;
}

function engineAt(host: string): <Answer>(method: string, path: string, body?: object) => Promise<Answer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const socketPath = host.slice('unix://'.length);
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'host': 'docker' };
      const sent = request({ socketPath, agent, method, path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => {
          if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path}: ${text}`));
          else resolve((text === '' ? {} : JSON.parse(text)) as never);
        });
      });
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
