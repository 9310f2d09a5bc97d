import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Fault } from '../model/fault.ts';
import { LocalStore } from '../record/local-store.ts';
import { StackRecord } from '../record/record.ts';
import type { WorldArgs } from './connect.ts';
import { recordsOf } from './connect.ts';

export interface NamedRecord {
  readonly stack: string;
  readonly record: StackRecord;
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
  return chosen.map((stack) => ({ stack, record: openRecord(directory, stack) }));
}

/** The record of one stack in the directory of records; nothing is read or made before it is used. */
export function openRecord(directory: string, stack: string): StackRecord {
  const path = join(directory, stack);
  const near = relative(process.cwd(), path);
  return new StackRecord(new LocalStore(path, near.startsWith('..') ? path : near), stack, randomUUID);
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
