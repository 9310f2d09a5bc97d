import { createServer } from 'node:http';
import { AuthenticationRequiredError, CredentialUnavailableError } from '@azure/identity';
import { expect, it } from 'vitest';
import { azureCredential, githubAssertion } from '../../src/providers/azure-credential.ts';
import { vaultFault } from '../../src/providers/key-vault-faults.ts';
import type { VaultCall } from '../../src/providers/key-vault-faults.ts';

const call: VaultCall = {
  vault: 'busflow-prod',
  host: 'busflow-prod.vault.azure.net',
  auth: 'cli',
  tenantId: 'tenant-a',
  doing: 'list',
  secret: null,
  signal: undefined,
};

it('says how to sign in when there is no credential', () => {
  const fault = vaultFault(new CredentialUnavailableError('Azure CLI could not be found.'), null, call);
  expect(fault).toMatchObject({ code: 'vault-refused', where: 'vault://busflow-prod' });
  expect(fault.next).toBe('run "az login --tenant tenant-a" on this machine');
});

it.each(['AADSTS90002', 'AADSTS50020', 'AADSTS700016'])('calls %s a wrong tenant', (code) => {
  const thrown = new AuthenticationRequiredError({
    scopes: [],
    message: `${code}: Tenant 'tenant-a' not found.`,
  });
  const fault = vaultFault(thrown, null, call);
  expect(fault.code).toBe('vault-refused');
  expect(fault.message).toContain(
    `tenant "tenant-a" for vault "busflow-prod" failed: wrong tenant (${code})`,
  );
});

it('names both tenants when the vault belongs to another one', () => {
  const thrown = new CredentialUnavailableError(
    'The current credential is not configured to acquire tokens for tenant tenant-b. To enable acquiring …',
  );
  const fault = vaultFault(thrown, null, call);
  expect(fault.message).toBe('vault "busflow-prod" belongs to tenant "tenant-b", not to tenant "tenant-a"');
  expect(fault.next).toContain('tenantId');
});

it('tells the firewall of the vault from a missing role', () => {
  const refusal = {
    status: 403,
    code: 'Forbidden',
    inner: 'ForbiddenByFirewall',
    akv: null,
    requestId: 'r-1',
  };
  const fault = vaultFault(new Error('refused'), refusal, call);
  expect(fault.message).toContain('firewall');
  expect(fault.message).toContain('r-1');
  expect(fault.next).not.toContain('role');
});

it.each(['cli', 'workload', 'managed', 'env', 'github-oidc', 'default'] as const)(
  'makes a credential for "%s" without asking anyone',
  async (auth) => {
    const github = { requestUrl: 'http://127.0.0.1:1/', requestToken: 't' };
    const made = azureCredential({ auth, tenantId: 'tenant-a', clientId: 'client-a', github });
    const name = await made.then(
      (credential) => credential.constructor.name,
      (thrown: unknown) => (thrown instanceof Error ? thrown.name : ''),
    );
    const names = {
      'cli': 'AzureCliCredential',
      'workload': 'WorkloadIdentityCredential',
      'managed': 'ManagedIdentityCredential',
      'env': 'EnvironmentCredential',
      'github-oidc': 'ClientAssertionCredential',
      'default': 'DefaultAzureCredential',
    };
    expect(auth === 'workload' ? [names[auth], 'CredentialUnavailableError'] : [names[auth]]).toContain(name);
  },
);

it("asks GitHub for the job's token with Azure's audience, and repeats no token when it is refused", async () => {
  let status = 200;
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url, request.headers.authorization);
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"value":"job-token"}');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const github = { requestUrl: `http://127.0.0.1:${port}/token?x=1`, requestToken: 'request-token' };
  expect(await githubAssertion(github)).toBe('job-token');
  expect(asked).toEqual(['/token?x=1&audience=api%3A%2F%2FAzureADTokenExchange', 'Bearer request-token']);
  status = 403;
  await expect(githubAssertion(github)).rejects.toThrow('GitHub gave no id token (status 403)');
  server.closeAllConnections();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
});
