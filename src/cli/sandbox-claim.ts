import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { Fault } from '../model/fault.ts';
import type { LiveProcess } from './live-process.ts';
import { isAlive, thisProcess } from './live-process.ts';

/** Who serves the sandbox, in `in-use.json`. `isServing`: until Ctrl-C and for everyone. */
export interface InUse extends LiveProcess {
  readonly format: 1;
  readonly isServing: boolean;
  readonly vaults: Readonly<Record<string, string>>;
  readonly swarms: Readonly<Record<string, string>>;
}

/** How long a command waits for another one that uses the sandbox for itself. */
const PATIENCE_MS = 60_000;

/**
 * Claims the contents for this process and returns null, or returns who serves them for everyone. A command that
 * uses them for itself is waited for; one that died is replaced.
 */
export async function claim(path: string, toServe: boolean): Promise<InUse | null> {
  const own: InUse = { format: 1, ...thisProcess(), isServing: false, vaults: {}, swarms: {} };
  for (let waited = 0; ; waited += 100) {
    try {
      await writeFile(path, `${JSON.stringify(own)}\n`, { flag: 'wx', mode: 0o600 });
      return null;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const other = await readInUse(path);
    if (other !== null && isAlive(other)) {
      if (other.isServing && !toServe) return other;
      if (other.isServing || waited >= PATIENCE_MS) throw occupied(other);
      await wait(100);
    } else if (other !== null) {
      await rm(path, { force: true });
    }
  }
}

async function readInUse(path: string): Promise<InUse | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as InUse;
  } catch {
    // Gone meanwhile, or not yet whole: look again.
    await wait(20);
    return null;
  }
}

/** Tells other commands where the servers of this process are. The claim must be held. */
export async function publish(
  path: string,
  vaults: ReadonlyMap<string, string>,
  swarms: ReadonlyMap<string, string>,
): Promise<void> {
  const own: InUse = {
    format: 1,
    ...thisProcess(),
    isServing: true,
    vaults: Object.fromEntries(vaults),
    swarms: Object.fromEntries(swarms),
  };
  await writeFile(path, `${JSON.stringify(own)}\n`, { mode: 0o600 });
}

function occupied(other: InUse): Fault {
  return new Fault({
    code: 'bad-usage',
    what: `process ${other.pid} ${other.isServing ? 'serves' : 'uses'} this sandbox`,
    where: '.keyturn/sandbox/in-use.json',
    live: 'nothing was changed',
    next: other.isServing ? 'use that one, or stop it first' : 'wait until it has ended',
  });
}
