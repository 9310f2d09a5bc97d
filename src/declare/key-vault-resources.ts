import { createRequire } from 'node:module';
import type * as resourceGroup from '@cdktf/provider-azurerm/lib/data-azurerm-resource-group/index.js';
import type * as keyVault from '@cdktf/provider-azurerm/lib/key-vault/index.js';
import type * as diagnosticSetting from '@cdktf/provider-azurerm/lib/monitor-diagnostic-setting/index.js';
import type * as provider from '@cdktf/provider-azurerm/lib/provider/index.js';
import type * as roleAssignment from '@cdktf/provider-azurerm/lib/role-assignment/index.js';
import type * as roleDefinition from '@cdktf/provider-azurerm/lib/role-definition/index.js';
import { TerraformProvider, TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';

/** What Terraform must know of a vault beyond its name. What is left out becomes a Terraform variable of the stack. */
export interface KeyVaultResourceProps {
  /** The resource group, which must exist; variable `resource_group_name`. */
  readonly resourceGroupName?: string;
  /** The resource group's location unless said. */
  readonly location?: string;
  /** `standard` unless said. */
  readonly sku?: 'standard' | 'premium';
  /** 7 to 90, fixed when the vault is made; 90 unless said. */
  readonly softDeleteRetentionDays?: number;
  /** Object id of the identity that runs plan; variable `planner_principal_id`. */
  readonly plannerPrincipalId?: string;
  /** Object id of the identity that runs apply; variable `applier_principal_id`. */
  readonly applierPrincipalId?: string;
  /** Where the audit log goes; variable `log_analytics_workspace_id`. */
  readonly logAnalyticsWorkspaceId?: string;
}

/** The stacks that hold resources of ours. */
const emitted = new WeakSet<TerraformStack>();

const SECRETS = 'Microsoft.KeyVault/vaults/secrets';
/** Lists secrets and versions with their tags and dates; cannot read a value. */
const PLANNER_ACTIONS = [`${SECRETS}/readMetadata/action`];
/** Reads, writes and disables; neither deletes nor purges. */
const APPLIER_ACTIONS = ['getSecret/action', 'setSecret/action', 'update/action', 'readMetadata/action'].map(
  (action) => `${SECRETS}/${action}`,
);

/**
 * Adds the vault, two custom roles, their assignments and the audit log to the stack of `scope`.
 *
 * Azure's built-in roles fit neither identity: Reader may list but sees the control plane, Secrets Officer may
 * delete and purge. A custom role cannot be scoped to a vault, hence the resource group; the assignments are.
 *
 * Returns the vault's id, as Terraform knows it.
 */
export function emitKeyVault(
  scope: Construct,
  name: string,
  tenantId: string | undefined,
  props: KeyVaultResourceProps,
): string {
  const azurerm = loadAzurerm(scope);
  emitted.add(TerraformStack.of(scope));
  const known = (value: string | undefined, variable: string, description: string): string =>
    value ?? stackVariable(TerraformStack.of(scope), variable, description);

  const group = new azurerm.DataAzurermResourceGroup(scope, 'group', {
    name: known(props.resourceGroupName, 'resource_group_name', 'The resource group of the key vault'),
  });
  const vault = new azurerm.KeyVault(scope, 'vault', {
    name,
    location: props.location ?? group.location,
    resourceGroupName: group.name,
    tenantId: known(tenantId, 'tenant_id', 'The Entra tenant of the key vault'),
    skuName: props.sku ?? 'standard',
    rbacAuthorizationEnabled: true,
    purgeProtectionEnabled: true,
    softDeleteRetentionDays: props.softDeleteRetentionDays ?? 90,
    lifecycle: { preventDestroy: true },
  });
  const grant = (
    role: 'planner' | 'applier',
    dataActions: string[],
    description: string,
    who: string,
  ): void => {
    const definition = new azurerm.RoleDefinition(scope, `${role}-role`, {
      name: `keyturn ${role} (${name})`,
      description,
      scope: group.id,
      assignableScopes: [group.id],
      permissions: [{ actions: [], dataActions }],
    });
    new azurerm.RoleAssignment(scope, role, {
      scope: vault.id,
      roleDefinitionId: definition.roleDefinitionResourceId,
      principalId: who,
    });
  };
  grant(
    'planner',
    PLANNER_ACTIONS,
    'Lists secrets and their versions, reads no value',
    known(
      props.plannerPrincipalId,
      'planner_principal_id',
      'Object id of the identity that runs keyturn plan',
    ),
  );
  grant(
    'applier',
    APPLIER_ACTIONS,
    'Mints, reads and disables versions of secrets, deletes none',
    known(
      props.applierPrincipalId,
      'applier_principal_id',
      'Object id of the identity that runs keyturn apply',
    ),
  );
  new azurerm.MonitorDiagnosticSetting(scope, 'audit', {
    name: 'keyturn-audit',
    targetResourceId: vault.id,
    logAnalyticsWorkspaceId: known(
      props.logAnalyticsWorkspaceId,
      'log_analytics_workspace_id',
      'Resource id of the Log Analytics workspace for the audit log of the key vault',
    ),
    enabledLog: [{ category: 'AuditEvent' }],
  });
  return vault.id;
}

/**
 * Declares the azurerm provider where `emitKeyVault` needs one and the stack has none; called when the stack is
 * complete, as its own may come last. The subscription comes from ARM_SUBSCRIPTION_ID.
 */
export function addAzurermProvider(stack: TerraformStack): void {
  if (!emitted.has(stack)) return;
  const has = stack.node
    .findAll()
    .some(
      (node) =>
        TerraformProvider.isTerraformProvider(node) &&
        node.terraformGeneratorMetadata?.providerName === 'azurerm',
    );
  if (!has) new (loadAzurerm(stack).AzurermProvider)(stack, 'azurerm', { features: [{}] });
}

function stackVariable(stack: TerraformStack, name: string, description: string): string {
  const child = stack.node.tryFindChild(name);
  const variable =
    child instanceof TerraformVariable
      ? child
      : new TerraformVariable(stack, name, { type: 'string', description });
  return variable.stringValue;
}

/**
 * The six classes in use, by subpath: the package's root loads 1,530 modules (over a second), these take 15 ms.
 * Loaded here and not by an import, because the package is an optional peer that `terraform: false` does without.
 */
function loadAzurerm(scope: Construct) {
  const require = createRequire(import.meta.url);
  try {
    require.resolve('@cdktf/provider-azurerm/package.json');
  } catch (cause) {
    throw new Error(
      `${scope.node.path} writes azurerm resources and needs @cdktf/provider-azurerm: run npm install --save-dev @cdktf/provider-azurerm@14.23.1, or say terraform: false`,
      { cause },
    );
  }
  const load = (subpath: string): unknown => require(`@cdktf/provider-azurerm/lib/${subpath}/index.js`);
  const { KeyVault } = load('key-vault') as typeof keyVault;
  const { RoleDefinition } = load('role-definition') as typeof roleDefinition;
  const { RoleAssignment } = load('role-assignment') as typeof roleAssignment;
  const { MonitorDiagnosticSetting } = load('monitor-diagnostic-setting') as typeof diagnosticSetting;
  const { DataAzurermResourceGroup } = load('data-azurerm-resource-group') as typeof resourceGroup;
  const { AzurermProvider } = load('provider') as typeof provider;
  return {
    KeyVault,
    RoleDefinition,
    RoleAssignment,
    MonitorDiagnosticSetting,
    DataAzurermResourceGroup,
    AzurermProvider,
  };
}
