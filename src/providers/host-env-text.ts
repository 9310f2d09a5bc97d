/** What an assignment makes of its variable. */
export type Meaning =
  | { readonly kind: 'constant'; readonly value: string }
  /** Variables are put in when the file is read: `postgres://app:${DB_PASSWORD}@db`. Compose only. */
  | { readonly kind: 'template'; readonly text: string }
  /** A name alone: what the environment of who reads the file says. Compose only. */
  | { readonly kind: 'inherited' };

export type Quoting = 'bare' | 'single' | 'double';

/** One assignment, and where it stands; places are indices into the text. */
export interface Assignment {
  readonly name: string;
  readonly meaning: Meaning;
  /** How its value begins. */
  readonly quoting: Quoting;
  /** Where its name begins, or an `export` before it. */
  readonly from: number;
  /** What a new value replaces, quotes and all; blanks and a comment behind it are no part of it. */
  readonly valueFrom: number;
  readonly valueTo: number;
}

/** Something in the text that its reader refuses, leaves out, or takes for what nobody can have meant. Quotes nothing. */
export interface Rubbish {
  readonly at: number;
  readonly what: string;
  readonly next: string;
}

/** A text as its reader takes it. */
export interface Reading {
  /** In order; of several with one name the last one counts. */
  readonly assignments: readonly Assignment[];
  readonly rubbish: readonly Rubbish[];
}

/** The rules of one format. */
export interface EnvRules {
  readonly reader: string;
  /** What ends a line. */
  readonly lineBreak: RegExp;
  read(text: string): Reading;
  /** Ways to write a value, the best first, for a place where `quoting` is used so far; null: a new line. */
  writings(value: string, quoting: Quoting | null): string[];
  /** Why its reader would not hand on a value as it is, behind "the new value of X"; null: it would. */
  obstacle(value: string): string | null;
}

/** Means the same to everybody: either reader, a shell that sources the file, whoever takes a line as it is. */
export const PLAIN = /^[\w@%+=:,./-]+$/;
