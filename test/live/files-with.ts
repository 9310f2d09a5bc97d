import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Every file, and every link, under the folder that holds the text in itself or in its name; nothing under the paths
 * left out. Read by this process: the text is in no argument of a child.
 */
export async function filesWith(
  folder: string,
  text: string,
  leftOut: readonly string[] = [],
): Promise<string[]> {
  const wanted = Buffer.from(text);
  const found: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
      const within = `${path}/${entry.name}`;
      if (leftOut.includes(within)) continue;
      if (entry.isDirectory()) await visit(within);
      else if (entry.name.includes(text) || (await holds(join(folder, within), wanted))) {
        found.push(join(folder, within));
      }
    }
  };
  await visit('');
  return found;
}

async function holds(path: string, wanted: Buffer): Promise<boolean> {
  // Not as its folder lists it: what is mounted over a file may be a socket.
  const seen = await lstat(path);
  if (seen.isSymbolicLink()) return (await readlink(path, { encoding: 'buffer' })).includes(wanted);
  // Sockets, pipes and devices hold nothing, and reading one may never end.
  return seen.isFile() && (await readFile(path)).includes(wanted);
}
