import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Commit } from '../model/journal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What git may see of our environment: what it finds itself, its settings and its author with. */
const FOR_GIT =
  /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|USER|LOGNAME|EMAIL|XDG_CONFIG_HOME|GIT_CONFIG\w*|GIT_AUTHOR_(NAME|EMAIL)|SystemRoot|USERPROFILE)$/;

/** Whom git would name as the author of a commit here, `Name <mail>`; null where it knows nobody. */
export async function gitAuthor(environment: Environment, directory: string): Promise<string | null> {
  const ident = await git(['var', 'GIT_AUTHOR_IDENT'], environment, directory);
  // `Name <mail> 1700000000 +0000`: the date is not part of who.
  return /^(.*>) \d+ [+-]\d+$/.exec(ident ?? '')?.[1] ?? null;
}

/** The commit that is checked out in `directory`; null where that cannot be told. */
export async function commitOf(environment: Environment, directory: string): Promise<Commit | null> {
  const [id, status] = await Promise.all([
    git(['rev-parse', '--verify', 'HEAD'], environment, directory),
    // Looking at a status must not write into a repository that somebody else is using.
    git(['--no-optional-locks', 'status', '--porcelain', '--untracked-files=normal'], environment, directory),
  ]);
  return id === null || status === null ? null : { id, isDirty: status !== '' };
}

async function git(
  args: readonly string[],
  environment: Environment,
  directory: string,
): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('git', [...args], {
      cwd: directory,
      env: Object.fromEntries(Object.entries(environment).filter(([name]) => FOR_GIT.test(name))),
      timeout: 5_000,
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout.trim();
  } catch {
    return null;
  }
}
