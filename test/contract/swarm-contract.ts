import type Dockerode from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  describeFailures,
  describeFlips,
  describeQuietUpdates,
  describeRollbacks,
} from './swarm-contract-updates.ts';
import {
  World,
  idsOf,
  invalid,
  referenceTo,
  refusal,
  running,
  secretNames,
  withSecrets,
} from './swarm-world.ts';
import type { On } from './swarm-world.ts';

/** An engine to hold to the contract: `lab/app:1` runs on it as docs and test/live/lab/README.md say. */
export interface ContractEngine {
  readonly docker: Dockerode;
  close(): Promise<void>;
}

const OUT_OF_SEQUENCE = { status: 500, message: 'rpc error: code = Unknown desc = update out of sequence' };

/**
 * What keyturn relies on in a Docker Swarm: secrets, services, PreviousSpec, UpdateStatus, tasks and errors.
 * The embedded swarm and a live engine pass the same cases; where they could not agree, the live one is right.
 */
export function describeSwarmContract(name: string, open: () => Promise<ContractEngine>): void {
  describe(name, () => {
    let engine: ContractEngine | null = null;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(async () => {
      await engine?.close();
    });
    const on = (title: string, run: (world: World) => Promise<void>): void => {
      it.concurrent(title, async () => {
        if (engine === null) throw new Error('no engine');
        const world = new World(engine.docker);
        try {
          await run(world);
        } finally {
          await world.clear();
        }
      });
    };
    describe('secrets', () => describeSecrets(on));
    describe('specs', () => describeSpecs(on));
    describe('updates that change no task', () => describeQuietUpdates(on));
    describe('flips', () => describeFlips(on));
    describe('values that fail', () => describeFailures(on));
    describe('rollbacks', () => describeRollbacks(on));
    describe('other tasks', () => describeTasks(on));
  });
}

function describeSecrets(on: On): void {
  on('gives a secret back without its data, and refuses its name a second time', async (world) => {
    const { id, name } = await world.secret('one', 'good-1', { a: 'b' });
    const seen: unknown = await world.docker.getSecret(name).inspect();
    expect(seen).toMatchObject({ ID: id, Spec: { Name: name, Labels: { a: 'b' } } });
    expect(JSON.stringify(seen)).not.toContain('Data');
    expect(await refusal(world.secret('one', 'good-1'))).toEqual({
      status: 409,
      message: `rpc error: code = AlreadyExists desc = secret ${name} already exists`,
    });
  });

  on('refuses names, sizes and encodings that it cannot keep', async (world) => {
    const create = (Name: string, Data: string) => refusal(world.post('createSecret', { Name, Data }));
    const Data = Buffer.from('good').toString('base64');
    const badName = invalid(
      'invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]',
    );
    const badSize = invalid('secret data must be larger than 0 and less than 512000 bytes');
    expect(await create('', Data)).toEqual(invalid('name must be provided'));
    for (const bad of ['-x', 'x-', 'a b', 'é', 'n'.repeat(65)])
      expect(await create(bad, Data)).toEqual(badName);
    expect(await create(world.name('empty'), '')).toEqual(badSize);
    expect(await create(world.name('big'), Buffer.alloc(512_000, 97).toString('base64'))).toEqual(badSize);
    for (const bad of ['a-_b', 'abc']) {
      const refused = await create(world.name('raw'), bad);
      expect(refused.status).toBe(400);
      expect(refused.message).toContain('illegal base64 data at input byte');
    }
    const longest = world.name('n').padEnd(64, 'n');
    await world.post('createSecret', { Name: longest, Data: Buffer.alloc(511_999, 97).toString('base64') });
  });

  on('filters by a prefix with name, exactly with names, and by label', async (world) => {
    const v1 = await world.secret('db_v1', 'good-1', { keep: 'yes' });
    const v10 = await world.secret('db_v10', 'good-2', { keep: 'no' });
    const found = async (filters: Record<string, string[]>) =>
      (await world.listSecrets(filters)).map((secret) => String(secret.Spec['Name'])).sort();
    expect(await found({ name: [v1.name] })).toEqual([v1.name, v10.name]);
    expect(await found({ names: [v1.name] })).toEqual([v1.name]);
    expect(await found({ names: [v1.name, v10.name] })).toEqual([v1.name, v10.name]);
    expect(await found({ names: [v1.name, v10.name], label: ['keep=yes'] })).toEqual([v1.name]);
    expect(await found({ name: [v1.name], label: ['keep'] })).toEqual([v1.name, v10.name]);
    expect(await found({ id: [v10.id] })).toEqual([v10.name]);
    expect(JSON.stringify(await world.listSecrets({ id: [v1.id] }))).not.toContain('Data');
  });

  on('replaces labels at the right version and changes nothing else', async (world) => {
    const { id, name } = await world.secret('labels', 'good-1', { old: '1' });
    const secret = world.docker.getSecret(id);
    const update = (version: unknown, body: object) => secret.update({ _query: { version }, _body: body });
    const { Index } = (await secret.inspect()).Version;
    const onlyLabels = invalid('only updates to Labels are allowed');
    expect(await refusal(update(1, { Name: name }))).toEqual(OUT_OF_SEQUENCE);
    expect(await refusal(update(Index + 5000, { Name: name }))).toEqual(OUT_OF_SEQUENCE);
    expect(await refusal(update('', { Name: name }))).toEqual({
      status: 400,
      message: 'invalid secret version',
    });
    expect(await refusal(update(Index, { Name: `${name}x` }))).toEqual(onlyLabels);
    expect(await refusal(update(Index, { Name: name, Data: 'b3RoZXI=' }))).toEqual(onlyLabels);
    await update(Index, { Name: name, Labels: { fresh: '2' } });
    expect(await secret.inspect()).toMatchObject({ Spec: { Labels: { fresh: '2' } } });
  });

  on('says which secret or service it does not know', async (world) => {
    const { docker } = world;
    const no = world.name('no');
    const template = { ContainerSpec: { Image: 'lab/app:1' } };
    const secret = { status: 404, message: `secret ${no} not found` };
    const service = { status: 404, message: `service ${no} not found` };
    expect(await refusal(docker.getSecret(no).inspect())).toEqual(secret);
    expect(await refusal(docker.getSecret(no).remove())).toEqual(secret);
    expect(await refusal(docker.getService(no).inspect())).toEqual(service);
    expect(await refusal(docker.getService(no).remove())).toEqual(service);
    expect(await refusal(world.postUpdate(no, 1, { Name: no, TaskTemplate: template }))).toEqual(service);
    expect(await refusal(world.tasks(no))).toEqual(service);
  });
}

function describeSpecs(on: On): void {
  on('refuses references that are malformed or name no secret', async (world) => {
    const one = await world.secret('one', 'good-1');
    const two = await world.secret('two', 'good-2');
    const gone = { id: 'abcdefghijklmnopqrstuvwxy', name: 'gone' };
    const other = { id: 'abcdefghijklmnopqrstuvwxz', name: 'gone2' };
    const { File: _file, ...fileless } = referenceTo(one, 't');
    const cases: [readonly unknown[], string][] = [
      [[fileless], 'malformed secret reference, no target provided'],
      [[{ ...referenceTo(one, 't'), SecretID: '' }], 'malformed secret reference'],
      [[{ ...referenceTo(one, 't'), SecretName: '' }], 'malformed secret reference'],
      [[referenceTo(one, '')], 'malformed file secret reference, invalid target file name provided'],
      [[referenceTo(gone, 't')], 'secret not found: gone'],
      [[referenceTo(gone, 't'), referenceTo(other, 'u')], 'secrets not found: gone, gone2'],
      [[referenceTo({ ...one, name: two.name }, 't')], `secret not found: ${two.name}`],
      [
        [referenceTo(one, 't'), referenceTo(two, 't')],
        `secret references '${one.name}' and '${two.name}' have a conflicting target: 't'`,
      ],
    ];
    const quiet = { replicas: 0 };
    for (const [references, text] of cases) {
      const refused = refusal(world.post('createService', world.specOf('bad', references, quiet)));
      expect(await refused).toEqual(invalid(text));
    }
    const id = await world.service('app', [referenceTo(one, 't')], quiet);
    for (const [references, text] of cases) {
      const refused = refusal(world.update(id, () => world.specOf('app', references, quiet)));
      expect(await refused).toEqual(invalid(text));
    }
    expect((await world.inspect(id)).PreviousSpec).toBeUndefined();
  });

  on('refuses a second service of a name, a new name, another mode and a stale version', async (world) => {
    const one = await world.secret('one', 'good-1');
    const id = await world.service('app', [referenceTo(one, 't')], { replicas: 0 });
    const twice = await refusal(world.service('app', [], { replicas: 0 }));
    expect(twice.status).toBe(409);
    expect(twice.message).toBe(
      `rpc error: code = AlreadyExists desc = name conflicts with an existing object: service ${world.name('app')} already exists`,
    );
    expect(await refusal(world.update(id, (spec) => ({ ...spec, Name: world.name('other') })))).toEqual({
      status: 501,
      message: 'rpc error: code = Unimplemented desc = renaming services is not supported',
    });
    expect(await refusal(world.update(id, (spec) => ({ ...spec, Mode: { Global: {} } })))).toEqual({
      status: 501,
      message: 'rpc error: code = Unimplemented desc = service mode change is not allowed',
    });
    const { Spec, Version } = await world.inspect(id);
    expect(await refusal(world.postUpdate(id, 1, Spec))).toEqual(OUT_OF_SEQUENCE);
    expect(await refusal(world.postUpdate(id, Version.Index + 5000, Spec))).toEqual(OUT_OF_SEQUENCE);
    expect(await refusal(world.postUpdate(id, '', Spec))).toEqual({
      status: 400,
      message: `invalid service version '': strconv.ParseUint: parsing "": invalid syntax`,
    });
  });

  on('fills in defaults, so that a spec without a mode runs once', async (world) => {
    const spec = { ...world.specOf('app', [], { update: {} }), Mode: undefined, UpdateConfig: {} };
    const { Spec } = await world.inspect(await world.post('createService', spec));
    expect(Spec).toMatchObject({
      Labels: {},
      Mode: { Replicated: { Replicas: 1 } },
      UpdateConfig: { Parallelism: 0, FailureAction: 'pause', MaxFailureRatio: 0, Order: 'stop-first' },
      TaskTemplate: { ForceUpdate: 0, RestartPolicy: { Condition: 'any', MaxAttempts: 0 } },
    });
    expect(Spec.TaskTemplate.ContainerSpec.Secrets).toBeUndefined();
  });

  on('protects a secret that a spec names, and not one that only a previous spec names', async (world) => {
    const one = await world.secret('one', 'good-1');
    const two = await world.secret('two', 'good-2');
    const id = await world.service('app', [referenceTo(one, 't')], { replicas: 0 });
    const inUse = (names: string) =>
      invalid(`secret '${one.name}' is in use by the following service${names}`);
    expect(await refusal(world.docker.getSecret(one.id).remove())).toEqual(inUse(`: ${world.name('app')}`));
    await world.service('other', [referenceTo(one, 't')], { replicas: 0 });
    const both = await refusal(world.docker.getSecret(one.name).remove());
    expect(both.message).toMatch(/in use by the following services: \S+, \S+$/);
    await world.docker.getService(world.name('other')).remove();
    await world.update(id, (spec) => withSecrets(spec, [referenceTo(two, 't')]));
    expect(secretNames((await world.inspect(id)).PreviousSpec)).toEqual([one.name]);
    await world.docker.getSecret(one.id).remove();
    expect(await refusal(world.docker.getSecret(one.id).inspect())).toMatchObject({ status: 404 });
  });
}

function describeTasks(on: On): void {
  on('runs a job again on any update', async (world) => {
    const mode = { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } };
    const restart = { Condition: 'none' };
    const command = ['sh', '-c', 'exit 0'];
    const wish = { mode, restart, command, isUnchecked: true };
    const spec = world.specOf('bad', [], wish);
    const configured = await refusal(world.post('createService', { ...spec, UpdateConfig: {} }));
    expect(configured).toEqual(invalid('Jobs may not have an update config'));
    const id = await world.service('job', [], wish);
    const done = (count: number) =>
      world.until(id, `${count} runs complete`, ({ everSeen }) => {
        const complete = everSeen.filter((task) => task.Status.State === 'complete');
        return complete.length >= count;
      });
    expect((await done(1)).service.JobStatus?.JobIteration.Index ?? 0).toBe(0);
    await world.update(id, (seen) => ({ ...seen, Labels: { changed: 'yes' } }));
    const again = await done(2);
    expect(again.service.JobStatus?.JobIteration.Index).toBe(1);
    expect(again.updateStates).toEqual(['absent']);
  });

  for (const [script, state, exit, line] of [
    ['echo hello; exit 0', 'complete', 0, 'hello'],
    ['echo oops >&2; exit 3', 'failed', 3, 'oops'],
  ] as [string, string, number, string][])
    on(`ends a one-shot service as ${state}, once, with its log`, async (world) => {
      const wish = {
        replicas: 1,
        restart: { Condition: 'none' },
        command: ['sh', '-c', script],
        isUnchecked: true,
      };
      const id = await world.service('probe', [], wish);
      const { everSeen } = await world.until(id, state, ({ tasks }) =>
        tasks.some((task) => task.Status.State === state && task.DesiredState === 'shutdown'),
      );
      expect(everSeen).toHaveLength(1);
      expect(everSeen[0]?.Status.ContainerStatus?.ExitCode).toBe(exit);
      expect(everSeen[0]?.Status.Err).toBe(exit === 0 ? undefined : `task: non-zero exit (${exit})`);
      const log: unknown = await world.docker.getService(id).logs({ stdout: true, stderr: true });
      expect(await textOf(log)).toContain(`${line}\n`);
    });

  on('counts running and wanted tasks, and gives each an address in its network', async (world) => {
    const network = await world.network('net');
    const { service, tasks } = await world.started('app', [], { networks: [network] });
    const addresses = tasks.map((task) => task.NetworksAttachments?.[0]?.Addresses[0]);
    expect(new Set(addresses).size).toBe(2);
    for (const address of addresses) expect(address).toMatch(/^10\.[0-9.]+\/24$/);
    const listed = await world.docker.listServices({
      status: true,
      filters: { name: [service.Spec.Name] },
    });
    expect(listed).toMatchObject([{ ID: service.ID, ServiceStatus: { RunningTasks: 2, DesiredTasks: 2 } }]);
  });

  on('adds and removes tasks by number alone when only the replicas change', async (world) => {
    const before = await world.started('app', [], { replicas: 1 });
    const { ID } = before.service;
    const scale = (Replicas: number) =>
      world.update(ID, (spec) => ({ ...spec, Mode: { Replicated: { Replicas } } }));
    await scale(3);
    const grown = await world.until(ID, 'three run', ({ tasks }) => running(tasks).length === 3);
    expect(idsOf(grown.tasks)).toEqual(expect.arrayContaining(idsOf(before.tasks)));
    await scale(1);
    const shrunk = await world.until(ID, 'one is left', ({ tasks }) => tasks.length === 1);
    expect(shrunk.updateStates).toEqual(['absent']);
  });

  on('knows nothing of the tasks of a service that was removed', async (world) => {
    const { service } = await world.started('app', []);
    await world.docker.getService(service.ID).remove();
    expect(await refusal(world.tasks(service.ID))).toEqual({
      status: 404,
      message: `service ${service.ID} not found`,
    });
  });
}

/** The log's text, from the one buffer or the stream that dockerode gives. */
async function textOf(log: unknown): Promise<string> {
  if (Buffer.isBuffer(log)) return log.toString('utf8');
  let text = '';
  for await (const chunk of log as AsyncIterable<Buffer>) text += chunk.toString('utf8');
  return text;
}
