import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import type { Platform } from '../../src/model/platform.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { connectSwarm } from '../../src/providers/swarm.ts';
import { runningCommands } from '../support/processes.ts';
import { sandboxedProject } from '../support/project.ts';
import { describeLive } from './live.ts';
import { hasSshd, startSshServer } from './ssh-server.ts';
import type { SshServer } from './ssh-server.ts';
import { openLab } from './swarm-lab.ts';
import type { Lab } from './swarm-lab.ts';

/** As `describeLive`, where sshd is missing. */
const describeSsh: typeof describeLive = (name, fn) => {
  if (hasSshd) return describeLive(name, fn);
  if (process.env['KEYTURN_LIVE'] === 'required') {
    test('has an sshd', () => expect.fail('KEYTURN_LIVE=required, but there is no sshd: openssh-server'));
    return;
  }
  console.warn(`LEFT OUT: "${name}" needs sshd: apt-get install openssh-server`);
  describe.skip(name, fn);
};

describeSsh('an engine behind ssh', () => {
  let lab: Lab;
  let directory: string;
  let server: SshServer;

  beforeAll(async () => {
    lab = openLab();
    directory = await mkdtemp(join(tmpdir(), 'keyturn-sshd-'));
    server = await startSshServer(directory, lab.endpoint.slice('unix://'.length));
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
    await lab.clear();
  });

  const endpoint = () => `ssh://root@127.0.0.1:${server.port}`;
  const environment = () => ({ PATH: `${server.path}:${process.env['PATH'] ?? ''}`, HOME: directory });
  const connect = (): Platform =>
    connectSwarm({ name: 'lab', endpoint: endpoint(), environment: environment(), stack: 'live' });
  const clients = () =>
    runningCommands().filter((command) => command.includes(join(directory, 'ssh_config')));

  test('is observed, written to and left again, with one ssh process that ends with the connection', async () => {
    await server.trust('its key');
    const swarm = connect();
    const name = `${lab.prefix}_over_ssh_v1`;
    try {
      const { clusterId } = await swarm.observe();
      expect(clusterId).toBe((await lab.engine<{ ID: string }>('GET', '/swarm')).ID);
      await swarm.stage({ name, labels: { 'keyturn-stack': 'live' } }, new SecretValue('good'));
      expect((await swarm.observe()).copies.map((copy) => copy.name)).toContain(name);
      await swarm.remove({ name, labels: { 'keyturn-stack': 'live' } });
      expect((await swarm.observe()).copies.map((copy) => copy.name)).not.toContain(name);
      expect(clients()).toHaveLength(1);
    } finally {
      await swarm.close();
    }
    expect(clients()).toEqual([]);
  });

  test('is not talked to where its host key is another one, and the error says so', async () => {
    await server.trust('another key');
    const swarm = connect();
    const fault = await swarm.observe().then(
      () => expect.fail('it was talked to'),
      (error: unknown) => error,
    );
    await swarm.close();
    expect(fault).toBeInstanceOf(Fault);
    expect(fault).toMatchObject({ code: 'platform-unreachable' });
    expect((fault as Fault).message).toMatch(/host key verification failed/i);
    expect((fault as Fault).next).toBe(`try: ssh -o BatchMode=yes ${endpoint()} docker version`);
    expect(clients()).toEqual([]);
  });

  test('is rotated on by the program', { timeout: 240_000 }, async () => {
    await server.trust('its key');
    const service = await lab.service('ssh', ['--update-monitor', '500ms', 'lab/app:1']);
    await lab.running(service, 1);
    const project = await sandboxedProject(
      `
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets' });
    const swarm = new Swarm(this, 'swarm', { name: 'lab' });
    const key = new Secret(this, 'key', {
      vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest(),
    });
    new SwarmService(this, 'web', { swarm, service: '${service}', mounts: [key.at('${service}_key')] });`,
      endpoint(),
    );
    const env = environment();
    const applied = await project.keyturn(['apply', '--auto-approve'], { env });
    expect(applied).toMatchObject({ code: 0 });
    expect(await project.keyturn(['plan', '--detailed-exitcode'], { env })).toMatchObject({ code: 0 });
    expect(clients()).toEqual([]);

    await server.trust('another key');
    const refused = await project.keyturn(['plan'], { env });
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.out + refused.err).toMatch(/host\s+key\s+verification\s+failed/i);
  });
});
