import type { Instant } from '../model/address.ts';
import { guarded, guardedJson } from '../model/guard.ts';
import type { Page } from '../report/paint.ts';
import { makePaint } from '../report/paint.ts';

/** What every command is given by `withGeneral` and `withFormat`. */
export interface GeneralArgs {
  readonly directory: string;
  readonly noColor: boolean;
  readonly debug: boolean;
  readonly format?: string;
}

/** Where a command prints: through the guard. Results go to stdout; errors and remarks go to stderr. */
export interface Terminal {
  readonly json: boolean;
  /** A person can be asked: both ends are terminals. */
  readonly interactive: boolean;
  readonly debug: boolean;
  /** How stdout is laid out; a pipe gets 100 columns. */
  readonly page: Page & { readonly now: Instant };
  readonly errorPage: Page;
  /** One text and a newline to stdout. */
  print(text: string): void;
  /** One JSON document to stdout, on one line in a stream, indented otherwise. */
  printJson(document: unknown, lines?: 'stream'): void;
  /**
   * A whole record and a newline to stdout, to the letter: it went through the guard when it was written, and digests
   * in it are of that.
   */
  printRecord(text: string): void;
  /** One text and a newline to stderr. */
  say(text: string): void;
}

export function openTerminal(argv: GeneralArgs): Terminal {
  const width = (stream: NodeJS.WriteStream): number => Math.max(40, stream.columns || 100);
  const errorPage = { paint: makePaint(takesColour(process.stderr, argv)), width: width(process.stderr) };
  return {
    json: argv.format === 'json',
    interactive: process.stdin.isTTY && process.stdout.isTTY,
    debug: argv.debug,
    page: { paint: makePaint(takesColour(process.stdout, argv)), width: width(process.stdout), now: now() },
    errorPage,
    print: (text) => void process.stdout.write(`${guarded(text)}\n`),
    printJson: (document, lines) =>
      void process.stdout.write(`${guardedJson(document, lines === 'stream' ? 0 : 2)}\n`),
    printRecord: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${guarded(text)}\n`),
  };
}

/** A remark that is not a result: dim, on stderr. */
export function remark(terminal: Terminal, text: string): void {
  terminal.say(terminal.errorPage.paint('dim', text));
}

/** One stack's text under its name, where there are several: `No changes.` alone would not say of what. */
export function titled(stack: string, isOneOfMany: boolean, text: string, terminal: Terminal): string {
  return isOneOfMany ? `${terminal.page.paint('bold', `Stack ${stack}`)}\n\n${text}\n` : text;
}

/** The clock of the command line, to the second: instants are compared as texts. */
export function now(): Instant {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

/** https://no-color.org: any value but the empty one; FORCE_COLOR wins over a pipe, `--no-color` over all. */
function takesColour(stream: NodeJS.WriteStream, argv: GeneralArgs): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (argv.noColor || (NO_COLOR ?? '') !== '') return false;
  if ((FORCE_COLOR ?? '') !== '') return FORCE_COLOR !== '0';
  return stream.isTTY && TERM !== 'dumb';
}
