import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { foldersIn } from './project.ts';

/**
 * Looks at what the last synth left, which the next one removes, and returns what begins to load that with which its
 * stacks are connected: for while the project's app runs and this process only waits for it. Neither throws: whoever
 * connects loads what is missing, and reports it. Nothing is loaded where there was no synth.
 */
export async function loaderOf({ directory }: { readonly directory: string }): Promise<() => void> {
  const root = join(resolve(directory), 'cdktf.out', 'stacks');
  const folders = await foldersIn(root).catch(() => []);
  const texts = await Promise.all(
    folders.map((folder) => readFile(join(root, folder, 'keyturn.json'), 'utf8').catch(() => '')),
  );
  const declares = (kind: RegExp): boolean => texts.some((text) => kind.test(text));
  const loads = [
    ...(declares(/"vaults":\s*\[\s*\{/) ? [loadVault] : []),
    ...(declares(/"kind":\s*"swarm"/) ? [loadSwarm] : []),
  ];
  return () => {
    for (const load of loads) load().catch(() => undefined);
  };
}

async function loadVault(): Promise<void> {
  await (await import('../providers/key-vault.ts')).loadSdk();
}

async function loadSwarm(): Promise<void> {
  await import('../providers/swarm.ts');
  await (await import('../providers/swarm-dial.ts')).loadDockerode();
}
