import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { validateWorkflow } from '@action-validator/core';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ACTIONS } from '../../src/report/github-actions.ts';
import { renderGithub } from '../../src/report/schedule-github.ts';
import { fileNamed, order } from './schedule-fixture.ts';
import { ATLANTIS_REPOS, ATLANTIS_YAML, compiled, workflowSchema } from './workflow-schemas.ts';

interface Job {
  readonly 'permissions'?: Readonly<Record<string, string>>;
  readonly 'environment'?: string;
  readonly 'concurrency'?: object;
  readonly 'runs-on': unknown;
  readonly 'steps': readonly {
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Readonly<Record<string, unknown>>;
    readonly env?: Readonly<Record<string, string>>;
  }[];
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: object;
  readonly concurrency?: object;
  readonly jobs: Readonly<Record<string, Job>>;
}

const examples = new URL('../../examples/', import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, examples), 'utf8');
const read = (name: string): Workflow => parse(textOf(`github/${name}`)) as Workflow;
const names = readdirSync(new URL('github/', examples)).sort();
const job = (workflow: Workflow, name: string): Job => {
  const found = workflow.jobs[name];
  if (found === undefined) throw new Error(`there is no job ${name}`);
  return found;
};

describe('the workflows of examples/github', () => {
  it('are those of a pull request, a merge, a schedule, a week and a check', () => {
    expect(names).toEqual([
      'keyturn-apply.yml',
      'keyturn-check.yml',
      'keyturn-drift.yml',
      'keyturn-plan.yml',
      'keyturn.yml',
    ]);
  });

  it.each(names)(
    'are workflows by both schemas of GitHub, with scripts that a shell can read: %s',
    (name) => {
      const text = textOf(`github/${name}`);
      expect(validateWorkflow(text).errors).toEqual([]);
      const validate = workflowSchema();
      // This version of the schema knows no range with a step, which GitHub does.
      validate(parse(text.replace("'3-59/5 * * * *'", "'*/5 * * * *'")));
      expect(validate.errors).toBeNull();
      for (const { steps } of Object.values(read(name).jobs))
        for (const { run } of steps) if (run !== undefined) execFileSync('bash', ['-n'], { input: run });
    },
  );

  it('a wrong key is seen by that schema', () => {
    const validate = workflowSchema();
    expect(validate(parse(textOf('github/keyturn-drift.yml').replace('runs-on', 'run-on')))).toBe(false);
  });

  it.each(names)('give no right but where a job has it, and name each action by its commit: %s', (name) => {
    const workflow = read(name);
    expect(workflow.permissions).toEqual({});
    const all = Object.values(workflow.jobs).flatMap(({ steps }) => steps);
    for (const { uses, run } of all) {
      if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      // What an event holds is data: it comes in by the environment and stands in no script.
      expect(run ?? '').not.toContain('${{');
    }
    for (const [action, pin] of Object.entries(ACTIONS)) {
      const [repository] = pin.split('@');
      const lines = textOf(`github/${name}`).match(new RegExp(`${repository}@.*`, 'g')) ?? [];
      expect({ action, pins: [...new Set([pin, ...lines])] }).toEqual({ action, pins: [pin] });
    }
  });

  it('the code of a pull request runs in a job without a credential, and none of it in the job that has one', () => {
    const workflow = read('keyturn-plan.yml');
    expect(Object.keys(workflow.on)).toEqual(['pull_request']);
    const [synth, plan] = [job(workflow, 'synth'), job(workflow, 'plan')];
    expect(synth.permissions).toEqual({ contents: 'read' });
    expect(JSON.stringify(synth)).not.toMatch(/secrets\.|vars\.|azure\/login|github\.token/);
    expect(plan.permissions).toEqual({
      'contents': 'read',
      'id-token': 'write',
      'pull-requests': 'write',
    });
    const checkouts = plan.steps.filter(({ uses }) => uses?.startsWith('actions/checkout') === true);
    expect(checkouts.map((each) => each.with)).toEqual([
      expect.objectContaining({
        'ref': '${{ github.event.pull_request.base.sha }}',
        'sparse-checkout': 'package.json\npackage-lock.json\n',
      }),
    ]);
    const scripts = plan.steps.flatMap(({ run }) => run ?? []).join('\n');
    expect(scripts).toContain('plan --manifest');
    expect(scripts).toContain('npm ci --ignore-scripts');
    expect(scripts).not.toMatch(/keyturn\.js (synth|apply|plan "?\$stack)/);
  });

  it('an apply waits for its environment, is never cancelled, and takes only what a comment showed', () => {
    const workflow = read('keyturn-apply.yml');
    const apply = job(workflow, 'apply');
    expect(apply.environment).toBe('keyturn-production');
    expect(apply.concurrency).toEqual({
      'group': 'keyturn-apply-pull-requests',
      'cancel-in-progress': false,
    });
    expect(job(workflow, 'find').permissions).toEqual({ 'actions': 'read', 'pull-requests': 'read' });
    const script = apply.steps.at(-1)?.run ?? '';
    expect(script).toContain('--approved-digest "$digest"');
    expect(script).toContain('--approvals "$RUNNER_TEMP/approvals.json"');
  });

  it('the schedule is what keyturn schedule github prints, and drift is looked for on Sunday at 01:00 UTC', () => {
    const made = renderGithub({ ...order(), runsOn: ['self-hosted', 'keyturn-applier'], folder: '' });
    expect(textOf('github/keyturn.yml')).toBe(fileNamed(made.files, 'keyturn.yml'));
    expect(read('keyturn-drift.yml').on['schedule']).toEqual([{ cron: '0 1 * * 0' }]);
  });
});

describe('the files of examples/atlantis', () => {
  const files = [
    ['atlantis.yaml', ATLANTIS_YAML],
    ['repos.yaml', ATLANTIS_REPOS],
  ] as const;

  it.each(files)('fit what its documentation says: %s', (name, schema) => {
    const validate = compiled(schema);
    validate(parse(textOf(`atlantis/${name}`)));
    expect(validate.errors).toBeNull();
    const text = textOf(`atlantis/${name}`).replace(/^ {2}- (name|id): /m, '  - nam$1: ');
    expect(validate(parse(text))).toBe(false);
  });

  it('leave nothing that matters to the file that comes with the pull request', () => {
    const { repos, workflows } = parse(textOf('atlantis/repos.yaml')) as {
      repos: { allowed_overrides: string[]; allow_custom_workflows: boolean; apply_requirements: string[] }[];
      workflows: { keyturn: { plan: { steps: { run: string }[] } } };
    };
    expect(repos[0]).toMatchObject({
      allowed_overrides: [],
      allow_custom_workflows: false,
      apply_requirements: ['approved', 'mergeable', 'undiverged'],
    });
    const [, synth, plan] = workflows.keyturn.plan.steps.map(({ run }) => run);
    expect(synth).toMatch(/^bwrap --unshare-all .*--clearenv .* synth$/);
    expect(plan).toMatch(/plan .*--manifest /);
    expect(textOf('atlantis/atlantis.yaml')).not.toMatch(/workflow|requirements/);
  });
});
