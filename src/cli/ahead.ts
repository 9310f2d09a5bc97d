import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Declared } from '../model/declared.ts';
import type { WorldArgs } from './connect.ts';
import type { Meanwhile } from './project.ts';
import { foldersIn } from './project.ts';

/** What is done while the project's app runs and this process only waits for it. */
export interface Ahead<Rest> extends Meanwhile {
  /** The rest of the command. */
  readonly rest: () => Promise<Rest>;
}

export interface AheadArgs extends WorldArgs {
  /** Where it is given no app runs, and nothing is looked at. */
  readonly manifest?: string | undefined;
}

/**
 * What comes behind the app: the rest of the command, and that with which the stacks of the last synth are connected; then
 * its manifests are checked, for most runs declare what the last one did. Looks at what that synth left, which the next one
 * removes; nothing of it is done where there was none. Nothing throws before it is needed: whoever needs what could not be
 * loaded loads it, and reports it.
 */
export async function lookAhead<Rest>(
  { directory, sandbox, manifest }: AheadArgs,
  load: () => Promise<Rest>,
): Promise<Ahead<Rest>> {
  const texts = manifest === undefined ? await lastManifests(directory) : [];
  const embedded = sandbox === undefined ? [] : [loadSandbox];
  const loads = [load, ...embedded, ...connectors(texts)];
  const known = new Map<string, Declared>();
  let loading: Promise<void> | null = null;
  let isOver = false;
  const loadAll = async (): Promise<void> => {
    for (const each of loads) await each().catch(() => undefined);
    for (const text of texts) if (!isOver) await check(text, known).catch(() => undefined);
  };
  return {
    begin: () => void (loading ??= loadAll()),
    known,
    end: async () => {
      isOver = true;
      await loading;
    },
    rest: load,
  };
}

/** As `lookAhead`, for a command that is loaded whole. */
export async function loaderOf(argv: AheadArgs): Promise<Meanwhile> {
  return lookAhead(argv, () => Promise.resolve());
}

async function lastManifests(directory: string): Promise<string[]> {
  const root = join(resolve(directory), 'cdktf.out', 'stacks');
  const folders = await foldersIn(root).catch(() => []);
  const texts = folders.map((folder) => readFile(join(root, folder, 'keyturn.json'), 'utf8').catch(() => ''));
  return (await Promise.all(texts)).filter((text) => text !== '');
}

function connectors(texts: readonly string[]): (() => Promise<void>)[] {
  const declares = (kind: RegExp): boolean => texts.some((text) => kind.test(text));
  return [
    ...(declares(/"vaults":\s*\[\s*\{/) ? [loadVault] : []),
    ...(declares(/"kind":\s*"swarm"/) ? [loadSwarm] : []),
    ...(declares(/"kind":\s*"host"/) ? [loadHost] : []),
  ];
}

async function check(text: string, known: Map<string, Declared>): Promise<void> {
  const { checkManifest } = await import('../record/manifest.ts');
  known.set(text, checkManifest(text, 'the last synth'));
}

async function loadVault(): Promise<void> {
  await (await import('../providers/key-vault.ts')).loadSdk();
}

async function loadSwarm(): Promise<void> {
  await import('../providers/swarm.ts');
  await (await import('../providers/swarm-dial.ts')).loadDockerode();
}

async function loadHost(): Promise<void> {
  await import('../providers/host.ts');
}

async function loadSandbox(): Promise<void> {
  await (await import('./sandbox.ts')).loadServers();
}
