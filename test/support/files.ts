import { join } from 'node:path';
import type { Files, OpenFile } from '../../src/record/files.ts';
import { NODE_FILES } from '../../src/record/files.ts';
import { LocalStore } from '../../src/record/local-store.ts';
import { StackRecord } from '../../src/record/record.ts';

/** The record of stack `shop` in a directory of this machine, where some file operations are others. */
export function recordOn(directory: string, files: Partial<Files> = {}): StackRecord {
  const store = new LocalStore(join(directory, 'shop'), 'state/shop', { ...NODE_FILES, ...files });
  return new StackRecord(store, 'shop', () => 'l');
}

/** A log whose open files are others. */
export function log(change: (file: OpenFile) => Partial<OpenFile>): Partial<Files> {
  return {
    openToAppend: (path) => {
      const file = NODE_FILES.openToAppend(path);
      return { ...file, ...change(file) };
    },
  };
}

/** What the operating system throws. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code, syscall: 'write' });
}
