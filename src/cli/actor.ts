import { execFile } from 'node:child_process';
import { hostname, userInfo } from 'node:os';
import { promisify } from 'node:util';
import type { Actor } from '../model/journal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Who runs this command: the CI's actor and run where a CI says so, else git's author in `directory`, else the
 * operating system's user. It is what the machine claims, not a proof; the history keeps how it was known.
 */
export async function actorOf(environment: Environment, directory: string): Promise<Actor> {
  const ci = ciActor(environment);
  if (ci !== null) return { ...ci, knownBy: 'ci', host: hostname() };
  const author = await gitAuthor(environment, directory);
  if (author !== null) return { name: author, knownBy: 'git-author', host: hostname(), run: null };
  return { name: osUser(), knownBy: 'os-user', host: hostname(), run: null };
}

/** Whether this is a CI, as each of them says it; `CI` is what nearly all of them set. */
export function isCi(environment: Environment): boolean {
  return ['CI', 'GITHUB_ACTIONS', 'GITLAB_CI', 'TF_BUILD'].some(
    (name) => !['', 'false', '0'].includes((environment[name] ?? '').toLowerCase()),
  );
}

/** Variables: GitHub "default environment variables", GitLab "predefined variables", Azure Pipelines "predefined variables". */
function ciActor(environment: Environment): { name: string; run: string | null } | null {
  const of = (name: string): string | null => {
    const value = environment[name];
    return value === undefined || value === '' ? null : value;
  };
  if (of('GITHUB_ACTIONS') === 'true') {
    const [server, repository, run] = [of('GITHUB_SERVER_URL'), of('GITHUB_REPOSITORY'), of('GITHUB_RUN_ID')];
    const known = server !== null && repository !== null && run !== null;
    return {
      name: of('GITHUB_TRIGGERING_ACTOR') ?? of('GITHUB_ACTOR') ?? 'github-actions',
      run: known ? `${server}/${repository}/actions/runs/${run}` : null,
    };
  }
  if (of('GITLAB_CI') === 'true') {
    return { name: of('GITLAB_USER_LOGIN') ?? 'gitlab-ci', run: of('CI_JOB_URL') ?? of('CI_PIPELINE_URL') };
  }
  if (of('TF_BUILD') !== null) {
    const [collection, project, build] = [
      of('SYSTEM_COLLECTIONURI'),
      of('SYSTEM_TEAMPROJECT'),
      of('BUILD_BUILDID'),
    ];
    const known = collection !== null && project !== null && build !== null;
    return {
      name: of('BUILD_REQUESTEDFOREMAIL') ?? of('BUILD_REQUESTEDFOR') ?? 'azure-pipelines',
      run: known
        ? `${collection.replace(/\/$/, '')}/${encodeURIComponent(project)}/_build/results?buildId=${build}`
        : null,
    };
  }
  return null;
}

/** What git may see of our environment: what it finds itself, its settings and its author with. */
const FOR_GIT =
  /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|USER|LOGNAME|EMAIL|XDG_CONFIG_HOME|GIT_CONFIG\w*|GIT_AUTHOR_(NAME|EMAIL)|SystemRoot|USERPROFILE)$/;

async function gitAuthor(environment: Environment, directory: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('git', ['var', 'GIT_AUTHOR_IDENT'], {
      cwd: directory,
      env: Object.fromEntries(Object.entries(environment).filter(([name]) => FOR_GIT.test(name))),
      timeout: 5_000,
    });
    // `Name <mail> 1700000000 +0000`: the date is not part of who.
    const author = /^(.*>) \d+ [+-]\d+$/.exec(stdout.trim())?.[1];
    return author ?? null;
  } catch {
    return null;
  }
}

function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
