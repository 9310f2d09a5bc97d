import { validateWorkflow } from '@action-validator/core';
import { Cron } from 'croner';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { GithubOrder } from '../../src/report/schedule-github.ts';
import { renderGithub } from '../../src/report/schedule-github.ts';
import { declaredWith, facts, fileNamed, order } from './schedule-fixture.ts';

interface Workflow {
  readonly on: { readonly schedule: readonly { readonly cron: string }[]; readonly workflow_dispatch: null };
  readonly permissions: object;
  readonly concurrency: object;
  readonly jobs: {
    readonly apply: {
      readonly 'runs-on': string | string[];
      readonly 'permissions': object;
      readonly 'defaults'?: object;
      readonly 'steps': readonly Step[];
    };
  };
}

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

const SSH = 'ssh://deploy@manager-1';
const render = (changes: Partial<GithubOrder> & { every?: string } = {}) =>
  renderGithub({
    ...order(changes),
    runsOn: changes.runsOn ?? ['ubuntu-latest'],
    folder: changes.folder ?? '',
  });
const textOf = (changes: Parameters<typeof render>[0] = {}) =>
  fileNamed(render(changes).files, 'keyturn.yml');
const workflow = (changes: Parameters<typeof render>[0] = {}) => parse(textOf(changes)) as Workflow;

describe('the GitHub workflow', () => {
  test.each<[string, Parameters<typeof render>[0]]>([
    ['as it is', {}],
    [
      'with ssh, a runner of one’s own and a folder',
      {
        project: facts(declaredWith('default', SSH)),
        runsOn: ['self-hosted', 'lab'],
        folder: 'ops/my secrets',
      },
    ],
    ['with the identity of the job alone', { project: facts(declaredWith('github-oidc', SSH, true)) }],
  ])('is a workflow by the schema of GitHub, %s', (_, changes) => {
    expect(validateWorkflow(textOf(changes)).errors).toEqual([]);
  });

  test('that schema sees a wrong key', () => {
    expect(validateWorkflow(textOf().replace('runs-on', 'run-on')).errors).not.toEqual([]);
  });

  test('asks for no right but to read the code and to prove who it is, and runs one at a time', () => {
    const { permissions, concurrency, jobs, on } = workflow();
    expect(permissions).toEqual({});
    expect(jobs.apply.permissions).toEqual({ 'contents': 'read', 'id-token': 'write' });
    expect(concurrency).toEqual({ 'group': 'keyturn-apply', 'cancel-in-progress': false });
    expect(Object.keys(on)).toEqual(['schedule', 'workflow_dispatch']);
  });

  test('runs off the hour and off the fives, every five minutes', () => {
    const cron = new Cron(workflow().on.schedule[0]?.cron ?? '', { timezone: 'UTC' });
    const runs = cron.nextRuns(3, '2026-11-26T10:55:00Z').map((run) => run.toISOString().slice(11, 16));
    expect(runs).toEqual(['10:58', '11:03', '11:08']);
  });

  test('names each action by its commit, and signs in last, right before the apply', () => {
    const { steps } = workflow().jobs.apply;
    expect(steps.map(({ uses, run }) => uses ?? run)).toEqual([
      expect.stringMatching(/^actions\/checkout@[0-9a-f]{40}$/),
      expect.stringMatching(/^actions\/setup-node@[0-9a-f]{40}$/),
      'npm ci --ignore-scripts',
      expect.stringMatching(/^azure\/login@[0-9a-f]{40}$/),
      'exec node node_modules/keyturn/bin/keyturn.js apply --due --auto-approve',
    ]);
    expect(steps[3]?.with).toEqual({
      'client-id': '${{ vars.AZURE_CLIENT_ID }}',
      'tenant-id': '${{ vars.AZURE_TENANT_ID }}',
      'allow-no-subscriptions': true,
    });
  });

  test('leaves the login of az out where everything signs in as the job itself', () => {
    const project = facts(declaredWith('github-oidc', SSH, true));
    const { steps } = workflow({ project }).jobs.apply;
    expect(steps.filter(({ uses }) => uses?.startsWith('azure/') === true)).toEqual([]);
    expect(steps.at(-1)?.env).toEqual({ AZURE_CLIENT_ID: '${{ vars.AZURE_CLIENT_ID }}' });
    expect(render({ project }).warnings).toEqual([]);
  });

  test('gives the ssh key to one step and to no argument', () => {
    const steps = workflow({ project: facts(declaredWith('default', SSH)) }).jobs.apply.steps;
    const withKey = steps.filter(({ env }) =>
      Object.values(env ?? {}).some((value) => value.includes('secrets.')),
    );
    expect(withKey).toHaveLength(1);
    expect(withKey[0]?.run).not.toContain('${{');
  });

  test('warns of a local record, a socket that no runner has, and sign-ins that none has', () => {
    const project = { ...facts(declaredWith('managed', null)), hasLock: false };
    expect(render({ project }).warnings).toEqual([
      'the record of shop is local and a runner forgets it, so apply will refuse: declare AzurermBackend',
      expect.stringContaining('the engine is the local socket'),
      expect.stringContaining('auth "managed"'),
      expect.stringContaining('package-lock.json'),
    ]);
    const own = facts(declaredWith('managed', null, true));
    expect(render({ project: own, runsOn: ['self-hosted'] }).warnings).toEqual([]);
  });

  test('is refused for the sandbox, and more often than GitHub starts anything', () => {
    expect(() => render({ sandbox: 'vault' })).toThrow('a runner forgets the embedded vault');
    expect(() => render({ every: '1m' })).toThrow(
      expect.objectContaining({ next: expect.stringContaining('5m') as string }),
    );
  });
});
