import type { Access } from '../model/declared.ts';

export type Right = Access['can'][number];

/** What a role may do with the secrets of a vault. */
export interface Rights {
  /** On a vault that takes roles. */
  readonly data: readonly Right[];
  /** May write the vault itself: on a vault that takes access policies, give anybody any right. */
  readonly writesVault: boolean;
}

/** In this order they are listed. */
const ORDER: readonly Right[] = ['list', 'read', 'set', 'purge', 'grant'];

interface BuiltIn extends Rights {
  readonly name: string;
  readonly id: string;
}

const builtIn = (name: string, id: string, data: readonly Right[], writesVault = false): BuiltIn => ({
  name,
  id,
  data,
  writesVault,
});

/**
 * Azure's built-in roles that are assigned to vaults. A role of the control plane gives no right to a value; those that
 * may assign roles can give themselves any. A certificate's private key is a secret of the vault.
 */
const BUILT_IN: readonly BuiltIn[] = [
  builtIn('Key Vault Administrator', '00482a5a-887f-4fb3-b363-3b7fe8e74483', [
    'list',
    'read',
    'set',
    'purge',
  ]),
  builtIn('Key Vault Secrets Officer', 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7', [
    'list',
    'read',
    'set',
    'purge',
  ]),
  builtIn('Key Vault Secrets User', '4633458b-17de-408a-b874-0445c86b69e6', ['list', 'read']),
  builtIn('Key Vault Certificate User', 'db79e9a7-68ee-4b58-9aeb-b90e7c24fcba', ['list', 'read']),
  builtIn('Key Vault Reader', '21090545-7ca7-4776-b22c-e363652d74d2', ['list']),
  builtIn('Key Vault Purge Operator', 'a68e7c17-0ab2-4c09-9a58-125dae29748c', ['purge']),
  builtIn('Key Vault Data Access Administrator', '8b54135c-b56d-4d72-a534-26097cfdc8d8', ['grant']),
  builtIn('Key Vault Contributor', 'f25e0fa2-a7c8-4377-a976-54943a77a395', [], true),
  builtIn('Key Vault Certificates Officer', 'a4417e6f-fecd-4de8-b567-7b0420556985', []),
  builtIn('Key Vault Crypto Officer', '14b46e9e-c2b7-41b4-b07b-48a6ebf60603', []),
  builtIn('Key Vault Crypto User', '12338af0-0e69-4776-bea7-57ae8d297424', []),
  builtIn('Key Vault Crypto Service Encryption User', 'e147488a-f6f5-4113-8e2d-b22465e65bf6', []),
  builtIn('Key Vault Crypto Service Release User', '08bbd89e-9f13-488c-ac41-acfcb10c90ab', []),
  builtIn('Owner', '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', ['grant'], true),
  builtIn('User Access Administrator', '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', ['grant']),
  builtIn('Role Based Access Control Administrator', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168', ['grant']),
  builtIn('Contributor', 'b24988ac-6180-42a0-ab88-20f7382dd24c', [], true),
  builtIn('Reader', 'acdd72a7-3385-48ef-bd42-f606fba81ae7', []),
];

/** A built-in role by its name or by its id, however they are written; null: not known. */
export function builtInRole(nameOrId: string): BuiltIn | null {
  const wanted = nameOrId.toLowerCase();
  return BUILT_IN.find(({ name, id }) => id === wanted || name.toLowerCase() === wanted) ?? null;
}

/** One block of a role definition, as Terraform has it. */
export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly string[];
  readonly notDataActions: readonly string[];
}

const AT = 'Microsoft.KeyVault/vaults/secrets';
/** A copy of a secret can be restored, and read then, in another vault. Who deletes or recovers one changes it. */
const DATA_ACTIONS: readonly (readonly [string, Right])[] = [
  [`${AT}/readMetadata/action`, 'list'],
  [`${AT}/getSecret/action`, 'read'],
  [`${AT}/backup/action`, 'read'],
  [`${AT}/setSecret/action`, 'set'],
  [`${AT}/update/action`, 'set'],
  [`${AT}/restore/action`, 'set'],
  [`${AT}/recover/action`, 'set'],
  [`${AT}/delete`, 'set'],
  [`${AT}/purge/action`, 'purge'],
];
const ASSIGNS = 'Microsoft.Authorization/roleAssignments/write';
const WRITES_VAULT = ['Microsoft.KeyVault/vaults/write', 'Microsoft.KeyVault/vaults/accessPolicies/write'];

/** What a role of one's own may do, from its permissions. */
export function rightsOf(permissions: readonly Permission[]): Rights {
  const some = (test: (permission: Permission) => boolean): boolean => permissions.some(test);
  const data = DATA_ACTIONS.filter(([action]) =>
    some(({ dataActions, notDataActions }) => covers(dataActions, action) && !covers(notDataActions, action)),
  ).map(([, right]) => right);
  const may = (action: string): boolean =>
    some(({ actions, notActions }) => covers(actions, action) && !covers(notActions, action));
  return { data: inOrder(may(ASSIGNS) ? [...data, 'grant'] : data), writesVault: WRITES_VAULT.some(may) };
}

/** What an access policy's permissions for secrets come to. */
export function rightsOfPolicy(permissions: readonly string[]): readonly Right[] {
  const rights: Readonly<Record<string, Right>> = {
    list: 'list',
    get: 'read',
    backup: 'read',
    set: 'set',
    restore: 'set',
    recover: 'set',
    delete: 'set',
    purge: 'purge',
  };
  if (permissions.some((each) => each.toLowerCase() === 'all'))
    return ORDER.filter((each) => each !== 'grant');
  return inOrder(permissions.flatMap((each) => rights[each.toLowerCase()] ?? []));
}

function inOrder(rights: readonly Right[]): Right[] {
  return ORDER.filter((right) => rights.includes(right));
}

/** Azure's wildcard stands for any text. */
function covers(patterns: readonly string[], action: string): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
    return new RegExp(`^${parts.join('.*')}$`, 'i').test(action);
  });
}
