import type { DeclaredRecord, VaultAuth } from '../model/declared.ts';
import type { BlobPlace } from '../providers/blob-wire.ts';
import type { KeyVaultOptions } from '../providers/key-vault.ts';

/** What Azure and GitHub put into the environment of a job; the provider itself reads none. */
export function azureIdentity(environment: NodeJS.ProcessEnv): Pick<KeyVaultOptions, 'clientId' | 'github'> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: requestUrl, ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken } =
    environment;
  const github = requestUrl === undefined || requestToken === undefined ? null : { requestUrl, requestToken };
  return { clientId: environment['AZURE_CLIENT_ID'], github };
}

/**
 * What the environment adds to what a stack declares: a key or a signature under the names that Terraform's own
 * backend reads, the identity of the job, and the address of a storage emulator.
 */
export function azureAccess(place: DeclaredRecord, environment: NodeJS.ProcessEnv): BlobPlace {
  const { ARM_ACCESS_KEY: accessKey, ARM_SAS_TOKEN: sasToken, ARM_CLIENT_ID, ARM_TENANT_ID } = environment;
  const { clientId, github } = azureIdentity(environment);
  return {
    account: place.account,
    container: place.container,
    endpoint: environment['KEYTURN_BLOB_ENDPOINT'] ?? `https://${place.account}.${HOSTS[place.environment]}`,
    auth: authOf(place.auth, environment),
    clientId: place.clientId ?? said(ARM_CLIENT_ID) ?? clientId,
    tenantId: place.tenantId ?? said(ARM_TENANT_ID) ?? null,
    github,
    accessKey: said(accessKey),
    sasToken: said(sasToken),
  };
}

const HOSTS: Readonly<Record<DeclaredRecord['environment'], string>> = {
  public: 'blob.core.windows.net',
  usgovernment: 'blob.core.usgovcloudapi.net',
  china: 'blob.core.chinacloudapi.cn',
};

/** Where the backend leaves it open, the variables of Terraform's backend say how to sign in. */
function authOf(declared: VaultAuth, environment: NodeJS.ProcessEnv): VaultAuth {
  if (declared !== 'default') return declared;
  if (environment['ARM_USE_OIDC'] === 'true') return 'github-oidc';
  return environment['ARM_USE_MSI'] === 'true' ? 'managed' : 'default';
}

/** An empty variable says nothing. */
function said(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
