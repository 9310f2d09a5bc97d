import { randomUUID } from 'node:crypto';
import { join, relative, resolve } from 'node:path';
import type { Declared, DeclaredRecord } from '../model/declared.ts';
import { Fault } from '../model/fault.ts';
import type { ObjectStore } from '../model/store.ts';
import type { BlobStore } from '../providers/blob-store.ts';
import { LocalStore } from '../record/local-store.ts';
import { StackRecord } from '../record/record.ts';
import type { WorldArgs } from './connect.ts';
import { isCi } from './actor.ts';
import { azureAccess } from './azure-environment.ts';
import { foldersIn, readLastSynth, readManifest } from './project.ts';

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

/** Asked for once: jiti hands a half-loaded module to whoever asks for it while it is loaded, and records are opened at once. */
let blobs: Promise<{ readonly BlobStore: typeof BlobStore }> | undefined;

/** What that record lies in. `{ stack, record: null }` is the local one, whatever the stack declares. */
export async function openStore(argv: WorldArgs, declared: RecordOf): Promise<ObjectStore> {
  const place = placeOf(argv, declared);
  if (place === null) return localStore(recordsOf(argv), declared.stack);
  blobs ??= import('../providers/blob-store.ts');
  const { BlobStore: Store } = await blobs;
  return new Store(azureAccess(place, process.env), declared.stack);
}

function localStore(directory: string, stack: string): ObjectStore {
  const path = join(directory, stack);
  const near = relative(process.cwd(), path);
  return new LocalStore(path, near.startsWith('..') ? path : near);
}

/** What the commands that look at records alone are asked. */
export interface RecordArgs extends WorldArgs {
  /** A keyturn.json that says where the record of its stack is. */
  readonly manifest?: string | undefined;
}

/**
 * The records of these stacks, or of all that are known, in the order of their names. Runs no code of the
 * project: an auditor needs a copy of the directory, or a manifest and the right to read the record in Azure.
 */
export async function openRecords(argv: RecordArgs, stacks: readonly string[]): Promise<NamedRecord[]> {
  const known = await knownRecords(argv);
  const unknown = stacks.filter((stack) => !known.has(stack));
  if (unknown.length > 0) {
    throw new Fault({
      code: 'bad-usage',
      what: `no record of a stack "${unknown.join('", "')}"`,
      where: recordsOf(argv),
      next:
        known.size === 0
          ? 'nothing was applied yet; where the record is in Azure, run keyturn synth first or give --manifest'
          : `there are records of ${[...known.keys()].join(', ')}`,
    });
  }
  const chosen = [...known.values()].filter(({ stack }) => stacks.length === 0 || stacks.includes(stack));
  return Promise.all(
    chosen.map(async (each) => ({ stack: each.stack, record: await openRecord(argv, each) })),
  );
}

/** One record for a command that takes one: the named one, or the only one that there is. */
export async function openOneRecord(argv: RecordArgs, stack: string | undefined): Promise<NamedRecord> {
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

/** Of the manifest that is named; else those that lie here, and those that the last synth puts into Azure. */
async function knownRecords(argv: RecordArgs): Promise<ReadonlyMap<string, RecordOf>> {
  if (argv.manifest !== undefined) {
    const declared = await readManifest(argv.manifest);
    return new Map([[declared.stack, declared]]);
  }
  const local = await foldersIn(recordsOf(argv));
  const known = new Map<string, RecordOf>(local.map((stack) => [stack, { stack, record: null }]));
  for (const declared of argv.sandbox === undefined ? await readLastSynth(argv.directory) : []) {
    // What lies here of a stack whose record is in Azure is what a migration left.
    if (placeOf(argv, declared) !== null) known.set(declared.stack, declared);
  }
  return new Map([...known].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a command that writes a record is asked. */
export interface WritesArgs extends WorldArgs {
  readonly localRecord: boolean;
}

/**
 * Refuses to write a local record in a CI, whose runner forgets its files: the next run would take every secret
 * for somebody else's. `--local-record` says that the directory is kept.
 */
export function requireLasting(argv: WritesArgs, declared: RecordOf, environment: NodeJS.ProcessEnv): void {
  if (argv.sandbox !== undefined || argv.localRecord || placeOf(argv, declared) !== null) return;
  if (!isCi(environment)) return;
  throw new Fault({
    code: 'bad-usage',
    what: `the record of "${declared.stack}" is local, and the runner of a CI forgets its files`,
    where: recordsOf(argv),
    live: 'nothing was changed',
    next: 'declare AzurermBackend in the stack, so that the record is kept in Azure; or say --local-record where the directory is kept and committed',
  });
}
