import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { filesWith } from './files-with.ts';

const run = promisify(execFile);
const UP = fileURLToPath(new URL('hosts/up.sh', import.meta.url));
const DOWN = fileURLToPath(new URL('hosts/down.sh', import.meta.url));
const INSIDE = ['--mount', '--pid', '--uts', '--ipc', '--net', '--'];

/** Of all users, these have a key: who is root, who may become root with `sudo -n`, and who may not. */
export type HostUser = 'root' | 'deploy' | 'viewer';

/** A machine of its own: a real systemd as PID 1 and a real sshd; test/live/hosts/README.md says what it lacks. */
export interface LiveHost {
  readonly name: string;
  /** The number of its PID 1 on this machine. */
  readonly pid: number;
  /** Its root as this machine sees it; gone with the host. */
  readonly root: string;
  /** For `ssh` of the lab's environment: `ssh://deploy@web-1`. */
  endpoint(user?: HostUser): string;
  /** Runs a program inside as root, and answers with what it printed; rejects where it fails. */
  run(program: string, ...args: string[]): Promise<string>;
  read(path: string): Promise<string>;
  /** Makes the folder too, as root. */
  write(path: string, text: string, mode?: number): Promise<void>;
  /** Writes a unit file and has systemd read it. */
  unit(name: string, text: string): Promise<void>;
  /** A property of a unit, as `systemctl show` says it. */
  property(unit: string, property: string): Promise<string>;
  /** The environment of the unit's main process, as the kernel has it. */
  environmentOf(unit: string): Promise<Record<string, string>>;
  /** What the unit and systemd wrote about it. */
  journal(unit: string): Promise<string>;
  /** Which of its files hold the text, the journal's among them: all but those of the machine's /usr and the kernel's. */
  filesWith(text: string): Promise<string[]>;
  /** Gives it another host key, as a new machine at the same address has. */
  changeHostKey(): Promise<void>;
}

export interface HostLab {
  readonly hosts: readonly LiveHost[];
  /** For a program that runs `ssh`: it knows the hosts by name, their keys, and the users' key. */
  readonly environment: { readonly PATH: string; readonly HOME: string };
  close(): Promise<void>;
}

interface Booted {
  readonly name: string;
  readonly pid: number;
  readonly root: string;
  readonly directory: string;
  readonly key: string;
  readonly hostKey: string;
}

/** Why no host can be booted on this machine; null: it can. */
export function whyNoHosts(): string | null {
  const { status, stderr } = spawnSync(UP, ['--check'], { encoding: 'utf8' });
  return status === 0 ? null : (stderr ?? '').trim() || 'test/live/hosts/up.sh does not run here';
}

/** Tests that boot hosts. Where none can be booted they are left out, loudly; where KEYTURN_LIVE is `required` they fail. */
export function describeHosts(name: string, fn: () => void): void {
  const reason = whyNoHosts();
  if (reason === null) {
    describe(name, fn);
    return;
  }
  if (process.env['KEYTURN_LIVE'] === 'required') {
    describe(name, () => {
      it('has hosts', () => expect.fail(`KEYTURN_LIVE=required, but no host can be booted: ${reason}`));
    });
    return;
  }
  console.warn(`LEFT OUT: "${name}" boots hosts, and none can be booted here: ${reason}`);
  describe.skip(name, fn);
}

/** Hosts that end with the test. */
export async function openHosts(...names: string[]): Promise<HostLab> {
  const lab = await bootHosts(names);
  onTestFinished(() => lab.close());
  return lab;
}

/** One host that ends with the test. */
export async function openHost(
  name = 'web-1',
): Promise<{ host: LiveHost; environment: HostLab['environment'] }> {
  const { hosts, environment } = await openHosts(name);
  const [host] = hosts;
  if (host === undefined) throw new Error(`${name} was not booted`);
  return { host, environment };
}

/** For a whole file. They end when they are closed or with this process; an engine's socket becomes theirs. */
export async function bootHosts(names: readonly string[], engineSocket?: string): Promise<HostLab> {
  const env = {
    ...process.env,
    KEYTURN_HOSTS_WITH: String(process.pid),
    ...(engineSocket === undefined ? {} : { KEYTURN_HOSTS_DOCKER: engineSocket }),
  };
  const { stdout } = await run(UP, names, { env });
  const booted = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Booted);
  const directory = booted[0]?.directory ?? '';
  const home = await sshHome(directory, booted);
  return {
    hosts: booted.map(liveHost),
    environment: { PATH: `${home}/bin:${process.env['PATH'] ?? ''}`, HOME: home },
    close: async () => {
      await run(DOWN, [directory]);
    },
  };
}

function liveHost({ name, pid, root }: Booted): LiveHost {
  const inside = async (program: string, ...args: string[]): Promise<string> => {
    const command = ['-t', String(pid), ...INSIDE, program, ...args];
    const { stdout } = await run('nsenter', command, { maxBuffer: 64 << 20 });
    return stdout;
  };
  const write = async (path: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(dirname(root + path), { recursive: true });
    await writeFile(root + path, text);
    await chmod(root + path, mode);
  };
  const property = async (unit: string, wanted: string): Promise<string> =>
    (await inside('systemctl', 'show', '--property', wanted, '--value', unit)).trim();
  return {
    name,
    pid,
    root,
    endpoint: (user = 'deploy') => `ssh://${user}@${name}`,
    run: inside,
    read: (path) => readFile(root + path, 'utf8'),
    write,
    unit: async (unit, text) => {
      await write(`/etc/systemd/system/${unit}`, text);
      await inside('systemctl', 'daemon-reload');
    },
    property,
    environmentOf: async (unit) => {
      const environ = await inside('cat', `/proc/${await property(unit, 'MainPID')}/environ`);
      return Object.fromEntries(
        environ
          .split('\0')
          .filter((entry) => entry.includes('='))
          .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
      );
    },
    journal: (unit) => inside('journalctl', '--no-pager', '--output=cat', '--unit', unit),
    filesWith: async (text) => {
      // What is still on its way to the journal's files counts as written.
      await inside('journalctl', '--sync');
      return (await filesWith(root, text, ['/usr', '/proc', '/sys'])).map((file) => file.slice(root.length));
    },
    changeHostKey: async () => {
      const key = '/etc/ssh/ssh_host_ed25519_key';
      await rm(root + key);
      await inside('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key);
      await inside('systemctl', 'restart', 'ssh.service');
    },
  };
}

/**
 * A home with .ssh/config, known_hosts and key. OpenSSH looks for its files where the user database says, whatever
 * HOME is: so the home has a `bin/ssh` as well, which is OpenSSH's own with this configuration.
 */
async function sshHome(directory: string, booted: readonly Booted[]): Promise<string> {
  const home = join(directory, 'home');
  const at = (name: string) => join(home, '.ssh', name);
  await mkdir(at(''), { recursive: true, mode: 0o700 });
  await mkdir(join(home, 'bin'));
  const known = booted.map(({ name, hostKey }) => `${name} ${hostKey}\n`);
  await writeFile(at('known_hosts'), known.join(''));
  const sections = booted.flatMap(({ name, pid, key }) => [
    `Host ${name}`,
    `  ProxyCommand nsenter --net=/proc/${pid}/ns/net busybox nc 127.0.0.1 %p`,
    `  IdentityFile ${key}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${at('known_hosts')}`,
    '  GlobalKnownHostsFile /dev/null',
    '',
  ]);
  await writeFile(at('config'), sections.join('\n'));
  await writeFile(join(home, 'bin', 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${at('config')}' "$@"\n`);
  await chmod(join(home, 'bin', 'ssh'), 0o755);
  return home;
}
