import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MANIFEST_FILE, PROBLEMS_FILE } from './declaration.ts';

const STACKS = 'stacks';
const OWN = '.run-';
/** Of a run that was killed: no synth takes so long. */
const ABANDONED_MS = 3_600_000;

/** Holds afterwards: nothing in `outdir`, which is made, looks like the outcome of a run. Terraform's own files stay. */
export async function forgetEarlierRun(outdir: string): Promise<void> {
  await mkdir(outdir, { recursive: true });
  const stacks = await stackFolders(outdir);
  const stale = [
    join(outdir, PROBLEMS_FILE),
    join(outdir, 'manifest.json'),
    ...stacks.map((stack) => join(outdir, STACKS, stack, MANIFEST_FILE)),
  ];
  await Promise.all(stale.map((file) => rm(file, { force: true })));
}

/**
 * Gives `act` a folder of its own below `outdir`, which is gone afterwards: two runs of one project, as a schedule and
 * a person start them, must not take each other's files away between writing and reading.
 */
export async function inOwnFolder<T>(outdir: string, act: (own: string) => Promise<T>): Promise<T> {
  await forgetAbandoned(outdir);
  const own = await mkdtemp(join(outdir, OWN));
  try {
    return await act(own);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** Moves what a run wrote to where Terraform looks for it, file by file, and removes the folders of other stacks. */
export async function publish(own: string, outdir: string, stacks: readonly string[]): Promise<void> {
  const others = (await stackFolders(outdir)).filter((name) => !stacks.includes(name));
  await Promise.all(others.map((name) => rm(join(outdir, STACKS, name), { recursive: true, force: true })));
  const entries = await readdir(own, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(outdir, from.slice(own.length));
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
  }
}

async function forgetAbandoned(outdir: string): Promise<void> {
  const names = (await readdir(outdir)).filter((name) => name.startsWith(OWN));
  for (const folder of names.map((name) => join(outdir, name))) {
    const seen = await stat(folder).catch(() => null);
    if (seen !== null && Date.now() - seen.mtimeMs > ABANDONED_MS)
      await rm(folder, { recursive: true, force: true });
  }
}

async function stackFolders(outdir: string): Promise<string[]> {
  try {
    const entries = await readdir(join(outdir, STACKS), { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}
