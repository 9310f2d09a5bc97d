import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Probe } from '../../src/model/declared.ts';
import { Fault } from '../../src/model/fault.ts';
import type { FlipChange } from '../../src/model/plan.ts';
import type { FlipReceipt, Platform } from '../../src/model/platform.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import { describeLive } from './live.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

const LABELS = { 'keyturn-stack': 'live', 'keyturn-version': '2' };
const NO_PROBE: Probe = { kind: 'none' };
const HTTP: Probe = { kind: 'http', path: '/healthz', port: 8080, status: 200, image: 'lab/app:1' };
/** A quick service: start-first, watched for half a second, healthy after one check. */
const words = (text: string) => text.split(' ');
const QUICK = words('--update-order start-first --update-monitor 500ms --update-parallelism 0');
const CHECKED = words('--health-cmd /hc --health-interval 300ms --health-retries 2');

const change = (target: string, from: string | null, to: string | null): FlipChange => ({
  target,
  secret: 'vault://lab/db',
  from: from === null ? null : { copy: from, ordinal: null },
  to: to === null ? null : { copy: to, ordinal: null },
  uid: '0',
  gid: '0',
  mode: 0o444,
});

interface Delivered {
  readonly File: { readonly Name: string };
}

const byTarget = (references: readonly Delivered[]) =>
  references.toSorted((a, b) => (a.File.Name < b.File.Name ? -1 : 1));

async function faultOf(act: Promise<unknown>): Promise<Fault> {
  try {
    await act;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describeLive('the Swarm provider on a live engine', () => {
  let lab: Lab;
  let swarm: Platform;

  beforeAll(() => {
    lab = openLab();
    swarm = connectSwarm({ name: 'lab', endpoint: lab.endpoint, environment: process.env, stack: 'live' });
  });
  afterAll(async () => {
    await swarm.close();
    await lab.clear();
  });

  const mount = (copy: string, target: string) => ['--secret', `source=${copy},target=${target}`];
  const stage = async (name: string, value: string): Promise<string> => {
    const full = `${lab.prefix}_${name}`;
    await swarm.stage({ name: full, labels: LABELS }, new SecretValue(value));
    return full;
  };
  const verify = (
    service: string,
    expected: Record<string, string>,
    receipt: FlipReceipt,
    probe: Probe = NO_PROBE,
    lines: string[] = [],
  ) =>
    swarm.verify(
      { service, expected, since: receipt.since, probe, settleMs: 200, deadlineMs: 45_000, labels: LABELS },
      (line) => lines.push(line),
    );
  const spec = (service: string) =>
    lab.engine<{
      Spec: {
        UpdateConfig: { FailureAction: string };
        TaskTemplate: { ContainerSpec: { Secrets: Delivered[] } };
      };
      PreviousSpec?: { TaskTemplate: { ContainerSpec: { Secrets: Delivered[] } } };
    }>('GET', `/services/${service}`);

  it('moves both secrets of three replicas in one update, in place, and settles without a restart', async () => {
    const network = await lab.network();
    const [writer, reader] = [await lab.secret('w_v1', 'good'), await lab.secret('r_v1', 'good')];
    const service = await lab.service('pair', [
      ...words(`--replicas 3 --network ${network} --endpoint-mode dnsrr`),
      ...QUICK,
      ...CHECKED,
      ...words('--update-failure-action rollback --rollback-failure-action continue'),
      ...mount(writer, 'writer'),
      ...words(`--secret source=${reader},target=reader,mode=0400,uid=7`),
      'lab/app:1',
    ]);
    await lab.running(service, 3);
    const client = await lab.service('client', ['--network', network, 'lab/app:1', '/client', service]);
    await lab.running(client, 1);
    const before = (await swarm.observe()).services[service];
    expect(before).toMatchObject({ mode: 'replicated', tasks: 3, order: 'start-first', healthCheck: true });

    const [writer2, reader2] = [await stage('w_v2', 'good-2'), await stage('r_v2', 'good-2')];
    const changes = [change('writer', writer, writer2), change('reader', reader, reader2)];
    const receipt = await swarm.flip({ service, changes, undo: false });
    expect(receipt).toMatchObject({
      originals: { update: 'rollback', rollback: 'continue' },
      already: false,
    });
    const again = await swarm.flip({ service, changes, undo: false });
    expect(again).toMatchObject({ originals: receipt.originals, already: true });

    const lines: string[] = [];
    const expected = { writer: writer2, reader: reader2 };
    const evidence = await verify(service, expected, receipt, HTTP, lines);
    expect(evidence).toMatchObject({
      tasks: 3,
      staleOnDownNodes: 0,
      probe: 'GET :8080/healthz answered 200 on 3 of 3 tasks',
    });
    expect(lines.length).toBeGreaterThan(0);
    const asked = await lab.docker('service', 'logs', '--raw', client);
    expect(asked).toMatch(/^requests \d+ failed 0/m);
    expect(asked).not.toMatch(/failed: /);
    const flipped = await spec(service);
    // The client keeps the secrets of a new service in a map of Go, which has no order.
    expect(byTarget(flipped.Spec.TaskTemplate.ContainerSpec.Secrets)).toMatchObject([
      { SecretName: reader2, File: { Name: 'reader', UID: '7', Mode: 0o400 } },
      { SecretName: writer2, File: { Name: 'writer', UID: '0', Mode: 0o444 } },
    ]);
    expect(flipped.Spec.UpdateConfig.FailureAction).toBe('pause');

    const tasks = (await lab.tasks(service)).map(({ ID }) => ID).sort();
    await swarm.settle(service, receipt.originals);
    await swarm.settle(service, receipt.originals);
    const settled = await spec(service);
    expect(settled.Spec.UpdateConfig.FailureAction).toBe('rollback');
    expect(settled.PreviousSpec?.TaskTemplate.ContainerSpec.Secrets).toEqual(
      settled.Spec.TaskTemplate.ContainerSpec.Secrets,
    );
    const after = (await swarm.observe()).services[service];
    expect(after?.updateState).toBeNull();
    const named = after?.references.map(({ copyId }) => copyId);
    expect(after?.liveTasks.map(({ copyIds }) => copyIds)).toEqual([named, named, named]);
    expect((await lab.tasks(service)).map(({ ID }) => ID).sort()).toEqual(tasks);
    await swarm.remove({ name: writer, labels: {} });
    await swarm.remove({ name: writer, labels: {} });
    const copies = (await swarm.observe()).copies.map(({ name }) => name);
    expect(copies).not.toContain(writer);
    expect(copies).toContain(reader);
    await expectNoProbes();
  });

  const expectNoProbes = async () => {
    const filters = encodeURIComponent(JSON.stringify({ label: ['keyturn.probe=true'] }));
    const left = await lab.engine<{ Spec: { Name: string } }[]>('GET', `/services?filters=${filters}`);
    expect(left.filter(({ Spec }) => Spec.Name.includes(lab.prefix))).toEqual([]);
  };

  it('sees a refused value by its tasks, and the way back is allowed while the update is paused', async () => {
    const old = await lab.secret('bad_v1', 'good');
    const args = [...words('--replicas 2'), ...QUICK, ...CHECKED, ...mount(old, 'db'), 'lab/app:1'];
    const service = await lab.service('refusing', args);
    await lab.running(service, 2);
    const bad = await stage('bad_v2', 'bad');
    const receipt = await swarm.flip({ service, changes: [change('db', old, bad)], undo: false });
    const fault = await faultOf(verify(service, { db: bad }, receipt));
    expect(fault).toMatchObject({ code: 'verify-failed', where: `swarm://lab/${service}` });

    const busy = await faultOf(swarm.flip({ service, changes: [change('db', bad, old)], undo: false }));
    expect(busy.code).toBe('service-busy');
    const back = await swarm.flip({ service, changes: [change('db', bad, old)], undo: true });
    await expect(verify(service, { db: old }, back)).resolves.toMatchObject({ tasks: 2 });
  });

  it('says which task crashed, where and how', async () => {
    const old = await lab.secret('crash_v1', 'good');
    const service = await lab.service('crashing', [...QUICK, ...mount(old, 'db'), 'lab/app:1']);
    await lab.running(service, 1);
    const crash = await stage('crash_v2', 'crash');
    const receipt = await swarm.flip({ service, changes: [change('db', old, crash)], undo: false });
    const fault = await faultOf(verify(service, { db: crash }, receipt));
    expect(fault.code).toBe('verify-failed');
    expect(fault.message).toMatch(/non-zero exit \(7\)/);
    expect(fault.problems[0]?.where).toMatch(new RegExp(`^task ${service}\\.1 on node `));
  });

  it('notices a task that dies after swarm has stopped watching, while the settle time runs', async () => {
    const old = await lab.secret('late_v1', 'good');
    const service = await lab.service('late', [...QUICK, ...mount(old, 'db'), 'lab/app:1']);
    await lab.running(service, 1);
    const late = await stage('late_v2', 'late');
    const receipt = await swarm.flip({ service, changes: [change('db', old, late)], undo: false });
    const order = { service, expected: { db: late }, since: receipt.since, probe: NO_PROBE, labels: {} };
    const fault = await faultOf(
      swarm.verify({ ...order, settleMs: 8_000, deadlineMs: 45_000 }, () => undefined),
    );
    expect(fault.message).toMatch(/non-zero exit \(9\)/);
  });

  it('asks every task over its network and says what each answered', async () => {
    const network = await lab.network();
    const old = await lab.secret('probe_v1', 'good');
    const service = await lab.service('probed', [
      ...words(`--replicas 2 --network ${network} --endpoint-mode dnsrr`),
      ...QUICK,
      ...mount(old, 'db'),
      'lab/app:1',
    ]);
    await lab.running(service, 2);
    const next = await stage('probe_v2', 'probefail');
    const receipt = await swarm.flip({ service, changes: [change('db', old, next)], undo: false });
    const fault = await faultOf(verify(service, { db: next }, receipt, HTTP));
    expect(fault.code).toBe('verify-failed');
    expect(fault.message.match(/: 503/g)).toHaveLength(2);
    await expectNoProbes();
    const tcp = await verify(service, { db: next }, receipt, { kind: 'tcp', port: 8080, image: 'lab/app:1' });
    expect(tcp.probe).toBe('tcp :8080 accepted on 2 of 2 tasks');
    const closed = await faultOf(
      verify(service, { db: next }, receipt, { kind: 'tcp', port: 81, image: 'lab/app:1' }),
    );
    expect(closed.message).toMatch(/no connection/);
    await expectNoProbes();
  });

  it('removes a probe service that a crash left behind', async () => {
    const old = await lab.secret('left_v1', 'good');
    const service = await lab.service('left', [...QUICK, ...mount(old, 'db'), 'lab/app:1']);
    const labels = ['--label', 'keyturn.probe=true', '--label', `keyturn.probe.service=${service}`];
    await lab.service('probe-of-left', [...labels, 'lab/app:1']);
    await lab.running(service, 1);
    const receipt = await swarm.flip({ service, changes: [change('db', old, old)], undo: false });
    const fault = await faultOf(verify(service, { db: old }, receipt, HTTP));
    expect(fault).toMatchObject({ code: 'bad-declaration' });
    expect(fault.next).toMatch(/health check/);
    await expectNoProbes();
  });

  it('flips a global service and one with no replicas', async () => {
    const nodes = (await lab.engine<unknown[]>('GET', '/nodes')).length;
    const old = await lab.secret('modes_v1', 'good');
    const everywhere = await lab.service('global', [
      '--mode',
      'global',
      ...QUICK,
      ...mount(old, 'db'),
      'lab/app:1',
    ]);
    const none = await lab.service('none', ['--replicas', '0', ...QUICK, ...mount(old, 'db'), 'lab/app:1']);
    await lab.running(everywhere, nodes);
    const next = await stage('modes_v2', 'good-2');
    const changes = [change('db', old, next)];
    const receipt = await swarm.flip({ service: everywhere, changes, undo: false });
    await expect(verify(everywhere, { db: next }, receipt)).resolves.toMatchObject({ tasks: nodes });
    const quiet = await swarm.flip({ service: none, changes, undo: false });
    await expect(verify(none, { db: next }, quiet)).resolves.toMatchObject({ tasks: 0 });
  });

  it('adds and removes a reference without touching the others', async () => {
    const [one, two] = [await lab.secret('a_v1', 'good'), await lab.secret('b_v1', 'good')];
    const service = await lab.service('refs', ['--replicas', '0', ...mount(one, 'a'), 'lab/app:1']);
    await swarm.flip({ service, changes: [change('b', null, two)], undo: false });
    const named = async () =>
      (await swarm.observe()).services[service]?.references.map(({ target }) => target);
    expect(await named()).toEqual(['a', 'b']);
    await swarm.flip({ service, changes: [change('a', one, null)], undo: false });
    expect(await named()).toEqual(['b']);
  });

  it('refuses what it must not touch, and names it', async () => {
    const old = await lab.secret('no_v1', 'good');
    const job = await lab.service('job', [
      '--mode',
      'replicated-job',
      ...mount(old, 'db'),
      'lab/app:1',
      'true',
    ]);
    const still = await lab.service('still', ['--replicas', '0', ...mount(old, 'db'), 'lab/app:1']);
    const next = await stage('no_v2', 'good-2');
    const flip = (service: string, from: string, to: string) =>
      faultOf(swarm.flip({ service, changes: [change('db', from, to)], undo: false }));
    expect(await flip(job, old, next)).toMatchObject({ code: 'service-unsupported' });
    expect(await flip(`${still}x`, old, next)).toMatchObject({ code: 'service-absent' });
    expect(await flip(still, 'other', next)).toMatchObject({ code: 'service-busy' });
    expect((await flip(still, old, `${next}0`)).message).toContain(`"${next}0"`);
    const used = await faultOf(swarm.remove({ name: old, labels: {} }));
    expect(used.message).toContain(`"${still}"`);
    const foreign = await faultOf(swarm.stage({ name: old, labels: LABELS }, new SecretValue('good')));
    expect(foreign.code).toBe('not-ours');
    expect(await faultOf(swarm.remove({ name: next, labels: { 'keyturn-stack': 'else' } }))).toMatchObject({
      code: 'not-ours',
    });
  });
});
