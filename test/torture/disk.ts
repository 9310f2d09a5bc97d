import { dirname } from 'node:path';
import type { Random } from './random.ts';

/** A file: what was written, and how much of it is on the platter. */
export class Inode {
  text = '';
  durable = '';

  append(text: string): void {
    this.text += text;
  }

  get size(): number {
    return Buffer.byteLength(this.text);
  }

  sync(): void {
    this.durable = this.text;
  }
}

interface Rename {
  readonly set: readonly (readonly [path: string, inode: Inode | null])[];
  readonly directories: ReadonlySet<string>;
}

/**
 * A disk as POSIX promises it and no better: what was written is durable after a sync of the file, a name after a
 * sync of its directory. A process that dies loses nothing; a machine that loses power keeps some of the rest.
 */
export class Disk {
  #names = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #unsynced: Rename[] = [];
  #directories = new Set<string>(['/']);
  #durableDirectories = new Set<string>(['/']);

  /** Throws ENOENT where there is none. */
  open(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode;
  }

  /** What would be read after a power cut now, if it took all that it may. Null: no such file. */
  durable(path: string): string | null {
    return this.#durable.get(path)?.durable ?? null;
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  /** Paths of all files, sorted. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  create(path: string): Inode {
    if (this.#names.has(path)) throw failure('EEXIST', path);
    if (!this.#directories.has(dirname(path))) throw failure('ENOENT', path);
    const inode = new Inode();
    this.#change([[path, inode]]);
    return inode;
  }

  rename(from: string, to: string): void {
    this.#change([
      [to, this.open(from)],
      [from, null],
    ]);
  }

  link(from: string, to: string): void {
    if (this.#names.has(to)) throw failure('EEXIST', to);
    this.#change([[to, this.open(from)]]);
  }

  remove(path: string): void {
    if (this.#names.has(path)) this.#change([[path, null]]);
  }

  namesIn(path: string): string[] {
    const directory = path.replace(/(?<=.)\/$/, '');
    if (!this.#directories.has(directory)) throw failure('ENOENT', directory);
    const inside = [...this.#names.keys(), ...this.#directories].filter(
      (each) => dirname(each) === directory,
    );
    return inside.filter((each) => each !== '/').map((each) => each.slice(directory.length + 1));
  }

  /** As `mkdir -p` with a sync of each directory above: what `Files.makeDirectory` promises. */
  makeDirectory(path: string, isSynced: boolean): void {
    for (let at = path; !this.#directories.has(at); at = dirname(at)) {
      this.#directories.add(at);
      if (isSynced) this.#durableDirectories.add(at);
    }
  }

  syncDirectory(directory: string): void {
    if (!this.#directories.has(directory)) throw failure('ENOENT', directory);
    for (const path of this.#directories) if (dirname(path) === directory) this.#durableDirectories.add(path);
    const isHere = (change: Rename): boolean => change.directories.has(directory);
    for (const { set } of this.#unsynced.filter(isHere)) this.#keep(set);
    this.#unsynced = this.#unsynced.filter((change) => !isHere(change));
  }

  /** The power goes: each name that was not synced is kept or lost, each text that was not ends somewhere. */
  cutPower(random: Random): void {
    for (const { set } of this.#unsynced) if (random.chance(0.5)) this.#keep(set);
    this.#unsynced = [];
    this.#directories = new Set(this.#durableDirectories);
    for (const [path, inode] of this.#durable) {
      if (!this.#isReachable(path)) this.#durable.delete(path);
      else if (inode.text !== inode.durable) inode.durable = inode.text = torn(inode, random);
    }
    this.#names = new Map(this.#durable);
  }

  #isReachable(path: string): boolean {
    for (let at = dirname(path); at !== '/'; at = dirname(at)) if (!this.#directories.has(at)) return false;
    return true;
  }

  #change(set: Rename['set']): void {
    const directories = new Set(set.map(([path]) => dirname(path)));
    for (const [path, inode] of set) {
      if (inode === null) this.#names.delete(path);
      else this.#names.set(path, inode);
    }
    this.#unsynced.push({ set, directories });
  }

  #keep(set: Rename['set']): void {
    for (const [path, inode] of set) {
      if (inode === null) this.#durable.delete(path);
      else this.#durable.set(path, inode);
    }
  }
}

/** Appended text survives up to somewhere; of a text that was not only appended, whatever. */
function torn({ text, durable }: Inode, random: Random): string {
  const from = text.startsWith(durable) ? durable.length : 0;
  return text.slice(0, random.whole(from, text.length));
}

/** What the operating system says of a file. */
export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall: 'open' });
}
