import type { TerraformStack } from 'cdktf';
import type { Access, DeclaredVault } from '../model/declared.ts';
import type { Block, Target } from './terraform-json.ts';
import { Terraform } from './terraform-json.ts';
import type { Permission, Rights } from './vault-roles.ts';
import { builtInRole, rightsOf, rightsOfPolicy } from './vault-roles.ts';

/**
 * Who may do what with the secrets of these vaults, as far as the stack itself declares it: role assignments whose scope
 * is a vault or one of its secrets, and access policies. Sorted by vault and path.
 *
 * It is read from what Terraform is told, overrides included. What other stacks, the portal, or an assignment at a
 * resource group, a subscription or a management group give is not in it.
 */
export function declaredAccess(stack: TerraformStack, vaults: readonly DeclaredVault[]): Access[] {
  const terraform = new Terraform(stack.toTerraform());
  const found = [
    ...ASSIGNMENTS.flatMap((type) =>
      terraform.blocks(type).flatMap((block) => assignment(block, type, terraform, vaults)),
    ),
    ...terraform
      .blocks('azurerm_key_vault_access_policy')
      .flatMap((block) => policy(block, terraform.targetOf(block.text('key_vault_id')), terraform, vaults)),
    ...terraform
      .blocks('azurerm_key_vault')
      .flatMap((vault) =>
        vault
          .nested('access_policy')
          .flatMap((block) => policy(block, { vault: vault.text('name'), secret: null }, terraform, vaults)),
      ),
  ];
  const keyOf = (access: Access): string => [access.vault, access.path, access.principal].join('\n');
  return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const ELIGIBLE = 'azurerm_pim_eligible_role_assignment';
const ASSIGNMENTS = ['azurerm_role_assignment', 'azurerm_pim_active_role_assignment', ELIGIBLE] as const;

function assignment(
  block: Block,
  type: (typeof ASSIGNMENTS)[number],
  terraform: Terraform,
  vaults: readonly DeclaredVault[],
): Access[] {
  const target = terraform.targetOf(block.text('scope'));
  const vault = declaredAs(target, vaults);
  if (vault === null) return [];
  const role = roleOf(block, terraform);
  const takesRoles = terraform.takesRoles(vault);
  const remarks = [
    ...(role.rights === null ? ['not known to keyturn'] : []),
    ...(type === ELIGIBLE ? ['eligible: has to be activated'] : []),
    ...(block.text('condition') === '' ? [] : ['under a condition']),
    ...(takesRoles || role.rights?.data.every((right) => right === 'grant') !== false
      ? []
      : ['without effect on secrets: the vault takes access policies']),
  ];
  return [
    {
      vault,
      path: block.path,
      principal: block.text('principal_id'),
      role: withRemarks(role.name, remarks),
      can: role.rights === null ? [] : effectOf(role.rights, takesRoles),
      secret: target?.secret ?? null,
      ...(role.rights === null ? { unknown: true as const } : {}),
    },
  ];
}

function effectOf({ data, writesVault }: Rights, takesRoles: boolean): Access['can'] {
  if (takesRoles) return data;
  return writesVault || data.includes('grant') ? ['grant'] : [];
}

function policy(
  block: Block,
  target: Target | null,
  terraform: Terraform,
  vaults: readonly DeclaredVault[],
): Access[] {
  const vault = declaredAs(target, vaults);
  if (vault === null) return [];
  const takesRoles = terraform.isKnownToTakeRoles(vault);
  return [
    {
      vault,
      path: block.path,
      principal: block.text('object_id'),
      role: withRemarks('access policy', takesRoles ? ['without effect: the vault takes roles'] : []),
      can: takesRoles ? [] : rightsOfPolicy(block.texts('secret_permissions')),
      secret: null,
    },
  ];
}

function withRemarks(role: string, remarks: readonly string[]): string {
  return remarks.length === 0 ? role : `${role} (${remarks.join('; ')})`;
}

/** The name as it is declared; Azure's names do not differ by case alone. */
function declaredAs(target: Target | null, vaults: readonly DeclaredVault[]): string | null {
  const wanted = target?.vault.toLowerCase();
  return vaults.find(({ name }) => name.toLowerCase() === wanted)?.name ?? null;
}

/** The name of an assignment's role and what it may do; null: it is not known to us. */
function roleOf(
  block: Block,
  terraform: Terraform,
): { readonly name: string; readonly rights: Rights | null } {
  const name = block.text('role_definition_name');
  if (name !== '') return named(name);
  const id = block.text('role_definition_id');
  const own = terraform.referred(id, 'azurerm_role_definition', String.raw`\w+`);
  if (own === null) return named(/\/roleDefinitions\/([0-9a-f-]{36})$/i.exec(id)?.[1] ?? id);
  // A data source has no permissions of its own here: it names a role that is somewhere else.
  if (own.isData) return named(own.text('name') || own.text('role_definition_id') || id);
  return { name: own.text('name'), rights: rightsOf(own.nested('permissions').map(permissionIn)) };
}

function named(nameOrId: string): { readonly name: string; readonly rights: Rights | null } {
  const known = builtInRole(nameOrId);
  return { name: known?.name ?? nameOrId, rights: known };
}

function permissionIn(block: Block): Permission {
  return {
    actions: block.texts('actions'),
    notActions: block.texts('not_actions'),
    dataActions: block.texts('data_actions'),
    notDataActions: block.texts('not_data_actions'),
  };
}
