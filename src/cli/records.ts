import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Declared, DeclaredRecord } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { ObjectStore } from '../model/store.ts';
import { LocalStore } from '../record/local-store.ts';
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
  return new BlobStore({ ...place, ...azureAccess(place, process.env) }, declared.stack);
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
function azureAccess(place: DeclaredRecord, environment: NodeJS.ProcessEnv) {
  const { ARM_ACCESS_KEY: accessKey, ARM_SAS_TOKEN: sasToken, ARM_CLIENT_ID, ARM_TENANT_ID } = environment;
  const { clientId, github } = azureIdentity(environment);
  return {
    endpoint: environment['KEYTURN_BLOB_ENDPOINT'] ?? place.endpoint,
    clientId: place.clientId ?? ARM_CLIENT_ID ?? clientId,
    tenantId: place.tenantId ?? ARM_TENANT_ID ?? null,
    github,
    accessKey: said(accessKey),
    sasToken: said(sasToken),
  };
}

/** An empty variable says nothing. */
function said(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/**
 * The records of these stacks, or of all that have one, in the order of their names. Looks at the record only:
 * no app is run and nothing is connected, so an auditor needs a copy of the directory and nothing else.
 */
export async function openRecords(argv: WorldArgs, stacks: readonly string[]): Promise<NamedRecord[]> {
  const directory = recordsOf(argv);
  const known = await stacksIn(directory);
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
    chosen.map(async (stack) => ({ stack, record: await openRecord(argv, { stack, record: null }) })),
  );
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
