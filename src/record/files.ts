import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { mkdir, open as openFile, readdir, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';

/**
 * The file operations that the local store is built on, as POSIX has them; rejections carry the system's `code`.
 * Those that must not be apart from the check before them are synchronous. Nothing is durable before `sync`, and
 * a name (new, renamed, linked or removed) not before `syncDirectory`.
 */
export interface Files {
  readText(path: string): string;
  /** A new file of mode 0600, empty; EEXIST where the name exists. */
  create(path: string): OpenFile;
  /** Opens to append; ENOENT where there is none. */
  openToAppend(path: string): OpenFile;
  rename(from: string, to: string): void;
  /** A second name for a file; EEXIST where it exists. */
  link(from: string, to: string): void;
  /** Holds afterwards: the name does not exist. */
  remove(path: string): Promise<void>;
  names(directory: string): Promise<string[]>;
  /** Makes it, and what is above it, of mode 0700; the names of those that it made are durable. */
  makeDirectory(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

export interface OpenFile {
  /** Bytes, as written so far by anyone. */
  size(): number;
  /** Writes the whole text at the end of the file; what a failure leaves of it is torn. */
  write(text: string): void;
  sync(): Promise<void>;
  close(): void;
}

const syncDescriptor = promisify(fdatasync);

/** The file system of this machine. */
export const NODE_FILES: Files = {
  readText: (path) => readFileSync(path, 'utf8'),
  create: (path) => opened(openSync(path, 'wx', 0o600)),
  openToAppend: (path) => opened(openSync(path, constants.O_WRONLY | constants.O_APPEND)),
  rename: renameSync,
  link: linkSync,
  remove: (path) => rm(path, { force: true }),
  names: (directory) => readdir(directory),
  makeDirectory: async (path) => {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    const last = dirname(resolve(first));
    for (let above = dirname(resolve(path)); ; above = dirname(above)) {
      await syncDirectory(above);
      if (above === last) return;
    }
  },
  syncDirectory,
};

async function syncDirectory(path: string): Promise<void> {
  const directory = await openFile(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function opened(descriptor: number): OpenFile {
  return {
    size: () => fstatSync(descriptor).size,
    write: (text) => {
      const bytes = Buffer.from(text, 'utf8');
      for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    },
    sync: () => syncDescriptor(descriptor),
    close: () => closeSync(descriptor),
  };
}
