/**
 * Where a record lies: a few named texts, written whole or not at all. The local directory is one; whatever else
 * can compare and swap, and append durably, can be another.
 */
export interface ObjectStore {
  /** For messages: `state/busflow-prod`. */
  readonly place: string;

  /** The text and a tag of this very content; null where it does not exist. */
  get(name: string): Promise<Stored | null>;

  /**
   * Writes the whole text, durable when it resolves, and returns its tag; on failure the old content is unchanged.
   * Refused (`Changed`) unless what is there is what was expected.
   */
  put(name: string, text: string, expect: Expected): Promise<string>;

  /** Appends one line, durable when it resolves. After a crash a torn last line may be there: readers cut it off. */
  append(name: string, line: string): Promise<void>;

  /** Names that begin with `prefix`, sorted. */
  list(prefix: string): Promise<string[]>;

  /** Holds afterwards: it does not exist. */
  remove(name: string): Promise<void>;
}

/** What must be there before a write: this very content, nothing, or whatever is. */
export type Expected = { readonly tag: string } | 'absent' | 'any';

export interface Stored {
  readonly text: string;
  readonly tag: string;
}

/** Someone else wrote it meanwhile. */
export class Changed extends Error {
  constructor(name: string) {
    super(`${name} was changed by someone else meanwhile`);
    this.name = 'Changed';
  }
}
