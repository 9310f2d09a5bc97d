import { execFile } from 'node:child_process';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Builds the package, as it is published, into that folder; its dependencies are this repository's. */
export async function buildInto(folder: string): Promise<void> {
  await promisify(execFile)(process.execPath, [join(REPOSITORY, 'build.js'), join(folder, 'dist')]);
  await cp(join(REPOSITORY, 'package.json'), join(folder, 'package.json'));
  await cp(join(REPOSITORY, 'bin'), join(folder, 'bin'), { recursive: true });
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
}
