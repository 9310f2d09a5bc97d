import type { Declared } from '../../src/model/declared.ts';
import type { JournalLine } from '../../src/model/journal.ts';
import { splitCopyName } from '../../src/model/address.ts';
import type { AdminView } from './admin-view.ts';
import type { Executed } from '../../src/execute/execute.ts';
import type { FileNow, Machine, Stand } from './machine.ts';
import type { ByHand, Violation } from './violation.ts';

/** What keyturn writes into the files of a torture. */
export const VARIABLE = /^S\d+$/;

/** Follows the files of a host from before keyturn's first write to the end of the case. */
export class FileWatch {
  /** Files that somebody else wrote since keyturn did, or that are again as they left them. */
  readonly edited = new Set<string>();
  /** How somebody else left a file, by its path. */
  readonly #left = new Map<string, FileNow>();
  /** Files that somebody else ever wrote. */
  readonly touched = new Set<string>();
  readonly #machine: Machine;
  readonly #admin: AdminView;
  /** How a file was when an apply meant to flip it, by apply and step. */
  readonly #before = new Map<string, { readonly path: string; readonly text: string | null }>();
  /** How files were that a script has changed, and their markers: the newest last. */
  readonly #older = new Map<string, FileNow>();

  readonly #byHand: ByHand;

  constructor(machine: Machine, admin: AdminView, byHand: ByHand) {
    this.#machine = machine;
    this.#admin = admin;
    this.#byHand = byHand;
  }

  now(): FileNow[] {
    return this.#machine.files.map(({ path }) => this.#machine.now(path));
  }

  /** As it was before it was last changed. */
  older(path: string): FileNow | undefined {
    return this.#older.get(path);
  }

  /** Somebody else is done with a file. */
  edit(before: FileNow): void {
    const after = this.#machine.now(before.path);
    this.edited.add(before.path);
    this.#left.set(before.path, after);
    this.touched.add(before.path);
    // Without its marker, or with an older one, or without the file, nobody but who did that knows what is read there.
    const isUntold = after.text === null || before.marker?.text !== after.marker?.text;
    for (const [variable, value] of [...(isUntold ? before.variables : []), ...after.variables])
      if (isUntold || before.variables.get(variable) !== value)
        this.#byHand.put.add(`${before.path} ${variable} ${value}`);
  }

  /** A flip is about to begin: what it leaves, if it fails, is this. */
  wrote(line: JournalLine): void {
    if (line.type !== 'intent' || line.step.kind !== 'flip' || line.step.write === undefined) return;
    const [begin] = this.#admin.journal('written');
    if (begin?.type !== 'begin') return;
    const key = `${begin.apply} ${line.step.id}`;
    const { service } = line.step;
    if (!this.#before.has(key))
      this.#before.set(key, { path: service, text: this.#machine.now(service).text });
  }

  /** A script ran, to its end or not. `changed`: files that are not as they were. */
  ran(before: readonly FileNow[]): { readonly changed: readonly FileNow[]; readonly found: Violation[] } {
    const now = new Map(this.now().map((file) => [file.path, file]));
    const changed = before.filter(({ path, identity }) => now.get(path)?.identity !== identity);
    for (const file of changed) {
      this.#older.set(file.path, file);
      // A flip that nobody has read yet puts the file back as it found it, which may have been somebody else's.
      if (isAs(this.#left.get(file.path), now.get(file.path))) this.edited.add(file.path);
      else this.edited.delete(file.path);
    }
    const found = [...now.values()].flatMap((file) => [
      ...(this.edited.has(file.path) ? [] : checkMarker(file, this.#admin, this.#byHand.put)),
      ...checkLeftovers(file),
    ]);
    for (const file of changed) found.push(...checkLines(file, now.get(file.path)));
    return { changed, found };
  }

  /** What an apply failed to move is, byte for byte, as it was before (I7). */
  ended({ entry, outcome }: Executed, isExcused: (path: string) => boolean): Violation[] {
    if (outcome === 'stopped') return [];
    return entry.steps.flatMap(({ id, status }): Violation[] => {
      const before = this.#before.get(`${entry.apply} ${id}`);
      if (before === undefined || status !== 'undone' || isExcused(before.path)) return [];
      const { text } = this.#machine.now(before.path);
      if (text === before.text) return [];
      return [{ invariant: 'I7', text: `flip ${id} is undone, and ${before.path} is not as it was before` }];
    });
  }

  /** Everything has come to rest: each file holds what its marker says, whoever reads it has read that, and nothing else is left. */
  finish(declared: Declared): Violation[] {
    return declared.consumers.flatMap(({ kind, service: path, mounts }): Violation[] => {
      if (kind !== 'env-file') return [];
      const file = this.#machine.now(path);
      // A secret whose first rotation failed is held, and nobody waits for it.
      const secrets = this.#admin.recorded()?.secrets ?? {};
      const living = mounts.filter(({ secret }) => (secrets[secret]?.current ?? null) !== null);
      const targets = living.map(({ target }) => target);
      // Where nothing of it is alive, nobody writes it anew after somebody else.
      const isLeft = targets.length === 0 && this.edited.has(path);
      return [
        ...(isLeft ? [] : checkMarker(file, this.#admin, this.#byHand.put)),
        ...checkHeld(file, targets, this.#admin),
        ...this.#checkReaders(file, targets),
        ...[...file.leftovers].map(({ name }) => ({
          invariant: 'I6',
          text: `${name} is left beside ${path}`,
        })),
      ];
    });
  }

  #checkReaders({ path, variables }: FileNow, targets: readonly string[]): Violation[] {
    return this.#machine.readers(path).flatMap(({ name, isUp, variables: read }): Violation[] => {
      if (!isUp) return [{ invariant: 'I3', text: `${name}, which reads ${path}, does not run` }];
      const stale = targets.filter((target) => read.get(target) !== variables.get(target));
      if (stale.length === 0) return [];
      return [{ invariant: 'I6', text: `${name} runs without having read ${stale.join(', ')} of ${path}` }];
    });
  }
}

function isAs(a: FileNow | undefined, b: FileNow | undefined): boolean {
  return a !== undefined && a.text === b?.text && a.marker?.text === b.marker?.text;
}

/** Which of its two states a file is in, by its marker; null: it is in neither. */
function standOf({ identity, marker }: FileNow): Stand | null {
  if (marker === null) return null;
  return [marker.now, marker.next].find((stand) => stand?.identity === identity) ?? null;
}

/** At any moment the marker tells what the file holds (I6), and that is true (I3). */
function checkMarker(file: FileNow, admin: AdminView, put: ReadonlySet<string>): Violation[] {
  const { path, variables, marker } = file;
  if (file.text === null) return [];
  const ours = [...variables].filter(
    ([name, value]) => VARIABLE.test(name) && admin.namesOf(value).length > 0,
  );
  const stand = standOf(file);
  if (stand === null) {
    const known = ours.filter(([name, value]) => !put.has(`${path} ${name} ${value}`));
    if (marker === null && known.length === 0) return [];
    return [
      {
        invariant: 'I6',
        text: `the marker of ${path} speaks of ${marker === null ? 'nothing' : 'other files'}`,
      },
    ];
  }
  return [...stand.versions].flatMap(([target, version]): Violation[] => {
    const value = variables.get(target) ?? '';
    if (admin.namesOf(value).includes(version) || put.has(`${path} ${target} ${value}`)) return [];
    const found = admin.namesOf(value).join(', ') || 'something else';
    const text = `the marker of ${path} says ${version} at ${target}, and it holds ${found}`;
    return [{ invariant: 'I3', text }];
  });
}

/** A file of ours that may hold values is for nobody else (I1). */
function checkLeftovers({ leftovers, path }: FileNow): Violation[] {
  return leftovers
    .filter(({ name, mode }) => !name.endsWith('-marker') && (mode & 0o007) !== 0)
    .map(({ name }) => ({ invariant: 'I1', text: `everybody may read ${name} beside ${path}` }));
}

/** Every line that assigns none of our variables is where it was, byte for byte (I7). */
function checkLines(before: FileNow, after: FileNow | undefined): Violation[] {
  if (before.text === null || after === undefined) return [];
  const others = (text: string | null): string =>
    (text ?? '')
      .split('\n')
      .filter((line) => !/^S\d+=/.test(line))
      .join('\n');
  if (others(before.text) === others(after.text)) return [];
  return [{ invariant: 'I7', text: `other lines of ${before.path} are not as they were` }];
}

/** What is declared to stand in it does, and is a version that may be used (I3). */
function checkHeld(file: FileNow, targets: readonly string[], admin: AdminView): Violation[] {
  const enabled = admin.enabledValues();
  const named = standOf(file)?.versions;
  return targets.flatMap((target): Violation[] => {
    const value = file.variables.get(target);
    const name = named?.get(target);
    const say = (text: string): Violation[] => [{ invariant: 'I3', text: `${file.path}: ${target} ${text}` }];
    if (value === undefined || name === undefined) return say('is declared, and not there');
    if (!enabled.has(value)) return say(`holds ${name}, which is not enabled`);
    return splitCopyName(name) === null ? say(`holds ${name}, which names no version`) : [];
  });
}
