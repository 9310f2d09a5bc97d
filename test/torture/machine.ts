import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { EnvFile, Restart } from '../../src/model/host.ts';
import { variablesOf } from '../../src/providers/host-env-file.ts';
import type { RunningHost } from '../../src/sandbox/host.ts';
import { startHost } from '../../src/sandbox/host.ts';
import type { CaseHost } from './case.ts';
import type { Cut } from './cut.ts';
import { cutting } from './cut.ts';
import { nameOfRestart } from './hosted-stack.ts';
import type { Said, Shell } from './shells.ts';

/** In memory where that can be: a script syncs what it writes. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const LONGEST_REAL_MS = 300_000;

/** What runs on a host and has read a file of variables when it began. */
export interface Reader {
  /** `web.service`, or a container's name. */
  readonly name: string;
  readonly id: string;
  readonly isUp: boolean;
  /** What stood in its files when it was first seen. */
  readonly variables: ReadonlyMap<string, string>;
}

/** What a marker says of one state of its file. */
export interface Stand {
  readonly identity: string | null;
  /** variable → `secret_v3`. */
  readonly versions: ReadonlyMap<string, string>;
}

/** A declared file as it lies there. */
export interface FileNow {
  readonly path: string;
  /** Null: it is not there. */
  readonly text: string | null;
  readonly identity: string | null;
  readonly variables: ReadonlyMap<string, string>;
  readonly marker: { readonly text: string; readonly now: Stand; readonly next: Stand | null } | null;
  /** Files of ours that are neither the file nor its marker, with their modes. */
  readonly leftovers: readonly { readonly name: string; readonly mode: number }[];
}

/**
 * A host: a folder in which the provider's own scripts are run for real, one at a time, while the simulated time stands
 * still. What is looked at here is read without asking keyturn.
 */
export class Machine {
  readonly name: string;
  readonly files: readonly EnvFile[];
  readonly running: RunningHost;
  readonly #directory: string;
  /** By the id of who read them. */
  readonly #read = new Map<string, ReadonlyMap<string, string>>();

  private constructor(name: string, files: readonly EnvFile[], directory: string, running: RunningHost) {
    this.name = name;
    this.files = files;
    this.#directory = directory;
    this.running = running;
    this.readers();
  }

  static async start(name: string, files: readonly EnvFile[], { texts, hidden }: CaseHost): Promise<Machine> {
    const directory = mkdtempSync(join(PLACE, 'keyturn-torture-'));
    for (const [path, text] of Object.entries(texts)) {
      const place = join(directory, 'root', path);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, text, { mode: 0o600 });
    }
    const running = await startHost({ name, directory, files });
    const machine = new Machine(name, files, directory, running);
    for (const restart of files.flatMap(({ restarts }) => restarts))
      machine.#tell(restart, 'hides', hidden.includes(nameOfRestart(restart)));
    return machine;
  }

  /** Runs a script to its end, or to where it is cut. */
  run({ command, args, environment, script }: Shell, cut: Cut | null): Said {
    const steps = join(this.#directory, 'steps');
    if (cut !== null) writeFileSync(steps, '0\n');
    const input = `${cut === null ? '' : cutting(cut, steps)}${script}`;
    const options = { input, env: environment, detached: true, timeout: LONGEST_REAL_MS } as const;
    const { status, stdout, stderr, error } = spawnSync(command, args, options);
    if (error !== undefined) throw error;
    // Whoever began just now has read what stands there now: no script both starts and writes.
    this.readers();
    return { code: status, out: stdout, said: stderr.toString('utf8') };
  }

  now(path: string): FileNow {
    const place = this.#at(path);
    const format = this.files.find((file) => file.path === path)?.format ?? 'systemd';
    const bytes = existsSync(place) ? readFileSync(place) : null;
    const read = bytes === null ? null : variablesOf(bytes, format);
    const names = existsSync(dirname(place)) ? readdirSync(dirname(place)) : [];
    const leftovers = names.filter((name) => name.startsWith(`.${basename(path)}.keyturn-`));
    return {
      path,
      text: bytes?.toString('utf8') ?? null,
      identity: bytes === null ? null : identityOf(place),
      variables: read?.kind === 'read' ? read.variables : new Map(),
      marker: markerIn(this.#text(`${path}.keyturn`)),
      leftovers: leftovers.map((name) => ({ name, mode: statSync(join(dirname(place), name)).mode & 0o777 })),
    };
  }

  /** Whatever is declared to read this file, or any. */
  readers(path?: string): Reader[] {
    const all = this.files.filter((file) => path === undefined || file.path === path);
    return all.flatMap(({ restarts }) =>
      restarts.flatMap((restart) => {
        switch (restart.kind) {
          case 'systemd-unit':
            return this.#unit(restart.unit);
          case 'compose-service':
            return this.#containers(`${restart.directory.replaceAll('/', '%')}%${restart.service}`);
          case 'command':
            return [];
        }
      }),
    );
  }

  /** All that lies in `/etc` but the files themselves and what is about to take their places. */
  strangers(): string[] {
    const root = join(this.running.root, 'etc');
    const own = new Set(this.files.map(({ path }) => this.#at(path)));
    return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const place = join(entry.parentPath, entry.name);
      const isOurs = own.has(place) || /^\..*\.keyturn-[0-9a-f]{12}$/.test(entry.name);
      return entry.isFile() && !isOurs ? [readFileSync(place, 'utf8')] : [];
    });
  }

  /** What a person or a program of the host writes there: in place, or by a file that takes its place. */
  put(path: string, text: string, inPlace: boolean): void {
    const place = this.#at(path);
    const draft = `${place}~`;
    if (inPlace) return writeFileSync(place, text, { mode: 0o600 });
    writeFileSync(draft, text, { mode: 0o600 });
    spawnSync('mv', ['-f', draft, place]);
  }

  remove(path: string): void {
    rmSync(this.#at(path), { force: true });
  }

  /** Whoever reads a value that no service takes does not start, or does not stay. */
  tune(): void {
    for (const { restarts } of this.files)
      for (const restart of restarts) {
        const own = this.files.filter((file) => file.restarts.some((each) => isSame(each, restart)));
        const values = own.flatMap(({ path }) => [...this.now(path).variables.values()]);
        const isBad = (word: string): boolean => values.some((value) => value.startsWith(`${word}-`));
        this.#tell(restart, 'refuses', isBad('bad') || isBad('crash'));
        if (restart.kind !== 'systemd-unit') continue;
        this.#tell(restart, 'fails', isBad('bad'));
        const [reader] = this.#unit(restart.unit);
        const read = [...(reader?.variables.values() ?? [])];
        this.#tell(restart, 'refuses', false);
        this.#tell(
          restart,
          'crashes',
          read.some((value) => value.startsWith('crash-')),
        );
      }
  }

  /** A switch in a unit's folder, or a service's: see src/sandbox/host-programs.ts. */
  #tell(restart: Restart, name: string, isOn: boolean): void {
    const folder = this.#folder(restart);
    if (folder === null) return;
    if (isOn) writeFileSync(join(folder, name), 'KEYTURN_VERSIONS=\n');
    else rmSync(join(folder, name), { force: true });
  }

  /** Somebody restarts what is declared to read a file. */
  restartByHand(restart: Restart): void {
    const { programs, root } = this.running;
    if (restart.kind === 'systemd-unit') {
      spawnSync(join(programs, 'systemctl'), ['reset-failed', '--', restart.unit]);
      spawnSync(join(programs, 'systemctl'), ['restart', '--', restart.unit]);
    } else if (restart.kind === 'compose-service') {
      const { directory, service } = restart;
      const words = ['compose', '--project-directory', join(root, directory), 'up', '-d', '--no-deps'];
      spawnSync(join(programs, 'docker'), [...words, '--force-recreate', service]);
    }
    this.readers();
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #unit(unit: string): Reader[] {
    const folder = join('/run/keyturn/units', unit);
    const id = this.#text(join(folder, 'pid'))?.trim() ?? '0';
    if (id === '0') return [];
    const isUp = this.#text(join(folder, 'state'))?.startsWith('active ') === true;
    return [{ name: unit, id, isUp, variables: this.#readBy(id, join(folder, 'files')) }];
  }

  #containers(key: string): Reader[] {
    const containers = '/run/keyturn/containers';
    const ids = readdirSync(this.#at(containers)).sort();
    // Compose leaves one that ended where it is until it makes another in its place.
    return ids.flatMap((id): Reader[] => {
      const record = (name: string): string => this.#text(join(containers, id, name))?.trim() ?? '';
      if (record('of') !== key || record('status') !== 'running') return [];
      const variables = this.#readBy(id, join('/run/keyturn/services', key, 'files'));
      return [{ name: record('name'), id, isUp: true, variables }];
    });
  }

  #readBy(id: string, list: string): ReadonlyMap<string, string> {
    const known = this.#read.get(id);
    if (known !== undefined) return known;
    const paths = this.#text(list)?.trim().split('\n') ?? [];
    const variables = new Map(paths.flatMap((path) => [...this.now(path).variables]));
    this.#read.set(id, variables);
    return variables;
  }

  #folder(restart: Restart): string | null {
    switch (restart.kind) {
      case 'systemd-unit':
        return this.#at(join('/run/keyturn/units', restart.unit));
      case 'compose-service':
        return this.#at(
          join('/run/keyturn/services', `${restart.directory.replaceAll('/', '%')}%${restart.service}`),
        );
      case 'command':
        return null;
    }
  }

  #at(path: string): string {
    return join(this.running.root, path);
  }

  #text(path: string): string | null {
    const place = this.#at(path);
    return existsSync(place) ? readFileSync(place, 'utf8') : null;
  }
}

function isSame(a: Restart, b: Restart): boolean {
  return a.kind === b.kind && nameOfRestart(a) === nameOfRestart(b);
}

/** Inode and time of its last change, as `stat` prints them. */
function identityOf(place: string): string {
  const { ino, mtimeNs } = statSync(place, { bigint: true });
  const [seconds, rest] = [mtimeNs / 1_000_000_000n, mtimeNs % 1_000_000_000n];
  return `${ino}.${seconds}.${String(rest).padStart(9, '0')}`;
}

function markerIn(text: string | null): FileNow['marker'] {
  if (text === null) return null;
  const said = new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf('=');
      return at === -1 || line.startsWith('#') ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
  const stand = (variable: string): Stand | null => {
    const versions = said.get(variable);
    if (versions === undefined) return null;
    const pairs =
      versions === '' ? [] : versions.split(',').map((pair) => pair.split(':') as [string, string]);
    return { identity: said.get(`${variable}_FILE`) ?? null, versions: new Map(pairs) };
  };
  const now = stand('KEYTURN_VERSIONS');
  return now === null ? null : { text, now, next: stand('KEYTURN_VERSIONS_NEXT') };
}
