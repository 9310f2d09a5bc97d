import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, realpath, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY, temporaryFolder } from './project.ts';

/** The package as it is published, built into a folder of its own; its dependencies are this repository's. */
export async function builtPackage(): Promise<string> {
  const folder = await realpath(await temporaryFolder());
  await promisify(execFile)(process.execPath, [join(REPOSITORY, 'build.js'), join(folder, 'dist')]);
  await cp(join(REPOSITORY, 'package.json'), join(folder, 'package.json'));
  await cp(join(REPOSITORY, 'bin'), join(folder, 'bin'), { recursive: true });
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Gives a project the packages that `npm install` would: those of this repository, and `built` as keyturn. */
export async function install(project: string, built: string): Promise<void> {
  await mkdir(join(project, 'node_modules'));
  for (const name of await readdir(join(REPOSITORY, 'node_modules'))) {
    await symlink(join(REPOSITORY, 'node_modules', name), join(project, 'node_modules', name));
  }
  await symlink(built, join(project, 'node_modules', 'keyturn'));
}
