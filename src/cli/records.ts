import { randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Declared, DeclaredRecord, VaultAuth } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { ObjectStore } from '../model/store.ts';
import type { BlobPlace } from '../providers/blob-wire.ts';
import { LocalStore } from '../record/local-store.ts';
import { parseManifest } from '../record/manifest.ts';
import { StackRecord } from '../record/record.ts';
import type { WorldArgs } from './connect.ts';
import { azureIdentity } from './connect.ts';

export interface NamedRecord {
  readonly stack: string;
  readonly record: StackRecord;
}

/** A stack, and where its record is declared to be. */
export type RecordOf = Pick<Declared, 'stack' | 'record'>;

/** The directory of the local records: `state/`, or the sandbox's own. */
export function recordsOf(argv: WorldArgs): string {
  const root = resolve(argv.directory);
  return argv.sandbox === undefined ? join(root, 'state') : join(root, '.keyturn', 'sandbox', 'state');
}

/** Where the record of a stack is now: the sandbox keeps every one to itself. Null: in the local directory. */
export function placeOf(argv: WorldArgs, { record }: RecordOf): DeclaredRecord | null {
  return argv.sandbox === undefined ? (record ?? null) : null;
}

/** The record of one stack, where it is declared to be; nothing is read, made or connected before it is used. */
export async function openRecord(argv: WorldArgs, declared: RecordOf): Promise<StackRecord> {
  return new StackRecord(await openStore(argv, declared), declared.stack, randomUUID);
}

/** What that record lies in. `{ stack, record: null }` is the local one, whatever the stack declares. */
export async function openStore(argv: WorldArgs, declared: RecordOf): Promise<ObjectStore> {
  const place = placeOf(argv, declared);
  if (place === null) return localStore(recordsOf(argv), declared.stack);
  const { BlobStore } = await import('../providers/blob-store.ts');
  const access = azureAccess(place, process.env);
  return new BlobStore({ container: place.container, ...access }, declared.stack);
}

function localStore(directory: string, stack: string): ObjectStore {
  const path = join(directory, stack);
  const near = relative(process.cwd(), path);
  return new LocalStore(path, near.startsWith('..') ? path : near);
}

/**
 * What the environment adds to what a stack declares: a key or a signature under the names that Terraform's own
 * backend reads, the identity of the job, and the address of a storage emulator.
 */
function azureAccess(place: DeclaredRecord, environment: NodeJS.ProcessEnv): Omit<BlobPlace, 'container'> {
  const { ARM_ACCESS_KEY: accessKey, ARM_SAS_TOKEN: sasToken, ARM_CLIENT_ID, ARM_TENANT_ID } = environment;
  const { clientId, github } = azureIdentity(environment);
  return {
    account: place.account,
    endpoint: environment['KEYTURN_BLOB_ENDPOINT'] ?? `https://${place.account}.${HOSTS[place.environment]}`,
    auth: authOf(place.auth, environment),
    clientId: place.clientId ?? ARM_CLIENT_ID ?? clientId,
    tenantId: place.tenantId ?? ARM_TENANT_ID ?? null,
    github,
    accessKey: said(accessKey),
    sasToken: said(sasToken),
  };
}

const HOSTS: Readonly<Record<DeclaredRecord['environment'], string>> = {
  public: 'blob.core.windows.net',
  usgovernment: 'blob.core.usgovcloudapi.net',
  china: 'blob.core.chinacloudapi.cn',
};

/** Where the backend leaves it open, the variables of Terraform's backend say how to sign in. */
function authOf(declared: VaultAuth, environment: NodeJS.ProcessEnv): VaultAuth {
  if (declared !== 'default') return declared;
  if (environment['ARM_USE_OIDC'] === 'true') return 'github-oidc';
  return environment['ARM_USE_MSI'] === 'true' ? 'managed' : 'default';
}

/** An empty variable says nothing. */
function said(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/**
 * The records of these stacks, or of all that have one, in the order of their names: those in the local directory,
 * and those that the last synth says are kept elsewhere. Looks at records only and runs no app, so an auditor needs
 * a copy of the directory and nothing else.
 */
export async function openRecords(argv: WorldArgs, stacks: readonly string[]): Promise<NamedRecord[]> {
  const directory = recordsOf(argv);
  const elsewhere = await declaredElsewhere(argv);
  const known = [...new Set([...(await stacksIn(directory)), ...elsewhere.keys()])].sort();
  const unknown = stacks.filter((stack) => !known.includes(stack));
  if (unknown.length > 0) {
    throw new Fault({
      code: 'bad-usage',
      what: `no record of a stack "${unknown.join('", "')}"`,
      where: directory,
      next: known.length === 0 ? 'nothing was applied yet' : `there are records of ${known.join(', ')}`,
    });
  }
  const chosen = stacks.length === 0 ? known : known.filter((stack) => stacks.includes(stack));
  return Promise.all(
    chosen.map(async (stack) => ({
      stack,
      record: await openRecord(argv, { stack, record: elsewhere.get(stack) ?? null }),
    })),
  );
}

/** One record for a command that takes one: the named one, or the only one that there is. */
export async function openOneRecord(argv: WorldArgs, stack: string | undefined): Promise<NamedRecord> {
  const records = await openRecords(argv, stack === undefined ? [] : [stack]);
  const [only] = records;
  if (only !== undefined && records.length === 1) return only;
  throw new Fault({
    code: 'bad-usage',
    what: only === undefined ? 'nothing was applied yet' : 'several stacks have a record',
    where: 'command line',
    live: 'nothing was changed',
    ...(only === undefined ? {} : { next: `name one of ${records.map((each) => each.stack).join(', ')}` }),
  });
}

/** Stacks that keep their record elsewhere, by the manifests of the last synth; one that cannot be read says nothing. */
async function declaredElsewhere(argv: WorldArgs): Promise<Map<string, DeclaredRecord>> {
  const found = new Map<string, DeclaredRecord>();
  if (argv.sandbox !== undefined) return found;
  const root = join(resolve(argv.directory), 'cdktf.out', 'stacks');
  for (const name of await stacksIn(root)) {
    const path = join(root, name, 'keyturn.json');
    const declared = await readFile(path, 'utf8')
      .then((text) => parseManifest(text, path))
      .catch(() => null);
    if (declared?.record != null) found.set(declared.stack, declared.record);
  }
  return found;
}

async function stacksIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
