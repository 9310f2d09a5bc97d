import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { EnvFile, Restart } from '../model/host.ts';
import { MARKER_SUFFIX } from '../model/host.ts';
import { PROGRAMS } from './host-programs.ts';

const run = promisify(execFile);

/**
 * A host that is a folder: what would be at `/etc` there is at `<root>/etc`, and stand-ins for systemctl and docker
 * stand in `programs`. All else is what this machine has: sh, stat, mv, sync. It needs Linux.
 *
 *     <directory>/root/                            the host's files
 *     <directory>/root/run/keyturn/units/<unit>/   what a unit is and does; see host-programs.ts
 *     <directory>/root/run/keyturn/services/…/     the same of a compose service
 *     <directory>/programs/
 */
export interface RunningHost {
  readonly root: string;
  readonly programs: string;
  /** Nothing runs, so that nothing ends; the contents stay. */
  close(): Promise<void>;
}

export interface HostOptions {
  readonly name: string;
  /** Survives this process, and is used again by the next one. */
  readonly directory: string;
  /** What a stack expects to find: each is there, with variables that are none of keyturn's, and what reads it runs. */
  readonly files: readonly EnvFile[];
}

const SCALE = 2;

export async function startHost({ name, directory, files }: HostOptions): Promise<RunningHost> {
  const root = resolve(directory, 'root');
  const programs = resolve(directory, 'programs');
  const state = join(root, 'run', 'keyturn');
  for (const folder of [
    programs,
    join(root, 'etc'),
    join(root, 'proc'),
    join(state, 'units'),
    join(state, 'services'),
    join(state, 'containers'),
  ])
    await mkdir(folder, { recursive: true });
  for (const [program, text] of Object.entries(PROGRAMS))
    await writeFile(join(programs, program), text, { mode: 0o755 });
  await once(join(root, 'etc', 'machine-id'), `${randomBytes(16).toString('hex')}\n`);
  await once(join(state, 'pids'), '1000\n');
  await once(join(state, 'images'), '');
  for (const file of files) await setUp(root, name, file);
  const starting = files.flatMap(({ path, restarts }) => restarts.map((restart) => ({ path, restart })));
  for (const { path, restart } of starting) await start({ root, programs, state }, restart, path);
  return { root, programs, close: async () => {} };
}

/** A file that is there already stays as it is. */
async function once(path: string, text: string, mode = 0o644): Promise<void> {
  if (!existsSync(path)) await writeFile(path, text, { mode });
}

async function setUp(root: string, host: string, { path, mode, builds }: EnvFile): Promise<void> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  for (const build of builds) await mkdir(join(root, build.directory), { recursive: true });
  // One that keyturn has written and that is gone was taken away by somebody: that is drift, also in a sandbox.
  if (existsSync(`${file}${MARKER_SUFFIX}`)) return;
  await once(file, `# made by the sandbox for host ${host}\nNODE_ENV=production\n`, mode ?? 0o600);
}

interface Place {
  readonly root: string;
  readonly programs: string;
  readonly state: string;
}

async function start({ root, programs, state }: Place, restart: Restart, path: string): Promise<void> {
  switch (restart.kind) {
    case 'systemd-unit': {
      const folder = join(state, 'units', restart.unit);
      if (!(await declared(folder, path))) return;
      for (const [record, text] of Object.entries({
        pid: 0,
        restarts: 0,
        failures: 0,
        state: 'inactive dead success',
      }))
        await writeFile(join(folder, record), `${text}\n`);
      await run(join(programs, 'systemctl'), ['restart', '--', restart.unit]);
      return;
    }
    case 'compose-service': {
      const { service, directory, rolling } = restart;
      await mkdir(join(root, directory), { recursive: true });
      const folder = join(state, 'services', `${directory.replaceAll('/', '%')}%${service}`);
      if (!(await declared(folder, path))) return;
      const up = ['up', '-d', '--no-deps', '--scale', `${service}=${rolling ? SCALE : 1}`, service];
      await run(join(programs, 'docker'), ['compose', '--project-directory', join(root, directory), ...up]);
      return;
    }
    case 'command':
      return;
  }
}

/** Notes which file it reads. True: it was not known yet, and is to be started. */
async function declared(folder: string, path: string): Promise<boolean> {
  const files = join(folder, 'files');
  const isKnown = existsSync(files);
  await mkdir(folder, { recursive: true });
  const known = isKnown ? await readLines(files) : [];
  if (!known.includes(path)) await writeFile(files, `${[...known, path].join('\n')}\n`);
  return !isKnown;
}

async function readLines(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter(Boolean);
}
