import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { guarded } from '../model/guard.ts';

/** A file that a command makes; the path is relative to a folder. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** Those of the paths that exist. */
export async function present(root: string, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      access(join(root, path)).then(
        () => [path],
        () => [],
      ),
    ),
  );
  return found.flat();
}

/** Makes the file and its folders; one that appeared meanwhile stays as it is, unless it may be replaced. */
export async function writeNew(root: string, { path, text }: NewFile, replace = false): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), guarded(text), { flag: replace ? 'w' : 'wx' });
}
