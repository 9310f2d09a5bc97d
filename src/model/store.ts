/**
 * Where a record lies: a few named texts, written whole or not at all, and one claim on all of them. The local
 * directory is one; whatever else can compare and swap, and append durably, can be another.
 *
 * A tag names one very content of one object. Every write but the first says which content it replaces or
 * continues, and is refused (`Changed`) where someone else wrote meanwhile: that is what fences off a holder who
 * lost the lease and does not know it yet. Every method throws a Fault or `Changed` and nothing else, but for
 * what the operating system says of a file.
 */
export interface ObjectStore {
  /** For messages: `state/busflow-prod`. */
  readonly place: string;

  /** The claim on this record. */
  readonly lock: Lock;

  /** The text and a tag of this very content; null where it does not exist. */
  get(name: string): Promise<Stored | null>;

  /**
   * Writes the whole text, durable when it resolves, and returns its tag; on failure the old content is unchanged.
   * Refused (`Changed`) unless what is there is what was expected.
   */
  put(name: string, text: string, expect: Expected): Promise<string>;

  /** Makes an empty log, durable when it resolves, and returns its tag. `Changed` where the name exists. */
  startLog(name: string): Promise<string>;

  /**
   * Appends one line to a log that is as `tag` says, durable when it resolves, and returns the new tag; `Changed`
   * where the log is another. After a crash or a failure a torn last line may be there: readers pass over it.
   */
  append(name: string, line: string, tag: string): Promise<string>;

  /** Names that begin with `prefix`, sorted. */
  list(prefix: string): Promise<string[]>;

  /** Holds afterwards: it does not exist. With a tag: `Changed` where it exists with other content. */
  remove(name: string, tag?: string): Promise<void>;
}

/** What must be there before a write: this very content, or nothing. */
export type Expected = { readonly tag: string } | 'absent';

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

/**
 * The one claim on a record: a small text that says who holds it. Of several who take it in the place of the same
 * claim exactly one succeeds.
 */
export interface Lock {
  /** For messages: `state/busflow-prod/lease-000001.json`. */
  readonly place: string;

  /** The claim that stands; null where there is none. */
  read(): Promise<Claim | null>;

  /**
   * Claims, in the place of the claim `over` (its tag) or of none. `Changed` where another stands, or where the
   * store itself still keeps that claim's holder in; `force` takes it from a holder that is known to be dead or
   * was told to go. Returns the tag of the new claim.
   */
  take(text: string, over: string | null, force: boolean): Promise<string>;

  /** Writes the own claim anew. `Changed` where someone else took it. Returns its new tag. */
  renew(text: string, tag: string): Promise<string>;

  /** Gives the own claim up. Holds afterwards: it is not ours; another's stays. */
  drop(tag: string): Promise<void>;
}

export interface Claim {
  readonly text: string;
  readonly tag: string;
  /** How long it has stood like that by the store's own clock, ms; null where the store has none. */
  readonly ageMs: number | null;
}
