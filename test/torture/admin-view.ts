import { JOURNAL } from '../../src/record/journal-file.ts';
import { STATE } from '../../src/record/load.ts';
import { hasEnded, isWanted } from '../../src/sandbox/swarm-cluster.ts';
import type { TaskRecord } from '../../src/sandbox/swarm-cluster.ts';
import type { SecretReference } from '../../src/sandbox/swarm-spec.ts';
import type { RunningSwarm } from '../../src/sandbox/swarm.ts';
import type { StoredVersion } from '../../src/sandbox/vault-file.ts';
import type { RunningVault } from '../../src/sandbox/vault.ts';
import type { JournalLine } from '../../src/model/journal.ts';
import type { Recorded } from '../../src/model/recorded.ts';
import { TAG_VERSION } from '../../src/model/observed.ts';
import { Replay } from '../../src/record/fold.ts';
import type { Disk } from './disk.ts';
import type { Machine } from './machine.ts';

/** Something on the platform that names a copy. */
export interface Use {
  /** Of a host: the file's path. Its spec is what stands in it, a task whoever has read it. */
  readonly service: string;
  readonly by: 'spec' | 'task' | 'previous spec';
  readonly target: string;
  readonly copyId: string;
  readonly copyName: string;
}

const FOLDER = '/state/shop';
export const JOURNAL_PATH = `${FOLDER}/${JOURNAL}`;
const UNPLACED = new Set(['new', 'pending']);

/** The world as whoever owns vault, swarm and disk sees it, without asking keyturn. */
export class AdminView {
  readonly #vault: RunningVault;
  readonly #swarm: RunningSwarm;
  readonly #disk: Disk;
  readonly #machine: Machine | null;
  /** Parsed once: every change looks at them. */
  readonly #lines = new Map<string, JournalLine[]>();
  /** Values of all copies that there ever were: a copy that is gone may still be named. */
  readonly #valueOf = new Map<string, string>();
  /** As much for what hosts hold, which keep no copies. */
  readonly #held = new Map<string, string>();

  constructor(vault: RunningVault, swarm: RunningSwarm, disk: Disk, machine: Machine | null) {
    this.#machine = machine;
    this.#vault = vault;
    this.#swarm = swarm;
    this.#disk = disk;
  }

  /** In the order of writing. */
  versions(secret: string): readonly StoredVersion[] {
    return this.#vault.contents().find(({ name }) => name === secret)?.versions ?? [];
  }

  secrets(): string[] {
    return this.#vault.contents().map(({ name }) => name);
  }

  /** Values that somebody with the right to read can get from the vault. */
  enabledValues(): Set<string> {
    const versions = this.#vault.contents().flatMap((secret) => secret.versions);
    return new Set(versions.filter(({ enabled }) => enabled).map(({ value }) => value));
  }

  /** `s1_v3`, where a version of the vault has this value. */
  namesOf(value: string): string[] {
    return this.#vault.contents().flatMap(({ name, versions }) => {
      const own = versions.filter((version) => version.value === value);
      return [...new Set(own.map(({ tags }) => `${name}_v${tags?.[TAG_VERSION] ?? '?'}`))];
    });
  }

  copies(): { id: string; name: string; labels: Readonly<Record<string, string>> }[] {
    return [...this.#swarm.contents.secrets.values()].map(({ id, name, labels, data }) => {
      if (!this.#valueOf.has(id)) this.#valueOf.set(id, Buffer.from(data, 'base64').toString('utf8'));
      return { id, name, labels };
    });
  }

  hasCopy(id: string): boolean {
    return this.#swarm.contents.secrets.has(id) || this.#held.has(id);
  }

  /** Also of a copy that is gone, where it was seen before. */
  valueOfCopy(id: string): string | undefined {
    const held = this.#held.get(id);
    if (held !== undefined) return held;
    const there = this.#swarm.contents.secrets.get(id);
    if (there !== undefined && !this.#valueOf.has(id))
      this.#valueOf.set(id, Buffer.from(there.data, 'base64').toString('utf8'));
    return this.#valueOf.get(id);
  }

  service(name: string): { id: string; references: Use[] } | null {
    if (this.#machine?.files.some(({ path }) => path === name) === true) {
      const references = this.#usesOfFile(name).filter(({ by }) => by === 'spec');
      return this.#machine.now(name).text === null ? null : { id: name, references };
    }
    for (const { id, spec, removed } of this.#swarm.contents.services.values()) {
      if (removed || spec.Name !== name) continue;
      return { id, references: usesIn(spec.TaskTemplate.ContainerSpec.Secrets, name, 'spec') };
    }
    return null;
  }

  serviceNames(): string[] {
    const services = [...this.#swarm.contents.services.values()];
    return services.filter(({ removed }) => !removed).map(({ spec }) => spec.Name);
  }

  nameOfService(id: string): string | undefined {
    return this.#swarm.contents.services.get(id)?.spec.Name;
  }

  uses(): Use[] {
    const uses: Use[] = [];
    for (const { id, spec, previousSpec, removed } of this.#swarm.contents.services.values()) {
      const { Name: name } = spec;
      if (!removed) uses.push(...usesIn(spec.TaskTemplate.ContainerSpec.Secrets, name, 'spec'));
      if (!removed && previousSpec !== null)
        uses.push(...usesIn(previousSpec.TaskTemplate.ContainerSpec.Secrets, name, 'previous spec'));
      for (const task of this.#swarm.contents.tasksOf(id))
        if (!removed && isLive(task)) uses.push(...usesIn(task.spec.ContainerSpec.Secrets, name, 'task'));
    }
    return [...uses, ...(this.#machine?.files ?? []).flatMap(({ path }) => this.#usesOfFile(path))];
  }

  /** What stands in a file, and what those have read who run; only values of the vault. */
  #usesOfFile(path: string): Use[] {
    if (this.#machine === null) return [];
    const { variables } = this.#machine.now(path);
    const readers = this.#machine.readers(path).filter(({ isUp }) => isUp);
    const used = (by: Use['by'], held: ReadonlyMap<string, string>): Use[] =>
      [...held].flatMap(([target, value]): Use[] => {
        const [copyName] = this.namesOf(value);
        if (copyName === undefined || !/^S\d+$/.test(target)) return [];
        const copyId = `${copyName} on a host`;
        this.#held.set(copyId, value);
        return [{ service: path, by, target, copyId, copyName }];
      });
    return [...used('spec', variables), ...readers.flatMap((reader) => used('task', reader.variables))];
  }

  /** Whole lines of the open journal: as it was written, or what of it is on the platter. */
  journal(which: 'written' | 'durable'): JournalLine[] {
    const text = which === 'durable' ? this.#disk.durable(JOURNAL_PATH) : this.text(JOURNAL_PATH);
    const rows = (text ?? '').split('\n').slice(0, -1);
    return rows.flatMap((row) => {
      const lines = this.#lines.get(row) ?? parsed(row);
      this.#lines.set(row, lines);
      return lines;
    });
  }

  text(path: string): string | null {
    return this.#disk.has(path) ? this.#disk.open(path).text : null;
  }

  /** What is recorded now, the open journal included, and a line that is about to be written; null: nothing yet. */
  recorded(...next: readonly JournalLine[]): Recorded | null {
    const text = this.text(`${FOLDER}/${STATE}`);
    if (text === null) return null;
    return new Replay(JSON.parse(text) as Recorded, [...this.journal('written'), ...next]).recorded;
  }

  /** Whose claim stands: the highest number. */
  holder(): { id: string; isFenced: boolean } | null {
    const path = this.#disk
      .paths()
      .filter((each) => /\/lease-\d+\.json$/.test(each))
      .at(-1);
    const text = path === undefined ? null : this.text(path);
    if (text === null) return null;
    try {
      return JSON.parse(text) as { id: string; isFenced: boolean };
    } catch {
      return null;
    }
  }

  /** `history/000001.json` and so on, in order. */
  history(): { number: number; text: string }[] {
    return this.#disk.paths().flatMap((path) => {
      const number = /\/history\/(\d+)\.json$/.exec(path)?.[1];
      return number === undefined ? [] : [{ number: Number(number), text: this.text(path) ?? '' }];
    });
  }

  paths(): string[] {
    return this.#disk.paths();
  }
}

function parsed(row: string): JournalLine[] {
  try {
    return [JSON.parse(row) as JournalLine];
  } catch {
    return [];
  }
}

function usesIn(references: readonly SecretReference[] | undefined, service: string, by: Use['by']): Use[] {
  return (references ?? []).map(({ File, SecretID, SecretName }) => ({
    service,
    by,
    target: File.Name,
    copyId: SecretID,
    copyName: SecretName,
  }));
}

/** A container of this task runs, or will without anybody doing more. */
function isLive(task: TaskRecord): boolean {
  return !hasEnded(task) && (isWanted(task) || !UNPLACED.has(task.state));
}
