import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { foldersIn } from './project.ts';

/** What is loaded while the project's app runs and this process only waits for it. */
export interface Ahead<Rest> {
  /** Begins to load; does not throw: whoever needs what could not be loaded loads it, and reports it. */
  readonly begin: () => void;
  /** The rest of the command, once all that was begun is loaded: it needs that next, and nothing is loaded twice at once. */
  readonly rest: () => Promise<Rest>;
}

/**
 * What comes behind the app: the rest of the command, and that with which the stacks of the last synth are connected.
 * Looks at what that synth left, which the next one removes; nothing of it is loaded where there was none.
 */
export async function lookAhead<Rest>(
  { directory }: { readonly directory: string },
  load: () => Promise<Rest>,
): Promise<Ahead<Rest>> {
  const loads = [load, ...(await connectors(directory))];
  let loading: Promise<void> | null = null;
  const loadAll = async (): Promise<void> => {
    for (const each of loads) await each().catch(() => undefined);
  };
  return {
    begin: () => void (loading ??= loadAll()),
    rest: async () => {
      await loading;
      return load();
    },
  };
}

/** As `lookAhead`, for a command that is loaded whole: what begins to load. */
export async function loaderOf(argv: { readonly directory: string }): Promise<() => void> {
  return (await lookAhead(argv, () => Promise.resolve())).begin;
}

async function connectors(directory: string): Promise<(() => Promise<void>)[]> {
  const root = join(resolve(directory), 'cdktf.out', 'stacks');
  const folders = await foldersIn(root).catch(() => []);
  const texts = await Promise.all(
    folders.map((folder) => readFile(join(root, folder, 'keyturn.json'), 'utf8').catch(() => '')),
  );
  const declares = (kind: RegExp): boolean => texts.some((text) => kind.test(text));
  return [
    ...(declares(/"vaults":\s*\[\s*\{/) ? [loadVault] : []),
    ...(declares(/"kind":\s*"swarm"/) ? [loadSwarm] : []),
  ];
}

async function loadVault(): Promise<void> {
  await (await import('../providers/key-vault.ts')).loadSdk();
}

async function loadSwarm(): Promise<void> {
  await import('../providers/swarm.ts');
  await (await import('../providers/swarm-dial.ts')).loadDockerode();
}
