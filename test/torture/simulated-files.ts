import { setTimeout as wait } from 'node:timers/promises';
import type { Files, OpenFile } from '../../src/record/files.ts';
import type { Disk, Inode } from './disk.ts';
import { failure } from './disk.ts';
import type { Incarnation } from './incarnation.ts';
import { Death } from './incarnation.ts';
import type { Trouble } from './weather.ts';

/** What the world does at a file operation of an incarnation. */
export interface DiskWeather {
  /** Counts one operation; what goes wrong at it, or null. */
  strike(incarnation: Incarnation, text: string): Trouble | null;
  /** The machine loses its power now; this one dies of it. */
  cutPower(incarnation: Incarnation, why: string): Death;
  /** Told of each text that is written, and where it stands afterwards. */
  wrote(incarnation: Incarnation, path: string, text: string): void;
  /** Told of each name that is about to name something else. */
  named(incarnation: Incarnation, path: string): void;
}

const NEVER = new Promise<never>(() => {});
const SLOWEST_MS = 90_000;
/** Only these need room on the disk. */
const GROWS = /^(create|write|link|mkdir) /;
const CHANGES = /^(create|write|link|mkdir|rename|append to|remove) /;

/** The disk as one incarnation sees it, with what goes wrong on the way. */
export function simulatedFiles(incarnation: Incarnation, disk: Disk, weather: DiskWeather): Files {
  function before(text: string, path: string, half: (amount: number) => void): Trouble | null {
    if (incarnation.state === 'dead') throw new Death('it is dead');
    const trouble = weather.strike(incarnation, text);
    if (trouble === null) return null;
    const { kind, amount } = trouble;
    const why = `${kind}: ${text}`;
    const isFull = kind === 'disk full' && GROWS.test(text);
    if (kind === 'killed before') throw incarnation.die(why);
    if (kind === 'power cut before') throw weather.cutPower(incarnation, why);
    if (kind === 'torn by a power cut' || isFull) half(amount);
    if (kind === 'torn by a power cut') throw weather.cutPower(incarnation, why);
    if (isFull) throw failure('ENOSPC', path);
    if (kind === 'read-only' && CHANGES.test(text)) throw failure('EROFS', path);
    if (kind === 'input/output error') throw failure('EIO', path);
    return trouble;
  }

  function after(trouble: Trouble | null, text: string): void {
    const why = `${trouble?.kind ?? ''}: ${text}`;
    if (trouble?.kind === 'killed after') throw incarnation.die(why);
    if (trouble?.kind === 'power cut after') throw weather.cutPower(incarnation, why);
  }

  /** `half`: what a full disk or a power cut in its middle leaves of it. */
  function act<T>(what: string, path: string, whole: () => T, half: (amount: number) => void = () => {}): T {
    const text = `${what} ${path}`;
    const trouble = before(text, path, half);
    const result = whole();
    after(trouble, text);
    return result;
  }

  async function later<T>(what: string, path: string, whole: () => T): Promise<T> {
    const text = `${what} ${path}`;
    try {
      const trouble = before(text, path, () => {});
      if (trouble?.kind === 'slow disk') await wait(trouble.amount * SLOWEST_MS);
      else await Promise.resolve();
      const result = whole();
      after(trouble, text);
      return result;
    } catch (thrown) {
      // A dead process waits for ever.
      if (thrown instanceof Death) return NEVER;
      throw thrown;
    }
  }

  const opened = (inode: Inode, path: string): OpenFile => ({
    size: () => inode.size,
    write: (text) =>
      act(
        'write',
        path,
        () => {
          weather.wrote(incarnation, path, text);
          inode.append(text);
        },
        (amount) => inode.append(text.slice(0, Math.floor(amount * text.length))),
      ),
    sync: () => later('sync', path, () => inode.sync()),
    close: () => {},
  });

  const naming = <T>(what: string, path: string, whole: () => T): T =>
    act(what, path, () => {
      const result = whole();
      weather.named(incarnation, path);
      return result;
    });

  return {
    readText: (path) => act('read', path, () => disk.open(path).text),
    create: (path) =>
      opened(
        naming('create', path, () => disk.create(path)),
        path,
      ),
    openToAppend: (path) =>
      opened(
        act('append to', path, () => disk.open(path)),
        path,
      ),
    rename: (from, to) => naming('rename', to, () => disk.rename(from, to)),
    link: (from, to) => naming('link', to, () => disk.link(from, to)),
    remove: (path) => later('remove', path, () => disk.remove(path)),
    names: (directory) => later('list', directory, () => disk.namesIn(directory)),
    makeDirectory: (path) => later('mkdir', path, () => disk.makeDirectory(path, true)),
    syncDirectory: (path) => later('sync directory', path, () => disk.syncDirectory(path)),
  };
}

/** The same disk without any weather. */
export function quietFiles(disk: Disk): Files {
  const opened = (inode: Inode): OpenFile => ({
    size: () => inode.size,
    write: (text) => inode.append(text),
    sync: () => Promise.resolve(inode.sync()),
    close: () => {},
  });
  return {
    readText: (path) => disk.open(path).text,
    create: (path) => opened(disk.create(path)),
    openToAppend: (path) => opened(disk.open(path)),
    rename: (from, to) => disk.rename(from, to),
    link: (from, to) => disk.link(from, to),
    remove: (path) => Promise.resolve(disk.remove(path)),
    names: async (directory) => Promise.resolve(disk.namesIn(directory)),
    makeDirectory: (path) => Promise.resolve(disk.makeDirectory(path, true)),
    syncDirectory: (path) => Promise.resolve(disk.syncDirectory(path)),
  };
}
