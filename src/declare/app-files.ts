import { readFile } from 'node:fs/promises';
import { Fault } from '../model/fault.ts';

/** The text of a file of the project, or null where there is none. Throws `bad-file` where it cannot be read. */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw new Fault({ code: 'bad-file', what: 'the file cannot be read', where: file, cause: thrown });
  }
}

/** What a text says as JSON; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
