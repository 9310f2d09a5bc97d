import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, realpath, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { builtPackage } from '../cli/built-package.ts';
import { REPOSITORY, put, temporaryFolder } from '../cli/project.ts';
import type { Lab } from './swarm-lab.ts';

const run = promisify(execFile);

/**
 * An image that stands for `node:…-slim`, since nothing can be pulled: the Node of this machine with its
 * libraries, a user `node`, and an npm that knows `npm ci --omit=dev --ignore-scripts` alone and installs this
 * package, built as it is published, with its production dependencies.
 */
export async function importNodeImage(lab: Lab, tag: string): Promise<void> {
  const folder = await temporaryFolder();
  const root = join(folder, 'root');
  await copyPrograms(root);
  await copyPackages(join(root, 'opt', 'node_modules'));
  await put(join(root, 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n');
  await put(join(root, 'etc', 'group'), 'root:x:0:\nnode:x:1000:\n');
  const npm = join(root, 'usr', 'local', 'bin', 'npm');
  await put(npm, NPM);
  await chmod(npm, 0o755);
  const tar = join(folder, 'image.tar');
  await run('tar', ['-C', root, '-cf', tar, '.']);
  await lab.docker('import', tar, tag);
}

const NPM = `#!/bin/sh
[ "$*" = "ci --omit=dev --ignore-scripts" ] || { echo "npm $*?"; exit 1; }
ln -s /opt/node_modules node_modules
`;

/** By the builder that needs no plugin and no network. */
export async function build(lab: Lab, args: readonly string[]): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: lab.endpoint, DOCKER_BUILDKIT: '0' };
  await run('docker', ['build', '-q', '--network', 'none', ...args], { env });
}

async function copyPrograms(root: string): Promise<void> {
  const node = await realpath(process.execPath);
  const { stdout: busybox } = await run('sh', ['-c', 'command -v busybox']);
  for (const program of [node, '/bin/bash']) {
    const { stdout } = await run('ldd', [program]);
    for (const [, path = ''] of stdout.matchAll(/(\/\S+) \(0x/g)) await copy(path, join(root, path));
  }
  await copy(node, join(root, 'usr', 'bin', 'node'));
  await copy('/bin/bash', join(root, 'bin', 'sh'));
  await copy(busybox.trim(), join(root, 'bin', 'busybox'));
  for (const applet of ['chmod', 'chown', 'ln', 'mkdir']) await symlink('busybox', join(root, 'bin', applet));
  await mkdir(join(root, 'tmp'));
  await chmod(join(root, 'tmp'), 0o1777);
}

async function copyPackages(target: string): Promise<void> {
  const { stdout } = await run('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: REPOSITORY,
    maxBuffer: 10_000_000,
  });
  const folders = new Set(stdout.split('\n').filter((path) => path.includes('node_modules')));
  const modules = join(REPOSITORY, 'node_modules');
  // A package brings the packages inside of it.
  const outer = [...folders].filter((path) => !relative(modules, path).includes('node_modules'));
  for (const path of outer) await copy(path, join(target, relative(modules, path)));
  const built = await builtPackage();
  for (const part of ['bin', 'dist', 'package.json'])
    await copy(join(built, part), join(target, 'keyturn', part));
}

/** Without what only an editor reads. */
async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, {
    recursive: true,
    dereference: true,
    filter: (path) => !/\.(map|d\.[cm]?ts)$/.test(path),
  });
}
