import { randomUUID } from 'node:crypto';
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe } from 'vitest';
import { BlobStore } from '../../src/providers/blob-store.ts';
import { StackRecord } from '../../src/record/record.ts';
import type { Azurite } from '../support/azurite.ts';
import { ACCESS_KEY, ACCOUNT, placeIn, startAzurite } from '../support/azurite.ts';
import { storeContract } from './store-contract.ts';

const CONTAINER = 'tfstate-keyturn';
let azurite: Azurite;

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

describe('a record in Azure Blob Storage', () => {
  storeContract({
    open: (name) => new BlobStore(placeIn(azurite.endpoint, CONTAINER), name),
    record: (store) => new StackRecord(store, 'shop', randomUUID),
    scribble: async (name, object, text) => {
      const credential = new StorageSharedKeyCredential(ACCOUNT, ACCESS_KEY);
      const container = new ContainerClient(`${azurite.endpoint}/${CONTAINER}`, credential);
      await container.getAppendBlobClient(`${name}/${object}`).appendBlock(text, text.length);
    },
  });
});
