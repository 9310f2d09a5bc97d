import { readFile } from 'node:fs/promises';
import { Fault } from '../model/fault.ts';
import type { Approval, Gate } from '../model/journal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** So that whoever sends an event cannot fill the history. */
const MOST_APPROVALS = 50;
const LONGEST = 200;

/**
 * What GitHub Actions says of who let this job run: the file of its event, and with `approvals` what its API says of the
 * run (`gh api repos/OWNER/REPOSITORY/actions/runs/ID/approvals`). Null outside of it.
 *
 * It is what the job's files and variables say; who can change the workflow can change them. A file of approvals that is
 * none is refused, an event that cannot be read says nothing.
 */
export async function gateOf(environment: Environment, approvals: string | undefined): Promise<Gate | null> {
  const given = approvals === undefined ? [] : await approvalsIn(approvals);
  if (environment['GITHUB_ACTIONS'] !== 'true') {
    if (approvals === undefined) return null;
    throw unusable(approvals, '--approvals is of a run of GitHub Actions, and this is none', 'leave it out');
  }
  const event = await eventIn(environment['GITHUB_EVENT_PATH'] ?? '');
  const attempt = Number(environment['GITHUB_RUN_ATTEMPT'] ?? '');
  return {
    saidBy: 'github-actions',
    event: short(environment['GITHUB_EVENT_NAME']),
    attempt: Number.isInteger(attempt) && attempt > 0 ? attempt : null,
    triggeredBy: short(environment['GITHUB_TRIGGERING_ACTOR'] ?? environment['GITHUB_ACTOR']),
    environment:
      given.find(({ how }) => how === 'environment')?.of ??
      short(textAt(event, 'deployment', 'environment') ?? textAt(event, 'environment')),
    approvals: [...given, ...approvalsOf(event)].slice(0, MOST_APPROVALS),
  };
}

async function approvalsIn(path: string): Promise<Approval[]> {
  const next = 'write it with gh api repos/OWNER/REPOSITORY/actions/runs/ID/approvals';
  let read: unknown;
  try {
    read = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw unusable(path, 'the file of approvals cannot be read', next, cause);
  }
  if (!Array.isArray(read)) throw unusable(path, 'the file of approvals is no list', next);
  return read.flatMap((each: unknown): Approval[] => {
    const name = short(textAt(each, 'user', 'login'));
    if (name === null || textAt(each, 'state') !== 'approved') return [];
    const environments = at(each, 'environments');
    const names = Array.isArray(environments)
      ? environments.flatMap((one: unknown) => textAt(one, 'name') ?? [])
      : [];
    return [{ how: 'environment', name, of: short(names.join(', ')), at: null }];
  });
}

/** A review of a deployment, a review of a pull request, and who merged it: as far as this event tells of one. */
function approvalsOf(event: unknown): Approval[] {
  const approver = short(textAt(event, 'approver', 'login'));
  const reviewer = short(textAt(event, 'review', 'user', 'login'));
  const merger = short(textAt(event, 'pull_request', 'merged_by', 'login'));
  const request = short(textAt(event, 'pull_request', 'html_url'));
  const isApproved = textAt(event, 'review', 'state')?.toLowerCase() === 'approved';
  return [
    ...(approver === null || textAt(event, 'action') !== 'approved'
      ? []
      : [{ how: 'environment' as const, name: approver, of: short(textAt(event, 'environment')), at: null }]),
    ...(reviewer === null || !isApproved
      ? []
      : [
          {
            how: 'review' as const,
            name: reviewer,
            of: request,
            at: short(textAt(event, 'review', 'submitted_at')),
          },
        ]),
    ...(merger === null
      ? []
      : [
          {
            how: 'merge' as const,
            name: merger,
            of: request,
            at: short(textAt(event, 'pull_request', 'merged_at')),
          },
        ]),
  ];
}

async function eventIn(path: string): Promise<unknown> {
  if (path === '') return null;
  return readFile(path, 'utf8').then(
    (text) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        return null;
      }
    },
    () => null,
  );
}

function at(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = path.reduce(at, value);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

function short(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text.slice(0, LONGEST);
}

function unusable(where: string, what: string, next: string, cause?: unknown): Fault {
  return new Fault({ code: 'bad-file', what, where, live: 'nothing was changed', next, cause });
}
