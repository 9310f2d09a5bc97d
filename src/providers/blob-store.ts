import { randomUUID } from 'node:crypto';
import type { Expected, Lock, ObjectStore, Stored } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import { BlobLock } from './blob-lock.ts';
import type { BlobPlace, Downloaded } from './blob-wire.ts';
import { BlobWire, download } from './blob-wire.ts';

/** Three requests that renew a lease fit into its period. */
const LEASE_TIMEOUT_MS = 10_000;
/** Names one write in the blob's metadata, so that one whose answer was lost is known again. */
const WRITE = 'keyturnwrite';

/**
 * A record in Azure Blob Storage: `<container>/<stack>/`. The journal is an append blob, everything else a block
 * blob; every write says by ETag what it replaces. Reading creates nothing and needs no right to write; the
 * container is made by the first write.
 *
 * A tag is the ETag and the length in bytes: an append names both.
 */
export class BlobStore implements ObjectStore {
  readonly place: string;
  readonly lock: Lock;
  readonly #wire: BlobWire;
  readonly #prefix: string;

  /** Asks nothing of anyone. Throws `bad-usage` for an address that must not be used. */
  constructor(place: BlobPlace, stack: string, leaseSeconds = 60) {
    this.#wire = new BlobWire(place);
    this.#prefix = `${stack}/`;
    this.place = `${this.#wire.url}/${stack}`;
    this.lock = new BlobLock(this.#wire.within(LEASE_TIMEOUT_MS), this.#path('lease.json'), leaseSeconds);
  }

  async get(name: string): Promise<Stored | null> {
    const there = await download(this.#wire, this.#path(name));
    return there === null ? null : { text: there.bytes.toString('utf8'), tag: tagIn(there) };
  }

  put(name: string, text: string, expect: Expected): Promise<string> {
    const bytes = Buffer.from(text, 'utf8');
    const write = randomUUID();
    const conditions = expect === 'absent' ? { ifNoneMatch: '*' } : { ifMatch: etagIn(expect.tag) };
    return this.#wire.write(
      name,
      async (client, abortSignal) => {
        const blob = client.getBlockBlobClient(this.#path(name));
        const options = { conditions, abortSignal, metadata: { [WRITE]: write }, blobHTTPHeaders: AS_JSON };
        return tagOf((await blob.upload(bytes, bytes.length, options)).etag, bytes.length);
      },
      () => this.#landed(name, write, bytes.length),
    );
  }

  startLog(name: string): Promise<string> {
    const write = randomUUID();
    return this.#wire.write(
      name,
      async (client, abortSignal) => {
        const blob = client.getAppendBlobClient(this.#path(name));
        const conditions = { ifNoneMatch: '*' };
        const { etag } = await blob.create({ conditions, abortSignal, metadata: { [WRITE]: write } });
        return tagOf(etag, 0);
      },
      () => this.#landed(name, write, 0),
    );
  }

  append(name: string, line: string, tag: string): Promise<string> {
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    const position = sizeIn(tag);
    return this.#wire.write(
      name,
      async (client, abortSignal) => {
        const blob = client.getAppendBlobClient(this.#path(name));
        const conditions = { ifMatch: etagIn(tag), appendPosition: position };
        const { etag } = await blob.appendBlock(bytes, bytes.length, { conditions, abortSignal });
        return tagOf(etag, position + bytes.length);
      },
      () => this.#appended(name, bytes, position),
    );
  }

  async list(prefix: string): Promise<string[]> {
    const names = await this.#wire.read(async (client, abortSignal) => {
      const found: string[] = [];
      for await (const { name } of client.listBlobsFlat({ prefix: this.#path(prefix), abortSignal })) {
        found.push(name.slice(this.#prefix.length));
      }
      return found;
    });
    return names?.sort() ?? [];
  }

  async remove(name: string, tag?: string): Promise<void> {
    const expected = tag ?? (await this.get(name))?.tag;
    if (expected === undefined) return;
    try {
      await this.#wire.write(
        name,
        async (client, abortSignal) => {
          const conditions = { ifMatch: etagIn(expected) };
          await client.getBlobClient(this.#path(name)).delete({ conditions, abortSignal });
        },
        async () => ((await this.#properties(name)) === null ? undefined : null),
      );
    } catch (thrown) {
      if (!(thrown instanceof Changed) || (await this.#properties(name)) !== null) throw thrown;
    }
  }

  /** The tag of this very write where it is what lies there. */
  async #landed(name: string, write: string, length: number): Promise<string | null> {
    const there = await this.#properties(name);
    return there?.metadata?.[WRITE] === write ? tagOf(there.etag, length) : null;
  }

  /** The tag of a log that ends with these bytes, written at this position. */
  async #appended(name: string, bytes: Buffer, position: number): Promise<string | null> {
    const there = await download(this.#wire, this.#path(name));
    if (there?.bytes.length !== position + bytes.length) return null;
    return there.bytes.subarray(position).equals(bytes) ? tagIn(there) : null;
  }

  #properties(name: string) {
    return this.#wire.read((client, abortSignal) =>
      client.getBlobClient(this.#path(name)).getProperties({ abortSignal }),
    );
  }

  #path(name: string): string {
    return `${this.#prefix}${name}`;
  }
}

function tagIn({ etag, bytes }: Downloaded): string {
  return tagOf(etag, bytes.length);
}

const AS_JSON = { blobContentType: 'application/json' };

/** ETags hold no blank. */
function tagOf(etag: string | undefined, size: number): string {
  if (etag === undefined) throw new TypeError('[unexpected] an answer without an ETag');
  return `${etag} ${size}`;
}

function etagIn(tag: string): string {
  return tag.slice(0, tag.indexOf(' '));
}

function sizeIn(tag: string): number {
  return Number(tag.slice(tag.indexOf(' ') + 1));
}
