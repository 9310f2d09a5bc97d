import { createHash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { Fault } from '../model/fault.ts';
import type { Expected, Lock, ObjectStore, Stored } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import type { Files, OpenFile } from './files.ts';
import { NODE_FILES } from './files.ts';
import { LocalLock } from './local-lock.ts';

/**
 * The record in a directory: `state/<stack>/`. Files are 0600, directories 0700.
 *
 * A comparison and the write that depends on it stand in one turn of the program, so that only a process that is
 * stopped between two system calls could write over what came in between.
 */
export class LocalStore implements ObjectStore {
  readonly place: string;
  readonly lock: Lock;
  readonly #directory: string;
  readonly #files: Files;

  constructor(directory: string, place: string, files: Files = NODE_FILES) {
    this.#directory = directory;
    this.#files = files;
    this.place = place;
    this.lock = new LocalLock(this);
  }

  async get(name: string): Promise<Stored | null> {
    return this.#told(name, 'read', () => Promise.resolve(this.#read(name)));
  }

  put(name: string, text: string, expect: Expected): Promise<string> {
    return this.#told(name, 'written', () => this.#put(name, text, expect));
  }

  startLog(name: string): Promise<string> {
    return this.#told(name, 'written', () => this.#startLog(name));
  }

  append(name: string, line: string, tag: string): Promise<string> {
    return this.#told(name, 'written', () => this.#append(name, line, tag));
  }

  list(prefix: string): Promise<string[]> {
    return this.#told(prefix, 'read', () => this.#list(prefix));
  }

  remove(name: string, tag?: string): Promise<void> {
    return this.#told(name, 'removed', () => this.#remove(name, tag));
  }

  /** What the operating system says of a file, as a fault. */
  async #told<T>(name: string, done: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (thrown) {
      if (!isSystemError(thrown)) throw thrown;
      throw new Fault({
        code: 'record-unwritable',
        what: `${name} could not be ${done}: ${REASONS[thrown.code] ?? thrown.code}`,
        where: `${this.place}/${name}`,
        live: 'what was written before stands; nothing more was changed',
        next: 'mend that, then run the same command again: it goes on from what is on disk',
        cause: thrown,
      });
    }
  }

  /** Temp file, fsync, rename, fsync of the directory: a crash leaves the old text or the new one. */
  async #put(name: string, text: string, expect: Expected): Promise<string> {
    const path = this.#path(name);
    await this.#files.makeDirectory(dirname(path));
    const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await this.#writeSynced(draft, text);
      if (expect === 'absent') this.#linkNew(draft, path, name);
      else {
        if (this.#read(name)?.tag !== expect.tag) throw new Changed(name);
        this.#files.rename(draft, path);
      }
    } finally {
      await this.#files.remove(draft);
    }
    await this.#files.syncDirectory(dirname(path));
    return tagOf(text);
  }

  async #startLog(name: string): Promise<string> {
    const path = this.#path(name);
    await this.#files.makeDirectory(dirname(path));
    try {
      this.#files.create(path).close();
    } catch (thrown) {
      if (hasCode(thrown, 'EEXIST')) throw new Changed(name);
      throw thrown;
    }
    await this.#files.syncDirectory(dirname(path));
    return logTag(0);
  }

  /** A log only ever grows, so its length tells whether someone else wrote. */
  async #append(name: string, line: string, tag: string): Promise<string> {
    const file = this.#openLog(name);
    try {
      const size = file.size();
      if (sizeIn(tag) !== size) throw new Changed(name);
      const text = `${line}\n`;
      file.write(text);
      await file.sync();
      // Not the size of now: whoever wrote behind us meanwhile must be noticed by our next append.
      return logTag(size + Buffer.byteLength(text));
    } finally {
      file.close();
    }
  }

  async #list(prefix: string): Promise<string[]> {
    const folder = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/') + 1) : '';
    try {
      const names = await this.#files.names(join(this.#directory, folder));
      return names
        .filter((name) => !name.endsWith('.tmp'))
        .map((name) => `${folder}${name}`)
        .filter((name) => name.startsWith(prefix))
        .sort();
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT')) return [];
      throw thrown;
    }
  }

  async #remove(name: string, tag?: string): Promise<void> {
    const path = this.#path(name);
    const there = tag === undefined ? null : this.#read(name);
    if (there !== null && tag !== undefined && !isSame(there.tag, tag)) throw new Changed(name);
    await this.#files.remove(path);
    await this.#files.syncDirectory(dirname(path)).catch((thrown: unknown) => {
      if (!hasCode(thrown, 'ENOENT')) throw thrown;
    });
  }

  #read(name: string): Stored | null {
    try {
      const text = this.#files.readText(this.#path(name));
      return stored(text);
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT')) return null;
      throw thrown;
    }
  }

  #openLog(name: string): OpenFile {
    try {
      return this.#files.openToAppend(this.#path(name));
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT')) throw new Changed(name);
      throw thrown;
    }
  }

  async #writeSynced(path: string, text: string): Promise<void> {
    const file = this.#files.create(path);
    try {
      file.write(text);
      await file.sync();
    } finally {
      file.close();
    }
  }

  /** link(2) fails where the name exists, rename(2) would replace it. */
  #linkNew(draft: string, path: string, name: string): void {
    try {
      this.#files.link(draft, path);
    } catch (thrown) {
      if (hasCode(thrown, 'EEXIST')) throw new Changed(name);
      throw thrown;
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** The tag is made when it is asked for: who only reads never does, and it costs as much as reading a large state. */
function stored(text: string): Stored {
  let tag: string | undefined;
  return {
    text,
    get tag() {
      return (tag ??= tagOf(text));
    },
  };
}

/** The length in bytes, then a digest of the content; a log that is being written knows its length only. */
function tagOf(text: string): string {
  return `${Buffer.byteLength(text)}-${createHash('sha256').update(text).digest('hex')}`;
}

function logTag(size: number): string {
  return `${size}-log`;
}

function isSame(there: string, tag: string): boolean {
  return tag.endsWith('-log') ? sizeIn(there) === sizeIn(tag) : there === tag;
}

function sizeIn(tag: string): number {
  return Number(tag.slice(0, tag.indexOf('-')));
}

/** Words for the codes that a person can do something about. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk (ENOSPC)',
  EDQUOT: 'the quota is used up (EDQUOT)',
  EROFS: 'the file system is read-only (EROFS)',
  EACCES: 'no right to (EACCES)',
  EPERM: 'no right to (EPERM)',
  EIO: 'the disk answered with an error (EIO)',
};

function isSystemError(thrown: unknown): thrown is Error & { readonly code: string } {
  return (
    thrown instanceof Error && 'syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string'
  );
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
