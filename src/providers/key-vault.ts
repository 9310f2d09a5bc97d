import type { SecretClient } from '@azure/keyvault-secrets';
import type { VaultAuth } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import type { Identity } from '../model/journal.ts';
import type { ObservedSecret, ObservedVersion } from '../model/observed.ts';
import { SecretValue } from '../model/secret-value.ts';
import type { Seal, SealWrite } from '../model/seal.ts';
import { ANCHOR } from '../model/seal.ts';
import type { Vault, WriteAs, Written } from '../model/vault.ts';
import { workloadIdentity } from './azure-claims.ts';
import { azureCredential } from './azure-credential.ts';
import type { Credential, GithubOidc } from './azure-credential.ts';
import { allOf, dropUnused } from './key-vault-client.ts';
import { addressOf, isUncertain, vaultFault } from './key-vault-faults.ts';
import type { VaultCall } from './key-vault-faults.ts';
import { KeyVaultPipeline, PACE } from './key-vault-pipeline.ts';
import type { Pace } from './key-vault-pipeline.ts';
import { newestSeals, SEAL_VALUE, sealTags, sealVersions } from './key-vault-seal.ts';
import { observedSecret, observedVersion, requireFit, tagsBeside, tagsOf } from './key-vault-tags.ts';

export interface KeyVaultOptions {
  readonly name: string;
  readonly uri: string;
  readonly auth: VaultAuth;
  /** Null: the tenant that the vault names itself. */
  readonly tenantId: string | null;
  /** Of the identity to sign in with, where there are several; `github-oidc` needs it. */
  readonly clientId?: string | null | undefined;
  readonly github?: GithubOidc | null | undefined;
  /** For an embedded vault on loopback: plain HTTP and no check of the challenge. Refused anywhere else. */
  readonly sandboxToken?: string | undefined;
  /** Ends every call, beside the signal that a call is given itself. */
  readonly signal?: AbortSignal | undefined;
  readonly pace?: Partial<Pace> | undefined;
  /** Every request that changes something passes it right before it leaves. */
  readonly fence?: Fence | undefined;
}

/** What a change of a version's properties says. */
type Patch = { readonly enabled: false } | { readonly tags: Record<string, string> };

const PAGE = 25;
const WRITES = 3;
const LOOPBACK = /^(127\.[0-9.]+|localhost|\[::1\])$/;

/** Loads what the first request to a vault would load. */
export async function loadSdk(): Promise<void> {
  await import('@azure/keyvault-secrets');
}

/**
 * An Azure Key Vault, or the embedded one, behind the model's interface. Connecting asks nothing of anyone and
 * loads no SDK: that happens at the first call. Throws `bad-usage` for an address that must not be used.
 */
export function connectKeyVault(options: KeyVaultOptions): Vault {
  return new KeyVault(options, parseUri(options));
}

class KeyVault implements Vault {
  readonly name: string;
  readonly #options: KeyVaultOptions;
  readonly #uri: URL;
  readonly #pace: Pace;
  readonly #pipeline: KeyVaultPipeline;
  #client: Promise<SecretClient> | null = null;
  /** Of the CI's own token that was exchanged for one of Azure. */
  #workload: Identity | null = null;

  constructor(options: KeyVaultOptions, uri: URL) {
    this.name = options.name;
    this.#options = options;
    this.#uri = uri;
    this.#pace = { ...PACE, ...options.pace };
    this.#pipeline = new KeyVaultPipeline(uri.host, this.#pace, options.fence);
  }

  identities(): Identity[] {
    return [this.#pipeline.identity, this.#workload].filter((each) => each !== null);
  }

  async list(signal?: AbortSignal): Promise<ObservedSecret[]> {
    return this.#ask({ doing: 'list', secret: null, signal }, async (client) => {
      return allOf(client.listPropertiesOfSecrets().byPage({ maxPageSize: PAGE }), observedSecret);
    });
  }

  async versions(secret: string, signal?: AbortSignal): Promise<ObservedVersion[]> {
    return this.#ask({ doing: 'list', secret, signal }, async (client) => {
      return allOf(
        client.listPropertiesOfSecretVersions(secret).byPage({ maxPageSize: PAGE }),
        observedVersion,
      );
    });
  }

  async find(secret: string, operation: string, signal?: AbortSignal): Promise<ObservedVersion | null> {
    const versions = await this.versions(secret, signal);
    const found = versions.filter((version) => version.operation === operation);
    // A write that arrived after it counted as lost leaves two; every caller must then pick the same one, and the other
    // one is a twin of it.
    found.sort((a, b) => Number(b.enabled) - Number(a.enabled) || (a.storeId < b.storeId ? -1 : 1));
    return found[0] ?? null;
  }

  async write(secret: string, value: SecretValue, as: WriteAs, signal?: AbortSignal): Promise<Written> {
    requireFit(this.name, secret, value);
    const tags = tagsOf(this.name, secret, as);
    // Looking first is also what gives a cold client its token: until it has one, the SDK sends all but the first
    // of several parallel requests with their bodies and without a token.
    const there = await this.find(secret, as.operation, signal);
    if (there !== null) return { storeId: there.storeId, isFound: true };
    for (let writes = 1; ; writes += 1) {
      const written = await this.#set(secret, value, as, tags, writes === WRITES, signal);
      if (written !== null) return written;
      const late = await this.arrival(secret, as.operation, signal);
      if (late !== null) return { storeId: late.storeId, isFound: true };
    }
  }

  async arrival(secret: string, operation: string, signal?: AbortSignal): Promise<ObservedVersion | null> {
    const deadline = this.#pace.ticks() + this.#pace.lateMs;
    for (let looks = 0; ; looks += 1) {
      const found = await this.find(secret, operation, signal);
      if (found !== null) return found;
      const left = deadline - this.#pace.ticks();
      if (left <= 0) return null;
      await this.#sleep(Math.min(left, this.#pace.backoffMs * 2 ** looks), secret, signal);
    }
  }

  async read(secret: string, storeId: string, signal?: AbortSignal): Promise<SecretValue> {
    return this.#ask({ doing: 'read', secret, signal }, async (client) => {
      const { value } = await client.getSecret(secret, { version: storeId });
      if (value === undefined) throw new TypeError('[unexpected] a secret without a value');
      return new SecretValue(value);
    });
  }

  async mark(secret: string, storeId: string, as: WriteAs, signal?: AbortSignal): Promise<void> {
    // Its own tags stay, so it has to be listed first.
    const patch = (listed: ObservedVersion | undefined): Patch | null =>
      listed === undefined ? null : { tags: tagsBeside(this.name, secret, as, listed) };
    const isMarked = ({ operation }: ObservedVersion): boolean => operation === as.operation;
    if (!(await this.#change('mark', secret, storeId, isMarked, patch, signal)))
      throw this.#absent(secret, storeId);
  }

  disable(secret: string, storeId: string, signal?: AbortSignal): Promise<boolean> {
    const isDisabled = ({ enabled }: ObservedVersion): boolean => !enabled;
    return this.#change('disable', secret, storeId, isDisabled, () => ({ enabled: false }), signal);
  }

  async seals(signal?: AbortSignal): Promise<Seal[]> {
    return newestSeals(await this.versions(ANCHOR, signal));
  }

  async seal(seal: SealWrite, accept: (there: Seal) => Promise<void>, signal?: AbortSignal): Promise<void> {
    // Looking first is also what gives a cold client its token.
    const versions = await this.versions(ANCHOR, signal);
    const before = newestSeals(versions).find(({ stack }) => stack === seal.stack);
    if (before !== undefined) await accept(before);
    const [there, ...twins] = sealVersions(versions, seal.stack);
    const tags = sealTags(seal);
    const written = await this.#ask({ doing: 'seal', secret: ANCHOR, signal }, async (client) => {
      for (const twin of twins) await client.updateSecretProperties(ANCHOR, twin, { tags });
      if (there !== undefined) return client.updateSecretProperties(ANCHOR, there, { tags });
      return (await client.setSecret(ANCHOR, SEAL_VALUE, { tags })).properties;
    });
    if (newestSeals([observedVersion(written)])[0]?.digest !== seal.digest) throw this.#unsealed(seal);
  }

  /**
   * Sends a change of a version's properties until the list shows it; a list may be older than the version. False:
   * there is no such version.
   */
  async #change(
    doing: 'mark' | 'disable',
    secret: string,
    storeId: string,
    isDone: (version: ObservedVersion) => boolean,
    patch: (listed: ObservedVersion | undefined) => Patch | null,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    for (let tries = 0; ; tries += 1) {
      const listed = (await this.versions(secret, signal)).find((each) => each.storeId === storeId);
      if (listed !== undefined && isDone(listed)) return true;
      if (tries === WRITES) throw this.#unchanged(doing, secret, storeId, listed !== undefined);
      if (tries > 0) await this.#sleep(this.#pace.backoffMs * 2 ** (tries - 1), secret, signal);
      const wanted = patch(listed);
      if (wanted !== null && !(await this.#patch(doing, secret, storeId, wanted, signal))) return false;
    }
  }

  /** One PUT. Null: the answer was lost, look for it; on the last write that is a fault instead. */
  async #set(
    secret: string,
    value: SecretValue,
    as: WriteAs,
    tags: Record<string, string>,
    isLast: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Written | null> {
    const call = this.#call({ doing: 'write', secret, signal });
    const client = await this.#opened(call);
    try {
      const contentType = as.contentType === null ? {} : { contentType: as.contentType };
      const expiry = as.expires === undefined ? {} : { expiresOn: new Date(as.expires) };
      const { properties } = await this.#pipeline.under(call.signal, () =>
        client.setSecret(secret, value.reveal(), { tags, ...contentType, ...expiry }),
      );
      if (properties.version === undefined) throw new TypeError('[unexpected] a version without an id');
      return { storeId: properties.version, isFound: false };
    } catch (thrown) {
      const refusal = this.#pipeline.refusalOf(thrown);
      const isLost = isUncertain(thrown, refusal);
      if (isLost && !isLast && call.signal?.aborted !== true) return null;
      const fault = vaultFault(thrown, refusal, call);
      if (!isLost) throw fault;
      const arrived = call.signal?.aborted === true ? null : await this.arrival(secret, as.operation, signal);
      if (arrived !== null) return { storeId: arrived.storeId, isFound: true };
      const live = `a version with operation "${as.operation}" may still arrive in the vault`;
      const next = 'run apply again: it finds that version, or writes it once';
      throw new Fault({ ...fault.toJSON(), live, next });
    }
  }

  /** One PATCH. False: there is no such version. True also where the answer was lost, since the caller looks anyway. */
  async #patch(
    doing: 'mark' | 'disable',
    secret: string,
    storeId: string,
    patch: Patch,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const call = this.#call({ doing, secret, signal });
    const client = await this.#opened(call);
    try {
      await this.#pipeline.under(call.signal, () => client.updateSecretProperties(secret, storeId, patch));
      return true;
    } catch (thrown) {
      const refusal = this.#pipeline.refusalOf(thrown);
      if (isUncertain(thrown, refusal) && call.signal?.aborted !== true) return true;
      if (refusal?.status === 404) return false;
      throw vaultFault(thrown, refusal, call);
    }
  }

  async #ask<T>(
    asked: Pick<VaultCall, 'doing' | 'secret' | 'signal'>,
    act: (client: SecretClient) => Promise<T>,
  ): Promise<T> {
    const call = this.#call(asked);
    const client = await this.#opened(call);
    try {
      return await this.#pipeline.under(call.signal, () => act(client));
    } catch (thrown) {
      throw vaultFault(thrown, this.#pipeline.refusalOf(thrown), call);
    }
  }

  #call(asked: Pick<VaultCall, 'doing' | 'secret' | 'signal'>): VaultCall {
    const { auth, tenantId, signal } = this.#options;
    const signals = [signal, asked.signal].filter((each) => each !== undefined);
    return {
      ...asked,
      vault: this.name,
      host: this.#uri.host,
      auth,
      tenantId,
      signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    };
  }

  async #opened(call: VaultCall): Promise<SecretClient> {
    try {
      call.signal?.throwIfAborted();
      this.#client ??= this.#open();
      return await this.#client;
    } catch (thrown) {
      throw vaultFault(thrown, null, call);
    }
  }

  async #open(): Promise<SecretClient> {
    const { SecretClient } = await import('@azure/keyvault-secrets');
    const { sandboxToken } = this.#options;
    const credential = { ...this.#options, onAssertion: (token: string) => this.#heard(token) };
    const relaxed = { allowInsecureConnection: true, disableChallengeResourceVerification: true };
    const client = new SecretClient(
      this.#uri.origin,
      sandboxToken === undefined ? await azureCredential(credential) : sandboxCredential(sandboxToken),
      {
        retryOptions: { maxRetries: 0 },
        additionalPolicies: [{ policy: this.#pipeline.policy, position: 'perRetry' }],
        ...(sandboxToken === undefined ? {} : relaxed),
      },
    );
    dropUnused(client);
    return client;
  }

  #heard(assertion: string): void {
    this.#workload = workloadIdentity(assertion);
  }

  async #sleep(ms: number, secret: string, signal: AbortSignal | undefined): Promise<void> {
    const call = this.#call({ doing: 'list', secret, signal });
    try {
      await this.#pace.sleep(ms, call.signal);
    } catch (thrown) {
      throw vaultFault(thrown, null, call);
    }
  }

  #absent(secret: string, storeId: string): Fault {
    return new Fault({
      code: 'vault-conflict',
      what: `vault "${this.name}" does not hold version "${storeId}" of secret "${secret}"`,
      where: addressOf({ vault: this.name, secret }),
      next: `run "keyturn plan" to see what the vault holds`,
    });
  }

  #unsealed({ entry }: SealWrite): Fault {
    return new Fault({
      code: 'vault-unreachable',
      what: `the vault did not answer with the seal of history entry ${entry}`,
      where: addressOf({ vault: this.name, secret: ANCHOR }),
      next: 'the next apply that changes something seals again',
    });
  }

  #unchanged(doing: 'mark' | 'disable', secret: string, storeId: string, isListed: boolean): Fault {
    const [not, still] =
      doing === 'disable' ? ['disabled', 'enabled'] : ['marked as ours', "without keyturn's tags"];
    const seen = isListed ? `still ${still}` : 'missing';
    return new Fault({
      code: 'vault-unreachable',
      what: `version "${storeId}" of secret "${secret}" could not be ${not} in ${WRITES} tries`,
      where: addressOf({ vault: this.name, secret }),
      live: `version "${storeId}" was ${seen} when the vault was last listed`,
      next: 'run apply again',
    });
  }
}

function parseUri(options: KeyVaultOptions): URL {
  const refuse = (what: string, next: string) =>
    new Fault({ code: 'bad-usage', what, where: `vault://${options.name}`, next });
  if (!URL.canParse(options.uri))
    throw refuse(`"${options.uri}" is not an address`, 'declare https://<name>.vault.azure.net');
  const uri = new URL(options.uri);
  const isSandbox = options.sandboxToken !== undefined;
  if (isSandbox && !LOOPBACK.test(uri.hostname)) {
    throw refuse(
      `the sandbox's relaxed checks are not for "${uri.host}"`,
      'use them for a vault on loopback only',
    );
  }
  if (uri.protocol !== 'https:' && !(isSandbox && uri.protocol === 'http:')) {
    throw refuse(`"${uri.protocol}//${uri.host}" is not https`, 'declare an https address, or use --sandbox');
  }
  return uri;
}

function sandboxCredential(token: string): Credential {
  const hour = 3_600_000;
  return { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + hour }) };
}
