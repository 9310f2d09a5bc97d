import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { LocalStore } from '../../src/record/local-store.ts';
import { StackRecord } from '../../src/record/record.ts';
import { storeContract } from './store-contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'keyturn-store-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a record in a local directory', () => {
  storeContract({
    open: (name) => new LocalStore(join(directory, name), name),
    record: (store) => new StackRecord(store, 'shop', randomUUID),
    scribble: (name, object, text) => {
      appendFileSync(join(directory, name, object), text);
      return Promise.resolve();
    },
  });
});
