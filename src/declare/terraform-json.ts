/** A vault, or one secret of it, that something in Terraform is about. */
export interface Target {
  readonly vault: string;
  /** Null: the whole vault. */
  readonly secret: string | null;
}

/** One resource, data source or nested block, read without trust in its shape. */
export class Block {
  readonly path: string;
  /** It is only looked up, and made somewhere else. */
  readonly isData: boolean;
  readonly #json: unknown;

  constructor(json: unknown, path: string, isData = false) {
    this.#json = json;
    this.path = path;
    this.isData = isData;
  }

  text(name: string): string {
    const value = field(this.#json, name);
    return typeof value === 'string' ? value : '';
  }

  texts(name: string): string[] {
    const value = field(this.#json, name);
    return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
  }

  is(name: string): boolean {
    return field(this.#json, name) === true;
  }

  nested(name: string): Block[] {
    const value = field(this.#json, name);
    const blocks: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
    return blocks.filter(isObject).map((json) => new Block(json, this.path));
  }
}

/** What Terraform is told of a stack, and what its expressions refer to within it. */
export class Terraform {
  readonly #json: unknown;

  constructor(json: unknown) {
    this.#json = json;
  }

  blocks(type: string): Block[] {
    return this.#named(type, 'resource').map(([, block]) => block);
  }

  /** What a scope or the id of a vault names: the id itself, or an expression that gives it. */
  targetOf(text: string): Target | null {
    const [, literal, within = null] =
      /\/providers\/Microsoft\.KeyVault\/vaults\/([^/]+)(?:\/secrets\/([^/]+))?$/i.exec(text) ?? [];
    if (literal !== undefined) return { vault: literal, secret: within };
    // What lies behind an expression belongs to the scope: a key or a certificate is none of ours.
    const [, of = '', tail = null] = /^(\$\{[^}]+\})(?:\/secrets\/([^/]+))?$/.exec(text) ?? [];
    const vault = this.referred(of, 'azurerm_key_vault', 'id');
    if (vault !== null) return { vault: vault.text('name'), secret: tail };
    const secret = this.referred(of, 'azurerm_key_vault_secret', '(?:resource_versionless_id|resource_id)');
    const home = secret === null ? null : this.targetOf(secret.text('key_vault_id'));
    return secret === null || home === null ? null : { vault: home.vault, secret: secret.text('name') };
  }

  /** A vault that this stack does not make is taken to take roles. */
  takesRoles(vault: string): boolean {
    return this.#vault(vault) === null || this.isKnownToTakeRoles(vault);
  }

  isKnownToTakeRoles(vault: string): boolean {
    const block = this.#vault(vault);
    return (
      block !== null && (block.is('rbac_authorization_enabled') || block.is('enable_rbac_authorization'))
    );
  }

  #vault(name: string): Block | null {
    const wanted = name.toLowerCase();
    return (
      this.blocks('azurerm_key_vault').find((each) => each.text('name').toLowerCase() === wanted) ?? null
    );
  }

  /** The block that an expression takes an attribute of. */
  referred(text: string, type: string, attribute: string): Block | null {
    const pattern = new RegExp(`\\$\\{(data\\.)?${type}\\.([\\w-]+)(?:\\[[^\\]]*\\])?\\.${attribute}\\}`);
    const [, data, id] = pattern.exec(text) ?? [];
    if (id === undefined) return null;
    return (
      this.#named(type, data === undefined ? 'resource' : 'data').find(([name]) => name === id)?.[1] ?? null
    );
  }

  #named(type: string, section: 'resource' | 'data'): [string, Block][] {
    const blocks = field(field(this.#json, section), type);
    if (!isObject(blocks)) return [];
    return Object.entries(blocks).map(([name, json]) => {
      const path = field(field(field(json, '//'), 'metadata'), 'path');
      return [name, new Block(json, typeof path === 'string' ? path : `${type}.${name}`, section === 'data')];
    });
  }
}

function field(json: unknown, key: string): unknown {
  return isObject(json) ? Reflect.get(json, key) : undefined;
}

function isObject(json: unknown): json is object {
  return typeof json === 'object' && json !== null;
}
