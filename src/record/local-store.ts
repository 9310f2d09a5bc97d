import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Expected, ObjectStore, Stored } from './store.ts';
import { Changed } from './store.ts';

/** The record in a directory: `state/<stack>/`. Files are 0600, directories 0700. */
export class LocalStore implements ObjectStore {
  readonly place: string;
  readonly #directory: string;

  constructor(directory: string, place: string) {
    this.#directory = directory;
    this.place = place;
  }

  async get(name: string): Promise<Stored | null> {
    try {
      const text = await readFile(this.#path(name), 'utf8');
      return { text, tag: tagOf(text) };
    } catch (thrown) {
      if (isMissing(thrown)) return null;
      throw thrown;
    }
  }

  /** Temp file, fsync, rename, fsync of the directory: a crash leaves the old text or the new one. */
  async put(name: string, text: string, expect: Expected): Promise<string> {
    const path = this.#path(name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (typeof expect === 'object' && (await this.get(name))?.tag !== expect.tag) throw new Changed(name);
    const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await writeSynced(draft, text);
      if (expect === 'absent') await linkNew(draft, path, name);
      else await rename(draft, path);
    } finally {
      await rm(draft, { force: true });
    }
    await syncDirectory(dirname(path));
    return tagOf(text);
  }

  async append(name: string, line: string): Promise<void> {
    const path = this.#path(name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a', 0o600);
    try {
      const isNew = (await file.stat()).size === 0;
      await file.appendFile(`${line}\n`);
      await file.datasync();
      if (isNew) await syncDirectory(dirname(path));
    } finally {
      await file.close();
    }
  }

  async list(prefix: string): Promise<string[]> {
    const folder = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/') + 1) : '';
    try {
      const names = await readdir(join(this.#directory, folder));
      return names
        .filter((name) => !name.endsWith('.tmp'))
        .map((name) => `${folder}${name}`)
        .filter((name) => name.startsWith(prefix))
        .sort();
    } catch (thrown) {
      if (isMissing(thrown)) return [];
      throw thrown;
    }
  }

  async remove(name: string): Promise<void> {
    const path = this.#path(name);
    await rm(path, { force: true });
    await syncDirectory(dirname(path)).catch((thrown: unknown) => {
      if (!isMissing(thrown)) throw thrown;
    });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function tagOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** link(2) fails where the name exists, rename(2) would replace it. */
async function linkNew(draft: string, path: string, name: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') throw new Changed(name);
    throw thrown;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
