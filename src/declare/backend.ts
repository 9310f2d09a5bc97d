import { TerraformBackend, Token } from 'cdktf';
import type { TerraformStack } from 'cdktf';
import type { DeclaredRecord, VaultAuth } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';

/** What is added to the name of the container that holds Terraform's state. */
const SUFFIX = '-keyturn';
const CLOUDS = ['public', 'usgovernment', 'china'] as const;
/** What lets its bearer in: cdktf writes it as it is into cdk.tf.json. */
const CREDENTIALS = {
  access_key: 'ARM_ACCESS_KEY',
  sas_token: 'ARM_SAS_TOKEN',
  client_secret: 'AZURE_CLIENT_SECRET',
  client_certificate_password: 'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  oidc_token: 'AZURE_FEDERATED_TOKEN_FILE',
  oidc_request_token: 'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
} as const;

/**
 * Where the record of a stack is kept: beside Terraform's state where its backend is `AzurermBackend`, in a
 * container of its own; null, in the local directory, where it is `LocalBackend` or none. Nothing that lets
 * anyone in is taken over. Only for a stack that `recordProblems` finds nothing wrong with.
 */
export function declaredRecord(stack: TerraformStack): DeclaredRecord | null {
  const settings = backendsOf(stack).find(({ name }) => name === 'azurerm')?.settings;
  if (settings === undefined) return null;
  return {
    kind: 'azure-blob',
    account: textIn(settings, 'storage_account_name') ?? '',
    container: `${textIn(settings, 'container_name') ?? ''}${SUFFIX}`,
    environment: CLOUDS.find((cloud) => cloud === textIn(settings, 'environment')) ?? 'public',
    auth: authIn(settings),
    tenantId: textIn(settings, 'tenant_id'),
    clientId: textIn(settings, 'client_id'),
  };
}

/** Why no record can be kept where the stack says; empty: it can. */
export function recordProblems(stack: TerraformStack): Problem[] {
  return backendsOf(stack).flatMap(({ name, path, settings }) => {
    const found = name === 'azurerm' ? azureProblems(settings, stack) : otherProblems(name, stack);
    return found.map((problem) => ({ ...problem, where: path }));
  });
}

type Found = Omit<Problem, 'where'>;

interface Backend {
  /** As Terraform calls it. */
  readonly name: string;
  readonly path: string;
  readonly settings: ReadonlyMap<string, unknown>;
}

function backendsOf(stack: TerraformStack): Backend[] {
  return stack.node
    .findAll()
    .filter((node) => TerraformBackend.isBackend(node))
    .map((node) => {
      const terraform = field(node.toTerraform(), 'terraform');
      const [[name, settings] = ['cloud', null]] = entriesOf(field(terraform, 'backend'));
      const said = entriesOf(settings).filter(([, value]) => value !== undefined && value !== null);
      return { name, path: node.node.path, settings: new Map(said) };
    });
}

function otherProblems(name: string, stack: TerraformStack): Found[] {
  if (name === 'local') return [];
  return [
    {
      what: `the record of "${stack.node.id}" cannot be kept in the backend "${name}"`,
      next: 'declare AzurermBackend (the record goes into its storage account) or LocalBackend (into state/): keyturn knows these two',
    },
  ];
}

function azureProblems(settings: Backend['settings'], stack: TerraformStack): Found[] {
  const unknown = ['storage_account_name', 'container_name', 'environment', 'tenant_id', 'client_id'].filter(
    (key) => Token.isUnresolved(settings.get(key)),
  );
  if (unknown.length > 0) {
    return unknown.map((key) => ({
      what: `${key} of the backend is known only after terraform apply`,
      next: 'give the text itself, as Terraform wants it there too',
    }));
  }
  return [
    ...nameProblems(settings, stack),
    ...Object.entries(CREDENTIALS)
      .filter(([key]) => settings.has(key))
      .map(([key, variable]) => ({
        what: `${key} stands in the backend, and so in plain text in cdk.tf.json`,
        next: `take it out and set ${variable} where Terraform and keyturn run`,
      })),
  ];
}

function nameProblems(settings: Backend['settings'], stack: TerraformStack): Found[] {
  const problems: Found[] = [];
  const account = textIn(settings, 'storage_account_name') ?? '';
  if (!/^[a-z0-9]{3,24}$/.test(account)) {
    problems.push({
      what: `"${account}" is no name of a storage account`,
      next: 'use 3 to 24 lower-case letters and digits',
    });
  }
  const container = textIn(settings, 'container_name') ?? '';
  if (!/^[a-z0-9](?!.*--)[a-z0-9-]{0,54}$/.test(container) || container.endsWith('-')) {
    problems.push({
      what: `"${container}${SUFFIX}", the container of the record, is no name of a container`,
      next: `name the backend's container with 1 to ${63 - SUFFIX.length} lower-case letters, digits and single hyphens, no hyphen first or last`,
    });
  }
  const environment = textIn(settings, 'environment') ?? 'public';
  if (!CLOUDS.some((cloud) => cloud === environment)) {
    problems.push({
      what: `"${environment}" is no cloud that keyturn knows`,
      next: `leave environment out, or write one of ${CLOUDS.join(', ')}`,
    });
  }
  if (stack.node.id.endsWith('.')) {
    problems.push({
      what: `"${stack.node.id}" cannot name a folder in a container`,
      next: 'take the last dot out of the id of the stack',
    });
  }
  return problems;
}

/** The flags of Terraform's backend as one explicit way to sign in. */
function authIn(settings: Backend['settings']): VaultAuth {
  if (settings.get('use_oidc') === true) {
    return settings.has('oidc_token_file_path') ? 'workload' : 'github-oidc';
  }
  if (settings.get('use_msi') === true) return 'managed';
  return settings.has('client_certificate_path') ? 'env' : 'default';
}

function textIn(settings: Backend['settings'], key: string): string | null {
  const value = settings.get(key);
  return typeof value === 'string' && value !== '' ? value : null;
}

function field(json: unknown, key: string): unknown {
  return new Map(entriesOf(json)).get(key);
}

function entriesOf(json: unknown): [string, unknown][] {
  return typeof json === 'object' && json !== null ? Object.entries(json) : [];
}
