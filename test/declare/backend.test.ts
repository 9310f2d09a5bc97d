import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  App,
  AzurermBackend,
  CloudBackend,
  GcsBackend,
  LocalBackend,
  NamedCloudWorkspace,
  NamedRemoteWorkspace,
  PgBackend,
  RemoteBackend,
  S3Backend,
  TerraformStack,
  TerraformVariable,
} from 'cdktf';
import type { AzurermBackendConfig } from 'cdktf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cadence, KeyVault, Secret, Source } from '../../src/declare/declare.ts';
import type { DeclaredRecord } from '../../src/model/declared.ts';
import { parseManifest } from '../../src/record/manifest.ts';

let outdir: string;
let app: App;

beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-backend-'));
  app = new App({ outdir });
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

function stackWith(backend: (stack: TerraformStack) => unknown, id = 'shop'): void {
  const stack = new TerraformStack(app, id);
  backend(stack);
  const vault = new KeyVault(stack, 'vault', { name: `${id.replaceAll('.', '')}-prod`, terraform: false });
  new Secret(stack, 'key', { vault, source: Source.random(), cadence: Cadence.onRequest() });
}

const AZURE = { storageAccountName: 'ktprod', containerName: 'tfstate', key: 'shop.tfstate' };

/** The record that the manifest of a stack with this backend names, read by the engine's own parser. */
function record(more: Partial<AzurermBackendConfig> = {}): DeclaredRecord | null | undefined {
  stackWith((stack) => new AzurermBackend(stack, { ...AZURE, ...more }));
  app.synth();
  const path = join(outdir, 'stacks', 'shop', 'keyturn.json');
  return parseManifest(readFileSync(path, 'utf8'), path).record;
}

/** What synth says, a line a problem. */
function refusal(): string[] {
  try {
    app.synth();
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.split('\n').map((line) => line.trim()) : [];
  }
  throw new Error('not refused');
}

describe("a stack's backend", () => {
  it('of Azure puts the record beside Terraform state, in a container of its own', () => {
    expect(record()).toEqual({
      kind: 'azure-blob',
      account: 'ktprod',
      container: 'tfstate-keyturn',
      environment: 'public',
      auth: 'default',
      tenantId: null,
      clientId: null,
    });
  });

  it.each<[string, Partial<AzurermBackendConfig>, Partial<DeclaredRecord>]>([
    [
      'the identity of a GitHub job',
      { useOidc: true, tenantId: 't', clientId: 'c' },
      { auth: 'github-oidc', tenantId: 't', clientId: 'c' },
    ],
    ['a token file', { useOidc: true, oidcTokenFilePath: 'token' }, { auth: 'workload' }],
    ['a managed identity', { useMsi: true }, { auth: 'managed' }],
    ['a certificate', { clientCertificatePath: 'a.pfx' }, { auth: 'env' }],
    ['whoever is signed in', { useAzureadAuth: true }, { auth: 'default' }],
    ['another cloud', { environment: 'usgovernment' }, { environment: 'usgovernment' }],
    [
      'a variable of the environment that is not set',
      { accessKey: process.env['KEYTURN_NO_SUCH'] as string },
      { auth: 'default' },
    ],
  ])('says how to sign in: %s', (_what, settings, expected) => {
    expect(record(settings)).toMatchObject(expected);
  });

  it('that is local, or none, leaves the record in the local directory', () => {
    stackWith((stack) => new LocalBackend(stack, {}));
    stackWith(() => undefined, 'bank');
    app.synth();
    for (const stack of ['shop', 'bank']) {
      expect(readFileSync(join(outdir, 'stacks', stack, 'keyturn.json'), 'utf8')).not.toContain('"record"');
    }
  });

  it.each<[string, (stack: TerraformStack) => unknown]>([
    ['s3', (stack) => new S3Backend(stack, { bucket: 'b', key: 'k' })],
    ['gcs', (stack) => new GcsBackend(stack, { bucket: 'b' })],
    ['pg', (stack) => new PgBackend(stack, { connStr: 'c' })],
    [
      'remote',
      (stack) => new RemoteBackend(stack, { organization: 'o', workspaces: new NamedRemoteWorkspace('w') }),
    ],
    [
      'cloud',
      (stack) => new CloudBackend(stack, { organization: 'o', workspaces: new NamedCloudWorkspace('w') }),
    ],
  ])('of another kind is refused, with the two that there are: %s', (name, backend) => {
    stackWith(backend);
    expect(refusal()).toEqual([
      'keyturn: a problem in what the stacks declare',
      'shop/backend',
      `the record of "shop" cannot be kept in the backend "${name}"`,
      '→ declare AzurermBackend (the record goes into its storage account) or LocalBackend (into state/): keyturn knows these two',
    ]);
  });

  it('is refused together with everything else that is wrong, of every stack', () => {
    const variable = (stack: TerraformStack): string => new TerraformVariable(stack, 'v', {}).stringValue;
    stackWith((stack) => {
      new S3Backend(stack, { bucket: 'b', key: 'k' });
      new KeyVault(stack, 'wrong', { name: 'no_vault', terraform: false });
    });
    stackWith(
      (stack) => new AzurermBackend(stack, { ...AZURE, storageAccountName: variable(stack) }),
      'bank',
    );
    stackWith(
      (stack) =>
        new AzurermBackend(stack, {
          ...AZURE,
          storageAccountName: 'Kt-Prod',
          containerName: 'x'.repeat(56),
          environment: 'stack',
        }),
      'mail.',
    );
    const said = refusal();
    expect(said[0]).toBe('keyturn: 7 problems in what the stacks declare');
    expect(said).toEqual(
      expect.arrayContaining([
        '"no_vault" is no name of a key vault',
        'the record of "shop" cannot be kept in the backend "s3"',
        'storage_account_name of the backend is known only after terraform apply',
        '"Kt-Prod" is no name of a storage account',
        `"${'x'.repeat(56)}-keyturn", the container of the record, is no name of a container`,
        '"stack" is no cloud that keyturn knows',
        '"mail." cannot name a folder in a container',
      ]),
    );
  });

  it.each(['a', 'x'.repeat(55), 'tf-state-1'])('takes the container %s', (containerName) => {
    expect(record({ containerName })).toMatchObject({ container: `${containerName}-keyturn` });
  });

  it.each(['', '-a', 'a-', 'a--b', 'A', '$root', 'a_b'])('refuses the container "%s"', (containerName) => {
    stackWith((stack) => new AzurermBackend(stack, { ...AZURE, containerName }));
    expect(refusal().join()).toContain('is no name of a container');
  });

  it.each([
    ['accessKey', 'ARM_ACCESS_KEY'],
    ['sasToken', 'ARM_SAS_TOKEN'],
    ['clientSecret', 'AZURE_CLIENT_SECRET'],
  ])('that holds what lets its bearer in is refused without repeating it: %s', (property, variable) => {
    stackWith((stack) => new AzurermBackend(stack, { ...AZURE, [property]: 'c2VjcmV0LXZhbHVl' }));
    const said = refusal().join('\n');
    expect(said).toContain('in plain text in cdk.tf.json');
    expect(said).toContain(`set ${variable}`);
    expect(said).not.toContain('c2VjcmV0LXZhbHVl');
  });
});
