import { digestOf } from '../model/canonical.ts';
import { guardedJson } from '../model/guard.ts';
import type { Notice, Tell } from '../model/notice.ts';
import type { Pace, Request } from './notify-wire.ts';
import { exchange } from './notify-wire.ts';

export interface Tracker {
  readonly api: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly labels: readonly string[];
  readonly token: string;
}

/** GitHub takes 256 characters. */
const LONGEST_TITLE = 200;

/**
 * Opens an issue for a notice, unless one of the same key is among the hundred newest that are open: then it is told
 * already. The mark of the key ends the title; whoever edits it away gets another issue.
 */
export function openIssue({ api, repository, labels, token }: Tracker, pace?: Pace): Tell {
  const issues = `${api.replace(/\/+$/, '')}/repos/${repository}/issues`;
  const headers = () => ({
    'accept': 'application/vnd.github+json',
    'authorization': `Bearer ${token}`,
    'content-type': 'application/json',
    'x-github-api-version': '2022-11-28',
  });
  return async (notice, signal) => {
    const ask = (request: Omit<Request, 'headers'>) => exchange({ ...request, headers }, signal, pace);
    const mark = `[keyturn ${digestOf(notice.key).slice(0, 12)}]`;
    const open = await ask({ method: 'GET', url: `${issues}?state=open&sort=created&per_page=100` });
    if ('failure' in open) return open.failure;
    if (titlesIn(open.text).some((title) => title.endsWith(mark))) return null;
    const title = `${notice.title.slice(0, LONGEST_TITLE)} ${mark}`;
    const body = guardedJson({ title, body: bodyOf(notice), labels });
    const made = await ask({ method: 'POST', url: issues, body });
    return 'failure' in made ? made.failure : null;
  };
}

/** Lines in a block of code: nothing in them is a mention or a link. */
function bodyOf({ stack, at, event, lines }: Notice): string {
  return [`Stack \`${stack}\`, ${event}, ${at}`, '', '```', ...lines, '```'].join('\n');
}

function titlesIn(text: string): string[] {
  try {
    const issues = JSON.parse(text) as unknown;
    if (!Array.isArray(issues)) return [];
    return issues.flatMap((issue: unknown) =>
      typeof issue === 'object' && issue !== null && 'title' in issue && typeof issue.title === 'string'
        ? [issue.title]
        : [],
    );
  } catch {
    return [];
  }
}
