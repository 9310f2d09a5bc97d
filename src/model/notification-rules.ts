import type { DeclaredNotification, Setting } from './declared.ts';
import { NOTICE_KINDS } from './declared.ts';
import { nearest } from './nearest.ts';
import type { SettingProblem } from './setting.ts';
import { urlProblem, variableProblem } from './setting.ts';

/** GitHub's own limits. */
const MAX_LABEL = 50;
const MAX_LABELS = 100;

/** What is wrong with a notification, and what to write instead; without its place. Asked at synth and of a manifest. */
export function notificationProblems(notification: DeclaredNotification): SettingProblem[] {
  return [
    ...nameProblems(notification.name),
    ...eventProblems(notification.events),
    ...toProblems(notification),
  ];
}

function nameProblems(name: string): SettingProblem[] {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name)) return [];
  return [
    {
      what: `"${name}" cannot name a notification`,
      next: 'use an id of at most 63 letters, digits, dots, hyphens and underscores, a letter or digit first',
    },
  ];
}

function eventProblems(events: readonly string[]): SettingProblem[] {
  if (events.length === 0) {
    return [
      { what: 'a notification of nothing: events is empty', next: 'name its events, or leave events out' },
    ];
  }
  return events
    .filter((event) => !NOTICE_KINDS.some((kind) => kind === event))
    .map((event) => {
      const [near] = nearest(event, NOTICE_KINDS, 1);
      const next = near === undefined ? `use ${NOTICE_KINDS.join(', ')}` : `did you mean ${near}?`;
      return { what: `there is no event "${event}"`, next };
    });
}

function toProblems(to: DeclaredNotification): SettingProblem[] {
  switch (to.kind) {
    case 'slack':
      return said('the url', slackUrlProblem(to.url));
    case 'webhook': {
      const secret = to.signedWith === null ? null : variableProblem(to.signedWith.env);
      return [...said('the url', urlProblem(to.url)), ...said('signedWith', secret)];
    }
    case 'github-issue':
      return [
        ...said('the token', variableProblem(to.token.env)),
        ...repositoryProblems(to.repository),
        ...labelProblems(to.labels),
        ...said('api', urlProblem({ text: to.api })),
      ];
  }
}

function said(what: string, problem: SettingProblem | null): SettingProblem[] {
  return problem === null ? [] : [{ ...problem, what: `${what} ${problem.what}` }];
}

/** Whoever knows the address of an incoming webhook may write there: it stands in no manifest, but for one on loopback. */
function slackUrlProblem(url: Setting): SettingProblem | null {
  const problem = urlProblem(url);
  if (problem !== null || 'env' in url || !url.text.startsWith('https:')) return problem;
  return {
    what: 'stands in the stack, and whoever knows it may write there',
    next: "put it into the environment of apply and write fromEnvironment('NAME')",
  };
}

function repositoryProblems(repository: string): SettingProblem[] {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/.test(repository)) return [];
  return [{ what: `"${repository}" is no repository on GitHub`, next: 'write it as owner/name' }];
}

function labelProblems(labels: readonly string[]): SettingProblem[] {
  const wrong = labels.filter(
    (label) => label.trim() === '' || label.length > MAX_LABEL || /[\r\n,]/.test(label),
  );
  return [
    ...wrong.map((label) => ({
      what: `"${label.slice(0, 60)}" is no label of an issue`,
      next: `give 1 to ${MAX_LABEL} characters without commas`,
    })),
    ...(labels.length > MAX_LABELS
      ? [{ what: `${labels.length} labels`, next: `give at most ${MAX_LABELS}` }]
      : []),
  ];
}
