import { mkdir, readdir, realpath, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { buildInto } from '../support/built.ts';
import { REPOSITORY, temporaryFolder } from './project.ts';

/** The package as it is published, in a folder that is gone after the test. */
export async function builtPackage(): Promise<string> {
  const folder = await realpath(await temporaryFolder());
  await buildInto(folder);
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
