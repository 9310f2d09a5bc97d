import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataAzurermKeyVault } from '@cdktf/provider-azurerm/lib/data-azurerm-key-vault/index.js';
import { DataAzurermRoleDefinition } from '@cdktf/provider-azurerm/lib/data-azurerm-role-definition/index.js';
import { KeyVaultAccessPolicyA } from '@cdktf/provider-azurerm/lib/key-vault-access-policy/index.js';
import { KeyVault as AzureVault } from '@cdktf/provider-azurerm/lib/key-vault/index.js';
import { AzurermProvider } from '@cdktf/provider-azurerm/lib/provider/index.js';
import { RoleAssignment } from '@cdktf/provider-azurerm/lib/role-assignment/index.js';
import { RoleDefinition } from '@cdktf/provider-azurerm/lib/role-definition/index.js';
import { App, TerraformStack } from 'cdktf';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyVault } from '../../src/declare/declare.ts';
import { builtInRole, rightsOf } from '../../src/declare/vault-roles.ts';
import type { Access } from '../../src/model/declared.ts';
import { parseManifest } from '../../src/record/manifest.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-access-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const VAULT = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/Shop-Prod';
const ROLES = '/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions';

/** The access of a stack with a vault `shop-prod` that somebody else makes. */
function accessOf(build: (stack: TerraformStack) => void): readonly Access[] {
  const outdir = mkdtempSync(join(folder, 'app-'));
  const app = new App({ outdir });
  const stack = new TerraformStack(app, 'shop');
  new AzurermProvider(stack, 'azurerm', { features: [{}] });
  new KeyVault(stack, 'vault', { name: 'shop-prod', terraform: false });
  build(stack);
  app.synth();
  const file = join(outdir, 'stacks', 'shop', 'keyturn.json');
  return parseManifest(readFileSync(file, 'utf8'), file).access ?? [];
}

/** Of one role assignment on the vault, by its id. */
function assigned(role: { roleDefinitionName: string } | { roleDefinitionId: string }): Access | undefined {
  return accessOf((stack) => {
    new RoleAssignment(stack, 'one', { scope: VAULT, principalId: 'somebody', ...role });
  })[0];
}

describe('a role assignment', () => {
  it.each([
    ['Key Vault Administrator', 'list read set purge'],
    ['Key Vault Secrets Officer', 'list read set purge'],
    ['Key Vault Secrets User', 'list read'],
    ['key vault reader', 'list'],
    ['Key Vault Certificate User', 'list read'],
    ['Owner', 'grant'],
    ['User Access Administrator', 'grant'],
    ['Contributor', ''],
    ['Key Vault Contributor', ''],
    ['Key Vault Crypto Officer', ''],
  ])('of %s gives: %s', (roleDefinitionName, can) => {
    const access = assigned({ roleDefinitionName });
    expect(access?.can.join(' ')).toBe(can);
    expect(access?.role).toBe(builtInRole(roleDefinitionName)?.name);
    expect(access?.unknown).toBeUndefined();
    expect(access).toMatchObject({
      vault: 'shop-prod',
      path: 'shop/one',
      principal: 'somebody',
      secret: null,
    });
  });

  it('is known by the id of its role as well', () => {
    expect(assigned({ roleDefinitionId: `${ROLES}/4633458b-17de-408a-b874-0445c86b69e6` })).toMatchObject({
      role: 'Key Vault Secrets User',
      can: ['list', 'read'],
    });
  });

  it('of a role that is not known gives nothing and says that', () => {
    expect(assigned({ roleDefinitionName: 'Shop Operators' })).toMatchObject({
      role: 'Shop Operators (not known to keyturn)',
      can: [],
      unknown: true,
    });
    const id = '11111111-2222-3333-4444-555555555555';
    expect(assigned({ roleDefinitionId: `${ROLES}/${id}` })?.role).toBe(`${id} (not known to keyturn)`);
  });

  it('of a role that the stack defines gives what its actions say, and of one that it looks up what its name says', () => {
    const [defined, looked] = accessOf((stack) => {
      const role = new RoleDefinition(stack, 'role', {
        name: 'shop writer',
        scope: '/subscriptions/s',
        permissions: [
          {
            dataActions: ['Microsoft.KeyVault/vaults/secrets/*'],
            notDataActions: ['Microsoft.KeyVault/vaults/secrets/getSecret/action', '*/purge/action'],
          },
        ],
      });
      const found = new DataAzurermRoleDefinition(stack, 'found', { name: 'Key Vault Reader' });
      const scope = { scope: VAULT, principalId: 'somebody' };
      new RoleAssignment(stack, 'a', { ...scope, roleDefinitionId: role.roleDefinitionResourceId });
      new RoleAssignment(stack, 'b', { ...scope, roleDefinitionId: found.id });
    });
    expect(defined).toMatchObject({ role: 'shop writer', can: ['list', 'read', 'set'] });
    expect(looked).toMatchObject({ role: 'Key Vault Reader', can: ['list'] });
  });

  it('may be of one secret, by text or by expression; of a key, another vault or a resource group it is left out', () => {
    const access = accessOf((stack) => {
      const vault = new DataAzurermKeyVault(stack, 'found', { name: 'shop-prod', resourceGroupName: 'g' });
      const scopes = [
        `${VAULT}/secrets/db`,
        `${vault.id}/secrets/token`,
        vault.id,
        `${vault.id}/keys/k`,
        `${VAULT}-2`,
        '/subscriptions/s/resourceGroups/g',
      ];
      for (const [at, scope] of scopes.entries()) {
        const roleDefinitionName = 'Key Vault Secrets User';
        new RoleAssignment(stack, `a${at}`, { scope, roleDefinitionName, principalId: 'somebody' });
      }
    });
    expect(access.map(({ path, secret }) => [path, secret])).toEqual([
      ['shop/a0', 'db'],
      ['shop/a1', 'token'],
      ['shop/a2', null],
    ]);
  });

  it('under a condition says so', () => {
    const [access] = accessOf((stack) => {
      new RoleAssignment(stack, 'one', {
        scope: VAULT,
        roleDefinitionName: 'Key Vault Secrets User',
        principalId: 'somebody',
        condition: "@Resource[name] StringEquals 'db'",
        conditionVersion: '2.0',
      });
    });
    expect(access?.role).toBe('Key Vault Secrets User (under a condition)');
  });
});

describe('a vault that takes access policies', () => {
  /** Its policies, and what a reader and an owner by role come to. */
  function access(rbacAuthorizationEnabled: boolean): string[] {
    const said = accessOf((stack) => {
      const vault = new AzureVault(stack, 'azure', {
        name: 'shop-prod',
        location: 'l',
        resourceGroupName: 'g',
        tenantId: 't',
        skuName: 'standard',
        rbacAuthorizationEnabled,
        accessPolicy: [{ tenantId: 't', objectId: 'inline', secretPermissions: ['List', 'Get'] }],
      });
      new KeyVaultAccessPolicyA(stack, 'policy', {
        keyVaultId: vault.id,
        tenantId: 't',
        objectId: 'beside',
        secretPermissions: ['Set', 'Delete', 'Purge'],
      });
      for (const role of ['Key Vault Secrets User', 'Contributor']) {
        const props = { scope: vault.id, roleDefinitionName: role, principalId: role };
        new RoleAssignment(stack, role.replaceAll(' ', ''), props);
      }
    });
    return said.map(({ principal, role, can }) => `${principal}: ${role}: ${can.join(' ')}`);
  }

  it('gives what its policies say, nothing by a role of data, and all to whoever may write the vault', () => {
    expect(access(false)).toEqual([
      'Contributor: Contributor: grant',
      'Key Vault Secrets User: Key Vault Secrets User (without effect on secrets: the vault takes access policies): ',
      'inline: access policy: list read',
      'beside: access policy: set purge',
    ]);
  });

  it('is another one than a vault that takes roles, on which policies do nothing', () => {
    expect(access(true)).toEqual([
      'Contributor: Contributor: ',
      'Key Vault Secrets User: Key Vault Secrets User: list read',
      'inline: access policy (without effect: the vault takes roles): ',
      'beside: access policy (without effect: the vault takes roles): ',
    ]);
  });
});

it("of a role of one's own a wildcard counts as all that it covers", () => {
  const none = { actions: [], notActions: [], dataActions: [], notDataActions: [] };
  expect(rightsOf([{ ...none, dataActions: ['*'] }]).data).toEqual(['list', 'read', 'set', 'purge']);
  expect(rightsOf([{ ...none, actions: ['*'] }])).toEqual({ data: ['grant'], writesVault: true });
  expect(rightsOf([{ ...none, actions: ['*'], notActions: ['Microsoft.Authorization/*/Write'] }])).toEqual({
    data: [],
    writesVault: true,
  });
});
