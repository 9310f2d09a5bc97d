import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '../model/fault.ts';
import { guarded } from '../model/guard.ts';

/**
 * Puts `text` in the place of the file, for everybody to read, as node_exporter's textfile collector wants it: whoever
 * reads sees the old text or the new one, whole, also after a crash. On failure the old file stays.
 */
export async function writeTextfile(path: string, text: string): Promise<void> {
  // The collector reads *.prom: a draft that a killed run leaves is none of those.
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      await file.writeFile(guarded(text));
      // Whatever the umask is.
      await file.chmod(0o644);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    const directory = await open(dirname(path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new Fault({
      code: 'bad-file',
      what: `the metrics could not be written to "${path}"${why}`,
      where: path,
      live: 'a file that was there is as it was',
      next: 'name a file in a folder that exists and can be written to',
      cause,
    });
  }
}
