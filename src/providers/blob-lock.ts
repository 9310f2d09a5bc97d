import { randomUUID } from 'node:crypto';
import type { ContainerClient } from '@azure/storage-blob';
import type { Claim, Lock } from '../model/store.ts';
import { Changed } from '../model/store.ts';
import type { BlobWire } from './blob-wire.ts';
import { download } from './blob-wire.ts';

/** Names the claim in the blob's metadata: the id of the native lease under which it is written. */
const LEASE = 'keyturnlease';

/**
 * The claim in one blob, `<stack>/lease.json`, under a native lease that ends by itself. The ETag decides who of
 * several wins; the native lease keeps everybody else out for as long as it is renewed, whatever their clocks say.
 *
 * A tag is the ETag, and for whoever holds it the id of the native lease.
 */
export class BlobLock implements Lock {
  readonly #wire: BlobWire;
  readonly #path: string;
  readonly #seconds: number;

  /** `seconds`: of the native lease, 15 to 60. */
  constructor(wire: BlobWire, path: string, seconds: number) {
    this.#wire = wire;
    this.#path = path;
    this.#seconds = seconds;
  }

  get place(): string {
    return `${this.#wire.url}/${this.#path}`;
  }

  async read(): Promise<Claim | null> {
    const there = await download(this.#wire, this.#path);
    if (there === null) return null;
    const { bytes, etag, lastModified, date } = there;
    // Both are whole seconds: the age is at least this.
    const ageMs =
      lastModified === undefined || date === undefined
        ? null
        : Math.max(0, date.getTime() - lastModified.getTime() - 1_000);
    return { text: bytes.toString('utf8'), tag: tagOf(etag, ''), ageMs };
  }

  async take(text: string, over: string | null, force: boolean): Promise<string> {
    const id = randomUUID();
    if (over === null) return this.#takeFree(text, id);
    if (force) await this.#breakLease(etagIn(over));
    await this.#acquire(id, etagIn(over));
    try {
      return tagOf(await this.#write(text, id, { ifMatch: etagIn(over), leaseId: id }), id);
    } catch (thrown) {
      await this.#release(id).catch(() => undefined);
      throw thrown;
    }
  }

  async renew(text: string, tag: string): Promise<string> {
    const id = idIn(tag);
    await this.#lease(id, async (lease, abortSignal) => {
      await lease.renewLease({ abortSignal });
    });
    return tagOf(await this.#asHolder(tag, (ifMatch) => this.#write(text, id, { ifMatch, leaseId: id })), id);
  }

  async drop(tag: string): Promise<void> {
    try {
      await this.#asHolder(tag, (ifMatch) => this.#remove({ ifMatch, leaseId: idIn(tag) }));
    } catch (thrown) {
      if (!(thrown instanceof Changed)) throw thrown;
      // Where the native lease ran out and nobody took the claim it is still ours to remove, without the lease.
      await this.#asHolder(tag, (ifMatch) => this.#remove({ ifMatch })).catch(ignoreChanged);
    }
  }

  /** The claim first, then its lease: a claim without a lease stands too, a lease without a claim would name nobody. */
  async #takeFree(text: string, id: string): Promise<string> {
    const etag = await this.#write(text, id, { ifNoneMatch: '*' });
    try {
      await this.#acquire(id, etag);
    } catch (thrown) {
      await this.#remove({ ifMatch: etag }).catch(() => undefined);
      throw thrown;
    }
    return tagOf(etag, id);
  }

  /**
   * Does a write of the holder. Where the claim is not as the tag says but still under our lease's id, an earlier
   * write of ours has arrived and we never learnt of it: then over that one.
   */
  async #asHolder<T>(tag: string, act: (ifMatch: string) => Promise<T>): Promise<T> {
    try {
      return await act(etagIn(tag));
    } catch (thrown) {
      if (!(thrown instanceof Changed)) throw thrown;
      const there = await this.#properties();
      if (there?.metadata?.[LEASE] !== idIn(tag) || there.etag === undefined || there.etag === etagIn(tag)) {
        throw thrown;
      }
      return act(there.etag);
    }
  }

  async #write(text: string, id: string, conditions: Conditions): Promise<string> {
    const bytes = Buffer.from(text, 'utf8');
    const write = randomUUID();
    const etag = await this.#wire.write(
      this.#path,
      async (client, abortSignal) => {
        const metadata = { [LEASE]: id, keyturnwrite: write };
        const options = { conditions, abortSignal, metadata };
        return (await client.getBlockBlobClient(this.#path).upload(bytes, bytes.length, options)).etag;
      },
      async () => {
        const there = await this.#properties();
        return there?.metadata?.['keyturnwrite'] === write ? there.etag : null;
      },
    );
    if (etag === undefined) throw new TypeError('[unexpected] an answer without an ETag');
    return etag;
  }

  async #remove(conditions: Conditions): Promise<void> {
    await this.#wire.write(
      this.#path,
      async (client, abortSignal) => {
        await client.getBlobClient(this.#path).delete({ conditions, abortSignal });
      },
      async () => ((await this.#properties()) === null ? undefined : null),
    );
  }

  /** Twice under one id equals once. */
  async #acquire(id: string, ifMatch: string): Promise<void> {
    await this.#lease(id, async (lease, abortSignal) => {
      await lease.acquireLease(this.#seconds, { conditions: { ifMatch }, abortSignal });
    });
  }

  async #breakLease(ifMatch: string): Promise<void> {
    await this.#lease(randomUUID(), async (lease, abortSignal) => {
      await lease.breakLease(0, { conditions: { ifMatch }, abortSignal });
    }).catch(ignoreChanged);
  }

  async #release(id: string): Promise<void> {
    await this.#lease(id, async (lease, abortSignal) => {
      await lease.releaseLease({ abortSignal });
    });
  }

  /** What is done to the native lease may be done again: each names the lease or the claim that it is for. */
  #lease(id: string, act: (lease: NativeLease, signal: AbortSignal) => Promise<void>): Promise<void> {
    return this.#wire.write(
      this.#path,
      (client, signal) => act(client.getBlobClient(this.#path).getBlobLeaseClient(id), signal),
      () => Promise.resolve(null),
    );
  }

  #properties() {
    return this.#wire.read((client, abortSignal) =>
      client.getBlobClient(this.#path).getProperties({ abortSignal }),
    );
  }
}

type NativeLease = ReturnType<ReturnType<ContainerClient['getBlobClient']>['getBlobLeaseClient']>;

interface Conditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly leaseId?: string;
}

/** What it was for is gone: there is nothing left to do. */
function ignoreChanged(thrown: unknown): void {
  if (!(thrown instanceof Changed)) throw thrown;
}

function tagOf(etag: string | undefined, id: string): string {
  if (etag === undefined) throw new TypeError('[unexpected] an answer without an ETag');
  return `${etag} ${id}`;
}

function etagIn(tag: string): string {
  return tag.slice(0, tag.indexOf(' '));
}

function idIn(tag: string): string {
  return tag.slice(tag.indexOf(' ') + 1);
}
