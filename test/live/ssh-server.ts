import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SSHD = '/usr/sbin/sshd';
const UNSHARE = '/usr/bin/unshare';

export const hasSshd = existsSync(SSHD);

/** OpenSSH's own server on loopback, in whose world /var/run/docker.sock is the lab's engine. */
export interface SshServer {
  readonly port: number;
  /** First in PATH, its `ssh` is the machine's with a configuration of the test's: ~/.ssh is not read. */
  readonly path: string;
  /** Makes the client expect the server's key, or another one. */
  trust(which: 'its key' | 'another key'): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Keys, configuration and logs are in `directory`. The server has a mount namespace of its own with an empty
 * /run, because it wants /run/sshd, and because the engine's socket has to be at its usual place: the machine
 * keeps its /run as it is.
 */
export async function startSshServer(directory: string, engineSocket: string): Promise<SshServer> {
  const at = (name: string) => join(directory, name);
  for (const key of ['host', 'other', 'user']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', at(key)]);
  }
  const port = await freePort();
  await writeFile(
    at('sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('user.pub')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      '',
    ].join('\n'),
  );
  await writeFile(
    at('ssh_config'),
    [
      'Host *',
      `  IdentityFile ${at('user')}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${at('known_hosts')}`,
      '  GlobalKnownHostsFile /dev/null',
      '',
    ].join('\n'),
  );
  await writeFile(at('ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${at('ssh_config')}' "$@"\n`);
  await chmod(at('ssh'), 0o755);

  const script = [
    'mount -t tmpfs tmpfs /run',
    'mkdir -p /run/sshd && touch /run/docker.sock',
    'mount --bind "$1" /run/docker.sock',
    `exec ${SSHD} -D -e -f "$2"`,
  ].join(' && ');
  const server = spawn(
    UNSHARE,
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sshd', engineSocket, at('sshd_config')],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  await listening(server.stderr, ended);

  return {
    port,
    path: directory,
    trust: async (which) => {
      const key = await readFile(at(which === 'its key' ? 'host.pub' : 'other.pub'), 'utf8');
      await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${key}`);
    },
    stop: async () => {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

/** Resolves when sshd says that it listens; rejects with what it said when it ends instead. */
async function listening(stderr: NodeJS.ReadableStream, ended: Promise<void>): Promise<void> {
  let said = '';
  const ready = new Promise<void>((resolve) => {
    stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Server listening')) resolve();
    });
  });
  const failed = ended.then(() => Promise.reject(new Error(`sshd ended: ${said}`)));
  // Once it listens, its end is nobody's failure.
  failed.catch(() => undefined);
  await Promise.race([ready, failed]);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
