import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { AzurermProvider } from '@cdktf/provider-azurerm/lib/provider/index.js';
import { App, TerraformStack } from 'cdktf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyVault } from '../../src/declare/declare.ts';
import { BusflowStack } from '../../stacks/busflow.ts';
import { TrackerStack } from '../../stacks/tracker.ts';

type Json = Record<string, unknown>;
const PROVIDER = new URL('../../node_modules/@cdktf/provider-azurerm/', import.meta.url);
let outdir: string;

beforeAll(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-azurerm-'));
  const app = new App({ outdir });
  new BusflowStack(app, 'busflow');
  new TrackerStack(app, 'tracker');
  app.synth();
});
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

function terraform(stack: string): Json {
  return JSON.parse(readFileSync(join(outdir, 'stacks', stack, 'cdk.tf.json'), 'utf8')) as Json;
}

/** Every block of `section` as type → its attributes, names of blocks left out. */
function blocks(json: Json, section: 'resource' | 'data'): [type: string, attributes: Json][] {
  const types = Object.entries((json[section] ?? {}) as Record<string, Record<string, Json>>);
  return types.flatMap(([type, named]) => Object.values(named).map((block): [string, Json] => [type, block]));
}

/** Attribute → whether it is required, from the provider's own types (generated from its schema). */
function schemaOf(section: 'resource' | 'data', type: string, nested = 'Config'): Map<string, boolean> {
  const name =
    (section === 'data' ? 'data_' : '') + type.replace(/^azurerm/, section === 'data' ? 'azurerm' : '');
  const words = name.split('_').filter((word) => word !== '');
  const text = readFileSync(new URL(`lib/${words.join('-')}/index.d.ts`, PROVIDER), 'utf8');
  const className = words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
  const body = text.split(`export interface ${className}${nested} `)[1]?.split('\n}')[0];
  if (body === undefined) throw new Error(`no interface ${className}${nested}`);
  const attributes = [...body.matchAll(/^ {4}readonly (\w+)(\??):/gm)];
  return new Map(
    attributes.map(([, attribute = '', optional]) => [
      attribute.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      optional !== '?',
    ]),
  );
}

const META = ['//', 'lifecycle', 'depends_on', 'provider', 'count', 'for_each'];

describe.each(['busflow', 'tracker'])('the Terraform of %s', (stack) => {
  it.each(['resource', 'data'] as const)(
    'gives every required attribute of each %s and no unknown one',
    (section) => {
      const found = blocks(terraform(stack), section);
      expect(found.length).toBeGreaterThan(0);
      for (const [type, attributes] of found) {
        const schema = schemaOf(section, type);
        const given = Object.keys(attributes).filter((name) => !META.includes(name));
        const required = [...schema].filter(([, isRequired]) => isRequired).map(([name]) => name);
        expect([...schema.keys()], type).toEqual(expect.arrayContaining(given));
        expect(given, type).toEqual(expect.arrayContaining(required));
      }
    },
  );

  it('holds the vault as it must be: roles instead of policies, no way to purge, not to be destroyed', () => {
    const [vault] = blocks(terraform(stack), 'resource').filter(([type]) => type === 'azurerm_key_vault');
    expect(vault?.[1]).toMatchObject({
      rbac_authorization_enabled: true,
      purge_protection_enabled: true,
      soft_delete_retention_days: 90,
      lifecycle: { prevent_destroy: true },
    });
    expect(vault?.[1]).not.toHaveProperty('access_policy');
  });

  it('gives the planner the metadata only and the applier no right to delete', () => {
    const roles = blocks(terraform(stack), 'resource').filter(([type]) => type === 'azurerm_role_definition');
    const rights: Json = {};
    for (const [, { name, permissions }] of roles) rights[String(name).split(' ')[1] ?? ''] = permissions;
    const at = 'Microsoft.KeyVault/vaults/secrets';
    expect(rights).toEqual({
      planner: [{ actions: [], data_actions: [`${at}/readMetadata/action`] }],
      applier: [
        {
          actions: [],
          data_actions: [
            `${at}/getSecret/action`,
            `${at}/setSecret/action`,
            `${at}/update/action`,
            `${at}/readMetadata/action`,
          ],
        },
      ],
    });
    const assignments = blocks(terraform(stack), 'resource').filter(
      ([type]) => type === 'azurerm_role_assignment',
    );
    // Ours are of the whole vault; those of readers name one secret.
    const [ours, readers] = [true, false].map((isOurs) =>
      assignments.filter(([, { role_definition_id: id }]) => (id !== undefined) === isOurs),
    );
    expect(ours?.map(([, { scope }]) => scope)).toEqual([
      expect.stringMatching(/^\$\{azurerm_key_vault\.\w+\.id\}$/),
      expect.stringMatching(/^\$\{azurerm_key_vault\.\w+\.id\}$/),
    ]);
    for (const [, { scope, role_definition_name: role }] of readers ?? []) {
      expect(scope).toMatch(/^\$\{azurerm_key_vault\.\w+\.id\}\/secrets\/[a-z-]+$/);
      expect(role).toBe('Key Vault Secrets User');
    }
  });

  it('sends the audit log away and declares each variable that it refers to', () => {
    const json = terraform(stack);
    const [audit] = blocks(json, 'resource').filter(
      ([type]) => type === 'azurerm_monitor_diagnostic_setting',
    );
    expect(audit?.[1]['enabled_log']).toEqual([{ category: 'AuditEvent' }]);
    const used = [...JSON.stringify(json).matchAll(/\$\{var\.(\w+)\}/g)].map(([, name]) => name);
    expect(new Set(used)).toEqual(new Set(Object.keys((json['variable'] ?? {}) as Json)));
  });

  it('holds no secret and no path of this machine', () => {
    const text = JSON.stringify(terraform(stack));
    expect(text).not.toContain('azurerm_key_vault_secret');
    expect(text).not.toContain(process.cwd());
    expect(text).not.toContain(outdir);
  });

  it.skipIf(mirror() === null)(
    'passes terraform validate (left out: no azurerm plugin on this machine)',
    () => {
      const folder = join(outdir, 'stacks', stack);
      const run = (...args: string[]): string =>
        execFileSync('terraform', args, { cwd: folder, encoding: 'utf8' });
      run('init', '-backend=false', '-input=false', `-plugin-dir=${mirror()}`);
      expect(run('validate', '-json')).toContain('"valid": true');
    },
  );
});

describe('the azurerm provider', () => {
  it('is declared once, also where the stack declares it after the vault', () => {
    const app = new App({ outdir: mkdtempSync(join(outdir, 'provider-')) });
    const stack = new TerraformStack(app, 'own');
    new KeyVault(stack, 'vault', { name: 'shop-prod' });
    new AzurermProvider(stack, 'mine', { features: [{}], subscriptionId: 'known' });
    app.synth();
    const text = readFileSync(join(app.outdir, 'stacks', 'own', 'cdk.tf.json'), 'utf8');
    const { provider } = JSON.parse(text) as { provider: Json };
    expect(provider['azurerm']).toEqual([{ features: [{}], subscription_id: 'known' }]);
  });

  it('is not there for a vault that somebody else owns', () => {
    const app = new App({ outdir: mkdtempSync(join(outdir, 'foreign-')) });
    new KeyVault(new TerraformStack(app, 'own'), 'vault', { name: 'shop-prod', terraform: false });
    app.synth();
    const text = readFileSync(join(app.outdir, 'stacks', 'own', 'cdk.tf.json'), 'utf8');
    expect(text).not.toContain('azurerm');
  });
});

/** A folder that terraform can take the azurerm plugin from without a network, or null. */
function mirror(): string | null {
  if (spawnSync('terraform', ['version'], { stdio: 'ignore' }).status !== 0) return null;
  const folders = [
    process.env['TF_PLUGIN_CACHE_DIR'] ?? '',
    join(homedir(), '.terraform.d', 'plugins'),
    '/usr/local/share/terraform/plugins',
    '/usr/share/terraform/plugins',
  ].filter((folder) => folder !== '');
  const holds = (folder: string): boolean => {
    const azurerm = join(folder, 'registry.terraform.io', 'hashicorp', 'azurerm');
    return existsSync(azurerm) && readdirSync(azurerm).length > 0;
  };
  return folders.find(holds) ?? null;
}
