import type { Declared, VaultAuth } from '../model/declared.ts';
import type { Interval } from './schedule-interval.ts';

/** What every schedule is made from. */
export interface ScheduleOrder {
  /** Begins the names of what is made; two projects on one machine need two. */
  readonly name: string;
  readonly interval: Interval;
  /** Empty: every stack of the project. */
  readonly stacks: readonly string[];
  /** What follows `--sandbox=`; null: the real vaults and platforms. */
  readonly sandbox: string | null;
  /** Where the files will lie, as a person would write it; null: they are printed. */
  readonly out: string | null;
  /** The program inside of the project, with slashes. */
  readonly program: string;
  readonly project: ProjectFacts;
}

/** A schedule on this machine. */
export interface LocalOrder extends ScheduleOrder {
  /** Absolute. */
  readonly directory: string;
  /** The program, absolute. */
  readonly programPath: string;
  /** The Node that runs it, absolute. */
  readonly node: string;
  /** Of the hours, where the interval has any. */
  readonly timeZone: string;
}

/** What is known of the project without running its code. */
export interface ProjectFacts {
  /** What the last synth of the chosen stacks left; null: there was none. */
  readonly declared: readonly Declared[] | null;
  readonly hasLock: boolean;
  /** Packages that a synth needs and that `npm ci --omit=dev` leaves out. */
  readonly devOnly: readonly string[];
}

export interface ScheduleFile {
  readonly path: string;
  /** Ends with a newline. */
  readonly text: string;
}

/** Ready to use. Neither a text nor a warning holds a value. */
export interface Schedule {
  readonly files: readonly ScheduleFile[];
  /** What would not work, as far as it is known. */
  readonly warnings: readonly string[];
  /** What a person does with the files, in order. */
  readonly next: readonly NextStep[];
}

export interface NextStep {
  readonly what: string;
  /** A command line, or several with `;` or `&&`; null: nothing to run. */
  readonly run: string | null;
}

/** The first step, as long as there are no files. */
export function writeFirst({ out }: ScheduleOrder): NextStep[] {
  return out === null ? [{ what: 'write it: the same command with --out FOLDER', run: null }] : [];
}

/** Where a file of the schedule lies, for a command. */
export function placeIn({ out }: ScheduleOrder, path: string): string {
  return out === null || out === '.' ? path : shellWord(`${out.replace(/\/$/, '')}/${path}`);
}

/** For sh. What needs no quotes gets none. */
export function shellWord(text: string): string {
  return /^[\w@+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `apply` and its arguments. Stack names need no quoting in any shell or file: see `isPlainName`. */
export function applyWords({ stacks, sandbox }: ScheduleOrder): string[] {
  const embedded = sandbox === null ? [] : [`--sandbox=${sandbox}`];
  return ['apply', ...stacks, '--due', '--auto-approve', ...embedded];
}

/** Whether a name may stand in a shell line, a unit and YAML as it is, and is no option. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name);
}

/** Stacks whose record is in a local directory. */
export function withLocalRecord({ sandbox, project }: ScheduleOrder): string[] {
  if (sandbox !== null) return [];
  return (project.declared ?? []).filter(({ record }) => !record).map(({ stack }) => stack);
}

/**
 * The engines' endpoints, each once; null stands for DOCKER_HOST, else the local socket, and is also the
 * answer where nothing is known. Of the embedded ones there is none.
 */
export function endpointsOf({ sandbox, project }: ScheduleOrder): (string | null)[] {
  // As the command line does it: `--sandbox=vault` is the local engine, whatever is declared.
  if (sandbox !== null) return sandbox.includes('swarm') ? [] : [null];
  if (project.declared === null) return [null];
  const all = project.declared.flatMap(({ platforms }) => platforms.map(({ endpoint }) => endpoint));
  return [...new Set(all)];
}

/** How the vaults and the records sign in, each way once, sorted; empty where nothing is known. */
export function signInsOf({ sandbox, project }: ScheduleOrder): VaultAuth[] {
  if (sandbox !== null) return [];
  const all = (project.declared ?? []).flatMap(({ vaults, record }) => [
    ...vaults.map(({ auth }) => auth),
    ...(record ? [record.auth] : []),
  ]);
  return [...new Set(all)].sort();
}

export function isLocalEngine(endpoint: string | null): boolean {
  return endpoint === null || endpoint.startsWith('unix://');
}
