import type { Kill, Subject } from './subject.ts';
import { hasHit } from './subject.ts';

/** Every kill of one program, those that came too late among them. */
export interface Series {
  readonly name: Subject['name'];
  readonly version: string;
  readonly kills: readonly Kill[];
}

/** The figures of one program, in the order of the table. */
export interface Tally {
  readonly applies: number;
  /** SIGKILLs that met an apply which was still running. */
  readonly kills: number;
  readonly before: number;
  readonly midway: number;
  readonly over: number;
  readonly failed: number;
  readonly unreadable: number;
  readonly empty: number;
  readonly lost: number;
  readonly inBackup: number | null;
  readonly dangling: number;
  readonly locks: number;
  readonly nothing: number;
  readonly tookBack: number;
  readonly again: number;
  readonly flag: number;
  readonly person: number;
  readonly silent: number;
  readonly converged: number;
  readonly doubles: number | null;
  readonly leftovers: number | null;
}

export function tallyOf({ name, kills }: Series): Tally {
  const count = (is: (kill: Kill) => boolean): number => kills.filter(is).length;
  const sum = (of: (kill: Kill) => number): number => kills.reduce((total, kill) => total + of(kill), 0);
  const isOurs = name === 'keyturn';
  return {
    applies: kills.length,
    kills: count(hasHit),
    before: count(({ phase }) => phase === 'before the first act'),
    midway: count(({ phase }) => phase === 'midway'),
    over: count(({ phase }) => phase === 'over'),
    failed: count(({ phase }) => phase === 'failed'),
    unreadable: count(({ wreck }) => wreck.isUnreadable),
    empty: count(({ wreck }) => wreck.isEmpty),
    lost: sum(({ wreck }) => wreck.lost),
    inBackup: isOurs ? null : sum(({ wreck }) => wreck.inBackup ?? 0),
    dangling: sum(({ wreck }) => wreck.problems.length),
    locks: count(({ wreck }) => wreck.hasLock),
    nothing: count(({ recovery }) => recovery.needed === 'nothing'),
    tookBack: count(({ recovery }) => recovery.needed === 'nothing' && recovery.exit === 10),
    again: count(({ recovery }) => recovery.needed === 'again'),
    flag: count(({ recovery }) => recovery.needed === 'flag'),
    person: count(({ recovery }) => recovery.needed === 'person'),
    silent: count(({ wreck, recovery }) => wreck.lost > 0 && recovery.exit === 0),
    converged: count(({ recovery }) => recovery.hasConverged),
    doubles: isOurs ? sum(({ recovery }) => recovery.doubles ?? 0) : null,
    leftovers: isOurs ? sum(({ recovery }) => recovery.problems.length) : null,
  };
}

/** Whether a kill cost nothing: no state, no object, and no more than the plain command once more. */
export function isWhole(tally: Tally): boolean {
  const { failed, unreadable, empty, lost, dangling, doubles, leftovers } = tally;
  const costs = [failed, unreadable, empty, lost, dangling, doubles, leftovers];
  const isSound = costs.every((cost) => cost === null || cost === 0);
  return isSound && tally.nothing === tally.applies && tally.converged === tally.applies;
}

const ROWS: readonly (readonly [keyof Tally, string])[] = [
  ['applies', 'applies that were to be killed'],
  ['before', '  killed before the first act'],
  ['midway', '  killed between the first act and the end'],
  ['over', '  too late: the apply had just ended'],
  ['failed', '  too late: the apply had failed by itself'],
  ['unreadable', 'state unreadable afterwards'],
  ['empty', 'state empty afterwards'],
  ['lost', 'objects that the state no longer knows'],
  ['inBackup', '  of these in the backup file, for a person'],
  ['dangling', 'services on a version that is gone'],
  ['locks', 'lock left behind'],
  ['nothing', 'plain rerun was all it needed'],
  ['tookBack', '  of these with exit 10: took back, then did it'],
  ['again', 'plain rerun needed twice'],
  ['flag', 'rerun needed a flag or an unlock'],
  ['person', 'rerun needed a person'],
  ['silent', '  of these with exit 0 over lost objects'],
  ['converged', 'a further plan was empty'],
  ['doubles', 'secrets minted twice for one cause'],
  ['leftovers', 'ghosts, orphans and leftovers outside'],
];

/** The figures side by side, at most 80 columns wide. `-`: the program has no such thing. */
export function renderTable(series: readonly Series[]): string {
  const tallies = series.map(tallyOf);
  const line = (label: string, cells: readonly string[]): string =>
    `${label.padEnd(48)}${cells.map((cell) => cell.padStart(16)).join('')}`;
  const cellsOf = (key: keyof Tally): string[] =>
    tallies.map((tally, index) => {
      if (key === 'dangling' || key === 'tookBack') {
        if (series[index]?.name !== 'keyturn') return '-';
      }
      return String(tally[key] ?? '-');
    });
  return [
    line(
      '',
      series.map(({ name }) => name),
    ),
    line(
      '',
      series.map(({ version }) => version),
    ),
    ...ROWS.map(([key, label]) => line(label, cellsOf(key))),
    line(
      'undisturbed apply, median',
      series.map(({ kills }) => seconds(median(kills.map((kill) => kill.wholeMs)))),
    ),
    line(
      'rerun until it converged, median',
      series.map(({ kills }) => seconds(median(kills.map((kill) => kill.recovery.elapsedMs)))),
    ),
  ].join('\n');
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
