import type { SecretClient } from '@azure/keyvault-secrets';
import type { VaultAuth } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';

/** Whatever can get a token: the SDK's own type, without a dependency on the package that declares it. */
export type Credential = ConstructorParameters<typeof SecretClient>[1];

/** What GitHub gives a job that has `permissions: id-token: write`, under ACTIONS_ID_TOKEN_REQUEST_*. */
export interface GithubOidc {
  readonly requestUrl: string;
  readonly requestToken: string;
}

export interface CredentialOptions {
  readonly auth: VaultAuth;
  /** Null: the tenant that the vault's challenge names. Needed for `github-oidc`. */
  readonly tenantId: string | null;
  /** Of the app registration or the user-assigned identity. Needed for `github-oidc`. */
  readonly clientId?: string | null | undefined;
  readonly github?: GithubOidc | null | undefined;
  /** Told the job's own token each time that it is exchanged. It must keep nothing of it but what it says. */
  readonly onAssertion?: ((token: string) => void) | undefined;
}

const AUDIENCE = 'api://AzureADTokenExchange';
const GITHUB_TIMEOUT_MS = 30_000;

/**
 * One explicit credential for each way to sign in; none falls back to another, except `default`.
 *
 * Nothing is asked of anyone before the first token is needed. `env` and `workload` take what they lack from
 * the environment themselves, as @azure/identity documents. Throws a Fault where `github-oidc` lacks something.
 */
export async function azureCredential(options: CredentialOptions): Promise<Credential> {
  const identity = await import('@azure/identity');
  const tenant = options.tenantId === null ? {} : { tenantId: options.tenantId };
  const clientId = options.clientId ?? null;
  const client = clientId === null ? {} : { clientId };
  switch (options.auth) {
    case 'cli':
      return new identity.AzureCliCredential(tenant);
    case 'workload':
      return new identity.WorkloadIdentityCredential({ ...tenant, ...client });
    case 'managed':
      return new identity.ManagedIdentityCredential(client);
    case 'env':
      return new identity.EnvironmentCredential();
    case 'github-oidc': {
      const { tenantId } = options;
      const { github } = options;
      if (tenantId === null || clientId === null || github === null || github === undefined) {
        throw incomplete(options);
      }
      return new identity.ClientAssertionCredential(tenantId, clientId, async () => {
        const assertion = await githubAssertion(github);
        options.onAssertion?.(assertion);
        return assertion;
      });
    }
    case 'default':
      break;
  }
  const managed = clientId === null ? {} : { managedIdentityClientId: clientId };
  return new identity.DefaultAzureCredential({ ...tenant, ...managed });
}

/** The job's own token, to be exchanged for one of Azure. Neither token stands in an error. */
export async function githubAssertion(github: GithubOidc): Promise<string> {
  const url = new URL(github.requestUrl);
  url.searchParams.set('audience', AUDIENCE);
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${github.requestToken}` },
    signal: AbortSignal.timeout(GITHUB_TIMEOUT_MS),
  }).catch(() => null);
  const token: unknown = answer?.ok === true ? await answer.json().catch(() => null) : null;
  if (typeof token === 'object' && token !== null && 'value' in token && typeof token.value === 'string') {
    return token.value;
  }
  throw new Error(`GitHub gave no id token (${answer === null ? 'no answer' : `status ${answer.status}`})`);
}

function incomplete(options: CredentialOptions): Fault {
  const missing = [
    ...(options.tenantId === null ? ['the tenant id'] : []),
    ...((options.clientId ?? null) === null ? ['the client id'] : []),
    ...((options.github ?? null) === null ? ["the job's right to ask for an id token"] : []),
  ];
  return new Fault({
    code: 'vault-refused',
    what: `sign-in "github-oidc" lacks ${missing.join(', ')}`,
    next: howToSignIn('github-oidc', options.tenantId),
  });
}

/** What a person does to make this kind of sign-in work. */
export function howToSignIn(auth: VaultAuth, tenantId: string | null): string {
  const tenant = tenantId === null ? '' : ` --tenant ${tenantId}`;
  switch (auth) {
    case 'cli':
      return `run "az login${tenant}" on this machine`;
    case 'workload':
      return 'set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE, as workload identity does';
    case 'managed':
      return 'run on an Azure machine that has a managed identity, or declare another auth';
    case 'env':
      return 'set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH';
    case 'github-oidc':
      return (
        'give the job "permissions: id-token: write", set AZURE_CLIENT_ID, declare the tenant, ' +
        'and add a federated credential for this repository to the app registration'
      );
    case 'default':
      break;
  }
  return `run "az login${tenant}", or declare the auth of the vault explicitly`;
}
