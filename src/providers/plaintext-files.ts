import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

export interface Tree {
  /** Relative to the folder, with forward slashes, in order. */
  readonly files: readonly string[];
  /** `git`: what is tracked, and what is neither tracked nor ignored; `walk`: whatever lies there. */
  readonly by: 'git' | 'walk';
  /** The folder is within a repository and git did not list it: what it ignores is among the files. */
  readonly isGitMute: boolean;
}

/** What is made here and belongs to nobody: left out, unless it is tracked. */
const NOT_OURS = ['node_modules', '.git', 'cdktf.out', '.keyturn'];

/** What git may see of the environment: how it is found, and whose repositories it trusts. */
const FOR_GIT = /^(PATH|HOME|XDG_CONFIG_HOME|GIT_CONFIG\w*|SystemRoot|USERPROFILE|TMPDIR|TEMP|TMP)$/;

/** The files of a folder that somebody could commit. Links are not followed. */
export async function treeOf(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Tree> {
  const listed = await byGit(folder, environment);
  if (listed !== null) return { files: listed, by: 'git', isGitMute: false };
  return { files: (await walk(folder, '')).sort(), by: 'walk', isGitMute: isInRepository(folder) };
}

async function byGit(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string[] | null> {
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => FOR_GIT.test(name)));
  const leaveOut = NOT_OURS.map((name) => `--exclude=${name}`);
  const lists = [['--cached'], ['--others', '--exclude-standard', ...leaveOut]];
  try {
    const found = await Promise.all(
      lists.map((which) =>
        // A repository's own settings may name a program to run when its files are listed.
        promisify(execFile)('git', ['-c', 'core.fsmonitor=false', 'ls-files', '-z', ...which], {
          cwd: folder,
          env,
          timeout: 60_000,
          maxBuffer: 256 * 1024 * 1024,
        }),
      ),
    );
    return [...new Set(found.flatMap(({ stdout }) => stdout.split('\0')))]
      .filter((name) => name !== '')
      .sort();
  } catch {
    return null;
  }
}

function isInRepository(folder: string): boolean {
  const at = resolve(folder);
  return existsSync(join(at, '.git')) || (dirname(at) !== at && isInRepository(dirname(at)));
}

async function walk(root: string, under: string): Promise<string[]> {
  const entries = await readdir(join(root, under), { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = under === '' ? entry.name : `${under}/${entry.name}`;
      if (entry.isFile()) return [path];
      return entry.isDirectory() && !NOT_OURS.includes(entry.name) ? walk(root, path) : [];
    }),
  );
  return found.flat();
}
