import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { bootHosts, describeHosts, openHost, openHosts } from './hosts.ts';

const run = promisify(execFile);
const UP = fileURLToPath(new URL('hosts/up.sh', import.meta.url));
const DOWN = fileURLToPath(new URL('hosts/down.sh', import.meta.url));

describeHosts('a host of the tests', () => {
  test('runs units by a systemd of its own, whose processes have what their EnvironmentFile says', async () => {
    const { host } = await openHost();
    await host.write('/etc/tracker/web.env', '# for the web\nGREETING="good morning"\n', 0o600);
    await host.unit(
      'tracker.service',
      [
        '[Service]',
        'EnvironmentFile=/etc/tracker/web.env',
        `ExecStart=/bin/bash -c 'echo "$$GREETING to you"; exec sleep infinity'`,
        '',
      ].join('\n'),
    );
    await host.run('systemctl', 'start', 'tracker.service');
    expect(await host.property('tracker.service', 'ActiveState')).toBe('active');
    expect(await host.environmentOf('tracker.service')).toMatchObject({ GREETING: 'good morning' });
    await expect.poll(() => host.journal('tracker.service')).toContain('good morning to you');
    expect(await host.filesWith('good morning')).toEqual(
      expect.arrayContaining([
        '/etc/tracker/web.env',
        expect.stringMatching(/^\/var\/log\/journal\/.+\.journal$/),
      ]),
    );
    expect(await host.filesWith('good evening')).toEqual([]);
  });

  test('is reached by plain ssh, as a user who may become root and as one who may not', async () => {
    const { host, environment } = await openHost();
    const ssh = (user: 'root' | 'deploy' | 'viewer', command: string) =>
      run('ssh', ['-o', 'BatchMode=yes', host.endpoint(user), command], { env: environment });
    expect((await ssh('root', 'id -un; hostname')).stdout).toBe('root\nweb-1\n');
    expect((await ssh('deploy', 'id -un; sudo -n id -un')).stdout).toBe('deploy\nroot\n');
    await expect(ssh('viewer', 'sudo -n id -un')).rejects.toThrow(/password is required/);
    await expect(ssh('viewer', 'systemctl restart ssh')).rejects.toThrow(/authentication required/);
    await host.changeHostKey();
    await expect(ssh('root', 'true')).rejects.toThrow(/host key verification failed/i);
  });

  test('shares no file and no process with another one or with the machine', async () => {
    const { hosts } = await openHosts('web-1', 'web-2');
    const [one, other] = hosts;
    if (one === undefined || other === undefined) return expect.fail('two were asked for');
    await one.write('/tmp/mine', 'a');
    expect(existsSync('/tmp/mine')).toBe(false);
    await expect(other.read('/tmp/mine')).rejects.toThrow(/ENOENT/);
    expect((await other.run('cat', '/proc/1/comm')).trim()).toBe('systemd');
    await expect(one.run('touch', '/usr/mine')).rejects.toThrow(/Read-only/);
  });

  test('leaves no process, no control group and no file', async () => {
    const lab = await bootHosts(['web-1']);
    onTestFinished(() => lab.close());
    const [host] = lab.hosts;
    const directory = dirname(lab.environment.HOME);
    const groups = async () => {
      const paths = await readdir('/sys/fs/cgroup', { recursive: true });
      return paths.filter((path) => path.includes(basename(directory)));
    };
    const isThere = () => existsSync(host?.root ?? expect.fail('one was asked for'));
    expect(isThere()).toBe(true);
    expect(await groups()).not.toEqual([]);
    await lab.close();
    expect(isThere()).toBe(false);
    expect(await groups()).toEqual([]);
    expect(existsSync(directory)).toBe(false);
    await lab.close();
  });

  test('ends with the process that wanted it, whatever ended that', async () => {
    const wanting = spawn('sleep', ['infinity']);
    const env = { ...process.env, KEYTURN_HOSTS_WITH: String(wanting.pid) };
    const { stdout } = await run(UP, ['web-1'], { env });
    const { directory, root } = JSON.parse(stdout) as { directory: string; root: string };
    onTestFinished(async () => void (await run(DOWN, [directory])));
    expect(existsSync(root)).toBe(true);
    wanting.kill('SIGKILL');
    await expect.poll(() => existsSync(root) || existsSync(directory), { timeout: 30_000 }).toBe(false);
  });
});
