import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EnvFile } from '../../src/model/host.ts';
import type { Platform } from '../../src/model/platform.ts';
import { connectHost } from '../../src/providers/host.ts';
import type { HostOptions } from '../../src/providers/host.ts';
import { makeCanary } from '../support/canary.ts';
import { changesOf, copies, envFile, faultOf, reference, TEXT } from '../support/host-ground.ts';
import { runningCommands, watchProcesses } from '../support/processes.ts';
import { SecretValue } from '../../src/model/secret-value.ts';
import { describeLive } from './live.ts';
import { hasSshd, startSshServer } from './ssh-server.ts';
import type { SshServer } from './ssh-server.ts';

/** As `describeLive`, where sshd is missing. */
const describeSsh: typeof describeLive = (name, fn) => {
  if (hasSshd) return describeLive(name, fn);
  if (process.env['KEYTURN_LIVE'] === 'required') {
    test('has an sshd', () => expect.fail('KEYTURN_LIVE=required, but there is no sshd: openssh-server'));
    return;
  }
  console.warn(`LEFT OUT: "${name}" needs sshd: apt-get install openssh-server`);
};

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describeSsh('a host behind ssh', () => {
  let directory: string;
  let server: SshServer;
  let work: string;
  let host: Platform | undefined;
  const canary = makeCanary();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyturn-sshd-'));
    // The server wants a place for an engine's socket; nothing listens there.
    writeFileSync(join(directory, 'no-engine'), '');
    server = await startSshServer(directory, join(directory, 'no-engine'));
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'keyturn-host-'));
    writeFileSync(join(work, 'web.env'), TEXT, { mode: 0o640 });
  });
  afterEach(async () => {
    await host?.close();
    host = undefined;
    await rm(work, { recursive: true, force: true });
  });

  const path = () => join(work, 'web.env');
  const file = (more: Partial<EnvFile> = {}) => envFile({ path: path(), restarts: [], ...more });
  const connect = (more: Partial<HostOptions> = {}): Platform => {
    host = connectHost({
      name: 'web-1',
      endpoint: `ssh://root@127.0.0.1:${server.port}`,
      sudo: false,
      files: [file()],
      environment: { PATH: `${server.path}:${process.env['PATH'] ?? ''}`, HOME: directory },
      stack: 'tracker',
      ...more,
    });
    return host;
  };
  const values = new Map([1, 2].map((each) => [each, canary.value(`jwt-${each}`)]));
  const flip = (from: number | null, to: number, of: EnvFile = file()) =>
    (host ?? connect({ files: [of] })).flip({
      service: of.path,
      changes: changesOf({ JWT_SECRET: [from, to] }),
      undo: false,
      write: {
        file: of,
        reads: [],
        valueOf: async ({ ordinal }) => new SecretValue(values.get(ordinal) ?? ''),
      },
    });
  const verify = (platform: Platform, port: number, of: EnvFile = file()) =>
    platform.verify(
      {
        service: of.path,
        expected: { JWT_SECRET: reference('JWT_SECRET', 1) },
        since: null,
        probe: { kind: 'http', path: '/healthz', port, status: 200, image: '' },
        settleMs: 0,
        deadlineMs: 1_000,
        labels: {},
        file: of,
      },
      () => {},
    );
  const clients = () =>
    runningCommands().filter((command) => command.includes(join(directory, 'ssh_config')));

  test('is observed, written to and probed over one connection, which ends when it is closed', async () => {
    await server.trust('its key');
    const told = join(work, 'told');
    const of = file({ restarts: [{ kind: 'command', argv: ['touch', told], timeout: 'PT20S' }] });
    const platform = connect({ files: [of] });
    const watch = watchProcesses((text) => canary.foundIn(text).length > 0);
    expect((await platform.observe()).services[path()]?.references).toEqual([]);
    await flip(null, 1, of);
    const text = readFileSync(path(), 'utf8');
    expect(text.split('\n').filter((line) => !TEXT.split('\n').includes(line))).toHaveLength(1);
    expect(existsSync(told)).toBe(true);

    const web = createHttp((_, answer) => answer.end('ok'));
    const port = await listening(web);
    const { probe } = await verify(platform, port, of);
    expect(probe).toBe(`GET :${port}/healthz answered 200; what "touch" restarted is not seen`);
    web.close();

    const seen = (await platform.observe()).services[path()];
    expect(seen && copies(seen)).toEqual({ JWT_SECRET: reference('JWT_SECRET', 1) });
    watch.stop();
    expect(watch.sightings).toEqual([]);
    expect(clients()).toHaveLength(1);
    await platform.close();
    expect(clients()).toEqual([]);
  });

  test('on which nothing listens fails the probe of a verification', { timeout: 120_000 }, async () => {
    await server.trust('its key');
    await flip(null, 1);
    const closed = createHttp();
    const port = await listening(closed);
    await new Promise((resolve) => closed.close(resolve));
    const fault = await faultOf(verify(host ?? connect(), port));
    expect(fault).toMatchObject({ code: 'verify-failed' });
    expect(fault.message).toMatch(/GET :\d+\/healthz: no (connection|answer)/);
  });

  test('is not talked to where its key is another one, and the fault says where the known one stands', async () => {
    await server.trust('another key');
    const fault = await faultOf(flip(null, 1));
    expect(fault).toMatchObject({
      code: 'platform-refused',
      live: 'nothing was sent to it and nothing was changed',
    });
    expect(fault.message).toContain('it changed, or somebody stands in between');
    expect(fault.next).toContain(`line 1 of ${join(directory, 'known_hosts')}`);
    expect(readFileSync(path(), 'utf8')).toBe(TEXT);
    expect(clients()).toEqual([]);
  });

  test('is not talked to where its key is not known, whatever the configuration says', async () => {
    writeFileSync(join(directory, 'known_hosts'), '');
    const config = join(directory, 'ssh_config');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, `${text}  StrictHostKeyChecking no\n`);
    try {
      const fault = await faultOf(flip(null, 1));
      expect(fault).toMatchObject({ code: 'platform-refused' });
      expect(fault.message).toContain('ssh does not know the host key');
      expect(readFileSync(join(directory, 'known_hosts'), 'utf8')).toBe('');
    } finally {
      writeFileSync(config, text);
    }
  });

  test('that lets nobody in with this key says so', async () => {
    await server.trust('its key');
    const config = join(directory, 'ssh_config');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace(join(directory, 'user'), join(directory, 'other')));
    try {
      const fault = await faultOf(flip(null, 1));
      expect(fault).toMatchObject({ code: 'platform-refused' });
      expect(fault.message).toMatch(/lets nobody in .*Permission denied/);
    } finally {
      writeFileSync(config, text);
    }
  });

  test('on whose port nobody listens is unreachable', async () => {
    await server.trust('its key');
    const fault = await faultOf(connect({ endpoint: 'ssh://root@127.0.0.1:1' }).observe());
    expect(fault).toMatchObject({ code: 'platform-unreachable' });
    expect(fault.message).toContain('Connection refused');
  });

  test('goes on after its connection broke', async () => {
    await server.trust('its key');
    const platform = connect();
    await platform.observe();
    // The master's own socket is told to end, as a network does without asking.
    const [master = ''] = clients();
    const socket = /-S (\S+)/.exec(master)?.[1] ?? '';
    execFileSync('ssh', ['-S', socket, '-O', 'exit', 'ignored'], { stdio: 'ignore' });
    expect((await platform.observe()).services[path()]?.file?.isThere).toBe(true);
  });

  test('is read by many at once', async () => {
    await server.trust('its key');
    const platform = connect();
    const seen = await Promise.all(Array.from({ length: 12 }, () => platform.observe()));
    expect(seen.every(({ services }) => services[path()] !== undefined)).toBe(true);
    expect(clients()).toHaveLength(1);
  });

  test('whose disk is full keeps its file, and nothing is left beside it', async () => {
    await server.trust('its key');
    // A disk that only the server's world has: it ends with the server.
    const there = (script: string): string =>
      execFileSync(join(server.path, 'ssh'), ['-p', String(server.port), 'root@127.0.0.1', script], {
        encoding: 'utf8',
      });
    there(`mkdir /run/small && mount -t tmpfs -o size=16k tmpfs /run/small`);
    const full = '/run/small/web.env';
    there(`printf 'JWT_SECRET=before\\n' >${full}; cat /dev/zero >/run/small/filler 2>/dev/null || true`);
    const fault = await faultOf(flip(null, 1, file({ path: full })));
    expect(fault.message).toContain('the disk is full');
    expect(there(`cat ${full}; ls -A /run/small`)).toBe('JWT_SECRET=before\nfiller\nweb.env\n');
  });
});
