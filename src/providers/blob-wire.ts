import { buffer } from 'node:stream/consumers';
import { setTimeout as timer } from 'node:timers/promises';
import type { ContainerClient } from '@azure/storage-blob';
import type { VaultAuth } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import { Changed } from '../model/store.ts';
import { azureCredential } from './azure-credential.ts';
import type { GithubOidc } from './azure-credential.ts';
import type { BlobCall } from './blob-faults.ts';
import { blobFault, blobRefusal, isAbsent, isChange, isUncertain } from './blob-faults.ts';

export interface BlobPlace {
  readonly account: string;
  readonly container: string;
  /** `https://<account>.blob.core.windows.net`; plain http on loopback only. */
  readonly endpoint: string;
  readonly auth: VaultAuth;
  readonly tenantId: string | null;
  readonly clientId?: string | null | undefined;
  readonly github?: GithubOidc | null | undefined;
  /** A key of the account; goes before `auth`. */
  readonly accessKey?: string | undefined;
  /** A shared access signature; goes before both. */
  readonly sasToken?: string | undefined;
  readonly pace?: Partial<BlobPace> | undefined;
}

/** Times and waits. All have defaults; tests shorten them. */
export interface BlobPace {
  /** The first wait; each further one is twice as long. */
  readonly backoffMs: number;
  /** How long one request may take. */
  readonly timeoutMs: number;
  readonly sleep: (ms: number) => Promise<void>;
}

const PACE: BlobPace = {
  backoffMs: 1_000,
  timeoutMs: 30_000,
  sleep: (ms) => timer(ms),
};

const TRIES = 4;
/** No further try once this has passed: by then a lease that could not be renewed is lost. */
const PATIENCE_MS = 60_000;
const LOOPBACK = /^(127\.[0-9.]+|localhost|\[::1\])$/;

/**
 * The requests of one container. The SDK's own retries are off: it would send a write again whose answer was
 * lost, and take the refusal of its own second try for somebody else's write.
 */
export class BlobWire {
  /** The container's address, without what lets anyone in. */
  readonly url: string;
  readonly #place: BlobPlace;
  readonly #pace: BlobPace;
  readonly #connected: () => Promise<ContainerClient>;

  /** Asks nothing of anyone and loads no SDK. Throws `bad-usage` for an address that must not be used. */
  constructor(place: BlobPlace, connected?: () => Promise<ContainerClient>) {
    this.#place = place;
    this.#pace = { ...PACE, ...place.pace };
    this.url = `${endpointOf(place)}/${place.container}`;
    this.#connected = connected ?? lazily(() => this.#connect());
  }

  /** The same, with requests that give up after this time unless the place says otherwise. */
  within(timeoutMs: number): BlobWire {
    const place = { ...this.#place, pace: { timeoutMs, ...this.#place.pace } };
    return new BlobWire(place, this.#connected);
  }

  /** Reads, again after a failure that may pass; null where the blob or the container is not there. */
  async read<T>(ask: (client: ContainerClient, signal: AbortSignal) => Promise<T>): Promise<T | null> {
    const begun = performance.now();
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask(await this.#connected(), AbortSignal.timeout(this.#pace.timeoutMs));
      } catch (thrown) {
        if (isAbsent(blobRefusal(thrown))) return null;
        if (isLast(tries, begun) || !isUncertain(thrown)) throw blobFault(thrown, this.#call('read'));
        await this.#wait(tries);
      }
    }
  }

  /**
   * Sends a write that names what it expects to find. Where no answer says what came of it, `look` tells: what the
   * write returns where it did arrive, else null, and only then is it sent once more; one that arrives late makes
   * the next one's condition fail, so nothing is ever done twice. `Changed` where something else is there.
   */
  async write<T>(
    name: string,
    send: (client: ContainerClient, signal: AbortSignal) => Promise<T>,
    look: () => Promise<T | null>,
  ): Promise<T> {
    const begun = performance.now();
    for (let tries = 1; ; tries += 1) {
      try {
        return await send(await this.#connected(), AbortSignal.timeout(this.#pace.timeoutMs));
      } catch (thrown) {
        if (blobRefusal(thrown)?.code === 'ContainerNotFound' && tries < TRIES) {
          await this.#createContainer(tries);
          continue;
        }
        const mayHaveArrived = isUncertain(thrown);
        const isRefused = isChange(blobRefusal(thrown));
        // A refusal may be the answer to a second copy: of an earlier try, or of what a proxy sent again.
        const landed = mayHaveArrived || isRefused ? await look() : null;
        if (landed !== null) return landed;
        if (isRefused) throw new Changed(name);
        if (isLast(tries, begun) || !mayHaveArrived) throw blobFault(thrown, this.#call('write to'));
        await this.#wait(tries);
      }
    }
  }

  /** Where it is not known whether that worked, the write that needs it finds out. */
  async #createContainer(tries: number): Promise<void> {
    const client = await this.#connected();
    try {
      await client.create({ abortSignal: AbortSignal.timeout(this.#pace.timeoutMs) });
    } catch (thrown) {
      // Whoever else came to need it at the same time may have been faster.
      if (blobRefusal(thrown)?.code === 'ContainerAlreadyExists') return;
      if (isUncertain(thrown)) return this.#wait(tries);
      throw blobFault(thrown, this.#call('create'));
    }
  }

  #wait(tries: number): Promise<void> {
    return this.#pace.sleep(this.#pace.backoffMs * 2 ** (tries - 1));
  }

  async #connect(): Promise<ContainerClient> {
    const { AnonymousCredential, ContainerClient, StorageSharedKeyCredential } =
      await import('@azure/storage-blob');
    const { account, accessKey, sasToken } = this.#place;
    const options = { retryOptions: { maxTries: 1 } };
    if (sasToken !== undefined) {
      const url = `${this.url}?${sasToken.replace(/^\?/, '')}`;
      return new ContainerClient(url, new AnonymousCredential(), options);
    }
    if (accessKey !== undefined) {
      return new ContainerClient(this.url, new StorageSharedKeyCredential(account, accessKey), options);
    }
    return new ContainerClient(this.url, await this.#credential(), options);
  }

  async #credential(): ReturnType<typeof azureCredential> {
    if (!this.url.startsWith('https:')) {
      throw new Fault({
        code: 'bad-usage',
        what: 'no token is sent over plain http',
        where: this.url,
        next: 'set ARM_ACCESS_KEY or ARM_SAS_TOKEN for a storage emulator on loopback',
      });
    }
    try {
      return await azureCredential(this.#place);
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      throw new Fault({ ...thrown.toJSON(), code: 'record-refused', where: this.url, cause: thrown });
    }
  }

  #call(doing: BlobCall['doing']): BlobCall {
    const { account, container, auth, tenantId, accessKey, sasToken } = this.#place;
    const by = sasToken !== undefined ? 'sas' : accessKey !== undefined ? 'key' : auth;
    return { account, container, place: this.url, host: new URL(this.url).host, by, tenantId, doing };
  }
}

function isLast(tries: number, begun: number): boolean {
  return tries === TRIES || performance.now() - begun > PATIENCE_MS;
}

/** A blob as it is, with the service's own times. */
export interface Downloaded {
  readonly bytes: Buffer;
  readonly etag: string | undefined;
  readonly lastModified: Date | undefined;
  /** When the service answered. */
  readonly date: Date | undefined;
}

/** The blob of this path; null where there is none. */
export function download(wire: BlobWire, path: string): Promise<Downloaded | null> {
  return wire.read(async (client, abortSignal) => {
    const options = { abortSignal, maxRetryRequests: 0 };
    const { readableStreamBody, etag, lastModified, date } = await client
      .getBlobClient(path)
      .download(0, undefined, options);
    if (readableStreamBody === undefined) throw new TypeError('[unexpected] a blob without a body');
    return { bytes: await buffer(readableStreamBody), etag, lastModified, date };
  });
}

/** Made when it is first asked for, once; made again where that failed. */
function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((thrown: unknown) => {
      made = null;
      throw thrown;
    });
    return made;
  };
}

function endpointOf({ endpoint, account }: BlobPlace): string {
  const refuse = (what: string): Fault =>
    new Fault({
      code: 'bad-usage',
      what,
      where: `storage account "${account}"`,
      next: 'use its https address; plain http is for a storage emulator on loopback',
    });
  if (!URL.canParse(endpoint)) throw refuse(`"${endpoint}" is not an address`);
  const { protocol, hostname, origin, pathname, search, username } = new URL(endpoint);
  if (search !== '' || username !== '')
    throw refuse('the address of the storage account carries a credential');
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.test(hostname))) {
    throw refuse(`"${origin}" is not https`);
  }
  return `${origin}${pathname}`.replace(/\/+$/, '');
}
