import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import type { Actor, Identity } from '../model/journal.ts';
import { workloadIdentity } from '../providers/azure-claims.ts';
import { gateOf } from './gate.ts';
import { gitAuthor } from './git.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Who runs this command: the CI's actor and run where a CI says so, else git's author in `directory`, else the
 * operating system's user. It is what the machine claims, not a proof; the history keeps how it was known, and
 * everything else that says who it was. `approvals` is a file that says who let this run begin.
 */
export async function actorOf(
  environment: Environment,
  directory: string,
  approvals?: string,
): Promise<Actor> {
  const [author, workload, gate] = await Promise.all([
    gitAuthor(environment, directory),
    workloadOf(environment),
    gateOf(environment, approvals),
  ]);
  const ci = ciActor(environment);
  const identities: Identity[] = [
    ...(workload === null ? [] : [workload]),
    ...(ci === null ? [] : [{ knownBy: 'ci' as const, name: ci.name }]),
    ...(author === null ? [] : [{ knownBy: 'git-author' as const, name: author }]),
    { knownBy: 'os-user', name: osUser() },
  ];
  const known = { host: hostname(), identities, ...(gate === null ? {} : { gate }) };
  if (ci !== null) return { ...ci, knownBy: 'ci', ...known };
  if (author !== null) return { name: author, knownBy: 'git-author', run: null, ...known };
  return { name: osUser(), knownBy: 'os-user', run: null, ...known };
}

/** Whom the token of a federated workload names: the file that Azure's workload identity reads, too. */
async function workloadOf(environment: Environment): Promise<Identity | null> {
  const file = environment['AZURE_FEDERATED_TOKEN_FILE'] ?? '';
  if (file === '') return null;
  return readFile(file, 'utf8').then(workloadIdentity, () => null);
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

function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
