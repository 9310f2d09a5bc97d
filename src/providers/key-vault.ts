import type { SecretClient } from '@azure/keyvault-secrets';
import type { VaultAuth } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { Fence } from '../model/fence.ts';
import type { ObservedSecret, ObservedVersion } from '../model/observed.ts';
import { SecretValue } from '../model/secret-value.ts';
import type { Vault, WriteAs } from '../model/vault.ts';
import { azureCredential } from './azure-credential.ts';
import type { Credential, GithubOidc } from './azure-credential.ts';
import { addressOf, isUncertain, vaultFault } from './key-vault-faults.ts';
import type { VaultCall } from './key-vault-faults.ts';
import { KeyVaultPipeline, PACE } from './key-vault-pipeline.ts';
import type { Pace } from './key-vault-pipeline.ts';
import { observedSecret, observedVersion, tagsOf } from './key-vault-tags.ts';

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

const PAGE = 25;
const WRITES = 3;
const LOOPBACK = /^(127\.[0-9.]+|localhost|\[::1\])$/;

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

  constructor(options: KeyVaultOptions, uri: URL) {
    this.name = options.name;
    this.#options = options;
    this.#uri = uri;
    this.#pace = { ...PACE, ...options.pace };
    this.#pipeline = new KeyVaultPipeline(uri.host, this.#pace, options.fence);
  }

  async list(signal?: AbortSignal): Promise<ObservedSecret[]> {
    return this.#ask({ doing: 'list', secret: null, signal }, async (client) => {
      const secrets: ObservedSecret[] = [];
      for await (const page of client.listPropertiesOfSecrets().byPage({ maxPageSize: PAGE })) {
        secrets.push(...page.map(observedSecret));
      }
      return secrets;
    });
  }

  async versions(secret: string, signal?: AbortSignal): Promise<ObservedVersion[]> {
    return this.#ask({ doing: 'list', secret, signal }, async (client) => {
      const versions: ObservedVersion[] = [];
      for await (const page of client.listPropertiesOfSecretVersions(secret).byPage({ maxPageSize: PAGE })) {
        versions.push(...page.map(observedVersion));
      }
      return versions;
    });
  }

  async find(secret: string, operation: string, signal?: AbortSignal): Promise<ObservedVersion | null> {
    const versions = await this.versions(secret, signal);
    const found = versions.filter((version) => version.operation === operation);
    // A write that arrived after it counted as lost leaves two; every caller must then pick the same one.
    found.sort((a, b) => Number(b.enabled) - Number(a.enabled) || (a.storeId < b.storeId ? -1 : 1));
    return found[0] ?? null;
  }

  async write(
    secret: string,
    value: SecretValue,
    as: WriteAs,
    signal?: AbortSignal,
  ): Promise<{ readonly storeId: string }> {
    const tags = tagsOf(this.name, secret, value, as);
    // Looking first is also what gives a cold client its token: until it has one, the SDK sends all but the first
    // of several parallel requests with their bodies and without a token.
    const written = await this.find(secret, as.operation, signal);
    if (written !== null) return { storeId: written.storeId };
    for (let writes = 1; ; writes += 1) {
      const storeId = await this.#set(secret, value, as, tags, writes === WRITES, signal);
      if (storeId !== null) return { storeId };
      const late = await this.arrival(secret, as.operation, signal);
      if (late !== null) return { storeId: late.storeId };
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

  async disable(secret: string, storeId: string, signal?: AbortSignal): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const version = (await this.versions(secret, signal)).find((each) => each.storeId === storeId);
      if (version === undefined) throw this.#absent(secret, storeId);
      if (!version.enabled) return;
      if (tries === WRITES) throw this.#stillEnabled(secret, storeId);
      if (tries > 0) await this.#sleep(this.#pace.backoffMs * 2 ** (tries - 1), secret, signal);
      await this.#patchDisabled(secret, storeId, signal);
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
  ): Promise<string | null> {
    const call = this.#call({ doing: 'write', secret, signal });
    const client = await this.#opened(call);
    try {
      const contentType = as.contentType === null ? {} : { contentType: as.contentType };
      const { properties } = await this.#pipeline.under(call.signal, () =>
        client.setSecret(secret, value.reveal(), { tags, ...contentType }),
      );
      if (properties.version === undefined) throw new TypeError('[unexpected] a version without an id');
      return properties.version;
    } catch (thrown) {
      const refusal = this.#pipeline.refusalOf(thrown);
      const isLost = isUncertain(thrown, refusal);
      if (isLost && !isLast && call.signal?.aborted !== true) return null;
      const fault = vaultFault(thrown, refusal, call);
      if (!isLost) throw fault;
      const arrived = call.signal?.aborted === true ? null : await this.arrival(secret, as.operation, signal);
      if (arrived !== null) return arrived.storeId;
      const live = `a version with operation "${as.operation}" may still arrive in the vault`;
      const next = 'run apply again: it finds that version, or writes it once';
      throw new Fault({ ...fault.toJSON(), live, next });
    }
  }

  /** One PATCH. Returns also where the answer was lost, since the caller looks anyway. */
  async #patchDisabled(secret: string, storeId: string, signal: AbortSignal | undefined): Promise<void> {
    const call = this.#call({ doing: 'disable', secret, signal });
    const client = await this.#opened(call);
    try {
      await this.#pipeline.under(call.signal, () =>
        client.updateSecretProperties(secret, storeId, { enabled: false }),
      );
    } catch (thrown) {
      const refusal = this.#pipeline.refusalOf(thrown);
      if (isUncertain(thrown, refusal) && call.signal?.aborted !== true) return;
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
    const relaxed = { allowInsecureConnection: true, disableChallengeResourceVerification: true };
    return new SecretClient(
      this.#uri.origin,
      sandboxToken === undefined ? await azureCredential(this.#options) : sandboxCredential(sandboxToken),
      {
        retryOptions: { maxRetries: 0 },
        additionalPolicies: [{ policy: this.#pipeline.policy, position: 'perRetry' }],
        ...(sandboxToken === undefined ? {} : relaxed),
      },
    );
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

  #stillEnabled(secret: string, storeId: string): Fault {
    return new Fault({
      code: 'vault-unreachable',
      what: `version "${storeId}" of secret "${secret}" could not be disabled in ${WRITES} tries`,
      where: addressOf({ vault: this.name, secret }),
      live: `version "${storeId}" was still enabled when the vault was last listed`,
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
