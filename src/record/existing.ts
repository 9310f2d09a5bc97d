import { Fault } from '../model/fault.ts';
import type { ObjectStore } from '../model/store.ts';
import { JOURNAL } from './journal-file.ts';
import { STATE } from './load.ts';

/** Names of what makes a record: a state, or the journal of a first apply. A history alone is what a record left. */
export async function existingIn(store: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for (const name of [STATE, JOURNAL]) if ((await store.get(name)) !== null) names.push(name);
  return names;
}

/** A record is there, whole or broken, and is not written over. */
export function existsAlready(place: string, name: string): Fault {
  return new Fault({
    code: 'record-conflict',
    what: 'there is a record already, and it is not written over',
    where: `${place}/${name}`,
    live: 'nothing was changed',
    next: 'use it; where it is broken, bring it back from version control, or move it away and keep it',
  });
}
