import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../model/fault.ts';
import type { WrittenSecret } from './vault-wire.ts';

/** A version as the vault keeps it, with its value. */
export interface StoredVersion extends WrittenSecret {
  readonly id: string;
  readonly value: string;
  readonly enabled: boolean;
  /** Unix seconds, as on the wire. */
  readonly created: number;
  readonly updated: number;
}

/** A name and all that was ever set under it. */
export interface StoredSecret {
  /** As it was spelled when it was first set. */
  readonly name: string;
  /** In the order in which they were set; the wire never shows this order. */
  readonly versions: readonly StoredVersion[];
  readonly state: 'live' | 'being deleted' | 'being recovered';
  /** Unix milliseconds at which a delete or recover takes effect. */
  readonly readyAt: number;
}

/**
 * The contents on disk, `vault.json`, mode 0600 in a directory of mode 0700. This is the one file that holds
 * values: it stands for the vault. Written whole to a new file and renamed, before the answer goes out.
 */
interface VaultFile {
  readonly format: 1;
  readonly vault: string;
  readonly secrets: readonly StoredSecret[];
}

/**
 * What the directory holds of this vault, nothing where it holds none; makes the directory. Throws `bad-file` or
 * `newer-format` and leaves the file as it is.
 */
export function loadSecrets(directory: string, vault: string): readonly StoredSecret[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const path = pathIn(directory);
  const file = parseFile(path);
  if (file === null) return [];
  if (file.format !== 1) {
    throw new Fault({
      code: file.format > 1 ? 'newer-format' : 'bad-file',
      what: `the embedded vault's file has format ${file.format}, this keyturn reads 1`,
      where: path,
      next: 'use the keyturn that wrote it, or remove the folder to start with an empty vault',
    });
  }
  if (file.vault !== vault) throw broken(path, `it holds the vault "${file.vault}", not "${vault}"`);
  return file.secrets;
}

/** Puts these in the place of what the directory held, whole or not at all. */
export function saveSecrets(directory: string, vault: string, secrets: readonly StoredSecret[]): void {
  const file: VaultFile = { format: 1, vault, secrets };
  const path = pathIn(directory);
  writeFileSync(`${path}.new`, JSON.stringify(file), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function pathIn(directory: string): string {
  return join(directory, 'vault.json');
}

function parseFile(path: string): (Omit<VaultFile, 'format'> & { readonly format: number }) | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw broken(path, 'it cannot be read');
  }
  try {
    const file = JSON.parse(text) as VaultFile;
    const isWhole =
      Number.isInteger(file.format) &&
      typeof file.vault === 'string' &&
      file.secrets.every((secret) => typeof secret.name === 'string' && secret.versions.every(isVersion));
    if (isWhole) return file;
  } catch {
    // The parser's message quotes the text, which holds values.
  }
  throw broken(path, 'it is not a whole vault file');
}

function isVersion(version: StoredVersion): boolean {
  return typeof version.id === 'string' && typeof version.value === 'string';
}

function broken(path: string, why: string): Fault {
  return new Fault({
    code: 'bad-file',
    what: `the embedded vault's file cannot be used: ${why}`,
    where: path,
    next: 'remove the folder to start with an empty vault, or restore the file',
  });
}
