/** A program that is killed while it applies: what the bench needs to know of it. */
export interface Subject {
  readonly name: 'keyturn' | 'terraform';
  readonly version: string;
  /** A new project in a folder of its own, everything applied once. */
  open(folder: string): Promise<Project>;
}

export interface Project {
  /** Declares a change of every object, for the next apply. */
  change(): Promise<void>;
  /** Applies what is declared, undisturbed. Throws unless that converges. Returns how long it took, in ms. */
  applyWhole(): Promise<number>;
  /** Applies what is declared and kills it after so long. */
  applyKilled(afterMs: number): Promise<Cut>;
  /** Looks at what a killed apply left behind, changing nothing. */
  examine(): Promise<Wreck>;
  /** Applies again without a flag, then with more and more help. */
  recover(wreck: Wreck): Promise<Recovery>;
  close(): Promise<void>;
}

/** Where the kill fell. */
export interface Cut {
  /** `over`: the apply had ended by itself; `failed`: with another exit code than 0. */
  readonly phase: 'before the first act' | 'midway' | 'over' | 'failed';
  /** What was told as done when it was killed, of how much. */
  readonly done: number;
}

/** What a killed apply left behind. */
export interface Wreck {
  readonly isUnreadable: boolean;
  readonly isEmpty: boolean;
  /** Objects that were there, or were told as made, and that the state no longer knows. */
  readonly lost: number;
  /** Of the lost ones, those that a backup file still knows, for a person to find. Null: the program makes none. */
  readonly inBackup: number | null;
  readonly hasLock: boolean;
  /** Sentences; what is wrong outside although the apply was only killed. */
  readonly problems: readonly string[];
}

/** What it took to converge again. */
export interface Recovery {
  /** `again`: the same plain command once more. `person`: no command did, or objects stay lost. */
  readonly needed: 'nothing' | 'again' | 'flag' | 'person';
  /** Of the first plain rerun; null where it took too long. */
  readonly exit: number | null;
  /** Whether a further plan is empty. */
  readonly hasConverged: boolean;
  /** Secrets of which one cause made two versions. Null: the program makes none. */
  readonly doubles: number | null;
  /** Sentences; what is wrong outside afterwards. */
  readonly problems: readonly string[];
  readonly elapsedMs: number;
  /** The last words of a rerun that failed, or of a further plan that was not empty. */
  readonly said: string;
}

/** One apply that was to be killed. */
export interface Kill extends Cut {
  readonly afterMs: number;
  /** The latest undisturbed apply, from which the moment was drawn. */
  readonly wholeMs: number;
  readonly wreck: Wreck;
  readonly recovery: Recovery;
}

/** Whether the SIGKILL met an apply that was still running. */
export function hasHit({ phase }: Cut): boolean {
  return phase === 'midway' || phase === 'before the first act';
}

export function phaseOf(code: number | null, hasBegun: boolean): Cut['phase'] {
  if (code !== null) return code === 0 ? 'over' : 'failed';
  return hasBegun ? 'midway' : 'before the first act';
}
