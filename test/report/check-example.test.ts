import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { validateWorkflow } from '@action-validator/core';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Job {
  readonly if?: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

const text = readFileSync(new URL('../../examples/github/keyturn-check.yml', import.meta.url), 'utf8');
const { permissions, jobs } = parse(text) as {
  permissions: object;
  jobs: Readonly<Record<'check' | 'alerts' | 'vaults', Job>>;
};

describe('the workflow that checks', () => {
  it('is one by the schema of GitHub, with scripts that a shell can read', () => {
    expect(validateWorkflow(text).errors).toEqual([]);
    expect(validateWorkflow(text.replace('runs-on', 'run-on')).errors).not.toEqual([]);
    const scripts = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    for (const script of scripts) {
      execFileSync('bash', ['-n'], { input: script });
      // What an event holds is data: it comes in by the environment and stands in no script.
      expect(script).not.toContain('${{');
    }
  });

  it('runs the code of a pull request where there is no credential, and none of it where there is one', () => {
    expect(permissions).toEqual({});
    expect(jobs.check.permissions).toEqual({ contents: 'read' });
    expect(JSON.stringify(jobs.check)).not.toMatch(/secrets\.|vars\.|azure\/login|github\.token/);
    expect(jobs.alerts.permissions).toEqual({ 'security-events': 'write' });
    expect(JSON.stringify(jobs.alerts)).not.toMatch(/checkout|npm|keyturn\.js/);
    expect(jobs.vaults.if).toBe("github.event_name == 'push'");
  });

  it('names each action by its commit', () => {
    const uses = Object.values(jobs).flatMap(({ steps }) => steps.flatMap((step) => step.uses ?? []));
    expect(uses.length).toBeGreaterThan(5);
    for (const use of uses) expect(use).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  });
});
