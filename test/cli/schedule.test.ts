import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { keyturn, project, put, temporaryFolder } from './project.ts';

interface Told {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly written: readonly string[];
  readonly warnings: readonly string[];
  readonly next: readonly { readonly what: string; readonly run: string | null }[];
}

async function told(cwd: string, ...args: readonly string[]): Promise<Told> {
  const { code, out, err } = await keyturn(['schedule', ...args, '--format', 'json'], { cwd });
  expect(code, err).toBe(0);
  return JSON.parse(out) as Told;
}

const REMOTE = `
    new AzurermBackend(this, { storageAccountName: 'ktprod', containerName: 'tf', key: 'k', useOidc: true, tenantId: 't' });
    const vault = new KeyVault(this, 'vault', { name: 'shop-secrets', auth: 'github-oidc', tenantId: '00000000-0000-0000-0000-000000000001' });
    new Swarm(this, 'swarm', { endpoint: 'ssh://deploy@manager-1' });
    new Secret(this, 'key', { vault, source: Source.random({ bytes: 32, encoding: 'hex' }), cadence: Cadence.onRequest() });`;

describe('keyturn schedule', () => {
  test('prints each schedule ready to be sent into a file, and what to do with it on the other stream', async () => {
    const cwd = await project();
    for (const [kind, first] of [
      ['cron', '# keyturn.crontab: '],
      ['systemd', '# keyturn.service: '],
      ['github', '# keyturn.yml: '],
      ['swarm', '# keyturn.stack.yml: '],
    ] as const) {
      const { code, out, err } = await keyturn(['schedule', kind], { cwd });
      expect(code).toBe(0);
      expect(out.startsWith(first)).toBe(true);
      expect(out).toContain('--due');
      expect(out).not.toContain('Next');
      expect(err).toContain('not synthesized yet');
      expect(err).toContain('\nNext\n  1. ');
    }
  });

  test('runs no code of the project, and knows what the last synth left', async () => {
    const cwd = await project();
    const before = await told(cwd, 'github');
    expect(before.warnings).not.toContainEqual(expect.stringContaining('local'));
    expect(await readdir(cwd)).not.toContain('cdktf.out');

    expect((await keyturn(['synth'], { cwd })).code).toBe(0);
    await put(join(cwd, 'main.ts'), 'throw new Error("this must not run");');
    const after = await told(cwd, 'github');
    expect(after.warnings).toContainEqual(expect.stringContaining('the record of shop is local'));
    expect((await told(cwd, 'swarm')).warnings).toContainEqual(
      expect.stringContaining('the record of shop is local'),
    );
    expect((await told(cwd, 'cron')).warnings).toEqual([]);
  });

  test('has nothing to warn of where record, engine and sign-in suit the runner', async () => {
    const cwd = await project(REMOTE);
    await put(join(cwd, 'package-lock.json'), '{}');
    expect((await keyturn(['synth'], { cwd })).code).toBe(0);
    const { warnings, files } = await told(cwd, 'github', 'shop');
    expect(warnings).toEqual([]);
    expect(files[0]?.text).toContain('apply shop --due --auto-approve');
    expect(files[0]?.text).toContain('secrets.KEYTURN_SSH_KEY');
  });

  test('writes into a folder, replaces nothing there unless it is told to, and then all of it', async () => {
    const cwd = await project();
    const { written, next } = await told(cwd, 'systemd', '--out', 'my deploy');
    expect(written).toEqual(['my deploy/keyturn.service', 'my deploy/keyturn.timer']);
    expect(next.map(({ run }) => run).join('\n')).toContain("'my deploy/keyturn.service'");
    const service = join(cwd, 'my deploy', 'keyturn.service');
    await put(service, 'mine');
    await rename(join(cwd, 'my deploy', 'keyturn.timer'), join(cwd, 'timer'));

    const refused = await keyturn(['schedule', 'systemd', '--out', 'my deploy'], { cwd });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('keyturn.service exists already');
    expect(await readdir(join(cwd, 'my deploy'))).toEqual(['keyturn.service']);
    expect(await readFile(service, 'utf8')).toBe('mine');

    await told(cwd, 'systemd', '--out', 'my deploy', '--force');
    expect(await readFile(service, 'utf8')).toContain('[Service]');
    expect((await told(cwd, 'systemd', '--out', 'my deploy', '--name', 'other')).written).toHaveLength(2);
  });

  test.each([
    [['cron', '--interval', '7m'], 'cron cannot say "every 7m"'],
    [['cron', '--time-zone', 'Europe/Berlin'], 'every 5m is the same in each time zone'],
    [['systemd', '--interval', '1d', '--time-zone', 'Europe/Bern'], 'there is no time zone "Europe/Bern"'],
    [['systemd', '--user', 'a b'], '"a b" cannot be --user'],
    [['systemd', '--force'], '--force needs --out'],
    [['swarm', '--image', 'a: b'], '"a: b" is no name of an image'],
    [['swarm', '--name', '../x'], '"../x" cannot be --name'],
    [['github', '--sandbox'], 'a runner forgets the embedded vault'],
    [['github', "shop'; reboot"], 'cannot be a stack'],
    [[], 'name what shall run it'],
  ])('%j is refused and writes nothing', async (args, what) => {
    const cwd = await project();
    const files = await readdir(cwd);
    const { code, err } = await keyturn(['schedule', ...args], { cwd });
    expect(code).toBe(1);
    expect(err.replaceAll(/\s+/g, ' ')).toContain(what);
    expect(await readdir(cwd)).toEqual(files);
  });

  test('outside of a project it says where to go', async () => {
    const { code, err } = await keyturn(['schedule', 'cron'], { cwd: await temporaryFolder() });
    expect(code).toBe(1);
    expect(err).toContain('no cdktf.json');
  });
});

describe('the cron line, run as cron runs it', () => {
  test('logs what apply said and prints nothing; where apply fails it prints one line', async () => {
    const parent = await temporaryFolder();
    const cwd = join(parent, "it's 100% $HOME");
    await mkdir(parent, { recursive: true });
    await rename(await project(), cwd);
    const { files } = await told(cwd, 'cron', '--sandbox');
    const line = (files[0]?.text ?? '').trimEnd().split('\n').at(-1) ?? '';
    // Cron takes the five fields, and the backslash in front of a percent sign.
    const command = line.split(' ').slice(5).join(' ').replaceAll('\\%', '%');
    const cron = () =>
      promisify(execFile)('/bin/sh', ['-c', command], {
        cwd: '/',
        env: { PATH: '/usr/bin:/bin', HOME: parent, SHELL: '/bin/sh' },
      });
    const log = () => readFile(join(cwd, '.keyturn', 'keyturn.log'), 'utf8');

    expect(await cron()).toEqual({ stdout: '', stderr: '' });
    expect(await log()).toContain('No changes.');

    await put(join(cwd, 'main.ts'), 'throw new Error("a stack is broken");');
    const { stdout, stderr } = await cron();
    expect(stderr).toBe('');
    expect(stdout).toBe(`keyturn apply ended with 1, see ${join(cwd, '.keyturn', 'keyturn.log')}\n`);
    expect(await log()).toContain('a stack is broken');
  });
});
