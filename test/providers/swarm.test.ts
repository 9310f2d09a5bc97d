import { mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import type { FaultCode } from '../../src/model/fault.ts';
import type { FlipChange } from '../../src/model/plan.ts';
import type { FlipReceipt, Platform, VerifyOrder } from '../../src/model/platform.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import { startSwarm } from '../../src/sandbox/swarm.ts';
import type { RunningSwarm, SimpleService } from '../../src/sandbox/swarm.ts';

const CANARY = 'canary-3f9c1d77';
const LABELS = { 'keyturn-stack': 'test' };

let directory: string;
let server: RunningSwarm;
let swarm: Platform;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-swarm-'));
  const listen = { socketPath: join(directory, 'engine.sock') };
  server = await startSwarm({ name: 'test', directory: null, listen, timeScale: 0.05 });
  swarm = connectSwarm({ name: 'test', endpoint: server.endpoint, environment: {}, stack: 'test' });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await swarm.close();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const stage = (name: string, value = CANARY) => swarm.stage({ name, labels: LABELS }, new SecretValue(value));

const change = (from: string | null, to: string | null, target = 'db'): FlipChange => ({
  target,
  secret: 'vault://test/db',
  from: from === null ? null : { copy: from, ordinal: null },
  to: to === null ? null : { copy: to, ordinal: null },
  uid: '0',
  gid: '0',
  mode: 0o444,
});

const flip = (changes: readonly FlipChange[], undo = false) => swarm.flip({ service: 'api', changes, undo });

const verify = (copy: string, receipt: FlipReceipt | null, over: Partial<VerifyOrder> = {}) =>
  swarm.verify(
    {
      service: 'api',
      expected: { db: copy },
      since: receipt?.since ?? null,
      probe: { kind: 'none' },
      settleMs: 20,
      deadlineMs: 20_000,
      labels: LABELS,
      ...over,
    },
    () => undefined,
  );

async function api(over: Partial<SimpleService> = {}): Promise<void> {
  await stage('db_v1', 'good');
  const secrets = [{ target: 'db', secretName: 'db_v1' }];
  server.createService({ name: 'api', replicas: 2, secrets, monitorMs: 20, order: 'start-first', ...over });
}

async function faultOf(act: Promise<unknown>, code: FaultCode): Promise<Fault> {
  try {
    await act;
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    expect(error).toMatchObject({ code });
    return error as Fault;
  }
  throw new Error('it did not fail');
}

const HOUR_MS = 3_600_000;

/** The wall clock shows so much more each time that it is read. */
function jumping(byMs: number): void {
  let now = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => (now += byMs));
}

const countOf = (operation: string) =>
  server.requests.filter((request) => request.operation === operation).length;

describe('observe', () => {
  it('asks the same few questions however much there is to see', async () => {
    await api();
    const before = server.requests.length;
    const seen = await swarm.observe();
    expect(server.requests.length - before).toBe(4);
    expect(seen.copies).toMatchObject([{ name: 'db_v1', labels: LABELS }]);
    expect(seen.services['api']).toMatchObject({
      mode: 'replicated',
      tasks: 2,
      references: [{ target: 'db', copyName: 'db_v1' }],
      previousReferences: null,
      order: 'start-first',
    });
  });

  it('gives a service the same fingerprint until its references change, whatever its Env holds', async () => {
    await api({ env: [`TOKEN=${CANARY}`] });
    const before = await swarm.observe();
    await stage('db_v2');
    expect((await swarm.observe()).services['api']?.fingerprint).toBe(before.services['api']?.fingerprint);
    await flip([change('db_v1', 'db_v2')]);
    const after = await swarm.observe();
    expect(after.services['api']?.fingerprint).not.toBe(before.services['api']?.fingerprint);
    expect(JSON.stringify([before, after])).not.toContain(CANARY);
  });

  it('does without the cluster id where a proxy keeps it from the planner', async () => {
    server.fault({ match: { operation: 'Info' }, action: 'fail', status: 403, message: 'forbidden' });
    await expect(swarm.observe()).resolves.toMatchObject({ clusterId: 'not shown' });
  });
});

describe('stage', () => {
  it('puts the value into no URL', async () => {
    await stage('db_v1');
    const encoded = Buffer.from(CANARY).toString('base64').replace(/=+$/, '');
    const urls = server.requests.map(({ path }) => decodeURIComponent(path)).join('\n');
    expect(urls).toContain('/secrets/create');
    expect(urls).not.toContain(CANARY);
    expect(urls).not.toContain(encoded);
  });

  it('twice is once', async () => {
    expect(await stage('db_v1')).toEqual(await stage('db_v1'));
  });

  it.each(['drop-after', 'drop-before'] as const)(
    'finds out what became of an answer lost by %s',
    async (action) => {
      server.fault({ match: { operation: 'SecretCreate' }, action });
      const { id } = await stage('db_v1');
      expect((await swarm.observe()).copies).toMatchObject([{ id, name: 'db_v1' }]);
    },
  );

  it('believes no 500: the leader may have gone after it wrote', async () => {
    const message = 'rpc error: code = Unknown desc = node lost leader status';
    server.fault({ match: { operation: 'SecretCreate' }, action: 'fail', status: 500, message, done: true });
    const { id } = await stage('db_v1');
    expect((await swarm.observe()).copies).toMatchObject([{ id }]);
  });

  it('takes no copy for its own because of a similar name or other labels', async () => {
    await stage('db_v10');
    await stage('db_v1');
    const other = swarm.stage(
      { name: 'db_v1', labels: { 'keyturn-stack': 'other' } },
      new SecretValue(CANARY),
    );
    const fault = await faultOf(other, 'not-ours');
    expect(fault.problems[0]?.what).toBe('label keyturn-stack is "test", not "other"');
    expect(JSON.stringify(fault)).not.toContain(CANARY);
  });
});

describe('remove', () => {
  it('removes exactly this copy, and twice is once', async () => {
    await stage('db_v1');
    await stage('db_v10');
    await swarm.remove({ name: 'db_v1', labels: LABELS });
    await swarm.remove({ name: 'db_v1', labels: LABELS });
    expect((await swarm.observe()).copies.map(({ name }) => name)).toEqual(['db_v10']);
  });

  it('names the services that still read it', async () => {
    await api();
    const fault = await faultOf(swarm.remove({ name: 'db_v1', labels: LABELS }), 'platform-refused');
    expect(fault.message).toBe('"db_v1" is still read by "api"');
  });

  it('survives a lost answer', async () => {
    await stage('db_v1');
    server.fault({ match: { operation: 'SecretRemove' }, action: 'drop-after' });
    await swarm.remove({ name: 'db_v1', labels: LABELS });
    expect((await swarm.observe()).copies).toEqual([]);
  });
});

describe('flip', () => {
  it('posts one update, sets both actions to pause and says what they were', async () => {
    await api({ failureAction: 'rollback' });
    await stage('db_v2', 'good');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    expect(receipt).toMatchObject({ already: false, originals: { update: 'rollback' } });
    expect(countOf('ServiceUpdate')).toBe(1);
    const service = (await swarm.observe()).services['api'];
    expect(service).toMatchObject({ references: [{ copyName: 'db_v2' }], updateFailureAction: 'pause' });
    await expect(verify('db_v2', receipt)).resolves.toMatchObject({ tasks: 2, probe: null });
  });

  it('posts nothing where the service already reads the wanted copies, and still knows what was replaced', async () => {
    await api({ failureAction: 'rollback' });
    await stage('db_v2', 'good');
    const first = await flip([change('db_v1', 'db_v2')]);
    const second = await flip([change('db_v1', 'db_v2')]);
    expect(second).toMatchObject({ already: true, originals: first.originals });
    expect(countOf('ServiceUpdate')).toBe(1);
  });

  it('keeps references in the order of their names, as a stack deploy would write them, and any other order as it is', async () => {
    const names = async () =>
      (await swarm.observe()).services['api']?.references.map(({ copyName }) => copyName);
    for (const copy of ['cert_v1', 'cert_v9', 'cert_v10']) await stage(copy, 'good');
    await api();
    await flip([change(null, 'cert_v9', 'tls'), change(null, 'cert_v1', 'old-tls')]);
    expect(await names()).toEqual(['cert_v1', 'cert_v9', 'db_v1']);
    await swarm.flip({ service: 'api', changes: [change('cert_v9', 'cert_v10', 'tls')], undo: true });
    expect(await names()).toEqual(['cert_v1', 'cert_v10', 'db_v1']);

    const secrets = [
      { target: 'db', secretName: 'db_v1' },
      { target: 'tls', secretName: 'cert_v1' },
    ];
    server.createService({ name: 'by-hand', replicas: 1, secrets, monitorMs: 20 });
    await swarm.flip({ service: 'by-hand', changes: [change('cert_v1', 'cert_v9', 'tls')], undo: false });
    const { references } = (await swarm.observe()).services['by-hand'] ?? {};
    expect(references?.map(({ copyName }) => copyName)).toEqual(['db_v1', 'cert_v9']);
  });

  it('is posted once although its answer was lost', async () => {
    await api({ failureAction: 'rollback' });
    await stage('db_v2', 'good');
    server.fault({ match: { operation: 'ServiceUpdate' }, action: 'drop-after' });
    const receipt = await flip([change('db_v1', 'db_v2')]);
    expect(receipt).toMatchObject({ already: false, originals: { update: 'rollback' } });
    expect(countOf('ServiceUpdate')).toBe(1);
  });

  it('tries again where someone else was faster with something else', async () => {
    await api();
    await stage('db_v2', 'good');
    const message = 'rpc error: code = Unknown desc = update out of sequence';
    server.fault({ match: { operation: 'ServiceUpdate' }, action: 'fail', status: 500, message, times: 2 });
    await expect(flip([change('db_v1', 'db_v2')])).resolves.toMatchObject({ already: false });
    expect(countOf('ServiceUpdate')).toBe(3);
  });

  it('refuses where someone else changed the same reference', async () => {
    await api();
    await stage('db_v2', 'good');
    await stage('db_v3', 'good');
    const receipt = await flip([change('db_v1', 'db_v3')]);
    await verify('db_v3', receipt);
    const fault = await faultOf(flip([change('db_v1', 'db_v2')]), 'service-busy');
    expect(fault.message).toBe('someone else updated "api": "db" names "db_v3", not "db_v1"');
    expect(countOf('ServiceUpdate')).toBe(1);
  });

  it('refuses while an update is under way or failed, but for the way back', async () => {
    await api({ replicas: 3, healthCheck: true });
    await stage('db_v2', 'bad');
    await stage('db_v3', 'good');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    // Swarm says nothing of an update for a moment after it has accepted it.
    await vi.waitFor(async () => {
      // On a loaded machine it may have failed before anyone looks: both refuse.
      expect(['updating', 'paused']).toContain((await swarm.observe()).services['api']?.updateState);
    });
    await faultOf(flip([change('db_v2', 'db_v3')]), 'service-busy');
    await faultOf(verify('db_v2', receipt), 'verify-failed');
    await faultOf(swarm.settle('api', null), 'service-busy');
    const back = await flip([change('db_v2', 'db_v1')], true);
    await expect(verify('db_v1', back)).resolves.toMatchObject({ tasks: 3 });
  });

  it('says that a service, a copy is absent', async () => {
    await api();
    const absent = swarm.flip({ service: 'ap', changes: [change('db_v1', 'db_v2')], undo: false });
    await faultOf(absent, 'service-absent');
    const fault = await faultOf(flip([change('db_v1', 'db_v2')]), 'platform-refused');
    expect(fault.message).toBe('the swarm has no secret "db_v2"');
  });

  it('looks once more where a copy was made anew between its look and its update', async () => {
    await api();
    await stage('db_v2', 'good');
    const message = 'rpc error: code = InvalidArgument desc = secret not found: db_v2';
    server.fault({ match: { operation: 'ServiceUpdate' }, action: 'fail', status: 400, message, times: 1 });
    await expect(flip([change('db_v1', 'db_v2')])).resolves.toMatchObject({ already: false });
    server.fault({ match: { operation: 'ServiceUpdate' }, action: 'fail', status: 400, message, times: 2 });
    const fault = await faultOf(flip([change('db_v2', 'db_v1')], true), 'platform-refused');
    expect(fault.message).toContain(message);
  });

  it('refuses a service with a task that no node takes, but for the way back', async () => {
    await api();
    await stage('db_v2', 'good');
    for (const id of server.nodeIds) server.setNode(id, 'down');
    const homeless = async () => (await swarm.observe()).services['api']?.homeless;
    await vi.waitFor(async () => expect(await homeless()).toMatch(/^no suitable node/), 5_000);
    const fault = await faultOf(flip([change('db_v1', 'db_v2')]), 'service-busy');
    expect(fault.message).toMatch(/^a task of "api" waits for a node: no suitable node/);
    expect(fault.live).toBe('the service stays as it is');
    await expect(flip([change('db_v1', 'db_v2')], true)).resolves.toMatchObject({ already: false });
  });
});

describe('an engine that is restarted', () => {
  it('is waited for while nothing listens, and while it says that it is no manager yet', async () => {
    const listen = { socketPath: join(directory, 'restarted.sock') };
    const again = { name: 'again', directory: join(directory, 'again'), listen };
    const before = await startSwarm(again);
    before.createService({ name: 'api', replicas: 0 });
    await before.close();
    const { endpoint } = before;
    const platform = connectSwarm({ name: 'again', endpoint, environment: {}, stack: 'test' });
    const copy = { name: 'db_v1', labels: LABELS };
    const acts = (async () => {
      await platform.stage(copy, new SecretValue('good'));
      const changes = [change(null, 'db_v1')];
      const { since } = await platform.flip({ service: 'api', changes, undo: false });
      const order = { service: 'api', expected: { db: 'db_v1' }, since, labels: LABELS };
      return platform.verify(
        { ...order, probe: { kind: 'none' }, settleMs: 0, deadlineMs: 20_000 },
        () => undefined,
      );
    })();
    // Asked after the first try of the act, and so answered after it.
    await faultOf(platform.observe(), 'platform-unreachable');
    const after = await startSwarm(again);
    const message = 'This node is not a swarm manager. Use "docker swarm init" to make it one.';
    for (const operation of ['ServiceInspect', 'ServiceUpdate', 'SecretList'] as const) {
      after.fault({ match: { operation }, action: 'fail', status: 503, message, times: 2 });
    }
    await expect(acts).resolves.toMatchObject({ tasks: 0 });
    await platform.close();
    await after.close();
  });
});

describe('settle', () => {
  it('puts the own settings back, moves the previous spec on and restarts nothing', async () => {
    await api({ failureAction: 'rollback' });
    await stage('db_v2', 'good');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    await verify('db_v2', receipt);
    server.fault({ match: { operation: 'ServiceUpdate' }, action: 'drop-after' });
    await swarm.settle('api', receipt.originals);
    await swarm.settle('api', receipt.originals);
    expect(countOf('ServiceUpdate')).toBe(2);
    const service = (await swarm.observe()).services['api'];
    expect(service).toMatchObject({ updateFailureAction: 'rollback', updateState: null });
    expect(service?.previousReferences).toEqual(service?.references);
    await verify('db_v2', null);
  });
});

describe('verify', () => {
  it('goes on when the API fails for a while', async () => {
    await api();
    await stage('db_v2', 'good');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    const message = 'rpc error: code = Unknown desc = The swarm does not have a leader';
    server.fault({ match: { operation: 'TaskList' }, action: 'fail', status: 500, message, times: 2 });
    await expect(verify('db_v2', receipt)).resolves.toMatchObject({ tasks: 2 });
  });

  it('says which task crashed and how', async () => {
    await api();
    await stage('db_v2', 'crash');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    const fault = await faultOf(verify('db_v2', receipt), 'verify-failed');
    expect(fault.message).toMatch(/non-zero exit \(7\) \(task api\.\d on node /);
    expect(fault).toMatchObject({
      where: 'swarm://test/api',
      next: expect.stringContaining('logs api') as string,
    });
  });

  it('says that time is over, and what was missing', async () => {
    await api({ healthCheck: true });
    await stage('db_v2', 'bad');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    const fault = await faultOf(verify('db_v2', receipt, { deadlineMs: 0 }), 'verify-failed');
    expect(fault.message).toMatch(/not healthy after 0 s: 0 of 2 tasks run/);
  });

  it('leaves no probe service behind, whatever it said', async () => {
    await api({ networks: ['net'] });
    const http = { kind: 'http', path: '/healthz', port: 8080, status: 200, image: 'lab/app:1' } as const;
    await expect(verify('db_v1', null, { probe: http })).resolves.toMatchObject({
      probe: 'GET :8080/healthz answered 200 on 2 of 2 tasks',
    });
    await stage('db_v2', 'probefail');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    server.fault({ match: { operation: 'ServiceCreate' }, action: 'drop-after' });
    await faultOf(verify('db_v2', receipt, { probe: http }), 'verify-failed');
    expect(Object.keys((await swarm.observe()).services)).toEqual(['api']);
  });

  it('runs a command without a shell, with nothing of our environment but what it needs', async () => {
    await api();
    const script = 'process.exit(Object.keys(process.env).join() === "KEYTURN_SERVICE" ? 0 : 4)';
    const argv = [process.execPath, '-e', script];
    const probe = { kind: 'command', argv, timeout: 'PT20S' } as const;
    await expect(verify('db_v1', null, { probe })).resolves.toMatchObject({
      probe: `"${process.execPath}" exited with 0`,
    });
    const failing = { ...probe, argv: [process.execPath, '-e', `console.log('${CANARY}'); process.exit(3)`] };
    const fault = await faultOf(verify('db_v1', null, { probe: failing }), 'verify-failed');
    expect(fault.message).toMatch(/exited with 3$/);
    expect(JSON.stringify(fault)).not.toContain(CANARY);
  });

  it('stops when it is told to', async () => {
    await api({ healthCheck: true });
    await stage('db_v2', 'bad');
    await flip([change('db_v1', 'db_v2')]);
    const stop = new AbortController();
    const order = {
      service: 'api',
      expected: { db: 'db_v2' },
      since: null,
      probe: { kind: 'none' },
    } as const;
    const verifying = swarm.verify(
      { ...order, settleMs: 60_000, deadlineMs: 60_000, labels: {} },
      () => stop.abort(),
      stop.signal,
    );
    await faultOf(verifying, 'interrupted');
  });
});

describe('a wall clock that jumps meanwhile', () => {
  it.each([HOUR_MS, -HOUR_MS])('ends a verification neither sooner nor later: by %d ms', async (jump) => {
    await api();
    await stage('db_v2', 'good');
    const receipt = await flip([change('db_v1', 'db_v2')]);
    jumping(jump);
    await expect(verify('db_v2', receipt)).resolves.toMatchObject({ tasks: 2 });
  });

  it('costs an engine that is restarted none of the time in which it is waited for', async () => {
    await api();
    await stage('db_v2', 'good');
    jumping(HOUR_MS);
    const fault = { action: 'fail', status: 503, message: 'it starts', times: 2 } as const;
    server.fault({ match: { operation: 'ServiceInspect' }, ...fault });
    await expect(flip([change('db_v1', 'db_v2')])).resolves.toMatchObject({ already: false });
  });
});

describe('the way to the engine', () => {
  const at = (endpoint: string | null, environment: Record<string, string> = {}) =>
    connectSwarm({ name: 'test', endpoint, environment, stack: 'test', runDirectory: directory });

  it('names the endpoint where no engine answers', async () => {
    const endpoint = `unix://${join(directory, 'nothing.sock')}`;
    const fault = await faultOf(at(endpoint).observe(), 'platform-unreachable');
    expect(fault.message).toBe(`no docker engine answers at "${endpoint}" (ENOENT)`);
    expect(fault.next).toMatch(/DOCKER_HOST/);
  });

  it('takes DOCKER_HOST where nothing is declared, and only then', async () => {
    const environment = { DOCKER_HOST: server.endpoint };
    await expect(at(null, environment).observe()).resolves.toMatchObject({ copies: [] });
    await faultOf(at('unix:///nowhere', environment).observe(), 'platform-unreachable');
  });

  it('refuses what is no address of an engine', async () => {
    await faultOf(at('ftp://host').observe(), 'bad-usage');
  });

  it('says that an engine is no manager', async () => {
    const message = 'This node is not a swarm manager. Use "docker swarm init" to make it one.';
    const worker = createServer((_, response) => {
      response.writeHead(503, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
    });
    const socketPath = join(directory, 'worker.sock');
    await new Promise<void>((resolve) => worker.listen(socketPath, resolve));
    const fault = await faultOf(at(`unix://${socketPath}`).observe(), 'platform-refused');
    expect(fault.message).toBe(`the docker engine at "unix://${socketPath}" is not a swarm manager`);
    worker.close();
    worker.closeAllConnections();
  });

  /** A stand-in for ssh that forwards as `-L` says, and tells what it was started with. */
  function fakeSsh(body: string): Record<string, string> {
    const path = join(directory, 'ssh');
    writeFileSync(path, `#!${process.execPath}\n${body}`);
    chmodSync(path, 0o755);
    return {
      PATH: `${directory}:${dirname(process.execPath)}`,
      HOME: '/home/someone',
      DOCKER_HOST: 'unix:///else',
    };
  }
  const FORWARD = `
    const { writeFileSync } = require('node:fs');
    const net = require('node:net');
    const args = process.argv.slice(2);
    const [local, remote] = args[args.indexOf('-L') + 1].split(':');
    writeFileSync(__filename + '.json', JSON.stringify({ pid: process.pid, args, env: Object.keys(process.env) }));
    net.createServer((from) => { const to = net.connect(remote); from.pipe(to).pipe(from); }).listen(local);`;

  it('forwards a socket through ssh, and ends it', async () => {
    const environment = fakeSsh(FORWARD);
    const path = server.endpoint.slice('unix://'.length);
    const remote = at(`ssh://deploy@manager-1:2222${path}`, environment);
    await expect(remote.observe()).resolves.toMatchObject({ copies: [] });
    await remote.observe();
    const said = JSON.parse(readFileSync(join(directory, 'ssh.json'), 'utf8')) as {
      pid: number;
      args: string[];
      env: string[];
    };
    expect(said.args.join(' ')).toMatch(/^-N .*BatchMode=yes.*-p 2222 -l deploy -- manager-1$/);
    expect(said.env.sort()).toEqual(['HOME', 'PATH']);
    await remote.close();
    expect(() => process.kill(said.pid, 0)).toThrow('ESRCH');
  });

  it('opens no way behind its end, whoever still waits for the first', async () => {
    const environment = fakeSsh(`
      require('node:fs').appendFileSync(__filename + '.pids', process.pid + '\\n');
      setTimeout(() => {${FORWARD}}, 200);`);
    const path = server.endpoint.slice('unix://'.length);
    const remote = at(`ssh://deploy@manager-1${path}`, environment);
    const asked = faultOf(remote.observe(), 'interrupted');
    await remote.close();
    expect((await asked).message).toContain('was closed');
    await faultOf(remote.observe(), 'interrupted');
    const pids = readFileSync(join(directory, 'ssh.pids'), 'utf8').trim().split('\n');
    expect(pids).toHaveLength(1);
    expect(() => process.kill(Number(pids[0]), 0)).toThrow('ESRCH');
  });

  it('waits as long for ssh when the clock is set forward meanwhile', async () => {
    const environment = fakeSsh(FORWARD);
    const path = server.endpoint.slice('unix://'.length);
    const remote = at(`ssh://deploy@manager-1${path}`, environment);
    jumping(HOUR_MS);
    await expect(remote.observe()).resolves.toMatchObject({ copies: [] });
    await remote.close();
  });

  it('passes on what ssh said where it fails', async () => {
    const environment = fakeSsh(`console.error('Host key verification failed.'); process.exit(255);`);
    const fault = await faultOf(at('ssh://deploy@manager-1', environment).observe(), 'platform-unreachable');
    expect(fault.message).toContain('Host key verification failed.');
    expect(fault.where).toBe('ssh://deploy@manager-1');
  });
});
