import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { calendarTimes, parseInterval } from '../../src/report/schedule-interval.ts';
import { renderSystemd } from '../../src/report/schedule-systemd.ts';
import { put, temporaryFolder } from '../cli/project.ts';
import { declaredWith, facts, fileNamed, order } from './schedule-fixture.ts';

const run = promisify(execFile);

/** Sections of a unit: each key with its values, as systemd reads them. */
function parseUnit(text: string): Record<string, Record<string, string[]>> {
  const sections: Record<string, Record<string, string[]>> = {};
  let section: Record<string, string[]> = {};
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const name = /^\[(\w+)\]$/.exec(line)?.[1];
    if (name !== undefined) section = sections[name] = {};
    else {
      const at = line.indexOf('=');
      expect(at, line).toBeGreaterThan(0);
      (section[line.slice(0, at)] ??= []).push(line.slice(at + 1));
    }
  }
  return sections;
}

const units = (changes: Parameters<typeof order>[0] = {}) => {
  const { files, warnings } = renderSystemd({ ...order(changes), user: 'keyturn' });
  const [service, timer] = [fileNamed(files, 'keyturn.service'), fileNamed(files, 'keyturn.timer')];
  return { service: parseUnit(service), timer: parseUnit(timer), files, warnings };
};

describe('the systemd units', () => {
  test('run once, in the project, and leave a stopped run time to finish its steps', () => {
    const { service, timer } = units({ stacks: ['shop'] });
    expect(service['Service']).toMatchObject({
      Type: ['oneshot'],
      User: ['keyturn'],
      WorkingDirectory: ['/srv/secrets'],
      ReadWritePaths: ['/srv/secrets'],
      KillMode: ['mixed'],
      SuccessExitStatus: ['130'],
      ExecStart: [
        '/usr/bin/node /srv/secrets/node_modules/keyturn/bin/keyturn.js apply shop --due --auto-approve',
      ],
    });
    expect(timer['Timer']).toEqual({ OnCalendar: ['*-*-* *:0/5:00'], Persistent: ['true'] });
    expect(timer['Install']).toEqual({ WantedBy: ['timers.target'] });
  });

  test('double what systemd would expand, a dollar sign in the command alone', () => {
    const directory = '/srv/100%h $HOME';
    const service = units({ directory, programPath: `${directory}/keyturn.js` }).service['Service'];
    expect(service).toMatchObject({
      WorkingDirectory: ['/srv/100%%h $HOME'],
      ReadWritePaths: ['"/srv/100%%h $HOME"'],
      ExecStart: ['/usr/bin/node "/srv/100%%h $$HOME/keyturn.js" apply --due --auto-approve'],
    });
  });

  test('hide no process from the lease and forbid Node nothing that it needs', () => {
    const { service } = units();
    for (const key of ['ProtectProc', 'PrivateUsers', 'PrivatePIDs', 'MemoryDenyWriteExecute']) {
      expect(service['Service']).not.toHaveProperty(key);
    }
  });

  test('take the Docker group only where the engine may be the local socket', () => {
    const groups = (project: ReturnType<typeof facts>) =>
      units({ project }).service['Service']?.['SupplementaryGroups'];
    expect(groups(facts())).toEqual(['docker']);
    expect(groups(facts(declaredWith('managed', null)))).toEqual(['docker']);
    expect(groups(facts(declaredWith('managed', 'ssh://deploy@manager-1')))).toBeUndefined();
  });

  test('warn of az, which writes into a home that they may only read', () => {
    expect(units({ project: facts(declaredWith('cli', null)) }).warnings).toEqual([
      expect.stringContaining('"cli"'),
    ]);
    expect(units({ project: facts(declaredWith('managed', null)) }).warnings).toEqual([]);
  });

  test('name a time zone only where the hours matter', () => {
    const calendar = (every: string) =>
      units({ every, timeZone: 'Europe/Berlin' }).timer['Timer']?.['OnCalendar'];
    expect(calendar('1h')).toEqual(['*-*-* *:00:00']);
    expect(calendar('6h')).toEqual(['*-*-* 0/6:00:00 Europe/Berlin']);
  });
});

const analyze = await firstThere(['/usr/bin/systemd-analyze', '/bin/systemd-analyze']);
if (analyze === null)
  console.warn('LEFT OUT: "systemd itself" needs systemd-analyze (Debian package systemd)');

describe.skipIf(analyze === null)('systemd itself', () => {
  const told = (...args: readonly string[]) => run(analyze ?? '', args);

  test.each([
    ['a plain path', '/srv/secrets'],
    ['a path with blanks, quotes, percent and dollar signs', '/srv/100% "our\'s" \\ $HOME'],
  ])('finds nothing to say about units for %s', async (_, directory) => {
    const folder = await temporaryFolder();
    const { files } = renderSystemd({
      ...order({ directory, node: process.execPath, programPath: `${directory}/keyturn.js`, every: '6h' }),
      user: 'root',
    });
    for (const { path, text } of files) await put(join(folder, path), text);
    const { stdout, stderr } = await told(
      'verify',
      join(folder, 'keyturn.service'),
      join(folder, 'keyturn.timer'),
    );
    expect(stdout + ours(stderr)).toBe('');
  });

  test('says what is wrong where a unit is wrong', async () => {
    const folder = await temporaryFolder();
    const { files } = units();
    const text = fileNamed(files, 'keyturn.service').replace('KillMode=mixed', 'KillMode=gently');
    await put(join(folder, 'keyturn.service'), text.replace('/usr/bin/node', process.execPath));
    const { stderr } = await told('verify', join(folder, 'keyturn.service')).catch(
      (error: unknown) => error as { stderr: string },
    );
    expect(ours(stderr)).toContain('gently');
  });

  test('reads every interval as it was meant', async () => {
    for (const every of ['1m', '5m', '30m', '1h', '2h', '12h', '1d']) {
      const { seconds } = parseInterval(every);
      const times = `${calendarTimes(parseInterval(every))} UTC`;
      const { stdout } = await told(
        'calendar',
        '--iterations=3',
        '--base-time=2026-11-26 23:59:30 UTC',
        times,
      );
      const runs = [...stdout.matchAll(/\w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/gm)].map(
        ([, day, time]) => Date.parse(`${day}T${time}Z`),
      );
      const distinct = [...new Set(runs)].sort((a, b) => a - b);
      expect(distinct.length, stdout).toBe(3);
      expect(distinct[0]).toBe(Date.parse('2026-11-27T00:00:00Z'));
      expect((distinct[1] ?? 0) - (distinct[0] ?? 0), times).toBe(seconds * 1000);
    }
  });

  test('calls the service well protected', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'keyturn.service');
    await put(path, fileNamed(units().files, 'keyturn.service').replace('User=keyturn', 'User=nobody'));
    const { stdout } = await told('security', '--offline=true', '--no-pager', path);
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThan(3);
  });
});

/** What it says of our units, not of those of this machine that they name. */
function ours(said: string): string {
  return said
    .split('\n')
    .filter((line) => line.includes('keyturn'))
    .join('\n');
}

async function firstThere(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return null;
}
