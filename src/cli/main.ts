import yargs from 'yargs';
import { Fault } from '../model/fault.ts';
import type { ExitCode } from './exit-code.ts';
import { EXIT } from './exit-code.ts';
import { spellOut, wordsIn } from './options.ts';
import { EXIT_CODES, withCommands } from './usage.ts';
import { version } from './version.ts';

/**
 * Runs one command line and returns its exit code. Never throws and never exits: `bin/keyturn.js` sets the
 * code, so that what was printed is flushed first.
 *
 * A command line that is wrong in any way runs nothing.
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  // `keyturn plan | head` closes our output; that is no reason to stop an apply half-way.
  process.stdout.on('error', () => {});
  let code: ExitCode = EXIT.done;
  try {
    await commandLine(spellOut(args), (ended) => {
      code = ended;
    }).parseAsync();
    return code;
  } catch (thrown) {
    const { reportThrown } = await import('./failure.ts');
    return reportThrown(thrown, args);
  }
}

function commandLine(args: readonly string[], ended: (code: ExitCode) => void) {
  const cli = yargs([...args])
    .scriptName('keyturn')
    .usage(
      '$0 <command>\n\nTerraform for secret rotation: plan, apply, verify, and get the prior version back.',
    )
    .version(version())
    .parserConfiguration({ 'boolean-negation': false })
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    // A handler that returns would let the command run anyway (yargs 943): it has to throw.
    .fail((message: string | null, error: unknown) => {
      // Without a message it is what a command threw; yargs' own findings have one.
      throw message === null || error instanceof Fault ? error : usageFault(message, args);
    });
  dropCachedHelp(cli);
  return withCommands(cli, ended)
    .completion('completion', 'Print a completion script for bash or zsh', complete)
    .demandCommand(1, 'name a command')
    .check(onlyOnce)
    .strict()
    .recommendCommands()
    .example('$0 plan --sandbox', 'try it: needs neither Azure nor Docker')
    .epilogue(EXIT_CODES);
}

/**
 * With each command that runs, yargs lays out all of its help, for whoever asks for that behind the command's end. Nobody does,
 * and the command would wait 20 ms for it. The method is no public part of yargs: where a later version has another, only the
 * time is lost.
 */
function dropCachedHelp(cli: unknown): void {
  const usage = (cli as Inside).getInternalMethods?.().getUsageInstance?.();
  if (usage !== undefined) usage.cacheHelpMessage = () => undefined;
}

interface Inside {
  getInternalMethods?(): { getUsageInstance?(): { cacheHelpMessage: () => void } };
}

const MAY_REPEAT = new Set([
  '_',
  'target',
  'rotate',
  'value',
  'stack',
  'planOrStack',
  'plan-or-stack',
  'address',
  'compose',
]);

/** yargs makes a list of an option that is given twice; which one was meant is not ours to guess. */
function onlyOnce(argv: Record<string, unknown>): true {
  for (const [name, value] of Object.entries(argv)) {
    if (Array.isArray(value) && !MAY_REPEAT.has(name)) throw new Error(`--${name} is given twice`);
  }
  return true;
}

/** What yargs found wrong with a command line, as a fault. Names the command whose help tells more. */
function usageFault(message: string, args: readonly string[]): Fault {
  const [command = '', part = ''] = wordsIn(args);
  const guess = /^Did you mean (.+)\?$/.exec(message)?.[1];
  const isPart = HAVE_PARTS.has(command);
  const wrong = isPart ? `${command} ${part}` : command;
  return new Fault({
    code: 'bad-usage',
    what: guess === undefined ? lowerFirst(message.replaceAll('\n', ' ')) : `there is no command "${wrong}"`,
    where: 'command line',
    live: 'nothing ran',
    next:
      guess === undefined
        ? `run keyturn ${`${command} `.trimStart()}--help`
        : `did you mean keyturn ${isPart ? `${command} ` : ''}${guess}?`,
  });
}

/** Commands whose next word is a command of theirs. */
const HAVE_PARTS: ReadonlySet<string> = new Set(['history', 'state', 'schedule', 'sandbox']);

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function complete(
  current: string,
  argv: unknown,
  defaults: (done: (error: Error | null, words: string[] | undefined) => void) => void,
  done: (words: string[]) => void,
): void {
  defaults((_, words) => {
    import('./completion.ts')
      .then(({ completionsFor }) => done(completionsFor(current, argv, words ?? [])))
      .catch(() => done(words ?? []));
  });
}
