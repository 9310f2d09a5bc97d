import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyturn, project, put, REPOSITORY, temporaryFolder } from '../cli/project.ts';
import type { Ran } from '../cli/project.ts';
import { filesWith } from './files-with.ts';
import { describeHosts, openHost } from './hosts.ts';
import type { LiveHost } from './hosts.ts';
import { freshValue, installTracker } from './tracker-host.ts';
import type { Tracker } from './tracker-host.ts';

const LONG = { timeout: 300_000 };

const declared = (endpoint: string, path: string): string => `
    const vault = new KeyVault(this, 'vault', { name: 'tracker-prod' });
    const plain = { vault, source: Source.manual(), cadence: Cadence.onRequest(), soak: Duration.seconds(0) };
    const jwt = new Secret(this, 'jwt-secret', plain);
    const valkey = new Secret(this, 'valkey-password', { ...plain, together: [jwt] });
    const web = new Host(this, 'web-1', { endpoint: '${endpoint}', sudo: true });
    const env = new EnvFile(this, 'web-env', {
      on: web, path: '${path}', format: 'systemd', settle: Duration.seconds(1), deadline: Duration.seconds(60),
      variables: [jwt.as('JWT_SECRET'), valkey.as('VALKEY_PASSWORD')],
      restarts: [SystemdUnit.restart('tracker.service')],
      probe: Probe.http({ path: '/', port: 8080 }),
    });
    new SmokeTest(this, 'smoke', { command: ['sh', '-c', 'echo the tracker answers'], consumers: [env] });`;

interface Stage {
  readonly host: LiveHost;
  readonly tracker: Tracker;
  readonly folder: string;
  keyturn(...args: readonly string[]): Promise<Ran>;
  /** Rotates both to these values, each handed in by a file outside of the project. */
  rotate(values: Tracker['values']): Promise<Ran>;
  /** Every file but the vault's own that holds the text, on the host and in the project. */
  heldBy(text: string): Promise<string[]>;
}

/** A tracker that runs on a host of its own, and a project that declares its two secrets; both are taken over. */
async function openStage(): Promise<Stage> {
  const { host, environment } = await openHost();
  const tracker = await installTracker(host, { service: ['ExecStartPost=/bin/sh -c "echo >>/run/starts"'] });
  const folder = await project(declared(host.endpoint('deploy'), tracker.path));
  const main = await readFile(join(folder, 'main.ts'), 'utf8');
  const door = `import { EnvFile, Host, SmokeTest, SystemdUnit } from '${REPOSITORY}/src/declare/declare.ts';\n`;
  await put(join(folder, 'main.ts'), door + main);
  const call: Stage['keyturn'] = (...args) =>
    keyturn([...args, '--sandbox=vault,swarm,real-hosts', '--sandbox-empty', '--sandbox-outside'], {
      cwd: folder,
      env: environment,
    });
  const rotate: Stage['rotate'] = async (values) => {
    const outside = await temporaryFolder();
    await put(join(outside, 'jwt'), values.JWT_SECRET);
    await put(join(outside, 'valkey'), values.VALKEY_PASSWORD);
    const given = [
      `jwt-secret=file:${join(outside, 'jwt')}`,
      `valkey-password=file:${join(outside, 'valkey')}`,
    ];
    return call('apply', '--auto-approve', ...given.flatMap((each) => ['--value', each]));
  };
  const heldBy: Stage['heldBy'] = async (text) => [
    ...(await host.filesWith(text)),
    ...(await filesWith(folder, text, ['/node_modules', '/.keyturn/sandbox/vaults'])),
  ];
  return { host, tracker, folder, keyturn: call, rotate, heldBy };
}

const fresh = (jwt?: string): Tracker['values'] => ({
  JWT_SECRET: freshValue(jwt),
  VALKEY_PASSWORD: freshValue(),
});

function changed(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  expect(now).toHaveLength(old.length);
  return now.flatMap((line, index) => (line === old[index] ? [] : [line.replace(/=.*/, '')]));
}

describeHosts('an apply over ssh', () => {
  test(
    'rotates two of forty lines, restarts the service once, leaves the old values in no file, and brings file and service back where the unit does not start',
    LONG,
    async () => {
      const { host, tracker, rotate, heldBy, keyturn: call } = await openStage();
      const { unit, path } = tracker;
      const starts = async () => (await host.read('/run/starts')).length;
      const first = fresh();
      const taken = await rotate(first);
      expect(taken, taken.out + taken.err).toMatchObject({ code: 0 });
      expect(changed(tracker.text, await host.read(path))).toEqual(['JWT_SECRET', 'VALKEY_PASSWORD']);
      for (const value of Object.values(tracker.values)) expect(await heldBy(value)).toEqual([]);

      const [before, count] = [await host.read(path), await starts()];
      const second = fresh();
      const rotated = await rotate(second);
      expect(rotated, rotated.out + rotated.err).toMatchObject({ code: 0 });
      const after = await host.read(path);
      expect(changed(before, after)).toEqual(['JWT_SECRET', 'VALKEY_PASSWORD']);
      expect(await starts()).toBe(count + 1);
      expect(await host.environmentOf(unit)).toMatchObject({
        ...second,
        KEYTURN_VERSIONS: 'JWT_SECRET:jwt-secret_v2,VALKEY_PASSWORD:valkey-password_v2',
      });
      for (const value of Object.values(first)) expect(await heldBy(value)).toEqual([]);
      for (const value of Object.values(second)) expect(await heldBy(value)).toEqual([path]);
      expect((await call('plan', '--detailed-exitcode')).code).toBe(0);
      console.info('live: two of forty lines were rotated over ssh, with one restart');

      const third = fresh('bad');
      const failed = await rotate(third);
      expect(failed, failed.out + failed.err).toMatchObject({ code: 10 });
      expect(await host.read(path)).toBe(after);
      expect(await host.property(unit, 'ActiveState')).toBe('active');
      expect(await host.environmentOf(unit)).toMatchObject(second);
      for (const value of Object.values(third)) expect(await heldBy(value)).toEqual([]);
      expect((await call('drift')).code).toBe(0);
      const shown = await call('history', 'show', '2', '--format', 'json');
      const { steps } = JSON.parse(shown.out) as { steps: readonly { kind: string; output?: string }[] };
      expect(steps.find(({ kind }) => kind === 'smoke')?.output).toBe('the tracker answers');
      console.info('live: a unit that did not start was brought back with its file, exit 10');
    },
  );
});
