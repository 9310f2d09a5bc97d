import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { EnvFile, Restart } from '../../src/model/host.ts';
import { copies, faultOf, reference } from '../support/host-ground.ts';
import type { Moves } from '../support/host-ground.ts';
import { watchProcesses } from '../support/processes.ts';
import { filesWith } from './files-with.ts';
import { connectFile } from './host-file.ts';
import type { Entry, LiveFile } from './host-file.ts';
import { describeHosts, openHost } from './hosts.ts';
import type { HostLab, LiveHost } from './hosts.ts';
import { freshValue, installTracker } from './tracker-host.ts';
import type { Tracker } from './tracker-host.ts';

interface Ground {
  readonly host: LiveHost;
  readonly environment: HostLab['environment'];
  readonly tracker: Tracker;
  readonly web: LiveFile;
  connect(entry: Entry, file?: EnvFile): LiveFile;
  text(): Promise<string>;
  /** How often systemd has begun to start the unit. */
  starts(): Promise<number>;
  /** The names in the file's folder. */
  beside(): Promise<string[]>;
}

const envFile = (action: 'restart' | 'reload' = 'restart'): EnvFile => ({
  path: '/etc/tracker/web.env',
  format: 'systemd',
  mode: null,
  owner: null,
  restarts: [{ kind: 'systemd-unit', unit: 'tracker.service', action } satisfies Restart],
  builds: [],
});

async function open(entry: Entry = {}, install: Parameters<typeof installTracker>[1] = {}): Promise<Ground> {
  const { host, environment } = await openHost();
  const tracker = await installTracker(host, install);
  const connect: Ground['connect'] = (as, file = envFile()) => {
    const connected = connectFile(host, environment, file, as);
    onTestFinished(() => connected.platform.close());
    return connected;
  };
  return {
    host,
    environment,
    tracker,
    web: connect(entry),
    connect,
    text: () => host.read(tracker.path),
    starts: async () =>
      (await host.journal(tracker.unit)).split('\n').filter((line) => line.startsWith('Starting')).length,
    beside: async () => (await readdir(host.root + dirname(tracker.path))).toSorted(),
  };
}

/** Flips both variables from nothing of ours to v1, with values of their own. */
async function takeOver({ web }: Ground): Promise<{ readonly jwt: string; readonly valkey: string }> {
  const values = { jwt: freshValue(), valkey: freshValue() };
  web.give('JWT_SECRET', 1, values.jwt);
  web.give('VALKEY_PASSWORD', 1, values.valkey);
  await web.flip({ JWT_SECRET: [null, 1], VALKEY_PASSWORD: [null, 1] });
  await web.verify({ JWT_SECRET: 1, VALKEY_PASSWORD: 1 });
  return values;
}

const lineDifferences = (before: string, after: string): string[] => {
  const old = before.split('\n');
  return after.split('\n').filter((line, at) => line !== old[at]);
};

describeHosts('a file of variables on a host with systemd', () => {
  test('two of forty lines change in one write and one restart, and the old values are in no file', async () => {
    const ground = await open();
    const { host, tracker, web } = ground;
    const old = await takeOver(ground);
    const before = await ground.text();
    const starts = await ground.starts();
    const invocation = await host.property(tracker.unit, 'InvocationID');
    const [jwt, valkey] = [freshValue(), freshValue()];
    web.give('JWT_SECRET', 2, jwt);
    web.give('VALKEY_PASSWORD', 2, valkey);
    const secrets = [jwt, valkey, ...Object.values(old), ...Object.values(tracker.values)];
    const watch = watchProcesses((text) => secrets.some((secret) => text.includes(secret)));
    onTestFinished(() => watch.stop());

    const receipt = await web.flip({ JWT_SECRET: [1, 2], VALKEY_PASSWORD: [1, 2] });
    const evidence = await web.verify({ JWT_SECRET: 2, VALKEY_PASSWORD: 2 }, { settleMs: 500 });
    watch.stop();
    expect(watch.sightings.filter(({ where }) => where === 'arguments')).toEqual([]);
    expect(watch.sightings.filter(({ depth }) => depth !== null)).toEqual([]);

    expect(receipt).toMatchObject({ already: false, serviceId: tracker.path });
    const after = await ground.text();
    expect(before.split('\n')).toHaveLength(41);
    expect(after.split('\n')).toHaveLength(41);
    expect(lineDifferences(before, after)).toEqual([
      expect.stringContaining(jwt),
      expect.stringContaining(valkey),
    ]);
    const { mode, uid, gid } = statSync(host.root + tracker.path);
    expect([(mode & 0o7777).toString(8), uid, gid]).toEqual(['640', 0, 1000]);
    expect(await ground.beside()).toEqual(['web.env', 'web.env.keyturn']);

    expect(await ground.starts()).toBe(starts + 1);
    expect(await host.property(tracker.unit, 'NRestarts')).toBe('0');
    expect(await host.property(tracker.unit, 'InvocationID')).not.toBe(invocation);
    expect(await host.environmentOf(tracker.unit)).toMatchObject({
      JWT_SECRET: jwt,
      VALKEY_PASSWORD: valkey,
      KEYTURN_VERSIONS: [
        `JWT_SECRET:${reference('JWT_SECRET', 2)}`,
        `VALKEY_PASSWORD:${reference('VALKEY_PASSWORD', 2)}`,
      ].join(','),
      DATABASE_OPTIONS: '-c statement_timeout=5000   -c lock_timeout=1000',
      FEATURE_GREETING: 'Say "hello" to $USER',
    });
    expect(evidence).toMatchObject({ tasks: 1, probe: 'the environment of 1 of 1 names these versions' });

    for (const value of [...Object.values(old), ...Object.values(tracker.values)]) {
      expect(await host.filesWith(value)).toEqual([]);
      expect(await host.run('journalctl', '--all', '--output=export')).not.toContain(value);
    }
    for (const value of [jwt, valkey]) expect(await host.filesWith(value)).toEqual([tracker.path]);
    for (const value of secrets) expect(await filesWith(ground.environment.HOME, value)).toEqual([]);
  });

  test.each([
    ['exits before it is ready', 'bad'],
    ['is never ready', 'mute'],
  ])(
    'a unit that %s with the new value is a fault, and the way back brings file and unit back',
    async (_, word) => {
      const ground = await open();
      const { host, tracker, web } = ground;
      const old = await takeOver(ground);
      const before = await ground.text();
      const value = freshValue(word);
      web.give('JWT_SECRET', 2, value);
      const fault = await faultOf(web.flip({ JWT_SECRET: [1, 2] }));
      expect(fault.message).toContain('"tracker.service" did not restart');
      expect(`${fault.message} ${fault.live} ${fault.next}`).not.toContain(value);
      expect(await host.property(tracker.unit, 'ActiveState')).toBe('failed');

      await web.flip({ JWT_SECRET: [2, 1] }, true);
      await web.verify({ JWT_SECRET: 1, VALKEY_PASSWORD: 1 });
      expect(await ground.text()).toBe(before);
      expect(await host.environmentOf(tracker.unit)).toMatchObject({ JWT_SECRET: old.jwt });
      expect(await host.filesWith(value)).toEqual([]);
      expect((await web.observe()).file).toMatchObject({ isEdited: false, down: [], stale: [] });
    },
  );

  test('a unit that dies a moment after it was ready does not pass, also where systemd starts it again', async () => {
    const ground = await open(
      {},
      { unit: ['StartLimitIntervalSec=0'], service: ['Restart=always', 'RestartSec=100ms'] },
    );
    const { host, tracker, web } = ground;
    await takeOver(ground);
    web.give('JWT_SECRET', 2, freshValue('late'));
    await web.flip({ JWT_SECRET: [1, 2] });
    const fault = await faultOf(web.verify({ JWT_SECRET: 2 }, { settleMs: 3_000, deadlineMs: 40_000 }));
    expect(fault).toMatchObject({ code: 'verify-failed' });
    expect(fault.message).toMatch(/started again 3 times/);
    await web.flip({ JWT_SECRET: [2, 1] }, true);
    await web.verify({ JWT_SECRET: 1 }, { settleMs: 2_000 });
    expect(await host.property(tracker.unit, 'ActiveState')).toBe('active');
  });

  test('as many flips as one likes do not run into the limit of starts', async () => {
    const ground = await open({}, { unit: ['StartLimitIntervalSec=600', 'StartLimitBurst=2'] });
    const { host, tracker, web } = ground;
    await takeOver(ground);
    for (const ordinal of [2, 3, 4, 5]) {
      web.give('JWT_SECRET', ordinal, freshValue());
      await web.flip({ JWT_SECRET: [ordinal - 1, ordinal] });
      await web.verify({ JWT_SECRET: ordinal });
    }
    expect(await host.property(tracker.unit, 'Result')).toBe('success');
  });

  test('a unit that is reloaded keeps its process, and only a probe shows what it reads', async () => {
    const ground = await open();
    const { host, tracker } = ground;
    await takeOver(ground);
    const web = ground.connect({}, envFile('reload'));
    const pid = await host.property(tracker.unit, 'MainPID');
    web.give('JWT_SECRET', 2, freshValue());
    await web.flip({ JWT_SECRET: [1, 2] });
    const probe = { kind: 'http', path: '/healthz', port: 8080, status: 200, image: '' } as const;
    const { probe: seen } = await web.verify({ JWT_SECRET: 2 }, { probe });
    expect(seen).toMatch(/^GET :8080\/healthz answered 200; .*only a probe shows/);
    expect(await host.property(tracker.unit, 'MainPID')).toBe(pid);
    expect(await host.journal(tracker.unit)).toContain('reloaded 1');
  });

  test('a probe asks a port of the host, and what answers badly does not pass', async () => {
    const ground = await open();
    const { web } = ground;
    await takeOver(ground);
    const probe = { kind: 'http', path: '/healthz', port: 8080, status: 200, image: '' } as const;
    expect((await web.verify({ JWT_SECRET: 1 }, { probe })).probe).toMatch(/answered 200/);
    expect((await web.verify({}, { probe: { kind: 'tcp', port: 8080, image: '' } })).probe).toMatch(
      /accepted/,
    );
    web.give('JWT_SECRET', 2, freshValue('sick'));
    await web.flip({ JWT_SECRET: [1, 2] });
    const fault = await faultOf(web.verify({ JWT_SECRET: 2 }, { probe, deadlineMs: 1_000 }));
    expect(fault).toMatchObject({ code: 'verify-failed' });
    expect(fault.message).toContain('answered 503');
  });
});

describeHosts('who may do what on a host with systemd', () => {
  test('a planner who may not read the file sees which versions it holds, and what runs on them', async () => {
    const ground = await open({}, { mode: 0o600, owner: 'root:root' });
    await takeOver(ground);
    const planner = ground.connect({ user: 'viewer', readsOnly: true });
    const service = await planner.observe();
    expect(copies(service)).toEqual({
      JWT_SECRET: reference('JWT_SECRET', 1),
      VALKEY_PASSWORD: reference('VALKEY_PASSWORD', 1),
    });
    expect(service.file).toEqual({ isThere: true, isEdited: false, mode: 0o600, down: [], stale: [] });
    expect(service).toEqual(await ground.web.observe());
  });

  test('without the right to restart the file is put back, and the unit has not noticed', async () => {
    const ground = await open({ sudo: false }, { mode: 0o600, owner: 'deploy:deploy' });
    const { host, tracker, web } = ground;
    await host.run('chown', 'deploy', dirname(tracker.path));
    const invocation = await host.property(tracker.unit, 'InvocationID');
    web.give('JWT_SECRET', 1, freshValue());
    const fault = await faultOf(web.flip({ JWT_SECRET: [null, 1] }));
    expect(fault).toMatchObject({ code: 'platform-refused' });
    expect(fault.message).toMatch(/no right to restart "tracker\.service"/);
    expect(await ground.text()).toBe(tracker.text);
    expect(await host.property(tracker.unit, 'InvocationID')).toBe(invocation);
    const { mode, uid } = statSync(host.root + tracker.path);
    expect([(mode & 0o7777).toString(8), uid]).toEqual(['600', 1000]);
    // What runs has read just this: nothing is stale.
    expect((await web.observe()).file).toMatchObject({ isEdited: false, down: [], stale: [] });
  });

  test('without sudo, and without the right to read the file, nothing is done', async () => {
    const ground = await open({ user: 'viewer', sudo: true });
    const { web, tracker } = ground;
    web.give('JWT_SECRET', 1, freshValue());
    const moves: Moves = { JWT_SECRET: [null, 1] };
    expect(await faultOf(web.flip(moves))).toMatchObject({ code: 'platform-refused' });
    expect((await faultOf(web.flip(moves))).message).toMatch(/sudo does not work without a password/);
    const plain = ground.connect({ user: 'viewer' });
    plain.give('JWT_SECRET', 1, freshValue());
    const fault = await faultOf(plain.flip(moves));
    expect(fault).toMatchObject({ code: 'platform-refused' });
    expect(fault.message).toContain('no right to read');
    expect(await ground.text()).toBe(tracker.text);
  });

  test('a host whose key changed gets nothing', async () => {
    const ground = await open();
    const { host, web, tracker } = ground;
    await host.changeHostKey();
    web.give('JWT_SECRET', 1, freshValue());
    const fault = await faultOf(web.flip({ JWT_SECRET: [null, 1] }));
    expect(fault).toMatchObject({ code: 'platform-refused' });
    expect(fault.message).toMatch(/host key of "ssh:\/\/deploy@web-1" is not the one that is known/);
    expect(fault.next).toMatch(/remove line 1 of .*known_hosts/);
    expect(await ground.text()).toBe(tracker.text);
  });
});

describeHosts('a disk of a host with systemd', () => {
  const refused = async (ground: Ground, pattern: RegExp): Promise<void> => {
    const { host, tracker, web } = ground;
    const before = await ground.text();
    const names = await ground.beside();
    const invocation = await host.property(tracker.unit, 'InvocationID');
    const value = freshValue();
    web.give('JWT_SECRET', 2, value);
    const fault = await faultOf(web.flip({ JWT_SECRET: [1, 2] }));
    expect(fault.code).toBe('platform-refused');
    expect(fault.live).toContain('as they were');
    expect(fault.message).toMatch(pattern);
    expect(await ground.text()).toBe(before);
    expect(await ground.beside()).toEqual(names);
    expect(await host.filesWith(value)).toEqual([]);
    expect(await host.property(tracker.unit, 'InvocationID')).toBe(invocation);
    expect((await web.observe()).file).toMatchObject({ isEdited: false, down: [], stale: [] });
  };
  /** Puts the file's folder on a file system of its own. */
  const onDiskOf = async ({ host }: Ground, size: string): Promise<void> => {
    await host.run('mv', '/etc/tracker', '/etc/tracker.was');
    await host.run('mkdir', '/etc/tracker');
    await host.run('mount', '-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', '/etc/tracker');
    await host.run('bash', '-c', 'cp -a /etc/tracker.was/. /etc/tracker/ && rm -r /etc/tracker.was');
  };

  test('that is full leaves file and unit as they were', async () => {
    const ground = await open();
    await onDiskOf(ground, '64k');
    await takeOver(ground);
    await ground.host.run('bash', '-c', 'cat /dev/zero >/etc/tracker/filling 2>/dev/null || true');
    await refused(ground, /the disk is full/);
  });

  test('that gets full behind the new file, before its marker, leaves file and unit as they were', async () => {
    const ground = await open();
    const { host, web } = ground;
    await onDiskOf(ground, '64k');
    await takeOver(ground);
    await host.run('bash', '-c', 'cat /dev/zero >/etc/tracker/filling 2>/dev/null || true');
    const freePage = () => host.run('truncate', '-s', '-4096', '/etc/tracker/filling');
    // One page, for the new file; the marker needs another.
    await freePage();
    await refused(ground, /the disk is full/);
    await freePage();
    await web.flip({ JWT_SECRET: [1, 2] });
    await web.verify({ JWT_SECRET: 2, VALKEY_PASSWORD: 1 });
  });

  test('that may not be written to leaves file and unit as they were', async () => {
    const ground = await open();
    await onDiskOf(ground, '1m');
    await takeOver(ground);
    await ground.host.run('mount', '-o', 'remount,ro', '/etc/tracker');
    await refused(ground, /the file system is read-only/);
  });
});
