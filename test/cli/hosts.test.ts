import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Ran, RunOptions } from './project.ts';
import { keyturn, project, put, REPOSITORY } from './project.ts';

/* The real program on embedded hosts: real files, real shells, stand-ins for systemctl. */

const DECLARED = `
    const vault = new KeyVault(this, 'vault', { name: 'tracker-prod' });
    const plain = { vault, source: Source.random(), cadence: Cadence.onRequest(), soak: Duration.hours(24) };
    const jwt = new Secret(this, 'jwt-secret', plain);
    const valkey = new Secret(this, 'valkey-password', { ...plain, together: [jwt] });
    const web = new Hosts(this, 'web', { hosts: ['web-1', 'web-2'].map((name) => ({ name, endpoint: 'ssh://deploy@' + name })), restarts: { atOnce: 1 } });
    new EnvFile(this, 'service-env', {
      on: web, path: '/etc/tracker/service.env', format: 'systemd', settle: Duration.seconds(0),
      variables: [jwt.as('JWT_SECRET'), valkey.as('VALKEY_PASSWORD')],
      restarts: [SystemdUnit.restart('tracker.service')],
    });`;

const BEFORE = [
  '# the tracker on this machine',
  ...Array.from({ length: 35 }, (_, index) => `SETTING_${index}="value ${index}" `),
  'JWT_SECRET="from before"',
  '; kept too',
  "VALKEY_PASSWORD='as old'",
  'LAST=1',
].join('\n');

interface Fleet {
  readonly cwd: string;
  readonly run: (args: readonly string[], more?: Partial<RunOptions>) => Promise<Ran>;
  readonly path: (host: string, path: string) => string;
  readonly file: (host: string) => string;
  readonly unit: (host: string, name: string) => string;
}

/** Two hosts whose file was there before keyturn, with forty lines, and in which two variables were then taken over. */
async function fleet(declared = DECLARED): Promise<Fleet> {
  const cwd = await project(declared);
  const main = await readFile(join(cwd, 'main.ts'), 'utf8');
  const door = `import { EnvFile, Hosts, SystemdUnit } from '${REPOSITORY}/src/declare/declare.ts';\n`;
  await put(join(cwd, 'main.ts'), door + main);
  const path = (host: string, at: string): string =>
    join(cwd, '.keyturn', 'sandbox', 'hosts', host, 'root', at);
  for (const host of ['web-1', 'web-2']) {
    await put(path(host, '/etc/tracker/service.env'), BEFORE);
    await chmod(path(host, '/etc/tracker/service.env'), 0o640);
  }
  const run: Fleet['run'] = ([command = '', ...args], more = {}) =>
    keyturn([command, '--sandbox=vault,swarm', ...args], { cwd, ...more });
  const first = await run(['apply', '--auto-approve']);
  expect(first, first.out + first.err).toMatchObject({ code: 0 });
  return {
    cwd,
    run,
    path,
    file: (host) => readFileSync(path(host, '/etc/tracker/service.env'), 'utf8'),
    unit: (host, name) => path(host, `/run/keyturn/units/tracker.service/${name}`),
  };
}

function changedLines(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  expect(now).toHaveLength(old.length);
  return now.flatMap((line, index) => (line === old[index] ? [] : [line.split('=')[0] ?? '']));
}

const ROTATE = ['apply', '--auto-approve', '--rotate', 'jwt-secret'];

describe('files on hosts', () => {
  it('change in the lines of their variables alone, in one write and one restart each, and then nothing is left to do', async () => {
    const { run, file, path, unit } = await fleet();
    const before = file('web-1');
    expect(changedLines(BEFORE, before)).toEqual(['JWT_SECRET', 'VALKEY_PASSWORD']);
    const pids = Number(readFileSync(path('web-1', '/run/keyturn/pids'), 'utf8'));
    const rotated = await run(ROTATE);
    expect(rotated, rotated.out + rotated.err).toMatchObject({ code: 0 });
    expect(rotated.out).toMatch(/then restart\s+tracker.service/);
    for (const host of ['web-1', 'web-2']) {
      expect(changedLines(before, file(host)).length).toBe(2);
      const marker = readFileSync(path(host, '/etc/tracker/service.env.keyturn'), 'utf8');
      expect(marker).toContain(
        'KEYTURN_VERSIONS=JWT_SECRET:jwt-secret_v2,VALKEY_PASSWORD:valkey-password_v2\n',
      );
    }
    expect(Number(readFileSync(path('web-1', '/run/keyturn/pids'), 'utf8'))).toBe(pids + 1);
    expect(readFileSync(unit('web-1', 'state'), 'utf8')).toBe('active running success\n');
    expect((await run(['plan', '--detailed-exitcode'])).code).toBe(0);
    expect((await run(['drift'])).code).toBe(0);
    expect((await run(['status'])).out).toMatch(/jwt-secret +v2 .* v1 .* 2\/2/);
  }, 120_000);

  it('go back, byte for byte, on every host where one does not come back (exit 10)', async () => {
    const { run, file, unit } = await fleet();
    const before = ['web-1', 'web-2'].map(file);
    writeFileSync(unit('web-2', 'refuses'), 'jwt-secret_v2\n');
    const failed = await run(ROTATE);
    expect(failed, failed.err).toMatchObject({ code: 10 });
    expect(failed.out).toContain('"tracker.service" did not restart');
    expect(['web-1', 'web-2'].map(file)).toEqual(before);
    expect(readFileSync(unit('web-2', 'state'), 'utf8')).toBe('active running success\n');
    expect((await run(['plan', '--detailed-exitcode'])).code).toBe(0);
    const shown = await run(['history', 'show', '2']);
    expect(shown.out.replaceAll(/\s+/g, ' ')).toContain('on web-2, then restart tracker.service');
  }, 120_000);

  it('go back beside the copy of a service that waited for them', async () => {
    const { run, file, unit } = await fleet(`${DECLARED.replace('new EnvFile', 'const env = new EnvFile')}
    const prod = new Swarm(this, 'prod', { endpoint: 'unix:///var/run/docker.sock' });
    new SwarmService(this, 'api', { swarm: prod, service: 'api', mounts: [jwt.at('jwt')], dependsOn: [env], settle: Duration.seconds(0) });`);
    const before = ['web-1', 'web-2'].map(file);
    writeFileSync(unit('web-1', 'refuses'), 'jwt-secret_v2\n');
    const ended = await run(ROTATE);
    expect(ended, ended.out + ended.err).toMatchObject({ code: 10 });
    expect(['web-1', 'web-2'].map(file)).toEqual(before);
    const again = await run(['plan']);
    expect(again.out, again.out + again.err).not.toContain('taken back');
  });

  it('are put back by a rollback in the soak, and only go forward in an emergency', async () => {
    const { run, file } = await fleet();
    const before = ['web-1', 'web-2'].map(file);
    expect((await run(ROTATE)).code).toBe(0);
    const back = await run(['rollback', 'jwt-secret', '--auto-approve']);
    expect(back, back.err).toMatchObject({ code: 0 });
    expect(['web-1', 'web-2'].map(file)).toEqual(before);
    const gone = await run(['compromise', 'jwt-secret', '--incident', 'INC-1', '--auto-approve']);
    expect(gone, gone.out + gone.err).toMatchObject({ code: 0 });
    expect(changedLines(before[0] ?? '', file('web-1'))).toContain('JWT_SECRET');
    expect((await run(['plan', '--detailed-exitcode'])).code).toBe(0);
  }, 120_000);

  it('are whole, and taken back by the next apply, where the apply was killed while it wrote them', async () => {
    const { run, file, path } = await fleet();
    const before = ['web-1', 'web-2'].map(file);
    const state = path('web-1', '../../../state');
    const killed = await run(ROTATE, { onStart: (kill) => void killAtFlip(state, kill) });
    expect(killed.code).toBeNull();
    const next = await run(['apply', '--auto-approve', '--lock-timeout', '60s']);
    expect([0, 10], next.out + next.err).toContain(next.code);
    expect(['web-1', 'web-2'].map(file)).toEqual(before);
    expect((await run(['plan', '--detailed-exitcode'])).code).toBe(0);
  }, 120_000);

  it('have drifted where somebody wrote them, opened them to everybody, or took them away', async () => {
    const { run, file, path } = await fleet();
    const at = path('web-1', '/etc/tracker/service.env');
    writeFileSync(at, `${file('web-1')}\nANOTHER=1`);
    const edited = await run(['drift']);
    expect(edited.code, edited.out).toBe(0);
    expect(edited.out.replaceAll(/\s+/g, ' ')).toContain(
      'somebody else wrote /etc/tracker/service.env on web-1',
    );
    await chmod(at, 0o644);
    const open = await run(['drift']);
    expect(open.code).toBe(2);
    expect(open.out.replaceAll(/\s+/g, ' ')).toContain('chmod o= /etc/tracker/service.env on web-1');
    await rm(at);
    const gone = await run(['drift', '--format', 'json']);
    expect(gone.code).toBe(2);
    expect(JSON.parse(gone.out)).toMatchObject({ findings: [{ rule: 'missing', level: 'error' }] });
    expect((await run(['apply', '--auto-approve'])).code).toBe(0);
    expect(
      file('web-1')
        .split('\n')
        .map((line) => line.split('=')[0])
        .filter(Boolean),
    ).toEqual(['JWT_SECRET', 'VALKEY_PASSWORD']);
    expect((await run(['drift'])).code).toBe(0);
  }, 120_000);
});

/** Kills the apply as soon as its journal holds the intent of a flip. */
async function killAtFlip(state: string, kill: () => void): Promise<void> {
  const { readdir } = await import('node:fs/promises');
  for (;;) {
    const names = await readdir(state, { recursive: true }).catch(() => []);
    const journals = names.filter((name) => name.includes('journal'));
    for (const name of journals) {
      const text = await readFile(join(state, name), 'utf8').catch(() => '');
      if (!/"type":"intent".*"kind":"flip"|"kind":"flip".*"type":"intent"/.test(text)) continue;
      kill();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
