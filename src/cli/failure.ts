import type { Fault, FaultRecord } from '../model/fault.ts';
import { asFault } from '../model/fault.ts';
import { renderFault } from '../report/fault-text.ts';
import type { ExitCode } from './exit-code.ts';
import { exitCodeOf } from './exit-code.ts';
import type { Terminal } from './terminal.ts';
import { openTerminal } from './terminal.ts';

/**
 * Prints what ended the command before it could say so itself, and returns its exit code.
 *
 * Called with the raw arguments, because what failed may be their parsing.
 */
export function reportThrown(thrown: unknown, args: readonly string[]): ExitCode {
  const terminal = openTerminal({
    directory: '.',
    noColor: args.includes('--no-color'),
    debug: args.includes('--debug'),
    format: asksForJson(args) ? 'json' : 'text',
  });
  const fault = asFault(thrown);
  const code = exitCodeOf(fault.code);
  if (terminal.json) terminal.printJson({ format: 1, exitCode: code, error: fault.toJSON() });
  reportFault(terminal, fault);
  return code;
}

/** The fault on stderr; with `--debug` the stack traces behind it. */
export function reportFault(terminal: Terminal, fault: Fault): void {
  terminal.say(renderFault(withNext(fault, terminal.debug), terminal.errorPage));
  if (!terminal.debug) return;
  for (let cause: unknown = fault; cause instanceof Error; cause = cause.cause) {
    // Own fields of an error may hold a request and its body: the trace alone is printed.
    terminal.say(terminal.errorPage.paint('dim', cause.stack ?? cause.message));
  }
}

function withNext(fault: Fault, debug: boolean): FaultRecord {
  const record = fault.toJSON();
  if (fault.code !== 'unexpected' || record.next !== undefined || debug) return record;
  return { ...record, next: 'run it again with --debug and report what it prints' };
}

function asksForJson(args: readonly string[]): boolean {
  return (
    args.includes('--format=json') || args.some((arg, i) => arg === '--format' && args[i + 1] === 'json')
  );
}
