import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyturn, project, put, temporaryFolder } from './project.ts';

/** The variables that a runner of GitHub sets for a step, and its files. */
async function runner(workspace: string, event: object = {}) {
  const folder = await temporaryFolder();
  const [summary, eventFile] = [join(folder, 'summary.md'), join(folder, 'event.json')];
  await put(summary, '');
  await put(eventFile, JSON.stringify(event));
  return {
    env: {
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: workspace,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_EVENT_PATH: eventFile,
      GITHUB_EVENT_NAME: 'pull_request',
      GITHUB_RUN_ATTEMPT: '2',
      GITHUB_TRIGGERING_ACTOR: 'ada',
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: 'example/busflow',
      GITHUB_RUN_ID: '42',
    },
    summary: () => readFile(summary, 'utf8'),
  };
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('::'));

describe('in GitHub Actions', () => {
  it('plan writes a job summary and remarks at the lines that declare, and its JSON stays whole', async () => {
    const cwd = await project();
    const { env, summary } = await runner(cwd);
    const planned = await keyturn(['plan', '--sandbox', '--format', 'json'], { cwd, env });
    expect(planned).toMatchObject({ code: 0 });
    expect(() => JSON.parse(planned.out) as unknown).not.toThrow();
    const main = (await readFile(join(cwd, 'main.ts'), 'utf8')).split('\n');
    const at = main.findIndex((line) => line.includes("new Secret(this, 'key'")) + 1;
    expect(lines(planned.err)).toContain(
      `::notice file=main.ts,line=${at},title=key rotates::none to v1: first version`,
    );
    expect(await summary()).toContain('### keyturn plan: <code>shop</code>');
    expect(await summary()).toContain('Steps in order');
  });

  it('counts files from the repository, where the project is a folder of it', async () => {
    const cwd = await project();
    const { env } = await runner(join(cwd, '..'));
    const planned = await keyturn(['plan', '--sandbox'], { cwd, env });
    const folder = cwd.split('/').at(-1);
    expect(lines(planned.err)[0]).toContain(`file=${folder}/main.ts,line=`);
  });

  it('does neither with --no-github, nor outside', async () => {
    const cwd = await project();
    const { env, summary } = await runner(cwd);
    const quiet = await keyturn(['plan', '--sandbox', '--no-github'], { cwd, env });
    expect(lines(quiet.err + quiet.out)).toEqual([]);
    expect(await summary()).toBe('');
    const outside = await keyturn(['plan', '--sandbox'], { cwd, env: { ...env, GITHUB_ACTIONS: '' } });
    expect(lines(outside.err + outside.out)).toEqual([]);
    expect(await summary()).toBe('');
  });

  it('apply writes how it ended, and a refusal is an error of the job', async () => {
    const cwd = await project();
    const { env, summary } = await runner(cwd);
    const apply = ['apply', '--sandbox', '--auto-approve', '--local-record'];
    expect(await keyturn(apply, { cwd, env })).toMatchObject({ code: 0 });
    expect(await summary()).toContain('### keyturn apply of <code>shop</code>: ✅ applied');
    expect(await summary()).toContain('Apply complete! Resources:');

    const broken = await keyturn([...apply, '--value', 'token=env:T'], {
      cwd,
      env: { ...env, T: 'bad-token' },
    });
    expect(broken).toMatchObject({ code: 10 });
    expect(lines(broken.err)).toContainEqual(
      expect.stringMatching(/^::error file=main\.ts,line=\d+,title=failed%3A verify shop_web::/),
    );
    expect(await summary()).toContain('↩️ a step failed and its group was rolled back');
    expect(await summary()).not.toContain('bad-token');
  });

  it('a summary that has no room, or cannot be written, stops nothing', async () => {
    const cwd = await project();
    const { env, summary } = await runner(cwd);
    await put(env.GITHUB_STEP_SUMMARY, 'x'.repeat(1024 * 1024 - 10));
    expect(await keyturn(['plan', '--sandbox'], { cwd, env })).toMatchObject({ code: 0 });
    expect(await summary()).toHaveLength(1024 * 1024 - 10);
    const lost = { ...env, GITHUB_STEP_SUMMARY: cwd };
    const planned = await keyturn(['plan', '--sandbox'], { cwd, env: lost });
    expect(planned).toMatchObject({ code: 0 });
    expect(planned.err).toContain('the job summary could not be written (EISDIR)');
  });

  it('who let it run is in the history as said, and under a pseudonym in an export without names', async () => {
    const cwd = await project();
    const url = 'https://github.example/example/busflow/pull/7';
    const { env } = await runner(cwd, {
      pull_request: { html_url: url, merged_by: { login: 'grace' }, merged_at: '2026-11-27T08:00:00Z' },
    });
    const approvals = join(await temporaryFolder(), 'approvals.json');
    const said = [
      { state: 'approved', user: { login: 'linus' }, environments: [{ name: 'production' }], comment: 'ok' },
      { state: 'rejected', user: { login: 'mallory' }, environments: [{ name: 'production' }] },
    ];
    await put(approvals, JSON.stringify(said));
    const apply = ['apply', '--sandbox', '--auto-approve', '--local-record', '--approvals', approvals];
    expect(await keyturn(apply, { cwd, env })).toMatchObject({ code: 0 });

    const shown = await keyturn(['history', 'show', '1', '--sandbox'], { cwd });
    expect(shown.out).toMatch(/said +by GitHub Actions, not verified: started by pull_request, attempt 2,/);
    expect(shown.out).toContain('linus approved the deployment to production');
    expect(shown.out).toContain(`grace merged ${url} at 2026-11-27T08:00:00Z`);
    expect(shown.out).not.toContain('mallory');

    const report = await keyturn(['report', '--sandbox', '--format', 'html', '--out', 'report.html'], {
      cwd,
    });
    expect(report).toMatchObject({ code: 0 });
    expect(await readFile(join(cwd, 'report.html'), 'utf8')).toContain('linus approved the deployment');

    const exported = await keyturn(['history', 'export', '--sandbox', '--without-personal-data'], { cwd });
    expect(exported.out).not.toMatch(/linus|grace|"ada"/);
    expect(exported.out).toContain('"environment":"production"');
  });

  it('a file of approvals that is none is refused before anything is changed', async () => {
    const cwd = await project();
    const { env } = await runner(cwd);
    await put(join(cwd, 'wrong.json'), '{"state":"approved"}');
    const apply = ['apply', '--sandbox', '--auto-approve', '--local-record', '--approvals'];
    const refused = await keyturn([...apply, 'wrong.json'], { cwd, env });
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('the file of approvals is no list');
    expect(await keyturn([...apply, 'wrong.json'], { cwd })).toMatchObject({ code: 1 });
  });
});
