import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

const require = createRequire(import.meta.url);

/** GitHub's schema of a workflow, as SchemaStore keeps it. */
export function workflowSchema(): ValidateFunction {
  const path = require.resolve('schemastore/schemas/json/github-workflow.json');
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  return ajv.compile(JSON.parse(readFileSync(path, 'utf8')) as object);
}

const texts = { type: 'array', items: { type: 'string' } };
const requirements = { type: 'array', items: { enum: ['approved', 'mergeable', 'undiverged'] } };
const closed = (properties: object, required: readonly string[] = []): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const builtIns = ['init', 'plan', 'apply', 'import', 'state_rm', 'policy_check', 'show'];
const shell = { shell: { type: 'string' }, shellArgs: { type: ['string', 'array'] } };
const step = {
  anyOf: [
    { enum: builtIns },
    closed({ run: { type: 'string' } }, ['run']),
    closed({ run: closed({ command: { type: 'string' }, ...shell, output: {} }, ['command']) }, ['run']),
    closed({ env: closed({ name: { type: 'string' }, value: {}, command: {}, ...shell }, ['name']) }, [
      'env',
    ]),
    ...builtIns.map((name) => closed({ [name]: closed({ extra_args: texts }) }, [name])),
  ],
};
const stage = closed({ steps: { type: 'array', items: step } });
const workflows = {
  type: 'object',
  additionalProperties: closed({
    plan: stage,
    apply: stage,
    import: stage,
    state_rm: stage,
    policy_check: stage,
  }),
};
const repoLocks = closed({ mode: { enum: ['on_plan', 'on_apply', 'disabled'] } });

/** Written after Atlantis' documentation of the repository's file (repo-level-atlantis-yaml), version 3. */
export const ATLANTIS_YAML = closed(
  {
    version: { const: 3 },
    automerge: { type: 'boolean' },
    autodiscover: closed({ mode: { enum: ['auto', 'enabled', 'disabled'] }, ignore_paths: texts }),
    delete_source_branch_on_merge: { type: 'boolean' },
    parallel_plan: { type: 'boolean' },
    parallel_apply: { type: 'boolean' },
    abort_on_execution_order_fail: { type: 'boolean' },
    projects: {
      type: 'array',
      items: closed(
        {
          name: { type: 'string' },
          branch: { type: 'string', pattern: '^/.*/$' },
          dir: { type: 'string' },
          workspace: { type: 'string' },
          terraform_distribution: { enum: ['terraform', 'opentofu'] },
          terraform_version: { type: 'string' },
          repo_locks: repoLocks,
          custom_policy_check: { type: 'boolean' },
          autoplan: closed({ enabled: { type: 'boolean' }, when_modified: texts }),
          plan_requirements: requirements,
          apply_requirements: requirements,
          import_requirements: requirements,
          silence_pr_comments: texts,
          execution_order_group: { type: 'integer' },
          depends_on: texts,
          workflow: { type: 'string' },
        },
        ['dir'],
      ),
    },
    workflows,
    allowed_regexp_prefixes: texts,
  },
  ['version'],
);

/** Written after its documentation of the server's file (server-side-repo-config, custom-workflows). */
export const ATLANTIS_REPOS = closed({
  repos: {
    type: 'array',
    items: closed(
      {
        id: { type: 'string' },
        branch: { type: 'string', pattern: '^/.*/$' },
        repo_config_file: { type: 'string' },
        workflow: { type: 'string' },
        plan_requirements: requirements,
        apply_requirements: requirements,
        import_requirements: requirements,
        allowed_overrides: texts,
        allowed_workflows: texts,
        allow_custom_workflows: { type: 'boolean' },
        delete_source_branch_on_merge: { type: 'boolean' },
        repo_locks: repoLocks,
        custom_policy_check: { type: 'boolean' },
        pre_workflow_hooks: { type: 'array' },
        post_workflow_hooks: { type: 'array' },
      },
      ['id'],
    ),
  },
  workflows,
});

export function compiled(schema: object): ValidateFunction {
  return new Ajv({ strict: false, allErrors: true }).compile(schema);
}
