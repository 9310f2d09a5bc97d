import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Dockerode from 'dockerode';
import { afterEach, describe, expect, it } from 'vitest';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { RunningSwarm, SwarmOptions } from '../../src/sandbox/swarm.ts';
import { World, referenceTo, refusal, secretNames, withSecrets } from '../contract/swarm-world.ts';
import type { SeenTask } from '../contract/swarm-world.ts';

const CANARY = 'good-canary-f4a1';
const open: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keyturn-swarm-'));
  open.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function start(options: Partial<SwarmOptions> = {}): Promise<{ swarm: RunningSwarm; world: World }> {
  const swarm = await startSwarm({
    name: 'test',
    directory: null,
    listen: { port: 0 },
    timeScale: 0.1,
    ...options,
  });
  open.push(() => swarm.close());
  return { swarm, world: new World(dockerAt(swarm.endpoint)) };
}

function dockerAt(endpoint: string): Dockerode {
  if (endpoint.startsWith('unix://'))
    return new Dockerode({ host: undefined, socketPath: endpoint.slice(7) });
  return new Dockerode({ protocol: 'http', host: '127.0.0.1', port: new URL(endpoint).port });
}

const running = (tasks: readonly SeenTask[]) =>
  tasks.filter((task) => task.DesiredState === 'running' && task.Status.State === 'running');

describe('the embedded swarm', () => {
  it('is a manager to whoever asks, with the version in the path and without', async () => {
    const { swarm } = await start();
    for (const version of ['', '/v1.41', '/v1.24']) {
      const answer = await fetch(`${swarm.endpoint.replace('tcp:', 'http:')}${version}/info`);
      expect(await answer.json()).toMatchObject({ Swarm: { ControlAvailable: true, Nodes: 3 } });
    }
    const newer = await fetch(`${swarm.endpoint.replace('tcp:', 'http:')}/v1.42/info`);
    expect(newer.status).toBe(400);
  });

  it('shows a value in no answer, no request and no file but its own', async () => {
    const directory = await folder();
    const { swarm, world } = await start({ directory, listen: `unix://${join(directory, 'engine.sock')}` });
    const secret = await world.secret('one', CANARY);
    const { service } = await world.started('app', [referenceTo(secret, 't')]);
    const answers = JSON.stringify([
      service,
      await world.tasks(service.ID),
      await world.listSecrets({}),
      await world.docker.getSecret(secret.id).inspect(),
      swarm.requests,
    ]);
    const encoded = Buffer.from(CANARY).toString('base64');
    for (const form of [CANARY, encoded, encodeURIComponent(encoded)]) expect(answers).not.toContain(form);
    expect(swarm.requests.map(({ operation }) => operation)).toContain('SecretCreate');
    const file = join(directory, 'swarm.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toContain(encoded);
  });

  it('goes on with an update that was under way when it stopped', async () => {
    const directory = await folder();
    const first = await start({ directory });
    const one = await first.world.secret('one', 'good-1');
    const two = await first.world.secret('two', 'good-2');
    const { service } = await first.world.started('app', [referenceTo(one, 't')]);
    await first.world.update(service.ID, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
    await first.world.untilState(service.ID, 'updating');
    await first.swarm.close();
    const second = await start({ directory });
    const { service: after, tasks } = await second.world.untilState(service.ID, 'completed');
    expect(secretNames(after.PreviousSpec)).toEqual([one.name]);
    expect(running(tasks).map((task) => secretNames(task.Spec))).toEqual([[two.name], [two.name]]);
  });

  it('refuses a file that it did not write, and says which', async () => {
    const directory = await folder();
    const { swarm } = await start({ directory });
    await swarm.close();
    const file = join(directory, 'swarm.json');
    await rm(file);
    await writeFile(file, `{"broken": "${CANARY}`);
    await expect(start({ directory })).rejects.toMatchObject({ code: 'bad-file', where: file });
  });

  it('makes a simple service once, and leaves it as it is afterwards', async () => {
    const { swarm, world } = await start();
    const secret = await world.secret('one', 'good-1');
    const wish = { name: 'api', replicas: 3, healthCheck: true, networks: ['backend'] };
    const id = swarm.createService({ ...wish, secrets: [{ target: 'db', secretName: secret.name }] });
    expect(swarm.createService({ ...wish, replicas: 9 })).toBe(id);
    const { service } = await world.until(id, 'three run', ({ tasks }) => running(tasks).length === 3);
    expect(service.Spec).toMatchObject({ Name: 'api', Mode: { Replicated: { Replicas: 3 } } });
    expect(secretNames(service.Spec)).toEqual([secret.name]);
  });

  it('moves tasks off a node that is down, and keeps the old ones until it is back', async () => {
    const { swarm, world } = await start();
    const { service, tasks } = await world.started('app', [], { replicas: 3 });
    const lost = tasks.find((task) => task.NodeID === swarm.nodeIds[0]);
    swarm.setNode(lost?.NodeID ?? '', 'down');
    const moved = await world.until(
      service.ID,
      'three run elsewhere',
      (sight) =>
        running(sight.tasks).length === 3 &&
        running(sight.tasks).every((task) => task.NodeID !== lost?.NodeID),
    );
    expect(moved.tasks.find((task) => task.ID === lost?.ID)).toMatchObject({
      DesiredState: 'shutdown',
      Status: { State: 'running' },
    });
    swarm.setNode(lost?.NodeID ?? '', 'ready');
    await world.until(service.ID, 'the old task ended', (sight) =>
      sight.tasks.every((task) => task.ID !== lost?.ID || task.Status.State === 'shutdown'),
    );
  });

  it.each([
    ['good-1', 'complete'],
    ['probefail', 'failed'],
  ])('answers a probe by the values that the service mounts: %s', async (value, state) => {
    const { world } = await start();
    const secret = await world.secret('one', value);
    const { service } = await world.started('app', [referenceTo(secret, 't')]);
    const spec = {
      ...world.specOf('probe', [], { replicas: 1, restart: { Condition: 'none' }, isUnchecked: true }),
      Labels: { 'keyturn.probe': 'true', 'keyturn.probe.service': service.Spec.Name },
    };
    const id = await world.post('createService', spec);
    await world.until(id, state, ({ tasks }) => tasks[0]?.Status.State === state);
    const log = await world.docker.getService(id).logs({ stdout: true, stderr: true });
    expect(String(log)).toContain(state === 'failed' ? ': 503' : 'answered');
  });

  it('fails, drops and delays the requests that it is told to, and no others', async () => {
    const { swarm, world } = await start();
    const message = 'rpc error: code = DeadlineExceeded desc = context deadline exceeded';
    swarm.fault({ match: { operation: 'SecretCreate', nth: 2 }, action: 'fail', status: 500, message });
    swarm.fault({ match: { operation: 'SecretCreate', nth: 3 }, action: 'drop-after' });
    swarm.fault({ match: { operation: 'SecretCreate', nth: 4 }, action: 'drop-before' });
    swarm.fault({ match: { operation: 'SecretList' }, times: 'always', action: 'delay', ms: 5 });
    await world.secret('s1', 'good-1');
    expect(await refusal(world.secret('s2', 'good-2'))).toEqual({ status: 500, message });
    await expect(world.secret('s3', 'good-3')).rejects.toThrow();
    await expect(world.secret('s4', 'good-4')).rejects.toThrow();
    const names = (await world.listSecrets({})).map((secret) => String(secret.Spec['Name']));
    expect(names.toSorted()).toEqual([world.name('s1'), world.name('s3')]);
    expect(swarm.requests.map(({ status }) => status)).toEqual([201, 500, null, null, 200]);
  });

  it('ends a request that hangs when it closes', async () => {
    const { swarm, world } = await start();
    swarm.fault({ match: { operation: 'TaskList' }, action: 'hang' });
    const hanging = expect(world.docker.listTasks({})).rejects.toThrow();
    await world.listSecrets({});
    await swarm.close();
    await swarm.close();
    await hanging;
  });
});
