import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, TerraformStack } from 'cdktf';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SecretProps } from '../../src/declare/declare.ts';
import { Cadence, KeyVault, Secret, Source } from '../../src/declare/declare.ts';
import { Fault } from '../../src/model/fault.ts';
import { guarded } from '../../src/model/guard.ts';
import { checkManifest, inForce, parseManifest } from '../../src/record/manifest.ts';

let outdir: string;

beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'keyturn-personal-'));
});
afterEach(() => rmSync(outdir, { recursive: true, force: true }));

/** The manifest of one secret, as it is written. */
function synth(props: Partial<SecretProps>): string {
  const app = new App({ outdir });
  const stack = new TerraformStack(app, 'shop');
  const vault = new KeyVault(stack, 'vault', { name: 'shop-prod', terraform: false });
  new Secret(stack, 'token', { vault, source: Source.random(), cadence: Cadence.onRequest(), ...props });
  app.synth();
  return readFileSync(join(outdir, 'stacks', 'shop', 'keyturn.json'), 'utf8');
}

it('masks what is declared to be personal data once the manifest is read, and nothing else of it', () => {
  const text = synth({
    owner: 'Erika Mustermann',
    description: 'token of the shop',
    tags: { contact: 'erika@example.org', team: 'platform' },
    pii: ['tags.contact', 'owner'],
  });
  expect(guarded('Erika Mustermann')).toBe('Erika Mustermann');
  expect(parseManifest(text, 'keyturn.json').secrets[0]?.pii).toEqual(['owner', 'tags.contact']);
  expect(guarded('ask Erika Mustermann (erika%40example.org), platform, about the token of the shop')).toBe(
    'ask (personal data) ((personal data)), platform, about the token of the shop',
  );
});

it('is masked of a manifest that was checked before only once that is in force', () => {
  const text = synth({ owner: 'Nora Fraser', pii: ['owner'] });
  const declared = checkManifest(text, 'keyturn.json');
  expect(guarded('by Nora Fraser')).toBe('by Nora Fraser');
  expect(inForce(declared)).toBe(declared);
  expect(guarded('by Nora Fraser')).toBe('by (personal data)');
});

it('stands in no manifest that declares none', () => {
  expect(synth({ owner: 'platform' })).not.toContain('pii');
  expect(synth({ owner: 'platform', pii: [] })).not.toContain('pii');
});

it('refuses at synth, all at once, what cannot be personal data or cannot be masked', () => {
  const pii = ['owner', 'description', 'name', 'tags.contact', 'tags.toString'] as NonNullable<
    SecretProps['pii']
  >;
  expect(() => synth({ owner: 'Ann', pii })).toThrow(
    /pii names "description", which is not declared[^]*pii names "name", which is no field that can hold it[^]*pii names "owner", whose text is too short to be masked[^]*at least 6 characters[^]*pii names "tags.contact", which is not declared[^]*"tags.toString", which is not declared/,
  );
  expect(() => synth({ owner: 'Ann Boleyn', pii: ['owner', 'owner'] })).toThrow(/pii names "owner" twice/);
});

it('refuses the same of a manifest, and masks nothing of one that is refused', () => {
  const manifest = JSON.parse(synth({ owner: 'Max Mustermann', pii: ['owner'] })) as {
    secrets: { pii: unknown }[];
  };
  for (const pii of [['owner', 'source'], ['tags.none'], [], ['owner', 1], 'owner']) {
    const [secret] = manifest.secrets;
    if (secret !== undefined) secret.pii = pii;
    expect(() => parseManifest(JSON.stringify(manifest), 'keyturn.json')).toThrow(Fault);
  }
  expect(guarded('Max Mustermann')).toBe('Max Mustermann');
});
